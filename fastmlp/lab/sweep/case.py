"""One run of a sweep: a network is drawn, trained and measured, and only the measurements are kept."""

import math
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import initializers, training
from fastmlp.engine.examples import Examples
from fastmlp.lab import scores
from fastmlp.lab.measurements import symmetric_layer
from fastmlp.lab.sweep.configuration import Configuration
from fastmlp.losses import Loss
from fastmlp.network import MLP
from fastmlp.text import reason_of, shortened

OUTCOMES = ("learned", "constant", "symmetric", "dead", "diverged", "failed")
MOST_REASON = 200  # characters

_of_thread = threading.local()


@dataclass(frozen=True, eq=False)
class Problem:
    """What all runs of a sweep share; any number of threads may read it at a time.

    Attributes
    ----------
    examples : Examples
    test_examples : Examples or None
    loss : Loss
    dtype : numpy.dtype
    epochs, report_every : int
    constant_loss : float
        Loss of the best prediction that is the same for all examples.
    """

    examples: Examples
    test_examples: Examples | None
    loss: Loss
    dtype: np.dtype
    epochs: int
    report_every: int
    constant_loss: float = math.nan

    @property
    def n_reports(self) -> int:
        """Losses that a run records, if it does not end early."""
        return len(range(0, self.epochs, self.report_every))

    def network(self, configuration: Configuration, initialization: Any, seed: Any = 0) -> MLP:
        """Make a network of a configuration."""
        return MLP(
            configuration.layer_dims,
            activation=configuration.activation,
            loss=self.loss,
            initialization=initialization,
            dtype=self.dtype,
            seed=seed,
        )


@dataclass(frozen=True, eq=False)
class Result:
    """The measurements of a run.

    Attributes
    ----------
    losses : ndarray of shape (n_reports,)
        NaN after the end of a run that ended early.
    first_loss, final_loss : float
        The first and the last one recorded; the last is that of the end where a training ended before all epochs.
        Infinite where it was not finite, NaN where the run failed.
    train_score, test_score : float
    outcome : str
    epoch : int
        Of the last loss, or of the divergence or failure.
    reason : str
    seconds : float
    """

    losses: np.ndarray
    first_loss: float
    final_loss: float
    train_score: float
    test_score: float
    outcome: str
    epoch: int
    reason: str
    seconds: float


@dataclass(frozen=True)
class Case:
    """One run to make: a configuration, its number in the sweep, and the seed of all its draws."""

    number: int
    configuration: Configuration
    seed: int


def run_case(case: Case, problem: Problem) -> tuple[Case, Result]:
    """Make a run; an exception that it raises is its result."""
    network, began = None, time.perf_counter()
    try:
        initialization = initializers.bound_to(case.configuration.initialization, problem.examples.inputs)
        seed = generator_of(case.seed) if isinstance(initialization, str) else case.seed  # functions get it as it is
        network = problem.network(case.configuration, initialization, seed)
        options = case.configuration.options(epochs=problem.epochs, report_every=problem.report_every, seed=case.seed)
        began = time.perf_counter()
        history = training.run(network, problem.examples, options)
        seconds = time.perf_counter() - began
        return case, _measured(network, history, seconds, problem)
    except Exception as error:  # of any kind: initializers and schedules are the caller's
        epoch = 0 if network is None else network.training_state.epochs
        return case, _failed(error, epoch, time.perf_counter() - began, problem)


def generator_of(seed: int) -> np.random.RandomState:
    """Return ``RandomState(seed)``, this thread's only one: to make one takes 60 times as long as to seed it."""
    if not hasattr(_of_thread, "generator"):
        _of_thread.generator = np.random.RandomState(0)
    _of_thread.generator.seed(seed)
    return _of_thread.generator


def _measured(network: MLP, history: training.History, seconds: float, problem: Problem) -> Result:
    losses = np.full(problem.n_reports, math.nan)
    losses[history.epochs // problem.report_every] = history.losses
    outcome, reason = outcome_of(network, history, problem.constant_loss)
    tests = problem.test_examples
    final_loss, epoch = _end(history)
    return Result(
        losses=losses,
        first_loss=float(losses[0]) if math.isfinite(losses[0]) else math.inf,
        final_loss=final_loss,
        train_score=scores.score(network, problem.examples),
        test_score=math.nan if tests is None else scores.score(network, tests),
        outcome=outcome,
        epoch=epoch,
        reason=shortened(reason, MOST_REASON),
        seconds=seconds,
    )


def _end(history: training.History) -> tuple[float, int]:
    """The last loss and its epoch: the last one recorded, or that of a training that ended before all epochs."""
    if history.ended.how == "diverged":
        return math.inf, history.ended.epoch
    if history.ended.how != "finished":
        return history.last_loss, history.ended.epoch
    return float(history.losses[-1]), int(history.epochs[-1])


def _failed(error: Exception, epoch: int, seconds: float, problem: Problem) -> Result:
    nothing = np.full(problem.n_reports, math.nan)
    reason = reason_of(error, MOST_REASON)
    return Result(nothing, math.nan, math.nan, math.nan, math.nan, "failed", epoch, reason, seconds)


def outcome_of(network: MLP, history: training.History, constant_loss: float) -> tuple[str, str]:
    """Return what became of a training, one of ``OUTCOMES``, and why."""
    ended, last_loss = history.ended, history.last_loss
    if ended.how == "diverged":
        return "diverged", ended.why
    if ended.symptom == "loss grew":
        return "diverged", f"the loss ended at {last_loss:.4g}, over ten times that of the start"
    layer = symmetric_layer(network)
    if layer is not None:
        return "symmetric", f"all units of hidden layer {layer} have the same weights in and out"
    if ended.symptom == "dead":
        return "dead", "all units of a hidden layer give the same output for every example"
    if scores.is_no_better(last_loss, constant_loss):
        return "constant", f"the loss ended at {last_loss:.4g}; predicting a constant has {constant_loss:.4g}"
    return "learned", ""
