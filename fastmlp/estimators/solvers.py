"""From an estimator's arguments to the options of a training."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastmlp import checks, optimizers
from fastmlp.estimators.draws import Draws
from fastmlp.estimators.validation import HeldOut
from fastmlp.estimators.warn import warn
from fastmlp.optimizers import LBFGS, SGD, Adam, AdamW, Optimizer, RMSprop
from fastmlp.schedules import Adaptive, Constant, InverseScaling, Plateau, Schedule, Steps
from fastmlp.training import Ended, TrainingOptions
from fastmlp.training.lbfgs import NO_STEP

SOLVERS = tuple(optimizers.OPTIMIZERS)
SCIPY_FTOL = 2.220446049250313e-09  # SciPy's default of L-BFGS-B, which scikit-learn takes
SCIPY_LIMIT = "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT"  # SciPy's message
MOST_AUTO_BATCH = 200
ADAPTIVE_FACTOR, SMALLEST_RATE = 0.2, 1e-6  # of scikit-learn's "adaptive"


@dataclass(frozen=True)
class ResumedInverseScaling(InverseScaling):
    """scikit-learn's "invscaling": a warm-started fit goes on counting, but its first epoch has the initial rate again.

    Parameters
    ----------
    seen : int
        Examples seen before the optimizer started, by earlier fits.
    """

    seen: int = 0

    def rates(self, steps: Steps) -> np.ndarray:
        """See :meth:`fastmlp.schedules.Schedule.rates`."""
        examples = steps.examples
        times = np.where(examples == 0, 0.0, self.seen + examples)
        with np.errstate(over="ignore"):  # the rate is then 0
            return self.initial / (times + 1.0) ** self.power_t


def method_of(estimator: Any) -> str:
    """Return the kernels' name of the solver's method, or "lbfgs"."""
    solver = estimator.solver
    return solver if isinstance(solver, str) else solver.method


def optimizer_of(estimator: Any) -> Optimizer:
    """Return the optimizer that the solver's name stands for, with scikit-learn's constants; an object as it is."""
    e = estimator
    if isinstance(e.solver, Optimizer):
        return e.solver
    if e.solver == "sgd":
        return SGD(float(e.momentum), bool(e.nesterovs_momentum))
    if e.solver == "lbfgs":
        return LBFGS(tol=e.tol, ftol=SCIPY_FTOL, max_fun=int(e.max_fun))
    if e.solver == "rmsprop":
        return RMSprop(epsilon=e.epsilon)
    return {"adam": Adam, "adamw": AdamW}[e.solver](e.beta_1, e.beta_2, e.epsilon, epsilon_hat=True)


def schedule_of(estimator: Any) -> Schedule | None:
    """Return the learning rates: scikit-learn's schedules go with the solver sgd only, others with all but lbfgs."""
    e, name = estimator, estimator.learning_rate
    if method_of(e) == "lbfgs":
        return None
    if isinstance(name, Schedule):
        return name
    initial = checks.positive("learning_rate_init", e.learning_rate_init, e._network.plan.dtype)
    if e.solver == "sgd" and name == "adaptive":
        return Adaptive(initial, e.tol, ADAPTIVE_FACTOR, _patience(e), SMALLEST_RATE)
    if e.solver == "sgd" and name == "invscaling":
        return InverseScaling(initial, e.power_t, by="examples")
    return Constant(initial)


def _patience(estimator: Any) -> int:
    return int(min(estimator.n_iter_no_change, sys.maxsize // 2))  # infinity is allowed


def batch_size_of(estimator: Any, n_examples: int) -> int | None:
    """Return the number of examples per batch, or None for L-BFGS."""
    if method_of(estimator) == "lbfgs":
        if not isinstance(estimator.batch_size, str) and estimator.batch_size < n_examples:
            warn(
                f"batch_size={estimator.batch_size} is not used by lbfgs, which takes all examples in every step: its "
                "line search and its estimate of the curvature compare losses and gradients of the same function"
            )
        return None
    if isinstance(estimator.batch_size, str):
        return min(MOST_AUTO_BATCH, n_examples)
    if estimator.batch_size > n_examples:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    return min(int(estimator.batch_size), n_examples)


def options_of(
    estimator: Any, n_examples: int, draws: Draws, held_out: HeldOut | None, incremental: bool
) -> TrainingOptions:
    """Return the options of one fit on so many examples."""
    e, schedule, is_lbfgs = estimator, schedule_of(estimator), method_of(estimator) == "lbfgs"
    if isinstance(schedule, InverseScaling) and isinstance(e.learning_rate, str) and not e.resume_optimizer:
        seen = e.t_ - (e._network.training_state.examples if incremental else 0)
        schedule = ResumedInverseScaling(schedule.initial, schedule.power_t, "examples", seen)
    batch_size = batch_size_of(e, n_examples)
    shuffles_batches = e.shuffle and not is_lbfgs and batch_size is not None and batch_size < n_examples
    has_rule = not is_lbfgs and (schedule is None or schedule.adaptive is None)
    dropout = list(e.dropout) if isinstance(e.dropout, (list, tuple)) else float(e.dropout)
    judge = held_out if e.early_stopping else None  # otherwise they are only looked at
    return TrainingOptions(
        epochs=1 if incremental else int(e.max_iter),
        batch_size=batch_size,
        optimizer=optimizer_of(e),
        learning_rate=schedule,
        shuffle=draws.orders() if shuffles_batches else False,
        seed=draws.seed() if bool(np.any(dropout)) else 0,
        l1=float(e.l1),
        l2=checks.non_negative("alpha", e.alpha, e._network.plan.dtype),
        penalty="sum",
        clip_value=e.clip_value,
        clip_norm=e.clip_norm,
        dropout=dropout,
        n_iter_no_change=_patience(e) if has_rule else None,
        tol=float(e.tol),
        restore_best=judge is not None and not incremental,
        validation=None if judge is None else judge.arrays,
        validation_score=judge,
        n_threads=e.n_threads,
        report_every=1,
    )


def continue_training(estimator: Any, options: TrainingOptions, incremental: bool) -> None:
    """Prepare the network's training state: partial_fit goes on with the optimizer, a fit starts it anew."""
    network, stopping = estimator._network, estimator._stopping
    state, optimizer = network.training_state, options.optimizer
    state.use(optimizer, network.parameters)
    if not incremental and not estimator.resume_optimizer:
        state.start_anew()
    adaptive = options.schedule.adaptive if options.schedule is not None else None
    if adaptive is None:
        return
    state.adapt(adaptive)
    state.plateau.best, state.plateau.n_stalled = stopping.best, stopping.n_stalled


def note_plateau(estimator: Any) -> None:
    """Keep the count of an adaptive rate's rule for the next fit, as the other rule's count is kept."""
    state = estimator._network.training_state
    if state.adaptive is not None:
        estimator._stopping = Plateau(best=state.plateau.best, n_stalled=state.plateau.n_stalled)


def warn_if_not_converged(estimator: Any, ended: Ended) -> None:
    """Issue scikit-learn's ConvergenceWarning if the training ended with the last epoch that it was given."""
    max_iter = estimator.max_iter
    if method_of(estimator) == "lbfgs":
        if ended.how in ("converged", "callback"):
            return
        status = 2 if "ABNORMAL" in ended.why else 1
        reason = SCIPY_LIMIT if ended.how == "finished" else ended.why.removeprefix(NO_STEP)
        more = f"\nIncrease the number of iterations to improve the convergence (max_iter={max_iter})."
        warn(
            f"lbfgs failed to converge after {ended.epoch} iteration(s) (status={status}):\n{reason}\n"
            f"{more if ended.epoch == max_iter else ''}\nYou might also want to scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
        )
    elif ended.how == "finished":
        warn(
            f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached and the optimization hasn't converged yet.",
            ConvergenceWarning,
        )
