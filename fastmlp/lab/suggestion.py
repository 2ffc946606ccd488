"""An initializer suggested for a network, with the reasons and the figures behind it."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import MLP, _kernels, checks, initializers
from fastmlp.engine.examples import dense_inputs_of
from fastmlp.engine.plan import hidden_activations
from fastmlp.initializers import Initializer
from fastmlp.initializers.by_activation import kumar_variance
from fastmlp.lab import tabular, theory
from fastmlp.lab.diagnosis.thresholds import threshold
from fastmlp.lab.scaling import Standardization
from fastmlp.text import listed

MOST_BORN_DEAD = 0.1  # share of networks that may be dead for an example
DRAWS = 10  # networks that are measured
ROWS = 1000  # examples of X that are measured
SMALL_FEATURES = 0.1  # root mean square of all features below which they are too small for a start that assumes 1
MOST_SIZE = 1e100  # mean square of the features beyond which theory overflows
FIELDS = [("layer", np.int64), ("predicted", float), ("predicted_deviation", float), ("measured", float)]


@dataclass(frozen=True, eq=False, repr=False)
class Suggestion:
    """What :func:`suggest_initialization` found.

    Attributes
    ----------
    initializer : Initializer or list of these
        Goes into ``MLP(initialization=...)``; a list has one for each layer.
    reasons : tuple of str
        Why this one, in sentences.
    warnings : tuple of str
        What no initializer mends: features that are far too large or too small, an activation without a critical point.
    layers : structured ndarray of shape (n_layers,)
        A row per layer, the output layer last: ``layer`` from 1; ``predicted``, the mean square of its pre-activations
        by mean field theory, and ``predicted_deviation`` between draws, NaN where the theory does not apply or
        overflows; ``measured`` with X, the mean over 10 draws, otherwise NaN.
    """

    initializer: Initializer | list[Initializer]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    layers: np.ndarray

    def __repr__(self) -> str:
        chosen = self.initializer
        names = f"{chosen!r}, one per layer" if isinstance(chosen, list) else f"{chosen!r}, {chosen.formula}"
        lines = [f"Suggestion: {names}", *self.reasons]
        lines += [f"Warning: {warning}" for warning in self.warnings]
        rows = [["layer", "predicted", "measured"]]
        for row in self.layers:
            predicted = f"{row['predicted']:.3g} +- {row['predicted_deviation']:.2g}"
            cells = [predicted if math.isfinite(row["predicted"]) else "-"]
            cells += [f"{row['measured']:.3g}" if math.isfinite(row["measured"]) else "-"]
            rows.append([str(row["layer"]), *cells])
        return "\n".join([*lines, "", *tabular.in_columns(rows)])


def suggest_initialization(
    layer_dims: Sequence[int], activation: str | Sequence[str] = "relu", X: Any = None
) -> Suggestion:
    """Suggest an initializer for a network, with its reasons.

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs.
    activation : str or sequence of str, default="relu"
        Activation of the hidden layers, one for all or one for each.
    X : array-like of shape (n_examples, n_features), default=None
        Examples on which networks drawn from the suggestion are measured, and whose scale is judged.

    Returns
    -------
    Suggestion

    Raises
    ------
    TypeError, ValueError
        If a width or activation is unknown, or X has the wrong shape, or is not finite.

    Notes
    -----
    Networks of ReLU get He's weights, or mirrored ones where over a tenth of He's networks would be dead for an
    example. SELU gets LeCun's, which lead to its fixed point. Every other activation gets the variances of its critical
    point; one that has none gets Kumar's weights. Where activations are mixed and one has no critical point, each
    layer's weights keep the mean square of what the layer reads.

    References
    ----------
    He et al. 2015, Delving Deep into Rectifiers, equation 10.
    Balduzzi et al. 2017, The Shattered Gradients Problem.
    Klambauer et al. 2017, Self-Normalizing Neural Networks.
    Roberts, Yaida & Hanin 2022, The principles of deep learning theory, chapter 5.
    Kumar 2017, On weight initialization in deep neural networks.

    Examples
    --------
    >>> from fastmlp.lab import suggest_initialization
    >>> found = suggest_initialization([20, 32, 32, 1], "gelu")
    >>> found.initializer
    Critical()
    >>> found.layers["predicted"].round(2)
    array([2.16, 2.16, 2.16])
    """
    dims = checks.layer_dims_of(layer_dims)
    names = hidden_activations(activation, len(dims) - 2)
    inputs = None if X is None else dense_inputs_of(X, dims[0], np.dtype(np.float64))
    choice = _choose(dims, names)
    layers = np.array([(layer, *[np.nan] * 3) for layer in range(1, len(dims))], FIELDS)
    size, warnings = 1.0, choice.warnings
    if inputs is not None:
        scales = Standardization.of(inputs).scales()
        with np.errstate(over="ignore", under="ignore"):
            size = float(np.mean(np.square(scales)))
        warnings += _unscaled(scales, math.sqrt(size))
        layers["measured"] = _measured(choice.initialization, dims, names, inputs)
    if choice.variances is not None and size <= MOST_SIZE:
        predicted = theory.predicted_variances(dims, names, *choice.variances, input_variance=size)
        layers["predicted"], layers["predicted_deviation"] = predicted["forward"], predicted["forward_deviation"]
    return Suggestion(choice.initialization, choice.reasons, warnings, layers)


@dataclass(frozen=True)
class _Choice:
    """An initialization with its reasons and warnings.

    The variances are those of the weights, times fan_in, and of the biases, for each layer; None where mean field
    theory does not apply.
    """

    initialization: Initializer | list[Initializer]
    variances: tuple[list[float], list[float]] | None
    reasons: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def _choose(dims: tuple[int, ...], names: list[str]) -> _Choice:
    n_layers, kinds = len(dims) - 1, set(names)
    if not names:
        return _uniform("lecun", 1.0, n_layers, "Without hidden layers every start leads to the same minimum.")
    if kinds == {"relu"}:
        return _for_relu(dims)
    if kinds == {"selu"}:
        point = theory.mean_field("selu", 1.0)
        reason = f"At weight variance 1 SELU draws every variance to {point.fixed_point:.3g}, its fixed point."
        return _uniform("lecun", 1.0, n_layers, reason)
    points = {name: theory.criticality(name) for name in dict.fromkeys(names)}
    uncritical = [point for point in points.values() if point.kind == "none"]
    before = [names[0], *names]  # what each layer's inputs come from; the network's inputs count as the first's
    if not uncritical:
        variances = [points[name].weight_variance for name in before], [points[name].bias_variance for name in before]
        return _Choice(initializers.get("critical"), variances, tuple(map(_at_its_point, points.values())))
    reasons = tuple(f"{point.activation} has no critical point: {point.reason}." for point in uncritical)
    warnings = tuple(_nothing_helps(point.activation, len(names)) for point in uncritical)
    if len(points) == 1:
        reason = "Kumar's weights keep the variance of the outputs where the activation is about linear."
        kumar = _uniform("kumar", kumar_variance(names[0]), n_layers, *reasons, reason)
        return dataclasses.replace(kumar, warnings=warnings)
    weights = [
        theory.gain(name) ** 2 if points[name].kind == "none" else points[name].weight_variance for name in before
    ]
    return _Choice(
        [initializers.get("variance_scaling", scale=weight) for weight in weights],
        (weights, [0.0] * n_layers),
        (*reasons, "Each layer has the weights that keep the mean square of what it reads."),
        warnings,
    )


def _uniform(name: str, variance: float, n_layers: int, *reasons: str) -> _Choice:
    """The choice of one initializer whose layers all have the same variance of weights, and biases of 0."""
    return _Choice(initializers.get(name), ([variance] * n_layers, [0.0] * n_layers), reasons)


def _for_relu(dims: tuple[int, ...]) -> _Choice:
    dead = theory.born_dead_probability(dims)
    depth = f"{len(dims) - 2} hidden layer{'s' * (len(dims) > 3)}, the narrowest of width {min(dims[1:-1])}"
    if dead <= MOST_BORN_DEAD or min(dims[1:-1]) == 1:
        return _uniform(
            "he",
            2.0,
            len(dims) - 1,
            "ReLU passes on half of a variance; He's weights, of variance 2 / fan_in, make up for it.",
            f"With {depth}, a share of {dead:.2g} of all networks is born dead for an example.",
        )
    return _Choice(
        initializers.get("looks_linear"),
        None,
        (
            f"With {depth}, He's weights would leave {dead:.0%} of all networks dead for an example at the start.",
            "Mirrored weights start as a linear network, in which no unit is dead together with its mirror.",
        ),
    )


def _at_its_point(point: theory.Criticality) -> str:
    biases = f" and bias variance {point.bias_variance:.4g}" if point.bias_variance else ""
    weights = f"{point.activation} is critical at weight variance {point.weight_variance:.4g} / fan_in"
    return f"{weights}{biases} ({point.kind}): {point.reason}."


def _nothing_helps(activation: str, depth: int) -> str:
    remedies = "; ".join(theory.outlook(activation, depth).remedies)
    return f"no initialization of {activation} keeps both signals and gradients. What helps: {remedies}"


def _unscaled(scales: np.ndarray, scale: float) -> tuple[str, ...]:
    """Return a warning for features that are too large, or all too small."""
    if scale < SMALL_FEATURES:
        return (f"X: a root mean square of {scale:.3g}, where initializers assume about 1. Standardize X",)
    large = np.flatnonzero(scales > threshold("large_features"))
    if not len(large):
        return ()
    columns = f"column{'s' * (len(large) > 1)} {listed([str(column) for column in large], 5)} of X"
    return (
        f"{columns}: a root mean square of up to {scales.max():.3g}, where initializers assume about 1. Standardize X",
    )


def _measured(initialization: Any, dims: tuple[int, ...], names: list[str], inputs: np.ndarray) -> np.ndarray:
    """Return the mean square of each layer's pre-activations over examples and draws."""
    rows = np.ascontiguousarray(inputs[:: -(-len(inputs) // ROWS)])
    data, squares = _kernels.Data(rows), np.zeros(len(dims) - 1)
    for seed in range(DRAWS):
        network = MLP(dims, activation=names, loss="squared_error", initialization=initialization, seed=seed)
        layers = network.engine(len(rows)).layers(network.parameters, data)
        with np.errstate(over="ignore"):
            squares += [np.mean(np.square(layer["z"])) for layer in layers]
    return squares / DRAWS
