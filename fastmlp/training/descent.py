"""The training loop between compiled epochs: orders, learning rates, reports, callbacks, divergence."""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.optimizers import LBFGS, Optimizer
from fastmlp.schedules import Constant, Plateau, Schedule, schedule_of

REPORTS = 100  # how many losses a training records where the caller names no interval
DEFAULT_LEARNING_RATE = 0.001
MOST_UPDATES = 1 << 16  # of one call: their learning rates are an array
MOST_ORDERED = 1 << 16  # examples in the orders of one call


class DivergenceWarning(UserWarning):
    """Training met a gradient or a loss that is not finite, and kept the last finite parameters."""


@dataclass(frozen=True, eq=False)
class History:
    """What a training recorded.

    Attributes
    ----------
    epochs : ndarray of int64 (n_reports,)
        Epochs at which the loss was recorded, counted from 0 at the start of this training.
    losses : ndarray of float64 (n_reports,)
        The mean loss over the examples of that epoch, each batch before its update; without penalties.
    """

    epochs: np.ndarray
    losses: np.ndarray


def history_of(reported: list[tuple[int, float]]) -> History:
    """The history of (epoch, loss) pairs."""
    return History(np.array([e for e, _ in reported], np.int64), np.array([v for _, v in reported], np.float64))


@dataclass
class TrainingState:
    """What a training leaves for the next to go on from.

    Attributes
    ----------
    optimizer : Optimizer or LBFGS or None
        The one used last.
    moments : ndarray (n_moments, n_parameters)
        What the optimizer has learned.
    updates, epochs : int
        Updates made so far with this optimizer; epochs with all, but those of L-BFGS.
    seed : int or None
        Of orders and dropout.
    plateau : Plateau
        What an adaptive learning rate has seen.
    """

    optimizer: Optimizer | LBFGS | None = None
    moments: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    updates: int = 0
    epochs: int = 0
    seed: int | None = None
    plateau: Plateau = field(default_factory=Plateau)

    def use(self, optimizer: Optimizer | LBFGS, parameters: np.ndarray) -> None:
        """Go on with ``optimizer``, from the beginning where it is another than before."""
        if optimizer == self.optimizer:
            return
        n_moments = optimizer.n_moments if isinstance(optimizer, Optimizer) else 0
        self.moments = np.empty((n_moments, len(parameters)), parameters.dtype)
        self.optimizer = optimizer
        self.start_anew()

    def start_anew(self) -> None:
        """Forget what the optimizer and the schedule have learned."""
        self.updates, self.plateau = 0, Plateau()
        self.moments[:] = 0


@dataclass(frozen=True)
class Request:
    """The checked arguments of one training; ``schedule`` is None where no learning rate was given."""

    optimizer: Optimizer | LBFGS
    epochs: int
    batch_size: int
    shuffle: bool
    schedule: Schedule | None
    limits: dict[str, float]  # l1, l2, clip_value, clip_norm
    report_every: int
    callback: Callable[[int, float], Any] | None
    progress: bool


def request_of(
    n_examples: int,
    dtype: np.dtype,
    *,
    optimizer: Optimizer | LBFGS,
    epochs: Any,
    batch_size: Any,
    shuffle: Any,
    learning_rate: Any,
    penalties: dict[str, Any],
    clips: dict[str, Any],
    report_every: Any,
    callback: Any,
    progress: Any,
) -> Request:
    """Check the arguments of :meth:`MLP.train` that do not depend on the network."""
    epochs = checks.integer("epochs", epochs, minimum=0)
    limits = {name: checks.non_negative(name, value, dtype) for name, value in penalties.items()}
    for name, value in clips.items():
        limits[name] = math.inf if value is None else checks.positive(name, value, dtype)
    if hasattr(optimizer, "epsilon"):
        checks.positive("epsilon", optimizer.epsilon, dtype)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {type(callback).__name__}")
    return Request(
        optimizer,
        epochs,
        n_examples if batch_size is None else min(checks.integer("batch_size", batch_size, minimum=1), n_examples),
        checks.boolean("shuffle", shuffle),
        None if learning_rate is None else schedule_of("learning_rate", learning_rate, dtype),
        limits,
        checks.integer("report_every", max(1, epochs // REPORTS) if report_every is None else report_every, minimum=1),
        callback,
        checks.boolean("progress", progress),
    )


def order_of(seed: int, epoch: int, n_examples: int, out: np.ndarray | None = None) -> np.ndarray:
    """The order of the examples in one epoch (counted over all trainings of a model), a permutation.

    With ``draws = numpy.random.default_rng((seed, epoch)).random(n_examples)``, entry i of 0, 1, ..., from the last
    to the first, changes places with entry ``int(draws[i] * (i + 1))``.

    Parameters
    ----------
    seed, epoch : int
        At least 0.
    n_examples : int
    out : ndarray of intp (n_examples,), default=None
        Where to write it.

    Returns
    -------
    ndarray of intp (n_examples,)

    References
    ----------
    Durstenfeld 1964, Algorithm 235: random permutation.

    Examples
    --------
    >>> from fastmlp.training import order_of
    >>> order_of(seed=0, epoch=2, n_examples=5)
    array([2, 3, 1, 4, 0])
    """
    order = np.empty(n_examples, np.intp) if out is None else out
    _kernels.draw_order(order, np.random.default_rng((seed, epoch)).random(n_examples))
    return order


def train(
    parameters: np.ndarray, engine: _kernels.Engine, data: _kernels.Data, state: TrainingState, request: Request
) -> History:
    """Train ``parameters`` in place and bring ``state`` up to date; see :meth:`MLP.train`."""
    loop = _Loop(parameters, engine, data, state, request)
    reported: list[tuple[int, float]] = []
    for epoch in _reports(request):
        loss = loop.report(epoch)
        if math.isfinite(loss):
            reported.append((epoch, loss))
        elif loop.divergence is None:
            loop.divergence = f"epoch {epoch}: its loss is not finite", f"the finite ones after {loop.done} epochs"
        if loop.divergence is None and request.callback is not None and request.callback(epoch, loss):
            break
        loop.go_on(min(epoch + request.report_every, request.epochs))
        if loop.divergence is not None:
            loop.warn()
            break
    return history_of(reported)


class _Loop:
    """One training on its way, a compiled block of epochs after another."""

    def __init__(
        self,
        parameters: np.ndarray,
        engine: _kernels.Engine,
        data: _kernels.Data,
        state: TrainingState,
        request: Request,
    ) -> None:
        assert isinstance(request.optimizer, Optimizer)
        self.parameters, self.engine, self.data, self.state, self.request = parameters, engine, data, state, request
        self.schedule = request.schedule or Constant(DEFAULT_LEARNING_RATE)
        self.settings = {**request.optimizer.settings(), **request.limits}
        self.batches = -(-data.n_examples // request.batch_size)
        self.done = 0  # epochs of this training
        self.divergence: tuple[str, str] | None = None  # where and what, and which parameters are left
        self.good = parameters.copy()  # for an update that itself overflows
        self.block = max(1, min(request.epochs, MOST_UPDATES // self.batches))  # epochs of one compiled call
        self.orders: np.ndarray | None = None
        if request.shuffle and self.batches > 1:
            self.block = max(1, min(self.block, MOST_ORDERED // data.n_examples))
            self.orders = np.empty((self.block, data.n_examples), np.intp)

    def report(self, epoch: int) -> float:
        """Train ``epoch``, and those after it if nobody waits for its loss, which is returned."""
        at_once = 1 if self.request.callback is not None else self.request.report_every
        return self._run(min(at_once, self.request.epochs - epoch), with_loss=True)

    def go_on(self, epoch: int) -> None:
        """Train until ``epoch`` epochs are done."""
        while self.done < epoch and self.divergence is None:
            self._run(epoch - self.done, with_loss=False)

    def _run(self, epochs: int, with_loss: bool) -> float:
        """At most ``epochs`` epochs in one compiled call; the loss of the first, where it is wanted."""
        state, schedule = self.state, self.schedule
        epochs = 1 if schedule.watches_the_loss else min(epochs, self.block)
        losses = np.full(int(with_loss or schedule.watches_the_loss), np.nan)
        updates = np.arange(state.updates, state.updates + epochs * self.batches)
        rates = np.ascontiguousarray(schedule.rates(updates, self.batches, state.plateau), np.float64)
        if rates.shape != updates.shape:
            raise ValueError(f"learning_rate must give {len(updates)} rates, one per update; got shape {rates.shape}")
        before, self.good[:] = state.updates, self.parameters
        arguments = (self.settings, state.moments, rates, self._orders(epochs), losses, epochs)
        try:
            is_finite = self.engine.train(self.parameters, self.data, *arguments, before, state.seed or 0)
        finally:
            state.updates = self.engine.updates
            finished, batch = divmod(state.updates - before, self.batches)
            self.done += finished
            state.epochs += finished
            if finished and schedule.watches_the_loss:
                schedule.see(float(losses[0]), state.plateau)
        if not is_finite:
            self.divergence = f"epoch {self.done}, batch {batch}: the gradient is not finite", "those before it"
        elif _kernels.first_not_finite((self.parameters,)) >= 0:
            self.divergence = f"epoch {self.done - 1}: an update overflowed", ""
        return float(losses[0]) if len(losses) else math.nan

    def _orders(self, epochs: int) -> np.ndarray | None:
        """A row of example indices per epoch."""
        if self.orders is None:
            return None
        assert self.state.seed is not None
        for i in range(epochs):
            order_of(self.state.seed, self.state.epochs + i, self.data.n_examples, out=self.orders[i])
        return self.orders[:epochs]

    def warn(self) -> None:
        """Name the place of a divergence, and see to it that the parameters are finite."""
        assert self.divergence is not None
        place, kept = self.divergence
        rate = self.schedule.rates(np.array([self.state.updates]), self.batches, self.state.plateau)[0]
        if _kernels.first_not_finite((self.parameters,)) >= 0:
            self.parameters[:] = self.good
            self.state.start_anew()
            kept = "those from before the updates that overflowed"
        warn_of_divergence(place, kept, f"a learning_rate below {rate:g} or clip_norm, ", stacklevel=5)


def warn_of_divergence(place: str, kept: str, remedy: str, stacklevel: int) -> None:
    """Warn at the line that called :meth:`MLP.train`, ``stacklevel`` frames up."""
    warnings.warn(
        f"training diverged at {place}. The parameters are {kept}. Try {remedy}smaller initial weights or scaled "
        "inputs.",
        DivergenceWarning,
        stacklevel=stacklevel,
    )


def _reports(request: Request) -> Iterator[int]:
    """The epochs at which to report, under a progress bar where one is wanted."""
    with progress_bar(request) as bar:
        for epoch in range(0, request.epochs, request.report_every):
            yield epoch
            bar.update(min(request.report_every, request.epochs - epoch))


def progress_bar(request: Request) -> Any:
    """A bar over the epochs as a context, which does nothing where none is wanted."""
    if not request.progress:
        return contextlib.nullcontext(_NoBar())
    from tqdm.auto import tqdm

    return tqdm(total=request.epochs, unit="epoch")


class _NoBar:
    """What takes the place of a bar."""

    def update(self, epochs: int) -> None:
        """Nothing."""
