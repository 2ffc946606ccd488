"""The estimators inside scikit-learn's meta-estimators and tools: what scikit-learn's own give there."""

import joblib
import numpy as np
import pytest
from pairs import LABELS, X_REGRESSION, X, assert_same, is_since, pair, results, y, y_REGRESSION
from sklearn import ensemble, feature_selection, inspection, metrics, model_selection, multiclass, multioutput
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

GRID = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(3,), (6,)]}
FOLDS = model_selection.KFold(3, shuffle=True, random_state=0)
BINARY = y > 0
UNKNOWN = np.where(np.arange(len(y)) % 3 == 0, y, -1)


def searched(search):
    found = search.cv_results_
    return [found["mean_test_score"], found["params"], search.best_params_, search.predict_proba(X)]


def probabilities(model):
    return model.predict_proba(X)


CLASSIFIERS = {
    "Pipeline": lambda m: probabilities(make_pipeline(StandardScaler(), m).fit(X, LABELS)),
    "GridSearchCV": lambda m: searched(model_selection.GridSearchCV(m, GRID, cv=3).fit(X, LABELS)),
    "HalvingGridSearchCV": lambda m: searched(
        model_selection.HalvingGridSearchCV(m, GRID, cv=3, random_state=0).fit(X, LABELS)
    ),
    "cross_val_score": lambda m: model_selection.cross_val_score(m, X, LABELS, cv=3),
    "cross_val_predict": lambda m: model_selection.cross_val_predict(m, X, y, cv=FOLDS, method="predict_proba"),
    "validation_curve": lambda m: model_selection.validation_curve(
        m, X, y, param_name="alpha", param_range=[0, 10.0], cv=FOLDS
    ),
    "learning_curve": lambda m: model_selection.learning_curve(m, X, y, cv=FOLDS, train_sizes=[50, 100])[1],
    "CalibratedClassifierCV": lambda m: probabilities(CalibratedClassifierCV(m, cv=3).fit(X, LABELS)),
    "BaggingClassifier": lambda m: probabilities(
        ensemble.BaggingClassifier(m, n_estimators=3, max_features=2, random_state=0).fit(X, LABELS)
    ),
    "VotingClassifier": lambda m: probabilities(
        ensemble.VotingClassifier([("one", m), ("other", clone(m).set_params(random_state=1))], voting="soft").fit(
            X, LABELS
        )
    ),
    "StackingClassifier": lambda m: probabilities(
        ensemble.StackingClassifier([("mlp", m), ("linear", LogisticRegression())], cv=3).fit(X, LABELS)
    ),
    "OneVsRestClassifier": lambda m: probabilities(multiclass.OneVsRestClassifier(m).fit(X, y)),
    "OneVsOneClassifier": lambda m: multiclass.OneVsOneClassifier(m).fit(X, y).predict(X),
    "MultiOutputClassifier": lambda m: multioutput.MultiOutputClassifier(m).fit(X, np.c_[y, y > 0]).predict(X),
    "ClassifierChain": lambda m: probabilities(
        multioutput.ClassifierChain(m, random_state=0).fit(X, np.c_[y > 1, y > 0])
    ),
    "SelfTrainingClassifier": lambda m: probabilities(SelfTrainingClassifier(m, threshold=0.4).fit(X, UNKNOWN)),
    "TunedThresholdClassifierCV": lambda m: (
        model_selection.TunedThresholdClassifierCV(m, cv=3).fit(X, BINARY).best_threshold_
    ),
    "SequentialFeatureSelector": lambda m: (
        feature_selection.SequentialFeatureSelector(m, n_features_to_select=2, cv=2).fit(X, y).get_support()
    ),
    "permutation_importance": lambda m: (
        inspection.permutation_importance(m.fit(X, y), X, y, random_state=0).importances
    ),
    "partial_dependence": lambda m: inspection.partial_dependence(m.fit(X, y), X, [2], grid_resolution=5)["average"],
    "DecisionBoundaryDisplay": lambda m: (
        inspection.DecisionBoundaryDisplay.from_estimator(m.fit(X[:, :2], BINARY), X[:, :2], grid_resolution=9).response
    ),
    "RocCurveDisplay": lambda m: metrics.RocCurveDisplay.from_estimator(m.fit(X, BINARY), X, BINARY).roc_auc,
}
WEIGHTED = {
    "AdaBoostClassifier": lambda m: probabilities(
        ensemble.AdaBoostClassifier(m, n_estimators=3, random_state=0).fit(X, LABELS)
    ),
    "BaggingClassifier with weights": lambda m: probabilities(
        ensemble.BaggingClassifier(m, n_estimators=2, random_state=0).fit(X, y, sample_weight=1.0 + y)
    ),
    "CalibratedClassifierCV with weights": lambda m: probabilities(
        CalibratedClassifierCV(m, cv=3).fit(X, y, sample_weight=1.0 + y)
    ),
}
REGRESSORS = {
    "Pipeline": lambda m, X, y: make_pipeline(StandardScaler(), m).fit(X, y).predict(X),
    "GridSearchCV": lambda m, X, y: (
        model_selection.GridSearchCV(m, GRID, cv=3, scoring="neg_mean_absolute_error")
        .fit(X, y)
        .cv_results_["mean_test_score"]
    ),
    "BaggingRegressor": lambda m, X, y: (
        ensemble.BaggingRegressor(m, n_estimators=3, random_state=0).fit(X, y).predict(X)
    ),
    "VotingRegressor": lambda m, X, y: ensemble.VotingRegressor([("a", m), ("b", Ridge())]).fit(X, y).predict(X),
    "StackingRegressor": lambda m, X, y: ensemble.StackingRegressor([("a", m), ("b", Ridge())]).fit(X, y).predict(X),
    "MultiOutputRegressor": lambda m, X, y: multioutput.MultiOutputRegressor(m).fit(X, np.c_[y, -y]).predict(X),
    "RegressorChain": lambda m, X, y: multioutput.RegressorChain(m).fit(X, np.c_[y, -y]).predict(X),
    "TransformedTargetRegressor": lambda m, X, y: (
        TransformedTargetRegressor(m, transformer=StandardScaler()).fit(X, 9 * y + 5).predict(X)
    ),
    "partial_dependence": lambda m, X, y: inspection.partial_dependence(m.fit(X, y), X, [0], grid_resolution=5)[
        "average"
    ],
}


@pytest.mark.parametrize("tool", [*CLASSIFIERS, *WEIGHTED])
def test_classifiers_give_the_same(tool):
    if tool in WEIGHTED and not is_since("1.7"):
        pytest.skip("scikit-learn's networks take weights from 1.7 on")
    function = {**CLASSIFIERS, **WEIGHTED}[tool]
    assert_same(*results(function, pair("MLPClassifier")))


@pytest.mark.parametrize("tool", REGRESSORS)
def test_regressors_give_the_same(tool):
    assert_same(*results(lambda model: REGRESSORS[tool](model, X_REGRESSION, y_REGRESSION), pair("MLPRegressor")))


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parallel_searches_give_the_same_as_serial_ones(backend, early_stopping):
    ours, _ = pair("MLPClassifier", early_stopping=early_stopping)
    serial = model_selection.GridSearchCV(ours, GRID, cv=3).fit(X, LABELS)
    with joblib.parallel_config(backend, n_jobs=2):
        parallel = model_selection.GridSearchCV(ours, GRID, cv=3).fit(X, LABELS)
    np.testing.assert_array_equal(parallel.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(parallel.predict_proba(X), serial.predict_proba(X))
