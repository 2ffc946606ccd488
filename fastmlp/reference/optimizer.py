"""One sweep over the flat parameter vector per update.

An optimizer is a mapping with the keys of the kernels: method, epsilon_hat, momentum, beta_1, beta_2, epsilon,
 weight_decay, l1, l2, clip_value, clip_norm.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastmlp.engine.plan import join_parameters, split_parameters

Array = np.ndarray[Any, Any]
Optimizer = Mapping[str, Any]


def gradient_descent(parameters: Array, gradient: Array, learning_rate: float) -> None:
    """parameters <- parameters - learning_rate * gradient, in place."""
    parameters -= parameters.dtype.type(learning_rate) * gradient


def new_moments(optimizer: Optimizer, n_parameters: int, dtype: Any = "float64") -> Array:
    """The state (0 to 2, n_parameters) before the first update: a velocity, or averages of g and g^2."""
    return np.zeros((MOMENTS[optimizer["method"]], n_parameters), dtype)


def optimizer_update(
    parameters: Array,
    gradient: Array,
    moments: Array,
    optimizer: Optimizer,
    learning_rate: float,
    updates: int,
    layer_dims: Sequence[int],
) -> None:
    """One update of ``parameters`` and ``moments`` in place; ``updates`` counts those before it."""
    weights, biases = split_parameters(np.ones_like(parameters), layer_dims)
    is_weight = join_parameters(weights, [np.zeros_like(bias) for bias in biases])
    g = changed_gradient(parameters, gradient, optimizer, is_weight)
    parameters *= 1 - learning_rate * optimizer["weight_decay"] * is_weight
    parameters += STEPS[optimizer["method"]](g, moments, optimizer, learning_rate, updates)


def changed_gradient(parameters: Array, gradient: Array, optimizer: Optimizer, is_weight: Array) -> Array:
    """The gradient with the penalties of the weights, clipped by value, then by norm."""
    penalties = optimizer["l2"] * parameters + optimizer["l1"] * np.sign(parameters)
    g = np.clip(gradient + is_weight * penalties, -optimizer["clip_value"], optimizer["clip_value"])
    norm = np.linalg.norm(g)
    return g * (optimizer["clip_norm"] / norm) if norm > optimizer["clip_norm"] else g


def _sgd_step(g: Array, moments: Array, optimizer: Optimizer, rate: float, _: int) -> Array:
    return -rate * g


def _momentum_step(g: Array, moments: Array, optimizer: Optimizer, rate: float, _: int) -> Array:
    (velocity,) = moments
    velocity[:] = optimizer["momentum"] * velocity - rate * g
    return velocity


def _nesterov_step(g: Array, moments: Array, optimizer: Optimizer, rate: float, _: int) -> Array:
    velocity = _momentum_step(g, moments, optimizer, rate, _)
    return optimizer["momentum"] * velocity - rate * g


def _adam_step(g: Array, moments: Array, optimizer: Optimizer, rate: float, updates: int) -> Array:
    """With "epsilon_hat", epsilon joins the average of g^2 as it is, before its bias is corrected."""
    (m, v), beta_1, beta_2 = moments, optimizer["beta_1"], optimizer["beta_2"]
    m[:] = beta_1 * m + (1 - beta_1) * g
    v[:] = beta_2 * v + (1 - beta_2) * g * g
    correction_1, correction_2 = 1 - beta_1 ** (updates + 1), (1 - beta_2 ** (updates + 1)) ** 0.5
    epsilon = optimizer["epsilon"]
    if not optimizer["epsilon_hat"]:
        epsilon = max(epsilon * correction_2, np.finfo(np.float64).tiny)  # not 0: an update would be 0 / 0
    return -rate * correction_2 / correction_1 * m / (np.sqrt(v) + epsilon)


def _rmsprop_step(g: Array, moments: Array, optimizer: Optimizer, rate: float, _: int) -> Array:
    (v,), decay = moments, optimizer["beta_2"]
    v[:] = decay * v + (1 - decay) * g * g
    return -rate * g / (np.sqrt(v) + optimizer["epsilon"])


# Each writes the moments and returns what is added to the parameters.
STEPS: dict[str, Callable[[Array, Array, Optimizer, float, int], Array]] = {
    "sgd": _sgd_step,
    "momentum": _momentum_step,
    "nesterov": _nesterov_step,
    "adam": _adam_step,
    "rmsprop": _rmsprop_step,
}

MOMENTS = {"sgd": 0, "momentum": 1, "nesterov": 1, "adam": 2, "rmsprop": 1}  # vectors that each keeps
