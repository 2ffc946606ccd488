"""Sweeps: the published figures, bits that depend on configuration and seed alone, memory, the bar."""

import itertools
import json
import tracemalloc
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from sweeps import FIELDS, X, X_test, assert_same_runs, small, y, y_test

from fastmlp import MLP, SGD, Adam, Cosine, initializers
from fastmlp.datasets import circles
from fastmlp.initializers import Orthogonal
from fastmlp.lab import compare_initializers
from fastmlp.lab.sweep import case as cases
from fastmlp.lab.sweep.case import Case, run_case
from fastmlp.lab.sweep.compare import problem_of
from fastmlp.lab.sweep.configuration import configurations_of

FIGURES = json.loads((Path(__file__).parents[2] / "figures" / "seed_study.json").read_text())["runs"]


def test_seed_3_gives_the_published_figures():
    train, test = circles(300, seed=1), circles(100, seed=2)
    found = compare_initializers(
        *train, [2, 10, 5, 1], seeds=[3], X_test=test[0], y_test=test[1], report_every=1000, progress=False
    )
    assert found.runs["initializer"].tolist() == ["zeros", "random", "he"]
    assert found.epochs.tolist() == list(range(0, 15000, 1000))
    for run, losses in zip(found.runs, found.losses, strict=True):
        published = FIGURES[run["initializer"]]
        assert (run["train_score"], run["test_score"]) == (published["train_accuracy"], published["test_accuracy"])
        np.testing.assert_allclose(losses[1:], published["costs"][1:], rtol=0.02)
        assert (run["first_loss"], run["final_loss"], run["epoch"]) == (losses[0], losses[-1], 14000)
        assert run["seconds"] > 0
    assert found.runs["outcome"].tolist() == ["symmetric", "learned", "learned"]


def test_a_run_is_the_training_of_a_network_with_its_seed():
    found = small(initializers=["he"], seeds=[5], batch_size=16, optimizer="adam", learning_rate=0.02, report_every=1)
    model = MLP([2, 6, 4, 1], seed=5)
    history = model.train(
        X, y, epochs=30, batch_size=16, optimizer="adam", learning_rate=0.02, seed=5, report_every=1, n_threads=1
    )
    np.testing.assert_array_equal(found.losses[0], history.losses)
    assert found.runs["train_score"][0] == np.mean(model.predict(X) == y)
    assert found.runs["test_score"][0] == np.mean(model.predict(X_test) == y_test)


def test_every_list_is_varied():
    optimizers, rates = ["adam", SGD(momentum=0.9)], [0.05, Cosine(0.05, epochs=30)]
    found = small(
        layer_dims=[[2, 6, 4, 1], [2, 3, 3, 1]],
        initializers=["he", "xavier"],
        seeds=[4, 2],
        activation=["relu", ("tanh", "logistic")],
        optimizer=optimizers,
        learning_rate=rates,
        batch_size=[None, 25],
    )
    names = ["initializer", "layer_dims", "activation", "optimizer", "learning_rate", "batch_size"]
    assert found.varied == names
    expected = itertools.product(
        ["he", "xavier"],
        ["2-6-4-1", "2-3-3-1"],
        ["relu", "tanh-logistic"],
        ["adam", "sgd(momentum=0.9)"],
        [0.05, "Cosine(initial=0.05, epochs=30)"],
        [len(X), 25],
    )
    described = [tuple(configuration[name] for name in names) for configuration in found.configurations]
    assert described == list(expected)
    assert found.runs["seed"].tolist() == [4, 2] * 64
    for row in found.runs[[0, 21, 77, 127]]:
        rate = rates[row["learning_rate"] != "0.05"]
        model = MLP(
            [int(width) for width in row["layer_dims"].split("-")],
            activation=row["activation"].split("-") * (1 + (row["activation"] == "relu")),
            initialization=row["initializer"],
            seed=int(row["seed"]),
        )
        history = model.train(
            *(X, y),
            epochs=30,
            optimizer=optimizers[row["optimizer"] != "adam"],
            learning_rate=rate,
            batch_size=int(row["batch_size"]),
            seed=int(row["seed"]),
            report_every=10,
        )
        np.testing.assert_array_equal(found.losses[(found.runs == row).argmax()], history.losses)


def test_what_is_not_varied_has_no_column():
    found = small()
    assert found.varied == ["initializer"]
    assert found.runs.dtype.names == ("initializer", "seed", *FIELDS, "configuration")


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_bits_do_not_depend_on_the_number_of_threads(n_jobs):
    alone = [small(seeds=[seed], batch_size=20, optimizer="adam") for seed in range(5)]
    together = small(seeds=5, batch_size=20, optimizer="adam", n_jobs=n_jobs)
    for seed, one in enumerate(alone):
        assert_same_runs(together, one, seed)


def test_bits_do_not_depend_on_the_order():
    one, other = small(seeds=[0, 1, 2]), small(seeds=[2, 0, 1], initializers=["he", "random", "zeros"])
    for seed in range(3):
        for name in ("zeros", "random", "he"):
            (a,), (b,) = (found.losses[(found.runs["initializer"] == name) & (found.runs["seed"] == seed)]
                          for found in (one, other))  # fmt: skip
            np.testing.assert_array_equal(a, b)


def test_bits_do_not_depend_on_processes():
    serial = small(seeds=4, batch_size=20)
    with joblib.parallel_config("loky", n_jobs=2):
        parallel = small(seeds=4, batch_size=20, initializers=["zeros", "random", "he"])
    assert_same_runs(serial, parallel)


def test_different_seeds_and_initializers_draw_different_starts():
    found = small(seeds=6, initializers=["he", "xavier", "random"])
    assert len(np.unique(found.runs["first_loss"])) == 18


def test_the_global_generator_is_left_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    small()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_a_case_holds_no_network_and_can_be_pickled():
    import pickle

    (configuration,) = configurations_of(
        len(X), initializers=["he"], layer_dims=[2, 300, 300, 1], activation="relu", optimizer="sgd",
        learning_rate=0.01, batch_size=None,
    )  # fmt: skip
    assert len(pickle.dumps(Case(0, configuration, 3))) < 1000


def test_data_are_checked_and_converted_once(monkeypatch):
    from fastmlp.lab.sweep import compare

    calls = []
    examples = MLP.examples
    monkeypatch.setattr(MLP, "examples", lambda *args, **kwargs: calls.append(args) or examples(*args, **kwargs))
    problem = compare.problem_of(X, y, None, None, (2, 1), "log_loss", "float64", 3, None)
    assert problem.examples.inputs is X
    calls.clear()
    small(seeds=7)
    assert len(calls) == 2  # training and test


def test_memory_does_not_grow_with_the_runs_but_for_the_results():
    """Each run makes about 400 KB: parameters, their gradient and the scratch memory."""

    def peak(n):
        tracemalloc.start()
        found = compare_initializers(
            X, y, [2, 100, 100, 1], initializers=["he"], seeds=n, epochs=2, n_jobs=2, progress=False
        )
        (_, most), results = tracemalloc.get_traced_memory(), found.runs.nbytes + found.losses.nbytes
        tracemalloc.stop()
        return most - results

    peak(4)
    few, many = peak(20), peak(220)
    assert many - few < 200 * 3000


def test_divergence_warns_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = small(initializers=["he", "random"], learning_rate=1e300, seeds=3, n_jobs=2)
    assert set(found.runs["outcome"]) == {"diverged"}


def test_a_bar_shows_runs_done_their_rate_and_the_time_left(capsys):
    small(progress=True, seeds=2)
    shown = capsys.readouterr().err
    assert "6/6" in shown
    assert "run/s" in shown or "s/run" in shown
    assert "<00:00" in shown
    small()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["lsuv", "within_layer"])
def test_initializers_that_need_data_are_bound_to_it(name):
    found = small(initializers=[name], seeds=1)
    bound = initializers.get(name).on(X)
    assert found.losses[0, 0] == MLP([2, 6, 4, 1], initialization=bound, seed=0).loss_and_gradient(X, y)[0]
    assert found.runs["initializer"].tolist() == [name]


def test_the_label_of_an_initializer_is_its_own():
    found = small(initializers=["glorot_uniform", initializers.get("he_uniform"), Orthogonal(gain=2)], seeds=1)
    assert found.runs["initializer"].tolist() == ["glorot_uniform", "he_uniform", "orthogonal(gain=2.0)"]


def test_equal_widths_in_a_row_are_counted_in_a_label():
    found = small(layer_dims=[[2, 3, 3, 3, 1], [2, *[3] * 5, 4, 1]], seeds=1)
    assert found.runs["layer_dims"].tolist() == ["2-3-3-3-1", "2-5x3-4-1"] * (len(found) // 2)


def test_a_function_and_a_pair_with_lists_are_initializers():
    def drawn(layer_dims, seed=None):
        return MLP(layer_dims, seed=seed).weights

    pair = ("variance_scaling", {"scale": [0.5, 2], "mode": ["fan_in", "fan_out"]})
    found = small(initializers=["he", drawn, pair], seeds=1)
    assert found.runs["initializer"].tolist() == [
        "he", "drawn", "variance_scaling(scale=0.5, mode=fan_in)", "variance_scaling(scale=0.5, mode=fan_out)",
        "variance_scaling(scale=2.0, mode=fan_in)", "variance_scaling(scale=2.0, mode=fan_out)",
    ]  # fmt: skip
    np.testing.assert_array_equal(found.losses[0], found.losses[1])
    np.testing.assert_array_equal(found.losses[0], found.losses[4])
    np.testing.assert_array_equal(found.runs["scale"], [np.nan, np.nan, 0.5, 0.5, 2, 2])
    assert found.runs["mode"].tolist() == ["", "", "fan_in", "fan_out", "fan_in", "fan_out"]
    columns = [cell.strip() for cell in repr(found).splitlines()[1].split("|")]
    assert columns[:2] == ["initializer", "runs"]  # the label tells both parameters


def test_the_constant_is_measured_once(monkeypatch):
    calls = []
    monkeypatch.setattr("fastmlp.lab.scores.loss_of_constant", lambda *args: calls.append(args) or 0.69)
    small(seeds=4)
    assert len(calls) == 1


def test_a_regression_is_scored_by_r2():
    from sklearn.metrics import r2_score

    target = np.c_[X @ [1.0, -2.0], X[:, 0] ** 2]
    found = compare_initializers(
        X, target, [2, 8, 2], loss="squared_error", seeds=[1], epochs=200, initializers=["he"], progress=False
    )
    model = MLP([2, 8, 2], loss="squared_error", seed=1)
    model.train(X, target, epochs=200, learning_rate=0.01, n_threads=1)
    expected = r2_score(target, model.predict(X), multioutput="variance_weighted")
    assert found.runs["train_score"][0] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(found.runs["test_score"][0])
    assert found.settings["score"] == "R^2"


def test_every_dtype_and_adam(dtype):
    found = small(dtype=dtype, optimizer=Adam(beta_1=0.8), initializers=["he"], seeds=1, learning_rate=0.1)
    model = MLP([2, 6, 4, 1], dtype=dtype, seed=0)
    history = model.train(X, y, epochs=30, optimizer=Adam(beta_1=0.8), learning_rate=0.1, report_every=10)
    np.testing.assert_array_equal(found.losses[0], history.losses)


def test_run_case_needs_nothing_but_its_arguments():
    problem = problem_of(X, y, X_test, y_test, (2, 1), "log_loss", "float64", 30, 10)
    (configuration,) = configurations_of(
        len(X), initializers=["he"], layer_dims=[2, 6, 4, 1], activation="relu", optimizer="sgd", learning_rate=0.1,
        batch_size=None,
    )  # fmt: skip
    _, result = run_case(Case(0, configuration, 2), problem)
    np.testing.assert_array_equal(result.losses, small(initializers=["he"], seeds=[2]).losses[0])
    assert cases.OUTCOMES == ("learned", "constant", "symmetric", "dead", "diverged", "failed")
