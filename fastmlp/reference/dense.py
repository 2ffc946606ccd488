"""z = W a + b, and its two products backward."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def dense_forward(weights: Array, bias: Array, inputs: Array) -> Array:
    """z (fan_out, n) of one layer."""
    return weights @ inputs + bias[:, np.newaxis]


def dense_backward(weights: Array, dz: Array) -> Array:
    """d_inputs (fan_in, n): dz carried back through the weights."""
    return weights.T @ dz


def dense_gradient(dz: Array, inputs: Array) -> tuple[Array, Array]:
    """(dW, db), summed over the examples; the mean's 1 / n stands inside dz."""
    return dz @ inputs.T, dz.sum(axis=1)
