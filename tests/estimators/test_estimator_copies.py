"""Copies and pickles of estimators, and assignments to their layers."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from pairs import X, y
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from fastmlp import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def model(**options):
    return MLPClassifier(**{"hidden_layer_sizes": (6, 3), "random_state": 0, "max_iter": 5, **options})


def through_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "pickle, protocol 2": lambda estimator: pickle.loads(pickle.dumps(estimator, protocol=2)),
    "joblib": through_joblib,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_copies_are_equal_and_independent(solver, how):
    ours = model(solver=solver, warm_start=True).fit(X, y)
    before = ours.predict_proba(X)
    other = COPIES[how](ours)
    np.testing.assert_array_equal(other.predict_proba(X), before)
    assert other.get_params() == ours.get_params()
    assert vars(other).keys() == vars(ours).keys()
    one, two = ours.fit(X, y), other.fit(X, y)  # from the same state, each on its own
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert one.loss_curve_ == two.loss_curve_
    assert len(one.loss_curve_) == one.n_iter_ + 5
    one.coefs_[0][:] = 0
    assert two.coefs_[0].any()


@pytest.mark.parametrize("how", [*COPIES, "copy"])
def test_copies_of_what_is_not_fitted_are_not_fitted(how):
    other = (copy.copy if how == "copy" else COPIES[how])(model())
    with pytest.raises(NotFittedError):
        check_is_fitted(other)
    np.testing.assert_array_equal(other.fit(X, y).coefs_[0], model().fit(X, y).coefs_[0])


def test_a_shallow_copy_shares_the_layers_until_it_is_fitted():
    ours = model().fit(X, y)
    other = copy.copy(ours)
    other.coefs_[0][0, 0] = 7.0
    assert ours.coefs_[0][0, 0] == 7.0
    other.fit(X, y)
    assert ours.coefs_[0][0, 0] == 7.0
    assert other.coefs_[0][0, 0] != 7.0


def test_a_clone_is_not_fitted():
    cloned = clone(model().fit(X, y))
    assert not hasattr(cloned, "coefs_")
    with pytest.raises(NotFittedError):
        cloned.predict(X)


def test_layers_can_be_assigned():
    ours, other = model().fit(X, y), model(random_state=1).fit(X, y)
    ours.coefs_, ours.intercepts_ = other.coefs_, other.intercepts_
    np.testing.assert_array_equal(ours.predict_proba(X), other.predict_proba(X))
    ours.coefs_[1] = np.zeros((6, 3))
    assert not ours.coefs_[1].any()
    ours.coefs_[-1] = [[1, 2, 3]] * 3
    np.testing.assert_array_equal(ours.coefs_[2], [[1.0, 2, 3]] * 3)
    ours.coefs_[2] *= 2
    ours.intercepts_[0][1] = 5
    assert (ours.coefs_[2][0, 1], ours.intercepts_[0][1]) == (4, 5)
    assert other.intercepts_[0][1] != 5


def test_an_assignment_copies_and_training_goes_on_from_it():
    ours = model(max_iter=1, warm_start=True).fit(X, y)
    given = [np.full(W.shape, 0.1) for W in ours.coefs_]
    ours.coefs_ = given
    ours.partial_fit(X, y)
    assert (given[0] == 0.1).all()
    assert abs(ours.coefs_[0] - 0.1).max() < 0.01


WRONG = {
    "another shape": lambda W: [W[0][..., :-1], *W[1:]],
    "too few": lambda W: W[:-1],
    "too many": lambda W: [*W, W[0]],
    "a number": lambda W: [*W[:-1], 3.0],
    "a text in the last": lambda W: [np.zeros_like(W[0]), W[1], np.full(W[2].shape, "a")],
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_wrong_layers_are_refused_and_change_nothing(name, kind):
    ours = model(hidden_layer_sizes=(4, 5)).fit(X, y)
    before = [array.copy() for array in getattr(ours, name)]
    wrong = WRONG[kind](list(getattr(ours, name)))
    message = rf"^{name} must hold arrays of shapes|^{name}\[2\] must be an array of real numbers, got str 'a'"
    with pytest.raises((TypeError, ValueError), match=message):
        setattr(ours, name, wrong)
    for array, expected in zip(getattr(ours, name), before, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_layers_that_are_no_sequence_are_refused_by_name():
    ours = model().fit(X, y)
    with pytest.raises(ValueError, match=r"^coefs_ must be a sequence; "):
        ours.coefs_ = None


def test_a_wrong_layer_is_refused():
    ours = model().fit(X, y)
    with pytest.raises(TypeError, match=r"^intercepts_\[1\] must be an array of real numbers, got None$"):
        ours.intercepts_[1] = None
    with pytest.raises(ValueError, match=r"^coefs_\[0\] must have shape \(4, 6\), got \(6, 4\)$"):
        ours.coefs_[0] = np.zeros((6, 4))
    with pytest.raises(IndexError):
        ours.coefs_[3] = np.zeros((6, 4))
    with pytest.raises(TypeError, match="one by one"):
        ours.coefs_[:2] = [1, 2]


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_there_are_no_layers_before_a_fit(make):
    ours = make()
    for name in ("coefs_", "intercepts_"):
        assert not hasattr(ours, name)
        with pytest.raises(AttributeError, match="once it is fitted"):
            setattr(ours, name, [])


def test_layers_that_are_not_finite_are_named():
    ours = model().fit(X, y)
    ours.coefs_[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="parameters must be finite"):
        ours.predict(X)
    with pytest.raises(ValueError, match="parameters must be finite"):
        ours.partial_fit(X, y)
    assert np.isfinite(ours.fit(X, y).coefs_[0]).all()
