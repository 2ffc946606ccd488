"""Fitted estimators cross over to scikit-learn and back, and predict and train on there."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from fastmlp import SGD, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:lbfgs failed")
HAS_LOSS = "loss" in neural_network.MLPRegressor().get_params()  # from scikit-learn 1.7 on
ATTRIBUTES = ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "loss_")


def data(dtype="float64"):
    return np.random.default_rng(0).standard_normal((60, 4)).astype(dtype)


LABELS = {
    "two": lambda X: np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)],
    "three": lambda X: np.arange(len(X)) % 3,
    "several": lambda X: (X[:, :2] > 0).astype(int),
}
KINDS = [*LABELS, "one value", "two values"]


def fitted(kind, package, dtype="float64", **arguments):
    X = data(dtype)
    arguments = {"hidden_layer_sizes": (8, 5), "max_iter": 6, "random_state": 0, **arguments}
    if kind in LABELS:
        return package[0](**arguments).fit(X, LABELS[kind](X)), X, LABELS[kind](X)
    y = X[:, 0] if kind == "one value" else X[:, :2]
    return package[1](**arguments).fit(X, y), X, y


THEIRS = neural_network.MLPClassifier, neural_network.MLPRegressor
OURS = MLPClassifier, MLPRegressor


def assert_alike(one, other, X, y):
    rtol = 1e-10 if one.coefs_[0].dtype == np.float64 else 1e-4
    if hasattr(one, "predict_proba"):
        np.testing.assert_array_equal(one.predict(X), other.predict(X))
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=rtol)
    else:
        np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=rtol, atol=rtol)
    assert one.score(X, y) == pytest.approx(other.score(X, y), rel=rtol)
    for a, b in zip([*one.coefs_, *one.intercepts_], [*other.coefs_, *other.intercepts_], strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    for name in ATTRIBUTES:
        assert getattr(one, name) == getattr(other, name)
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_"):
        assert getattr(one, name, None) == getattr(other, name, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_theirs_becomes_ours(kind, activation, dtype):
    theirs, X, y = fitted(kind, THEIRS, dtype.name, activation=activation)
    ours = OURS[kind not in LABELS].from_sklearn(theirs)
    assert_alike(ours, theirs, X, y)
    assert ours.get_params().items() >= theirs.get_params().items()
    ours.coefs_[0][:] = 0
    assert theirs.coefs_[0].all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_ours_becomes_theirs(kind, activation, dtype):
    ours, X, y = fitted(kind, OURS, dtype.name, activation=activation)
    theirs = ours.to_sklearn()
    assert type(theirs) is THEIRS[kind not in LABELS]
    assert_alike(theirs, ours, X, y)
    assert_alike(pickle.loads(pickle.dumps(theirs)), ours, X, y)
    clone(theirs).fit(X, y)
    theirs.coefs_[0][:] = 0
    assert ours.coefs_[0].all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_both_train_on_alike(kind, solver):
    """After a first step the optimizers are equally new; plain gradient descent has nothing to remember."""
    start = {"solver": solver, "momentum": 0.0, "shuffle": False}
    ours, X, y = fitted(kind, OURS, **start)
    theirs = ours.to_sklearn()
    other = type(ours).from_sklearn(theirs)
    for model in (theirs, other):
        model.partial_fit(X, y)
    np.testing.assert_allclose(other.coefs_[0], theirs.coefs_[0], rtol=1e-9)
    assert other.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-9)
    assert (other.t_, other.n_iter_) == (theirs.t_, theirs.n_iter_)


@pytest.mark.parametrize("arguments", [{"solver": "lbfgs"}, {"early_stopping": True, "validation_fraction": 0.4}])
def test_other_fits_cross_over_and_fit_again(arguments):
    ours, X, y = fitted("three", OURS, warm_start=True, **arguments)
    theirs = ours.to_sklearn()
    assert_alike(theirs, ours, X, y)
    back = MLPClassifier.from_sklearn(theirs)
    assert_alike(back, ours, X, y)
    for model in (theirs, back):
        model.fit(X, y)
    np.testing.assert_allclose(back.loss_, theirs.loss_, rtol=1e-4)


@pytest.mark.skipif(not HAS_LOSS, reason=f"scikit-learn {sklearn.__version__} has no loss")
def test_rates_cross_over():
    X = data()
    theirs = neural_network.MLPRegressor(loss="poisson", max_iter=5, random_state=0).fit(X, abs(X[:, 0]))
    ours = MLPRegressor.from_sklearn(theirs)
    assert_alike(ours, theirs, X, abs(X[:, 0]))
    assert_alike(ours.to_sklearn(), ours, X, abs(X[:, 0]))


def test_what_scikit_learn_lacks_is_named():
    ours, X, y = fitted("three", OURS, dropout=0.1, class_weight="balanced", solver=SGD(), n_threads=1)
    with pytest.warns(UserWarning, match=r"^scikit-learn would train on without class_weight, dropout, solver$"):
        assert_alike(ours.to_sklearn(), ours, X, y)
    ours, _, _ = fitted("three", OURS, activation="gelu")
    with pytest.raises(ValueError, match=r"^activation must be one of identity, .* for scikit-learn, got 'gelu'$"):
        ours.to_sklearn()
    ours, _, _ = fitted("three", OURS, activation=["relu", "tanh"])
    with pytest.raises(ValueError, match=r"got \['relu', 'tanh'\]$"):
        ours.to_sklearn()
    ours, X, y = fitted("one value", OURS, loss="quantile", activation=["tanh", "tanh"])
    with pytest.warns(UserWarning, match=r"^scikit-learn would train on without loss$"):
        assert_alike(ours.to_sklearn(), ours, X, y)


def test_other_kinds_are_refused():
    theirs, _, _ = fitted("three", THEIRS)
    with pytest.raises(TypeError, match=r"^estimator must be a fitted sklearn MLPRegressor, got MLPClassifier\("):
        MLPRegressor.from_sklearn(theirs)
    with pytest.raises(TypeError, match="estimator must be a fitted sklearn MLPClassifier, got 3"):
        MLPClassifier.from_sklearn(3)
    with pytest.raises(NotFittedError):
        MLPClassifier.from_sklearn(neural_network.MLPClassifier())
    with pytest.raises(NotFittedError):
        MLPClassifier().to_sklearn()


def test_a_plain_model_crosses_without_a_warning():
    ours, _, _ = fitted("three", OURS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.to_sklearn()
