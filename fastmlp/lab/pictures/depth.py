"""Variances by depth, measured and predicted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.pictures import style
from fastmlp.lab.pictures.named import diagnoses_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DIRECTIONS = {  # what is measured, its label and the title
    "forward": ("preactivation", "mean square of z", "Pre-activations z by layer"),
    "backward": ("gradient", "mean square of dz", "Gradients dz by layer"),
}
NINETY_FIVE = 1.96  # deviations of a normal distribution on both sides of 95 %


def variance_by_depth(
    diagnosis: Any, predicted: Any = None, *, direction: str = "forward", ax: "Axes | None" = None
) -> "Axes":
    """Draw by layer how large pre-activations or gradients are, measured and as theory predicts it.

    Both are mean squares, which are variances where the mean is 0, as that of wide layers nearly is.  The band around
    a prediction holds about 95 % of all draws of a network of that width: log-normal, with the deviation that the
    theory tells (Hanin & Rolnick 2018).

    Parameters
    ----------
    diagnosis : Diagnosis or mapping of str to Diagnosis
        One, or several by name.
    predicted : ndarray or mapping of str to ndarray, default=None
        From :func:`fastmlp.lab.theory.predicted_variances`: one, or several by name.  One of the same name as a
        diagnosis has its colour.
    direction : {"forward", "backward"}, default="forward"
        Pre-activations, or gradients with respect to them.  Predicted gradients begin with the measured ones of the
        output layer: the first of the diagnoses, or that of the same name.
    ax : matplotlib.axes.Axes, default=None
        None makes a new figure, the ``figure`` of the axes returned.

    Returns
    -------
    matplotlib.axes.Axes
        With a log axis, unless nothing measured is over 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, a prediction has another number of layers, a diagnosis without y shall be
        drawn backward, or nothing is finite.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLP
    >>> from fastmlp.lab import diagnose, pictures, theory
    >>> X, dims = np.random.default_rng(0).normal(size=(100, 50)), [50, 200, 200, 200, 1]
    >>> measured = diagnose(MLP(dims, initialization="he", seed=0), X)
    >>> ax = pictures.variance_by_depth(measured, theory.predicted_variances(dims, "relu", 2.0))
    >>> [line.get_label() for line in ax.lines]
    ['measured', 'predicted, 95 % of draws']
    """
    from matplotlib.ticker import MaxNLocator

    checks.choice("direction", direction, tuple(DIRECTIONS))
    field, label, title = DIRECTIONS[direction]
    measured = {name: _mean_squares(one.layers, field) for name, one in diagnoses_of(diagnosis).items()}
    for values in measured.values():
        if direction == "backward" and np.isnan(values).all():
            raise ValueError("diagnosis must be made with y to be drawn backward: diagnose(network, X, y)")
        if not np.isfinite(values).any():
            raise ValueError("diagnosis must have a finite variance in at least one layer, got none")
    predictions = {name: _checked(values, measured) for name, values in _named(predicted).items()}
    may_grow, ax = ax is None, style.axes_for(ax)
    names = dict.fromkeys([*measured, *predictions])
    if len(names) > style.MOST_LINES:
        raise ValueError(f"at most {style.MOST_LINES} names can be told apart, got {len(names)}")
    marks = dict(zip(names, style.marks_of(ax, len(names)), strict=True))
    handles = []
    for name, values in measured.items():
        text = f"{style.label_of(name)}, measured" if name else "measured"
        x = np.arange(1, len(values) + 1)
        handles += ax.plot(x, style.drawable(values), markersize=4, linewidth=1.2, label=text, **marks[name])
    for name, layers in predictions.items():
        reference = measured.get(name, next(iter(measured.values())))
        handles += _draw_prediction(ax, name, layers, direction, reference, marks[name]["color"])
    if any((values > 0).any() for values in measured.values()):
        style.use_log(ax, "y")
    style.write(ax, x="layer", y=label, title=title)
    ax.set_xlim(0.5, max(map(len, measured.values())) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.legend(ax, handles, "", may_grow=may_grow)
    return ax


def _mean_squares(layers: np.ndarray, field: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        return layers[f"{field}_variance"] + np.square(layers[f"{field}_mean"])


def _named(predicted: Any) -> dict[str, Any]:
    if predicted is None:
        return {}
    named = predicted if isinstance(predicted, Mapping) else {"": predicted}
    return {str(name): layers for name, layers in named.items()}


def _checked(layers: Any, measured: Mapping[str, np.ndarray]) -> np.ndarray:
    """Refuse what is no prediction for layers as many as were measured."""
    names = getattr(getattr(layers, "dtype", None), "names", None) or ()
    if not {"forward", "forward_deviation", "backward", "backward_deviation"} <= set(names):
        raise TypeError(f"predicted must be what predicted_variances returns, or a mapping, got {checks.shown(layers)}")
    depths = {len(values) for values in measured.values()}
    if len(layers) not in depths:
        raise ValueError(f"predicted must have {' or '.join(map(str, sorted(depths)))} layers, got {len(layers)}")
    return layers


def _draw_prediction(
    ax: "Axes", name: str, layers: np.ndarray, direction: str, measured: np.ndarray, color: str
) -> list[Any]:
    """Draw a prediction with the band of its draws; return its line."""
    scale = measured[-1] if direction == "backward" else 1.0
    x = np.arange(1, len(layers) + 1)
    with np.errstate(over="ignore", invalid="ignore"):  # of an output layer that is not finite
        values = style.drawable(scale * layers[direction])
        low, high = map(style.drawable, band_of_draws(values, scale * layers[f"{direction}_deviation"]))
    ax.fill_between(x, low, high, color=color, alpha=style.alpha_of(ax), linewidth=0)
    label = f"{style.label_of(name)}, predicted, 95 % of draws" if name else "predicted, 95 % of draws"
    return ax.plot(x, values, color=color, linestyle="--", linewidth=1.6, label=label)


def band_of_draws(values: np.ndarray, deviations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the band in which 95 % of log-normal values of these means and deviations lie.

    With b the squared relative deviation, the logarithm of a value over its mean is about N(-b / 2, b).
    """
    relative = np.divide(deviations, values, out=np.zeros_like(values), where=values > 0)
    return tuple(values * np.exp(-np.square(relative) / 2 + sign * NINETY_FIVE * relative) for sign in (-1, 1))
