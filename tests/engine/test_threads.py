"""How many threads a call uses, by the rules of fastmlp.engine.threads, and that no result depends on it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fastmlp import MLP, SGD, notebook, show_config
from fastmlp.engine import threads
from fastmlp.lab import diagnose, run_study
from fastmlp.training import TrainingOptions, run

BIG, SMALL = 1e9, 1e3  # floating-point operations of a batch
WIDE = range(16)  # processors


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with 16 processors and no quota, whose environment says nothing."""
    for name in threads.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    threads.check_environment.cache_clear()
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(WIDE), raising=False)
    monkeypatch.setattr(threads, "CGROUP_QUOTA", tmp_path / "cpu.max")
    return monkeypatch


# ---- the argument, the environment, the processors


def test_the_argument_is_taken_as_it_is(machine):
    machine.setenv("FASTMLP_NUM_THREADS", "2")
    machine.setenv("OMP_NUM_THREADS", "3")
    assert threads.choose(5, BIG) == threads.choose(5, SMALL) == threads.choose(np.int64(5), SMALL) == 5
    assert threads.choose(1, BIG) == threads.choose(np.int64(1), SMALL) == 1
    assert threads.choose(4, SMALL) == 4
    assert threads.choose(20, SMALL) == 20, "also more than there are processors"


def test_the_environment_says_how_many_and_the_library_s_own_variable_first(machine):
    assert threads.choose(None, BIG) == threads.available() == 16
    machine.setenv("OMP_NUM_THREADS", "3")
    assert threads.choose(None, BIG) == threads.available() == 3
    machine.setenv("FASTMLP_NUM_THREADS", "2")
    assert threads.choose(None, BIG) == threads.available() == 2
    machine.setenv("FASTMLP_NUM_THREADS", "")
    assert threads.available() == 3, "an empty variable says nothing"


def test_a_small_batch_has_one_thread_unless_the_argument_says_otherwise(machine):
    machine.setenv("FASTMLP_NUM_THREADS", "8")
    assert threads.choose(None, SMALL) == threads.choose(None, threads.SMALL_BATCH - 1) == 1
    assert threads.choose(None, threads.SMALL_BATCH) == 8


def test_the_environment_gives_no_more_than_the_processors_there_are(machine):
    machine.setenv("FASTMLP_NUM_THREADS", "64")
    assert threads.available() == 16
    machine.setattr(os, "sched_getaffinity", lambda pid: {1, 5, 7})
    assert threads.available() == 3
    machine.delenv("FASTMLP_NUM_THREADS")
    assert threads.available() == 3


def test_without_an_affinity_the_number_of_processors_counts(machine):
    machine.delattr(os, "sched_getaffinity")
    machine.setattr(os, "cpu_count", lambda: 12)
    assert threads.available() == 12
    machine.setattr(os, "cpu_count", lambda: None)
    assert threads.available() == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("max 100000\n", 16), ("400000 100000\n", 4), ("350000 100000", 4), ("50000 100000", 1)),
        *(("1000 100000", 1), ("3200000 100000", 16)),
        *(("", 16), ("nonsense", 16), ("a b c", 16), ("400000", 16), ("abc 100000", 16), ("100000 0", 16)),
    ],
)
def test_a_quota_of_processor_time_is_rounded_up_and_what_is_none_is_ignored(text, expected, machine):
    threads.CGROUP_QUOTA.write_text(text)
    assert threads.available() == expected


def test_the_smallest_of_all_limits_counts(machine):
    threads.CGROUP_QUOTA.write_text("600000 100000")
    assert threads.available() == 6
    machine.setenv("OMP_NUM_THREADS", "4")
    assert threads.available() == 4
    machine.setenv("OMP_NUM_THREADS", "9")
    assert threads.available() == 6


# ---- what is no number of threads


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4,2", 4), (" 3 ", 3), ("3,", 3), ("007", 7), ("16", 16), ("0" * 9999 + "3", 3), ("9" * 9999, 16)],
)
def test_a_list_of_nested_levels_counts_by_its_first(text, expected, machine):
    machine.setenv("OMP_NUM_THREADS", text)
    assert threads.available() == expected


X, Y = np.random.default_rng(0).standard_normal((30, 4)), np.arange(30) % 2
CALLS = {
    "train": lambda model: model.train(X, Y, epochs=1),
    "train, with n_threads": lambda model: model.train(X, Y, epochs=1, n_threads=1),
    "train, L-BFGS": lambda model: model.train(X, Y, epochs=1, optimizer="lbfgs"),
    "run": lambda model: run(model, model.examples(X, Y), TrainingOptions(epochs=1)),
    "loss_and_gradient": lambda model: model.loss_and_gradient(X, Y),
    "predict": lambda model: model.predict(X),
    "predict_proba": lambda model: model.predict_proba(X),
    "predict_one": lambda model: model.predict_one(X[0]),
    "decision_function": lambda model: model.decision_function(X),
    "diagnose": lambda model: diagnose(model, X),
    "run_study": lambda model: run_study([4, 1], (X, Y), (X, Y), epochs=1),
    "the notebook's model": lambda model: notebook.model(X.T, Y[np.newaxis], num_iterations=1, print_cost=False),
}


@pytest.mark.parametrize("name", threads.VARIABLES)
@pytest.mark.parametrize("text", ["0", "-1", "1.5", "two", "1e3", "\N{SUPERSCRIPT TWO}", "0x4", "000", "x,4"])
def test_a_variable_that_is_no_number_of_threads_is_named(name, text, machine):
    machine.setenv(name, text)
    first = text.split(",")[0]
    for call in (threads.available, lambda: threads.choose(None, BIG), lambda: show_config("dict")):
        with pytest.raises(ValueError, match=f"^{name} must be a number of threads, at least 1, got '{first}'$"):
            call()


@pytest.mark.parametrize("name", threads.VARIABLES)
@pytest.mark.parametrize("call", CALLS)
def test_the_first_call_on_any_small_network_names_a_wrong_variable(name, call, machine):
    machine.setenv(name, "two")
    model = MLP([4, 3, 1], seed=1)
    before = model.parameters.tobytes()
    with pytest.raises(ValueError, match=f"^{name} must be a number of threads, at least 1, got 'two'$"):
        CALLS[call](model)
    assert model.parameters.tobytes() == before
    assert model.training_state.optimizer is None


@pytest.mark.parametrize("name", ["FASTMLP_ISA", *threads.VARIABLES])
def test_a_wrong_variable_in_a_fresh_process_is_one_clear_line(name):
    code = "import fastmlp; fastmlp.MLP([2, 1]).predict([[1.0, 2.0]])"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, name: "two"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ValueError: {name} must be ")


@pytest.mark.parametrize(
    ("n_threads", "error", "message"),
    [
        (0, ValueError, "n_threads must be at least 1, got 0"),
        (-1, ValueError, "n_threads must be at least 1, got -1"),
        (2.0, TypeError, "n_threads must be an integer, got 2.0"),
        (True, TypeError, "n_threads must be an integer, got True"),
        ("2", TypeError, "n_threads must be an integer, got '2'"),
    ],
)
def test_an_argument_that_is_no_number_of_threads_is_refused(n_threads, error, message):
    model = MLP([2, 3, 1], seed=1)
    with pytest.raises(error, match=message):
        model.train([[0.0, 1.0]], [1], epochs=1, n_threads=n_threads)
    assert model.training_state.optimizer is None


# ---- results


@pytest.mark.parametrize(
    ("dims", "n", "batch_size"),
    [
        ((10, 40, 30, 3), 4500, 2000),  # several chunks of several tiles, and a shorter batch at the end
        ((10, 40, 30, 3), 300, 64),  # one tile, which threads share by rows
        ((3, 300, 3), 100, 100),
        ((2, 1, 3), 50, 1),
    ],
    ids=str,
)
@pytest.mark.parametrize("optimizer", [SGD(momentum=0.9), "adam"], ids=str)
def test_any_number_of_threads_gives_the_same_bits(dims, n, batch_size, optimizer, isa, dtype):
    rng = np.random.default_rng(0)
    inputs, classes, weight = rng.standard_normal((n, dims[0])), rng.integers(0, 3, n), rng.uniform(0, 2, n)
    options = {"batch_size": batch_size, "optimizer": optimizer, "dropout": 0.3, "seed": 2, "sample_weight": weight}
    results = set()
    for n_threads in (None, 1, 2, 3, 4):
        model = MLP(dims, activation="tanh", loss="multinomial_log_loss", dtype=dtype, seed=1)
        history = model.train(
            inputs, classes, epochs=2, l2=0.01, clip_norm=0.5, n_threads=n_threads, report_every=1, **options
        )
        results.add((model.parameters.tobytes(), history.losses.tobytes(), model.training_state.moments.tobytes()))
    assert len(results) == 1


def test_the_environment_changes_no_bit_either(monkeypatch):
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((3000, 50)), rng.integers(0, 2, 3000)
    results = set()
    for number in ("1", "2", "4"):
        monkeypatch.setenv("FASTMLP_NUM_THREADS", number)
        model = MLP([50, 60, 1], seed=1)
        model.train(inputs, labels, epochs=2, batch_size=1500, seed=0)
        results.add(model.parameters.tobytes())
    assert len(results) == 1


def test_training_chooses_by_the_work_of_a_batch(machine):
    seen = []

    def choose(n_threads, work):
        seen.append((n_threads, work))
        return 1

    machine.setattr(threads, "choose", choose)
    model = MLP([2, 3, 1], seed=1)
    for batch_size, n_threads in ((None, None), (5, 2)):
        model.train(np.ones((20, 2)), np.ones(20), epochs=1, batch_size=batch_size, n_threads=n_threads)
    assert [n_threads for n_threads, _ in seen] == [None, 2]
    assert seen[0][1] == 4 * seen[1][1] > 0


# ---- the configuration


def test_show_config_tells_the_threads_of_a_call(machine, capsys):
    machine.setenv("FASTMLP_NUM_THREADS", "2")
    assert show_config("dict")["threads"] == 2
    machine.setenv("FASTMLP_NUM_THREADS", "64")
    assert show_config("dict")["threads"] == 16
    machine.setenv("FASTMLP_NUM_THREADS", "1")
    show_config()
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["threads"] == "1"
