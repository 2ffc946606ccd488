"""The estimators beside scikit-learn's: the same draws, losses, coefficients, ends and predictions."""

import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse
from pairs import is_since
from sklearn import neural_network
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.preprocessing import scale

from fastmlp import estimators

CLASSES = {"regression": "MLPRegressor", "multi-output": "MLPRegressor", "counts": "MLPRegressor"}
IRIS = (scale(load_iris().data), load_iris().target)


def named(names, numbers):
    """Labels that are texts where scikit-learn takes these with early stopping."""
    return np.array(names)[numbers] if is_since("1.9") else numbers


def data_of(kind):
    if kind == "binary":
        return IRIS[0][:100], named(["no", "yes"], (IRIS[1][:100] + np.arange(100) // 45) % 2)
    if kind == "multiclass":
        return IRIS[0], named(["a", "b", "c"], IRIS[1])
    if kind == "multilabel":
        X, y = make_multilabel_classification(90, 6, n_classes=4, random_state=1)
        return scale(X), y
    if kind == "regression":
        X, y = make_regression(110, 5, noise=5.0, random_state=2)
        return X, y / 50
    if kind == "multi-output":
        X, y = make_regression(110, 5, n_targets=3, noise=5.0, random_state=2)
        return X, y / 50
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (100, 3))
    return X, rng.poisson(np.exp(X[:, 0] + 0.5)).astype(float)


KINDS = ["binary", "multiclass", "multilabel", "regression", "multi-output"]
KINDS += ["counts"] if is_since("1.7") else []  # of scikit-learn's networks
SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.01},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.01},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.02, "power_t": 0.3},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 2,
                 "learning_rate_init": 0.02},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "lbfgs": {"solver": "lbfgs"},
}  # fmt: skip


def both(kind, sample_weight=None, data=None, rounds=1, **options):
    """Our model and scikit-learn's, fitted alike."""
    X, y = data_of(kind) if data is None else data
    options = {"hidden_layer_sizes": (8, 5), "random_state": 3, "max_iter": 60, **options}
    if kind == "counts":
        options["loss"] = "poisson"
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    models = []
    for library in (estimators, neural_network):
        model = getattr(library, CLASSES.get(kind, "MLPClassifier"))(**options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            for _ in range(rounds):
                model.fit(X, y, **weights)
        models.append(model)
    return models


def assert_same(ours, theirs, X, rtol=1e-6):
    """The same attributes: the first losses nearly to the last digit, all of them to ``rtol``."""
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert (ours.n_layers_, ours.n_outputs_) == (theirs.n_layers_, theirs.n_outputs_)
    assert ours.out_activation_ == theirs.out_activation_
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-4)
    if hasattr(theirs, "loss_curve_"):
        np.testing.assert_allclose(ours.loss_curve_[:5], theirs.loss_curve_[:5], rtol=1e-9)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
        for name in ("best_loss_", "best_validation_score_", "validation_scores_"):
            assert_close(getattr(ours, name), getattr(theirs, name))
    for mine, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert mine.shape == other.shape
        np.testing.assert_allclose(mine, other, rtol=0, atol=rtol * max(1, np.abs(other).max()))
    if hasattr(theirs, "classes_"):
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=rtol)
    else:
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=rtol * 10)


def assert_close(mine, other):
    if other is None:
        assert mine is None
    else:
        np.testing.assert_allclose(mine, other, rtol=1e-4)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_losses_coefficients_and_ends_agree(kind, solver, activation):
    X, _ = data_of(kind)
    max_iter = {"lbfgs": 12}.get(solver, 60)
    for batch_size in ["auto"] if solver == "lbfgs" else [32, "auto"]:
        options = {**SOLVERS[solver], "batch_size": batch_size, "activation": activation, "max_iter": max_iter}
        assert_same(*both(kind, **options), X)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_coefficients_agree_to_1e_8_after_3_epochs(kind, solver):
    ours, theirs = both(kind, **SOLVERS[solver], max_iter=3, batch_size=25)
    for mine, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-8)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["nesterov", "adaptive", "invscaling", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_stopping_and_warm_starts_agree(kind, solver, early_stopping):
    X, _ = data_of(kind)
    options = {"tol": 0.01, "n_iter_no_change": 4, **SOLVERS[solver], "max_iter": 25, "batch_size": 16}
    assert_same(*both(kind, early_stopping=early_stopping, **options), X)
    ours, theirs = both(
        kind, early_stopping=early_stopping, warm_start=True, rounds=2 if early_stopping else 3, **options
    )
    if not early_stopping or solver == "lbfgs":
        assert_same(ours, theirs, X, rtol=1e-5)
        return
    for name in ("n_iter_", "t_", "loss_curve_", "validation_scores_", "best_validation_score_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6)


def test_a_warm_start_without_a_better_score_keeps_the_best_parameters():
    """scikit-learn changes the parameters that it keeps as the best ones, and so ends with the last ones."""
    X, y = data_of("regression")
    options = {"early_stopping": True, "warm_start": True, "random_state": 0, "max_iter": 400, "tol": 0.01}
    model = estimators.MLPRegressor(learning_rate_init=0.01, **options).fit(X, y)
    best = [array.copy() for array in model.coefs_]
    scores = list(model.validation_scores_)
    model.set_params(learning_rate_init=10.0).fit(X, y)
    assert max(model.validation_scores_[len(scores) :]) < max(scores)
    for array, expected in zip(model.coefs_, best, strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["nesterov", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(not is_since("1.7"), reason="scikit-learn's networks take weights from 1.7 on")
def test_weights_agree(kind, solver, early_stopping):
    X, _ = data_of(kind)
    weights = np.random.default_rng(0).uniform(0, 3, len(X))
    assert_same(*both(kind, weights, **SOLVERS[solver], early_stopping=early_stopping, max_iter=15, alpha=0.5), X, 1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shuffle", [False, True])
def test_unusual_arguments_agree(momentum, shuffle):
    X, _ = data_of("regression")
    options = {"solver": "sgd", "momentum": momentum, "shuffle": shuffle, "batch_size": 7, "alpha": 0}
    assert_same(*both("regression", **options, learning_rate_init=1e-4, n_iter_no_change=np.inf, max_iter=12), X)


@pytest.mark.parametrize("form", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
@pytest.mark.parametrize("solver", ["nesterov", "adam", "lbfgs"])
def test_sparse_inputs_agree(form, solver):
    X, y = data_of("multiclass")
    X = np.where(X > 0.5, X, 0)
    ours, theirs = both("multiclass", **SOLVERS[solver], data=(form(X), y), max_iter=15, early_stopping=True)
    assert_same(ours, theirs, form(X))


def test_float32_stays_float32_and_agrees():
    X, y = data_of("multiclass")
    ours, theirs = both("multiclass", data=(X.astype(np.float32), y), max_iter=5)
    assert {array.dtype for array in ours.coefs_ + ours.intercepts_} == {np.dtype(np.float32)}
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-5)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "multi-output"])
@pytest.mark.parametrize("solver", ["nesterov", "adaptive", "invscaling", "adam"])
def test_partial_fits_agree(kind, solver):
    X, y = data_of(kind)
    options = {**SOLVERS[solver], "hidden_layer_sizes": (6,), "random_state": 5, "batch_size": 16}
    classes = {"multi-output": {}, "multilabel": {"classes": np.arange(4)}}.get(kind, {"classes": np.unique(y)})
    models = []
    for library in (estimators, neural_network):
        model = getattr(library, CLASSES.get(kind, "MLPClassifier"))(**options)
        for start in itertools.chain(range(0, 80, 20), range(0, 80, 40)):
            model.partial_fit(X[start : start + 30], y[start : start + 30], **classes)
        models.append(model)
    assert_same(*models, X)


@pytest.mark.parametrize("solver", ["nesterov", "adam"])
def test_partial_fits_after_a_fit_go_on_with_its_optimizer(solver):
    X, y = data_of("multiclass")
    models = both("multiclass", **SOLVERS[solver], max_iter=7)
    for model in models:
        model.partial_fit(X, y).partial_fit(X[:40], y[:40])
    assert_same(*models, X)


@pytest.mark.parametrize("calls", ["fit fit partial", "partial fit fit partial", "fit partial fit partial partial"])
@pytest.mark.parametrize("solver", ["nesterov", "invscaling", "adaptive", "adam"])
def test_warm_starts_and_partial_fits_in_turn_agree(solver, calls):
    X, y = data_of("regression")
    models = []
    for library in (estimators, neural_network):
        options = {**SOLVERS[solver], "hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 5, "warm_start": True}
        model = library.MLPRegressor(**options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for call in calls.split():
                (model.fit if call == "fit" else model.partial_fit)(X, y)
        models.append(model)
    assert_same(*models, X)


@pytest.mark.parametrize("batch_size", [20, 1000])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_shared_random_state_is_left_where_scikit_learn_leaves_it(batch_size, early_stopping):
    states = []
    for library in (estimators, neural_network):
        X, y = data_of("multiclass")
        rng = np.random.RandomState(4)
        model = library.MLPClassifier(
            random_state=rng, batch_size=batch_size, early_stopping=early_stopping, tol=0.02, n_iter_no_change=3,
            hidden_layer_sizes=4, learning_rate_init=0.02,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first = model.fit(X, y).n_iter_
            second = model.fit(X, y).n_iter_
        states.append((first, second, rng.randint(10**9)))
    assert states[0] == states[1]


def test_numpy_s_global_random_state_is_drawn_from_as_scikit_learn_does():
    X, y = data_of("regression")
    found = []
    for library in (estimators, neural_network):
        np.random.seed(12)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = library.MLPRegressor(max_iter=3, hidden_layer_sizes=3, batch_size=50).fit(X, y)
        found.append((model.loss_, np.random.randint(10**9)))
    assert found[0][1] == found[1][1]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-9)
