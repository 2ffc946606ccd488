"""Gradient descent in compiled blocks of epochs; reports, callbacks and validation run between the blocks."""

import math
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.schedules import Constant, Steps
from fastmlp.training.history import Ended, diverged, interrupted
from fastmlp.training.orders import order_of
from fastmlp.training.task import Task

DEFAULT_LEARNING_RATE = 0.001
MOST_UPDATES = 1 << 16  # of one call: their learning rates are an array
MOST_ORDERED = 1 << 16  # examples in the orders of one call
RULES = {
    "stalled": "the loss did not fall by more than tol={tol:g} for more than n_iter_no_change={n} epochs in a row",
    "rate_too_small": "the loss no longer falls, and the learning rate is too small to be lowered further",
}


def train(task: Task) -> Ended:
    """Train ``task.parameters`` in place until all epochs are made or something ends the training."""
    descent = _Descent(task)
    ended = None
    try:
        while ended is None:
            ended = descent.go_on()
    except KeyboardInterrupt:
        if not task.returns_when_interrupted:
            raise
        descent.record(descent.done)
        ended = interrupted(descent.done)
    if task.best_epoch >= 0:
        task.parameters[:] = descent.best_parameters
    return ended


class _Descent:
    """The progress of one training.

    With one batch per epoch, the loss of an epoch belongs to the parameters before the epoch's update.  For a callback
    to see both together, the compiled call ends before that update, and the next call starts with it.
    """

    def __init__(self, task: Task) -> None:
        options, n = task.options, task.examples.n_examples
        assert options.batch_size is not None and options.report_every is not None
        assert task.network.training_state.seed is not None
        self.task, self.options, self.state = task, options, task.network.training_state
        self.state.check()
        self.batch_size, self.report_every = options.batch_size, options.report_every
        self.batches = -(-n // self.batch_size)
        self.schedule = options.schedule or Constant(DEFAULT_LEARNING_RATE)
        self.state.adapt(self.schedule.adaptive)
        self.first_update, self.first_epoch = self.state.updates, self.state.epochs
        self.settings = {**options.optimizer.settings(), **options.limits()}
        self.watch = self._watch()
        self.best_parameters = np.empty_like(task.parameters) if self.watch["keeps_best"] else None
        self.last_rate = 0.0  # of the last update made or tried
        self.next_report = self.first_report = 0
        self.losses = np.empty(0)  # of the last call's reports, from first_report on
        self.held_loss: float | None = None  # loss of the gradient whose update comes next
        self.held_order: np.ndarray | None = None  # and the order of its epoch
        self.block = max(1, MOST_UPDATES // self.batches)  # epochs of one compiled call
        self.orders: np.ndarray | None = None
        if callable(options.shuffle) or (options.shuffle and self.batches > 1):
            self.block = max(1, min(self.block, MOST_ORDERED // n))
            self.orders = np.empty((max(1, min(self.block, options.epochs)), n), np.intp)

    def _watch(self) -> dict[str, Any]:
        """The fields of the kernels' ``fm_watch`` that are on."""
        options, adaptive = self.options, self.schedule.adaptive
        watch: dict[str, Any] = {"keeps_best": bool(options.restore_best) and options.validation is None}
        if self.is_stop_compiled:
            best, n_stalled = self.task.stopping.best, self.task.stopping.n_stalled
            rule = {"tol": options.tol, "patience": options.n_iter_no_change}
            watch["stop"] = {**rule, "best": best, "n_stalled": n_stalled}
        if adaptive is not None and options.validation is None:
            watch["slow"] = {"tol": adaptive.tol, "patience": adaptive.n_iter_no_change}
            watch.update(slow_factor=adaptive.factor, smallest_rate=adaptive.smallest)
        return watch

    @property
    def is_stop_compiled(self) -> bool:
        """Whether the compiled call counts for ``n_iter_no_change``; otherwise the validation does, or nobody."""
        return self.options.n_iter_no_change is not None and self.options.validation is None

    @property
    def done(self) -> int:
        """Epochs finished in this training."""
        return self.state.epochs - self.first_epoch

    @property
    def rest(self) -> int:
        """Batches made of the unfinished epoch."""
        return self.state.updates - self.first_update - self.done * self.batches

    def go_on(self) -> Ended | None:
        """Make one compiled call and what follows it; return how the training ended, or None."""
        options, task = self.options, self.task
        if self.done >= options.epochs:
            return Ended("finished", self.done, f"all {options.epochs} epochs were made")
        before, until, report = self.done, self._end_of_call(), self.next_report
        is_asked = options.callback is not None and until == report + 1
        status = self._call(until, holds_update=is_asked and self.batches == 1)
        task.bar.update(self.done - before)
        failure = self._failure(status)
        if failure is not None:
            return failure
        if is_asked and self.next_report > report and self._asks():
            self._keep_if_best()
            return Ended("callback", self.done, f"the callback ended it at epoch {report}")
        ended = self._rule(status, self.done > before)
        if self.done > before and task.tells(self.done) and ended is None:
            return Ended("callback", self.done, f"after_epoch ended it at epoch {self.done}")
        return ended

    def _rule(self, status: str, is_epoch_over: bool) -> Ended | None:
        """Return how a rule ended the training: a compiled one, or one on the validation data; otherwise None."""
        options, task = self.options, self.task
        if status in RULES:
            return Ended("stopped", self.done, RULES[status].format(n=options.n_iter_no_change, tol=options.tol))
        if not is_epoch_over or task.validation is None or not task.validation.is_due(self.done):
            return None
        if task.validation.stalls(self.done):
            return Ended("stopped", self.done, task.validation.rule())
        adaptive, plateau = self.schedule.adaptive, self.state.plateau
        if adaptive is None or not plateau.sees(task.validation.error, adaptive.tol, adaptive.n_iter_no_change):
            return None
        if self.last_rate <= adaptive.smallest:
            return Ended("stopped", self.done, RULES["rate_too_small"])
        plateau.scale, plateau.n_stalled = plateau.scale * adaptive.factor, 0
        return None

    def _end_of_call(self) -> int:
        """Return the epoch before which the next call ends: Python is needed there, or the call would be too long."""
        options = self.options
        ends = [options.epochs, self.done + self.block]
        if options.callback is not None and self.next_report < options.epochs:
            ends.append(self.next_report + 1)
        if options.validation is not None:
            ends.append(self.done + options.validation_every - self.done % options.validation_every)
        if self.task.after_epoch is not None:
            ends.append(self.done + 1)
        if options.progress:
            ends.append(self.done + self.report_every)
        return min(ends)

    def _call(self, until: int, holds_update: bool) -> str:
        """Make the epochs from ``done`` to ``until`` in one compiled call, and record their losses."""
        state, task, epochs = self.state, self.task, until - self.done
        losses = np.full(len(range(self.next_report, until, self.report_every)), np.nan)
        self.losses, self.first_report = losses, self.next_report
        rates, orders = self._rates(epochs), self._orders(epochs)
        before, start, engine = state.updates, self.done, task.engine
        self.watch["best_epoch"], status = -1, ""
        try:
            status = engine.train(
                task.parameters,
                task.examples.data,
                self.settings,
                state.moments,
                rates,
                orders,
                losses,
                epochs,
                counts=vars(state),
                seed=state.seed,
                first_loss=self.next_report - start,
                loss_every=self.report_every,
                watch=self.watch,
                plateau=None if self.schedule.adaptive is None else vars(state.plateau),
                best_parameters=self.best_parameters,
                gradient=task.gradient,
                penalizes_sum=self.options.penalty == "sum",
                loss_share=task.loss_share,
                wants_last_loss=True,
                holds_update=holds_update,
                held_loss=self.held_loss,
            )
        finally:  # also where Ctrl-C ends the call
            self.last_rate = rates[min(state.updates - before, len(rates) - 1)] * self.watch.get("rate_scale", 1.0)
            self.held_loss = float(losses[-1]) if holds_update and status == "done" else None
            self.held_order = orders[-1].copy() if orders is not None and self.held_loss is not None else None
            self.record(self.done + (self.held_loss is not None))
            self._note(start)
        return status

    def _note(self, start: int) -> None:
        """Take over what the watch of a call that began after ``start`` epochs has seen."""
        task = self.task
        if not math.isnan(task.engine.last_loss):
            task.last_loss = task.engine.last_loss
        if self.watch["best_epoch"] >= 0:
            task.best_epoch = start + self.watch["best_epoch"]
        if self.is_stop_compiled:
            task.stopping.best, task.stopping.n_stalled = (self.watch["stop"][name] for name in ("best", "n_stalled"))

    def record(self, until: int) -> None:
        """Record the losses of the last call's reports before epoch ``until``.

        A call that a signal ended in the middle can be made again, and goes on where it was.
        """
        reports, first, losses = self.task.reports, self.first_report, self.losses.tolist()
        while self.next_report < until and self.next_report < first + self.report_every * len(losses):
            loss = losses[(self.next_report - first) // self.report_every]
            if math.isfinite(loss) and not (reports and reports[-1][0] == self.next_report):
                reports.append((self.next_report, loss))
            self.next_report += self.report_every

    def _rates(self, epochs: int) -> np.ndarray:
        """Compute a learning rate for every update of the next epochs."""
        state = self.state
        n = epochs * self.batches
        n_examples, counts = self.task.examples.n_examples, (state.updates, state.optimizer_epochs, state.examples)
        answer = self.schedule.rates(Steps(n, self.batches, n_examples, *counts))
        rates = np.ascontiguousarray(checks.array_of("the rates of learning_rate", answer, np.float64))
        if rates.shape != (n,):
            raise ValueError(f"learning_rate must give {n} rates, one per update; got shape {rates.shape}")
        if not (rates.min() >= 0 and rates.max() < math.inf):
            wrong = rates[~(np.isfinite(rates) & (rates >= 0))][0]
            raise ValueError(f"learning_rate must give finite rates of at least 0, got {wrong:g}")
        return rates

    def _orders(self, epochs: int) -> np.ndarray | None:
        """Compute a row of example indices per epoch; that of a held epoch was drawn before."""
        if self.orders is None:
            return None
        first = 0
        if self.held_order is not None:
            first, self.orders[0] = 1, self.held_order
        for i in range(first, epochs):
            epoch, row = self.state.epochs + i, self.orders[i]
            if callable(self.options.shuffle):
                drawn = np.full(len(row), -1)  # what the source leaves out is no index
                answer = self.options.shuffle(epoch, drawn)
                if drawn.min() < 0 or drawn.max() >= len(row):
                    unread = "" if answer is None else "; what it returns is not read"
                    raise ValueError(f"shuffle must fill its array with indices of the {len(row)} examples{unread}")
                row[:] = drawn  # a copy: the source may keep its array and write to it later
            else:
                order_of(self.state.seed, epoch, len(row), out=row)
        return self.orders[:epochs]

    def _asks(self) -> bool:
        """Return whether the callback ends the training; if it moves the parameters, drop the held gradient."""
        before = None if self.held_loss is None else self.task.parameters.copy()
        answer = self.task.asks(*self.task.reports[-1])
        if before is not None and not np.array_equal(before, self.task.parameters):
            self.held_loss = None
        return answer

    def _keep_if_best(self) -> None:
        """Keep the present parameters if their held loss, which no update will have judged, is the least."""
        if self.best_parameters is None or self.held_loss is None or self.held_loss >= self.watch["best_loss"]:
            return
        self.best_parameters[:], self.task.best_epoch = self.task.parameters, self.done

    def _failure(self, status: str) -> Ended | None:
        """Return how a training ended in which something was not finite, or None."""
        is_held_loss_bad = self.held_loss is not None and not math.isfinite(self.held_loss)
        if status == "diverged":
            place, kept = f"epoch {self.done}, batch {self.rest}: the gradient is not finite", "those before it"
        elif status == "overflowed":
            place, kept = f"epoch {self.done}, batch {self.rest}: the update overflows", "those before it"
        elif status == "loss_not_finite" or is_held_loss_bad:
            epoch = self.done - (not is_held_loss_bad)
            place, kept = f"epoch {epoch}: its loss is not finite", f"the finite ones after {self.done} epochs"
        else:
            return None
        return diverged(self.done, place, kept, f"a learning_rate below {self.last_rate:g} or clip_norm, ")
