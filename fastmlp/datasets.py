"""The two noisy circles of the initialization exercise."""

from typing import Any

import numpy as np

from fastmlp import checks


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
    n_outer = n_examples // 2
    outer = np.linspace(0, 2 * np.pi, n_outer, endpoint=False)
    inner = np.linspace(0, 2 * np.pi, n_examples - n_outer, endpoint=False)
    x1 = np.concatenate([np.cos(outer), np.cos(inner) * 0.8])
    x2 = np.concatenate([np.sin(outer), np.sin(inner) * 0.8])
    return _shuffled_and_noisy(x1, x2, n_outer, seed)


def moons(n_examples: int, seed: Any) -> tuple[np.ndarray, np.ndarray]:
    """X (n_examples, 2) and labels (n_examples,): two interleaving half circles."""
    n_outer = n_examples // 2
    outer, inner = np.linspace(0, np.pi, n_outer), np.linspace(0, np.pi, n_examples - n_outer)
    x1 = np.concatenate([np.cos(outer), 1 - np.cos(inner)])
    x2 = np.concatenate([np.sin(outer), 1 - np.sin(inner) - 0.5])
    return _shuffled_and_noisy(x1, x2, n_outer, seed)


def _shuffled_and_noisy(x1: np.ndarray, x2: np.ndarray, n_outer: int, seed: Any) -> tuple[np.ndarray, np.ndarray]:
    """Draws as scikit-learn's make_circles and make_moons do, whose import would take most of a study's time."""
    generator = checks.seed_of(seed)
    order = np.arange(len(x1))
    generator.shuffle(order)
    X = np.stack([x1, x2], axis=1)[order]
    return X + generator.normal(scale=0.05, size=X.shape), (order >= n_outer).astype(np.int64)
