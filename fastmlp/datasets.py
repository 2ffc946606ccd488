"""The two noisy circles of the initialization exercise, two noisy moons, and small data sets of scikit-learn."""

from typing import Any

import numpy as np

from fastmlp import checks

SCIKIT_LEARN = ("iris", "wine", "breast_cancer", "digits", "diabetes")


def load_dataset(is_plot: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Make the two noisy circles of the exercise: 300 examples for training and 100 for the test.

    Examples lie in columns.  The noise has a standard deviation of 0.05.

    Parameters
    ----------
    is_plot : bool, default=True
        Scatter the training examples on the current axes.

    Returns
    -------
    train_X : ndarray of shape (2, 300)
    train_Y : ndarray of int64 of shape (1, 300)
    test_X : ndarray of shape (2, 100)
    test_Y : ndarray of int64 of shape (1, 100)

    Examples
    --------
    >>> from fastmlp import load_dataset
    >>> train_X, train_Y, test_X, test_Y = load_dataset(is_plot=False)
    >>> train_X.shape, test_Y.shape
    ((2, 300), (1, 100))
    """
    is_plot = checks.boolean("is_plot", is_plot)
    train_X, train_Y = circles(300, seed=1)
    test_X, test_Y = circles(100, seed=2)
    if is_plot:
        from matplotlib import pyplot as plt

        plt.scatter(train_X[:, 0], train_X[:, 1], c=train_Y, s=40, cmap="Spectral")
    # contiguous rows of features are what the kernels read, so that no call has to copy X first
    return np.ascontiguousarray(train_X.T), train_Y[np.newaxis], np.ascontiguousarray(test_X.T), test_Y[np.newaxis]


def circles(n_examples: int, seed: Any) -> tuple[np.ndarray, np.ndarray]:
    """Make a noisy circle of radius 1 (label 0) around one of radius 0.8 (label 1).

    Parameters
    ----------
    n_examples : int
        At least 1.
    seed : None, int, RandomState or Generator

    Returns
    -------
    X : ndarray of shape (n_examples, 2)
    y : ndarray of int64 of shape (n_examples,)

    Examples
    --------
    >>> from fastmlp.datasets import circles
    >>> X, y = circles(300, seed=1)
    >>> X.shape, y.mean()
    ((300, 2), np.float64(0.5))
    """
    n_examples, n_outer = _sizes(n_examples)
    outer = np.linspace(0, 2 * np.pi, n_outer, endpoint=False)
    inner = np.linspace(0, 2 * np.pi, n_examples - n_outer, endpoint=False)
    x1 = np.concatenate([np.cos(outer), np.cos(inner) * 0.8])
    x2 = np.concatenate([np.sin(outer), np.sin(inner) * 0.8])
    return _shuffled_and_noisy(x1, x2, n_outer, seed)


def moons(n_examples: int, seed: Any) -> tuple[np.ndarray, np.ndarray]:
    """Make two interleaving noisy half circles, labels 0 and 1.

    Parameters
    ----------
    n_examples : int
        At least 1.
    seed : None, int, RandomState or Generator

    Returns
    -------
    X : ndarray of shape (n_examples, 2)
    y : ndarray of int64 of shape (n_examples,)

    Examples
    --------
    >>> from fastmlp.datasets import moons
    >>> X, y = moons(300, seed=1)
    >>> X.shape, y.mean()
    ((300, 2), np.float64(0.5))
    """
    n_examples, n_outer = _sizes(n_examples)
    outer, inner = np.linspace(0, np.pi, n_outer), np.linspace(0, np.pi, n_examples - n_outer)
    x1 = np.concatenate([np.cos(outer), 1 - np.cos(inner)])
    x2 = np.concatenate([np.sin(outer), 1 - np.sin(inner) - 0.5])
    return _shuffled_and_noisy(x1, x2, n_outer, seed)


def _sizes(n_examples: Any) -> tuple[int, int]:
    """Return the number of examples and that of label 0."""
    n = checks.integer("n_examples", n_examples, minimum=1)
    checks.check_memory("n_examples", 64 * n)
    return n, n // 2


def _shuffled_and_noisy(x1: np.ndarray, x2: np.ndarray, n_outer: int, seed: Any) -> tuple[np.ndarray, np.ndarray]:
    """Draw as scikit-learn's make_circles and make_moons do; importing them would take most of a study's time."""
    generator = checks.seed_of(seed)
    order = np.arange(len(x1))
    generator.shuffle(order)
    X = np.stack([x1, x2], axis=1)[order]
    return X + generator.normal(scale=0.05, size=X.shape), (order >= n_outer).astype(np.int64)


def from_scikit_learn(name: str) -> tuple[np.ndarray, np.ndarray, list[str], list[str] | None]:
    """Load one of the small data sets that come with scikit-learn, which is imported here.

    Parameters
    ----------
    name : {"iris", "wine", "breast_cancer", "digits", "diabetes"}

    Returns
    -------
    X : ndarray of float64 of shape (n_examples, n_features)
    y : ndarray of shape (n_examples,)
        Class indices (int64) or, of diabetes, numbers (float64).
    features : list of str
        Names of the features.
    classes : list of str or None
        Names of the classes; None for diabetes, which is a regression.

    Raises
    ------
    TypeError, ValueError
        If ``name`` is not one of those above.

    Examples
    --------
    >>> from fastmlp.datasets import from_scikit_learn
    >>> X, y, features, classes = from_scikit_learn("iris")
    >>> X.shape, features[0], classes
    ((150, 4), 'sepal length (cm)', ['setosa', 'versicolor', 'virginica'])
    """
    checks.choice("name", name, SCIKIT_LEARN)
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")()
    classes = [str(label) for label in data.target_names] if "target_names" in data else None
    y = data.target.astype(np.float64 if classes is None else np.int64)
    return np.ascontiguousarray(data.data, np.float64), y, [str(feature) for feature in data.feature_names], classes
