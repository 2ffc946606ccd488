"""Weights of examples and of classes, where they meet other options."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer, make_scorer, max_error, r2_score
from sklearn.preprocessing import scale

from fastmlp import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
X = scale(X)
VALUES = X[:, 0] - X[:, 2] ** 2
SMALL = {"hidden_layer_sizes": (6, 4), "random_state": 0, "max_iter": 20, "learning_rate_init": 0.01}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def scaled():
    return MLPRegressor(target_scaling="standard", **SMALL)


def test_targets_of_weight_zero_do_not_scale_the_others():
    weights, targets = np.r_[np.zeros(5), np.ones(len(X) - 5)], VALUES.copy()
    targets[:5] = 1e9
    weighted, without = scaled().fit(X, targets, weights), scaled().fit(X[5:], targets[5:])
    for name in ("target_mean_", "target_scale_"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(without, name), rtol=1e-12)


def test_weights_scale_targets_as_repeated_examples_do():
    weights = 1 + np.arange(len(X)) % 3
    weighted = scaled().fit(X, VALUES, weights)
    repeated = scaled().fit(np.repeat(X, weights, axis=0), np.repeat(VALUES, weights))
    for name in ("target_mean_", "target_scale_"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-12)


def test_targets_that_are_equal_but_for_rounding_have_the_scale_1():
    model = scaled().fit(X, np.full(len(X), 0.1))
    assert model.target_scale_ == 1
    assert model.target_mean_ == pytest.approx(0.1)


def test_targets_whose_variance_overflows_cannot_be_scaled():
    model = scaled()
    with pytest.raises(ValueError, match="y must have a finite variance to be scaled, but its squares overflow"):
        model.fit(X, VALUES * 1e200)
    assert not hasattr(model, "target_scale_")


@pytest.mark.parametrize("rows", [Y > 0, Y == 2], ids=["without a class", "one class only"])
def test_weights_of_classes_hold_where_a_batch_lacks_a_class(rows):
    weighted, by_hand = MLPClassifier(class_weight={0: 3.0, 2: 0.5}, **SMALL), MLPClassifier(**SMALL)
    of_class = np.array([3.0, 1.0, 0.5])
    for of_batch in (np.ones(len(Y), bool), rows):
        weighted.partial_fit(X[of_batch], Y[of_batch], classes=[0, 1, 2])
        by_hand.partial_fit(X[of_batch], Y[of_batch], of_class[Y[of_batch]], classes=[0, 1, 2])
    np.testing.assert_array_equal(weighted.predict_proba(X), by_hand.predict_proba(X))
    with pytest.raises(ValueError, match="are not in class_weight"):
        MLPClassifier(class_weight={"no class": 2.0}, **SMALL).fit(X, Y)


def own(estimator, X, y):
    return estimator.score(X, y)


def own_weighted(estimator, X, y, sample_weight=None):
    return estimator.score(X, y, sample_weight)


@pytest.mark.parametrize("scoring", ["neg_max_error", make_scorer(max_error, greater_is_better=False), own])
def test_scores_that_take_no_weights_are_computed_without(scoring):
    weights = np.arange(len(X))
    model = MLPRegressor(early_stopping=True, scoring=scoring, **SMALL)
    model.fit(X, VALUES, weights, validation_data=(X[::2], VALUES[::2], weights[::2]))
    assert model.best_validation_score_ == get_scorer(scoring)(model, X[::2], VALUES[::2])


@pytest.mark.parametrize("scoring", ["r2", make_scorer(r2_score), own_weighted, None])
def test_scores_that_take_weights_are_weighted(scoring):
    weights = np.arange(len(X))
    model = MLPRegressor(early_stopping=True, scoring=scoring, **SMALL)
    model.fit(X, VALUES, weights, validation_data=(X[::2], VALUES[::2], weights[::2]))
    weighted = own_weighted(model, X[::2], VALUES[::2], weights[::2])
    assert model.best_validation_score_ == pytest.approx(weighted, rel=1e-12)
    assert weighted != pytest.approx(own(model, X[::2], VALUES[::2]), rel=1e-3)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({0: -1.0, 1: 1.0, 2: 1.0}, r"class_weight must hold finite numbers of at least 0, got -1\.0 for class 0"),
        ({0: 1.0, 1: np.nan, 2: 1.0}, "class_weight must hold finite numbers of at least 0, got nan for class 1"),
        ({0: 1.0, 1: 1.0, 2: np.inf}, "got inf for class 2"),
        ({0: 1.0, 1: 1.0, 2: "2"}, "got '2' for class 2"),
        ({0: 0.0, 1: 0, 2: 0.0}, "class_weight must give a weight over 0 to a class of y"),
    ],
)
def test_class_weights_are_refused_by_their_own_name(weights, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(class_weight=weights, **SMALL).fit(X, Y)
