"""Trainings with Adam as data: digits, a regression, a wide network, and a matrix exponential."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from workloads import SEED, flops_of

from fastmlp import MLP, Adam, reference

LEARNING_RATE = 1e-3
Examples = tuple[np.ndarray, np.ndarray]


@functools.cache
def digits() -> Examples:
    """scikit-learn's 1,797 images of digits, scaled to [0, 1]."""
    from sklearn.datasets import load_digits

    return load_digits().data / 16, load_digits().target


@functools.cache
def regression() -> Examples:
    """20,000 draws of 20 normal variables and a smooth function of them with noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 20))
    y = np.sin(X[:, 0] + X[:, 1]) + X[:, 2] * X[:, 3] / 2 + X[:, 4:] @ rng.standard_normal(16) / 4
    return X, (y + 0.1 * rng.standard_normal(len(y)))[:, np.newaxis]


@functools.cache
def ten_classes() -> Examples:
    """8,192 draws of 784 normal variables, and which of ten linear functions of them is the largest."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8192, 784))
    return X, np.argmax(X @ rng.standard_normal((784, 10)), axis=1)


@functools.cache
def matrix_exponentials(seed: int = 0) -> Examples:
    """10,000 matrices 2 x 2 of normal variables, a row each, and their exponentials."""
    from scipy.linalg import expm

    X = np.random.default_rng(seed).standard_normal((10_000, 4))
    return X, expm(X.reshape(-1, 2, 2)).reshape(-1, 4)


@dataclass(frozen=True)
class Training:
    """Adam from a He start.

    Parameters
    ----------
    name, dtype : str
        As the tables call them.
    layer_dims : tuple of int
    activation, loss : str
    examples : callable
        Returns X (n, n_features) and y, class indices (n,) or values (n, n_outputs).
    epochs : int
        Of one timed run, and of the check.
    batch_size : int, default=None
        None takes all examples.
    every : int, default=1
        Rounds from one run to the next.
    """

    name: str
    dtype: str
    layer_dims: tuple[int, ...]
    activation: str
    loss: str
    examples: Callable[[], Examples]
    epochs: int
    batch_size: int | None = None
    every: int = 1

    @functools.cached_property
    def data(self) -> Examples:
        """X and y, values of both in the dtype of the network."""
        X, y = self.examples()
        return np.ascontiguousarray(X, self.dtype), y if self.is_classification else y.astype(self.dtype)

    @property
    def is_classification(self) -> bool:
        return self.loss == "multinomial_log_loss"

    def targets(self, dtype: str | None = None) -> np.ndarray:
        """y as the reference takes it: examples in columns."""
        return np.ascontiguousarray(np.atleast_2d(self.data[1].T), dtype or self.dtype)

    def model(self, initialization: str = "zeros") -> MLP:
        return MLP(
            self.layer_dims,
            activation=self.activation,
            loss=self.loss,
            initialization=initialization,
            dtype=self.dtype,
            seed=SEED,
        )

    @functools.cached_property
    def start(self) -> np.ndarray:
        """The flat parameter vector every contender starts from; nobody writes to it."""
        parameters = self.model("he").parameters
        parameters.flags.writeable = False
        return parameters

    @property
    def activations(self) -> tuple[str, ...]:
        return self.model().plan.activations

    @property
    def flops(self) -> int:
        """Of one epoch."""
        return flops_of(self.layer_dims, len(self.data[0]))

    @property
    def updates(self) -> int:
        """Of one epoch."""
        return 1 if self.batch_size is None else -(-len(self.data[0]) // self.batch_size)


def kernel_settings(optimizer) -> dict:
    """An optimizer as the reference takes it, without penalties and clipping."""
    return {**optimizer.settings(), "l1": 0.0, "l2": 0.0, "clip_value": np.inf, "clip_norm": np.inf}


@functools.lru_cache(maxsize=4)
def expected(workload: Training, epsilon_hat: bool) -> np.ndarray:
    """What the reference in float64 makes of a workload, examples in their own order."""
    settings = kernel_settings(Adam(epsilon_hat=epsilon_hat))
    parameters = workload.start.astype(np.float64)
    rates = [LEARNING_RATE] * (workload.epochs * workload.updates)
    reference.train_minibatches(
        parameters,
        workload.data[0].astype(np.float64).T,
        workload.targets("float64"),
        workload.layer_dims,
        workload.activations,
        settings,
        reference.new_moments(settings, len(parameters)),
        rates,
        workload.epochs,
        batch_size=workload.batch_size,
        loss=workload.loss,
    )
    return parameters


DIGITS = ("64-100-10 relu, digits, batch 200", (64, 100, 10), "relu", "multinomial_log_loss", digits, 20, 200, 1)
REGRESSION = (
    "20-32-32-1 relu, regression, batch 200",
    (20, 32, 32, 1),
    "relu",
    "squared_error",
    regression,
    10,
    200,
    2,
)
WIDE = (
    "784-512-256-10 relu, ten classes, batch 256",
    (784, 512, 256, 10),
    "relu",
    "multinomial_log_loss",
    ten_classes,
    1,
    256,
    3,
)
TRAININGS = tuple(
    Training(name, dtype, *rest) for name, *rest in (DIGITS, REGRESSION, WIDE) for dtype in ("float64", "float32")
)
MATRIX_EXPONENTIAL = Training(
    "4-32-16-4 tanh, matrix exponential, full batch",
    "float32",
    (4, 32, 16, 4),
    "tanh",
    "squared_error",
    matrix_exponentials,
    20,
)
