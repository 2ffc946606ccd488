"""The pictures that stand in for the charts and players on paper, drawn by matplotlib."""

import base64
import io
import warnings
from typing import Any

import numpy as np

from fastmlp.lab.page.frames import BoundaryFrames
from fastmlp.lab.page.players import caption, palette, places
from fastmlp.lab.page.wording import chosen_of, names_of
from fastmlp.lab.pictures import loss_bands, style
from fastmlp.lab.sweep.comparison import Comparison

STAGES = 4  # frames of a run: the start, the end and those between
CELL = 1.6  # inches of a frame
MOST_LOSS = 1e200  # drawn; the margins of a log axis must not overflow
DOTS = 80  # to the inch of a PNG


def losses(comparison: Comparison, summary: np.ndarray) -> str:
    """Return the losses over the epochs as the address of an SVG."""
    chosen = chosen_of(summary, len(style.COLORS))
    return _address(loss_bands(comparison, configurations=chosen).figure, "svg")


def finals(comparison: Comparison, summary: np.ndarray) -> str:
    """Return the final losses of all runs as the address of a PNG."""
    chosen, names = chosen_of(summary, len(style.COLORS)), names_of(comparison, short=True)
    axes = style.axes_of_grid(1, 1, (6.4, 0.9 + 0.35 * len(chosen)))[0, 0]
    for row, (i, line) in enumerate(zip(chosen, style.lines_of(axes, len(chosen)), strict=True)):
        found = comparison.runs["final_loss"][comparison.runs["configuration"] == i]
        found = np.minimum(found[np.isfinite(found)], MOST_LOSS)
        axes.plot(found, np.full(len(found), row), "|", color=line["color"], markersize=14, alpha=0.5)
    if any((line.get_xdata() > 0).any() for line in axes.lines):
        style.use_log(axes, "x")
    axes.set_yticks(range(len(chosen)), [style.label_of(names[i]) for i in chosen], parse_math=False)
    axes.set_ylim(len(chosen) - 0.5, -0.5)
    style.write(axes, x="final training loss", y="", title="every mark is a run")
    return _address(axes.figure, "png")


def boundaries(frames: BoundaryFrames) -> str:
    """Return frames of all runs, from the start to the end, as the address of a PNG."""
    n = len(frames.runs)
    axes = style.axes_of_grid(n, STAGES, (CELL * STAGES, (CELL + 0.3) * n))
    colors, (points, targets) = palette(frames.kind), places(frames)
    for row, run in zip(axes, frames.runs, strict=True):
        stages = np.linspace(0, len(run.frames) - 1, STAGES).round().astype(int).tolist()
        for one, stage in zip(row, stages, strict=True):
            one.imshow(colors[run.frames[stage]], extent=(0, 1, 1, 0), aspect="auto", interpolation="nearest")
            one.scatter(*points.T, c=colors[targets] / 255, s=4, edgecolors="black", linewidths=0.3)
            one.set(xticks=[], yticks=[])
            one.set_title(caption(run, stage).replace(": ", "\n"), fontsize=7, parse_math=False)
        row[0].set_ylabel(style.label_of(run.initializer), fontsize=8, parse_math=False)
    return _address(axes[0, 0].figure, "png")


OF = {"losses": losses, "finals": finals}  # by the name of the chart


def _address(figure: Any, form: str) -> str:
    """A figure as a data URI, the same for the same figure."""
    import matplotlib

    file = io.BytesIO()
    metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.hashsalt": "fastmlp"}):
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # drawn as a box
        figure.savefig(file, format=form, dpi=DOTS, metadata=metadata)
    kind = {"svg": "image/svg+xml", "png": "image/png"}[form]
    held = file.getvalue() if form == "svg" else _smaller(file)
    return f"data:{kind};base64,{base64.b64encode(held).decode()}"


def _smaller(picture: io.BytesIO) -> bytes:
    """A PNG of 256 colours, a third of the size."""
    from PIL import Image

    file = io.BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").quantize(256).save(file, "png", optimize=True)
    return file.getvalue()
