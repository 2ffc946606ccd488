"""Clang's build over GCC's: the same bits, then the ratio of their times on every instruction set of this machine.

Usage: python benches/tables/clang_table.py [--rounds N] [--cc COMPILER]

Both builds are made in build/compilers.  A process each holds them, and the two take turns.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

BENCHES = Path(__file__).resolve().parents[1]
ROOT = BENCHES.parent
sys.path.insert(0, str(BENCHES))  # this is a script of its own, in a subfolder of the modules it imports
BUILDS = ROOT / "build" / "compilers"
COLUMNS = ("workload", "dtype", "instruction set", "Clang / GCC")


# ---- the process of one build: answers a number of epochs with CPU seconds and a hash of what was trained


def workloads() -> list:
    from training_workloads import DIGITS, TRAININGS
    from workloads import SEED_F32, SEED_F64

    return [SEED_F64, SEED_F32, *(w for w in TRAININGS if w.name == DIGITS[0])]


def trainer_of(workload):
    from peers import full_batch, minibatch
    from workloads import LEARNING_RATE, Workload

    if isinstance(workload, Workload):
        return lambda epochs: full_batch.ours(workload.start, *workload.data, LEARNING_RATE, epochs)
    train = minibatch.ours(workload)
    return lambda epochs: train(epochs, shuffle=True)


def serve() -> None:
    import fastmlp

    config = fastmlp.show_config(mode="dict")
    print(Path(fastmlp.__file__).parent, config["compiler"], flush=True)
    trainers = [trainer_of(workload) for workload in workloads()]
    for line in sys.stdin:
        index, epochs = map(int, line.split())
        start = time.process_time()
        parameters = trainers[index](epochs)
        seconds = time.process_time() - start
        print(seconds, hashlib.sha256(parameters.tobytes()).hexdigest(), flush=True)


class Build:
    """A running process that holds the package as one compiler built it."""

    def __init__(self, folder: Path, isa: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(folder), "FASTMLP_ISA": isa, "FASTMLP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        found, self.compiler = self.answer().split(maxsplit=1)
        if Path(found) != folder / "fastmlp":
            raise AssertionError(f"the process was to time {folder}, it imported {found}")

    def answer(self) -> str:
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError("the process of a build ended early")
        return line

    def train(self, index: int, epochs: int) -> tuple[float, str]:
        """CPU seconds of a training, and a hash of the parameters it led to."""
        self.process.stdin.write(f"{index} {epochs}\n")
        self.process.stdin.flush()
        seconds, digest = self.answer().split()
        return float(seconds), digest

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


# ---- both builds


def make_build(compiler: str) -> Path:
    """The package, built by one compiler in a folder of its own."""
    folder = BUILDS / Path(compiler).name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "fastmlp", folder / "fastmlp", ignore=shutil.ignore_patterns("*.so", "_kernels.c"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=folder, env={**os.environ, "CC": compiler}, stdout=subprocess.DEVNULL, check=True)
    return folder


def ratio(clang: Build, gcc: Build, index: int, epochs: int, rounds: int) -> float:
    """The median over rounds of Clang's time over GCC's, after both were found to train to the same bits."""
    pair = (clang, gcc)
    if len({build.train(index, epochs)[1] for build in pair}) > 1:
        raise AssertionError(f"workload {index}: the builds train to different bits")
    ratios = []
    for i in range(rounds):
        order = pair if i % 2 else pair[::-1]
        seconds = {build: build.train(index, epochs)[0] for build in order}
        ratios.append(seconds[clang] / seconds[gcc])
    return statistics.median(ratios)


def rows_of(folders: dict[str, Path], isa: str, rounds: int) -> list[list[str]]:
    clang, gcc = (Build(folders[name], isa) for name in ("clang", "gcc"))
    try:
        return [
            [w.name, w.dtype, isa, f"{ratio(clang, gcc, i, w.epochs, rounds):.2f}"] for i, w in enumerate(workloads())
        ]
    finally:
        clang.end()
        gcc.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--cc", default="clang", help="Clang's name")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    folders = {"clang": make_build(arguments.cc), "gcc": make_build("gcc")}
    sys.path.insert(0, str(folders["gcc"]))
    from report import cpu_model, markdown_table

    from fastmlp import _kernels

    rows = [row for isa in _kernels.available_isas() for row in rows_of(folders, isa, arguments.rounds)]
    versions = " over ".join(
        subprocess.run([name, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        for name in (arguments.cc, "gcc")
    )
    print(f"{versions}; {cpu_model()}; {arguments.rounds} rounds.\n")
    print(markdown_table(COLUMNS, rows, n_texts=3))


if __name__ == "__main__":
    main()
