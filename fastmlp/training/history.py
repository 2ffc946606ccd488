"""What a training recorded, and how it ended."""

import math
from dataclasses import dataclass, field

import numpy as np


class DivergenceWarning(UserWarning):
    """A gradient, loss or update was not finite, or a training ended with a loss over ten times that of its start."""


class DeadNetworkWarning(UserWarning):
    """Every unit of some hidden layer gives the same output for all examples, so no layer up to it learns."""


@dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes
    ----------
    how : {"finished", "stopped", "converged", "callback", "diverged", "interrupted"}
        All epochs were made; a rule ended the training; L-BFGS reached its tolerance; the callback ended it; a
        gradient, a loss or an update was not finite; Ctrl-C, where :func:`run` was told to return then.
    epoch : int
        Number of epochs finished in this training.
    why : str
        What happened and where, in words.
    symptom : {None, "loss grew", "dead"}
        A problem of a training that did not diverge: it ended with a loss over ten times that of its start and over
        that of a network of zeros; every unit of some hidden layer gives the same output for all examples.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> MLP([1, 1], seed=0).train([[0.0], [1.0]], [0, 1], epochs=3).ended
    Ended(how='finished', epoch=3, why='all 3 epochs were made', symptom=None)
    """

    how: str
    epoch: int
    why: str
    symptom: str | None = None

    def warning(self) -> Warning | None:
        """Return the warning that :meth:`fastmlp.MLP.train` issues, or None if nothing is wrong."""
        if self.how == "diverged":
            return DivergenceWarning(f"training diverged at {self.why}")
        if self.symptom == "loss grew":
            return DivergenceWarning(f"training ended with {_GREW}")
        return DeadNetworkWarning(f"training ended with {_DEAD}") if self.symptom == "dead" else None


def diverged(epoch: int, place: str, kept: str, remedy: str = "") -> Ended:
    """Describe a training in which something was not finite: where, which parameters were kept, what to try."""
    advice = f"Try {remedy}smaller initial weights or scaled inputs."
    return Ended("diverged", epoch, f"{place}. The parameters are {kept}. {advice}")


def interrupted(epoch: int) -> Ended:
    """Describe a training that Ctrl-C ended after so many epochs."""
    return Ended("interrupted", epoch, f"Ctrl-C, after {epoch} epochs")


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
    epochs : ndarray of int64 of shape (n_reports,)
        Epochs at which the loss was recorded, counted from 0 at the start of this training.
    losses : ndarray of float64 of shape (n_reports,)
        The mean loss over the examples of each of these epochs, where the loss of a batch is measured before its
        update.  Penalties are included with ``penalty="sum"`` only.
    ended : Ended
        How and why the training ended.
    best_epoch : int
        The epoch of the least loss among those computed; with validation data, the number of epochs made before the
        best value.  -1 if there are none.
    last_loss : float
        Loss of the last epoch made; with L-BFGS that of the parameters after the last step.  NaN if there is none.
    validation_epochs : ndarray of int64 of shape (n_validations,)
        Number of epochs made before each evaluation of the validation data.
    validation_losses, validation_scores : ndarray of float64 of shape (n_validations,)
        The validation losses or, with ``validation_score``, its results; the other array is empty.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> history = MLP([1, 1], seed=0).train([[0.0], [1.0]], [0, 1], epochs=20, report_every=10)
    >>> history.epochs
    array([ 0, 10])
    """

    epochs: np.ndarray
    losses: np.ndarray
    ended: Ended
    best_epoch: int = -1
    last_loss: float = math.nan
    validation_epochs: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    validation_losses: np.ndarray = field(default_factory=lambda: np.empty(0))
    validation_scores: np.ndarray = field(default_factory=lambda: np.empty(0))
