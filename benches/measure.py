"""Every contender checked against the reference, then timed in interleaved rounds.

The clock is the CPU time of the process: other work on the machine does not count, and a contender that
used a second thread would pay for it.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import notebook_numpy
import numpy as np
import peers
from layouts import as_dict, from_dict
from workloads import ACTIVATIONS, LAYER_DIMS, LEARNING_RATE, NOTEBOOK, PUBLISHED, TRAININGS, Workload, notebook_loop

from fastmlp import notebook, reference

OURS = "fastmlp"
GEMM_WIDTH = 512
GEMM_REPEATS = 4
CHECKED_EPOCHS = 100
TOLERANCES = {"float64": 1e-9, "float32": 1e-3}  # of the trained parameters, relative to the largest


@dataclass(frozen=True)
class Contender:
    """Something timed: `run` does `units` of work, epochs or products."""

    workload: Workload | None
    name: str
    run: Callable[[], object]
    units: int


def check(train: peers.Trainer, workload: Workload, name: str) -> None:
    """Refuse a contender whose parameters after 100 epochs are not those of the reference in float64."""
    X, Y = workload.data
    expected = workload.start.astype(np.float64)
    data = X.astype(np.float64), Y.astype(np.float64)
    reference.train(expected, *data, LAYER_DIMS, ACTIVATIONS, LEARNING_RATE, CHECKED_EPOCHS)
    trained = train(workload.start, X, Y, LEARNING_RATE, CHECKED_EPOCHS)
    error = np.abs(trained - expected).max() / np.abs(expected).max()
    if trained.dtype != workload.dtype or not error <= TOLERANCES[workload.dtype]:
        raise AssertionError(f"{name}, {workload.name} {workload.dtype}: parameters off by {error:.1e}, relative")


def loop_trainer(functions) -> peers.Trainer:
    """The reader's loop over the notebook's functions as a trainer."""

    def train(parameters, X, Y, learning_rate, epochs):
        return from_dict(notebook_loop(functions, as_dict(parameters), X, Y, learning_rate, epochs))

    return train


def contenders_of(workload: Workload, trainers: dict[str, peers.Trainer]) -> list[Contender]:
    """Ours and every peer, checked and warmed up."""
    contenders = []
    for name, train in trainers.items():
        check(train, workload, name)
        arguments = (workload.start, *workload.data, LEARNING_RATE, workload.epochs)
        contenders.append(Contender(workload, name, lambda train=train, a=arguments: train(*a), workload.epochs))
    return contenders


def gemm(dtype: str) -> Contender:
    """A @ A of the limit, into an array made once."""
    a = np.random.default_rng(0).standard_normal((GEMM_WIDTH, GEMM_WIDTH)).astype(dtype)
    out = np.empty_like(a)

    def run():
        for _ in range(GEMM_REPEATS):
            np.matmul(a, a, out=out)

    return Contender(None, f"gemm {dtype}", run, GEMM_REPEATS)


def all_contenders() -> tuple[list[Contender], dict[str, str]]:
    """Everything a round runs, and the peers left out with the reason."""
    trainers, absent = peers.load()
    contenders = [gemm("float64"), gemm("float32")]
    for workload in TRAININGS:
        present = dict(trainers)
        if workload.dtype == "float32":
            present.pop("NumPy notebook", None)  # the published masks of int64 turn its gradients into float64
        contenders += contenders_of(workload, {OURS: peers.ours, **present})
    loops = {OURS: loop_trainer(notebook), "NumPy notebook": loop_trainer(notebook_numpy)}
    published = {OURS: peers.ours, "NumPy notebook": loops["NumPy notebook"]}
    return contenders + contenders_of(PUBLISHED, published) + contenders_of(NOTEBOOK, loops), absent


class Times:
    """Seconds per unit of every contender in every round."""

    def __init__(self, contenders: list[Contender], rounds: int):
        self.rounds = rounds
        self.seconds = {(c.workload, c.name): np.empty(rounds) for c in contenders}
        for contender in contenders:
            contender.run()  # warm-up and compilation, not timed
        order = list(contenders)
        for i in range(rounds):
            random.Random(i).shuffle(order)  # so that nobody always follows the same neighbour
            for contender in order:
                start = time.process_time()
                contender.run()
                seconds = time.process_time() - start
                self.seconds[contender.workload, contender.name][i] = seconds / contender.units

    def ratio(self, workload: Workload, peer: str) -> float | None:
        """The median over rounds of the peer's time over ours; None for a peer that took no part."""
        if (workload, peer) not in self.seconds:
            return None
        return float(np.median(self.seconds[workload, peer] / self.seconds[workload, OURS]))

    def ratio_of_ours(self, workload: Workload, base: Workload) -> float:
        """The median over rounds of our time on one workload over that on another."""
        return float(np.median(self.seconds[workload, OURS] / self.seconds[base, OURS]))

    def best(self, workload: Workload) -> float:
        """Our least seconds per epoch."""
        return float(self.seconds[workload, OURS].min())

    def times_limit(self, workload: Workload) -> float:
        """The median over rounds of our time over that of the same FLOPs in A @ A."""
        per_flop = self.seconds[None, f"gemm {workload.dtype}"] / (2 * GEMM_WIDTH**3)
        return float(np.median(self.seconds[workload, OURS] / (per_flop * workload.flops)))

    def gemm_rate(self, dtype: str) -> float:
        """The median GFLOP/s of A @ A."""
        return 2e-9 * GEMM_WIDTH**3 / float(np.median(self.seconds[None, f"gemm {dtype}"]))
