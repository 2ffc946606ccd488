"""One small trainer per peer, all doing the same work on the same network.

A trainer is called as ``train(parameters, X, Y, learning_rate, epochs)`` with the flat start vector, X (2, n)
and Y (1, n), and returns the trained flat vector.  No trainer computes a loss value where its library
lets it do without, because ours computes none between reports.  Each is the fastest of the forms tried
that a user of that library would still write; frameworks with automatic differentiation use it.
"""

import functools
import warnings
from collections.abc import Callable

import numpy as np
from layouts import as_dict, from_dict
from peers import notebook_numpy
from peers.full_batch_frameworks import UnavailableError, jax_jit, numba_njit, pytorch, torch_compile
from workloads import ACTIVATIONS, LAYER_DIMS

from fastmlp import MLP, reference
from fastmlp.engine.plan import join_parameters, split_parameters

Trainer = Callable[[np.ndarray, np.ndarray, np.ndarray, float, int], np.ndarray]


# ---- ours, through the public class; one report, so two losses per call: before the first epoch, after the last


@functools.cache
def our_model(dtype):
    return MLP(LAYER_DIMS, dtype=dtype, initialization="zeros")


def ours(parameters, X, Y, learning_rate, epochs):
    model = our_model(parameters.dtype.name)
    model.parameters[:] = parameters
    model.train(X.T, Y[0], learning_rate=learning_rate, epochs=epochs, report_every=epochs)
    return model.parameters.copy()


# ---- NumPy: the textbook form, fastmlp.reference


def numpy_reference():
    def train(parameters, X, Y, learning_rate, epochs):
        parameters = parameters.copy()
        reference.train(parameters, X, Y, LAYER_DIMS, ACTIVATIONS, learning_rate, epochs)
        return parameters

    return train


# ---- NumPy: the notebook's own functions


def numpy_notebook():
    def train(parameters, X, Y, learning_rate, epochs):
        named = as_dict(parameters)
        for _ in range(epochs):
            _, cache = notebook_numpy.forward_propagation(X, named)
            grads = notebook_numpy.backward_propagation(X, Y, cache)
            named = notebook_numpy.update_parameters(named, grads, learning_rate)
        return from_dict(named)

    return train


# ---- scikit-learn: MLPClassifier's own passes without the bookkeeping of fit, which only adds to them


def scikit_learn():
    from sklearn.neural_network import MLPClassifier

    @functools.cache
    def classifier(dtype):
        fitted = MLPClassifier(LAYER_DIMS[1:-1], alpha=0, max_iter=1, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one iteration cannot converge
            return fitted.fit(np.zeros((2, LAYER_DIMS[0]), dtype), [0, 1])

    def train(parameters, X, Y, learning_rate, epochs):
        model = classifier(parameters.dtype.name)
        weights, biases = split_parameters(parameters.copy(), LAYER_DIMS)
        model.coefs_, model.intercepts_ = [np.ascontiguousarray(w.T) for w in weights], biases
        x, y = np.ascontiguousarray(X.T), np.ascontiguousarray(Y.T)
        n_layers = len(weights)
        activations, deltas = [x] + [None] * n_layers, [None] * n_layers
        d_coefs, d_intercepts = [None] * n_layers, [None] * n_layers
        for _ in range(epochs):
            model._backprop(x, y, None, activations, deltas, d_coefs, d_intercepts)  # its loss comes with it
            for value, gradient in zip(model.coefs_ + biases, d_coefs + d_intercepts, strict=True):
                value -= learning_rate * gradient
        return join_parameters([w.T for w in model.coefs_], biases)

    return train


PEERS = {
    "NumPy": numpy_reference,
    "NumPy notebook": numpy_notebook,
    "scikit-learn": scikit_learn,
    "PyTorch": pytorch,
    "torch.compile": torch_compile,
    "JAX jit": jax_jit,
    "Numba": numba_njit,
}


def load(exclude=()):
    """Trainers by name, and why the absent ones are absent; without those excluded."""
    trainers: dict[str, Trainer] = {}
    absent: dict[str, str] = {}
    for name, make in PEERS.items():
        if name in exclude:
            continue
        try:
            trainers[name] = make()
        except ImportError:
            absent[name] = "not installed"
        except UnavailableError as error:
            absent[name] = str(error)
    return trainers, absent
