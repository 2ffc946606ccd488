"""Wall time on two threads over that on one, and of the default where one is enough."""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from measure import OURS, Contender, Options, Times
from report import Result, cell, markdown_table
from training_workloads import TRAININGS, Training
from workloads import LAYER_DIMS, LEARNING_RATE, SEED_F64, Workload

from fastmlp import MLP
from fastmlp.engine import threads
from fastmlp.training import TrainingState

ONE = OURS  # the base of the ratios
Run = Callable[[int | None], np.ndarray]


@dataclass(frozen=True)
class Case:
    """A training as a function of ``n_threads``, and what is compared with one thread."""

    name: str
    run: Run
    epochs: int
    n_threads: int | None


@contextlib.contextmanager
def machine_threads() -> Iterator[None]:
    """The environment's limits lifted, so that the default is the machine's."""
    kept = {name: os.environ.pop(name) for name in threads.VARIABLES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def full_batch(workload: Workload) -> Run:
    """The exercise's network by gradient descent."""
    model, (X, Y) = MLP(LAYER_DIMS, dtype=workload.dtype, initialization="zeros"), workload.data

    def train(n_threads):
        model.parameters[:] = workload.start
        epochs = workload.epochs
        model.train(X.T, Y[0], learning_rate=LEARNING_RATE, epochs=epochs, n_threads=n_threads, report_every=epochs)
        return model.parameters.copy()

    return train


def minibatches(workload: Training) -> Run:
    """A network of the training table with Adam, shuffled."""
    model, (X, y) = workload.model(), workload.data

    def train(n_threads):
        model.parameters[:] = workload.start
        model.training_state = TrainingState()
        epochs, size = workload.epochs, workload.batch_size
        model.train(
            X, y, epochs=epochs, batch_size=size, optimizer="adam", seed=0, n_threads=n_threads, report_every=epochs
        )
        return model.parameters.copy()

    return train


def cases() -> list[Case]:
    large = Workload("2-10-5-1, 200,000 examples, full batch, float64", "float64", 200_000, 10)
    found = [Case(large.name, full_batch(large), large.epochs, 2)]
    for workload in TRAININGS[-2:]:
        found.append(Case(f"{workload.name}, {workload.dtype}", minibatches(workload), workload.epochs, 2))
    small = f"{SEED_F64.name}, full batch, {SEED_F64.dtype}"
    return [*found, Case(small, full_batch(SEED_F64), SEED_F64.epochs, None)]


def contenders_of(case: Case) -> list[Contender]:
    """One thread and the other choice, which must lead to the same bits."""
    if not np.array_equal(case.run(1), case.run(case.n_threads)):
        raise AssertionError(f"{case.name}: parameters depend on the number of threads")
    return [
        Contender(case.name, name, functools.partial(case.run, n), case.epochs)
        for name, n in ((ONE, 1), (str(case.n_threads), case.n_threads))
    ]


def measure(options: Options) -> Result:
    """Wall times, interleaved."""
    found = cases()
    with machine_threads():
        times = Times([c for case in found for c in contenders_of(case)], options.share(4), time.perf_counter)
    rows = []
    for case in found:
        other = str(case.n_threads)
        one, compared = times.best(case.name), times.best(case.name, other)
        figures = [f"{one * 1e6:.1f}", f"{compared * 1e6:.1f}", cell(compared / one)]
        rows.append([case.name, f"`n_threads={other}`", *figures])
    caption = (
        f"**Threads**: wall time of ours on more threads over that on one, each the least of {times.rounds} "
        f"interleaved rounds, on {os.cpu_count()} processors: below 1 the threads gain. Parameters are the same bits."
    )
    columns = ["training", "compared with `n_threads=1`", "us per epoch, one", "us per epoch, compared", "ratio"]
    return Result(f"{caption}\n\n{markdown_table(columns, rows)}")
