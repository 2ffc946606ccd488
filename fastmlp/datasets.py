"""The two noisy circles of the initialization exercise."""

from typing import Any

import numpy as np


def load_dataset(is_plot: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The exercise's circles, examples in columns: noise 0.05, 300 for training and 100 for the test.

    Parameters
    ----------
    is_plot : bool, default=True
        Scatter the training examples on the current axes.

    Returns
    -------
    train_X : ndarray (2, 300)
    train_Y : ndarray of int64 (1, 300)
    test_X : ndarray (2, 100)
    test_Y : ndarray of int64 (1, 100)

    Examples
    --------
    >>> from fastmlp import load_dataset
    >>> train_X, train_Y, test_X, test_Y = load_dataset(is_plot=False)
    >>> train_X.shape, test_Y.shape
    ((2, 300), (1, 100))
    """
    train_X, train_Y = circles(300, seed=1)
    test_X, test_Y = circles(100, seed=2)
    if is_plot:
        from matplotlib import pyplot as plt

        plt.scatter(train_X[:, 0], train_X[:, 1], c=train_Y, s=40, cmap="Spectral")
    # contiguous rows of features are what the kernels read, so that no call has to copy X first
    return np.ascontiguousarray(train_X.T), train_Y[np.newaxis], np.ascontiguousarray(test_X.T), test_Y[np.newaxis]


def circles(n_examples: int, seed: Any) -> tuple[np.ndarray, np.ndarray]:
    """X (n_examples, 2) and labels (n_examples,): a circle of radius 1 around one of radius 0.8."""
    from sklearn.datasets import make_circles

    return make_circles(n_samples=n_examples, noise=0.05, random_state=seed)


def moons(n_examples: int, seed: Any) -> tuple[np.ndarray, np.ndarray]:
    """X (n_examples, 2) and labels (n_examples,): two interleaving half circles."""
    from sklearn.datasets import make_moons

    return make_moons(n_samples=n_examples, noise=0.05, random_state=seed)
