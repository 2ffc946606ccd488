"""Activations and their derivatives, both from z."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Array]

LEAKY_SLOPE = 0.01
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848
GELU_SLOPE, GELU_CUBIC = (8 / np.pi) ** 0.5, 0.044715


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), computed so that exp never overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def relu(x: Array) -> Array:
    """max(0, x)"""
    return np.maximum(0, x)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), computed so that exp never overflows."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softmax(z: Array) -> Array:
    """exp(z) over its sum in every column."""
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


def exponential(z: Array) -> Array:
    """exp(z), infinite where it is too large."""
    with np.errstate(over="ignore"):
        return np.exp(z)


def normal_cdf(x: Array) -> Array:
    """The distribution function of the standard normal distribution."""
    from scipy.special import ndtr

    return ndtr(x)


def _elu(z: Array, scale: float = 1, alpha: float = 1) -> Array:
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def _elu_derivative(z: Array, scale: float = 1, alpha: float = 1) -> Array:
    return scale * np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0)))


def _gelu_derivative(z: Array) -> Array:
    return normal_cdf(z) + z * np.exp(-0.5 * z * z) * (2 * np.pi) ** -0.5


def _gelu_tanh_argument(z: Array) -> Array:
    """2 u, since (1 + tanh u) / 2 = sigmoid(2 u)."""
    return GELU_SLOPE * (z + GELU_CUBIC * z**3)


def _gelu_tanh_derivative(z: Array) -> Array:
    x = _gelu_tanh_argument(z)
    return sigmoid(x) * (1 + z * sigmoid(-x) * GELU_SLOPE * (1 + 3 * GELU_CUBIC * z * z))


ACTIVATIONS: dict[str, Function] = {
    "identity": lambda z: z,
    "relu": relu,
    "tanh": np.tanh,
    "logistic": sigmoid,
    "leaky_relu": lambda z: np.where(z > 0, z, LEAKY_SLOPE * z),
    "elu": _elu,
    "selu": partial(_elu, scale=SELU_SCALE, alpha=SELU_ALPHA),
    "gelu": lambda z: z * normal_cdf(z),
    "gelu_tanh": lambda z: z * sigmoid(_gelu_tanh_argument(z)),
    "silu": lambda z: z * sigmoid(z),
    "softplus": softplus,
    "softmax": softmax,  # this one and the next of outputs only
    "exponential": exponential,
}

DERIVATIVES: dict[str, Function] = {
    "identity": np.ones_like,
    "relu": lambda z: (z > 0).astype(z.dtype),  # 0 at 0
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "logistic": lambda z: sigmoid(z) * sigmoid(-z),
    "leaky_relu": lambda z: np.where(z > 0, 1, LEAKY_SLOPE).astype(z.dtype),
    "elu": _elu_derivative,
    "selu": partial(_elu_derivative, scale=SELU_SCALE, alpha=SELU_ALPHA),
    "gelu": _gelu_derivative,
    "gelu_tanh": _gelu_tanh_derivative,
    "silu": lambda z: sigmoid(z) * (1 + z * sigmoid(-z)),
    "softplus": sigmoid,
}
