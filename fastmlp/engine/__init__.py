"""The compiled layer's neighbours in Python: examples checked once, plans of networks, numbers of threads."""
