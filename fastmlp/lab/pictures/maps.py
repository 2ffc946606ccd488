"""Heat maps over two parameters, with the theory's critical line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.pictures import style
from fastmlp.lab.pictures.bands import check_comparison
from fastmlp.lab.sweep.case import OUTCOMES
from fastmlp.lab.sweep.comparison import MEASURES, Comparison
from fastmlp.lab.sweep.statistics import quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

WIDE = 10.0  # ratio of the largest to the smallest x or y from which on a log axis is taken
WIDE_VALUES = 100.0  # and of values, a log scale of colours
FEW_TICKS = 10  # values of an axis that all have a tick
EVEN = 0.05  # relative difference between steps that counts as even
HATCH = "///"
LINE = "#d55e00"  # stands out from every colour of the scale


def heat_map(
    values: Any,
    x: Any,
    y: Any,
    *,
    labels: Sequence[str] = ("weight scale", "depth", "value"),
    critical: float | None = None,
    reach: Any = None,
    log: bool | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a table of values as colours, with a line where the theory puts the border.

    Parameters
    ----------
    values : array-like of shape (len(y), len(x))
        A row for each y.  Cells that are not finite are hatched.
    x, y : array-like
        Where the columns and rows lie, ascending.  An axis whose values are all over 0 and grow by one factor, to at
        least 10 times the first, is a log axis.
    labels : sequence of 3 str, default=("weight scale", "depth", "value")
        Of x, y and the values, with their units.
    critical : float, default=None
        The x of the critical line, such as that of :func:`fastmlp.lab.theory.edge_of_chaos`.
    reach : pair of array-like of shape (n,), default=None
        Any x, ascending, and the y that signals reach from there, such as six correlation depth scales of
        :func:`fastmlp.lab.theory.mean_field` (Schoenholz et al. 2017); drawn as far as it lies within the map.
    log : bool, default=None
        Whether the colours are those of the values' logarithms; None takes these where all values are over 0 and the
        largest is at least 100 times the smallest.
    ax : matplotlib.axes.Axes, default=None
        None makes a new figure, the ``figure`` of the axes returned.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit, x or y do not ascend, or no value is finite.

    Examples
    --------
    >>> from fastmlp.lab import pictures, theory
    >>> scales, depths = [1.0, 1.2, 1.4], [5, 10]
    >>> values = [[theory.mean_field("tanh", scale).chi_1 ** depth for scale in scales] for depth in depths]
    >>> ax = pictures.heat_map(values, scales, depths, labels=("weight std", "depth", "change"), critical=1.0)
    >>> ax.get_xlabel()
    'weight std'
    """
    columns, rows = _ascending("x", x), _ascending("y", y)
    table = style.drawable(checks.array_of("values", values, np.float64))
    if table.shape != (len(rows), len(columns)):
        raise ValueError(f"values must have shape ({len(rows)}, {len(columns)}), got {table.shape}")
    finite = table[np.isfinite(table)]
    if not len(finite):
        raise ValueError("values must have a finite one, got none")
    titles = list(map(style.label_of, checks.items_of("labels", labels))) if checks.is_sequence(labels) else []
    if len(titles) != 3:
        raise ValueError(f"labels must be those of x, y and the values, got {checks.shown(labels)}")
    if critical is not None:
        critical = checks.number("critical", critical)
    is_log = (
        finite.min() > 0 and finite.max() >= WIDE_VALUES * finite.min() if log is None else checks.boolean("log", log)
    )
    if is_log and finite.min() <= 0:
        raise ValueError(f"values must be over 0 to have a log scale, got {finite.min():g}")
    curve = None if reach is None else _curve(reach)
    ax = style.axes_for(ax)
    _draw_cells(ax, table, columns, rows, titles[2], is_log)
    handles = _draw_theory(ax, critical, curve)
    if len(finite) < table.size:
        handles.append(_hatched(ax))
    ax.set_xlabel(titles[0], parse_math=False)
    ax.set_ylabel(titles[1], parse_math=False)
    if handles:
        style.legend_above(ax, handles)
    return ax


def sweep_map(
    comparison: Comparison,
    x: str,
    y: str = "depth",
    measure: str = "final_loss",
    *,
    critical: float | None = None,
    reach: Any = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a measure of a comparison over two of the things that were varied.

    Parameters
    ----------
    comparison : Comparison
        With one configuration for each pair of x and y.
    x, y : str
        Columns of ``comparison.runs`` with numbers, such as a parameter of the initializers or "learning_rate"; or
        "depth", the number of hidden layers in ``layer_dims``.
    measure : str, default="final_loss"
        The median over the runs of a "first_loss", "final_loss", "train_score", "test_score" or "seconds"; or the share
        of runs with an outcome, such as "learned".  Where the median is infinite, the cell is hatched.
    critical, reach, ax
        As in :func:`heat_map`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, a column holds no numbers, or a pair of x and y has several configurations.

    Examples
    --------
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import compare_initializers, pictures
    >>> X, y = circles(100, seed=1)
    >>> dims, rates = [[2, 4, 1], [2, 4, 4, 1]], [0.01, 0.1, 1.0]
    >>> options = {"initializers": ["he"], "seeds": 2, "epochs": 10, "progress": False}
    >>> found = compare_initializers(X, y, dims, learning_rate=rates, **options)
    >>> ax = pictures.sweep_map(found, "learning_rate")
    >>> ax.get_ylabel()
    'depth (hidden layers)'
    """
    check_comparison(comparison)
    checks.choice("measure", measure, (*MEASURES, *OUTCOMES))
    along = {axis: _numbers(comparison, axis, name) for axis, name in (("x", x), ("y", y))}
    columns, rows = np.unique(along["x"]), np.unique(along["y"])
    table = np.full((len(rows), len(columns)), np.nan)
    taken: set[tuple[float, float]] = set()
    for i, place in enumerate(zip(along["x"].tolist(), along["y"].tolist(), strict=True)):
        if place in taken:
            raise ValueError(f"comparison must have one configuration for each {x} and {y}, got several at {place}")
        taken.add(place)
        table[np.searchsorted(rows, place[1]), np.searchsorted(columns, place[0])] = _measured(comparison, i, measure)
    labels = (_title(x), _title(y), _title(measure))
    return heat_map(table, columns, rows, labels=labels, critical=critical, reach=reach, ax=ax)


def _ascending(name: str, value: Any) -> np.ndarray:
    array = checks.array_of(name, value, np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all() or (np.diff(array) <= 0).any():
        raise ValueError(f"{name} must be finite numbers that ascend, at least one; got {checks.shown(value)}")
    return array


def _curve(reach: Any) -> np.ndarray:
    """Return x and y of the reach of signals, (2, n)."""
    pair = checks.items_of("reach", reach) if checks.is_sequence(reach) else []
    if len(pair) != 2:
        raise ValueError(f"reach must be a pair of x and y, got {checks.shown(reach)}")
    x, y = _ascending("reach[0]", pair[0]), checks.array_of("reach[1]", pair[1], np.float64)
    if y.shape != x.shape:
        raise ValueError(f"reach[1] must have shape ({len(x)},) to match reach[0], got {y.shape}")
    return np.array([x, y])


def _is_geometric(values: np.ndarray) -> bool:
    if len(values) < 3 or values[0] <= 0 or values[-1] < WIDE * values[0]:
        return False
    factors = values[1:] / values[:-1]
    return bool(np.ptp(factors) <= EVEN * factors.min())


def _edges(values: np.ndarray) -> np.ndarray:
    """Return the borders of the cells around values, midway between them on their axis."""
    if len(values) == 1:
        return values[0] + np.array([-0.5, 0.5])
    if _is_geometric(values):
        return np.exp(_edges_between(np.log(values)))
    return _edges_between(values)


def _edges_between(values: np.ndarray) -> np.ndarray:
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])


def _draw_cells(ax: "Axes", table: np.ndarray, columns: np.ndarray, rows: np.ndarray, label: str, is_log: bool) -> None:
    """Draw the cells on axes that just hold them, with a colour bar."""
    from matplotlib.colors import LogNorm, Normalize

    finite = table[np.isfinite(table)]
    low, high = float(finite.min()), float(finite.max())
    norm = LogNorm(low, high) if is_log else Normalize(low, high)
    if _is_geometric(columns):
        style.use_log(ax, "x")
    if _is_geometric(rows):
        style.use_log(ax, "y")
    x, y = _edges(columns), _edges(rows)
    ax.patch.set_hatch(HATCH)
    shown = np.ma.masked_invalid(table)
    mesh = ax.pcolormesh(x, y, shown, cmap=style.SEQUENTIAL, norm=norm, rasterized=True)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    _set_ticks(ax.xaxis, columns)
    _set_ticks(ax.yaxis, rows)
    ax.figure.colorbar(mesh, ax=ax).ax.set_ylabel(label, parse_math=False)


def _set_ticks(axis: "Axis", values: np.ndarray) -> None:
    """Set a tick for each of few values, and otherwise none between whole numbers."""
    from matplotlib.ticker import MaxNLocator

    if len(values) <= FEW_TICKS:
        axis.set_ticks(values, [f"{value:g}" for value in values])
        axis.set_ticks([], minor=True)
    elif (values == np.round(values)).all():
        axis.set_major_locator(MaxNLocator(integer=True))


def _draw_theory(ax: "Axes", critical: float | None, reach: np.ndarray | None) -> list[Any]:
    """Draw the critical line and the reach of signals; return what the legend names."""
    from matplotlib.patheffects import withStroke

    handles = []
    around = [withStroke(linewidth=4, foreground="white")]
    look: dict[str, Any] = {"color": LINE, "linewidth": 2, "path_effects": around}
    if critical is not None:
        handles.append(ax.axvline(critical, label=f"critical, {critical:.4g}", **look))
    if reach is not None:
        handles += ax.plot(*reach, label="reach of signals", linestyle="--", **look)
    return handles


def _hatched(ax: "Axes") -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=ax.get_facecolor(), edgecolor=style.ink_of(ax), hatch=HATCH, label="not finite")


def _numbers(comparison: Comparison, axis: str, name: str) -> np.ndarray:
    """Return what each configuration has of a column that holds numbers."""
    if name == "depth":
        return np.array([values["layer_dims"].count("-") - 1 for values in comparison.configurations], float)
    checks.choice(axis, name, ("depth", *comparison.varied))
    found = [values.get(name) for values in comparison.configurations]
    if not all(isinstance(value, (int, float)) for value in found):
        raise ValueError(f"{axis} must be a column of numbers, {name} holds {checks.shown(found[0])}")
    return np.array(found, float)


def _measured(comparison: Comparison, configuration: int, measure: str) -> float:
    runs = comparison.runs[comparison.runs["configuration"] == configuration]
    if measure in OUTCOMES:
        return float((runs["outcome"] == measure).mean()) if len(runs) else np.nan
    return float(quantiles(runs[measure], [0.5])[0])


def _title(name: str) -> str:
    """Return the label of a column or measure."""
    if name in OUTCOMES:
        return f"share of runs: {name}"
    units = {"depth": "depth (hidden layers)", "seconds": "time (s), median"}
    default = f"{name.replace('_', ' ')}, median" if name in MEASURES else name.replace("_", " ")
    return units.get(name, default)
