"""Checks of parameter dicts and lists of arrays, shared by the notebook's functions."""

from typing import Any

import numpy as np

from fastmlp import _kernels, checks

Parameters = dict[str, np.ndarray]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def as_dict(weights: list[np.ndarray], biases: list[np.ndarray]) -> Parameters:
    parameters = {}
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
        parameters[f"W{layer}"], parameters[f"b{layer}"] = w, b[:, np.newaxis]
    return parameters


def layers_of(parameters: Any) -> tuple[list[Any], list[Any]]:
    """Return the values W1, W2, ... and b1, b2, ... of a parameter dict."""
    if not isinstance(parameters, dict):
        raise TypeError(f"parameters must be a dict, got {type(parameters).__name__}")
    n_layers = max(1, len(parameters) // 2)
    names = _kernels.layer_names(n_layers)
    try:
        if len(parameters) != 2 * n_layers or not all(key in parameters for key in names.weights + names.biases):
            raise KeyError  # looked up first: a defaultdict would add the missing keys
        return [parameters[key] for key in names.weights], [parameters[key] for key in names.biases]
    except KeyError:
        raise ValueError(
            f"parameters must have the keys W1, b1, W2, b2, ... and no other; got {', '.join(map(str, parameters))}"
        ) from None


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
    width, n_columns = X.shape[0], 1 if kind == "b" else X.shape[1]
    for layer, (w, c) in enumerate(zip(weights, columns, strict=True), start=1):
        if w.shape[1] != width:
            raise ValueError(f"W{layer} must have shape (fan_out, {width}), got {w.shape}")
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


def labels_like(name: str, Y: Any, outputs: np.ndarray) -> np.ndarray:
    """Return labels of the shape and dtype of the outputs."""
    quick = _kernels.integer_labels(Y, outputs)
    if quick is not None:
        return quick
    labels = checks.labels(name, Y)
    if labels.shape != outputs.shape:
        raise ValueError(f"{name} must have shape {outputs.shape} to match, got {labels.shape}")
    return labels.astype(outputs.dtype, copy=False)
