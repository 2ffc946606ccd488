"""What a diagnosis refuses, before any work, and what it takes: estimators, traces."""

import threading

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from fastmlp import MLP, MLPClassifier, MLPRegressor
from fastmlp.lab import assert_healthy, diagnose, gradient_check
from fastmlp.lab.diagnosis import layers as layers_module
from fastmlp.training import TrainingOptions, run

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 2))
Y = (X[:, 0] > 0).astype(int)


def network(**kwargs):
    return MLP([2, 4, 1], **{"activation": "tanh", "seed": 1, **kwargs})


@pytest.fixture
def no_work(monkeypatch):
    """Any pass over examples fails the test."""

    def fail(*args, **kwargs):
        pytest.fail("work began")

    monkeypatch.setattr(MLP, "engine", fail)


WRONG = [
    ({"network": None}, TypeError, "network must be an MLP, MLPClassifier or MLPRegressor, got None"),
    ({"network": MLP}, TypeError, "network must be an MLP, MLPClassifier or MLPRegressor, got <class"),
    ({"network": MLPClassifier()}, ValueError, "network must be fitted: call fit of the MLPClassifier first"),
    ({"X": X[:1], "y": Y[:1]}, ValueError, "X must have at least 2 examples: .* got 1"),
    ({"X": X[:0], "y": Y[:0]}, ValueError, r"X must have shape \(at least 1, 2\), got \(0, 2\)"),
    ({"X": X[:, :1]}, ValueError, r"X must have shape \(at least 1, 2\), got \(30, 1\)"),
    ({"X": X[0]}, ValueError, "X must have 2 dimensions"),
    ({"X": X[[0] * 5], "y": Y[:5]}, ValueError, "X must hold different examples, got 5 that are all the same"),
    (
        {"X": np.where(np.arange(60).reshape(30, 2) == 7, np.nan, X)},
        ValueError,
        r"X must be finite .* nan at index \(3, 1\)",
    ),
    ({"X": np.where(X > 1, np.inf, X)}, ValueError, "X must be finite in float64, got inf"),
    ({"X": csr_array(X)}, TypeError, "X must be dense, got csr_array"),
    ({"X": "X"}, (TypeError, ValueError), "X must"),
    ({"y": Y[:7]}, ValueError, r"y must have shape \(30,\) or \(30, 1\) to match X"),
    ({"y": Y + 1}, ValueError, "y must hold labels 0 and 1 only, got 2"),
]
WRONG_OPTIONS = [
    ({"trace": 5}, TypeError, "trace must be a sequence of numbers of epochs, got 5"),
    ({"trace": []}, ValueError, r"trace must hold ascending numbers of epochs, at least one; got \[\]"),
    ({"trace": [3, 3]}, ValueError, r"trace must hold ascending numbers of epochs, at least one; got \[3, 3\]"),
    ({"trace": [3, 1]}, ValueError, "trace must hold ascending"),
    ({"trace": [-1, 3]}, ValueError, r"trace\[0\] must be at least 0, got -1"),
    ({"trace": [0, 2.5]}, TypeError, r"trace\[1\] must be an integer, got 2.5"),
    ({"trace": [True]}, TypeError, r"trace\[0\] must be an integer, got True"),
    ({"trace": [0, 5], "y": None}, ValueError, "trace needs y"),
    ({"n_jacobians": 0}, ValueError, "n_jacobians must be at least 1, got 0"),
    ({"n_jacobians": 31}, ValueError, "n_jacobians must be at most the number of examples, 30; got 31"),
    ({"histograms": -1}, ValueError, "histograms must be at least 0, got -1"),
    ({"learning_rate": -1}, ValueError, "learning_rate must be"),
    ({"optimizer": "best"}, ValueError, "optimizer must be one of"),
    ({"epochs": 5}, TypeError, "diagnose takes the arguments of MLP.train but epochs, .* got 'epochs'"),
    ({"lerning_rate": 0.1}, TypeError, "got 'lerning_rate'"),
    ({"optimizer": "lbfgs", "learning_rate": 0.1}, ValueError, "learning_rate"),
    ({"dropout": [0.1, 0.2], "trace": [1]}, ValueError, "dropout must have 1 entries"),
]


@pytest.mark.parametrize(("arguments", "kind", "message"), WRONG + WRONG_OPTIONS)
def test_a_wrong_argument_is_named_before_any_work(arguments, kind, message, no_work):
    with pytest.raises(kind, match=message):
        diagnose(**{"network": network(), "X": X, "y": Y, **arguments})


@pytest.mark.parametrize(("arguments", "kind", "message"), WRONG)
@pytest.mark.parametrize("function", [gradient_check, assert_healthy])
def test_the_other_functions_refuse_the_same(function, arguments, kind, message, no_work):
    with pytest.raises(kind, match=message):
        function(**{"network": network(), "X": X, "y": Y, **arguments})


def test_a_network_in_training_is_for_its_callback_alone():
    model, seen = network(), []

    def callback(epoch, loss):
        seen.append(diagnose(model, X, Y).verdict)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    def other():
        with pytest.raises(RuntimeError, match="diagnosing while this model is training is for its callback alone"):
            diagnose(model, X)
        with pytest.raises(RuntimeError, match="is training"):
            gradient_check(model, X, Y)
        seen.append("refused")

    model.train(X, Y, epochs=2, callback=callback, report_every=1)
    assert seen == ["healthy", "refused"] * 2


@pytest.mark.parametrize("form", [lambda X: X.tolist(), pd.DataFrame, np.asfortranarray, lambda X: X[::-1][::-1]])
def test_inputs_come_in_the_forms_that_training_takes(form):
    expected = diagnose(network(), X, Y).layers
    assert diagnose(network(), form(X), Y.tolist()).layers.tobytes() == expected.tobytes()
    assert diagnose(network(), form(X), Y[:, np.newaxis]).layers.tobytes() == expected.tobytes()


def test_a_list_of_tall_rows_is_measured_in_blocks(monkeypatch):
    monkeypatch.setattr(layers_module, "BLOCK", 1)
    calls = []
    engine = MLP.engine
    monkeypatch.setattr(MLP, "engine", lambda self, batch, *args, **kwargs: calls.append(batch) or engine(self, batch))
    diagnose(network(), X)
    assert calls[0] == layers_module.FEWEST


# ---- estimators


def test_a_fitted_classifier_is_diagnosed_with_its_own_labels():
    labels = np.array(["no", "yes"])[Y]
    model = MLPClassifier((4,), max_iter=300, random_state=0, solver="lbfgs", alpha=1.0).fit(X, labels)
    found = diagnose(model, X, labels)
    assert found.layers.tobytes() == diagnose(model._network, X, Y).layers.tobytes()
    assert diagnose(model, X).verdict == "healthy"
    assert gradient_check(model, X, labels).passed
    assert_healthy(model, X, labels)
    with pytest.raises(ValueError, match="maybe"):
        diagnose(model, X, np.where(Y, "maybe", "no"))


def test_a_classifier_of_three_classes_and_a_regressor_are_diagnosed():
    classes = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    model = MLPClassifier((4,), max_iter=300, random_state=0, solver="lbfgs", alpha=1.0).fit(X, classes)
    assert_healthy(model, X, classes)
    y = 1e5 * X[:, 0]
    scaled = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0, target_scaling="standard").fit(X, y)
    assert_healthy(scaled, X, y)
    inner = (y - y.mean()) / y.std()
    np.testing.assert_allclose(
        diagnose(scaled, X, y).layers["weight_gradient_norm"],
        diagnose(scaled._network, X, inner).layers["weight_gradient_norm"],
        rtol=1e-9,
    )


# ---- traces


def test_a_trace_is_that_of_a_training_with_the_same_arguments():
    options = {"learning_rate": 0.1, "optimizer": "adam", "batch_size": 7, "seed": 5}
    found = diagnose(network(), X, Y, trace=[0, 3, 8], **options)
    assert [part.epoch for part in found.trace] == [0, 3, 8]
    assert found.trace[0].layers.tobytes() == found.layers.tobytes()
    for part in found.trace[1:]:
        model = network()
        history = run(model, model.examples(X, Y), TrainingOptions(epochs=part.epoch, **options))
        assert diagnose(model, X, Y, **options).layers.tobytes() == part.layers.tobytes()
    assert found.history.ended.epoch == 8
    assert found.history.last_loss == history.last_loss
    assert repr(found).splitlines()[-3:] == ["epoch 0: healthy", "epoch 3: healthy", "epoch 8: healthy"]


def test_a_trace_without_the_start_begins_where_it_is_told():
    found = diagnose(network(), X, Y, trace=[2], n_jacobians=3, histograms=4)
    assert [part.epoch for part in found.trace] == [2]
    assert found.epoch == 0
    assert len(found.trace[0].jacobians) == 3
    assert set(found.trace[0].histograms) == {"preactivation", "activation", "gradient"}
    assert found.layers.tobytes() != found.trace[0].layers.tobytes()


def test_a_trace_shows_when_a_training_goes_wrong():
    model = MLP([2, 4, 1], seed=1, loss="squared_error")
    found = diagnose(model, X, X[:, 0] + 5, trace=[0, 1, 5], learning_rate=10)
    assert [(part.verdict, part.layer) for part in found.trace] == [
        ("healthy", None),
        ("exploding", 2),
        ("exploding", 1),
    ]
    assert found.verdict == "healthy"
    assert found.history.ended.symptom == "loss grew"
    assert repr(found).endswith("epoch 5: exploding from layer 1")


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_a_trace_ends_where_its_training_does(optimizer):
    rates = {} if optimizer == "lbfgs" else {"learning_rate": 1e200}
    found = diagnose(network(loss="squared_error"), X, X[:, 0], trace=[0, 1, 10**6], optimizer=optimizer, **rates)
    assert found.history.ended.how in ("diverged", "converged", "stopped")
    assert len(found.trace) < 3


def test_a_trace_of_the_start_alone_trains_nothing():
    found = diagnose(network(), X, Y, trace=[0])
    assert len(found.history.losses) == 0
    assert len(found.trace) == 1
