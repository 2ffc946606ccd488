"""Training by L-BFGS: SciPy's steps with the compiled loss and gradient."""

import math
import sys
from typing import Any

import numpy as np

from fastmlp import _kernels
from fastmlp.optimizers import LBFGS
from fastmlp.training.descent import RULES
from fastmlp.training.history import Ended, diverged, interrupted
from fastmlp.training.task import Task

NO_STEP = "L-BFGS made no further step: "
FUNCTION_CALLS_PER_EPOCH = 20  # SciPy's line search takes at most as many for one step


def train(task: Task) -> Ended:
    """Minimize the loss and the L2 penalty of the weights, in place; an epoch is one step."""
    objective = _Objective(task)
    try:
        ended = objective.minimize() if task.options.epochs else None
    except KeyboardInterrupt:
        if not task.returns_when_interrupted:
            raise
        ended = interrupted(objective.step)
    if not math.isfinite(objective.loss):
        return diverged(objective.step, f"epoch {objective.step}: the loss is not finite", "the last finite ones")
    if task.best_epoch >= 0 and task.validation is None:
        task.parameters[:] = objective.best_parameters
    return ended or Ended("finished", objective.step, f"{objective.step} steps were made")


class _Leave(Exception):  # noqa: N818 - no error
    """Leaves SciPy's loop: the training has ended, or goes on from other parameters."""


class _Objective:
    """The objective that SciPy calls, and the record of the steps that it accepts."""

    def __init__(self, task: Task) -> None:
        options, parameters = task.options, task.parameters
        share = min(1 / task.examples.total_weight, sys.float_info.max) if options.penalty == "sum" else 1.0
        self.task, self.options = task, options
        self.l2 = task.network.plan.is_weight() * (options.l2 * share)
        # made once: a new array costs several times what is written to it, and no signal is served meanwhile
        self.trial = np.empty_like(parameters)
        self.tried = np.full(len(parameters), np.nan)  # the last point evaluated
        self.loss = self.objective = 0.0  # there; the objective has the penalty, the loss only if it is of the sum
        self.gradient = np.empty(0)  # of the objective
        self.scaled = np.empty(len(parameters))
        self.step, self.calls = 0, 0
        self.best_parameters, self.best_loss = parameters.copy(), math.inf
        self.ended: Ended | None = None
        self.raised: BaseException | None = None  # by the user's code

    def minimize(self) -> Ended | None:
        """Make the steps from the present parameters; return how they ended, or None if all were made.

        Where the callback changes the parameters, SciPy begins anew from these.
        """
        while self.ended is None and self.step < self.options.epochs:
            try:
                start = self.task.parameters.astype(np.float64)
                self.evaluate(start)
                if self.step == 0 and not self.task.reports and self.report():
                    continue
                if not math.isfinite(self.loss):
                    break
                self.make_steps(start)
            except _Leave:
                if self.raised is not None:
                    raise self.raised from None
        return self.ended

    def make_steps(self, start: np.ndarray) -> None:
        """Run SciPy's loop for the steps that are left."""
        from scipy.optimize import minimize

        optimizer, epochs = self.options.optimizer, self.options.epochs
        assert isinstance(optimizer, LBFGS)
        most_calls = min(optimizer.max_fun or epochs * FUNCTION_CALLS_PER_EPOCH, 2**31 - 1)
        if self.calls >= most_calls:
            self.ended = Ended("stopped", self.step, f"{NO_STEP}{self.calls} evaluations were made")
            return
        settings = {
            "maxiter": epochs - self.step,
            "maxfun": most_calls - self.calls,
            "maxcor": optimizer.memory,
            "gtol": optimizer.tol,
            "ftol": optimizer.ftol,
        }
        result = minimize(self, start, jac=True, method="L-BFGS-B", options=settings, callback=self.accept)
        if result.status == 0:
            self.ended = Ended("converged", self.step, f"L-BFGS reached its tolerance: {result.message}")
        elif self.step < epochs:
            self.ended = Ended("stopped", self.step, f"{NO_STEP}{result.message}")

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Count an evaluation for SciPy, which begins at a point that was just evaluated."""
        self.calls += 1
        if not np.array_equal(self.tried, x):
            self.evaluate(x)
        return self.objective, self.gradient

    def evaluate(self, x: np.ndarray) -> None:
        """Compute the loss, the objective and its gradient at x, in float64."""
        task = self.task
        self.tried[:] = x
        with np.errstate(over="ignore"):  # float32 holds less than SciPy's float64
            self.trial[:] = x
        if _kernels.first_not_finite((self.trial,)) >= 0:
            self.loss = self.objective = math.inf
            self.gradient = np.zeros_like(x)
            return
        self.loss = task.engine.loss_and_gradient(task.gradient, self.trial, task.examples.data)
        np.multiply(self.l2, x, out=self.scaled)
        self.objective = self.loss * task.loss_share + 0.5 * float(np.dot(self.scaled, x))
        self.gradient = task.gradient + self.scaled
        if self.options.penalty == "sum":
            self.loss = self.objective

    def accept(self, intermediate_result: Any) -> None:
        """Copy an accepted step into the model.  SciPy recognizes this kind of callback by its argument's name."""
        if not np.array_equal(self.tried, intermediate_result.x):
            self.evaluate(intermediate_result.x)
        if _kernels.first_not_finite((self.trial,)) >= 0:  # the gradient was infinite: the loss now is, too
            self.end("diverged", "the step is not finite")
        self.task.parameters[:] = intermediate_result.x
        self.step += 1
        self.task.bar.update(1)
        try:
            is_moved = self.report()
            stalls = self.task.validate(self.step)
            if self.task.tells(self.step):
                self.end("callback", f"after_epoch ended it at epoch {self.step}")
            if stalls:
                self.end("stopped", self.task.validation.rule())  # type: ignore[union-attr]
        except StopIteration as error:  # SciPy takes it for its own, and ends in silence
            self.raised = error
            raise _Leave from None
        if is_moved:
            raise _Leave

    def report(self) -> bool:
        """Record the loss of the present parameters if that is due; end the training if a rule or the callback does.

        Return whether the callback changed the parameters.
        """
        options, task = self.options, self.task
        assert options.report_every is not None
        if not math.isfinite(self.loss):
            return False
        task.last_loss = self.loss
        if options.restore_best and self.loss < self.best_loss:
            self.best_parameters[:], self.best_loss, task.best_epoch = task.parameters, self.loss, self.step
        n, is_moved = options.n_iter_no_change, False
        stalls = task.validation is None and task.stopping.sees(self.loss, options.tol, n or 0)
        if self.step < options.epochs and self.step % options.report_every == 0:
            task.reports.append((self.step, self.loss))
            before = task.parameters.copy()
            if task.asks(self.step, self.loss):
                self.end("callback", f"the callback ended it at epoch {self.step}")
            is_moved = not np.array_equal(before, task.parameters)
        if stalls and n is not None:
            self.end("stopped", RULES["stalled"].format(n=n, tol=options.tol))
        return is_moved

    def end(self, how: str, why: str) -> None:
        """End the training."""
        self.ended = Ended(how, self.step, why)
        raise _Leave
