"""Reports of a study: the table, the JSON, the picture."""

import dataclasses
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from studies import DATA, X, Y, run_of

from fastmlp import MLP
from fastmlp.lab import Measurements, report, run_study
from fastmlp.lab.data import StudyData


def test_the_table_has_one_line_per_run_under_its_headings(runs):
    heading, rule, *lines = report.table(runs).splitlines()
    assert [cell.strip() for cell in heading.split("|")] == [
        *("Initialization", "cost first", "cost last", "train accuracy", "test accuracy", "time", "what happened")
    ]
    assert set(rule) == {"-", "|"}
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    assert [row[:5] for row in cells] == [
        ["zeros", "0.693147", "0.693147", "50.0%", "50.0%"],
        ["random", "1773.59", f"{runs[1].history.losses[-1]:.6g}", "83.0%", "86.0%"],
        ["he", "0.883054", "0.073579", "99.3%", "96.0%"],
    ]
    assert [row[6] for row in cells] == [run.what_happened for run in runs]
    assert all(row[5].endswith(" ms") for row in cells)
    bars = {tuple(i for i, character in enumerate(line) if character == "|") for line in (heading, rule, *lines)}
    assert len(bars) == 1


def test_a_run_without_losses_has_dashes_in_the_table():
    line = report.table([run_of(losses=(), diverged=True)]).splitlines()[2]
    assert [cell.strip() for cell in line.split("|")][1:3] == ["-", "-"]


def strict_json(text):
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_json_holds_every_measurement(runs):
    document = strict_json(report.as_json(runs, Path("folder/picture.png"), DATA))
    assert set(document) == {"version", "isa", "picture", "data", "runs"}
    assert document["picture"] == "folder/picture.png"
    for entry, run in zip(document["runs"], runs, strict=True):
        assert entry["initialization"] == run.initialization
        assert entry["losses"] == run.history.losses.tolist()
        assert entry["epochs"] == run.history.epochs.tolist()
        assert entry["start"] == vars(run.start)
        assert entry["end"] == vars(run.end)
        assert (entry["test_accuracy"], entry["seconds"]) == (run.test_accuracy, run.seconds)
        assert entry["what_happened"] == run.what_happened


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_not_finite_become_null_in_json(value):
    wild = Measurements(False, 0.0, 1.0, value, value)
    (entry,) = strict_json(report.as_json([run_of(start=wild, end=wild, losses=(value, 0.5))], Path("p"), DATA))["runs"]
    assert entry["losses"] == [None, 0.5]
    assert entry["start"]["smallest_logit"] is entry["end"]["largest_logit"] is None


@pytest.mark.parametrize(("n_features", "shape"), [(2, (800, 1200)), (3, (400, 1200))])
def test_the_picture_is_one_png_with_boundaries_for_two_features(n_features, shape, tmp_path):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((40, n_features))
    labels = (inputs[:, 0] > 0).astype(int)
    done = run_study([n_features, 4, 1], (inputs, labels), (inputs, labels), epochs=20, report_every=5)
    path = tmp_path / "study.png"
    names = ["a", "b", "c"][:n_features]
    report.draw(done, StudyData((inputs, labels), (inputs, labels), names, "kind", ["0", "1"]), path)
    assert list(tmp_path.iterdir()) == [path]
    pixels = image.imread(path)
    assert pixels.shape[:2] == shape
    assert path.stat().st_size > 10_000
    for part in np.array_split(pixels[:, :, :3], shape[0] // 400):
        assert part.std() > 0.05


@pytest.mark.parametrize("n_runs", [1, 2, 9])
def test_any_number_of_runs_is_drawn(n_runs, tmp_path):
    report.draw([run_of()] * n_runs, DATA, tmp_path / "study.png")
    assert image.imread(tmp_path / "study.png").shape[1] == 400 * max(3, n_runs)


@pytest.mark.parametrize("losses", [(), (np.inf,), (0.0, 0.0), (0.7,)])
def test_losses_that_a_log_axis_cannot_show_are_drawn_without_a_warning(losses, tmp_path):
    report.draw([run_of(losses=losses)], DATA, tmp_path / "study.png")
    assert image.imread(tmp_path / "study.png").std() > 0.05


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "study.png"
    path.write_bytes(b"old")

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.draw([run_of()], DATA, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# ---- regressions, many classes, names of any kind


def regression_of(train_r2, test_r2):
    runs = [run_of(train_r2=train_r2, test_r2=test_r2, target_scale=2.0)]
    return [dataclasses.replace(run, train_accuracy=None, test_accuracy=None) for run in runs]


@pytest.mark.parametrize(
    ("r2", "text"), [(0.98765, "0.988"), (-0.5, "-0.500"), (-1e26, "-1e+26"), (np.nan, "-"), (-np.inf, "-inf")]
)
def test_a_regression_has_r2_in_place_of_accuracies(r2, text):
    runs = regression_of(0.5, r2)
    heading, _, line = ([cell.strip() for cell in row.split("|")] for row in report.table(runs).splitlines())
    assert heading[3:5] == ["train R^2", "test R^2"]
    assert line[3:5] == ["0.500", text]
    (entry,) = strict_json(report.as_json(runs, Path("p"), DATA))["runs"]
    assert entry["test_r2"] == (r2 if np.isfinite(r2) else None)
    assert (entry["train_r2"], entry["target_scale"]) == (0.5, 2.0)
    assert not {"train_accuracy", "test_accuracy"} & set(entry)


def test_classes_have_accuracies_in_json_and_no_r2(runs):
    for entry in strict_json(report.as_json(runs, Path("p"), DATA))["runs"]:
        assert {"train_accuracy", "test_accuracy"} <= set(entry)
        assert not {"train_r2", "test_r2", "target_scale"} & set(entry)


def axes_of(runs, data, path, monkeypatch):
    """The axes that draw makes."""
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, file, **_: figures.append(self))
    report.draw(runs, data, path)
    return figures[0].axes


def test_the_picture_names_features_and_scores(tmp_path, monkeypatch):
    data = dataclasses.replace(DATA, features=["width $x$ 😀\n", "y" * 100])
    _, axes = axes_of([run_of()], data, tmp_path / "p.png", monkeypatch)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("width $x$ 😀\\n", "y" * 37 + "...")
    assert axes.get_title() == "he: test accuracy 87.5%"
    data = dataclasses.replace(data, classes=None, train=(X, Y * 0.5))
    _, axes = axes_of(regression_of(0.5, 0.25), data, tmp_path / "p.png", monkeypatch)
    assert axes.get_title() == "he: test R² 0.250"


def test_names_that_no_font_has_are_drawn_without_a_warning(tmp_path):
    data = dataclasses.replace(DATA, features=["$\\frac$ 😀", "二"])
    with warnings.catch_warnings(record=True) as caught:
        report.draw([run_of()], data, tmp_path / "p.png")
    assert not caught
    assert (tmp_path / "p.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("scales", "equal"), [((1, 1), True), ((1e3, 1e3), True), ((1e3, 1), False), ((1e-3, 1e-3), True), ((0, 1), False)]
)
def test_the_examples_fill_most_of_their_axes(scales, equal, tmp_path, monkeypatch):
    points = X * np.array(scales)
    _, axes = axes_of([run_of()], dataclasses.replace(DATA, train=(points, Y)), tmp_path / "p.png", monkeypatch)
    assert (axes.get_aspect() == 1.0) is equal
    for limits, values in zip((axes.get_xlim(), axes.get_ylim()), points.T, strict=True):
        assert limits[0] <= values.min() and values.max() <= limits[1]
        assert np.ptp(limits) < 2.1 * np.ptp(values) or np.ptp(values) == 0


def test_of_many_examples_some_are_scattered(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    data = dataclasses.replace(DATA, train=(rng.standard_normal((40_000, 2)), rng.integers(2, size=40_000)))
    _, axes = axes_of([run_of()], data, tmp_path / "p.png", monkeypatch)
    assert 2500 < len(axes.collections[-1].get_offsets()) <= 5000


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize(("dtype", "scale"), [("float64", 1e200), ("float32", 1e25)])
def test_points_whose_sums_overflow_are_drawn(loss, dtype, scale, tmp_path):
    drawn = [np.array([[scale, 0], [0, scale]]), np.array([[1.0, -1.0]])], [np.zeros(2), np.zeros(1)]
    network = MLP([2, 2, 1], activation="identity", loss=loss, dtype=dtype, initialization=lambda dims, seed: drawn)
    data = dataclasses.replace(DATA, train=(X * scale**0.75, Y))
    report.draw([dataclasses.replace(run_of(), network=network)], data, tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 10_000
