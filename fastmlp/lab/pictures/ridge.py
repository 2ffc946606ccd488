"""Histograms of all layers, one above the other."""

from typing import TYPE_CHECKING

import numpy as np

from fastmlp import checks
from fastmlp.lab.diagnosis import Diagnosis
from fastmlp.lab.pictures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = {"preactivation": "pre-activation z", "activation": "activation a", "gradient": "gradient dz"}
HEIGHT = 1.3  # of the highest bin, in rows: a little over the next one
ROW, LEAST, MOST = 0.3, 2.4, 9.0  # inches of a row, and of the whole figure
TICK = 0.16  # inches that the name of a layer takes


def histograms_by_layer(diagnosis: Diagnosis, of: str = "preactivation", *, ax: "Axes | None" = None) -> "Axes":
    """Draw how the values of each layer are distributed: a ridge per layer, the first one at the top.

    Each ridge has its own height, so that its width tells the spread.  Beyond four standard deviations from a layer's
    mean, values are counted in the outermost bins.

    Parameters
    ----------
    diagnosis : Diagnosis
        Made with ``histograms=50`` or another number of bins.
    of : {"preactivation", "activation", "gradient"}, default="preactivation"
    ax : matplotlib.axes.Axes, default=None
        None makes a new figure, the ``figure`` of the axes returned.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or the diagnosis has no such histograms.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import diagnose, pictures
    >>> found = diagnose(MLP([2, 10, 5, 1], seed=0), *circles(100, seed=1), histograms=20)
    >>> ax = pictures.histograms_by_layer(found, "gradient")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1 relu', '2 relu', '3 logistic']
    """
    if not isinstance(diagnosis, Diagnosis):
        raise TypeError(f"diagnosis must be a Diagnosis, got {checks.shown(diagnosis)}")
    checks.choice("of", of, tuple(KINDS))
    if of not in diagnosis.histograms:
        needed = "y and histograms=50" if of == "gradient" else "histograms=50"
        raise ValueError(f"diagnosis has no histograms of the {of}s: call diagnose with {needed}")
    counts, edges = diagnosis.histograms[of]
    n_layers = len(counts)
    ax = style.axes_for(ax, (style.SIZE[0], float(np.clip(ROW * n_layers + 1.2, LEAST, MOST))))
    color, rows = style.COLORS[5 if style.is_dark(ax) else 0], np.arange(1, n_layers + 1)
    for row, heights, ends in zip(rows, counts, edges, strict=True):
        if heights.max() > 0:  # a layer without finite values has an empty row
            ridge, x = row - HEIGHT * np.repeat(heights / heights.max(), 2), np.repeat(ends, 2)[1:-1]
            ax.fill_between(x, row, ridge, color=ax.get_facecolor(), linewidth=0, zorder=row)
            ax.fill_between(x, row, ridge, color=color, alpha=0.6, linewidth=0, zorder=row)
            outline = np.where(ridge < row, ridge, np.nan)  # also of what is narrower than a pixel
            ax.plot(x, outline, color=color, linewidth=0.8, zorder=row)
    most_ticks = max(1, int(style.size_of(ax)[1] / TICK))
    shown = rows[:: -(-n_layers // most_ticks)]
    style.write(ax, x=KINDS[of], y="layer", title="Each layer to its own height")
    ax.set_yticks(shown, [f"{row} {diagnosis.layers['activation'][row - 1]}" for row in shown], fontsize="small")
    ax.set_ylim(n_layers + 0.3, 1 - HEIGHT - 0.2)
    return ax
