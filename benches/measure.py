"""Contenders timed in interleaved rounds, beside the matrix product that sets the limit.

The usual clock is the CPU time of the process: other work on the machine does not count, and a contender
that used a second thread would pay for it.
"""

import ctypes
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

OURS = "fastmlp"
GEMM_WIDTH = 512
GEMM_REPEATS = 4


@dataclass(frozen=True)
class Options:
    """What the command line chooses: rounds of the tables, and how far the long ones go."""

    rounds: int = 60
    full: bool = False
    widths: tuple[int, ...] | None = None
    batches: tuple[int, ...] | None = None

    def share(self, divisor: int) -> int:
        """Rounds of a table whose runs take longer, at least 3."""
        return max(3, self.rounds // divisor)


@dataclass(frozen=True)
class Contender:
    """Something timed: `run` does `units` of work (epochs, products, calls) in every `every`-th round."""

    workload: Any
    name: str
    run: Callable[[], object]
    units: int
    every: int = 1


def gemm(dtype: str) -> Contender:
    """A @ A of the limit, into an array made once."""
    a = np.random.default_rng(0).standard_normal((GEMM_WIDTH, GEMM_WIDTH)).astype(dtype)
    out = np.empty_like(a)

    def run():
        for _ in range(GEMM_REPEATS):
            np.matmul(a, a, out=out)

    return Contender(None, f"gemm {dtype}", run, GEMM_REPEATS)


def least_seconds(run: Callable[[], object], repeats: int = 3) -> float:
    """CPU seconds of the fastest of a few runs, after one to warm up."""
    run()
    return min(seconds_of(run, time.process_time) for _ in range(repeats))


def seconds_of(run: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    run()
    return clock() - start


def repeated(call: Callable[[], object], times: int) -> Callable[[], None]:
    """One run of many calls, for calls too short to time alone."""

    def run():
        for _ in range(times):
            call()

    return run


class Times:
    """Seconds per unit of every contender in every round it took part in; NaN in the others."""

    def __init__(
        self, contenders: Iterable[Contender], rounds: int, clock: Callable[[], float] = time.process_time
    ) -> None:
        order = list(contenders)
        self.rounds = rounds
        self.seconds = {(c.workload, c.name): np.full(rounds, np.nan) for c in order}
        for contender in order:
            contender.run()  # warm-up and compilation, not timed
        for i in range(rounds):
            random.Random(i).shuffle(order)  # so that nobody always follows the same neighbour
            for contender in order:
                if i % contender.every == 0:
                    seconds = seconds_of(contender.run, clock) / contender.units
                    self.seconds[contender.workload, contender.name][i] = seconds

    def took_part(self, workload: Hashable, name: str) -> bool:
        return (workload, name) in self.seconds

    def ratio(self, workload: Hashable, peer: str, base: str = OURS) -> float | None:
        """The median over rounds of the peer's time over ours; None for a peer that took no part."""
        if not self.took_part(workload, peer):
            return None
        return float(np.nanmedian(self.seconds[workload, peer] / self.seconds[workload, base]))

    def ratios(self, workload: Hashable, peers: Sequence[str]) -> dict[str, float]:
        """The same of all peers that took part."""
        return {name: self.ratio(workload, name) for name in peers if self.took_part(workload, name)}

    def ratio_of_ours(self, workload: Hashable, base: Hashable) -> float:
        """The median over rounds of our time on one workload over that on another."""
        return float(np.nanmedian(self.seconds[workload, OURS] / self.seconds[base, OURS]))

    def best(self, workload: Hashable, name: str = OURS) -> float:
        """Least seconds per unit."""
        return float(np.nanmin(self.seconds[workload, name]))

    def times_limit(self, workload: Any, name: str = OURS) -> float:
        """The median over rounds of the time over that of the same FLOPs in A @ A."""
        per_flop = self.seconds[None, f"gemm {workload.dtype}"] / (2 * GEMM_WIDTH**3)
        return float(np.nanmedian(self.seconds[workload, name] / (per_flop * workload.flops)))

    def gemm_rate(self, dtype: str) -> float:
        """The median GFLOP/s of A @ A."""
        return 2e-9 * GEMM_WIDTH**3 / float(np.nanmedian(self.seconds[None, f"gemm {dtype}"]))

    def limits(self) -> str:
        """What the limit was, in a sentence."""
        rates = [
            f"{self.gemm_rate(dtype):.0f} GFLOP/s in {dtype}"
            for dtype in ("float64", "float32")
            if self.took_part(None, f"gemm {dtype}")
        ]
        return f"`A @ A` (512 x 512) in the same rounds: {', '.join(rates)}."


def in_a_process(call: str, environment: Mapping[str, str] = os.environ) -> Any:
    """What the call of a function of a module of ``tables`` returns in a process of its own, through JSON."""
    module, _, _ = call.partition(".")
    code = f"import json; from tables import {module}; print(json.dumps({call}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, env=environment, check=True, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def peak_megabytes(run: Callable[[], object]) -> float:
    """What a call adds to the memory of this process at its peak; Linux with glibc alone tells."""
    ctypes.CDLL(None).malloc_trim(0)  # otherwise memory that was freed before is used again unseen
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = kilobytes("VmRSS")
    run()
    return (kilobytes("VmHWM") - before) / 1024


def kilobytes(field: str) -> int:
    """A field of this process's status: VmRSS, its memory now, or VmHWM, the most it has had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field)))
