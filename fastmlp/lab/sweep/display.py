"""A comparison as text and as HTML: one line for each configuration."""

import html as escaping
import math
from typing import Any

from fastmlp.lab import tabular
from fastmlp.lab.sweep.case import OUTCOMES
from fastmlp.lab.sweep.configuration import VARIED
from fastmlp.text import percent, shortened

MOST_ROWS = 60  # configurations that are shown
MOST_LABEL = 60  # characters


def text(comparison: Any) -> str:
    """Return a heading and a table with aligned columns."""
    rows = rows_of(comparison)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [" | ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "-|-".join("-" * w for w in widths))
    return "\n".join([heading(comparison), *lines, *rest_of(comparison)])


def html(comparison: Any) -> str:
    """Return the same as an HTML table."""
    rest = "".join(f"<p>{escaping.escape(line)}</p>" for line in rest_of(comparison))
    title = escaping.escape(heading(comparison))
    return f"<p>{title}</p>{tabular.as_html(rows_of(comparison))}{rest}"


def heading(comparison: Any) -> str:
    """Return in a line what was run."""
    settings, n = comparison.settings, len(comparison.configurations)
    first = comparison.configurations[0]
    same = [
        str(first[name]) if name != "learning_rate" else f"learning rate {first[name]}"
        for name in ("layer_dims", "activation", "optimizer", "learning_rate")
        if name not in comparison.varied and first[name] != ""
    ]
    missing = f", {comparison.n_missing} not done" if comparison.n_missing else ""
    runs = f"{len(comparison)} runs of {n} configuration{'s' * (n > 1)}{missing}"
    same += [f"{settings['epochs']} epochs on {settings['n_examples']} examples", settings["dtype"]]
    return f"{runs}: {', '.join(same)}"


def rest_of(comparison: Any) -> list[str]:
    """Return what is said of configurations that are not shown."""
    n_left = len(comparison.configurations) - MOST_ROWS
    return [f"{n_left} more configurations: see summary()"] if n_left > 0 else []


def rows_of(comparison: Any) -> list[list[str]]:
    """Return the headings, and the cells of every configuration shown."""
    score = comparison.settings["score"]
    headings = ["runs", "final loss (5-95 %)", f"train {score}", f"test {score}", "time", "outcomes"]
    rows = ([*map(_cell, names), *cells] for names, cells in _measured(comparison))
    return [[*_names(comparison), *headings], *rows]


def _names(comparison: Any) -> list[str]:
    """The columns that name a configuration, but for an initializer's parameters, which its label tells."""
    return [name for name in comparison.varied if name in ("initializer", *VARIED)]


def _measured(comparison: Any) -> list[tuple[list[Any], list[str]]]:
    """For each configuration shown, what it is called and the cells of its measurements."""
    found = []
    for row in comparison.summary_of(MOST_ROWS):
        cells = [str(row["runs"]), _with_band(row, "final_loss", "_5", "_95")]
        cells += [_with_band(row, name, "_low", "_high") for name in ("train_score", "test_score")]
        cells += [_time(row["seconds"]), _outcomes(row)]
        found.append(([row[name] for name in _names(comparison)], cells))
    return found


def _with_band(row: Any, name: str, low: str, high: str) -> str:
    middle, ends = row[name], (row[f"{name}{low}"], row[f"{name}{high}"])
    if math.isnan(middle):
        return "-"
    return f"{middle:.4g}" if math.isnan(ends[0]) else f"{middle:.4g} ({ends[0]:.4g} to {ends[1]:.4g})"


def _time(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _outcomes(row: Any) -> str:
    shares = [(outcome, row[outcome]) for outcome in OUTCOMES]
    return ", ".join(f"{outcome} {percent(share)}" for outcome, share in shares if share > 0)


def _cell(value: Any) -> str:
    return shortened(str(value), MOST_LABEL) if isinstance(value, str) else f"{value:g}"
