"""The pure NumPy twin of every compiled kernel: oracle of the tests, documentation, benchmark baseline.

Five families, named as in ``src/``: dense, activation, loss, optimizer, step.  As in the kernels,
matrices are feature-major: column ``j`` of ``inputs`` (fan_in, n_examples) is example ``j``, and a
layer is ``z = W a + b`` with ``W`` (fan_out, fan_in) and ``b`` (fan_out,).

Nothing here is fast, and the compiled paths use none of it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastmlp.plan import join_parameters, split_parameters

Array = np.ndarray[Any, Any]
Layers = list[Array]
Names = Sequence[str]

# ---- dense: z = W a + b, and its two products backward


def dense_forward(weights: Array, bias: Array, inputs: Array) -> Array:
    """z (fan_out, n) of one layer."""
    return weights @ inputs + bias[:, np.newaxis]


def dense_backward(weights: Array, dz: Array) -> Array:
    """d_inputs (fan_in, n): dz carried back through the weights."""
    return weights.T @ dz


def dense_gradient(dz: Array, inputs: Array) -> tuple[Array, Array]:
    """(dW, db), summed over the examples; the mean's 1 / n stands inside dz."""
    return dz @ inputs.T, dz.sum(axis=1)


# ---- activation: forward from z, derivative from the output a


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), computed so that exp never overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def relu(x: Array) -> Array:
    """max(0, x)"""
    return np.maximum(0, x)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda z: z,
    "relu": relu,
    "tanh": np.tanh,
    "logistic": sigmoid,
}

DERIVATIVES: dict[str, Callable[[Array], Array]] = {
    "identity": lambda a: np.ones_like(a),
    "relu": lambda a: (a > 0).astype(a.dtype),  # 0 at 0
    "tanh": lambda a: 1 - a * a,
    "logistic": lambda a: a * (1 - a),
}


# ---- loss: the binary log-loss, mean over examples, summed over outputs


def log_loss(logits: Array, targets: Array) -> float:
    """Mean log-loss from logits: softplus(z) - z y, finite wherever the exact value is."""
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return float(losses.sum(dtype=np.float64) / logits.shape[1])


def log_loss_backward(logits: Array, targets: Array) -> Array:
    """dz (outputs, n) of the mean log-loss: (sigmoid(z) - y) / n."""
    return (sigmoid(logits) - targets) / logits.dtype.type(logits.shape[1])


def cross_entropy(probabilities: Array, targets: Array) -> float:
    """Mean cross-entropy of given probabilities; 0 log 0 = 0, inf only where one is exactly wrong."""
    with np.errstate(divide="ignore"):
        losses = -np.where(targets == 1, np.log(probabilities), np.log1p(-probabilities))
    return float(losses.sum(dtype=np.float64) / probabilities.shape[1])


# ---- optimizer: one sweep over the flat parameter vector


def gradient_descent(parameters: Array, gradient: Array, learning_rate: float) -> None:
    """parameters <- parameters - learning_rate * gradient, in place."""
    parameters -= parameters.dtype.type(learning_rate) * gradient


# ---- step: the passes over a flat parameter vector


def forward(inputs: Array, weights: Layers, biases: Layers, activations: Names) -> tuple[Layers, Layers]:
    """Lists of every layer's z and a."""
    zs, outputs, a = [], [], inputs
    for w, b, activation in zip(weights, biases, activations, strict=True):
        zs.append(dense_forward(w, b, a))
        a = ACTIVATIONS[activation](zs[-1])
        outputs.append(a)
    return zs, outputs


def backward(dz: Array, inputs: Array, weights: Layers, outputs: Layers, activations: Names) -> tuple[Layers, Layers]:
    """Lists of every layer's dW and db, from dz of the last layer."""
    d_weights: Layers = []
    d_biases: Layers = []
    for layer in reversed(range(len(weights))):
        layer_inputs = outputs[layer - 1] if layer else inputs
        dw, db = dense_gradient(dz, layer_inputs)
        d_weights.insert(0, dw)
        d_biases.insert(0, db)
        if layer:
            dz = dense_backward(weights[layer], dz) * DERIVATIVES[activations[layer - 1]](layer_inputs)
    return d_weights, d_biases


def logits_and_gradient(
    parameters: Array, inputs: Array, targets: Array, layer_dims: Sequence[int], activations: Names
) -> tuple[Array, Array]:
    """The last layer's logits, and the gradient of their mean log-loss as a flat vector."""
    weights, biases = split_parameters(parameters, layer_dims)
    zs, outputs = forward(inputs, weights, biases, activations)
    d_weights, d_biases = backward(log_loss_backward(zs[-1], targets), inputs, weights, outputs, activations)
    return zs[-1], join_parameters(d_weights, d_biases)


def loss_and_gradient(
    parameters: Array, inputs: Array, targets: Array, layer_dims: Sequence[int], activations: Names
) -> tuple[float, Array]:
    """The mean log-loss, and its gradient as a flat vector."""
    logits, gradient = logits_and_gradient(parameters, inputs, targets, layer_dims, activations)
    return log_loss(logits, targets), gradient


def train(
    parameters: Array,
    inputs: Array,
    targets: Array,
    layer_dims: Sequence[int],
    activations: Names,
    learning_rate: float,
    epochs: int,
) -> None:
    """Full-batch gradient descent, in place; no loss is computed on the way."""
    for _ in range(epochs):
        _, gradient = logits_and_gradient(parameters, inputs, targets, layer_dims, activations)
        gradient_descent(parameters, gradient, learning_rate)


def predict(
    parameters: Array, inputs: Array, layer_dims: Sequence[int], activations: Names, probabilities: bool
) -> Array:
    """Logits (outputs, n), or the last activation of them."""
    zs, outputs = forward(inputs, *split_parameters(parameters, layer_dims), activations)
    return outputs[-1] if probabilities else zs[-1]
