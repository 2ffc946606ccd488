"""Measurements of a network: symmetry, saturation, dead units."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.engine.examples import dense_inputs_of
from fastmlp.network import MLP

SATURATED_LOGIT = 10.0  # beyond it the sigmoid's slope is below 5e-5: the output cannot move


@dataclass(frozen=True)
class Diagnostics:
    """Measurements of a network on examples; shares are fractions from 0 to 1.

    Attributes
    ----------
    symmetric : bool
        Whether all units of some hidden layer with several units have the same incoming weights and bias.
    dead_units : float
        Share of hidden units whose output is the same for every example; 0 without hidden layers.
    saturated_outputs : float
        Share of logits that are not finite or whose magnitude is over 10, where the gradient of a sigmoid vanishes.
    smallest_logit, largest_logit : float
        NaN only if all logits are NaN.
    """

    symmetric: bool
    dead_units: float
    saturated_outputs: float
    smallest_logit: float
    largest_logit: float


def diagnose(network: MLP, X: Any) -> Diagnostics:
    """Measure a network on examples.

    Parameters
    ----------
    network : MLP
    X : array-like of shape (n_examples, n_features)

    Returns
    -------
    Diagnostics

    Raises
    ------
    TypeError, ValueError
        If X has the wrong type or shape, holds fewer than 2 examples, or is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLP
    >>> diagnose(MLP([2, 3, 1], initialization="zeros"), np.eye(2)).symmetric
    True
    """
    if not isinstance(network, MLP):
        raise TypeError(f"network must be an MLP, got {checks.shown(network)}")
    inputs = dense_inputs_of(X, network.plan.layer_dims[0], network.plan.dtype)
    if len(inputs) < 2:
        raise ValueError("X must have at least 2 examples: whether a unit is dead shows between examples; got 1")
    layers = network.engine(len(inputs)).layers(network.parameters, _kernels.Data(inputs))
    units = [np.c_[w, b] for w, b in zip(network.weights, network.biases, strict=True)][:-1]
    dead = [layer["a"].max(axis=1) == layer["a"].min(axis=1) for layer in layers[:-1]]
    logits = layers[-1]["z"]
    return Diagnostics(
        symmetric=any(len(unit) > 1 and bool((unit == unit[0]).all()) for unit in units),
        dead_units=float(np.concatenate(dead).mean()) if dead else 0.0,
        saturated_outputs=float((~(np.abs(logits) <= SATURATED_LOGIT)).mean()),  # NaN counts: it overflowed
        smallest_logit=float(np.fmin.reduce(logits, axis=None)),
        largest_logit=float(np.fmax.reduce(logits, axis=None)),
    )
