"""The losses from the last layer's logits z and targets y, and their derivatives by z.

Both are finite wherever their exact values are.  The last argument of each is the delta of "huber", the quantile
of "quantile", the label smoothing of "multinomial_log_loss", and nothing to the others.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp.reference.activation import exponential, sigmoid, softmax

Array = np.ndarray[Any, Any]
Function = Callable[[Array, Array, float], Array]


def _log_losses(z: Array, y: Array, _: float) -> Array:
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))


def _class_targets(z: Array, y: Array, label_smoothing: float) -> Array:
    """(classes, n) of the one row of class indices ``y``."""
    hits = (np.arange(len(z))[:, np.newaxis] == y).astype(z.dtype)
    return (1 - label_smoothing) * hits + label_smoothing / len(z)


def _multinomial_losses(z: Array, y: Array, label_smoothing: float) -> Array:
    x = z - z.max(axis=0)
    log_probabilities = x - np.log(np.exp(x).sum(axis=0))
    return -(_class_targets(z, y, label_smoothing) * log_probabilities).sum(axis=0, keepdims=True)


def _huber_losses(z: Array, y: Array, delta: float) -> Array:
    size = np.abs(z - y)
    q = np.minimum(size, delta)
    return q * (size - q / 2)


def _quantile_derivative(z: Array, y: Array, quantile: float) -> Array:
    return np.where(z > y, 1 - quantile, np.where(z < y, -quantile, 0)).astype(z.dtype)


def _poisson_losses(z: Array, y: Array, _: float) -> Array:
    """y (exp(d) - 1 - d) with d = z - log y, which near d = 0 keeps what y log y - y z - y + exp(z) would lose."""
    d = z - np.log(np.where(y > 0, y, 1))
    near = y * (np.expm1(np.minimum(d, 1)) - d)
    return np.where((y > 0) & (d < 1), near, exponential(z) - y * (1 + d))


LOSSES: dict[str, Function] = {
    "log_loss": _log_losses,
    "multinomial_log_loss": _multinomial_losses,
    "multilabel_log_loss": _log_losses,
    "squared_error": lambda z, y, _: (z - y) / 2 * (z - y),
    "absolute_error": lambda z, y, _: np.abs(z - y),
    "huber": _huber_losses,
    "quantile": lambda z, y, quantile: np.maximum(quantile * (y - z), (quantile - 1) * (y - z)),
    "poisson": _poisson_losses,
}

LOSS_DERIVATIVES: dict[str, Function] = {
    "log_loss": lambda z, y, _: sigmoid(z) - y,
    "multinomial_log_loss": lambda z, y, label_smoothing: softmax(z) - _class_targets(z, y, label_smoothing),
    "multilabel_log_loss": lambda z, y, _: sigmoid(z) - y,
    "squared_error": lambda z, y, _: z - y,
    "absolute_error": lambda z, y, _: np.sign(z - y),
    "huber": lambda z, y, delta: np.clip(z - y, -delta, delta),
    "quantile": _quantile_derivative,
    "poisson": lambda z, y, _: exponential(z) - y,
}


def example_weights(z: Array, sample_weight: Array | None) -> Array:
    """(n,): ones where none are given."""
    return np.ones(z.shape[1], z.dtype) if sample_weight is None else sample_weight


def weighted_losses(
    z: Array, y: Array, loss: str = "log_loss", loss_parameter: float = 0, sample_weight: Array | None = None
) -> Array:
    """(n,): every example's loss, summed over outputs, times its weight."""
    losses = LOSSES[loss](z, y, loss_parameter).sum(axis=0, dtype=np.float64)
    return losses * example_weights(z, sample_weight)


def mean_loss(
    z: Array, y: Array, loss: str = "log_loss", loss_parameter: float = 0, sample_weight: Array | None = None
) -> float:
    """The weighted losses' sum over the weights'."""
    total = weighted_losses(z, y, loss, loss_parameter, sample_weight).sum()
    return float(total / example_weights(z, sample_weight).sum(dtype=np.float64))


def loss_backward(
    z: Array, y: Array, loss: str = "log_loss", loss_parameter: float = 0, sample_weight: Array | None = None
) -> Array:
    """dz (outputs, n) of the mean loss; 0 where no example weighs anything."""
    weights = example_weights(z, sample_weight)
    return LOSS_DERIVATIVES[loss](z, y, loss_parameter) * (weights / (weights.sum() or 1))


def log_loss(logits: Array, targets: Array) -> float:
    """Mean log-loss from logits: softplus(z) - z y."""
    return mean_loss(logits, targets)


def log_loss_backward(logits: Array, targets: Array) -> Array:
    """dz (outputs, n) of the mean log-loss: (sigmoid(z) - y) / n."""
    return loss_backward(logits, targets)


def cross_entropy(probabilities: Array, targets: Array) -> float:
    """Mean cross-entropy of given probabilities and labels from 0 to 1; 0 log 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        of_one = np.where(targets == 0, 0, -targets * np.log(probabilities))
        of_zero = np.where(targets == 1, 0, (targets - 1) * np.log1p(-probabilities))
    return float((of_one + of_zero).sum(dtype=np.float64) / probabilities.shape[1])
