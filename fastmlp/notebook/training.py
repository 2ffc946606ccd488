"""The notebook's whole training, and predictions from its parameters."""

import warnings
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.network import MLP
from fastmlp.notebook.layers import Parameters, as_dict, labels_like
from fastmlp.notebook.propagation import forward_propagation
from fastmlp.plots import show_pictures
from fastmlp.training import TrainingOptions, run

HIDDEN_WIDTHS = (10, 5)  # of the notebook's model
REPORT_EVERY = 1000


def model(
    X: Any,
    Y: Any,
    learning_rate: float = 0.01,
    num_iterations: int = 15000,
    print_cost: bool = True,
    initialization: Any = "he",
) -> Parameters:
    """Train the notebook's network, with 10 and 5 hidden units, by full-batch gradient descent.

    The cost is computed from the logits and is finite where the notebook prints inf.  Ctrl-C ends the training with a
    warning, and the parameters reached are returned.

    Parameters
    ----------
    X : array-like of shape (features, m)
    Y : array-like of shape (1, m)
        Labels 0 and 1.
    learning_rate : float, default=0.01
        Over 0.
    num_iterations : int, default=15000
        Number of updates, at least 0.
    print_cost : bool, default=True
        Whether to print the cost every 1000 iterations and show its curve, on the current axes if these are empty.
    initialization : str, callable or sequence, default="he"
        ``"zeros"``, ``"random"``, ``"he"``, or anything that :func:`fastmlp.initializers.draw` takes.  The seed is 3,
        as in the notebook.

    Returns
    -------
    dict
        ``W1``, ``b1``, ``W2``, ... for :func:`predict`.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together or are not finite, a label is not 0 or 1, or an argument is out of range.

    Examples
    --------
    >>> from fastmlp import load_dataset, model
    >>> train_X, train_Y, _, _ = load_dataset(is_plot=False)
    >>> parameters = model(train_X, train_Y, num_iterations=1001)  # doctest: +SKIP
    Cost after iteration 0: 0.8830537463419761
    Cost after iteration 1000: 0.6879825919728063
    """
    X = checks.matrix("X", X, np.float64)
    n_labels = checks.array_of("Y", Y, np.float64).size
    if n_labels == X.shape[0] != X.shape[1]:
        raise ValueError(
            f"X must have shape (features, {n_labels}) to match {n_labels} labels, got {X.shape}; "
            "examples lie in columns, pass X.T"
        )
    Y = labels_like("Y", Y, X[:1])  # one for each example
    network = MLP([X.shape[0], *HIDDEN_WIDTHS, 1], initialization=initialization, seed=3)
    costs: list[float] = []

    def report(iteration: int, cost: float) -> None:
        costs.append(cost)
        if print_cost:
            print(f"Cost after iteration {iteration}: {cost}")

    options = TrainingOptions(
        learning_rate=checks.positive("learning_rate", learning_rate),
        epochs=checks.integer("num_iterations", num_iterations, minimum=0),
        report_every=REPORT_EVERY,
        callback=report,
    )
    try:
        ended = run(network, network.examples(X.T, Y[0]), options).ended
        warning = ended.warning()
        if warning is not None and ended.symptom != "dead":  # the exercise shows this on purpose, with zeros
            warnings.warn(warning, stacklevel=2)
    except KeyboardInterrupt:
        warnings.warn("training interrupted: these are the parameters reached so far", stacklevel=2)
    if print_cost:
        _plot_costs(costs, learning_rate)
    return as_dict(network.weights, network.biases)


def _plot_costs(costs: list[float], learning_rate: float) -> None:
    from matplotlib import pyplot as plt

    if plt.gca().has_data():
        plt.figure()  # in a script, the examples that load_dataset has drawn are still there
    plt.plot(costs)
    plt.ylabel("cost")
    plt.xlabel("iterations (per hundreds)")
    plt.title(f"Learning rate ={learning_rate}")
    show_pictures()


def predict(X: Any, y: Any, parameters: Parameters) -> np.ndarray:
    """Predict labels, 1 where the probability is over 0.5, and print the accuracy.

    Parameters
    ----------
    X : array-like of shape (features, m)
    y : array-like of shape (1, m)
        True labels 0 and 1.
    parameters : dict
        ``W1``, ``b1``, ``W2``, ...; other keys are ignored.

    Returns
    -------
    ndarray of int64 of shape (1, m)

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together or are not finite, a label is not 0 or 1, a key is missing, or entries are so
        large that sums overflow and a column has no prediction.

    Examples
    --------
    >>> from fastmlp import initialize_parameters_zeros, predict
    >>> predict([[1.0, 2.0], [3.0, 4.0]], [[0, 1]], initialize_parameters_zeros([2, 3, 1]))
    Accuracy: 0.5
    array([[0, 0]])
    """
    probabilities = _probabilities(X, parameters)
    labels = labels_like("y", y, probabilities)
    predictions = (probabilities > 0.5).astype(np.int64)
    print(f"Accuracy: {np.mean(predictions == labels)}")
    return predictions


def predict_dec(parameters: Parameters, X: Any) -> np.ndarray:
    """Decide ``probability > 0.5``, for :func:`fastmlp.plot_decision_boundary`.

    Parameters
    ----------
    parameters : dict
        ``W1``, ``b1``, ``W2``, ...; other keys are ignored.
    X : array-like of shape (features, m)

    Returns
    -------
    ndarray of bool of shape (1, m)

    Raises
    ------
    TypeError, ValueError
        As :func:`predict`.

    Examples
    --------
    >>> from fastmlp import initialize_parameters_zeros, predict_dec
    >>> predict_dec(initialize_parameters_zeros([2, 3, 1]), [[1.0, 2.0], [3.0, 4.0]])
    array([[False, False]])
    """
    return _probabilities(X, parameters) > 0.5


def _probabilities(X: Any, parameters: Parameters) -> np.ndarray:
    probabilities, cache = forward_propagation(X, parameters)
    if _kernels.first_not_finite((probabilities,)) >= 0:
        at = int(np.argmax(np.isnan(probabilities).any(axis=0)))
        entry = float(np.abs(checks.array_of("X", X, np.float64)[:, at]).max())
        weight = max(float(np.abs(array).max()) for array in (*cache[2::4], *cache[3::4]))
        if weight > entry:
            raise ValueError(
                f"parameters must give numbers, but the largest is {weight:g}, and in column {at} of X, whose largest "
                f"entry is {entry:g}, a sum overflows"
            )
        raise ValueError(f"X must have columns that give numbers, but in column {at} a sum overflows; leave it out")
    return probabilities
