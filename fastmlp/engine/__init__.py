"""What surrounds the compiled passes: plans of networks, examples checked once, numbers of threads.

:meth:`fastmlp.MLP.engine` makes the compiled passes of a model.
"""
