"""Frames as the page's players read them: packed bytes, colours, captions."""

import base64
import zlib
from typing import Any

import numpy as np

from fastmlp.lab.page.frames import FRAMES, LEVELS, NO_PREDICTION, SIDE, BoundaryFrames, RunFrames
from fastmlp.lab.page.wording import number
from fastmlp.lab.pictures.style import COLORS

MOST_BYTES = 360_000  # of all frames; the page has 2 MB
MOST_POINTS = 300  # examples scattered
PALE = 0.45  # share of white in the colour of a class
WHITE, GREY = (255, 255, 255), (128, 128, 128)


def packed(frames: np.ndarray) -> str:
    """Return frames as base64 of deflated bytes, each but the first as its difference from the one before."""
    differences = frames.copy()
    differences[1:] -= frames[:-1]
    return base64.b64encode(zlib.compress(differences.tobytes(), 9)).decode()


def players_of(frames: BoundaryFrames) -> dict[str, Any]:
    """Return what the script needs, with fewer frames where all of them take more than ``MOST_BYTES``."""
    step = 1
    runs = [_player(run, step) for run in frames.runs]
    while sum(len(run["bytes"]) for run in runs) > MOST_BYTES and step < FRAMES:
        step *= 2
        runs = [_player(run, step) for run in frames.runs]
    points, targets = places(frames)
    return {
        "side": SIDE,
        "smooth": frames.kind != "class",
        "colors": palette(frames.kind).ravel().tolist(),
        "points": [[*place, byte] for place, byte in zip(points.round(4).tolist(), targets.tolist(), strict=True)],
        "runs": runs,
    }


def _player(run: RunFrames, step: int) -> dict[str, Any]:
    """Every ``step``-th frame of a run, and the last."""
    n = len(run.frames)
    some = sorted({*range(0, n, step), n - 1})
    return {
        "name": run.initializer,
        "bytes": packed(run.frames[some]),
        "captions": [caption(run, i) for i in some],
    }


def caption(run: RunFrames, i: int) -> str:
    """Return what a frame shows."""
    epochs = int(run.epochs[i])
    when = f"After {epochs:,} epoch{'s' * (epochs != 1)}" if epochs else "The start"
    return f"{when}: loss {number(float(run.losses[i]))}"


def places(frames: BoundaryFrames) -> tuple[np.ndarray, np.ndarray]:
    """Return some of the examples (n, 2), as shares of a frame's width and height, and their bytes."""
    some = slice(None, None, -(-len(frames.points) // MOST_POINTS))
    left, right, bottom, top = frames.extent
    points = (frames.points[some].astype(np.float64) - [left, top]) / [right - left, bottom - top]
    return points, frames.targets[some]


def palette(kind: str) -> np.ndarray:
    """Return the colour (256, 3) of every byte.

    Probabilities and values fade over white from one colour to another, classes have pale colours, in turn.
    """
    colors = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in COLORS], float)
    if kind == "class":
        pale = PALE * np.array(WHITE) + (1 - PALE) * colors
        found = pale[np.arange(256) % len(pale)]
    else:
        stops = np.array([colors[0], WHITE, colors[1]])
        found = np.array([np.interp(np.arange(256), [0, LEVELS / 2, LEVELS], channel) for channel in stops.T]).T
    found[NO_PREDICTION] = GREY
    return found.round().astype(np.uint8)


def key(frames: BoundaryFrames) -> list[tuple[str, list[str]]]:
    """Return what colours stand for: texts, each with the CSS colour of its swatch, or with several that fade."""
    colors = [f"rgb({', '.join(map(str, color))})" for color in palette(frames.kind).tolist()]
    if frames.kind == "class":
        return [(f"class {c}", [colors[c]]) for c in np.unique(frames.targets).tolist()]
    ends = "label 0", "label 1"
    if frames.kind == "value":
        ends = number(frames.low), number(frames.high)
    return [(f"{ends[0]} to {ends[1]}", [colors[0], colors[LEVELS // 2], colors[LEVELS]])]
