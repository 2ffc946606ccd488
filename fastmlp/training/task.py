"""What a trainer works on, and where it records its results."""

import contextlib
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.engine.examples import Examples
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
    """

    network: Any
    engine: _kernels.Engine
    examples: Examples
    options: TrainingOptions
    validation: Validation | None
    bar: Any
    gradient: np.ndarray
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
        if self.options.callback is None:
            return False
        with self.network.occupancy.between_updates():
            answer = self.options.callback(epoch, loss)
        checks.check_finite("parameters", self.parameters)
        try:
            return bool(answer)
        except Exception as error:  # an array of several entries, for one
            raise TypeError(f"callback must return something true or false, got {checks.shown(answer)}") from error

    def validate(self, epoch: int) -> bool:
        """Evaluate the validation data if that is due after ``epoch`` epochs; return whether it ends the training."""
        return self.validation is not None and self.validation.is_due(epoch) and self.validation.stalls(epoch)

    def history(self, ended: Ended) -> History:
        """Return what was recorded."""
        epochs, losses = np.array([e for e, _ in self.reports], np.int64), np.array([v for _, v in self.reports], float)
        if self.validation is None:
            at_reports = int(epochs[np.argmin(losses)]) if len(losses) else -1
            return History(epochs, losses, ended, self.best_epoch if self.best_epoch >= 0 else at_reports)
        seen, values = np.array(self.validation.epochs, np.int64), np.array(self.validation.values, float)
        kind = "validation_losses" if self.options.validation_score is None else "validation_scores"
        return History(epochs, losses, ended, self.validation.best_epoch, seen, **{kind: values})


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
