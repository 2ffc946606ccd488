"""Points in the plane, among them the noisy circles of the exercise, and small data sets of scikit-learn."""

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


def circles(n_examples: int, seed: Any, *, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Make a noisy circle of radius 1 (label 0) around one of radius 0.8 (label 1).

    Parameters
    ----------
    n_examples : int
        At least 1.
    seed : None, int, RandomState or Generator
    noise : float, default=0.05
        Standard deviation of the noise.

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
    points, n_outer = circle_points(_size(n_examples))
    return _shuffled_and_noisy(points, n_outer, noise, seed)


def moons(n_examples: int, seed: Any, *, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Make two interleaving noisy half circles, labels 0 and 1.

    Parameters
    ----------
    n_examples : int
        At least 1.
    seed : None, int, RandomState or Generator
    noise : float, default=0.05
        Standard deviation of the noise.

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
    points, n_outer = moon_points(_size(n_examples))
    return _shuffled_and_noisy(points, n_outer, noise, seed)


def spirals(n_examples: int, seed: Any, *, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Make two noisy arms of a spiral, labels 0 and 1, of one and a half turns each out to radius 1.

    Parameters
    ----------
    n_examples : int
        At least 1.
    seed : None, int, RandomState or Generator
    noise : float, default=0.05
        Standard deviation of the noise.

    Returns
    -------
    X : ndarray of shape (n_examples, 2)
    y : ndarray of int64 of shape (n_examples,)

    Examples
    --------
    >>> from fastmlp.datasets import spirals
    >>> X, y = spirals(300, seed=1)
    >>> X.shape, y.mean()
    ((300, 2), np.float64(0.5))
    """
    points, n_first = spiral_points(_size(n_examples))
    return _shuffled_and_noisy(points, n_first, noise, seed)


def xor(n_examples: int, seed: Any, *, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Make points of the square from -1 to 1, of label 1 where both features have one sign, then add noise.

    Parameters
    ----------
    n_examples : int
        At least 1.
    seed : None, int, RandomState or Generator
    noise : float, default=0.05
        Standard deviation of the noise.

    Returns
    -------
    X : ndarray of shape (n_examples, 2)
    y : ndarray of int64 of shape (n_examples,)

    Examples
    --------
    >>> from fastmlp.datasets import xor
    >>> X, y = xor(300, seed=1, noise=0)
    >>> bool((y == (X[:, 0] * X[:, 1] > 0)).all())
    True
    """
    n, noise = _size(n_examples), checks.non_negative("noise", noise)
    generator = checks.seed_of(seed)
    X = generator.uniform(-1.0, 1.0, size=(n, 2))
    y = (X[:, 0] > 0) == (X[:, 1] > 0)
    return X + generator.normal(scale=noise, size=X.shape), y.astype(np.int64)


def blobs(n_examples: int, seed: Any, *, n_classes: int = 3, noise: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Make Gaussian blobs around centres on a circle of radius 0.8, one for each class, of sizes that differ by 1.

    Parameters
    ----------
    n_examples : int
        At least 1.
    seed : None, int, RandomState or Generator
    n_classes : int, default=3
        At least 1.
    noise : float, default=0.15
        Standard deviation of a blob.

    Returns
    -------
    X : ndarray of shape (n_examples, 2)
    y : ndarray of int64 of shape (n_examples,)
        Classes from 0 on.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.datasets import blobs
    >>> X, y = blobs(300, seed=1)
    >>> X.shape, np.bincount(y)
    ((300, 2), array([100, 100, 100]))
    """
    n, noise = _size(n_examples), checks.non_negative("noise", noise)
    centers = blob_centers(checks.integer("n_classes", n_classes, minimum=1))
    generator = checks.seed_of(seed)
    y = np.arange(n) % len(centers)
    generator.shuffle(y)
    return centers[y] + generator.normal(scale=noise, size=(n, 2)), y.astype(np.int64)


# ---- points without noise, the classes one after another; and how many there are of label 0


def circle_points(n: int) -> tuple[np.ndarray, int]:
    """Return the points of ``circles``."""
    outer, inner = (np.linspace(0, 2 * np.pi, part, endpoint=False) for part in (n // 2, n - n // 2))
    return np.concatenate([_on_circle(outer), _on_circle(inner) * 0.8]), len(outer)


def moon_points(n: int) -> tuple[np.ndarray, int]:
    """Return the points of ``moons``."""
    outer, inner = (np.linspace(0, np.pi, part) for part in (n // 2, n - n // 2))
    x1 = np.concatenate([np.cos(outer), 1 - np.cos(inner)])
    x2 = np.concatenate([np.sin(outer), 1 - np.sin(inner) - 0.5])
    return np.stack([x1, x2], axis=1), len(outer)


def spiral_points(n: int) -> tuple[np.ndarray, int]:
    """Return the points of ``spirals``."""
    first, second = (np.linspace(0.1, 1, part) for part in (n // 2, n - n // 2))
    arms = [radius[:, np.newaxis] * _on_circle(3 * np.pi * radius) for radius in (first, second)]
    return np.concatenate([arms[0], -arms[1]]), len(first)


def blob_centers(n_classes: int) -> np.ndarray:
    """Return the centres of ``blobs``."""
    return 0.8 * _on_circle(np.linspace(0, 2 * np.pi, n_classes, endpoint=False))


def _on_circle(angles: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _size(n_examples: Any) -> int:
    n = checks.integer("n_examples", n_examples, minimum=1)
    checks.check_memory("n_examples", 64 * n)
    return n


def _shuffled_and_noisy(points: np.ndarray, n_zeros: int, noise: Any, seed: Any) -> tuple[np.ndarray, np.ndarray]:
    """Draw as scikit-learn's make_circles and make_moons do; importing them would take most of a study's time."""
    noise, generator = checks.non_negative("noise", noise), checks.seed_of(seed)
    order = np.arange(len(points))
    generator.shuffle(order)
    X = points[order]
    return X + generator.normal(scale=noise, size=X.shape), (order >= n_zeros).astype(np.int64)


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
