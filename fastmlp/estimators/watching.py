"""What looks on while an estimator is fitted: printed lines, a progress bar, scikit-learn's callbacks."""

import contextlib
import copy
from collections.abc import Callable
from types import TracebackType
from typing import Any

from fastmlp.estimators.compatibility import HAS_CALLBACKS
from fastmlp.estimators.validation import HeldOut


class Watcher:
    """Calls all who look on after each epoch.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    X, y : array-like
        As they were given to fit.
    sample_weight : array-like or None
    held_out : HeldOut or None
    epochs : int
        The most that the fit makes.
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, sample_weight: Any, held_out: HeldOut | None, epochs: int
    ) -> None:
        self.estimator, self.held_out, self.epochs = estimator, held_out, epochs
        self.verbose = estimator.verbose
        self.bar: Any = None
        self.tasks = _Tasks(estimator, X, y, sample_weight, epochs) if has_callbacks(estimator) else None

    def __enter__(self) -> "Watcher":
        if self.verbose == "bar":
            from tqdm.auto import tqdm

            self.bar = tqdm(total=self.epochs, unit="epoch")
        if self.tasks is not None:
            self.tasks.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()
        if self.tasks is not None and kind is None:
            self.tasks.end()

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
            self.bar.set_postfix({"loss": f"{loss:.4g}"} | ({} if score is None else {"score": f"{score:.4g}"}))
            self.bar.update(1)
        elif self.verbose:
            print(f"Iteration {n_epochs}, loss = {loss:.8f}")
            if score is not None:
                print(f"Validation score: {score:f}")
        return self.tasks is not None and self.tasks.next(n_epochs)


def has_callbacks(estimator: Any) -> bool:
    """Whether callbacks of scikit-learn's protocol look on, set here or by an estimator around this one."""
    return HAS_CALLBACKS and (hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx"))


class _Tasks:
    """The tasks of scikit-learn's callback protocol: the fit, and in it one for each epoch."""

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any, epochs: int) -> None:
        self.estimator, self.epochs = estimator, epochs
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.arguments = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.epoch: Any = None

    def begin(self) -> None:
        """Begin the fit and its first epoch."""
        self.fit = self.estimator._init_callback_context(max_subtasks=self.epochs)
        self.fit.call_on_fit_task_begin(**self.arguments)
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.epoch = self.fit.subcontext(task_name="epoch")
        self.epoch.call_on_fit_task_begin(**self.arguments, reconstruction_attributes=self._present)

    def next(self, n_epochs: int) -> bool:
        """End an epoch and begin the next one, if there is one; return whether a callback ends the training."""
        stops = self.epoch.call_on_fit_task_end(**self.arguments, reconstruction_attributes=self._present)
        self.epoch = None
        if n_epochs < self.epochs and not stops:
            self._begin_epoch()
        return bool(stops)

    def end(self) -> None:
        """End the fit, and before it an epoch that a rule did not let begin."""
        if self.epoch is not None:
            self.epoch.call_on_fit_task_end(estimator=self.estimator)
        self.fit.call_on_fit_task_end(**self.arguments, reconstruction_attributes=self._present)

    def _present(self) -> dict[str, Any]:
        """Return what makes a copy of the estimator one that is fitted up to the present epoch."""
        with contextlib.suppress(AttributeError):
            return {"_network": copy.copy(self.estimator._network)}
        return {}
