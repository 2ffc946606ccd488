"""What the study measures of a network: symmetry, saturation, dead units, predictions.

:mod:`fastmlp.lab.diagnosis` looks deeper; the study's words and JSON are made from these few figures.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.engine.examples import dense_inputs_of
from fastmlp.lab.scaling import blocks_of
from fastmlp.network import MLP

SATURATED_LOGIT = 10.0  # beyond it the sigmoid's slope is below 5e-5: the output cannot move
BLOCK = 1 << 19  # values of all layers that are kept at a time


@dataclass(frozen=True)
class Measurements:
    """Measurements of a network on examples; shares are fractions from 0 to 1.

    Attributes
    ----------
    symmetric : bool
        Whether all units of some hidden layer, see ``is_symmetric``, have the same weights in and out.
    dead_units : float
        Share of hidden units whose output is the same for every example; 0 without hidden layers.
    saturated_outputs : float
        Share of logits that are not finite or whose magnitude is over 10, where the gradient of a sigmoid vanishes.
        With softmax, share of examples whose largest logit is over 10 above the next one.  With the other losses,
        share of outputs that are not finite.
    smallest_logit, largest_logit : float
        NaN only if all logits are NaN.
    """

    symmetric: bool
    dead_units: float
    saturated_outputs: float
    smallest_logit: float
    largest_logit: float


def measure(network: MLP, X: Any) -> Measurements:
    """Measure a network on examples.

    Parameters
    ----------
    network : MLP
    X : array-like of shape (n_examples, n_features)

    Returns
    -------
    Measurements

    Raises
    ------
    TypeError, ValueError
        If X has the wrong type or shape, holds fewer than 2 examples, or is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLP
    >>> from fastmlp.lab.measurements import measure
    >>> measure(MLP([2, 3, 1], initialization="zeros"), np.eye(2)).symmetric
    True
    """
    if not isinstance(network, MLP):
        raise TypeError(f"network must be an MLP, got {checks.shown(network)}")
    inputs = dense_inputs_of(X, network.plan.layer_dims[0], network.plan.dtype)
    if len(inputs) < 2:
        raise ValueError("X must have at least 2 examples: whether a unit is dead shows between examples; got 1")
    plan = network.plan
    rows = min(len(inputs), max(1, BLOCK // sum(plan.layer_dims)))
    engine = network.engine(rows)
    lows, highs = ([np.empty((0, width)) for width in plan.layer_dims[1:-1]] for _ in range(2))
    smallest = largest = np.nan
    n_saturated = n_measured = 0
    for block in blocks_of(inputs, rows * inputs.shape[1]):
        *hidden, last = engine.layers(network.parameters, _kernels.Data(block))
        for i, layer in enumerate(hidden):
            lows[i] = np.vstack([lows[i], layer["a"].min(axis=1)]).min(axis=0, keepdims=True)
            highs[i] = np.vstack([highs[i], layer["a"].max(axis=1)]).max(axis=0, keepdims=True)
        smallest = np.fmin.reduce(last["z"], axis=None, initial=smallest)
        largest = np.fmax.reduce(last["z"], axis=None, initial=largest)
        saturated = _saturated(last["z"], plan.activations[-1])
        n_saturated, n_measured = n_saturated + int(saturated.sum()), n_measured + saturated.size
    dead = [low[0] == high[0] for low, high in zip(lows, highs, strict=True)]
    return Measurements(
        symmetric=symmetric_layer(network) is not None,
        dead_units=float(np.concatenate(dead).mean()) if dead else 0.0,
        saturated_outputs=n_saturated / n_measured,
        smallest_logit=float(smallest),
        largest_logit=float(largest),
    )


def symmetric_layer(network: MLP) -> int | None:
    """Return the first hidden layer, from 1, that is symmetric, None if none is."""
    n_hidden = len(network.plan.layer_dims) - 2
    return next((layer for layer in range(1, n_hidden + 1) if is_symmetric(network, layer)), None)


def is_symmetric(network: MLP, layer: int) -> bool:
    """Whether all units of a hidden layer (from 1), at least two, have the same bias and the same weights in and out.

    Only then are their gradients the same too, and they stay one unit.
    """
    incoming, bias, outgoing = network.weights[layer - 1], network.biases[layer - 1], network.weights[layer]
    return len(bias) > 1 and bool(
        (bias == bias[0]).all() and (incoming == incoming[0]).all() and (outgoing == outgoing[:, :1]).all()
    )


def predictions(network: MLP, X: np.ndarray) -> np.ndarray:
    """Return what :meth:`fastmlp.MLP.predict` does, as numbers (n_examples, n_targets), NaN where a sum overflows."""
    inputs = dense_inputs_of(X, network.plan.layer_dims[0], network.plan.dtype)
    predicted, is_lost = network.predictions_of(inputs)
    rows = predicted.reshape(len(inputs), -1)
    return rows if is_lost is None else np.where(is_lost[:, np.newaxis], np.nan, rows)


def _saturated(logits: np.ndarray, output: str) -> np.ndarray:
    """Return which logits (n_outputs, n_examples), or which examples, are saturated; NaN is, since it overflowed."""
    if output == "logistic":
        return ~(np.abs(logits) <= SATURATED_LOGIT)
    if output == "softmax" and len(logits) > 1:
        *_, second, first = np.partition(logits, [-2, -1], axis=0)
        with np.errstate(invalid="ignore"):
            return ~(first - second <= SATURATED_LOGIT)
    return ~np.isfinite(logits)
