"""Fits with every library's own number of threads: beside a busy loop on another core, and over neighbouring widths.

Each measurement is a process of its own, without the settings that keep the other tables to one thread. Times are those
of the clock on the wall.
"""

import os
import subprocess
import sys
import time
import warnings

import numpy as np
from measure import OURS, Options, in_a_process
from report import Result, cell, markdown_table

WIDTHS = range(40, 51)
ROWS, FEATURES, BATCH, EPOCHS = 12_800, 10, 128, 3
SETTINGS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "FASTMLP_NUM_THREADS")
FITS = 5


def fit_digits(library: str) -> float:
    """Seconds of the fastest of a few fits of digits, 30 epochs."""
    from sklearn import datasets, neural_network

    import fastmlp

    X, y = datasets.load_digits(return_X_y=True)
    kind = {OURS: fastmlp, "scikit-learn": neural_network}[library].MLPClassifier
    seconds = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(FITS):
            start = time.perf_counter()
            kind(max_iter=30, random_state=0).fit(X, y)
            seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def width_seconds() -> list[float]:
    """Seconds per epoch of linear 10-w-w-10 networks, each the least of three trainings."""
    from fastmlp import MLP

    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, FEATURES)).astype(np.float32)
    Y = rng.standard_normal((ROWS, FEATURES)).astype(np.float32)
    found = []
    for width in WIDTHS:
        model = MLP([FEATURES, width, width, FEATURES], activation="identity", loss="squared_error", dtype="float32")
        seconds = []
        for _ in range(4):
            start = time.perf_counter()
            model.train(X, Y, epochs=EPOCHS, batch_size=BATCH, learning_rate=1e-4, seed=0)
            seconds.append((time.perf_counter() - start) / EPOCHS)
        found.append(min(seconds[1:]))
    return found


def without_settings(expression: str, beside_busy_loop: bool = False) -> object:
    """What a function of this module returns in a process without thread settings."""
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"])] if beside_busy_loop else []
    try:
        return in_a_process(f"busy_table.{expression}", environment)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def measure(options: Options) -> Result:
    """How much a busy loop slows a fit, and how even the widths are."""
    rows = []
    for library in (OURS, "scikit-learn"):
        alone, beside = (
            float(np.median([without_settings(f"fit_digits({library!r})", busy) for _ in range(options.share(20))]))
            for busy in (False, True)
        )
        rows.append([library, f"{alone * 1e3:.3g}", f"{beside * 1e3:.3g}", cell(beside / alone)])
    seconds = np.median([without_settings("width_seconds()") for _ in range(options.share(20))], axis=0)
    steps = seconds[1:] / seconds[:-1]
    worst = int(np.argmax(np.maximum(steps, 1 / steps)))
    caption = (
        "**Without thread settings**, by the clock on the wall: 30 epochs of digits, hidden (100,), alone and beside a "
        f"busy loop in another process on {os.cpu_count()} cores. Linear 10-w-w-10 networks, batch {BATCH}, {ROWS:,} "
        f"rows, w = {WIDTHS[0]} to {WIDTHS[-1]}: {seconds.min() * 1e3:.2f} to {seconds.max() * 1e3:.2f} ms per epoch; "
        f"of neighbours, the largest ratio is {max(steps[worst], 1 / steps[worst]):.2f} (w = {WIDTHS[worst]} and "
        f"{WIDTHS[worst + 1]})."
    )
    return Result(f"{caption}\n\n{markdown_table(['library', 'alone, ms', 'beside, ms', 'ratio'], rows, n_texts=1)}")
