"""The flat parameter vector in the layouts that the peers take, and back."""

import numpy as np
from workloads import LAYER_DIMS

from fastmlp.engine.plan import join_parameters, split_parameters


def as_dict(parameters):
    """The flat vector as the notebook's dict, W1, b1, ..."""
    named = {}
    for layer, (w, b) in enumerate(zip(*split_parameters(parameters, LAYER_DIMS), strict=True), start=1):
        named[f"W{layer}"], named[f"b{layer}"] = w.copy(), b[:, np.newaxis].copy()
    return named


def from_dict(named):
    layers = range(1, len(LAYER_DIMS))
    return join_parameters([named[f"W{layer}"] for layer in layers], [named[f"b{layer}"][:, 0] for layer in layers])


def with_bias_columns(parameters, layer_dims=LAYER_DIMS):
    """[W | b] of every layer."""
    return [np.column_stack(pair) for pair in zip(*split_parameters(parameters, layer_dims), strict=True)]


def without_bias_columns(layers):
    return join_parameters([layer[:, :-1] for layer in layers], [layer[:, -1] for layer in layers])
