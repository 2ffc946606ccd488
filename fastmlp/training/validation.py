"""Stopping by validation data.  The rule on the training loss is compiled, see ``fm_watch`` in src/fastmlp.h."""

import math
from typing import Any

from fastmlp import checks
from fastmlp.engine.examples import Examples
from fastmlp.schedules import Plateau
from fastmlp.training.options import TrainingOptions


class Validation:
    """Evaluates the validation data every few epochs, and keeps the parameters that were best.

    Parameters
    ----------
    network : MLP
        The network in training; a user's score is called with it.
    options : TrainingOptions
        Settled.
    plateau : Plateau
        State of the rule ``n_iter_no_change``; its ``best`` is that of an earlier training where this one goes on.
    """

    def __init__(self, network: Any, options: TrainingOptions, plateau: Plateau) -> None:
        assert options.validation is not None
        self.network, self.options = network, options
        try:
            self.examples = Examples.of(network, *options.validation)
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation: {error}") from error
        has_score = options.validation_score is not None  # which makes its own predictions
        self.engine = None if has_score else network.engine(self.examples.n_examples, self.examples.data)
        self.plateau = plateau
        self.error = math.nan  # the last value, so that less is better
        self.epochs: list[int] = []
        self.values: list[float] = []
        self.best_parameters = network.parameters.copy()
        self.best_epoch = -1

    def is_due(self, epoch: int) -> bool:
        """Whether the validation data are evaluated after ``epoch`` epochs: every so many, and after the last."""
        return epoch % self.options.validation_every == 0 or epoch == self.options.epochs

    def stalls(self, epoch: int) -> bool:
        """Evaluate the parameters after ``epoch`` epochs; return whether the stopping rule ends the training."""
        if self.engine is not None:
            value = self.engine.loss(self.network.parameters, self.examples.data)
        else:
            assert self.options.validation_score is not None
            X, y = self.options.validation[:2]
            with self.network.occupancy.between_updates():
                answer = self.options.validation_score(self.network, X, y)
            value = checks.number("the answer of validation_score", answer)
            checks.check_finite("parameters", self.network.parameters)
        if math.isnan(value) and self.options.validation_score is None:  # a caller's score may be NaN: no progress
            raise ValueError(f"validation must have a loss that is a number, but sums overflow after {epoch} epochs")
        self.epochs.append(epoch)
        self.values.append(value)
        self.error = value if self.options.validation_score is None else -value  # a score is better where it is larger
        if self.error < self.plateau.best:
            self.best_parameters[:], self.best_epoch = self.network.parameters, epoch
        n = self.options.n_iter_no_change
        return self.plateau.sees(self.error, self.options.tol, n or 0) and n is not None

    def rule(self) -> str:
        """Return the rule that ended the training, in words."""
        what = "loss did not fall" if self.options.validation_score is None else "score did not rise"
        n, tol = self.options.n_iter_no_change, self.options.tol
        return f"the validation {what} by more than tol={tol:g} for more than n_iter_no_change={n} evaluations in a row"
