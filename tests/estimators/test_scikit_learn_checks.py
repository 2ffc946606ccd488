"""scikit-learn's checks of estimators."""

import warnings

import pytest
from sklearn import neural_network
from sklearn.utils._test_common.instance_generator import _get_expected_failed_checks
from sklearn.utils.estimator_checks import check_estimator

import fastmlp

NEEDED = {  # by checks that are skipped
    "check_array_api_input": "SCIPY_ARRAY_API",
    "check_classifiers_multilabel_output_format_decision_function": "a decision_function",
}


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_check_estimator_passes(name, solver):
    """With the expected failures of scikit-learn's own class, and no others."""
    expected = _get_expected_failed_checks(getattr(neural_network, name)())
    learning_rate = 0.05 if solver == "sgd" else 0.001  # the checks want a good fit after max_iter epochs
    model = getattr(fastmlp, name)(solver=solver, max_iter=100, learning_rate_init=learning_rate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(model, expected_failed_checks=expected, on_skip=None, on_fail="raise")
    assert len(found) > 50
    assert {check["check_name"] for check in found if check["status"] == "skipped"} <= set(NEEDED)
    assert {check["check_name"] for check in found if check["status"] == "xfail"} == set(expected)
