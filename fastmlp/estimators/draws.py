"""scikit-learn's random numbers, drawn in scikit-learn's order: weights, then biases, then an order for each epoch."""

import functools
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from fastmlp.training import CumulativeOrders


class Draws:
    """The random numbers of one fit; a random state is made when the first of them is drawn.

    Parameters
    ----------
    random_state : None, int or numpy.random.RandomState
        As estimators take it.
    """

    def __init__(self, random_state: Any) -> None:
        self.given = random_state
        self.state_before: Any = None  # of the orders, where the caller has the random state too
        self.n_examples = 0

    @functools.cached_property
    def random_state(self) -> np.random.RandomState:
        """The source of all draws."""
        return check_random_state(self.given)

    def orders(self) -> CumulativeOrders:
        """Return the source of an order for each epoch."""
        return CumulativeOrders(self.random_state)

    def seed(self) -> int:
        """Draw a seed for dropout."""
        return int(self.random_state.randint(2**31 - 1))

    def begin_orders(self, n_examples: int) -> None:
        """Note the state before the first order of so many examples, if the caller has the random state too."""
        self.n_examples = n_examples
        if not isinstance(self.given, (Integral, np.integer)):
            self.state_before = self.random_state.get_state()

    def leave_after(self, n_epochs: int) -> None:
        """Put the caller's random state where scikit-learn leaves it, after one order for each epoch made.

        Orders are drawn ahead of the epochs, and not at all where one batch takes all examples.
        """
        if self.state_before is None:
            return
        self.random_state.set_state(self.state_before)
        order = np.arange(self.n_examples)
        for _ in range(n_epochs):
            self.random_state.shuffle(order)
