"""The parameters and attributes that both estimators have, described once."""

from typing import TypeVar

T = TypeVar("T", bound=type)

PARAMETERS = """\
    solver : {"adam", "sgd", "lbfgs", "adamw", "rmsprop"} or Optimizer, default="adam"
        The optimizer. A name takes ``momentum``, ``beta_1`` and so on from the arguments below; an object of
        :mod:`fastmlp.optimizers` has its own.
    alpha : float, default=0.0001
        Factor of the L2 penalty ``alpha / 2 W^2`` of the weights, divided by the weight of the batch.
    batch_size : int, default="auto"
        Examples per update; "auto" takes min(200, n_samples). L-BFGS takes all examples.
    learning_rate : {"constant", "invscaling", "adaptive"} or Schedule, default="constant"
        scikit-learn's schedules, which are used with "sgd" alone; an object of :mod:`fastmlp.schedules` is used with
        all solvers but "lbfgs", and replaces ``learning_rate_init``.
    learning_rate_init : float, default=0.001
        First learning rate.
    power_t : float, default=0.5
        Exponent of "invscaling".
    max_iter : int, default=200
        Most epochs; with L-BFGS, most steps.
    shuffle : bool, default=True
        Whether each epoch has an order of its own.
    random_state : None, int or RandomState, default=None
        Source of the initial parameters, the examples set aside, the orders and dropout, drawn from in scikit-learn's
        order.
    tol : float, default=1e-4
        Least improvement of the loss or score that counts for ``n_iter_no_change``; with L-BFGS, the largest entry of
        the gradient at which it ends.
    verbose : bool or "bar", default=False
        Whether to print each epoch's loss; "bar" shows a progress bar with loss and score.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the parameters of the fit before.
    momentum : float, default=0.9
        Momentum of "sgd", from 0 to 1.
    nesterovs_momentum : bool, default=True
        Whether "sgd" uses Nesterov's momentum.
    early_stopping : bool, default=False
        Whether the score on examples set aside decides when to stop, and the parameters of the best score are kept.
    validation_fraction : float, default=0.1
        Share of the examples to set aside where ``fit`` is given no ``validation_data``.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay rates of "adam" and "adamw".
    epsilon : float, default=1e-8
        Added to the root of the second moment of "adam", "adamw" and "rmsprop".
    n_iter_no_change : int, default=10
        Epochs without improvement that are tolerated; ``numpy.inf`` never stops.
    max_fun : int, default=15000
        Most evaluations of the loss with L-BFGS.
    initialization : str, callable or sequence, default="glorot_uniform"
        Rule for the initial weights, see :func:`fastmlp.initializers.draw`. The default is scikit-learn's: weights and
        biases uniform in ``[-r, r]``, ``r = sqrt(6 / (fan_in + fan_out))``, with 2 in place of 6 for logistic units.
        "xavier_uniform" has the same weights and biases of 0. Rules that need data look at the X of the fit.
"""

MORE_PARAMETERS = """\
    l1 : float, default=0.0
        Factor of the L1 penalty ``l1 |W|`` of the weights, divided as ``alpha`` is.
    dropout : float or sequence of float, default=0.0
        Probability that an output of a hidden layer is 0 in an update, one for all layers or one for each.
    clip_value, clip_norm : float, default=None
        Largest magnitude of an entry, and largest norm, of the gradient with its penalties.
    scoring : str or callable, default=None
        Score of the examples held out: a name of ``sklearn.metrics.get_scorer_names``, "loss" for the negative
        loss, or a function ``scorer(estimator, X, y)``, which gets ``sample_weight`` too if it takes one. None is
        scikit-learn's choice, the accuracy or R^2.
    resume_optimizer : bool, default=False
        Whether a warm-started fit also goes on with the optimizer's moments and the learning rate; scikit-learn starts
        these anew.
    n_threads : int, default=None
        See :mod:`fastmlp.engine.threads`; no result depends on it.
"""

ATTRIBUTES = """\
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Weights of each layer: views of the network's parameters, in Fortran order. Assigning to ``coefs_``, to one of
        its entries or into an array changes the model.
    intercepts_ : list of ndarray of shape (fan_out,)
        Biases of each layer, views as well.
    loss_ : float
        Loss of the last epoch, with the penalties.
    loss_curve_ : list of float
        Loss of each epoch; with L-BFGS after each step.
    best_loss_ : float or None
        The least of them; None with ``early_stopping``.
    validation_scores_, validation_loss_curve_ : list of float or None
        Score and loss of the examples held out after each epoch, if there are any.
    best_validation_score_ : float or None
        The best of the scores.
    n_iter_ : int
        Epochs made by the last fit; with L-BFGS, steps.
    t_ : int
        Examples seen by all fits that went on from each other.
    n_layers_, n_outputs_ : int
        Number of layers, with the inputs, and of outputs.
    out_activation_ : str
        Activation of the outputs.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if X had names that are all strings.
"""


def documented(cls: T) -> T:
    """Put the shared descriptions into a class's docstring, in place of lines in braces."""
    if cls.__doc__ is not None:  # python -OO removes it
        texts = {"parameters": PARAMETERS, "more_parameters": MORE_PARAMETERS, "attributes": ATTRIBUTES}
        for name, text in texts.items():
            cls.__doc__ = cls.__doc__.replace(f"    {{{name}}}\n", text)
    return cls
