"""Learning rates that change in the course of a training.

A schedule gives the rate of every update from where it stands: its number, its epoch and the examples seen before it,
counted over all calls of :meth:`MLP.train` that went on with the same optimizer.  So a training in two calls has the
rates of one, also where they differ in the number of batches.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks


@dataclass(frozen=True)
class Steps:
    """Where some updates stand in a training, all counted from 0.

    Attributes
    ----------
    updates : ndarray of int64 (n_updates,)
        Updates before each.
    epochs : ndarray of int64 (n_updates,)
        Epochs before that of each.
    batches : ndarray of int64 (n_updates,)
        Batches before each in its own epoch.
    examples : ndarray of int64 (n_updates,)
        Examples seen before the epoch of each.
    n_batches : int
        Batches in an epoch.
    """

    updates: np.ndarray
    epochs: np.ndarray
    batches: np.ndarray
    examples: np.ndarray
    n_batches: int

    def progress(self, n_epochs: int, at_end: bool = False) -> np.ndarray:
        """The part of ``n_epochs`` that is over before each update, or behind it; at most 1."""
        return np.minimum((self.epochs * self.n_batches + self.batches + int(at_end)) / (n_epochs * self.n_batches), 1)


@dataclass
class Plateau:
    """What a rule on the loss has seen: the best value, epochs without a better one, and the factor it led to.

    The rule is scikit-learn's: see :meth:`sees`.
    """

    scale: float = 1.0
    best: float = math.inf
    n_stalled: int = 0

    def __post_init__(self) -> None:
        checks.positive("scale", self.scale)
        checks.number("best", self.best)
        checks.integer("n_stalled", self.n_stalled, minimum=0)

    def sees(self, value: float, tol: float, n_iter_no_change: int) -> bool:
        """Whether more than ``n_iter_no_change`` values in a row, this the last, were none below best - tol."""
        self.n_stalled = self.n_stalled + 1 if value > self.best - tol else 0
        self.best = min(self.best, value)
        return self.n_stalled > n_iter_no_change


class Schedule:
    """What all schedules answer."""

    @property
    def adaptive(self) -> "Adaptive | None":
        """The rule that lowers the rates by the loss of every epoch, where there is one."""
        return None

    def check(self, dtype: np.dtype) -> None:
        """Refuse rates that ``dtype`` cannot hold."""

    def rates(self, steps: Steps) -> np.ndarray:
        """Learning rates (float64) of these updates, before an adaptive rule lowers them."""
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate throughout: what a plain number stands for.

    Parameters
    ----------
    initial : float
        Over 0.
    """

    initial: float

    def __post_init__(self) -> None:
        checks.settle(self, initial=checks.positive("initial", self.initial))

    def check(self, dtype: np.dtype) -> None:
        """See :meth:`Schedule.check`."""
        checks.positive("learning_rate", self.initial, dtype)

    def rates(self, steps: Steps) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return np.full(len(steps.updates), self.initial)


@dataclass(frozen=True)
class InverseScaling(Constant):
    """initial / (t + 1) ** power_t.

    Parameters
    ----------
    initial : float
        Over 0.
    power_t : float, default=0.5
        At least 0.
    by : {"updates", "examples"}, default="updates"
        What t counts: the updates before each, or the examples seen before its epoch, as scikit-learn's
        "invscaling" does.
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
        return self.initial / (getattr(steps, self.by) + 1.0) ** self.power_t


@dataclass(frozen=True)
class Adaptive(Constant):
    """Lowered each time the loss stalls, as scikit-learn's "adaptive".

    Where more than ``n_iter_no_change`` epochs in a row fail to lower the best loss by ``tol``, the rate is multiplied
    by ``factor`` and the count begins anew: with the defaults, and no progress at all, after epochs 12, 23 and 34.
    Where the rate is ``smallest`` or less by then, training ends.

    Parameters
    ----------
    initial : float
        Over 0.
    tol : float, default=1e-4
        At least 0.
    factor : float, default=0.2
        Over 0 and below 1.
    n_iter_no_change : int, default=10
        At least 1.
    smallest : float, default=1e-6
        Over 0.
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
    """Half a cosine from ``initial`` to ``final`` over a number of epochs, then constant.

    Parameters
    ----------
    initial : float
        Over 0.
    epochs : int
        At least 1.
    final : float, default=0.0
        At least 0.

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
    """Multiplied by ``factor`` every so many epochs.

    Parameters
    ----------
    initial : float
        Over 0.
    every : int
        Epochs from one step to the next, at least 1.
    factor : float, default=0.1
        Over 0 and below 1.
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
        What rises, and goes on afterwards.
    epochs : int
        At least 1.

    References
    ----------
    Goyal et al. 2017, Accurate, large minibatch SGD, section 2.2.
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
        """That of the schedule that rises."""
        return self.then.adaptive

    def check(self, dtype: np.dtype) -> None:
        """See :meth:`Schedule.check`."""
        self.then.check(dtype)


def schedule_of(name: str, learning_rate: Any) -> Schedule:
    """A schedule as it is, a number as a constant one."""
    if isinstance(learning_rate, Schedule) and type(learning_rate) is not Schedule:
        return learning_rate
    return Constant(checks.positive(name, learning_rate))
