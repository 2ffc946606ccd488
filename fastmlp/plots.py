"""Decision boundaries drawn with matplotlib."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp import checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEP, PADDING = 0.01, 1.0
MOST_STEPS = 2000  # along one axis
STEPS = 400  # with a margin
MOST_CLASSES = 10  # decisions with more distinct values are probabilities, and shaded
FILE_BACKENDS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")  # they have no windows


def plot_decision_boundary(model: Callable[[np.ndarray], Any], X: Any, y: Any) -> None:
    """Fill the plane with a model's decisions, scatter the examples on the current axes, and show the picture.

    ``plt.show()`` ends the picture.  To save it, keep ``plt.gcf()`` from before the call, or draw on axes of your own
    with :func:`fastmlp.plots.draw_decision_boundary`.

    Parameters
    ----------
    model : callable
        Takes points (n_points, 2) and returns one decision for each.
    X : array-like of shape (2, n_examples)
        Examples in columns.  The picture extends 1 beyond them, in steps of 0.01.
    y : array-like of shape (n_examples,) or (1, n_examples)
        Labels, by which the examples are coloured.

    Raises
    ------
    TypeError, ValueError
        If ``model`` is not callable, or the arrays do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import plot_decision_boundary
    >>> X, y = np.array([[0.0, 1], [0, 1]]), [0, 1]
    >>> plot_decision_boundary(lambda points: points.sum(axis=1) > 1, X, y)
    """
    from matplotlib import pyplot as plt

    if not callable(model):
        raise TypeError(f"model must be callable, got {type(model).__name__}")
    X = checks.matrix("X", X, np.float64)
    if X.shape[0] != 2:
        hint = "; examples lie in columns, pass X.T" if X.shape[1] == 2 else ""
        raise ValueError(f"X must have shape (2, any), got {X.shape}{hint}")
    labels = np.ascontiguousarray(checks.array_of("y", y, np.float64))
    checks.check_finite("y", labels)
    if labels.shape not in ((X.shape[1],), (1, X.shape[1])):
        hint = "; pass y.T" if labels.shape == (X.shape[1], 1) else ""
        raise ValueError(f"y must have shape ({X.shape[1]},) or (1, {X.shape[1]}) to match X, got {labels.shape}{hint}")
    draw_decision_boundary(plt.gca(), model, X.T, labels.ravel())
    plt.xlabel("x1")
    plt.ylabel("x2")
    show_pictures()


def show_pictures() -> None:
    """Show all open figures and be done with them, as after the cell of a notebook.

    Backends without windows keep their figures; here they are closed, so that the next picture starts on axes of its
    own with every backend.
    """
    import matplotlib
    from matplotlib import pyplot as plt

    if matplotlib.get_backend().lower() not in FILE_BACKENDS:
        plt.show()
        return
    with warnings.catch_warnings():  # that there is no window; said only where a display could be found
        warnings.filterwarnings("ignore", ".*(non-interactive|non-GUI)", UserWarning)
        plt.show()
    plt.close("all")


def draw_decision_boundary(
    axes: "Axes",
    model: Callable[[np.ndarray], Any],
    points: np.ndarray,
    labels: np.ndarray,
    *,
    margin: float | None = None,
) -> None:
    """Fill given axes with a model's decisions and scatter the examples.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    model : callable
        Takes points (n_points, 2) and returns one decision for each.
    points : ndarray of shape (n_examples, 2)
    labels : ndarray of shape (n_examples,)
    margin : float, default=None
        Share of the examples' range by which the picture extends beyond them, in 400 steps; None extends it by 1, in
        steps of 0.01.

    Raises
    ------
    TypeError, ValueError
        If the model's answer has the wrong size or is not finite.
    """
    x1, x2 = grid_around(points, margin)
    decisions = decisions_on(x1, x2, model)
    # decisions and examples share one colour per class, even if the model gives a single answer
    scale: dict[str, Any] = {"cmap": "Spectral", "vmin": labels.min(), "vmax": labels.max()}
    classes = np.unique(np.concatenate([decisions.ravel(), labels]))
    levels = None
    if 1 < len(classes) <= MOST_CLASSES:
        levels = [classes[0] - 1, *(classes[1:] + classes[:-1]) / 2, classes[-1] + 1]
    axes.contourf(x1, x2, decisions, levels, alpha=0.45, **scale)
    axes.scatter(points[:, 0], points[:, 1], c=labels, s=12, edgecolors="black", linewidths=0.3, **scale)


def grid_around(points: np.ndarray, margin: float | None = None, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Return the grid lines of a picture around points (n, 2): ``steps`` of them along each axis with a margin."""
    x1, x2 = (_axis(values, margin, steps) for values in points.T)
    return x1, x2


def decisions_on(x1: np.ndarray, x2: np.ndarray, model: Callable[[np.ndarray], Any]) -> np.ndarray:
    """Return a model's decisions (len(x2), len(x1)) at all crossings of grid lines."""
    points = np.c_[np.tile(x1, len(x2)), np.repeat(x2, len(x1))]
    decisions = checks.array_of("the model's answer", model(points), np.float64)
    if decisions.size != len(points):
        raise ValueError(f"model must return one decision per point ({len(points)}), got shape {decisions.shape}")
    checks.check_finite("the model's answer", np.ascontiguousarray(decisions))
    return decisions.reshape(len(x2), len(x1))


def _axis(values: np.ndarray, margin: float | None, steps: int) -> np.ndarray:
    """Return grid lines from 1 below the least value to 1 above the largest, 0.01 apart unless these are too many.

    With a margin, they extend by that share of the range, if this is not 0.
    """
    low, high = float(values.min()), float(values.max())
    if high - low > np.finfo(float).max / 4:
        raise ValueError(f"X must span a range that a picture can show, got {low:g} to {high:g}")
    if margin is not None and margin * (high - low) > 8 * float(np.spacing(max(abs(low), abs(high)))):
        padding = margin * (high - low)
        return np.linspace(low - padding, high + padding, steps)
    padding = max(PADDING, 8 * float(np.spacing(max(abs(low), abs(high)))))  # 1 vanishes beside 1e17
    step = max(STEP, (high - low + 2 * padding) / MOST_STEPS)
    return np.arange(low - padding, high + padding, step)
