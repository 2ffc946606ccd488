"""A check for a user's own test suite."""

from typing import Any

from fastmlp.lab.diagnosis.look import diagnose


def assert_healthy(network: Any, X: Any, y: Any = None) -> None:
    """Raise AssertionError unless :func:`diagnose` finds the network healthy.

    Parameters
    ----------
    network : MLP, MLPClassifier or MLPRegressor
    X : array-like of shape (n_examples, n_features)
    y : array-like of shape (n_examples,) or (n_examples, n_outputs), default=None
        With targets, saturated outputs are a fault only where they are wrong.

    Raises
    ------
    AssertionError
        With the verdict, the layer and the explanation.
    TypeError, ValueError, RuntimeError
        As :func:`diagnose`.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import assert_healthy
    >>> X, y = circles(100, seed=1)
    >>> assert_healthy(MLP([2, 10, 5, 1], initialization="he", seed=0), X, y)
    >>> assert_healthy(MLP([2, 10, 5, 1], initialization="zeros"), X, y)
    Traceback (most recent call last):
    AssertionError: symmetric from layer 1: all 10 units of layer 1 have the same incoming and outgoing weights. ...
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    found = diagnose(network, X, y)
    if found.verdict != "healthy":
        raise AssertionError(f"{found.verdict} from layer {found.layer}: {found.explanation}")
