"""Elementwise functions and losses of the notebook."""

from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.notebook.layers import common_dtype, labels_like


def sigmoid(x: Any) -> Any:
    """Compute ``1 / (1 + exp(-x))`` within 2 ulp, without overflow.

    Parameters
    ----------
    x : array-like of any shape
        float32 stays float32; other types become float64.

    Returns
    -------
    ndarray of the shape of ``x``, or a scalar for a scalar

    Raises
    ------
    TypeError, ValueError
        If x is no array of real numbers.

    Examples
    --------
    >>> from fastmlp import sigmoid
    >>> float(sigmoid(0.0))
    0.5
    """
    return _elementwise("sigmoid", x)


def relu(x: Any) -> Any:
    """Compute ``max(0, x)``; NaN stays NaN.

    Parameters
    ----------
    x : array-like of any shape
        float32 stays float32; other types become float64.

    Returns
    -------
    ndarray of the shape of ``x``, or a scalar for a scalar

    Raises
    ------
    TypeError, ValueError
        If x is no array of real numbers.

    Examples
    --------
    >>> from fastmlp import relu
    >>> relu([-1.0, 2.0])
    array([0., 2.])
    """
    return _elementwise("relu", x)


def _elementwise(function: str, x: Any) -> Any:
    array = np.ascontiguousarray(checks.array_of("x", x, common_dtype(x)))
    out = np.empty_like(array)
    _kernels.elementwise(function, array.reshape(-1), out.reshape(-1))
    return out.reshape(np.shape(x))[()]


def compute_loss(a: Any, Y: Any) -> float:
    """Compute the mean cross-entropy of given probabilities, without clipping; 0 log 0 is 0.

    Parameters
    ----------
    a : array-like of shape (outputs, m)
        Probabilities of label 1.
    Y : array-like of shape (outputs, m)
        Labels 0 and 1.

    Returns
    -------
    float
        inf only if a probability is exactly wrong; :func:`log_loss` stays finite even then.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together, or hold probabilities outside [0, 1] or other labels.

    Examples
    --------
    >>> from fastmlp import compute_loss
    >>> compute_loss([[0.5, 1.0]], [[1, 1]])
    0.34657359027997264
    """
    quick = _kernels.notebook_loss(a, Y)
    if quick is not None:
        return quick
    a = checks.matrix("a", a, common_dtype(a))
    if not _kernels.all_in_unit_interval(a):
        raise ValueError(f"a must hold probabilities in [0, 1], got values from {a.min():g} to {a.max():g}")
    return _kernels.cross_entropy(a, labels_like("Y", Y, a))


def log_loss(z: Any, Y: Any) -> float:
    """Compute the mean cross-entropy from logits; it is finite wherever the exact value is.

    Parameters
    ----------
    z : array-like of shape (outputs, m)
        Logits.
    Y : array-like of shape (outputs, m)
        Labels 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together, or hold logits that are not finite or other labels.

    Examples
    --------
    >>> from fastmlp import log_loss
    >>> log_loss([[1000.0]], [[0]])
    1000.0
    """
    z = checks.matrix("z", z, common_dtype(z))
    return _kernels.log_loss(z, labels_like("Y", Y, z))
