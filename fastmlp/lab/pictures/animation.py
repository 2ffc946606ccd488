"""A decision boundary while its network trains, as an animated GIF."""

import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from fastmlp import checks, files
from fastmlp.lab.pictures import style
from fastmlp.lab.pictures.boundaries import BELOW, BESIDE, SINGLE, fill, name_axes, write_key
from fastmlp.lab.pictures.plane import Coding, Plane
from fastmlp.lab.pictures.snapshots import Snapshots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from PIL.Image import Image

PASSES = 3  # until the layout of axes with a fixed ratio of their sides comes to rest
HELD = 2.0  # seconds for which the last frame is shown longer
PALETTE_FRAMES, PALETTE_COLORS = 4, 128
MOST_LOSS = 1e4  # written with four decimals
LEAST_MILLISECONDS = 20  # of a frame: browsers show shorter ones for longer


def boundary_animation(
    snapshots: Snapshots,
    X: Any,
    y: Any,
    file: Any,
    *,
    seconds: float = 6.0,
    features: Sequence[str] = ("x1", "x2"),
    ax: "Axes | None" = None,
) -> None:
    """Write an animated GIF of the decision boundary while a network trains: a frame for each snapshot.

    Parameters
    ----------
    snapshots : Snapshots
        From :func:`take_snapshots`, of a network with 2 inputs.
    X : array-like of shape (n_examples, 2)
    y : array-like of shape (n_examples,)
    file : str, path or binary file
        A path is written whole or not at all.
    seconds : float, default=6.0
        Duration of all frames together; the last one is held 2 seconds longer.
    features : sequence of 2 str, default=("x1", "x2")
        Names of the features.
    ax : matplotlib.axes.Axes, default=None
        Axes of a figure of your own, all of which is in every frame; None makes a new one.

    Raises
    ------
    TypeError, ValueError
        If X has not 2 features, or an argument is of another kind or does not fit.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import io
    >>> from fastmlp import MLP
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import pictures
    >>> X, y = circles(100, seed=1)
    >>> snapshots = pictures.take_snapshots(MLP([2, 8, 1], seed=0), X, y, epochs=100, at=3, learning_rate=0.1)
    >>> file = io.BytesIO()
    >>> pictures.boundary_animation(snapshots, X, y, file)
    >>> file.getvalue()[:6]
    b'GIF89a'
    """
    if not isinstance(snapshots, Snapshots):
        raise TypeError(f"snapshots must be Snapshots, got {checks.shown(snapshots)}")
    seconds = checks.positive("seconds", seconds)
    plane = Plane.of(X, y, features)
    decisions = [plane.decisions_of(network) for network in snapshots]
    is_new, ax = ax is None, style.axes_for(ax, (SINGLE + BESIDE, SINGLE * plane.ratio + BELOW), "compressed")
    coding = Coding.of(plane, decisions, ax)
    image = fill(ax, plane, coding, decisions[0])
    name_axes(ax, plane)
    if is_new:
        _fix_layout(ax, plane, coding)
    frames = []
    for epoch, loss, grid in zip(snapshots.epochs, snapshots.losses, decisions, strict=True):
        image.set_data(coding.ground(grid))
        ax.set_title(_title(epoch, loss), fontsize="medium")
        frames.append(_rendered(ax.figure.figure))
    frames = _with_one_palette(frames)
    milliseconds = max(LEAST_MILLISECONDS, round(1000 * seconds / len(frames)))
    durations = [milliseconds] * (len(frames) - 1) + [milliseconds + round(1000 * HELD)]

    def write(opened: IO[bytes]) -> None:
        first, *rest = frames
        first.save(opened, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)

    files.write_to("file", file, write)


def _title(epoch: int, loss: float) -> str:
    return f"epoch {epoch}, loss {loss:.4f}" if loss < MOST_LOSS else f"epoch {epoch}, loss {loss:.1e}"


def _fix_layout(ax: "Axes", plane: Plane, coding: Coding) -> None:
    """Write what the colours mean, and give all frames one layout."""
    write_key(ax.figure, [ax], plane, coding)
    ax.set_title(_title(0, 0.0), fontsize="medium")
    figure: Any = ax.figure
    with _missing_glyphs_ignored():
        for _ in range(PASSES):
            figure.draw_without_rendering()
    figure.set_layout_engine("none")


@contextlib.contextmanager
def _missing_glyphs_ignored() -> Iterator[None]:
    """Let matplotlib draw a box for a character that the font lacks, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def _rendered(figure: Any) -> "Image":
    """Return a figure as an image; a canvas that it may have in a window stays as it is."""
    import matplotlib
    from PIL import Image

    png = io.BytesIO()
    with matplotlib.rc_context({"savefig.bbox": None}), _missing_glyphs_ignored():
        figure.savefig(png, format="png", dpi="figure", pil_kwargs={"compress_level": 1})
    return Image.open(png).convert("RGB")


def _with_one_palette(frames: "Sequence[Image]") -> "list[Image]":
    """Return the frames in the colours of some of them side by side: a palette for each would make them flicker."""
    from PIL import Image

    some = frames[:: -(-len(frames) // PALETTE_FRAMES)]
    width, height = frames[0].size
    strip = Image.new("RGB", (width * len(some), height))
    for i, frame in enumerate(some):
        strip.paste(frame, (i * width, 0))
    palette = strip.quantize(PALETTE_COLORS)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
