"""The study's results as a table, as JSON and as one picture."""

import functools
import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import __version__, _kernels
from fastmlp.files import write_whole
from fastmlp.lab.data import StudyData
from fastmlp.lab.measurements import Measurements, predictions
from fastmlp.lab.pictures.style import COLORS
from fastmlp.lab.study import Run
from fastmlp.network import MLP
from fastmlp.plots import draw_decision_boundary
from fastmlp.text import shortened

MOST_LOSS = 1e200  # drawn; the margins of a log axis must not overflow
MOST_POINTS = 5000  # examples scattered; more hide each other
RANGES = 0.5, 20.0  # of features around which a margin of 1 looks right
EQUAL_ASPECT = 4.0  # largest ratio of the features' ranges for which both axes have one scale


def table(runs: Sequence[Run]) -> str:
    """Return the comparison as text, one line per run, columns aligned; a regression has R^2 in place of accuracies."""
    score = "accuracy" if runs[0].train_r2 is None else "R^2"
    headings = ("Initialization", "cost first", "cost last", f"train {score}", f"test {score}", "time", "what happened")
    rows = [headings]
    for run in runs:
        losses = run.history.losses
        first, last = (f"{losses[0]:.6g}", f"{losses[-1]:.6g}") if len(losses) else ("-", "-")
        scores = _score(run.train_accuracy, run.train_r2), _score(run.test_accuracy, run.test_r2)
        rows.append((run.initialization, first, last, *scores, f"{1e3 * run.seconds:.0f} ms", run.what_happened))
    widths = [max(len(row[i]) for row in rows) for i in range(len(headings) - 1)]
    lines = [" | ".join([*(f"{cell:{w}}" for cell, w in zip(row, widths, strict=False)), row[-1]]) for row in rows]
    lines.insert(1, "-|-".join(["-" * w for w in widths] + ["-" * len(headings[-1])]))
    return "\n".join(lines)


def _score(accuracy: float | None, r2: float | None) -> str:
    if accuracy is not None:
        return f"{accuracy:.1%}"
    return "-" if r2 is None or math.isnan(r2) else f"{r2:.3f}" if r2 > -10 else f"{r2:.3g}"


def as_json(runs: Sequence[Run], picture: Path, data: StudyData) -> str:
    """Return all measurements as JSON; a number that is not finite becomes null."""
    document = {
        "version": __version__,
        "isa": _kernels.current_isa(),
        "picture": str(picture),
        "data": data.as_dict(),
        "runs": [
            {
                "initialization": run.initialization,
                "epochs": run.history.epochs.tolist(),
                "losses": [finite(loss) for loss in run.history.losses.tolist()],
                **_scores(run),
                "feature_scale": finite(run.feature_scale),
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


def _scores(run: Run) -> dict[str, float | None]:
    """Return the scores that the loss has, under their names."""
    if run.train_r2 is None or run.test_r2 is None:
        return {"train_accuracy": run.train_accuracy, "test_accuracy": run.test_accuracy}
    scale = math.nan if run.target_scale is None else run.target_scale
    return {"train_r2": finite(run.train_r2), "test_r2": finite(run.test_r2), "target_scale": finite(scale)}


def finite(value: Any) -> Any:
    """Return a value, or None in place of a number that is not finite, which JSON lacks."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _finite_values(measurements: Measurements) -> dict[str, float | None]:
    return {name: finite(value) for name, value in asdict(measurements).items()}


def draw(runs: Sequence[Run], data: StudyData, path: Path) -> None:
    """Draw one PNG: the loss curves on a log axis and, for two features, what every network predicts in the plane."""
    from matplotlib.figure import Figure

    X, y = data.train
    with np.errstate(over="ignore"):
        low, high = sorted(np.ptp(X, axis=0)) if X.shape[1] == 2 else (0.0, math.inf)
    n_boundaries = len(runs) if high < np.finfo(X.dtype).max / 2 else 0  # with margins
    columns = max(n_boundaries, 3)
    figure = Figure(figsize=(4 * columns, 8 if n_boundaries else 4), layout="constrained")
    grid = figure.add_gridspec(2 if n_boundaries else 1, columns)
    _draw_losses(figure.add_subplot(grid[0, :]), runs)
    margin = None if RANGES[0] <= low and high <= RANGES[1] else 0.1
    some = slice(None, None, -(-len(X) // MOST_POINTS))
    for i, run in enumerate(runs[:n_boundaries]):
        axes = figure.add_subplot(grid[1, i])
        decide = functools.partial(_decisions, run.network)
        draw_decision_boundary(axes, decide, X[some], y[some], margin=margin)
        score = "R²" if data.classes is None else "accuracy"
        test = _score(run.test_accuracy, run.test_r2)
        axes.set_title(f"{run.initialization}: test {score} {test}", color=_color(i), parse_math=False)
        axes.set_xlabel(shortened(data.features[0]), parse_math=False)
        axes.set_ylabel(shortened(data.features[1]), parse_math=False)
        if high <= EQUAL_ASPECT * low:
            axes.set_aspect("equal")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # drawn as a box
        write_whole(path, lambda file: figure.savefig(file, format="png", dpi=100))


def _decisions(network: MLP, points: np.ndarray) -> np.ndarray:
    """Return predictions, 0 where a sum overflows, and at most what the margins of a color scale hold."""
    decisions = predictions(network, points).astype(np.float64)
    return np.clip(np.nan_to_num(decisions), -MOST_LOSS, MOST_LOSS)


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
