"""Trainings beside scikit-learn's MLP: the same draws, penalties, losses, rates and ends."""

import itertools
import warnings

import numpy as np
import pytest
from sklearn import neural_network

from fastmlp import MLP, SGD, Adam, Adaptive, Constant, InverseScaling
from fastmlp.training import CumulativeOrders

RNG = np.random.default_rng(5)
X = RNG.standard_normal((50, 3))
Y = X[:, 0] * X[:, 1] + 0.1 * RNG.standard_normal(50)
LABELS = (Y > 0).astype("int64")
WEIGHTS = RNG.uniform(0, 3, 50)
HIDDEN = (7, 4)
OPTIMIZERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0},
    "nesterov": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True},
    "momentum": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    "momentum 1": {"solver": "sgd", "momentum": 1.0, "nesterovs_momentum": False},
    "adam": {"solver": "adam"},
}
OURS = {
    "sgd": SGD(),
    "nesterov": SGD(momentum=0.9, nesterov=True),
    "momentum": SGD(momentum=0.9),
    "momentum 1": SGD(momentum=1.0),
    "adam": Adam(epsilon_hat=True),
}


def theirs(kind, seed=3, weights=None, **options):
    """A fitted MLP of scikit-learn's."""
    model = {"regression": neural_network.MLPRegressor, "classification": neural_network.MLPClassifier}[kind]
    defaults = {"hidden_layer_sizes": HIDDEN, "activation": "tanh", "random_state": seed}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        targets = Y if kind == "regression" else LABELS
        return model(**{**defaults, **options}).fit(X, targets, weights)


def ours(kind, optimizer, seed=3, weights=None, **options):
    """A model from the same draws, trained on the same orders, and its history."""
    rng, dims = np.random.RandomState(seed), (3, *HIDDEN, 1)
    model = MLP(dims, activation="tanh", loss="squared_error" if kind == "regression" else "log_loss")
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(dims)):
        bound = np.sqrt(6 / (fan_in + fan_out))
        model.weights[layer][:] = rng.uniform(-bound, bound, (fan_in, fan_out)).T
        model.biases[layer][:] = rng.uniform(-bound, bound, fan_out)
    defaults = {"penalty": "sum", "shuffle": CumulativeOrders(rng), "report_every": 1, "sample_weight": weights}
    targets = Y if kind == "regression" else LABELS
    return model, model.train(X, targets, optimizer=OURS[optimizer], **{**defaults, **options})


def assert_same(model, history, peer, rtol=1e-9):
    np.testing.assert_allclose(history.losses, peer.loss_curve_, rtol=rtol)
    for got, expected in zip(model.weights + model.biases, peer.coefs_ + peer.intercepts_, strict=True):
        np.testing.assert_allclose(got.T, expected, rtol=0, atol=rtol * 10 * np.abs(expected).max())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [20, 50])  # of 50: the last batch is short, or the only one
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_penalties_losses_and_parameters_are_scikit_learn_s(kind, optimizer, batch_size, weighted):
    weights = WEIGHTS if weighted else None
    peer = theirs(
        kind, weights=weights, alpha=1.0, batch_size=batch_size, max_iter=8, learning_rate_init=0.01,
        **OPTIMIZERS[optimizer],
    )  # fmt: skip
    options = {"l2": 1.0, "batch_size": batch_size, "epochs": 8, "learning_rate": 0.01}
    model, history = ours(kind, optimizer, weights=weights, **options)
    assert_same(model, history, peer)


def test_without_the_choice_the_penalty_is_that_of_the_mean():
    """The difference that the choice makes here: 20 of 50 examples and a penalty of 1."""
    model, _ = ours("regression", "adam", l2=1.0, batch_size=20, epochs=8, learning_rate=0.01, penalty="mean")
    peer = theirs("regression", alpha=1.0, batch_size=20, max_iter=8, learning_rate_init=0.01, solver="adam")
    assert max(abs(w.T - c).max() for w, c in zip(model.weights, peer.coefs_, strict=True)) > 0.01


@pytest.mark.parametrize(
    ("learning_rate", "schedule"),
    [
        ("constant", Constant(0.05)),
        ("invscaling", InverseScaling(0.05, by="examples")),
        ("adaptive", Adaptive(0.05, tol=0.02, n_iter_no_change=2)),
    ],
)
def test_rates_are_scikit_learn_s(learning_rate, schedule):
    peer = theirs(
        "classification", solver="sgd", learning_rate=learning_rate, learning_rate_init=0.05, momentum=0.0, alpha=0.01,
        batch_size=20, max_iter=40, tol=0.02, n_iter_no_change=2 if learning_rate == "adaptive" else 100,
    )  # fmt: skip
    options = {"l2": 0.01, "batch_size": 20, "epochs": len(peer.loss_curve_)}
    model, history = ours("classification", "sgd", learning_rate=schedule, **options)
    assert_same(model, history, peer, rtol=1e-8)
    if learning_rate == "adaptive":
        assert model.training_state.plateau.scale < 0.1


@pytest.mark.parametrize("optimizer", ["adam", "nesterov"])
@pytest.mark.parametrize("batch_size", [20, 50])
def test_a_training_ends_after_the_same_epoch(batch_size, optimizer):
    rule = {"tol": 0.005, "n_iter_no_change": 3}
    peer = theirs(
        "classification", alpha=0.1, batch_size=batch_size, max_iter=500, learning_rate_init=0.02, **rule,
        **OPTIMIZERS[optimizer],
    )  # fmt: skip
    assert 4 < peer.n_iter_ < 500
    options = {"l2": 0.1, "batch_size": batch_size, "learning_rate": 0.02, **rule}
    model, history = ours("classification", optimizer, epochs=500, **options)
    assert (history.ended.how, history.ended.epoch) == ("stopped", peer.n_iter_)
    assert_same(model, history, peer, rtol=1e-7)


def test_an_adaptive_training_ends_where_its_rate_is_too_small():
    peer = theirs(
        "classification", solver="sgd", learning_rate="adaptive", learning_rate_init=1e-4, momentum=0.0, alpha=0.01,
        batch_size=20, max_iter=500, tol=1.0,
    )  # fmt: skip
    options = {"l2": 0.01, "batch_size": 20, "epochs": 500}
    model, history = ours("classification", "sgd", learning_rate=Adaptive(1e-4, tol=1.0), **options)
    assert (history.ended.how, history.ended.epoch) == ("stopped", peer.n_iter_)
    assert "learning rate is too small" in history.ended.why
    assert_same(model, history, peer)


def test_lbfgs_minimizes_the_same_objective():
    peer = theirs("classification", solver="lbfgs", alpha=1.0, max_iter=2000, tol=1e-8)
    model, history = ours("classification", "adam", epochs=0)
    history = model.train(X, LABELS, epochs=2000, optimizer="lbfgs", l2=1.0, penalty="sum", report_every=1)
    assert history.losses[-1] == pytest.approx(peer.loss_, rel=1e-4)
