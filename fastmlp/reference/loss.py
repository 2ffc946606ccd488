"""The losses from the last layer's logits z and targets y, and their derivatives by z.

Both are finite wherever the dtype holds their exact values.  The last argument of each is the delta of "huber", the
quantile of "quantile", the label smoothing of the log-losses, and nothing to the others.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp.reference.activation import exponential, sigmoid, softmax

Array = np.ndarray[Any, Any]
Function = Callable[[Array, Array, float], Array]


def _difference(z: Array, y: Array) -> Array:
    """z - y, infinite where it is too large."""
    with np.errstate(over="ignore"):
        return z - y


def _log_losses(z: Array, y: Array, label_smoothing: float) -> Array:
    if label_smoothing:
        _, z, y = _smoothed(z, y, label_smoothing)
    return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))


def _log_loss_derivative(z: Array, y: Array, label_smoothing: float) -> Array:
    if not label_smoothing:
        return sigmoid(z) - y
    sign, z, y = _smoothed(z, y, label_smoothing)
    return sign * (sigmoid(z) - y)


def _smoothed(z: Array, y: Array, label_smoothing: float) -> tuple[Array, Array, Array]:
    """Signs, and z and smoothed labels where those over 1/2 are replaced by the opposite ones.

    Near 0 a target keeps a smoothing that would be rounded away near 1.
    """
    sign = np.where(y > 0.5, -1, 1).astype(z.dtype)
    label = np.where(y > 0.5, 1 - y, y)
    return sign, sign * z, label + label_smoothing * (0.5 - label)


def _class_targets(z: Array, y: Array, label_smoothing: float) -> Array:
    """(classes, n) of the one row of class indices ``y``."""
    hits = (np.arange(len(z))[:, np.newaxis] == y).astype(z.dtype)
    return (1 - label_smoothing) * hits + label_smoothing / len(z)


def _multinomial_losses(z: Array, y: Array, label_smoothing: float) -> Array:
    """log sum exp(z - most) + sum of target (most - z), where small targets can keep a large difference finite."""
    most, targets = z.max(axis=0), _class_targets(z, y, label_smoothing)
    below = _difference(most, z)
    with np.errstate(invalid="ignore"):  # 0 times infinity
        terms = np.where(np.isfinite(below), targets * below, targets * most - targets * z)
    return (np.log(np.exp(-below).sum(axis=0)) + terms.sum(axis=0))[np.newaxis]


def _huber_losses(z: Array, y: Array, delta: float) -> Array:
    """Of half of both numbers where the difference overflows: the loss is then four times as large."""
    size = np.abs(_difference(z, y))
    with np.errstate(over="ignore"):
        return np.where(
            np.isfinite(size), _huber_of_size(size, delta), 4 * _huber_of_size(np.abs(z / 2 - y / 2), delta / 2)
        )


def _huber_of_size(size: Array, delta: float) -> Array:
    q = np.minimum(size, delta)
    return q * (size - q / 2)


def _quantile_losses(z: Array, y: Array, quantile: float) -> Array:
    half = z / 2 - y / 2
    with np.errstate(over="ignore"):
        return 2 * np.maximum(-quantile * half, (1 - quantile) * half)


def _quantile_derivative(z: Array, y: Array, quantile: float) -> Array:
    return np.where(z > y, 1 - quantile, np.where(z < y, -quantile, 0)).astype(z.dtype)


def _poisson_losses(z: Array, y: Array, _: float) -> Array:
    """y (exp(d) - 1 - d) with d = z - log y, which near d = 0 keeps what y log y - y z - y + exp(z) would lose."""
    d = z - np.log(np.where(y > 0, y, 1))
    near = y * (np.expm1(np.minimum(d, 1)) - d)
    far = exponential(z) - y * (1 + d)
    with np.errstate(over="ignore"):
        large = y * (np.expm1(d) - d)
    return np.where((y > 0) & (d < 1), near, np.where(np.isfinite(far), far, large))


def _poisson_derivative(z: Array, y: Array, _: float) -> Array:
    """exp(z) - y, from half of both where exp(z) overflows."""
    root = exponential(z / 2)
    with np.errstate(over="ignore"):
        return np.where(np.isfinite(exponential(z)), exponential(z) - y, 2 * (root * (root / 2) - y / 2))


LOSSES: dict[str, Function] = {
    "log_loss": _log_losses,
    "multinomial_log_loss": _multinomial_losses,
    "multilabel_log_loss": _log_losses,
    "squared_error": lambda z, y, _: _difference(z, y) / 2 * _difference(z, y),
    "absolute_error": lambda z, y, _: np.abs(_difference(z, y)),
    "huber": _huber_losses,
    "quantile": _quantile_losses,
    "poisson": _poisson_losses,
}

LOSS_DERIVATIVES: dict[str, Function] = {
    "log_loss": _log_loss_derivative,
    "multinomial_log_loss": lambda z, y, label_smoothing: softmax(z) - _class_targets(z, y, label_smoothing),
    "multilabel_log_loss": _log_loss_derivative,
    "squared_error": lambda z, y, _: _difference(z, y),
    "absolute_error": lambda z, y, _: np.sign(_difference(z, y)),
    "huber": lambda z, y, delta: np.clip(_difference(z, y), -delta, delta),
    "quantile": _quantile_derivative,
    "poisson": _poisson_derivative,
}


def example_weights(z: Array, sample_weight: Array | None) -> Array:
    """(n,): those given over the largest, so that a factor that all have in common changes nothing; else ones."""
    return np.ones(z.shape[1], z.dtype) if sample_weight is None else sample_weight / (sample_weight.max() or 1)


def weighted_losses(z: Array, y: Array, weights: Array, loss: str = "log_loss", loss_parameter: float = 0) -> Array:
    """(n,): every example's loss, summed over outputs, times its weight."""
    return LOSSES[loss](z, y, loss_parameter).sum(axis=0, dtype=np.float64) * weights


def mean_loss(
    z: Array, y: Array, loss: str = "log_loss", loss_parameter: float = 0, sample_weight: Array | None = None
) -> float:
    """The weighted losses' sum over the weights'."""
    weights = example_weights(z, sample_weight)
    return float(weighted_losses(z, y, weights, loss, loss_parameter).sum() / weights.sum(dtype=np.float64))


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
