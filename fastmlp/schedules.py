"""Learning rates that change in the course of a training.

A schedule gives the rate of every update from its number, counted over all calls of :meth:`MLP.train`
that went on with the same optimizer, so that a training in two calls has the rates of one; epochs are
counted in updates too, so both calls need the same number of batches.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastmlp import checks


@dataclass
class Plateau:
    """What :class:`Adaptive` has seen so far: its present factor, the best loss, epochs without a better one."""

    scale: float = 1.0
    best: float = math.inf
    bad_epochs: int = 0

    def __post_init__(self) -> None:
        checks.positive("scale", self.scale)
        checks.number("best", self.best)
        checks.integer("bad_epochs", self.bad_epochs, minimum=0)


class Schedule:
    """What all schedules answer."""

    watches_the_loss: ClassVar[bool] = False  # whether `see` must be told the loss of every epoch

    def rates(self, updates: np.ndarray, batches: int, plateau: Plateau) -> np.ndarray:
        """Learning rates (float64) of these updates, of which there are ``batches`` in an epoch."""
        raise NotImplementedError

    def see(self, loss: float, plateau: Plateau) -> None:
        """Take note of an epoch's loss."""


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

    def rates(self, updates: np.ndarray, batches: int, plateau: Plateau) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return np.full(len(updates), self.initial)


@dataclass(frozen=True)
class InverseScaling(Constant):
    """initial / (update + 1) ** power_t, with updates counted from 0.

    Parameters
    ----------
    initial : float
        Over 0.
    power_t : float, default=0.5
        At least 0.
    """

    power_t: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(self, power_t=checks.non_negative("power_t", self.power_t))

    def rates(self, updates: np.ndarray, batches: int, plateau: Plateau) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return self.initial / (updates + 1.0) ** self.power_t


@dataclass(frozen=True)
class Adaptive(Constant):
    """Divided by 5 each time two epochs in a row fail to lower the best loss by ``tol``, as in scikit-learn.

    Parameters
    ----------
    initial : float
        Over 0.
    tol : float, default=1e-4
        At least 0.
    factor : float, default=0.2
        Over 0 and below 1.
    patience : int, default=2
        Epochs in a row, at least 1.
    """

    tol: float = 1e-4
    factor: float = 0.2
    patience: int = 2
    watches_the_loss: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(
            self,
            tol=checks.non_negative("tol", self.tol),
            factor=checks.open_fraction("factor", self.factor),
            patience=checks.integer("patience", self.patience, minimum=1),
        )

    def rates(self, updates: np.ndarray, batches: int, plateau: Plateau) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return np.full(len(updates), self.initial * plateau.scale)

    def see(self, loss: float, plateau: Plateau) -> None:
        """See :meth:`Schedule.see`."""
        plateau.bad_epochs = plateau.bad_epochs + 1 if loss > plateau.best - self.tol else 0
        plateau.best = min(plateau.best, loss)
        if plateau.bad_epochs >= self.patience:
            plateau.scale, plateau.bad_epochs = plateau.scale * self.factor, 0


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

    def rates(self, updates: np.ndarray, batches: int, plateau: Plateau) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        progress = np.minimum(updates / (self.epochs * batches), 1)
        return self.final + (self.initial - self.final) * (1 + np.cos(np.pi * progress)) / 2


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

    def rates(self, updates: np.ndarray, batches: int, plateau: Plateau) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return self.initial * self.factor ** (updates // (self.every * batches))


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

    def rates(self, updates: np.ndarray, batches: int, plateau: Plateau) -> np.ndarray:
        """See :meth:`Schedule.rates`."""
        return self.then.rates(updates, batches, plateau) * np.minimum((updates + 1) / (self.epochs * batches), 1)

    @property
    def watches_the_loss(self) -> bool:  # type: ignore[override]
        """Whether the schedule that rises does."""
        return bool(self.then.watches_the_loss)

    def see(self, loss: float, plateau: Plateau) -> None:
        """See :meth:`Schedule.see`."""
        self.then.see(loss, plateau)


def schedule_of(name: str, learning_rate: Any, dtype: Any = np.float64) -> Schedule:
    """A schedule as it is, a number as a constant one; ``dtype`` must hold the number."""
    if isinstance(learning_rate, Schedule) and type(learning_rate) is not Schedule:
        return learning_rate
    return Constant(checks.positive(name, learning_rate, dtype))
