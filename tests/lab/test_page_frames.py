"""Frames of the boundary: the runs are those of the sweep, the bytes are what the networks predict."""

import base64
import zlib

import numpy as np
import pytest

from fastmlp import MLP
from fastmlp.datasets import circles
from fastmlp.lab import boundary_frames, compare_initializers
from fastmlp.lab.page import players
from fastmlp.training import TrainingOptions, run

X, Y = circles(120, seed=1)
DIMS = [2, 6, 1]
KINDS = {
    "full batch": {"epochs": 150, "learning_rate": 0.5},
    "batches": {"epochs": 70, "batch_size": 32, "report_every": 7},
    "adam in float32": {"epochs": 90, "batch_size": 50, "optimizer": "adam", "dtype": "float32"},
    "l-bfgs": {"epochs": 40, "optimizer": "lbfgs", "learning_rate": None},
    "data": {"epochs": 30, "initializers": ["lsuv", "zeros", ("orthogonal", {"gain": [0.5, 2.0]})]},
    "lists": {"epochs": 30, "learning_rate": [0.3, 0.1], "activation": ["tanh", "relu"]},
}


@pytest.mark.parametrize("arguments", KINDS.values(), ids=KINDS)
def test_the_runs_have_the_losses_of_the_sweep_to_the_bit(arguments):
    found = boundary_frames(X, Y, DIMS, seed=5, **arguments)
    sweep = compare_initializers(X, Y, DIMS, seeds=[4, 5], progress=False, **arguments)
    assert [frames.initializer for frames in found.runs] == list(dict.fromkeys(sweep.runs["initializer"]))
    assert found.seed == 5
    for frames in found.runs:
        own = (sweep.runs["initializer"] == frames.initializer) & (sweep.runs["seed"] == 5)
        np.testing.assert_array_equal(sweep.losses[np.flatnonzero(own)[0]], frames.reported)


def test_every_frame_is_what_the_network_predicts_after_its_epochs():
    found = boundary_frames(X, Y, DIMS, seed=3, epochs=200, learning_rate=0.5, initializers=["he"])
    (frames,) = found.runs
    assert frames.frames.shape == (60, 60, 60)
    assert (frames.epochs[0], frames.epochs[-1]) == (0, 200)
    assert set(np.diff(frames.epochs)) == {3, 4}
    left, right, bottom, top = found.extent
    for at in (0, 1, 30, 59):
        network = MLP(DIMS, initialization="he", seed=3)
        run(network, network.examples(X, Y), TrainingOptions(epochs=int(frames.epochs[at]), learning_rate=0.5))
        for row, column in ((0, 0), (0, 59), (59, 0), (17, 42)):
            point = [left + (right - left) * column / 59, top - (top - bottom) * row / 59]
            assert frames.frames[at, row, column] == pytest.approx(254 * network.predict_proba([point])[0], abs=0.51)
        assert frames.losses[at] == pytest.approx(network.loss_and_gradient(X, Y)[0], rel=1e-12)


def test_the_extent_holds_all_examples_with_a_margin_and_targets_are_bytes():
    found = boundary_frames(X, Y, DIMS, epochs=1)
    left, right, bottom, top = found.extent
    np.testing.assert_allclose([left, bottom], X.min(axis=0) - 0.1 * np.ptp(X, axis=0))
    np.testing.assert_allclose([right, top], X.max(axis=0) + 0.1 * np.ptp(X, axis=0))
    np.testing.assert_array_equal(found.targets, 254 * Y)
    assert (found.kind, found.low, found.high) == ("label", 0.0, 1.0)


def test_a_constant_feature_has_a_range():
    assert boundary_frames(X * [0, 1], Y, DIMS, epochs=1).extent[:2] == (-0.5, 0.5)


def test_classes_are_bytes_of_their_own():
    classes = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    found = boundary_frames(
        X, classes, [2, 8, 3], loss="multinomial_log_loss", epochs=300, learning_rate=0.5, initializers=["he"]
    )
    network = MLP([2, 8, 3], loss="multinomial_log_loss", initialization="he", seed=0)
    network.train(X, classes, epochs=300, learning_rate=0.5)
    assert found.kind == "class"
    np.testing.assert_array_equal(found.targets, classes)
    corner = [[found.extent[0], found.extent[3]]]
    assert found.runs[0].frames[-1, 0, 0] == network.predict(corner)[0]
    assert set(np.unique(found.runs[0].frames[-1])) == {0, 1, 2}


def test_values_fill_the_bytes_from_the_least_target_to_the_largest():
    values = 3 * X[:, 0] - 10
    found = boundary_frames(
        X, values, [2, 1], loss="squared_error", epochs=2000, learning_rate=0.3, initializers=["he"]
    )
    assert (found.kind, found.low, found.high) == ("value", values.min(), values.max())
    last = found.runs[0].frames[-1]
    assert (last[:, 0].max(), last[:, 59].min()) == (0, 254)  # beyond all targets
    middle = np.interp(30 / 59, [0, 1], found.extent[:2]) * 3 - 10
    expected = 254 * (middle - found.low) / (found.high - found.low)
    np.testing.assert_allclose(last[:, 30], expected, atol=1.01)


def test_points_whose_sums_overflow_have_a_byte_of_their_own():
    def drawn(layer_dims, seed):
        return [np.full((2, 2), 3e38), np.array([[1.0, -1.0]])], [np.zeros(2), np.zeros(1)]

    found = boundary_frames(
        X, Y * 1.0, [2, 2, 1], loss="squared_error", dtype="float32", epochs=1, initializers=[drawn]
    )
    start = found.runs[0].frames[0]
    assert set(np.unique(start)) == {0, 255}
    assert start[0, 59] == 255  # inf - inf, where both features are large
    assert start[59, 0] == 0  # relu


def test_an_initializer_that_fails_has_no_frames_and_a_reason():
    def failing(layer_dims, seed):
        raise RuntimeError("no weights today")

    found = boundary_frames(X, Y, DIMS, epochs=5, initializers=["he", failing])
    assert [len(frames.frames) for frames in found.runs] == [6, 0]
    assert [frames.reason for frames in found.runs] == ["", "RuntimeError: no weights today"]
    assert np.isnan(found.runs[1].reported).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.c_[X, X]}, "X must have 2 features for frames of a plane, got 4"),
        ({"layer_dims": [2, 4, 2], "y": np.c_[Y, Y], "loss": "squared_error"}, "layer_dims must end with one output"),
        ({"seed": -1}, r"seeds\[0\] must be"),
        ({"initializers": ["nope"]}, "initializers"),
        ({"epochs": 0}, "epochs must be"),
    ],
)
def test_what_has_no_frames_is_refused(arguments, message):
    given = {"X": X, "y": Y, "layer_dims": DIMS, "epochs": 3} | arguments
    if given["X"].shape[1] == 4:
        given["layer_dims"] = [4, 3, 1]
    with pytest.raises((TypeError, ValueError), match=message):
        boundary_frames(given.pop("X"), given.pop("y"), given.pop("layer_dims"), **given)


# ---- what the page gets of them


@pytest.fixture(scope="module")
def frames():
    return boundary_frames(X, Y, DIMS, seed=3, epochs=200, learning_rate=0.5)


def unpacked(text):
    differences = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(-1, 60, 60)
    return np.cumsum(differences, axis=0, dtype=np.uint8)


def test_packed_frames_are_unpacked_to_the_same_bytes(frames):
    found = players.players_of(frames)
    assert [player["name"] for player in found["runs"]] == ["zeros", "random", "he"]
    for player, own in zip(found["runs"], frames.runs, strict=True):
        np.testing.assert_array_equal(unpacked(player["bytes"]), own.frames)
        assert len(player["captions"]) == 60
    he = frames.runs[2]
    assert found["runs"][2]["captions"][0] == f"The start: loss {he.losses[0]:.4g}"
    assert found["runs"][2]["captions"][59] == f"After 200 epochs: loss {he.losses[59]:.4g}"


def test_frames_that_take_too_much_are_fewer_and_keep_start_and_end(frames, monkeypatch):
    whole = sum(len(player["bytes"]) for player in players.players_of(frames)["runs"])
    monkeypatch.setattr(players, "MOST_BYTES", whole // 3)
    found = players.players_of(frames)["runs"]
    assert sum(len(player["bytes"]) for player in found) <= whole // 3
    for player, own in zip(found, frames.runs, strict=True):
        kept = unpacked(player["bytes"])
        assert 2 <= len(kept) == len(player["captions"]) < 30
        np.testing.assert_array_equal(kept[[0, -1]], own.frames[[0, -1]])
        assert player["captions"][-1].startswith("After 200 epochs")


def test_examples_lie_where_the_frame_shows_them(frames):
    points = players.players_of(frames)["points"]
    assert len(points) == 120
    left, right, bottom, top = frames.extent
    for (x, y, byte), place, label in zip(points, X, Y, strict=True):
        np.testing.assert_allclose([left + x * (right - left), top - y * (top - bottom)], place, atol=2e-4)
        assert byte == 254 * label


def test_of_many_examples_some_are_shown():
    many = circles(1000, seed=2)
    assert 200 <= len(players.players_of(boundary_frames(*many, DIMS, epochs=1))["points"]) <= 300


@pytest.mark.parametrize("kind", ["label", "class", "value"])
def test_colors_tell_bytes_apart(kind):
    colors = players.palette(kind)
    assert colors.shape == (256, 3)
    first = colors[:7] if kind == "class" else colors[[0, 127, 254]]
    distances = np.abs(first[:, np.newaxis].astype(int) - first).sum(axis=2)
    assert distances[~np.eye(len(first), dtype=bool)].min() > 40
    assert colors[255].tolist() == [128, 128, 128]


def test_the_key_names_what_the_colors_stand_for(frames):
    ((text, colors),) = players.key(frames)
    assert text == "label 0 to label 1"
    assert colors == ["rgb(0, 114, 178)", "rgb(255, 255, 255)", "rgb(213, 94, 0)"]
