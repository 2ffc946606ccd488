"""Activations and means over a normal variable by mpmath, independent of the package."""

import mpmath
import numpy as np

from fastmlp.reference.activation import SELU_ALPHA, SELU_SCALE


def mish(z):
    return z * np.tanh(np.logaddexp(0, z))


def exact_mean(function, variance, kinks=(0,)):
    """The mean of a function of z ~ N(0, variance), by mpmath."""
    deviation = mpmath.sqrt(variance)
    rim = sorted({*(k * deviation for k in (-12, -6, -3, 3, 6, 12)), *(mpmath.mpf(kink) for kink in kinks)})
    density = mpmath.sqrt(2 * mpmath.pi * variance)
    return mpmath.quad(lambda z: function(z) * mpmath.exp(-z * z / (2 * variance)) / density, rim)


EXACT = {
    "identity": lambda z: z,
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "tanh": mpmath.tanh,
    "logistic": lambda z: 1 / (1 + mpmath.exp(-z)),
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "selu": lambda z: SELU_SCALE * (z if z > 0 else SELU_ALPHA * mpmath.expm1(z)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "gelu_tanh": lambda z: z * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (z + 0.044715 * z**3))) / 2,
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
}
