"""Training by L-BFGS: SciPy's steps over the compiled loss and gradient."""

import math
from typing import Any

import numpy as np

from fastmlp import _kernels
from fastmlp.optimizers import LBFGS
from fastmlp.training.descent import History, Request, history_of, progress_bar, warn_of_divergence

FUNCTION_CALLS_PER_EPOCH = 20  # SciPy's line search takes at most as many for one step


def check(request: Request, n_examples: int, dropout: list[float]) -> None:
    """Refuse what L-BFGS cannot do: it needs the same smooth function in every step, and chooses its own."""
    if request.batch_size < n_examples:
        raise ValueError(f"batch_size must be None with the optimizer lbfgs, got {request.batch_size}")
    if request.schedule is not None:
        raise ValueError(f"learning_rate must be None with the optimizer lbfgs, got {request.schedule}")
    for name, neutral in (("l1", 0), ("clip_value", math.inf), ("clip_norm", math.inf)):
        if request.limits[name] != neutral:
            raise ValueError(f"{name} cannot be used with the optimizer lbfgs, got {request.limits[name]}")
    if any(dropout):
        raise ValueError(f"dropout cannot be used with the optimizer lbfgs, got {dropout}")


def train(
    parameters: np.ndarray,
    engine: _kernels.Engine,
    data: _kernels.Data,
    is_weight: np.ndarray,
    request: Request,
) -> History:
    """Minimize the loss and the L2 penalty of the weights, in place; an epoch is one step."""
    objective = _Objective(parameters, engine, data, is_weight * request.limits["l2"], request)
    if request.epochs:
        objective.minimize()
    if not math.isfinite(objective.loss):
        warn_of_divergence(f"epoch {objective.step}: the loss is not finite", "the last finite ones", "", stacklevel=4)
    return history_of(objective.reported)


class _Objective:
    """The loss as SciPy calls it, and what is kept of each step it accepts."""

    def __init__(
        self,
        parameters: np.ndarray,
        engine: _kernels.Engine,
        data: _kernels.Data,
        l2: np.ndarray,
        request: Request,
    ) -> None:
        self.parameters, self.engine, self.data, self.l2, self.request = parameters, engine, data, l2, request
        self.trial, self.gradient = np.empty_like(parameters), np.empty_like(parameters)
        self.tried = np.empty(0)  # the last trial, as SciPy gave it, and its loss
        self.loss, self.step = 0.0, 0
        self.reported: list[tuple[int, float]] = []

    def minimize(self) -> None:
        """The steps, from the present parameters."""
        from scipy.optimize import minimize

        optimizer, epochs = self.request.optimizer, self.request.epochs
        assert isinstance(optimizer, LBFGS)
        start = self.parameters.astype(np.float64)
        options = {
            "maxiter": epochs,
            "maxfun": min(epochs * FUNCTION_CALLS_PER_EPOCH, 2**31 - 1),
            "maxcor": optimizer.memory,
            "gtol": optimizer.tol,
            "ftol": 0.0,
        }
        self(start)
        with progress_bar(self.request) as self.bar:
            try:
                self.report(self.loss)
                if math.isfinite(self.loss):
                    minimize(self, start, jac=True, method="L-BFGS-B", options=options, callback=self.accept)
            except StopIteration:  # the callback's answer before the first step
                return

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Objective and gradient at x, in float64."""
        self.tried, self.trial[:] = x.copy(), x
        self.loss = self.engine.loss_and_gradient(self.gradient, self.trial, self.data)
        return self.loss + self.penalty(x), self.gradient + self.l2 * x

    def penalty(self, x: np.ndarray) -> float:
        return 0.5 * float(np.dot(self.l2 * x, x))

    def accept(self, intermediate_result: Any) -> None:
        """Take a step's end for the model's parameters; SciPy knows the callback by its argument's name."""
        self.parameters[:] = intermediate_result.x
        self.step += 1
        self.bar.update(1)
        if not np.array_equal(self.tried, intermediate_result.x):
            self(intermediate_result.x)
        self.report(self.loss)

    def report(self, loss: float) -> None:
        """Record the loss where it is due; SciPy takes StopIteration for the end of the training."""
        is_due = self.step < self.request.epochs and self.step % self.request.report_every == 0
        if not math.isfinite(loss) or not is_due:
            return
        self.reported.append((self.step, loss))
        if self.request.callback is not None and self.request.callback(self.step, loss):
            raise StopIteration
