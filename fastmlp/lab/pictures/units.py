"""Dead units in the course of a training."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp.lab.diagnosis import Diagnosis
from fastmlp.lab.pictures import style
from fastmlp.lab.pictures.named import diagnoses_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED = 7  # hidden layers with a colour and a line of the legend each; more have a colour scale


def dead_units(diagnosis: Any, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of dead units over the epochs: units with the same output for every example.

    Parameters
    ----------
    diagnosis : Diagnosis or mapping of str to Diagnosis
        Made with ``trace``.  Of one, a line for each hidden layer and one for all hidden units; of several by name, a
        line each for all hidden units.
    ax : matplotlib.axes.Axes, default=None
        None makes a new figure, the ``figure`` of the axes returned.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or a diagnosis has no trace or no hidden layer.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import diagnose, pictures
    >>> X, y = circles(100, seed=1)
    >>> found = diagnose(MLP([2, 10, 5, 1], seed=3), X, y, trace=[0, 50, 100], learning_rate=0.1)
    >>> ax = pictures.dead_units(found)
    >>> [line.get_label() for line in ax.lines]
    ['layer 1', 'layer 2', 'all hidden units']
    """
    from matplotlib.ticker import PercentFormatter

    named = diagnoses_of(diagnosis)
    for one in named.values():
        if not one.trace:
            raise ValueError("diagnosis has no trace: call diagnose with trace=[0, 100, 200] or other epochs")
        if len(one.layers) < 2:
            raise ValueError("diagnosis must be of a network with hidden layers, got none")
    may_grow, ax = ax is None, style.axes_for(ax)
    handles = []
    if not isinstance(diagnosis, Mapping):
        handles += _draw_layers(ax, diagnosis)
    for (name, one), line in zip(named.items(), style.lines_of(ax, len(named)), strict=True):
        if not isinstance(diagnosis, Mapping):
            line = {"color": style.ink_of(ax), "linestyle": "--"}
        epochs, shares = _course(one)
        units = one.layers["units"][:-1]
        label = style.label_of(name) if name else "all hidden units"
        handles += ax.plot(epochs, shares @ units / units.sum(), linewidth=1.8, label=label, **line)
    style.write(ax, x="epoch", y="dead units (% of units)", title="Units with one output for all examples")
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))
    style.legend(ax, handles, "", may_grow=may_grow)
    return ax


def _course(diagnosis: Diagnosis) -> tuple[np.ndarray, np.ndarray]:
    """Return the epochs of a trace and the dead share of each hidden layer (n_epochs, n_layers)."""
    epochs = np.array([part.epoch for part in diagnosis.trace])
    return epochs, np.array([part.layers["dead"][:-1] for part in diagnosis.trace])


def _draw_layers(ax: "Axes", diagnosis: Diagnosis) -> list[Any]:
    """Draw a line for each hidden layer; return those that the legend names."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    epochs, shares = _course(diagnosis)
    n = shares.shape[1]
    if n <= MOST_NAMED:
        colors: Any = style.colors_of(ax)
    else:
        colors = colormaps[style.SEQUENTIAL](np.linspace(0, 1, n))
        scale = ScalarMappable(Normalize(1, n), style.SEQUENTIAL)
        ax.figure.colorbar(scale, ax=ax, label="hidden layer")
    drawn = [ax.plot(epochs, shares[:, i], color=colors[i], linewidth=1.2, label=f"layer {i + 1}")[0] for i in range(n)]
    return drawn if n <= MOST_NAMED else []
