"""The pure NumPy twin of every compiled kernel: oracle of the tests, documentation, benchmark baseline.

Five families, named as in ``src/``: dense, activation, loss, optimizer, step.  As in the kernels,
matrices are feature-major: column ``j`` of ``inputs`` (fan_in, n_examples) is example ``j``, and a
layer is ``z = W a + b`` with ``W`` (fan_out, fan_in) and ``b`` (fan_out,).

Nothing here is fast, and the compiled paths use none of it.
"""

import numpy as np

from fastmlp.plan import split_parameters

# ---- dense: z = W a + b, and its two products backward


def dense_forward(weights, bias, inputs):
    """z (fan_out, n) of one layer."""
    return weights @ inputs + bias[:, np.newaxis]


def dense_backward(weights, dz):
    """d_inputs (fan_in, n): dz carried back through the weights."""
    return weights.T @ dz


def dense_gradient(dz, inputs):
    """(dW, db), summed over the examples; the mean's 1 / n stands inside dz."""
    return dz @ inputs.T, dz.sum(axis=1)


# ---- activation: forward from z, derivative from the output a


def sigmoid(x):
    """1 / (1 + exp(-x)), computed so that exp never overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def relu(x):
    """max(0, x)"""
    return np.maximum(0, x)


ACTIVATIONS = {"identity": lambda z: z, "relu": relu, "tanh": np.tanh, "logistic": sigmoid}

DERIVATIVES = {
    "identity": lambda a: np.ones_like(a),
    "relu": lambda a: (a > 0).astype(a.dtype),  # 0 at 0
    "tanh": lambda a: 1 - a * a,
    "logistic": lambda a: a * (1 - a),
}


# ---- loss: the binary log-loss, mean over examples, summed over outputs


def log_loss(logits, targets):
    """Mean log-loss from logits: softplus(z) - z y, finite wherever the exact value is."""
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return float(losses.sum(dtype=np.float64) / logits.shape[1])


def log_loss_backward(logits, targets):
    """dz (outputs, n) of the mean log-loss: (sigmoid(z) - y) / n."""
    return (sigmoid(logits) - targets) / logits.dtype.type(logits.shape[1])


def cross_entropy(probabilities, targets):
    """Mean cross-entropy of given probabilities; 0 log 0 = 0, inf only where one is exactly wrong."""
    with np.errstate(divide="ignore"):
        losses = -np.where(targets == 1, np.log(probabilities), np.log1p(-probabilities))
    return float(losses.sum(dtype=np.float64) / probabilities.shape[1])


# ---- optimizer: one sweep over the flat parameter vector


def gradient_descent(parameters, gradient, learning_rate):
    """parameters <- parameters - learning_rate * gradient, in place."""
    parameters -= parameters.dtype.type(learning_rate) * gradient


# ---- step: the passes over a flat parameter vector


def forward(inputs, weights, biases, activations):
    """Lists of every layer's z and a."""
    zs, outputs, a = [], [], inputs
    for w, b, activation in zip(weights, biases, activations, strict=True):
        zs.append(dense_forward(w, b, a))
        a = ACTIVATIONS[activation](zs[-1])
        outputs.append(a)
    return zs, outputs


def backward(dz, inputs, weights, outputs, activations):
    """Lists of every layer's dW and db, from dz of the last layer."""
    d_weights, d_biases = [], []
    for layer in reversed(range(len(weights))):
        layer_inputs = outputs[layer - 1] if layer else inputs
        dw, db = dense_gradient(dz, layer_inputs)
        d_weights.insert(0, dw)
        d_biases.insert(0, db)
        if layer:
            dz = dense_backward(weights[layer], dz) * DERIVATIVES[activations[layer - 1]](layer_inputs)
    return d_weights, d_biases


def loss_and_gradient(parameters, inputs, targets, layer_dims, activations):
    """The mean log-loss of the last layer's logits, and its gradient as a flat vector."""
    weights, biases = split_parameters(parameters, layer_dims)
    zs, outputs = forward(inputs, weights, biases, activations)
    d_weights, d_biases = backward(log_loss_backward(zs[-1], targets), inputs, weights, outputs, activations)
    pieces = [piece.ravel() for pair in zip(d_weights, d_biases, strict=True) for piece in pair]
    return log_loss(zs[-1], targets), np.concatenate(pieces)


def train(parameters, inputs, targets, layer_dims, activations, learning_rate, epochs):
    """Full-batch gradient descent, in place."""
    for _ in range(epochs):
        _, gradient = loss_and_gradient(parameters, inputs, targets, layer_dims, activations)
        gradient_descent(parameters, gradient, learning_rate)


def predict(parameters, inputs, layer_dims, activations, probabilities):
    """Logits (outputs, n), or the last activation of them."""
    zs, outputs = forward(inputs, *split_parameters(parameters, layer_dims), activations)
    return outputs[-1] if probabilities else zs[-1]
