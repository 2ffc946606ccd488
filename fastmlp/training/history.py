"""What a training recorded, and how it ended."""

from dataclasses import dataclass, field

import numpy as np


class DivergenceWarning(UserWarning):
    """Training met a gradient or a loss that is not finite, or ended with a loss far above that of its start."""


class DeadNetworkWarning(UserWarning):
    """All units of a hidden layer give the same output for every example: nothing up to it learns."""


@dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes
    ----------
    how : {"finished", "stopped", "callback", "diverged"}
        All epochs were made; a rule ended it; the callback did; a gradient, a loss or an update was not finite.
    epoch : int
        Epochs finished in this training.
    why : str
        What happened where, in words.
    symptom : {None, "loss grew", "dead"}
        What else is wrong: a loss far above that of the start; a hidden layer without a living unit.
    """

    how: str
    epoch: int
    why: str
    symptom: str | None = None

    def warning(self) -> Warning | None:
        """What :meth:`fastmlp.MLP.train` warns of; None where nothing is wrong."""
        if self.how == "diverged":
            return DivergenceWarning(f"training diverged at {self.why}")
        if self.symptom == "loss grew":
            return DivergenceWarning(f"training ended with {_GREW}")
        return DeadNetworkWarning(f"training ended with {_DEAD}") if self.symptom == "dead" else None


def diverged(epoch: int, place: str, kept: str, remedy: str = "") -> Ended:
    """The end of a training that met something not finite: where, which parameters were kept, what to try."""
    advice = f"Try {remedy}smaller initial weights or scaled inputs."
    return Ended("diverged", epoch, f"{place}. The parameters are {kept}. {advice}")


_GREW = (
    "a loss over ten times that of its start. Try a smaller learning_rate, clip_norm, or inputs and targets scaled to "
    "about 1."
)
_DEAD = (
    "a dead network: all units of a hidden layer give the same output for every example, so no layer up to it learns. "
    'Try inputs scaled to about 1, a smaller learning_rate, initialization="he" or activation="leaky_relu".'
)


@dataclass(frozen=True, eq=False)
class History:
    """What a training recorded.

    Attributes
    ----------
    epochs : ndarray of int64 (n_reports,)
        Epochs at which the loss was recorded, counted from 0 at the start of this training.
    losses : ndarray of float64 (n_reports,)
        The mean loss over the examples of that epoch, each batch before its update; penalties are part of it
        only with ``penalty="sum"``.
    ended : Ended
        How the training ended, and why.
    best_epoch : int
        The epoch of the least loss (with validation data: the number of epochs before the best value) among those
        looked at, or -1 where there were none.
    validation_epochs : ndarray of int64 (n_validations,)
        Epochs made before each look at the validation data.
    validation_losses, validation_scores : ndarray of float64 (n_validations,)
        What was seen there: losses or, with ``validation_score``, its answers; the other is empty.
    """

    epochs: np.ndarray
    losses: np.ndarray
    ended: Ended
    best_epoch: int = -1
    validation_epochs: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    validation_losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    validation_scores: np.ndarray = field(default_factory=lambda: np.empty(0))
