"""Random networks and data for the kernel tests."""

import itertools

import numpy as np


def random_network(layer_dims, n_examples, dtype, seed=0):
    """Parameters, inputs and targets for these widths; feature-major, as the kernels take them."""
    rng = np.random.default_rng(seed)
    pieces = []
    for fan_in, fan_out in itertools.pairwise(layer_dims):
        pieces += [rng.normal(0, fan_in**-0.5, fan_in * fan_out), rng.normal(0, 0.3, fan_out)]
    inputs = rng.normal(0, 1, (layer_dims[0], n_examples))
    targets = rng.integers(0, 2, (layer_dims[-1], n_examples))
    return np.concatenate(pieces).astype(dtype), inputs.astype(dtype), targets.astype(dtype)


def activations_of(layer_dims, hidden="relu"):
    return (hidden,) * (len(layer_dims) - 2) + ("logistic",)


def widened(*arrays):
    """The same values in float64, for an oracle wider than float32 kernels."""
    return [array.astype("float64") for array in arrays]
