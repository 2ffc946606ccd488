"""Elementwise functions and losses of the notebook."""

from typing import Any

import numpy as np

from fastmlp import _kernels, arrays, checks
from fastmlp.notebook.layers import FLOAT32, FLOAT64, check_shape_of_labels, common_dtype, soft_labels


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

    Returns
    -------
    ndarray of the shape and dtype of ``x`` (int64 for bool), or a scalar for a scalar

    Raises
    ------
    TypeError, ValueError
        If x is no array of real numbers.

    Examples
    --------
    >>> from fastmlp import relu
    >>> relu([-1.0, 2.0]), relu([-1, 2])
    (array([0., 2.]), array([0, 2]))
    """
    array = arrays.real_array("x", x, np.float64)
    if array.dtype in (FLOAT32, FLOAT64):
        return _elementwise("relu", array)
    return np.maximum(array, 0)  # exact in the type of x, which float64 need not be


def _elementwise(function: str, x: Any) -> Any:
    array = checks.array_of("x", x, common_dtype(x))
    out = np.empty(array.size, array.dtype)
    _kernels.elementwise(function, array.ravel(), out)
    return out.reshape(array.shape)[()]


def compute_loss(a3: Any, Y: Any) -> float:
    """Compute the mean of ``-(Y log a3 + (1 - Y) log(1 - a3))``, without clipping; 0 log 0 is 0.

    Parameters
    ----------
    a3 : array-like of shape (outputs, m)
        Probabilities of label 1.
    Y : array-like of shape (outputs, m)
        Labels from 0 to 1.

    Returns
    -------
    float
        inf only if a probability is exactly wrong; :func:`log_loss` stays finite even then.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together, or hold probabilities or labels outside [0, 1].

    Examples
    --------
    >>> from fastmlp import compute_loss
    >>> compute_loss([[0.5, 1.0]], [[1, 1]])
    0.34657359027997264
    """
    quick = _kernels.notebook_loss(a3, Y)
    if quick is not None:
        return quick
    a3 = checks.matrix("a3", a3, common_dtype(a3))
    if not _kernels.all_in_unit_interval(a3):
        raise ValueError(f"a3 must hold probabilities in [0, 1], got values from {a3.min():g} to {a3.max():g}")
    return _kernels.cross_entropy(*_with_labels("a3", a3, Y))


def log_loss(z: Any, Y: Any) -> float:
    """Compute the mean cross-entropy from logits; it is finite wherever the exact value is.

    Parameters
    ----------
    z : array-like of shape (outputs, m)
        Logits.
    Y : array-like of shape (outputs, m)
        Labels from 0 to 1.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together, or hold logits that are not finite or labels outside [0, 1].

    Examples
    --------
    >>> from fastmlp import log_loss
    >>> log_loss([[1000.0]], [[0]])
    1000.0
    """
    z = checks.matrix("z", z, common_dtype(z))
    return _kernels.log_loss(*_with_labels("z", z, Y))


def _with_labels(name: str, outputs: np.ndarray, Y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs and their labels in one dtype: that of the outputs if it holds the labels exactly."""
    quick = _kernels.integer_labels(Y, outputs)
    if quick is not None:
        return outputs, quick
    labels = soft_labels("Y", Y)
    if outputs.shape[1] == 1 < outputs.shape[0] and labels.shape == outputs.shape[::-1]:
        raise ValueError(
            f"{name} must have shape {labels.shape} to match Y, got {outputs.shape}; "
            f"examples lie in columns, pass {name}.T"
        )
    check_shape_of_labels("Y", labels, name, outputs.shape)
    converted = labels.astype(outputs.dtype, copy=False)
    if converted is labels or np.array_equal(converted, labels):
        return outputs, converted
    return outputs.astype(labels.dtype), labels
