"""Decision boundaries: of one model, and of many side by side."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.pictures import style
from fastmlp.lab.pictures.plane import Coding, Plane
from fastmlp.lab.pictures.snapshots import Snapshots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

MOST_POINTS = 2000  # examples scattered; more hide each other
MOST_CELLS = 200  # pictures of a grid
MOST_ENTRIES = 10  # classes that a legend names
EDGE = 0.25  # points, of the line around an example
SINGLE, CELL = 3.4, 1.5  # inches of one picture, and of one in a grid
BESIDE, BELOW = 1.5, 0.6  # and of what stands beside and below all of them
MOST_LINE = 18  # characters beside a picture of a grid
MOST_NAME = 16  # characters of a class in the legend


def decision_boundary(
    model: Any, X: Any, y: Any, *, features: Sequence[str] = ("x1", "x2"), ax: "Axes | None" = None
) -> "Axes":
    """Fill the plane with a model's decisions and scatter the examples.

    Parameters
    ----------
    model : MLP, fitted estimator or callable
        A function takes points (n_points, 2) and returns one decision for each.  With two classes it may return the
        probabilities of the second one, as ``MLP.predict_proba`` does: the colours then fade into each other.
    X : array-like of shape (n_examples, 2)
    y : array-like of shape (n_examples,)
        Numbers or texts.
    features : sequence of 2 str, default=("x1", "x2")
        Names of the features.
    ax : matplotlib.axes.Axes, default=None
        None makes a new figure, the ``figure`` of the axes returned.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If X has not 2 features, y or the model's answer does not fit, or an argument is of another kind.

    Examples
    --------
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import pictures
    >>> X, y = circles(100, seed=1)
    >>> ax = pictures.decision_boundary(lambda points: points[:, 0] > 0, X, y, features=("left", "right"))
    >>> ax.get_xlabel()
    'left'
    """
    plane = Plane.of(X, y, features)
    decisions = plane.decisions_of(model)
    is_new, ax = ax is None, style.axes_for(ax, (SINGLE + BESIDE, SINGLE * plane.ratio + BELOW), "compressed")
    coding = Coding.of(plane, [decisions], ax)
    fill(ax, plane, coding, decisions)
    name_axes(ax, plane)
    if is_new:
        write_key(ax.figure, [ax], plane, coding)
    return ax


def boundary_grid(
    models: Any, X: Any, y: Any, *, columns: Sequence[str] | None = None, features: Sequence[str] = ("x1", "x2")
) -> "Figure":
    """Draw the decision boundaries of many models side by side: initializers by seeds, or trainings over time.

    Parameters
    ----------
    models : mapping or sequence
        Rows, by their labels if it is a mapping: each a sequence of models as :func:`decision_boundary` takes them, or
        the :class:`Snapshots` of a training.  Shorter rows end earlier.
    X : array-like of shape (n_examples, 2)
    y : array-like of shape (n_examples,)
        Numbers or texts.
    columns : sequence of str, default=None
        A title for each column; None writes the epochs of snapshots, and otherwise none.
    features : sequence of 2 str, default=("x1", "x2")
        Names of the features.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    TypeError, ValueError
        If X has not 2 features, an argument is of another kind or does not fit, or there are more than 200 models.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import pictures
    >>> X, y = circles(100, seed=1)
    >>> models = {name: [MLP([2, 8, 1], initialization=name, seed=i) for i in range(3)] for name in ("he", "zeros")}
    >>> figure = pictures.boundary_grid(models, X, y, columns=["seed 0", "seed 1", "seed 2"])
    >>> len(figure.axes)
    6
    """
    plane = Plane.of(X, y, features)
    labels, rows, titles = _rows_of(models, columns)
    decisions = [[plane.decisions_of(model) for model in row] for row in rows]
    n_columns = max(map(len, rows))
    size = (CELL * n_columns + BESIDE, CELL * plane.ratio * len(rows) + BELOW)
    axes = style.axes_of_grid(len(rows), n_columns, size, "compressed", sharex=True, sharey=True)
    coding = Coding.of(plane, [grid for row in decisions for grid in row], axes[0, 0])
    for i, row in enumerate(decisions):
        for ax, grid, title in zip(axes[i], row, titles[i], strict=False):
            fill(ax, plane, coding, grid, size=4.0)
            ax.set_title(textwrap.fill(title, MOST_LINE), fontsize="small", parse_math=False)
        for ax in axes[i, len(row) :]:
            ax.set_axis_off()
        axes[i, 0].set_ylabel(textwrap.fill(labels[i], MOST_LINE), fontsize="small", parse_math=False)
    figure = axes[0, 0].figure
    figure.supxlabel(plane.features[0], fontsize="small", parse_math=False)
    figure.supylabel(plane.features[1], fontsize="small", parse_math=False)
    write_key(figure, axes.ravel().tolist(), plane, coding)
    return figure


def fill(ax: "Axes", plane: Plane, coding: Coding, decisions: np.ndarray, size: float = 12.0) -> "AxesImage":
    """Draw decisions as an image below the examples; return the image."""
    extent = (plane.x1[0], plane.x1[-1], plane.x2[0], plane.x2[-1])
    image = ax.imshow(coding.ground(decisions), extent=extent, origin="lower", interpolation="nearest")
    some = slice(None, None, -(-len(plane.points) // MOST_POINTS))
    x1, x2 = plane.points[some].T
    ink = style.ink_of(ax)
    ax.scatter(x1, x2, s=size, c=coding.rgba(plane.labels[some]), edgecolors=ink, linewidths=EDGE)
    ax.set_aspect("equal" if plane.is_equal else "auto")
    ax.set_xlim(extent[:2])
    ax.set_ylim(extent[2:])
    return image


def name_axes(ax: "Axes", plane: Plane) -> None:
    """Write the names of the features."""
    ax.set_xlabel(plane.features[0], parse_math=False)
    ax.set_ylabel(plane.features[1], parse_math=False)


def _rows_of(models: Any, columns: Any) -> tuple[list[str], list[list[Any]], list[list[str]]]:
    """Return the labels of the rows, their models, and a title for each picture."""
    named = models.items() if isinstance(models, Mapping) else (("", row) for row in _items("models", models))
    rows = [(style.label_of(label), row, _items("each row of models", row)) for label, row in named]
    if not rows or not all(items for *_, items in rows):
        raise ValueError("models must have at least one row, and each row at least one model")
    if sum(len(items) for *_, items in rows) > MOST_CELLS:
        raise ValueError(f"models must be at most {MOST_CELLS}, got {sum(len(items) for *_, items in rows)}")
    n_columns = max(len(items) for *_, items in rows)
    if columns is not None:
        titles = [style.label_of(title) for title in _items("columns", columns)]
        if len(titles) != n_columns:
            raise ValueError(f"columns must be {n_columns} titles, one per column; got {len(titles)}")
        of_rows = [titles] + [[""] * n_columns] * (len(rows) - 1)
    else:
        of_rows = [_titles_of(row, len(items)) for _, row, items in rows]
        of_rows = [[""] * len(titles) if i and titles == of_rows[i - 1] else titles for i, titles in enumerate(of_rows)]
    return [label for label, *_ in rows], [items for *_, items in rows], of_rows


def _items(name: str, value: Any) -> list[Any]:
    if isinstance(value, Snapshots):
        return list(value)
    if not checks.is_sequence(value):
        raise TypeError(f"{name} must be a sequence, got {checks.shown(value)}")
    return checks.items_of(name, value)


def _titles_of(row: Any, n: int) -> list[str]:
    """Return the epochs of snapshots as titles."""
    return [f"epoch {epoch}" for epoch in row.epochs] if isinstance(row, Snapshots) else [""] * n


def write_key(figure: Any, axes: Sequence["Axes"], plane: Plane, coding: Coding) -> None:
    """Write what the colours mean to the right of all axes."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.lines import Line2D

    if coding.classes is None or len(coding.classes) > MOST_ENTRIES:
        figure.colorbar(ScalarMappable(Normalize(coding.low, coding.high), coding.cmap), ax=axes, label="y")
        return
    ink = style.ink_of(axes[0])
    handles = [
        Line2D([], [], color=color, marker="o", linestyle="", markeredgecolor=ink, markeredgewidth=EDGE)
        for color in coding.rgba(coding.classes)
    ]
    names = [f"{value:g}" for value in coding.classes] if plane.names is None else plane.names
    names = [style.label_of(name, MOST_NAME) for name in names]
    made = figure.legend(handles, names, loc="outside right upper", title="class", fontsize="small")
    style.ink_legend(made, axes[0])
