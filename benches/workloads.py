"""The workloads as data: what is trained, on how many examples, and how many epochs one timed run takes."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from fastmlp import MLP, load_dataset, reference
from fastmlp.datasets import circles

LAYER_DIMS = (2, 10, 5, 1)
ACTIVATIONS = ("relu", "relu", "logistic")
LEARNING_RATE = 0.01
SEED = 3


def flops_of(layer_dims: Sequence[int], n_examples: int) -> int:
    """Of a gradient: three products per layer, but the first layer needs no gradient of its inputs."""
    macs = sum(fan_in * fan_out for fan_in, fan_out in itertools.pairwise(layer_dims))
    return (6 * macs - 2 * layer_dims[0] * layer_dims[1]) * n_examples


@dataclass(frozen=True)
class Workload:
    """Full-batch gradient descent of the exercise's network from its He start.

    Parameters
    ----------
    name : str
        As the tables call it.
    dtype : str
        "float64" or "float32".
    n_examples : int
        300 are the exercise's own; any other number is drawn the same way.
    epochs : int
        Updates in one timed run, enough to make the call's own cost small.
    label_dtype : str, default=None
        Of Y; that of X without it.
    """

    name: str
    dtype: str
    n_examples: int
    epochs: int
    label_dtype: str | None = None

    @functools.cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """X (2, n) and Y (1, n), examples in columns."""
        if self.n_examples == 300:
            X, Y, _, _ = load_dataset(False)
        else:
            x, y = circles(self.n_examples, seed=1)
            X, Y = x.T, y[np.newaxis]
        return np.ascontiguousarray(X, self.dtype), Y.astype(self.label_dtype or self.dtype)

    @functools.cached_property
    def start(self) -> np.ndarray:
        """The flat parameter vector every contender starts from; nobody writes to it."""
        parameters = MLP(LAYER_DIMS, seed=SEED, dtype=self.dtype).parameters
        parameters.flags.writeable = False
        return parameters

    @property
    def flops(self) -> int:
        """Of one epoch."""
        return flops_of(LAYER_DIMS, self.n_examples)


SEED_F64 = Workload("2-10-5-1, 300 examples", "float64", 300, 1000)
SEED_F32 = Workload("2-10-5-1, 300 examples", "float32", 300, 1000)
LARGE_F64 = Workload("2-10-5-1, 30,000 examples", "float64", 30_000, 40)
LARGE_F32 = Workload("2-10-5-1, 30,000 examples", "float32", 30_000, 40)
PUBLISHED = Workload("the exercise as published (1)", "float64", 300, 1000)
NOTEBOOK = Workload("notebook loop, 300 examples", "float64", 300, 1000, label_dtype="int64")  # as it is loaded

TRAININGS = (SEED_F64, SEED_F32, LARGE_F64)


def notebook_loop(functions: ModuleType, parameters: dict, X: Any, Y: Any, learning_rate: float, epochs: int) -> dict:
    """A reader's own training loop over the notebook's four functions, taken from `functions`."""
    for _ in range(epochs):
        a3, cache = functions.forward_propagation(X, parameters)
        functions.compute_loss(a3, Y)
        grads = functions.backward_propagation(X, Y, cache)
        parameters = functions.update_parameters(parameters, grads, learning_rate)
    return parameters


# ---- single functions: ours and the reference's, each called with (model, X, Y); ours also checks and
# ---- transposes its arguments, as it does for every caller


def our_loss_and_gradient(model: MLP, X: np.ndarray, Y: np.ndarray) -> tuple[float, np.ndarray]:
    return model.loss_and_gradient(X.T, Y[0])


def reference_loss_and_gradient(model: MLP, X: np.ndarray, Y: np.ndarray) -> tuple[float, np.ndarray]:
    return reference.loss_and_gradient(model.parameters, X, Y, LAYER_DIMS, ACTIVATIONS)


def our_predict(model: MLP, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return model.predict_proba(X.T)


def reference_predict(model: MLP, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return reference.predict(model.parameters, X, LAYER_DIMS, ACTIVATIONS, True)[0]


FUNCTIONS = {
    "loss_and_gradient": {"fastmlp": our_loss_and_gradient, "NumPy": reference_loss_and_gradient},
    "predict": {"fastmlp": our_predict, "NumPy": reference_predict},
}
