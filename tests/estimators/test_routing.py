"""Metadata that meta-estimators pass on, frames with names of features, and how an estimator shows itself."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from pairs import X, assert_same, is_since, outcome, pair, results, y
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from fastmlp import MLPClassifier, MLPRegressor

WEIGHTS = 1.0 + y
HELD_OUT = (X[::3] + 0.1, y[::3])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def model(**options):
    return pair("MLPClassifier", **options)[0]


@pytest.mark.usefixtures("_routing")
def test_weights_and_validation_data_arrive_through_a_pipeline():
    inner = model().set_fit_request(sample_weight=True, validation_data=True)
    outer = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), inner)
    outer.fit(X, y, sample_weight=WEIGHTS, validation_data=HELD_OUT)
    expected = model().fit(StandardScaler().fit_transform(X), y, WEIGHTS, validation_data=HELD_OUT)
    np.testing.assert_array_equal(outer[-1].loss_curve_, expected.loss_curve_)
    assert outer[-1].validation_scores_ == expected.validation_scores_
    assert len(expected.validation_scores_) == 8


@pytest.mark.usefixtures("_routing")
def test_weights_and_validation_data_arrive_through_a_search():
    inner = model().set_fit_request(sample_weight=True, validation_data=True).set_score_request(sample_weight=True)
    search = GridSearchCV(inner, {"alpha": [1e-4, 1.0]}, cv=3)
    search.fit(X, y, sample_weight=WEIGHTS, validation_data=HELD_OUT)
    best = model(**search.best_params_).fit(X, y, WEIGHTS, validation_data=HELD_OUT)
    assert search.best_estimator_.validation_scores_ == best.validation_scores_
    np.testing.assert_array_equal(search.predict_proba(X), best.predict_proba(X))


@pytest.mark.usefixtures("_routing")
def test_routed_weights_give_what_they_give_in_scikit_learn():
    if not is_since("1.7"):
        pytest.skip("scikit-learn's networks take weights from 1.7 on")

    def scores(model):
        inner = model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        found = cross_validate(inner, X, y, cv=3, params={"sample_weight": WEIGHTS}, return_estimator=True)
        return found["test_score"], [one.loss_curve_ for one in found["estimator"]]

    assert_same(*results(scores, pair("MLPClassifier")))


@pytest.mark.usefixtures("_routing")
def test_metadata_that_nobody_asked_for_is_refused():
    with pytest.raises(ValueError, match="validation_data"):
        make_pipeline(StandardScaler(), model()).fit(X, y, validation_data=HELD_OUT)


def frame_of(library, X):
    names = ["a", "b", "c", "d"]
    return pd.DataFrame(X, columns=names) if library == "pandas" else pl.DataFrame(X, schema=names)


def check_names(ours, theirs, expected):
    """scikit-learn before 1.9 does not know the names of present polars."""
    names = getattr(theirs, "feature_names_in_", None)
    np.testing.assert_array_equal(getattr(ours, "feature_names_in_", None), names)
    if is_since("1.9"):
        assert list(names) == expected


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_frames_are_taken_by_name(name, early_stopping, library):
    """With early stopping there is no warning per epoch about names that are missing."""
    frame, answers, models = frame_of(library, X), [], pair(name, early_stopping=early_stopping)
    for one in models:
        fitted, warned = outcome(one.fit, frame, y)
        others = [outcome(fitted.predict, given) for given in (frame, X, frame[["b", "a", "c", "d"]])]
        texts = [(answer if isinstance(answer, np.ndarray) else answer[1], said) for answer, said in others]
        answers.append([warned, *texts])
    check_names(*models, ["a", "b", "c", "d"])
    assert_same(*answers)
    assert len(answers[0][0]) == 1  # it has not converged


@pytest.mark.parametrize("frames", ["pandas", "polars"])
def test_set_output_of_a_pipeline_passes_names_on(frames):
    ours, theirs = pair("MLPClassifier", early_stopping=True)
    for one in (ours, theirs):
        make_pipeline(StandardScaler(), one).set_output(transform=frames).fit(X, y)
    check_names(ours, theirs, ["x0", "x1", "x2", "x3"])
    assert_same(outcome(ours.predict, X), outcome(theirs.predict, X))


def test_a_frame_as_validation_data_is_taken_by_name():
    frame = load_iris(as_frame=True).data
    fitted, warned = outcome(model().fit, frame, y, validation_data=(frame, y))
    assert len(fitted.validation_scores_) == 8
    assert not [text for _, text in warned if "names" in text]
    with pytest.raises(ValueError, match=r"validation_data: .*feature names"):
        model().fit(frame, y, validation_data=(frame.add_prefix("x"), y))


def test_the_html_shows_parameters_and_state():
    estimator = model(alpha=0.25)
    shown = estimator_html_repr(make_pipeline(StandardScaler(), estimator))
    for text in ("MLPClassifier", "StandardScaler", "alpha", "0.25"):
        assert text in shown
    assert "Not fitted" in estimator._repr_html_()
    assert "Not fitted" not in estimator.fit(X, y)._repr_html_()


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_the_text_shows_what_differs_from_the_defaults(make):
    assert repr(make(alpha=0.25, hidden_layer_sizes=(3,))) == f"{make.__name__}(alpha=0.25, hidden_layer_sizes=(3,))"


def test_clones_have_the_arguments_and_nothing_else():
    fitted = model(alpha=0.25).fit(X, y)
    cloned = clone(fitted)
    assert cloned.get_params() == fitted.get_params()
    assert set(vars(cloned)) == set(cloned.get_params())
