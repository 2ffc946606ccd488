"""Checks of parameter dicts and lists of arrays, shared by the notebook's functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.initializers import layer_keys

Parameters = dict[str, np.ndarray]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def as_dict(weights: list[np.ndarray], biases: list[np.ndarray]) -> Parameters:
    parameters = {}
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
        parameters[f"W{layer}"], parameters[f"b{layer}"] = w, b[:, np.newaxis]
    return parameters


def layers_of(parameters: Any) -> tuple[list[Any], list[Any]]:
    """Return the values W1, W2, ... and b1, b2, ... of a parameter dict; its other entries are ignored."""
    if not isinstance(parameters, dict):
        raise TypeError(f"parameters must be a dict, got {type(parameters).__name__}")
    parameters = dict(parameters)  # read once: another thread may change it, and a defaultdict would add missing keys
    found = layer_keys(parameters)
    names = _kernels.layer_names(max(1, (len(found) + 1) // 2))
    missing = [key for pair in zip(names.weights, names.biases, strict=True) for key in pair if key not in found]
    if missing:
        raise ValueError(
            f"parameters must have the keys W1, b1, W2, b2, ... of all layers; {', '.join(missing)} missing, "
            f"got {', '.join(map(str, parameters)) or 'none'}"
        )
    return [parameters[key] for key in names.weights], [parameters[key] for key in names.biases]


def common_dtype(*values: Any) -> np.dtype:
    """Return float32 if every value is float32 already, else float64."""
    for value in values:
        if getattr(value, "dtype", None) != FLOAT32:
            return FLOAT64
    return FLOAT32


def network_of(
    X: Any, weights: list[Any], columns: list[Any], kind: str = "b"
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Check that X, the weights and one more matrix per layer (its bias or its outputs) fit together."""
    if _kernels.network_fits(X, weights, columns, kind == "a"):
        return X, weights, columns
    X, weights, columns = _converted(X, weights, columns, kind)
    if weights[0].shape[1] == X.shape[1] != X.shape[0]:
        raise ValueError(f"X must have shape ({X.shape[1]}, m), got {X.shape}; examples lie in columns, pass X.T")
    width, n_columns = X.shape[0], 1 if kind == "b" else X.shape[1]
    for layer, (w, c) in enumerate(zip(weights, columns, strict=True), start=1):
        if w.shape[1] != width:
            before = f"W{layer - 1}" if layer > 1 else "X"
            raise ValueError(f"W{layer} must have shape (fan_out, {width}) to match {before}, got {w.shape}")
        width = w.shape[0]
        if c.shape != (width, n_columns):
            raise ValueError(f"{kind}{layer} must have shape {(width, n_columns)}, got {c.shape}")
    return X, weights, columns


def _converted(
    X: Any, weights: list[Any], columns: list[Any], kind: str
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Return the same arrays as finite C-contiguous matrices of one dtype."""
    dtype = common_dtype(X, *weights, *columns)
    return (
        checks.matrix("X", X, dtype),
        [checks.matrix(f"W{layer}", w, dtype) for layer, w in enumerate(weights, start=1)],
        [checks.matrix(f"{kind}{layer}", c, dtype) for layer, c in enumerate(columns, start=1)],
    )


def soft_labels(name: str, value: Any) -> np.ndarray:
    """Return a C-contiguous array of labels from 0 to 1, unrounded: a float32 would take 1 + 1e-12 for 1."""
    array = np.ascontiguousarray(checks.array_of(name, value, value.dtype if checks.is_real(value) else FLOAT64))
    if not _kernels.all_in_unit_interval(array):
        wrong = array[~((array >= 0) & (array <= 1))]
        raise ValueError(f"{name} must hold labels from 0 to 1, got {float(wrong[0])!r}")
    return array


def check_shape_of_labels(name: str, labels: np.ndarray, other: str, shape: tuple[int, ...]) -> None:
    """Refuse labels of another shape than that of the outputs, which the argument ``other`` decides."""
    if labels.shape != shape:
        hint = f"; pass {name}.T" if labels.shape == shape[::-1] else ""
        hint = f"; pass {name}.reshape(1, -1)" if labels.shape == shape[1:] and shape[0] == 1 else hint
        raise ValueError(f"{name} must have shape {shape} to match {other}, got {labels.shape}{hint}")


def labels_like(
    name: str, Y: Any, outputs: np.ndarray, check: Callable[[str, Any], np.ndarray] = checks.labels
) -> np.ndarray:
    """Return labels of the shape and dtype of the outputs: those that the check takes, by default 0 and 1."""
    quick = _kernels.integer_labels(Y, outputs)
    if quick is not None:
        return quick
    labels = check(name, Y)
    check_shape_of_labels(name, labels, "X", outputs.shape)
    return labels.astype(outputs.dtype, copy=False)
