"""What a trainer works on, and where it records its results."""

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.engine.examples import Examples
from fastmlp.schedules import Plateau
from fastmlp.training.history import Ended, History
from fastmlp.training.options import TrainingOptions
from fastmlp.training.validation import Validation


@dataclass(eq=False)
class Task:
    """What a trainer works on, and where it records its results.

    Attributes
    ----------
    network : MLP
        The trainer updates its parameters and its ``training_state`` in place.
    engine : Engine
        Passes over batches of ``options.batch_size``.
    examples : Examples
    options : TrainingOptions
        Settled.
    validation : Validation or None
    bar : progress bar
        Its ``update`` is called with the number of finished epochs.
    gradient : ndarray of shape (n_parameters,)
        Receives the gradient of the last batch.
    stopping : Plateau
        State of the rule ``n_iter_no_change``, updated in place.
    after_epoch : callable or None
        See :func:`fastmlp.training.run`.
    returns_when_interrupted : bool
        Whether Ctrl-C ends the training without an exception.
    """

    network: Any
    engine: _kernels.Engine
    examples: Examples
    options: TrainingOptions
    validation: Validation | None
    bar: Any
    gradient: np.ndarray
    stopping: Plateau = field(default_factory=Plateau)
    after_epoch: Callable[[int, float], Any] | None = None
    returns_when_interrupted: bool = False
    reports: list[tuple[int, float]] = field(default_factory=list)
    last_loss: float = math.nan  # of the last epoch made
    best_epoch: int = -1  # of the least loss, where every epoch's is known

    @property
    def parameters(self) -> np.ndarray:
        """The network's flat vector."""
        parameters: np.ndarray = self.network.parameters
        return parameters

    def asks(self, epoch: int, loss: float) -> bool:
        """Call the callback with this loss; return whether it ends the training.

        A ValueError names parameters that it left not finite.
        """
        return self._calls(self.options.callback, epoch, loss)

    def tells(self, epoch: int) -> bool:
        """Call ``after_epoch``, if there is one, after ``epoch`` epochs; return whether it ends the training."""
        return self._calls(self.after_epoch, epoch, self.last_loss)

    def _calls(self, function: Callable[[int, float], Any] | None, epoch: int, loss: float) -> bool:
        if function is None:
            return False
        with self.network.occupancy.between_updates():
            answer = function(epoch, loss)
        checks.check_finite("parameters", self.parameters)
        try:
            return bool(answer)
        except Exception as error:  # an array of several entries, for one
            raise TypeError(f"callback must return something true or false, got {checks.shown(answer)}") from error

    def validate(self, epoch: int) -> bool:
        """Evaluate the validation data if that is due after ``epoch`` epochs; return whether it ends the training."""
        return self.validation is not None and self.validation.is_due(epoch) and self.validation.stalls(epoch)

    @property
    def loss_share(self) -> float:
        """Factor of the losses as they are reported: with scikit-learn's objective, squared errors are averaged over
        outputs, though the gradient is that of their sum.
        """
        is_average = self.options.penalty == "sum" and self.network.loss.name == "squared_error"
        return 1 / self.network.plan.layer_dims[-1] if is_average else 1.0

    def history(self, ended: Ended) -> History:
        """Return what was recorded."""
        epochs, losses = np.array([e for e, _ in self.reports], np.int64), np.array([v for _, v in self.reports], float)
        if self.validation is None:
            at_reports = int(epochs[np.argmin(losses)]) if len(losses) else -1
            best_epoch = self.best_epoch if self.best_epoch >= 0 else at_reports
            return History(epochs, losses, ended, best_epoch, self.last_loss)
        seen, values = np.array(self.validation.epochs, np.int64), np.array(self.validation.values, float)
        kind = "validation_losses" if self.options.validation_score is None else "validation_scores"
        return History(epochs, losses, ended, self.validation.best_epoch, self.last_loss, seen, **{kind: values})


def progress_bar(options: TrainingOptions) -> Any:
    """Return a progress bar over the epochs as a context manager; without ``progress`` it does nothing."""
    if not options.progress:
        return contextlib.nullcontext(_NoBar())
    from tqdm.auto import tqdm

    return tqdm(total=options.epochs, unit="epoch")


class _NoBar:
    """Stands in for a progress bar that nobody asked for."""

    def update(self, epochs: int) -> None:
        """Nothing."""
