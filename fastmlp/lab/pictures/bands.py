"""Losses over many seeds: a line for the median, a band for nine tenths of the runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.pictures import style
from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.lab.sweep.configuration import VARIED
from fastmlp.lab.sweep.statistics import quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = [0.05, 0.5, 0.95]  # the ends of the band and the median
HEADROOM = 10.0  # times the largest median at the start: what is drawn of losses that grow
ENDINGS = ("diverged", "failed")  # outcomes that the label tells


def loss_bands(
    comparison: Comparison, *, configurations: Sequence[int] | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw the training loss of every configuration over its seeds: the median, and the band from 5 to 95 %.

    A run that diverged counts as an infinite loss from there on, as in ``Comparison.summary``: where more than 5 %
    of the runs did, the band is open at the top, and where half did, the line ends.  A run that ended earlier for
    another reason keeps its last loss.  Runs that failed are left out.  The label tells how many diverged or failed.

    Parameters
    ----------
    comparison : Comparison
    configurations : sequence of int, default=None
        Which of ``comparison.configurations`` to draw, at most 21; None draws all.
    ax : matplotlib.axes.Axes, default=None
        None makes a new figure, the ``figure`` of the axes returned.  Given axes that are too small for the legend get
        none: the lines have labels, of which ``ax.figure.legend`` makes one.

    Returns
    -------
    matplotlib.axes.Axes
        The loss has a log axis, unless no loss is over 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, no run of a configuration has a finite loss, or there are more
        configurations than can be told apart.

    Examples
    --------
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import compare_initializers, pictures
    >>> X, y = circles(100, seed=1)
    >>> found = compare_initializers(X, y, [2, 4, 1], initializers=("he", "xavier"), seeds=5, epochs=50, progress=False)
    >>> ax = pictures.loss_bands(found)
    >>> ax.get_xlabel(), ax.get_yscale(), len(ax.lines)
    ('epoch', 'log', 2)
    """
    check_comparison(comparison)
    chosen = _chosen(comparison, configurations)
    may_grow, ax = ax is None, style.axes_for(ax)
    bands = np.array([band_of(comparison, i) for i in chosen])
    finite = bands[np.isfinite(bands)]
    if not len(finite):
        raise ValueError("comparison must have runs with finite losses, got none")
    bands = np.where(np.isfinite(bands), style.drawable(bands), bands)
    top = _top(bands)
    varied = [name for name in VARIED if name in comparison.varied]
    handles = []
    for i, (low, median, high), line in zip(chosen, bands, style.lines_of(ax, len(bands)), strict=True):
        edges = np.minimum([low, high], HEADROOM * top)  # infinite ones end out of sight
        ax.fill_between(comparison.epochs, *edges, color=line["color"], alpha=style.alpha_of(ax), linewidth=0)
        line["label"] = _label(comparison, i, varied)
        handles += ax.plot(comparison.epochs, np.where(np.isfinite(median), median, np.nan), linewidth=1.6, **line)
    if (finite > 0).any():
        style.use_log(ax, "y")
    if top < bands[~np.isnan(bands)].max():
        ax.set_ylim(top=top)
    loss, n_seeds = comparison.settings["loss"], len(np.unique(comparison.runs["seed"]))
    style.write(
        ax,
        x="epoch",
        y=f"training loss ({loss.partition('(')[0]})",
        title="one seed" if n_seeds == 1 else f"median and 5-95 % of {n_seeds} seeds",
    )
    style.legend(ax, handles, ", ".join(["initializer", *varied]), may_grow=may_grow)
    return ax


def check_comparison(comparison: Any) -> None:
    """Refuse what is no comparison, or one without runs."""
    if not isinstance(comparison, Comparison):
        raise TypeError(f"comparison must be a Comparison, got {checks.shown(comparison)}")
    if not len(comparison):
        raise ValueError("comparison must have finished runs, got none")


def _chosen(comparison: Comparison, configurations: Any) -> list[int]:
    """Return the configurations to draw, in the order given."""
    n = len(comparison.configurations)
    if configurations is None:
        chosen = [i for i in range(n) if (comparison.runs["configuration"] == i).any()]
    else:
        if not checks.is_sequence(configurations):
            raise TypeError(f"configurations must be a sequence of ints, got {checks.shown(configurations)}")
        items = checks.items_of("configurations", configurations)
        chosen = [checks.integer(f"configurations[{i}]", item, minimum=0) for i, item in enumerate(items)]
        if not chosen or max(chosen) >= n or len(set(chosen)) < len(chosen):
            raise ValueError(f"configurations must be different numbers below {n}, got {checks.shown(chosen)}")
    if len(chosen) > style.MOST_LINES:
        raise ValueError(
            f"{len(chosen)} configurations are more than the {style.MOST_LINES} that can be told apart; pass those to "
            "draw as configurations=[...]"
        )
    return chosen


def band_of(comparison: Comparison, configuration: int) -> np.ndarray:
    """Return the ends of the band and the median (3, n_reports); NaN if all runs failed."""
    is_of_it = comparison.runs["configuration"] == configuration
    losses, final = comparison.losses[is_of_it], comparison.runs["final_loss"][is_of_it]
    losses = np.where(np.isnan(losses), final[:, np.newaxis], losses)
    low, median, high = np.array([quantiles(column, SHARES) for column in losses.T]).T
    return np.array([low, median, high])


def _top(bands: np.ndarray) -> float:
    """Return the largest loss to show: not much more than at the start, since a loss that grows ends anywhere."""
    at_start, finite = bands[:, 1, 0], bands[np.isfinite(bands)]
    at_start = at_start[np.isfinite(at_start) & (at_start > 0)]
    largest = float(finite.max())
    return min(HEADROOM * float(at_start.max()), 2 * largest) if len(at_start) else 2 * largest


def _label(comparison: Comparison, configuration: int, varied: Sequence[str]) -> str:
    """Return the values that name a configuration, and how many of its runs diverged or failed."""
    values = comparison.configurations[configuration]
    label = ", ".join(style.label_of(values[name]) for name in ("initializer", *varied))
    outcomes = comparison.runs["outcome"][comparison.runs["configuration"] == configuration]
    counts = {ending: int((outcomes == ending).sum()) for ending in ENDINGS}
    told = ", ".join(f"{n} of {len(outcomes)} {ending}" for ending, n in counts.items() if n)
    return f"{label} ({told})" if told else label
