"""The longest time between a signal and its handler, during calls on large arrays.

``python benches/signal_latency.py`` prints a table.  A timer signals every 20 ms of processor time, and the handler
notes when it runs and in whose code: that of the innermost function outside of NumPy.  The longest wait is the longest
gap between two runs, less the 20 ms.  Calls run on one thread.  On a busy machine the figures are too small: kernels
poll by the time of day, every 50 ms.
"""

import gc
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from types import FrameType

os.environ["FASTMLP_NUM_THREADS"] = "1"

import numpy as np
import scipy.sparse
from report import markdown_table

from fastmlp import LBFGS, MLP

INTERVAL = 0.02  # seconds


def package_of(frame: FrameType | None) -> str:
    """The package of the innermost function outside of NumPy."""
    while frame is not None:
        name = str(frame.f_globals["__name__"]).partition(".")[0]
        if name != "numpy":
            return name
        frame = frame.f_back
    return "numpy"


def longest_waits(call: Callable[[], object]) -> tuple[float, dict[str, float]]:
    """Seconds of a call, and of the longest wait of a signal during it in the code of each package."""
    times, waits = [time.process_time()], {}

    def note(frame: FrameType | None) -> None:
        times.append(time.process_time())
        package = package_of(frame)
        waits[package] = max(waits.get(package, 0.0), times[-1] - times[-2] - INTERVAL)

    before = signal.signal(signal.SIGPROF, lambda _, frame: note(frame))
    gc.disable()
    signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
    try:
        call()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        gc.enable()
        signal.signal(signal.SIGPROF, before)
    note(sys._getframe())
    return times[-1] - times[0], waits


def many_outputs(method: str) -> Callable[[], object]:
    model = MLP([20, 200_000], loss="multinomial_log_loss", seed=0, dtype="float32")
    X, y = np.ones((512, 20), np.float32), np.arange(512)
    if method == "predict_proba":
        return lambda: model.predict_proba(X)
    return lambda: model.loss_and_gradient(X, y)


def wide_hidden(activation: str, dropout: float) -> Callable[[], object]:
    model = MLP([10, 200_000, 1], activation=activation, seed=0, dtype="float32")
    X, y = np.ones((512, 10), np.float32), np.ones(512)
    return lambda: model.train(X, y, epochs=1, dropout=dropout, seed=0)


def sparse_columns() -> Callable[[], object]:
    model = MLP([1_000_000, 8, 1], initialization="zeros", dtype="float32")
    X = scipy.sparse.random(20_000, 1_000_000, 1e-4, "csr", np.float32, np.random.default_rng(0))
    y = np.arange(20_000) % 2
    return lambda: model.train(X, y, epochs=1, batch_size=200)


def many_rows(method: str) -> Callable[[], object]:
    model, X, y = MLP([1, 1], seed=0, dtype="float32"), np.ones((50_000_000, 1), np.float32), np.ones(50_000_000)
    if method == "shuffled":
        return lambda: model.train(X, y, epochs=1, batch_size=10_000_000, seed=0)
    return lambda: model.predict_proba(X)


def many_parameters(optimizer: object) -> Callable[[], object]:
    model = MLP([3000, 3000, 1], seed=0, dtype="float32")
    X, y = np.ones((64, 3000), np.float32), np.ones(64)
    return lambda: model.train(X, y, epochs=3, optimizer=optimizer, learning_rate=None)


CASES = {
    "200,000 outputs, `predict_proba`": lambda: many_outputs("predict_proba"),
    "200,000 outputs, gradient": lambda: many_outputs("gradient"),
    "200,000 hidden units, gelu": lambda: wide_hidden("gelu", 0.0),
    "200,000 hidden units, relu with dropout": lambda: wide_hidden("relu", 0.5),
    "CSR of 1,000,000 columns, one epoch": sparse_columns,
    "50,000,000 rows, one shuffled epoch": lambda: many_rows("shuffled"),
    "50,000,000 rows, `predict_proba`": lambda: many_rows("predict"),
    "9,000,000 parameters, Adam": lambda: many_parameters("adam"),
    "9,000,000 parameters, L-BFGS": lambda: many_parameters(LBFGS()),
}


def main() -> None:
    warnings.simplefilter("ignore")  # of networks that learn nothing
    rows = []
    for name, make in CASES.items():
        seconds, waits = longest_waits(make())
        ours = max(wait for package, wait in waits.items() if package != "scipy")
        rows.append([name, f"{seconds:.2f}", f"{ours:.3f}", f"{waits['scipy']:.3f}" if "scipy" in waits else ""])
    print(markdown_table(["call", "seconds", "longest wait of a signal, seconds", "in SciPy"], rows))


if __name__ == "__main__":
    main()
