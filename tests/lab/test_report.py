"""Reports of a study: the table, the JSON, the picture."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from studies import X, Y, run_of

from fastmlp.lab import Diagnostics, report, run_study


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
    document = strict_json(report.as_json(runs, Path("folder/picture.png")))
    assert set(document) == {"version", "isa", "picture", "runs"}
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
    wild = Diagnostics(False, 0.0, 1.0, value, value)
    (entry,) = strict_json(report.as_json([run_of(start=wild, end=wild, losses=(value, 0.5))], Path("p")))["runs"]
    assert entry["losses"] == [None, 0.5]
    assert entry["start"]["smallest_logit"] is entry["end"]["largest_logit"] is None


@pytest.mark.parametrize(("n_features", "shape"), [(2, (800, 1200)), (3, (400, 1200))])
def test_the_picture_is_one_png_with_boundaries_for_two_features(n_features, shape, tmp_path):
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((40, n_features))
    labels = (inputs[:, 0] > 0).astype(int)
    done = run_study([n_features, 4, 1], (inputs, labels), (inputs, labels), epochs=20, report_every=5)
    path = tmp_path / "study.png"
    report.draw(done, inputs, labels, path)
    assert list(tmp_path.iterdir()) == [path]
    pixels = image.imread(path)
    assert pixels.shape[:2] == shape
    assert path.stat().st_size > 10_000
    for part in np.array_split(pixels[:, :, :3], shape[0] // 400):
        assert part.std() > 0.05


@pytest.mark.parametrize("n_runs", [1, 2, 9])
def test_any_number_of_runs_is_drawn(n_runs, tmp_path):
    report.draw([run_of()] * n_runs, X, Y, tmp_path / "study.png")
    assert image.imread(tmp_path / "study.png").shape[1] == 400 * max(3, n_runs)


@pytest.mark.parametrize("losses", [(), (np.inf,), (0.0, 0.0), (0.7,)])
def test_losses_that_a_log_axis_cannot_show_are_drawn_without_a_warning(losses, tmp_path):
    report.draw([run_of(losses=losses)], X, Y, tmp_path / "study.png")
    assert image.imread(tmp_path / "study.png").std() > 0.05


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "study.png"
    path.write_bytes(b"old")

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report.draw([run_of()], X, Y, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
