"""Ctrl-C returns what is done, at once, with any number of workers."""

import contextlib
import itertools
import os
import signal
import threading

import joblib
import numpy as np
import pytest
from alarms import alarm, interrupt
from sweeps import assert_same_runs, small

from fastmlp import initializers
from fastmlp.lab.sweep import compare
from fastmlp.lab.sweep.store import Store

LONG = 10**9  # epochs of a run that nobody waits for


@contextlib.contextmanager
def interrupted_after(n, monkeypatch):
    """Interrupt the sweep when so many runs were collected, as Ctrl-C in the main thread would."""
    add = compare.Collector.add
    counts = []

    def add_and_count(collector, number, result):
        add(collector, number, result)
        counts.append(number)
        if len(counts) == n:
            interrupt()

    monkeypatch.setattr(compare.Collector, "add", add_and_count)
    yield counts
    monkeypatch.undo()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_returns_what_is_done(n_jobs, monkeypatch):
    with interrupted_after(7, monkeypatch) as collected:
        found = small(seeds=100, n_jobs=n_jobs)
    assert len(found) == len(collected) == 7
    assert found.n_missing == 293
    assert "7 runs of 3 configurations, 293 not done" in repr(found)
    whole = small(seeds=100)
    places = [
        int(np.flatnonzero((whole.runs["initializer"] == run["initializer"]) & (whole.runs["seed"] == run["seed"]))[0])
        for run in found.runs
    ]
    assert places == sorted(places) == sorted(collected)
    np.testing.assert_array_equal(found.losses, whole.losses[places])
    assert set(found.runs["seed"]) <= {0, 1, 2, 3}  # all configurations go on together


def test_ctrl_c_reaches_processes(monkeypatch):
    with joblib.parallel_config("loky", n_jobs=2), interrupted_after(5, monkeypatch):
        found = small(seeds=60)
        again = small(seeds=2)
    assert (len(found), found.n_missing) == (5, 175)
    assert_same_runs(again, small(seeds=2))


def test_ctrl_c_waits_for_no_run_on_another_thread(monkeypatch):
    """Those in flight are left to themselves."""
    is_over, n_waiting = threading.Event(), itertools.count(1)

    def run_case(case, problem):
        if next(n_waiting) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        assert is_over.wait(60)
        return case, None

    monkeypatch.setattr(compare, "run_case", run_case)
    found = small(seeds=5, n_jobs=2)
    assert not is_over.is_set()
    assert (len(found), found.n_missing) == (0, 15)
    is_over.set()


def test_ctrl_c_ends_a_training_on_the_main_thread():
    with alarm(interrupt, 0.3):
        found = small(seeds=5, epochs=LONG, report_every=LONG)
    assert (len(found), found.n_missing) == (0, 15)


def test_a_folder_keeps_what_was_done_before_ctrl_c(tmp_path, monkeypatch):
    with interrupted_after(10, monkeypatch):
        small(seeds=20, folder=tmp_path)
    with interrupted_after(1000, monkeypatch) as collected:
        found = small(seeds=20, folder=tmp_path)
    assert len(collected) == 60
    assert found.n_missing == 0
    assert_same_runs(found, small(seeds=20))


def test_a_run_that_ctrl_c_keeps_from_the_folder_is_not_returned(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Store, "add", lambda *_: interrupt())
        assert len(small(folder=tmp_path)) == 0
    assert len(small(folder=tmp_path)) == 9


def test_there_are_no_more_workers_than_runs(monkeypatch):
    asked, parallel = [], joblib.Parallel

    def observed(n_jobs, **options):
        asked.append(n_jobs)
        return parallel(n_jobs=n_jobs, **options)

    monkeypatch.setattr(joblib, "Parallel", observed)
    for n_jobs in (2, 10**9, 2**70, -(2**70)):
        assert len(small(seeds=1, n_jobs=n_jobs)) == 3
    assert asked[:3] == [2, 3, 3]


class Unpicklable:
    def __call__(self, layer_dims, seed=None):
        return initializers.draw("he", layer_dims, seed)

    def __reduce__(self):
        raise TypeError("it holds a lock")


def test_what_a_process_cannot_be_sent_is_named():
    with joblib.parallel_config("loky"), pytest.raises(TypeError, match="initializers, optimizer and learning_rate"):
        small(initializers=[Unpicklable()], n_jobs=2)
