"""The two pictures of the measurements: ratios by workload, and times against width and number of examples."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator
from measure import OURS
from report import Result, cell
from tables.width_curve import PRODUCTS

RATIO_TABLES = ("one-row", "seed", "training", "exponential")
COLOURS = {
    OURS: "#000000",
    "NumPy": "#0072b2",
    "NumPy notebook": "#56b4e9",
    "NumPy, fastest": "#9ecae1",
    "scikit-learn": "#e69f00",
    "PyTorch": "#d55e00",
    "torch.compile": "#f2a98a",
    "JAX jit": "#009e73",
    "Numba": "#cc79a7",
}
BATCH_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")
PIXELS_PER_INCH = 110
BAR, GAP, ABOVE, BELOW = 0.17, 0.13, 0.6, 0.5  # inches
RATIO_TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
PLAIN = FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")


def draw_all(results: dict[str, Result], directory: Path) -> None:
    """Each picture for which there are measurements."""
    ratios = {name: bars for table in RATIO_TABLES if table in results for name, bars in results[table].ratios.items()}
    if ratios:
        save(speed_ratios(ratios), directory / "speed_ratios.png")
    if {"widths", "examples"} <= results.keys():
        save(speed_curves(results["widths"].curves, results["examples"].curves), directory / "speed_curves.png")


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=PIXELS_PER_INCH, metadata={"Software": None})
    print(f"wrote {path}")


# ---- ratios


def speed_ratios(ratios: dict[str, dict[str, float]]) -> Figure:
    """Horizontal bars from 1 to each peer's time over ours, workload after workload."""
    rows = sum(len(bars) for bars in ratios.values()) * BAR + len(ratios) * GAP
    height = rows + ABOVE + BELOW
    figure = Figure(figsize=(9, height))
    axes = figure.add_axes((0.36, BELOW / height, 0.61, rows / height))
    at, ticks = 0.0, []
    for bars in ratios.values():
        first = at
        for peer, ratio in bars.items():
            axes.barh(at, ratio - 1, BAR * 0.9, left=1, color=COLOURS[peer])
            axes.annotate(cell(ratio), (max(ratio, 1), at), (3, 0), textcoords="offset points", va="center", size=7)
            at += BAR
        ticks.append((first + at - BAR) / 2)
        at += GAP
    axes.set_yticks(ticks, list(ratios), size=8)
    axes.set_ylim(at - GAP, -BAR)
    finish_ratios(axes, [ratio for bars in ratios.values() for ratio in bars.values()])
    present = [peer for peer in COLOURS if any(peer in bars for bars in ratios.values())]
    handles = [mpl.patches.Patch(color=COLOURS[peer], label=peer) for peer in present]
    figure.legend(handles=handles, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1), frameon=False, fontsize=9)
    return figure


def finish_ratios(axes, ratios: list[float]) -> None:
    """The line at 1, and the axis of ratios."""
    axes.set_xscale("log")
    lowest, highest = min(0.9, *ratios) * 0.9, max(ratios) * 1.6
    axes.set_xlim(lowest, highest)
    axes.set_xticks([value for value in RATIO_TICKS if lowest <= value <= highest])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color="black", linewidth=1)
    axes.xaxis.set_major_formatter(PLAIN)
    axes.grid(axis="x", which="major", alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel("peer's time over fastmlp's, log scale (right of the line at 1 fastmlp is faster)", size=9)


# ---- curves


def speed_curves(widths: dict, examples: dict) -> Figure:
    """Multiples of the limit against width, and time per epoch against the number of examples."""
    figure = Figure(figsize=(12, 5))
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.06, right=0.98, top=0.93, bottom=0.11, wspace=0.17)
    draw_widths(left, widths["widths"])
    draw_examples(right, examples)
    for axes, corner in ((left, "upper right"), (right, "upper left")):  # where no line runs
        axes.grid(which="major", alpha=0.3)
        axes.legend(loc=corner, fontsize=8)
    return figure


def draw_widths(axes, points: list[dict], dtype: str = "float64") -> None:
    """A colour per batch size; ours solid, NumPy's products alone dashed."""
    points = [point for point in points if point["dtype"] == dtype]
    batches = sorted({point["batch"] for point in points})
    for who, style, label in ((OURS, "o-", "fastmlp"), (PRODUCTS, "s--", "NumPy's products")):
        for batch, colour in zip(batches, BATCH_COLOURS, strict=False):
            line = [(point["width"], point[who]) for point in points if point["batch"] == batch]
            axes.plot(*zip(*line, strict=True), style, color=colour, markersize=4, label=f"{label}, batch {batch:,}")
    axes.set_title(f"Loss and gradient of w-w-w networks, {dtype}", size=10)
    log_axes(axes, "width w", "time over that of its FLOPs in a 512 x 512 product")
    widths = sorted({point["width"] for point in points})
    axes.set_xticks([width for width in widths if width & (width - 1) == 0])
    axes.set_yticks([1, 2, 5, 10, 20])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axhline(1, color="black", linewidth=1)


def draw_examples(axes, curves: dict) -> None:
    """A line per contender, ours the thick one."""
    for name, seconds in curves["seconds"].items():
        milliseconds = [1e3 * value for value in seconds]
        axes.plot(
            curves["counts"],
            milliseconds,
            "o-",
            color=COLOURS[name],
            markersize=4,
            linewidth=2.5 if name == OURS else 1.2,
            label=name,
        )
    axes.set_title("Full-batch gradient descent, 2-10-5-1, float64", size=10)
    log_axes(axes, "examples", "time per epoch (ms)")


def log_axes(axes, x_label: str, y_label: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(x_label, size=9)
    axes.set_ylabel(y_label, size=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PLAIN)
        axis.set_minor_formatter(NullFormatter())
