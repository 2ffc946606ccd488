"""The study's results as a table, as JSON and as one picture."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import __version__, _kernels
from fastmlp.files import write_whole
from fastmlp.lab.diagnostics import Diagnostics
from fastmlp.lab.study import Run
from fastmlp.plots import draw_decision_boundary

HEADINGS = (
    "Initialization",
    "cost first",
    "cost last",
    "train accuracy",
    "test accuracy",
    "time",
    "what happened",
)
MOST_LOSS = 1e200  # drawn; the margins of a log axis must not overflow
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe & Ito 2008


def table(runs: Sequence[Run]) -> str:
    """Return the comparison as text, one line per run, columns aligned."""
    rows = [HEADINGS]
    for run in runs:
        losses = run.history.losses
        first, last = (f"{losses[0]:.6g}", f"{losses[-1]:.6g}") if len(losses) else ("-", "-")
        rows.append(
            (
                run.initialization,
                first,
                last,
                f"{run.train_accuracy:.1%}",
                f"{run.test_accuracy:.1%}",
                f"{1e3 * run.seconds:.0f} ms",
                run.what_happened,
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS) - 1)]
    lines = [" | ".join([*(f"{cell:{w}}" for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    lines.insert(1, "-|-".join(["-" * w for w in widths] + ["-" * len(HEADINGS[-1])]))
    return "\n".join(lines)


def as_json(runs: Sequence[Run], picture: Path) -> str:
    """Return all measurements as JSON; a number that is not finite becomes null."""
    document = {
        "version": __version__,
        "isa": _kernels.current_isa(),
        "picture": str(picture),
        "runs": [
            {
                "initialization": run.initialization,
                "epochs": run.history.epochs.tolist(),
                "losses": [_finite(loss) for loss in run.history.losses.tolist()],
                "train_accuracy": run.train_accuracy,
                "test_accuracy": run.test_accuracy,
                "seconds": run.seconds,
                "diverged": run.diverged,
                "start": _finite_values(run.start),
                "end": _finite_values(run.end),
                "what_happened": run.what_happened,
            }
            for run in runs
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _finite_values(diagnostics: Diagnostics) -> dict[str, float | None]:
    return {name: _finite(value) for name, value in asdict(diagnostics).items()}


def draw(runs: Sequence[Run], X: np.ndarray, y: np.ndarray, path: Path) -> None:
    """Draw one PNG: the loss curves on a log axis and, for two features, every decision boundary."""
    from matplotlib.figure import Figure

    n_boundaries = len(runs) if X.shape[1] == 2 else 0
    columns = max(n_boundaries, 3)
    figure = Figure(figsize=(4 * columns, 8 if n_boundaries else 4), layout="constrained")
    grid = figure.add_gridspec(2 if n_boundaries else 1, columns)
    _draw_losses(figure.add_subplot(grid[0, :]), runs)
    for i, run in enumerate(runs[:n_boundaries]):
        axes = figure.add_subplot(grid[1, i])
        draw_decision_boundary(axes, run.network.predict, X, y)
        axes.set_title(f"{run.initialization}: test accuracy {run.test_accuracy:.1%}", color=_color(i))
        axes.set_xlabel("x1")
        axes.set_ylabel("x2")
        axes.set_aspect("equal")
    write_whole(path, lambda file: figure.savefig(file, format="png", dpi=100))


def _draw_losses(axes: Any, runs: Sequence[Run]) -> None:
    for i, run in enumerate(runs):
        losses = np.where(run.history.losses > 0, np.minimum(run.history.losses, MOST_LOSS), np.nan)
        axes.plot(run.history.epochs, losses, color=_color(i), marker=".", label=run.initialization)
    if any((run.history.losses > 0).any() for run in runs):
        axes.set_yscale("log")
    axes.set_xlabel("iteration")
    axes.set_ylabel("training loss")
    axes.set_title("Loss by initialization")
    axes.grid(alpha=0.3, which="both")
    axes.legend(title="initialization")


def _color(i: int) -> str:
    return COLORS[i % len(COLORS)]
