"""The trainers of the frameworks that compile or differentiate: PyTorch, torch.compile, JAX, Numba.

What a trainer is, and the rules they keep, stands in full_batch.py.
"""

import functools

import numpy as np
from layouts import with_bias_columns, without_bias_columns
from workloads import LAYER_DIMS

from fastmlp.engine.plan import join_parameters, split_parameters


class UnavailableError(Exception):
    """A peer that cannot run here; the message is the reason."""


# ---- PyTorch: its autograd from the derivative of BCEWithLogits, whose value nobody needs


def import_torch():
    import torch

    torch.set_num_threads(1)
    return torch


def torch_tensors(torch, parameters, X, Y):
    """[W1, b1, W2, ...], x (n, 2) and y (n, 1): the layout of torch's linear layer."""
    weights, biases = split_parameters(parameters, LAYER_DIMS)
    layers = [torch.tensor(piece) for pair in zip(weights, biases, strict=True) for piece in pair]
    return layers, torch.tensor(X.T).contiguous(), torch.tensor(Y.T).contiguous()


def torch_logits(torch, layers, x):
    *hidden, last = zip(layers[::2], layers[1::2], strict=True)
    for w, b in hidden:
        x = torch.relu(torch.nn.functional.linear(x, w, b))
    return torch.nn.functional.linear(x, *last)


def pytorch():
    torch = import_torch()

    def train(parameters, X, Y, learning_rate, epochs):
        layers, x, y = torch_tensors(torch, parameters, X, Y)
        for piece in layers:
            piece.requires_grad_()
        for _ in range(epochs):
            logits = torch_logits(torch, layers, x)
            with torch.no_grad():
                dz = (torch.sigmoid(logits) - y) / len(x)
            gradients = torch.autograd.grad(logits, layers, dz)
            with torch.no_grad():  # one call for all: faster than SGD(fused=True) and than a loop
                torch._foreach_add_(layers, gradients, alpha=-learning_rate)
        return join_parameters([w.detach().numpy() for w in layers[::2]], [b.detach().numpy() for b in layers[1::2]])

    return train


def torch_compile():
    torch = import_torch()

    def step(layers, x, y, learning_rate):
        logits, pull_back = torch.func.vjp(lambda layers: torch_logits(torch, layers, x), layers)
        (gradients,) = pull_back((torch.sigmoid(logits) - y) / len(x))
        return [value - learning_rate * gradient for value, gradient in zip(layers, gradients, strict=True)]

    compiled = torch.compile(step, fullgraph=True, dynamic=False, options={"cpp_wrapper": True})

    def train(parameters, X, Y, learning_rate, epochs):
        layers, x, y = torch_tensors(torch, parameters, X, Y)
        with torch.no_grad():
            for _ in range(epochs):
                layers = compiled(layers, x, y, learning_rate)
        return join_parameters([w.numpy() for w in layers[::2]], [b.numpy() for b in layers[1::2]])

    try:
        train(np.zeros(91), np.zeros((2, 2)), np.zeros((1, 2)), 0.01, 1)
    except Exception as error:  # its compiler's failures share no narrower class
        raise UnavailableError(f"its compiler fails here: {str(error).splitlines()[0]}") from error
    return train


# ---- JAX: the whole training in one compiled call; the bias is the weight of a row of ones, which is faster


def jax_training():
    """JAX, and a function (layers, X, Y, learning_rate, epochs) that it can compile and map over seeds."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def train(layers, X, Y, learning_rate, epochs):
        ones = jnp.ones_like(Y)

        def logits_of(layers):
            *hidden, last = layers
            a = X
            for w in hidden:
                a = jax.nn.relu(w @ jnp.vstack([a, ones]))
            return last @ jnp.vstack([a, ones])

        def step(_, layers):
            logits, pull_back = jax.vjp(logits_of, layers)
            (gradients,) = pull_back((jax.nn.sigmoid(logits) - Y) / Y.shape[1])
            return [w - learning_rate * gradient for w, gradient in zip(layers, gradients, strict=True)]

        return jax.lax.fori_loop(0, epochs, step, layers)

    return jax, train


def jax_jit():
    jax, train_layers = jax_training()
    compiled = jax.jit(train_layers, static_argnames="epochs")

    def train(parameters, X, Y, learning_rate, epochs):
        layers = with_bias_columns(parameters)
        trained = compiled(layers, X, Y, parameters.dtype.type(learning_rate), epochs)
        return without_bias_columns([np.asarray(w) for w in trained])

    return train


def jax_vmap():
    """A trainer of several starts (n, n_parameters) in one call."""
    jax, train_layers = jax_training()

    @functools.partial(jax.jit, static_argnames="epochs")
    def compiled(layers, X, Y, learning_rate, epochs):
        return jax.vmap(lambda layers: train_layers(layers, X, Y, learning_rate, epochs))(layers)

    def train(starts, X, Y, learning_rate, epochs):
        layers = [np.stack(layer) for layer in zip(*map(with_bias_columns, starts), strict=True)]
        trained = [np.asarray(w) for w in compiled(layers, X, Y, starts.dtype.type(learning_rate), epochs)]
        return np.stack([without_bias_columns(list(layer)) for layer in zip(*trained, strict=True)])

    return train


# ---- Numba: the whole training in one compiled call, products by BLAS into arrays made once, rows of ones


def numba_njit():
    import numba

    compile_ = numba.njit(error_model="numpy")

    @compile_
    def rectify(z):
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                z[i, j] = max(z[i, j], z.dtype.type(0))

    @compile_
    def mask(dz, a):
        zero = dz.dtype.type(0)
        for i in range(dz.shape[0]):
            for j in range(dz.shape[1]):
                dz[i, j] = dz[i, j] if a[i, j] > 0 else zero

    @compile_
    def log_loss_backward(z, y):
        one = z.dtype.type(1)
        scale = one / z.dtype.type(z.size)
        for j in range(z.size):
            z[j] = np.exp(-z[j])
        for j in range(z.size):  # apart from exp, so that it runs on vectors
            z[j] = (one / (one + z[j]) - y[j]) * scale

    @compile_
    def loop(V1, V2, V3, X1, Y, learning_rate, epochs):
        h1, h2, n = V1.shape[0], V2.shape[0], X1.shape[1]
        a1, a2 = np.ones((h1 + 1, n), X1.dtype), np.ones((h2 + 1, n), X1.dtype)
        dz1, dz2, dz3 = np.empty((h1, n), X1.dtype), np.empty((h2, n), X1.dtype), np.empty_like(Y)
        dV1, dV2, dV3 = np.empty_like(V1), np.empty_like(V2), np.empty_like(V3)
        for _ in range(epochs):
            np.dot(V1, X1, a1[:-1])
            rectify(a1[:-1])
            np.dot(V2, a1, a2[:-1])
            rectify(a2[:-1])
            np.dot(V3, a2, dz3)
            log_loss_backward(dz3[0], Y[0])
            np.dot(V3[:, :-1].copy().T, dz3, dz2)
            mask(dz2, a2)
            np.dot(V2[:, :-1].copy().T, dz2, dz1)
            mask(dz1, a1)
            np.dot(dz3, a2.T, dV3)
            np.dot(dz2, a1.T, dV2)
            np.dot(dz1, X1.T, dV1)
            V1 -= learning_rate * dV1
            V2 -= learning_rate * dV2
            V3 -= learning_rate * dV3

    def train(parameters, X, Y, learning_rate, epochs):
        layers = with_bias_columns(parameters)
        X1 = np.vstack([X, np.ones_like(Y)])
        loop(*layers, X1, Y, parameters.dtype.type(learning_rate), epochs)
        return without_bias_columns(layers)

    return train
