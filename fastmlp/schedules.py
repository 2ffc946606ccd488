"""Learning rates that change in the course of a training.

A schedule computes the rate of every update from its place: the updates, epochs and examples before it, counted over
all calls of :meth:`fastmlp.MLP.train` that continued with the same optimizer.  A training in two calls has the rates of
a training in one.  A schedule of one's own is a subclass of :class:`~fastmlp.schedules.Schedule` with a method
``rates``.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks


@dataclass(frozen=True)
class Steps:
    """The places of a number of updates in a training, all counted from 0; the arrays are made when they are asked for.

    Parameters
    ----------
    n_updates : int
        How many updates there are, the first of them the first of an epoch.
    n_batches : int
        Batches in an epoch.
    n_examples : int
        Examples in an epoch.
    first_update, first_epoch, first_example : int, default=0
        Updates, epochs and examples before the first update.

    Attributes
    ----------
    updates : ndarray of int64 of shape (n_updates,)
        Number of updates before each update.
    epochs : ndarray of int64 of shape (n_updates,)
        Number of epochs before the update's epoch.
    batches : ndarray of int64 of shape (n_updates,)
        Number of batches before the update in its epoch.
    examples : ndarray of int64 of shape (n_updates,)
        Number of examples seen before the update's epoch.
    """

    n_updates: int
    n_batches: int
    n_examples: int
    first_update: int = 0
    first_epoch: int = 0
    first_example: int = 0

    @property
    def updates(self) -> np.ndarray:
        """See :class:`Steps`."""
        return self.first_update + np.arange(self.n_updates)

    @property
    def epochs(self) -> np.ndarray:
        """See :class:`Steps`."""
        return self.first_epoch + np.arange(self.n_updates) // self.n_batches

    @property
    def batches(self) -> np.ndarray:
        """See :class:`Steps`."""
        return np.arange(self.n_updates) % self.n_batches

    @property
    def examples(self) -> np.ndarray:
        """See :class:`Steps`."""
        return self.first_example + np.arange(self.n_updates) // self.n_batches * self.n_examples

    def progress(self, n_epochs: int, at_end: bool = False) -> np.ndarray:
        """Return the completed part of ``n_epochs`` before each update, or with ``at_end`` after it; at most 1."""
        n_batches = float(self.n_batches)  # the products may exceed the integers
        return np.minimum((self.epochs * n_batches + self.batches + int(at_end)) / (n_epochs * n_batches), 1)


@dataclass
class Plateau:
    """State of scikit-learn's rule on the loss: the best value, epochs without a better one, the rates' factor."""

    scale: float = 1.0
    best: float = math.inf
    n_stalled: int = 0

    def __post_init__(self) -> None:
        checks.non_negative("scale", self.scale)  # 0 once repeated factors underflow
        checks.number("best", self.best)
        checks.integer("n_stalled", self.n_stalled, minimum=0)

    def sees(self, value: float, tol: float, n_iter_no_change: int) -> bool:
        """Count a value; return whether the last ``n_iter_no_change + 1`` values all failed to fall by ``tol``.

        A value fails if it is over ``best - tol``, where ``best`` is the least value before it.
        """
        self.n_stalled = 0 if value <= self.best - tol else self.n_stalled + 1  # NaN is no progress
        self.best = min(self.best, value)
        return self.n_stalled > n_iter_no_change


class Schedule:
    """Base class of the schedules.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> from fastmlp.schedules import Schedule
    >>> class Halving(Schedule):
    ...     def rates(self, steps):
    ...         return 0.1 / 2.0**steps.epochs
    >>> history = MLP([1, 1], seed=0).train([[0.0], [1.0]], [0, 1], epochs=3, learning_rate=Halving())
    """

    @property
    def adaptive(self) -> "Adaptive | None":
        """The rule that lowers the rates where the loss stalls, or None."""
        return None

    def check(self, dtype: np.dtype) -> None:
        """Raise ValueError for rates that ``dtype`` cannot hold."""

    def rates(self, steps: Steps) -> np.ndarray:
        """Compute the learning rates of some updates, before an adaptive rule lowers them.

        Parameters
        ----------
        steps : Steps

        Returns
        -------
        ndarray of float64 of shape (n_updates,)
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate throughout; a plain number stands for it.

    Parameters
    ----------
    initial : float
        The rate, over 0.

    Examples
    --------
    >>> from fastmlp import Constant
    >>> Constant(0.01)
    Constant(initial=0.01)
    """

    initial: float

    def __post_init__(self) -> None:
        checks.settle(self, initial=checks.positive("initial", self.initial))

    def check(self, dtype: np.dtype) -> None:
        """See :meth:`Schedule.check`."""
        checks.positive("learning_rate", self.initial, dtype)

    def rates(self, steps: Steps) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return np.full(steps.n_updates, self.initial)


@dataclass(frozen=True)
class InverseScaling(Constant):
    """A rate that falls with a power of the time t: ``initial / (t + 1) ** power_t``.

    Parameters
    ----------
    initial : float
        First rate, over 0.
    power_t : float, default=0.5
        Exponent, at least 0.
    by : {"updates", "examples"}, default="updates"
        What t counts: the updates before the present one, or the examples seen before its epoch, as in
        scikit-learn's "invscaling".

    Examples
    --------
    >>> from fastmlp import InverseScaling
    >>> InverseScaling(0.1, by="examples")
    InverseScaling(initial=0.1, power_t=0.5, by='examples')
    """

    power_t: float = 0.5
    by: str = "updates"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(
            self,
            power_t=checks.non_negative("power_t", self.power_t),
            by=checks.choice("by", self.by, ("updates", "examples")),
        )

    def rates(self, steps: Steps) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        with np.errstate(over="ignore"):  # the rate is then 0
            return self.initial / (getattr(steps, self.by) + 1.0) ** self.power_t


@dataclass(frozen=True)
class Adaptive(Constant):
    """A rate that is lowered each time the loss stalls, as scikit-learn's "adaptive".

    The loss is that of the training or, if there are validation data, their loss or score.
    If more than ``n_iter_no_change`` epochs in a row fail to lower the best loss by ``tol``, the rate is multiplied
    by ``factor`` and the count starts anew: with the defaults, and no progress at all, after epochs 12, 23 and 34.
    If the rate is already ``smallest`` or less, training ends instead.

    Parameters
    ----------
    initial : float
        First rate, over 0.
    tol : float, default=1e-4
        Least improvement that counts, at least 0.
    factor : float, default=0.2
        Factor of the rate, over 0 and below 1.
    n_iter_no_change : int, default=10
        Epochs without improvement that are tolerated, at least 1.
    smallest : float, default=1e-6
        Rate that is not lowered further, over 0.

    Examples
    --------
    >>> from fastmlp import MLP, Adaptive
    >>> X, y = [[0.0], [1.0]], [0, 1]
    >>> history = MLP([1, 1], seed=0).train(X, y, epochs=10_000, learning_rate=Adaptive(0.1))
    >>> history.ended.how
    'stopped'
    """

    tol: float = 1e-4
    factor: float = 0.2
    n_iter_no_change: int = 10
    smallest: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(
            self,
            tol=checks.non_negative("tol", self.tol),
            factor=checks.open_fraction("factor", self.factor),
            n_iter_no_change=checks.integer("n_iter_no_change", self.n_iter_no_change, minimum=1),
            smallest=checks.positive("smallest", self.smallest),
        )

    @property
    def adaptive(self) -> "Adaptive | None":
        """See :attr:`Schedule.adaptive`."""
        return self


@dataclass(frozen=True)
class Cosine(Constant):
    """A rate that follows half a cosine from ``initial`` to ``final``, then stays constant.

    Parameters
    ----------
    initial : float
        First rate, over 0.
    epochs : int
        Epochs until the rate is ``final``, at least 1.
    final : float, default=0.0
        Last rate, at least 0.

    References
    ----------
    Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts, equation 5.

    Examples
    --------
    >>> from fastmlp import MLP, Cosine, WarmUp, load_dataset
    >>> X, Y, _, _ = load_dataset(is_plot=False)
    >>> rate = WarmUp(Cosine(0.01, epochs=40), epochs=4)
    >>> history = MLP([2, 10, 5, 1], seed=3).train(
    ...     X.T, Y[0], epochs=40, batch_size=32, optimizer="adam", learning_rate=rate, seed=0)
    >>> bool(history.losses[-1] < history.losses[0])
    True
    """

    epochs: int
    final: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(
            self,
            epochs=checks.integer("epochs", self.epochs, minimum=1),
            final=checks.non_negative("final", self.final),
        )

    def rates(self, steps: Steps) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return self.final + (self.initial - self.final) * (1 + np.cos(np.pi * steps.progress(self.epochs))) / 2


@dataclass(frozen=True)
class StepDecay(Constant):
    """A rate that is multiplied by ``factor`` every few epochs.

    Parameters
    ----------
    initial : float
        First rate, over 0.
    every : int
        Epochs from one step to the next, at least 1.
    factor : float, default=0.1
        Factor of each step, over 0 and below 1.

    Examples
    --------
    >>> from fastmlp import StepDecay
    >>> StepDecay(0.1, every=30)
    StepDecay(initial=0.1, every=30, factor=0.1)
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(
            self,
            every=checks.integer("every", self.every, minimum=1),
            factor=checks.open_fraction("factor", self.factor),
        )

    def rates(self, steps: Steps) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return self.initial * self.factor ** (steps.epochs // self.every)


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A linear rise over the first epochs to the rates of another schedule.

    Parameters
    ----------
    then : Schedule or float
        The schedule whose rates are scaled during the rise, and unchanged after it.
    epochs : int
        Epochs of the rise, at least 1.

    References
    ----------
    Goyal et al. 2017, Accurate, large minibatch SGD, section 2.2.

    Examples
    --------
    >>> from fastmlp import WarmUp
    >>> WarmUp(0.1, epochs=5)
    WarmUp(then=Constant(initial=0.1), epochs=5)
    """

    then: Any
    epochs: int

    def __post_init__(self) -> None:
        checks.settle(
            self, then=schedule_of("then", self.then), epochs=checks.integer("epochs", self.epochs, minimum=1)
        )

    def rates(self, steps: Steps) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return self.then.rates(steps) * steps.progress(self.epochs, at_end=True)

    @property
    def adaptive(self) -> Adaptive | None:
        """The rule of ``then``."""
        return self.then.adaptive

    def check(self, dtype: np.dtype) -> None:
        """See :meth:`Schedule.check`."""
        self.then.check(dtype)


def schedule_of(name: str, learning_rate: Any) -> Schedule:
    """Return a schedule as it is, and a number as a constant schedule."""
    if isinstance(learning_rate, Schedule) and type(learning_rate) is not Schedule:
        return learning_rate
    return Constant(checks.positive(name, learning_rate))
