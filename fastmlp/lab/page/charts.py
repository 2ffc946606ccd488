"""The charts of the page, as specifications of Vega-Lite that hold their data.

Field names are ours: those of configurations may hold dots and brackets, which Vega-Lite reads as paths.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp.lab.page.wording import PARTED, between, chosen_of, counted, names_of, number, percent, varied_of
from fastmlp.lab.pictures.bands import band_of
from fastmlp.lab.pictures.style import COLORS
from fastmlp.lab.sweep.case import OUTCOMES
from fastmlp.lab.sweep.comparison import Comparison

MOST_DRAWN = len(COLORS)  # configurations: one colour each
MOST_REPORTS = 100  # epochs of a curve
MOST_RUNS = 1000  # marks
ROW, LINE = 34, 13  # pixels: the height of a configuration's row, and of a line of its name
COLOR_OF = dict(zip(OUTCOMES, ("#009e73", "#e69f00", "#0072b2", "#cc79a7", "#d55e00", "#000000"), strict=True))


@dataclass(frozen=True)
class Chart:
    """A chart, with the text below it; the hint is for a screen."""

    name: str
    title: str
    caption: str
    hint: str
    specification: dict[str, Any]


def charts_of(comparison: Comparison, summary: np.ndarray) -> list[Chart]:
    """Return the charts of a comparison; those of its losses only where some are finite."""
    chosen, names = chosen_of(summary, MOST_DRAWN), names_of(comparison, short=True)
    drawn = {i: names[i] for i in chosen}
    rest = _rest(comparison, int((summary["runs"] > 0).sum()), len(chosen))
    charts = [_losses(comparison, drawn), _finals(comparison, drawn), _outcomes(comparison, drawn)]
    return [dataclasses.replace(chart, caption=chart.caption + rest) for chart in charts if chart]


def _rest(comparison: Comparison, n: int, n_drawn: int) -> str:
    """What all captions say of the configurations."""
    others = varied_of(comparison)
    text = f" Names tell the initializer, {', '.join(others)}." if others else ""
    if n_drawn < n:
        text += f" The {n_drawn} configurations with the lowest median final loss are drawn, {n - n_drawn} are not."
    return text


def _chart(name: str, title: str, caption: str, hint: str, **rest: Any) -> Chart:
    """A chart as wide as its place on the page; its title and caption describe it."""
    specification = {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}, **rest}
    return Chart(name, title, caption, hint, {"description": f"{title}. {caption}", **specification})


def _named(rows: list[dict[str, Any]], drawn: dict[int, str]) -> dict[str, Any]:
    """Data whose rows hold the numbers of configurations, and get their names in the browser."""
    names = [{"i": i, "name": name} for i, name in drawn.items()]
    lookup = {"lookup": "i", "from": {"data": {"values": names}, "key": "i", "fields": ["name"]}}
    return {"data": {"values": rows}, "transform": [lookup]}


def _color(drawn: dict[int, str], **rest: Any) -> dict[str, Any]:
    """The colours of configurations, in their order."""
    scale = {"domain": list(drawn.values()), "range": list(COLORS[: len(drawn)])}
    return {"field": "name", "type": "nominal", "scale": scale, "title": None, **rest}


def _scale(values: list[float]) -> dict[str, Any]:
    """A log scale, unless no value is over 0, which such a scale cannot show."""
    return {"type": "log"} if any(value > 0 for value in values) else {"zero": False}


def _shown(value: float, scale: dict[str, Any]) -> float | None:
    """A value as JSON holds it, or None where the scale cannot show it."""
    return float(f"{value:.6g}") if math.isfinite(value) and (value > 0 or scale.get("type") != "log") else None


# ---- losses over epochs


def _losses(comparison: Comparison, drawn: dict[int, str]) -> Chart | None:
    bands = {i: band_of(comparison, i) for i in drawn}
    finite = np.concatenate([band[np.isfinite(band)] for band in bands.values()])
    if not len(finite):
        return None
    scale, top = _scale(finite.tolist()), finite.max()
    rows: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = [{"epoch": int(epoch)} for epoch in comparison.epochs]
    for i, band in bands.items():
        for text, (low, median, high) in zip(texts, band.T.tolist(), strict=True):
            edges = {"low": _shown(low, scale), "high": _shown(min(high, top), scale)}
            rows.append({"i": i, "epoch": text["epoch"], "median": _shown(median, scale), **edges})
            text[f"text{i}"] = "none" if math.isnan(median) else f"{number(median)} ({between(low, high)})"
    nearest = {"type": "point", "on": "pointermove", "nearest": True, "encodings": ["x"], "clear": "pointerout"}
    return _chart(
        "losses",
        "Training loss by epoch",
        "Lines are medians over the seeds, bands hold the runs from 5 to 95 %. A diverged run counts as an infinite "
        "loss.",
        "The pointer tells the losses at an epoch; a click on a name below the chart shows it alone.",
        height=320,
        encoding={"x": {"field": "epoch", "type": "quantitative", "scale": {"nice": False}, "title": "epoch"}},
        layer=[
            {
                **_named(rows, drawn),
                "encoding": {
                    "color": _color(drawn),
                    "opacity": {"condition": {"param": "chosen", "value": 1}, "value": 0.15},
                },
                "layer": [
                    {
                        "mark": {"type": "area", "opacity": 0.2},
                        "encoding": {
                            "y": {"field": "low", "type": "quantitative", "scale": scale, "title": "training loss"},
                            "y2": {"field": "high"},
                            "opacity": {"condition": {"param": "chosen", "value": 0.2}, "value": 0.03},
                        },
                    },
                    {
                        "params": [
                            {"name": "chosen", "select": {"type": "point", "fields": ["name"]}, "bind": "legend"}
                        ],
                        "mark": {"type": "line", "strokeWidth": 2},
                        "encoding": {"y": {"field": "median", "type": "quantitative", "scale": scale}},
                    },
                ],
            },
            {
                "data": {"values": texts},
                "params": [{"name": "near", "select": nearest}],
                "mark": {"type": "rule", "strokeWidth": 1},
                "encoding": {
                    "opacity": {"condition": {"param": "near", "empty": False, "value": 1}, "value": 0},
                    "tooltip": [
                        {"field": "epoch", "type": "quantitative"},
                        *({"field": f"text{i}", "title": name} for i, name in drawn.items()),
                    ],
                },
            },
        ],
    )


# ---- final losses of the runs


def _finals(comparison: Comparison, drawn: dict[int, str]) -> Chart | None:
    score = comparison.settings["score"]
    runs = comparison.runs[np.isin(comparison.runs["configuration"], list(drawn))]
    scale = _scale(runs["final_loss"][np.isfinite(runs["final_loss"])].tolist())
    is_shown = np.array([_shown(loss, scale) is not None for loss in runs["final_loss"].tolist()])
    shown, n_hidden = runs[is_shown], int((~is_shown).sum())
    if not len(shown):
        return None
    some = shown[np.argsort(shown["final_loss"], kind="stable")][:: -(-len(shown) // MOST_RUNS)]
    parts = [part for part in ("train", "test") if np.isfinite(shown[f"{part}_score"]).any()]
    rows = [
        {
            "i": int(run["configuration"]),
            "loss": _shown(float(run["final_loss"]), scale),
            "seed": int(run["seed"]),
            "outcome": str(run["outcome"]),
            **{part: number(float(run[f"{part}_score"])) for part in parts},
        }
        for run in some
    ]
    every = "Every mark is a run" if len(some) == len(shown) else f"{len(some)} of {len(shown)} runs have a mark"
    hidden = f" No mark: {counted(n_hidden, 'run')} without a final loss that the axis can show." if n_hidden else ""
    fields = {"name": "configuration", "seed": "seed", "loss": "final loss"}
    fields |= {part: f"{part} {score}" for part in parts} | {"outcome": "outcome"}
    return _chart(
        "finals",
        "Final training loss of the runs",
        f"{every}.{hidden}",
        "The pointer tells its seed, loss and scores.",
        **_named(rows, drawn),
        height=ROW * len(drawn),
        mark={"type": "tick", "thickness": 2, "opacity": 0.5, "size": 22},
        encoding={
            "x": {
                "field": "loss",
                "type": "quantitative",
                "scale": {**scale, "nice": False, "padding": 10},
                "title": "final training loss",
            },
            "y": _places(drawn),
            "color": _color(drawn, legend=None),
            "tooltip": [{"field": field, "title": title, "type": "nominal"} for field, title in fields.items()],
        },
    )


def _places(drawn: dict[int, str]) -> dict[str, Any]:
    """A row for every configuration; the two parts of its name have a line each."""
    is_parted = any(PARTED in name for name in drawn.values())
    axis = {
        "labelExpr": f"split(datum.label, '{PARTED}')",
        "labelLineHeight": LINE,
        "labelOffset": -is_parted * LINE / 2,
    }
    return {"field": "name", "type": "nominal", "sort": list(drawn.values()), "title": None, "axis": axis}


# ---- outcomes


def _outcomes(comparison: Comparison, drawn: dict[int, str]) -> Chart:
    rows, seen = [], set()
    for i in drawn:
        outcomes = comparison.runs["outcome"][comparison.runs["configuration"] == i].tolist()
        for order, outcome in enumerate(OUTCOMES):
            n = outcomes.count(outcome)
            if n:
                seen.add(outcome)
                text = f"{n} of {len(outcomes)} ({percent(n / len(outcomes))})"
                rows.append({"i": i, "outcome": outcome, "order": order, "runs": n, "text": text})
    shown = [outcome for outcome in OUTCOMES if outcome in seen]
    fields = {"name": "configuration", "outcome": "outcome", "text": "runs"}
    return _chart(
        "outcomes",
        "Outcomes",
        "What became of the runs of every configuration.",
        "The pointer tells how many.",
        **_named(rows, drawn),
        height=ROW * len(drawn),
        mark={"type": "bar"},
        encoding={
            "x": {"field": "runs", "type": "quantitative", "stack": "normalize", "title": "share of runs"},
            "y": _places(drawn),
            "order": {"field": "order"},
            "color": {
                "field": "outcome",
                "type": "nominal",
                "scale": {"domain": shown, "range": [COLOR_OF[outcome] for outcome in shown]},
                "title": None,
            },
            "tooltip": [{"field": field, "title": title, "type": "nominal"} for field, title in fields.items()],
        },
    )
