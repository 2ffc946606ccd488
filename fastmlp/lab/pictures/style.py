"""Colours, the dark and the light theme, and what all pictures do with their axes."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastmlp import checks
from fastmlp.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe & Ito 2008
DASHES = ("-", "--", ":")  # of lines that share a colour
MOST_LINES = len(COLORS) * len(DASHES)
SEQUENTIAL = "cividis"  # equally many steps with and without colour blindness (Nunez et al. 2018)
MOST_LABEL = 32  # characters of a label
FEW_ENTRIES, SHORT_ENTRIES = 4, 60  # of a legend that lies within the axes, and their characters together
ENTRY, CHARACTER, ROW, BELOW = 0.6, 0.07, 0.2, 0.5  # inches of a legend below the axes
MOST_TAKEN = 0.4  # of the height of axes, by a legend below them
DARK_LUMINANCE = 0.18  # of the background below which text must be light: black and white contrast alike with it
MOST_VALUE = 1e200  # drawn; the margins of a log axis and the ends of a colour scale must not overflow
MARKERS = ("o", "s", "^")  # of measured values, as DASHES
SIZE = (6.4, 4.0)  # inches of a new figure with one pair of axes


def _theme(ground: str, ink: str, faint: str) -> dict[str, Any]:
    inked = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(("figure.facecolor", "axes.facecolor", "legend.facecolor"), ground),
        **dict.fromkeys(inked, ink),
        **dict.fromkeys(("axes.edgecolor", "legend.edgecolor", "grid.color"), faint),
        "savefig.facecolor": "auto",
    }


THEMES: dict[str, Any] = {
    "light": _theme("#ffffff", "#1a1a1a", "#8c8c8c"),
    "dark": _theme("#15181c", "#e8e8e8", "#767b82"),
}


@contextlib.contextmanager
def theme(name: str) -> Iterator[None]:
    """Draw new pictures on a light or a dark ground within a ``with`` block.

    A picture keeps its theme when it is saved after the block.  Pictures on given axes take their colours from the
    ground of these axes, whoever made them.

    Parameters
    ----------
    name : {"light", "dark"}

    Raises
    ------
    TypeError, ValueError
        If there is no such theme.

    Examples
    --------
    >>> from fastmlp.lab import pictures
    >>> with pictures.theme("dark"):
    ...     pass
    """
    checks.choice("theme", name, tuple(THEMES))
    import matplotlib

    with matplotlib.rc_context(THEMES[name]):
        yield


# ---- axes


def axes_for(ax: Any, size: tuple[float, float] = SIZE, layout: Any = "constrained") -> "Axes":
    """Return the given axes, or those of a new figure, which belongs to no window and to no list of pyplot's."""
    from matplotlib.axes import Axes

    if ax is None:
        return axes_of_grid(1, 1, size, layout)[0, 0]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be matplotlib axes or None, got {checks.shown(ax)}")
    return ax


def axes_of_grid(
    n_rows: int, n_columns: int, size: tuple[float, float], layout: Any = "constrained", **options: Any
) -> np.ndarray:
    """Return the axes (n_rows, n_columns) of a new figure."""
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout=layout).subplots(n_rows, n_columns, squeeze=False, **options)


def size_of(axes: "Axes") -> tuple[float, float]:
    """Return width and height in inches, before the layout makes room for labels."""
    box, figure = axes.get_position(), axes.figure
    return box.width * figure.bbox.width / figure.dpi, box.height * figure.bbox.height / figure.dpi


def is_dark(axes: "Axes") -> bool:
    """Whether the ground of axes is dark; that of axes without a ground is the figure's."""
    from matplotlib.colors import to_rgba

    red, green, blue, alpha = to_rgba(axes.get_facecolor())
    if alpha == 0:
        red, green, blue, _ = to_rgba(axes.figure.get_facecolor())
    linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in (red, green, blue)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear)) < DARK_LUMINANCE  # relative luminance of WCAG 2


def ink_of(axes: "Axes") -> str:
    """Return the colour of lines and text that stand out from the ground of axes."""
    return THEMES["dark" if is_dark(axes) else "light"]["text.color"]


def colors_of(axes: "Axes") -> tuple[str, ...]:
    """Return the colours for axes: on a dark ground the last one is white in place of black."""
    return (*COLORS[:-1], "#ffffff") if is_dark(axes) else COLORS


def alpha_of(axes: "Axes") -> float:
    """Return how opaque a band is."""
    return 0.35 if is_dark(axes) else 0.2


def lines_of(axes: "Axes", n: int) -> list[dict[str, Any]]:
    """Return colour and dashes of each of n lines, at most ``MOST_LINES``."""
    colors = colors_of(axes)
    return [{"color": colors[i % len(colors)], "linestyle": DASHES[i // len(colors)]} for i in range(n)]


def marks_of(axes: "Axes", n: int) -> list[dict[str, Any]]:
    """Return colour and marker of each of n measurements, at most ``MOST_LINES``."""
    colors = colors_of(axes)
    return [{"color": colors[i % len(colors)], "marker": MARKERS[i // len(colors)]} for i in range(n)]


def drawable(values: np.ndarray) -> np.ndarray:
    """Return values of a size that matplotlib can draw, NaN for those that are not finite."""
    return np.where(np.isfinite(values), np.clip(values, -MOST_VALUE, MOST_VALUE), np.nan)


# ---- text


def label_of(name: Any, most: int = MOST_LABEL) -> str:
    """Return a name as it is written in a picture: cut where it is long, and never taken for a hidden label."""
    text = shortened(str(name), most)
    return f" {text}" if text.startswith("_") else text


def write(axes: "Axes", *, x: str, y: str, title: str) -> None:
    """Write both labels and the title, dollar signs as such, over a faint grid."""
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    axes.set_title(title, fontsize="medium", parse_math=False)
    axes.grid(alpha=0.3)
    axes.grid(alpha=0.12, which="minor")
    axes.set_axisbelow(True)


def use_log(axes: "Axes", name: str) -> None:
    """Make the x or the y axis logarithmic; where it spans less than a factor of 10, all ticks are plain numbers."""
    from matplotlib.ticker import FuncFormatter

    axes.set(**{f"{name}scale": "log"})
    axis = getattr(axes, f"{name}axis")
    powers = axis.get_major_formatter()

    def is_short() -> bool:
        low, high = sorted(axis.get_view_interval())
        return high < 10 * low

    axis.set_major_formatter(FuncFormatter(lambda value, at: f"{value:g}" if is_short() else powers(value, at)))
    axis.set_minor_formatter(FuncFormatter(lambda value, at: f"{value:g}" if is_short() else ""))


def legend(axes: "Axes", handles: Sequence[Any], title: str, *, may_grow: bool) -> None:
    """Write a legend of labelled artists: within the axes where it is small, else below them, in columns.

    A figure that may grow becomes higher by what the legend takes; on other axes it is left out where it would take
    more than ``MOST_TAKEN`` of their height.
    """
    from matplotlib.transforms import ScaledTranslation

    labels = [handle.get_label() for handle in handles]
    figure: Any = axes.figure
    place: dict[str, Any] = {"loc": "best"}
    if len(labels) > FEW_ENTRIES or sum(map(len, labels)) > SHORT_ENTRIES:
        width, height = size_of(axes)
        n_columns = _n_columns(labels, figure.bbox.width / figure.dpi if may_grow else width)
        taken = ROW * (1 - -len(labels) // n_columns)
        if not may_grow and taken > MOST_TAKEN * height:
            return
        if may_grow:
            figure.set_figheight(figure.get_figheight() + taken)
        below = axes.transAxes + ScaledTranslation(0, -BELOW, figure.dpi_scale_trans)
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "bbox_transform": below, "borderaxespad": 0}
        place |= {"ncols": n_columns, "frameon": False}
    made = axes.legend(handles, labels, title=title, fontsize="small", title_fontsize="small", **place)
    ink_legend(made, axes)


def legend_above(axes: "Axes", handles: Sequence[Any]) -> None:
    """Write a legend above the axes, which it must not cover."""
    n_columns = _n_columns([handle.get_label() for handle in handles], size_of(axes)[0])
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1.0), "frameon": False, "ncols": n_columns}
    ink_legend(axes.legend(handles=list(handles), fontsize="small", **place), axes)


def _n_columns(labels: Sequence[str], width: float) -> int:
    """Return the columns of a legend of so many inches."""
    return int(np.clip(width // (ENTRY + CHARACTER * max(map(len, labels))), 1, len(labels)))


def ink_legend(made: "Legend", axes: "Axes") -> None:
    """Give a legend the colours of axes, and its texts dollar signs as such."""
    made.get_frame().set_facecolor(axes.get_facecolor())
    for text in (made.get_title(), *made.get_texts()):
        text.set_color(ink_of(axes))
        text.set_parse_math(False)
