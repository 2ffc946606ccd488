"""What looks on while an estimator is fitted: printed lines, a progress bar, scikit-learn's callbacks."""

import copy
import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from fastmlp.estimators import solvers
from fastmlp.estimators.compatibility import HAS_CALLBACKS
from fastmlp.estimators.validation import HeldOut
from fastmlp.training import Ended, History


class Tasks:
    """The tasks of scikit-learn's callback protocol: the fit, and in it one for each epoch.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Has callbacks, which are set up here.
    X, y : array-like
        As they were given to fit.
    sample_weight : array-like or None
    is_incremental : bool
        Whether this is a ``partial_fit``.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any, is_incremental: bool) -> None:
        self.estimator, self.is_incremental = estimator, is_incremental
        self.epochs = 1 if is_incremental else int(estimator.max_iter)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.arguments = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.losses: list[float] = []
        self.epoch: Any = None
        self.best_parameters: np.ndarray | None = None
        self.fit = estimator._init_callback_context(max_subtasks=self.epochs)

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, sample_weight: Any, is_incremental: bool) -> Self | None:
        """Return the tasks of a fit, or None if the estimator has no callbacks, of its own or of one around it."""
        has_callbacks = HAS_CALLBACKS and hasattr(estimator, "_skl_callbacks")
        return cls(estimator, X, y, sample_weight, is_incremental) if has_callbacks else None

    def begin(self, n_examples: int, held_out: HeldOut | None) -> None:
        """Begin the fit and its first epoch."""
        e = self.estimator
        self.n_examples, self.held_out = n_examples, held_out
        self.keeps_best = held_out is not None and e.early_stopping and not self.is_incremental
        before = getattr(e, "best_validation_score_", None)
        self.best_score = -math.inf if before is None else before
        if self.keeps_best and self.best_score > -math.inf:
            self.best_parameters = e._network.parameters.copy()
        self.fit.call_on_fit_task_begin(**self.arguments)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        epoch = self.fit.subcontext(task_name="epoch")
        epoch.call_on_fit_task_begin(**self.arguments, reconstruction_attributes=self._present)
        self.epoch = epoch

    def next(self, loss: float) -> bool:
        """End an epoch and begin the next one, if there is one; return whether a callback ends the training."""
        self.losses.append(loss)
        if self.keeps_best and self.held_out is not None and self.held_out.scores[-1] > self.best_score:
            self.best_score, self.best_parameters = self.held_out.scores[-1], self.estimator._network.parameters.copy()
        epoch, self.epoch = self.epoch, None
        stops = epoch.call_on_fit_task_end(**self.arguments, reconstruction_attributes=self._present)
        if len(self.losses) < self.epochs and not stops:
            self._begin_epoch()
        return bool(stops)

    def end(self) -> None:
        """End the fit, and before it an epoch that a rule did not let begin, as an empty task."""
        if self.epoch is not None:
            self.epoch.call_on_fit_task_end(estimator=self.estimator)
        network = self.estimator._network
        self.fit.call_on_fit_task_end(
            **self.arguments, reconstruction_attributes=lambda: {"_network": copy.copy(network)}
        )

    def _present(self) -> dict[str, Any]:
        """Return the attributes of an estimator that would have been fitted up to now."""
        now, n_epochs = copy.copy(self.estimator), len(self.losses)
        now._network = copy.copy(now._network)
        now._stopping = copy.copy(now._stopping)
        now.loss_curve_ = [*now.loss_curve_]
        if self.best_parameters is not None:
            now._network.parameters[:] = self.best_parameters
        if n_epochs:
            is_before = solvers.method_of(now) == "lbfgs"  # whose reports begin before the first step
            losses = np.array([math.nan, *self.losses[:-1]] if is_before else self.losses)
            ended = Ended("finished", n_epochs, "a callback looks on")
            history = History(np.arange(n_epochs), losses, ended, last_loss=self.losses[-1])
            now._record(history, self.n_examples, self.held_out, self.is_incremental)
        return vars(now)


class Watcher:
    """Calls all who look on after each epoch.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    tasks : Tasks or None
    n_examples : int
        Of an epoch.
    held_out : HeldOut or None
    epochs : int
        The most that the fit makes.
    """

    def __init__(
        self, estimator: Any, tasks: Tasks | None, n_examples: int, held_out: HeldOut | None, epochs: int
    ) -> None:
        self.estimator, self.tasks, self.held_out = estimator, tasks, held_out
        self.n_examples, self.epochs = n_examples, epochs
        self.verbose = estimator.verbose
        self.bar: Any = None
        self.rate_scale = estimator._network.training_state.plateau.scale

    def __enter__(self) -> "Watcher":
        if self.tasks is not None:
            self.tasks.begin(self.n_examples, self.held_out)
        if self.verbose == "bar":
            from tqdm.auto import tqdm

            self.bar = tqdm(total=self.epochs, unit="epoch")
        return self

    def __exit__(self, *error: Any) -> None:
        if self.bar is not None:
            self.bar.close()

    @property
    def after_epoch(self) -> Callable[[int, float], bool] | None:
        """The function to call after each epoch, or None if nobody looks on."""
        scores_itself = self.held_out is not None and not self.estimator.early_stopping
        return self._see if self.verbose or self.tasks is not None or scores_itself else None

    def _see(self, n_epochs: int, loss: float) -> bool:
        """Tell all who look on; return whether one of them ends the training."""
        if self.held_out is not None and not self.estimator.early_stopping:
            self.held_out()
        score = None if self.held_out is None else self.held_out.scores[-1]
        if self.bar is not None:
            scores = {} if score is None else {"score": f"{score:.4g}"}
            self.bar.set_postfix({"loss": f"{loss:.4g}"} | scores, refresh=False)
            self.bar.update(1)
        elif self.verbose:
            print(f"Iteration {n_epochs}, loss = {loss:.8f}")
            if score is not None:
                print(f"Validation score: {score:f}")
            self._print_rate()
        return self.tasks is not None and self.tasks.next(loss)

    def _print_rate(self) -> None:
        """Print the learning rate, if the epoch has lowered it."""
        scale = self.estimator._network.training_state.plateau.scale
        if scale < self.rate_scale:
            rate = self.estimator.learning_rate_init * scale
            print(f"{self._no_progress()} Setting learning rate to {rate:f}")
        self.rate_scale = scale

    def _no_progress(self) -> str:
        e = self.estimator
        what = "Validation score" if e.early_stopping else "Training loss"
        return f"{what} did not improve more than tol={e.tol:f} for {e.n_iter_no_change} consecutive epochs."

    def end(self, ended: Ended) -> None:
        """Tell all who look on that the training has ended."""
        if self.bar is not None and ended.how in ("stopped", "converged", "callback"):
            self.bar.total = ended.epoch
        elif self.verbose and ended.how == "stopped" and solvers.method_of(self.estimator) != "lbfgs":
            is_adaptive = self.estimator._network.training_state.adaptive is not None
            print(f"{self._no_progress()}{' Learning rate too small.' if is_adaptive else ''} Stopping.")
        if self.tasks is not None:
            self.tasks.end()
