"""scikit-learn's random numbers, drawn in scikit-learn's order: weights, then biases, then an order for each epoch."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp.training import CumulativeOrders


@dataclass(frozen=True)
class GlorotUniform:
    """scikit-learn's initial parameters: weights and biases uniform in [-r, r], r = sqrt(factor / (fan_in + fan_out)).

    Parameters
    ----------
    factor : float
        2 for networks with logistic units, otherwise 6.

    References
    ----------
    Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, eq. 16.
    """

    factor: float

    @classmethod
    def of(cls, activation: Any) -> "GlorotUniform":
        """Return the rule of a network with this activation, or sequence of one per hidden layer."""
        names = [activation] if isinstance(activation, str) else list(activation)
        return cls(2.0 if names and all(name == "logistic" for name in names) else 6.0)

    def __call__(
        self, layer_dims: Sequence[int], seed: np.random.RandomState
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Draw weights (fan_out, fan_in) and biases (fan_out,), layer after layer."""
        weights, biases = [], []
        for fan_in, fan_out in itertools.pairwise(layer_dims):
            bound = np.sqrt(self.factor / (fan_in + fan_out))
            weights.append(seed.uniform(-bound, bound, (fan_in, fan_out)).T)
            biases.append(seed.uniform(-bound, bound, fan_out))
        return weights, biases


class Shuffles:
    """The orders of one fit, and the random state after it.

    Parameters
    ----------
    random_state : numpy.random.RandomState
        Source of the draws.
    n_examples : int
    is_shared : bool
        Whether the caller has the random state too, so that its state after the fit matters.
    """

    def __init__(self, random_state: np.random.RandomState, n_examples: int, is_shared: bool) -> None:
        self.random_state, self.n_examples = random_state, n_examples
        self.state_before = random_state.get_state() if is_shared else None
        self.source = CumulativeOrders(random_state)

    def leave_after(self, n_epochs: int) -> None:
        """Put a shared random state where scikit-learn leaves it, after one shuffle for each epoch made.

        Orders are drawn ahead of the epochs, and not at all where one batch takes all examples.
        """
        if self.state_before is None:
            return
        self.random_state.set_state(self.state_before)
        order = np.arange(self.n_examples)
        for _ in range(n_epochs):
            self.random_state.shuffle(order)
