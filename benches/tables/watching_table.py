"""What it costs to look at every epoch of a training: at its loss, for its best parameters, from Python."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from measure import OURS, Contender, Options, Times
from report import Result, cell, markdown_table
from training_workloads import DIGITS, TRAININGS, Training
from workloads import LEARNING_RATE, SEED, SEED_F32, SEED_F64, Workload

from fastmlp import MLP
from fastmlp.training import TrainingState

NEVER = 2**60  # epochs without improvement: no training here ends early
BATCH, BATCH_EPOCHS = 32, 500
WAYS: dict[str, dict[str, Any]] = {
    "its loss": {"n_iter_no_change": NEVER, "tol": 0.0},
    "its best parameters": {"n_iter_no_change": NEVER, "tol": 0.0, "restore_best": True},
    "a callback": {"report_every": 1, "callback": lambda epoch, loss: None},
}


@dataclass(frozen=True)
class Case:
    """A training as a function of the way it is watched."""

    name: str
    model: MLP
    start: np.ndarray
    data: tuple[np.ndarray, np.ndarray]
    options: dict[str, Any]

    def train(self, way: str | None) -> np.ndarray:
        """The last parameters."""
        self.model.parameters[:] = self.start
        self.model.training_state = TrainingState()
        epochs = self.options["epochs"]
        self.model.train(*self.data, **{"report_every": epochs, **self.options, **WAYS.get(way, {})}, seed=0)
        return self.model.parameters.copy()


def exercise(workload: Workload, batch_size: int | None, epochs: int) -> Case:
    """The exercise's network by gradient descent."""
    model, (X, Y) = MLP((2, 10, 5, 1), dtype=workload.dtype, initialization="he", seed=SEED), workload.data
    batches = "full batch" if batch_size is None else f"batch {batch_size}"
    options = {"epochs": epochs, "batch_size": batch_size, "learning_rate": LEARNING_RATE, "n_threads": 1}
    return Case(f"{workload.name}, {batches}, {workload.dtype}", model, workload.start, (X.T, Y[0]), options)


def digits(workload: Training) -> Case:
    """A network of the training table with Adam, shuffled."""
    options = {
        "epochs": workload.epochs,
        "batch_size": workload.batch_size,
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "n_threads": 1,
    }
    return Case(f"{workload.name}, {workload.dtype}", workload.model(), workload.start, workload.data, options)


def cases() -> list[Case]:
    found = [exercise(workload, None, workload.epochs) for workload in (SEED_F64, SEED_F32)]
    found += [exercise(workload, BATCH, BATCH_EPOCHS) for workload in (SEED_F64, SEED_F32)]
    return found + [digits(workload) for workload in TRAININGS if workload.name == DIGITS[0]]


def contenders_of(case: Case) -> list[Contender]:
    """Unwatched and every way, which must lead to the same bits (but for the best, which are not the last)."""
    expected, contenders = case.train(None), []
    for way in (None, *WAYS):
        if way != "its best parameters" and not np.array_equal(case.train(way), expected):
            raise AssertionError(f"{case.name}: watching for {way} changed the parameters")
        run: Callable[[], object] = functools.partial(case.train, way)
        contenders.append(Contender(case.name, way or OURS, run, case.options["epochs"]))
    return contenders


def measure(options: Options) -> Result:
    """Time of the watched training over that of the unwatched one, in interleaved rounds."""
    found = cases()
    times = Times([c for case in found for c in contenders_of(case)], options.share(2))
    rows = [
        [case.name, f"{times.best(case.name) * 1e6:.2f}", *(cell(times.ratio(case.name, way)) for way in WAYS)]
        for case in found
    ]
    caption = (
        f"**Watching every epoch**: CPU time over that of the same training unwatched, the median of {times.rounds} "
        "interleaved rounds. Parameters are the same bits."
    )
    columns = ["training", "us per epoch, unwatched", *WAYS]
    return Result(f"{caption}\n\n{markdown_table(columns, rows, n_texts=1)}")
