"""The arguments of a training, as one object that checks itself."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastmlp import checks
from fastmlp.engine.plan import Plan
from fastmlp.optimizers import Optimizer, optimizer_of
from fastmlp.schedules import Schedule, schedule_of
from fastmlp.training.orders import OrderSource

REPORTS = 100  # how many losses a training records where the caller names no interval
PENALTIES = ("mean", "sum")


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The arguments of :meth:`fastmlp.MLP.train`, which describes them, as one object.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range.  :meth:`settled` checks what depends on a network or its examples.

    Examples
    --------
    >>> from fastmlp.training import TrainingOptions
    >>> TrainingOptions(epochs=10, optimizer="adam").optimizer
    Adam(beta_1=0.9, beta_2=0.999, epsilon=1e-08, epsilon_hat=False)
    """

    epochs: int
    batch_size: int | None = None
    optimizer: Any = None
    learning_rate: Any = None
    shuffle: bool | OrderSource = True
    seed: Any = None
    l1: float = 0.0
    l2: float = 0.0
    penalty: str = "mean"
    clip_value: float | None = None
    clip_norm: float | None = None
    dropout: float | Sequence[float] = 0.0
    n_iter_no_change: int | None = None
    tol: float = 1e-4
    restore_best: bool | None = None
    validation: Any = None
    validation_every: int = 1
    validation_score: Callable[..., float] | None = None
    n_threads: int | None = None
    report_every: int | None = None
    callback: Callable[[int, float], Any] | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        optional = {"batch_size": 1, "n_iter_no_change": 1, "report_every": 1, "n_threads": 1}
        for name, least in optional.items():
            if getattr(self, name) is not None:
                checks.settle(self, **{name: checks.integer(name, getattr(self, name), minimum=least)})
        for name, parameters in (("callback", ("epoch", "loss")), ("validation_score", ("model", "X", "y"))):
            if getattr(self, name) is not None:
                checks.function(name, getattr(self, name), *parameters)
        if callable(self.shuffle):
            checks.function("shuffle", self.shuffle, "epoch", "out")
        for name in ("clip_value", "clip_norm"):
            if getattr(self, name) is not None:
                checks.settle(self, **{name: checks.positive(name, getattr(self, name))})
        checks.settle(
            self,
            epochs=checks.integer("epochs", self.epochs, minimum=0),
            shuffle=self.shuffle if callable(self.shuffle) else checks.boolean("shuffle", self.shuffle),
            l1=checks.non_negative("l1", self.l1),
            l2=checks.non_negative("l2", self.l2),
            penalty=checks.choice("penalty", self.penalty, PENALTIES),
            tol=checks.non_negative("tol", self.tol),
            validation_every=checks.integer("validation_every", self.validation_every, minimum=1),
            progress=checks.boolean("progress", self.progress),
        )
        if self.optimizer is not None:
            checks.settle(self, optimizer=optimizer_of(self.optimizer))
        if self.learning_rate is not None:
            checks.settle(self, learning_rate=schedule_of("learning_rate", self.learning_rate))
        if self.restore_best is not None:
            checks.settle(self, restore_best=checks.boolean("restore_best", self.restore_best))
        if self.validation is not None and (
            not isinstance(self.validation, (tuple, list)) or len(self.validation) not in (2, 3)
        ):
            of = f" of {len(self.validation)}" if isinstance(self.validation, (tuple, list)) else ""
            raise TypeError(
                f"validation must be a tuple (X, y) or (X, y, sample_weight), got {type(self.validation).__name__}{of}"
            )
        if self.validation_score is not None and self.validation is None:
            raise ValueError("validation_score needs data to score: pass validation=(X, y)")

    def settled(self, plan: Plan, n_examples: int, optimizer: Optimizer) -> "TrainingOptions":
        """Return the options for one network and its examples, with every default replaced by its value.

        Parameters
        ----------
        plan : Plan
        n_examples : int
        optimizer : Optimizer
            Used where the options name none.

        Returns
        -------
        TrainingOptions

        Raises
        ------
        TypeError, ValueError
            If an option does not go with the network, its dtype or the number of examples.
        """
        settled = copy.copy(self)
        checks.settle(
            settled,
            optimizer=self.optimizer or optimizer,
            batch_size=min(self.batch_size or n_examples, n_examples),
            dropout=checks.dropout_rates("dropout", self.dropout, len(plan.layer_dims) - 2),
            report_every=self.report_every or max(1, self.epochs // REPORTS),
            restore_best=self.validation is not None if self.restore_best is None else self.restore_best,
        )
        for name in ("l1", "l2"):
            checks.non_negative(name, getattr(self, name), plan.dtype)
        for name, value in (("clip_value", self.clip_value), ("clip_norm", self.clip_norm)):
            if value is not None:
                checks.positive(name, value, plan.dtype)
        if settled.schedule is not None:
            settled.schedule.check(plan.dtype)
        settled.optimizer.check(settled, n_examples, plan.dtype)
        return settled

    @property
    def schedule(self) -> Schedule | None:
        """The learning rate as a schedule, or None if none was given."""
        return self.learning_rate

    def limits(self) -> dict[str, float]:
        """Return penalties and clipping limits as fields of the kernels' ``fm_optimizer``; infinity means no limit."""
        clips = {name: getattr(self, name) or math.inf for name in ("clip_value", "clip_norm")}
        return {"l1": self.l1, "l2": self.l2, **clips}
