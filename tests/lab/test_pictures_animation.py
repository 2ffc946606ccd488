"""The GIF of a training: its frames, sizes and durations, and what is left where writing fails."""

import io
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from fastmlp import MLP
from fastmlp.datasets import circles
from fastmlp.lab.pictures import COLORS, Snapshots, animation, boundary_animation, take_snapshots, theme
from fastmlp.lab.pictures.plane import PALE

X, Y = circles(60, seed=1)


@pytest.fixture(scope="module")
def snapshots():
    return take_snapshots(MLP([2, 8, 1], seed=0), X, Y, epochs=400, at=5, learning_rate=0.5)


def frames_of(file):
    """The frames of a GIF in RGB, and their durations in milliseconds."""
    with Image.open(file) as gif:
        frames = [
            (np.asarray(frame.convert("RGB")) / 255, frame.info["duration"]) for frame in ImageSequence.Iterator(gif)
        ]
        assert gif.info["loop"] == 0  # for ever
    return [pixels for pixels, _ in frames], [duration for _, duration in frames]


def test_there_is_a_frame_for_each_snapshot_the_last_one_held(snapshots, tmp_path):
    path = tmp_path / "film.gif"
    assert boundary_animation(snapshots, X, Y, path, seconds=1.0) is None
    frames, durations = frames_of(path)
    assert len(frames) == len(snapshots) == 5
    assert {frame.shape for frame in frames} == {frames[0].shape}
    assert durations == [200, 200, 200, 200, 2200]
    assert list(tmp_path.iterdir()) == [path]
    assert not plt.get_fignums()


def ground(color):
    """A class's colour on white."""
    return PALE * np.array(to_rgb(color)) + 1 - PALE


def share_of(frame, color):
    """The share of the pixels of either class's ground that have a colour."""
    counts = [(np.abs(frame - ground(one)).max(axis=2) < 0.04).sum() for one in COLORS[:2]]
    return counts[COLORS.index(color)] / sum(counts)


def test_each_frame_shows_what_its_network_decides(snapshots, tmp_path):
    shares = np.array([0.1, 0.8, 0.45, 1.0])  # of the plane, right of a vertical line
    low, high = X[:, 0].min(), X[:, 0].max()
    lines = high + 0.15 * (high - low) - shares * 1.3 * (high - low)
    parameters = np.array([[1.0, 0.0, -line] for line in lines])  # of a network without hidden layers
    moving = Snapshots(MLP([2, 1]), snapshots.history, np.arange(4), np.ones(4), parameters)
    boundary_animation(moving, X, Y, tmp_path / "film.gif")
    frames, _ = frames_of(tmp_path / "film.gif")
    drawn = [share_of(frame, COLORS[1]) for frame in frames]
    np.testing.assert_allclose(drawn, shares, atol=0.05)  # the examples hide some of the ground


def test_the_title_tells_epoch_and_loss(snapshots, monkeypatch):
    titles = []
    monkeypatch.setattr(
        animation, "_rendered", lambda figure: titles.append(figure.axes[0].get_title()) or Image.new("RGB", (4, 4))
    )
    boundary_animation(snapshots, X, Y, io.BytesIO())
    assert titles == [f"epoch {e}, loss {loss:.4f}" for e, loss in zip(snapshots.epochs, snapshots.losses, strict=True)]
    assert titles[0].startswith("epoch 0, ")
    assert titles[-1].startswith("epoch 400, ")
    assert animation._title(3, 1e30) == "epoch 3, loss 1.0e+30"
    assert animation._title(3, np.inf) == "epoch 3, loss inf"


def test_nothing_but_the_boundary_and_the_title_moves(snapshots, tmp_path):
    path = tmp_path / "film.gif"
    boundary_animation(snapshots, X, Y, path)
    frames, _ = frames_of(path)
    rows, columns, _ = frames[0].shape
    changed = np.any([frame != frames[0] for frame in frames], axis=(0, 3))
    assert changed.any()
    assert not changed[int(0.9 * rows) :].any()  # the names of the features and the ticks
    assert not changed[:, : int(0.1 * columns)].any()


def test_frames_are_as_dark_as_the_theme(snapshots, tmp_path):
    for name, low, high in (("light", 0.95, 1), ("dark", 0, 0.15)):
        with theme(name):
            boundary_animation(snapshots, X, Y, tmp_path / "film.gif")
        frames, _ = frames_of(tmp_path / "film.gif")
        assert all(low <= frame[0, 0].mean() <= high for frame in frames)


def test_given_axes_are_drawn_on_in_the_size_of_their_figure(snapshots, tmp_path):
    figure, (left, right) = plt.subplots(1, 2, figsize=(5, 2), dpi=80)
    right.plot([0, 1])
    canvas = figure.canvas
    with matplotlib.rc_context({"savefig.bbox": "tight"}):  # as notebooks have it
        boundary_animation(snapshots, X, Y, tmp_path / "film.gif", ax=left)
    frames, _ = frames_of(tmp_path / "film.gif")
    assert {frame.shape for frame in frames} == {(160, 400, 3)}
    assert figure.canvas is canvas
    assert left.images
    assert plt.get_fignums() == [figure.number]
    plt.close(figure)


def test_axes_of_a_subfigure_are_drawn_with_the_whole_figure(snapshots):
    figure = Figure((4, 2), dpi=50)
    file = io.BytesIO()
    boundary_animation(snapshots, X, Y, file, ax=figure.subfigures(1, 2)[0].subplots())
    assert Image.open(file).size == (200, 100)


def test_names_that_no_font_has_are_drawn_without_a_warning(snapshots):
    boundary_animation(snapshots, X, Y, io.BytesIO(), features=("\u4e8c", "\U0001f600"))


def test_an_open_file_is_written(snapshots):
    file = io.BytesIO()
    boundary_animation(snapshots, X, Y, file)
    assert len(frames_of(file)[0]) == 5


@pytest.mark.parametrize("after", [0, 1])
def test_writing_that_is_interrupted_leaves_the_old_file_and_no_half_one(after, snapshots, tmp_path, monkeypatch):
    path = tmp_path / "film.gif"
    path.write_bytes(b"old")
    save = Image.Image.save

    def interrupted(self, file, **options):
        if options["format"] == "GIF":
            if after:
                save(self, file, format="GIF")
            raise KeyboardInterrupt
        save(self, file, **options)

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        boundary_animation(snapshots, X, Y, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_full_leaves_the_old_file(snapshots, tmp_path, monkeypatch):
    path = tmp_path / "film.gif"
    path.write_bytes(b"old")

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        boundary_animation(snapshots, X, Y, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"snapshots": [1]}, TypeError, r"snapshots must be Snapshots, got \[1\]"),
        ({"X": np.ones((60, 3))}, ValueError, "X must have 2 features to be drawn in the plane, got 3"),
        ({"y": Y[:3]}, ValueError, r"y must have shape \(60,\)"),
        ({"seconds": 0}, ValueError, "seconds must be finite and over 0, got 0"),
        ({"seconds": "1"}, TypeError, "seconds must be a number"),
        ({"file": 3}, TypeError, "file must be a path or an open binary file, got 3"),
        ({"ax": "axes"}, TypeError, "ax must be matplotlib axes or None, got 'axes'"),
        ({"features": "ab"}, ValueError, "features must be the names of the 2 features"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, error, message, snapshots, tmp_path):
    given = {"snapshots": snapshots, "X": X, "y": Y, "file": tmp_path / "film.gif", **arguments}
    with pytest.raises(error, match=message):
        boundary_animation(**given)
    assert not list(tmp_path.iterdir())


def test_networks_of_other_inputs_are_refused(tmp_path):
    wide = take_snapshots(MLP([3, 2, 1], seed=0), np.ones((4, 3)), [0, 1, 0, 1], epochs=1, at=2)
    with pytest.raises(ValueError, match="models must take 2 features, got an MLP that takes 3"):
        boundary_animation(wide, X, Y, tmp_path / "film.gif")
