"""A folder of finished runs: only missing ones are made; killed, damaged, foreign and shared folders."""

import contextlib
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from forks import forked
from sweeps import X, X_test, assert_same_runs, small, y, y_test

from fastmlp import _kernels, initializers
from fastmlp.lab import compare_initializers
from fastmlp.lab.sweep import case, compare
from fastmlp.schedules import Schedule, StepDecay, WarmUp

TESTS = Path(__file__).parents[2]
FILE = "runs.sqlite"


@pytest.fixture
def made(monkeypatch):
    """The runs that are made, by initializer and seed, from now on."""
    runs = []

    def run_case(one, problem):
        runs.append((one.configuration.initializer, one.seed))
        return case.run_case(one, problem)

    monkeypatch.setattr(compare, "run_case", run_case)
    return runs


def test_the_same_call_again_makes_no_run(tmp_path, made):
    first = small(folder=tmp_path / "deep" / "sweep")
    assert len(made) == 9
    second = small(folder=tmp_path / "deep" / "sweep")
    assert len(made) == 9
    assert_same_runs(second, first)
    np.testing.assert_array_equal(second.runs, first.runs)
    assert_same_runs(first, small())


def test_only_missing_runs_are_made(tmp_path, made):
    small(folder=tmp_path, seeds=[1, 4])
    made.clear()
    found = small(folder=tmp_path, seeds=[0, 4, 1, 7])
    assert sorted(made) == sorted((name, seed) for name in ("zeros", "random", "he") for seed in (0, 7))
    assert_same_runs(found, small(seeds=[0, 4, 1, 7]))
    made.clear()
    fewer = small(folder=tmp_path, seeds=[7], initializers=["he", "zeros", "random"])  # their order is no matter
    assert made == []
    assert fewer.runs["initializer"].tolist() == ["he", "zeros", "random"]


def test_an_initializer_and_its_name_with_the_same_parameters_are_the_same_runs(tmp_path, made):
    first = small(folder=tmp_path, initializers=["he", ("he", {"scale": 2.0}), initializers.get("orthogonal", gain=2)])
    made.clear()
    pairs = ["he", ("he", {"scale": [2]}), ("orthogonal", {"gain": 2.0})]
    assert_same_runs(small(folder=tmp_path, initializers=pairs), first)
    assert made == []
    assert first.runs["initializer"].tolist()[::3] == ["he", "he(scale=2.0)", "orthogonal(gain=2.0)"]


def test_results_that_are_not_numbers_are_kept(tmp_path):
    def refusing(layer_dims, seed=None):
        raise RuntimeError("ünlucky 'quoted'")

    arguments = {"initializers": ["he", refusing], "learning_rate": 1e300, "seeds": 2, "folder": tmp_path}
    first, second = small(**arguments), small(**arguments)
    assert set(first.runs["outcome"]) == {"diverged", "failed"}
    assert_same_runs(second, first)
    np.testing.assert_array_equal(second.runs["seconds"], first.runs["seconds"])


def drawn_by_scale(scale):
    def drawn(layer_dims):
        return [np.full((o, i), scale) for i, o in itertools.pairwise(layer_dims)]

    return drawn


class Falling(Schedule):
    def __init__(self, factor):
        self.factor = factor

    def rates(self, steps):
        return self.factor / (1.0 + steps.updates)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({}, {"learning_rate": 0.2}, "learning_rate was 0.1 and is 0.2"),
        ({}, {"learning_rate": [0.1, 0.2]}, "learning_rate was 0.1 and is 0.1, 0.2"),
        ({}, {"initializers": ["he"]}, "initializers was he, random, zeros and is he"),
        ({}, {"layer_dims": [2, 6, 5, 1]}, "layer_dims was 2-6-4-1 and is 2-6-5-1"),
        ({}, {"activation": "tanh"}, "activation was relu and is tanh"),
        ({}, {"optimizer": "adam"}, "optimizer was sgd and is adam"),
        ({}, {"batch_size": 10}, "batch_size was 60 and is 10"),
        ({}, {"epochs": 31}, "epochs was 30 and is 31"),
        ({}, {"report_every": 5}, "report_every was 10 and is 5"),
        ({}, {"dtype": "float32"}, "dtype was float64 and is float32; .*X was 60 x 2 float64"),
        ({}, {"loss": "squared_error"}, r"loss was LogLoss\(label_smoothing=0.0\) and is SquaredError\(\)"),
        ({}, {"X_test": X_test + 1e-9}, "test X was 30 x 2 float64 .* and is 30 x 2 float64"),
        ({}, {"y_test": 1 - y_test}, "test y was"),
        ({}, {"X_test": None, "y_test": None}, "test X was .* and is unknown"),
        (
            {"initializers": [drawn_by_scale(0.1)]},
            {"initializers": [drawn_by_scale(0.2)]},
            "initializers was drawn .* and is drawn",
        ),
        ({"learning_rate": Falling(0.1)}, {"learning_rate": Falling(0.2)}, "learning_rate was Falling .* and is Fall"),
        (
            {"learning_rate": WarmUp(StepDecay(0.123456789, every=100, factor=0.987654321), epochs=3)},
            {"learning_rate": WarmUp(StepDecay(0.123456789, every=101, factor=0.987654321), epochs=3)},
            "learning_rate was WarmUp.* and is WarmUp",
        ),
    ],
)
def test_another_sweep_is_refused_by_what_differs(before, after, message, tmp_path, made):
    first = small(folder=tmp_path, **before)
    made.clear()
    with pytest.raises(ValueError, match=f"{tmp_path} holds the runs of another sweep: .*{message}"):
        small(folder=tmp_path, **after)
    assert made == []
    assert_same_runs(small(folder=tmp_path, **before), first)
    assert made == []


@pytest.mark.parametrize("changed", ["X", "y"])
def test_other_data_are_refused(changed, tmp_path):
    data = {"X": X, "y": y}
    arguments = {"epochs": 2, "seeds": 1, "progress": False, "folder": tmp_path}
    compare_initializers(*data.values(), [2, 1], **arguments)
    data[changed] = data[changed].copy()
    data[changed][-1] = data[changed][0] if changed == "X" else 1 - data[changed][-1]
    with pytest.raises(ValueError, match=f"another sweep: {changed} was"):
        compare_initializers(*data.values(), [2, 1], **arguments)


def test_functions_and_schedules_are_found_again(tmp_path, made):
    arguments = {"initializers": [drawn_by_scale(0.1)], "learning_rate": Falling(0.1), "folder": tmp_path}
    small(**arguments)
    made.clear()
    small(**{**arguments, "initializers": [drawn_by_scale(0.1)], "learning_rate": Falling(0.1)})
    assert made == []


def test_a_function_that_cannot_be_named_later_is_refused(tmp_path):
    lock = threading.Lock()  # what pickle cannot store

    def drawn(layer_dims):
        return lock

    with pytest.raises(TypeError, match="initializers must be something that pickle can store"):
        small(initializers=[drawn], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_runs_of_other_kernels_are_not_mixed(tmp_path, made, monkeypatch):
    small(folder=tmp_path)
    made.clear()
    isa = _kernels.current_isa()
    monkeypatch.setattr(_kernels, "current_isa", lambda: "mmx")
    small(folder=tmp_path)  # nothing is missing
    with pytest.raises(ValueError, match=f"made by fastmlp .* with {isa} kernels, whose bits those made by .* mmx"):
        small(folder=tmp_path, seeds=5)
    assert made == []


# ---- folders that are none


def test_a_foreign_folder_is_refused(tmp_path, made):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(ValueError, match=r"folder must be new or that of a sweep, .* holds other files: thesis\.tex"):
        small(folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert made == []


@pytest.mark.parametrize(
    ("folder", "error", "message"),
    [
        (3, TypeError, "folder must be a path, got 3"),
        ("", ValueError, "folder must be a path that a file can have"),
        ("a\0b", ValueError, "folder must be a path that a file can have"),
    ],
)
def test_what_is_no_path_is_refused(folder, error, message, made):
    with pytest.raises(error, match=message):
        small(folder=folder)
    assert made == []


def test_a_file_is_no_folder(tmp_path, made):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(OSError, match=f"folder must be a folder, {file} is a file"):
        small(folder=file)
    with pytest.raises(OSError, match="Not a directory"):
        small(folder=file / "below")
    assert made == []
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, made):
    (tmp_path / FILE).mkdir()
    with pytest.raises(OSError, match=f"{FILE} cannot be read and written: unable to open database file"):
        small(folder=tmp_path)
    assert made == []


@pytest.mark.parametrize(
    ("holds", "message"),
    [("nothing", "unable to open database file"), ("a finished sweep", "attempt to write a readonly database")],
)
def test_a_folder_without_the_right_to_write_is_refused(holds, message):
    """As a user who is not root, whom nothing stops."""

    def attempt():
        if os.getuid() == 0:
            os.setgid(54321)
            os.setuid(54321)
        try:
            small(folder=folder)
        except OSError as error:
            return str(error)
        return "written"

    with tempfile.TemporaryDirectory() as folder:
        if holds != "nothing":
            small(folder=folder)
        Path(folder).chmod(0o555)
        assert forked(attempt) == f"{folder}/{FILE} cannot be read and written: {message}"
        assert len(list(Path(folder).iterdir())) == (holds != "nothing")
        Path(folder).chmod(0o755)


def test_a_database_of_something_else_is_refused(tmp_path, made):
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE songs (name)")
    connection.close()
    with pytest.raises(ValueError, match="is no file of a sweep that this version of fastmlp can read"):
        small(folder=tmp_path)
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)
    connection.close()
    assert made == []


def test_a_later_format_is_refused(tmp_path, made):
    small(folder=tmp_path)
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(ValueError, match="is no file of a sweep that this version of fastmlp can read"):
        small(folder=tmp_path)


@pytest.mark.parametrize("damage", [lambda b: b"not a database" * 100, lambda b: b[: len(b) // 2], lambda b: b[:50]])
def test_a_damaged_file_is_refused_and_stays(damage, tmp_path, made):
    small(folder=tmp_path, seeds=40)
    made.clear()
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    before = file.read_bytes()
    with pytest.raises(ValueError, match=f"{file} is damaged or no file of a sweep: .* It stays as it is"):
        small(folder=tmp_path, seeds=40)
    assert made == []
    assert file.read_bytes() == before


@pytest.mark.parametrize("change", ["test_score = 1.0", "losses = NULL", "losses = 'text'", "reason = x'ff'"])
def test_a_value_that_changed_is_refused(change, tmp_path, made):
    small(folder=tmp_path)
    made.clear()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(f"UPDATE runs SET {change} WHERE seed = 2")
    connection.close()
    with pytest.raises(ValueError, match=r"the run of seed 2 of .* has changed"):
        small(folder=tmp_path)
    assert made == []


def test_an_empty_file_is_that_of_a_process_killed_at_once(tmp_path):
    (tmp_path / FILE).touch()
    assert len(small(folder=tmp_path)) == 9


# ---- processes that are killed, and several at a time

SWEEP = """
import sys
from sweeps import small
small(folder=sys.argv[1], seeds=int(sys.argv[2]), epochs=int(sys.argv[3]), n_jobs=2)
"""


def start(folder, seeds, epochs=2000):
    """A process that makes a sweep in a folder."""
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(folder), str(seeds), str(epochs)], env=environment, stderr=subprocess.PIPE
    )


def n_kept(folder):
    """Finished runs in the file, 0 before there is one."""
    with contextlib.closing(sqlite3.connect(folder / FILE)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def test_a_killed_process_loses_at_most_the_runs_in_flight(tmp_path, made):
    with start(tmp_path, 100) as process:
        try:
            while n_kept(tmp_path) < 20:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
    n = n_kept(tmp_path)
    assert 20 <= n < 300
    found = small(folder=tmp_path, seeds=100, epochs=2000, n_jobs=2)
    assert len(made) == 300 - n
    assert_same_runs(found, small(seeds=100, epochs=2000, n_jobs=2))


def test_two_processes_share_a_folder(tmp_path, made):
    processes = [start(tmp_path, 60), start(tmp_path, 60)]
    for process in processes:
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, b"")
    assert n_kept(tmp_path) == 180
    found = small(folder=tmp_path, seeds=60, epochs=2000)
    assert made == []
    assert_same_runs(found, small(seeds=60, epochs=2000))
