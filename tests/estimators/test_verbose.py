"""What a verbose fit prints: scikit-learn's lines, or a bar."""

import re
import warnings

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

import fastmlp

X, y = scale(load_iris().data), load_iris().target
RULES = {
    "none": {"max_iter": 4},
    "constant": {"solver": "sgd", "tol": 0.01, "n_iter_no_change": 2},
    "adam": {"solver": "adam", "tol": 1.0, "n_iter_no_change": 3},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "tol": 1, "n_iter_no_change": 1},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
}
SCORED = {f"{name}, early stopping": {**options, "early_stopping": True} for name, options in RULES.items()}


def printed(library, name, calls, capsys, **options):
    model = getattr(library, name)(random_state=0, hidden_layer_sizes=5, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        for call in calls:
            classes = {"classes": [0, 1, 2]} if (name, call) == ("MLPClassifier", "partial_fit") else {}
            getattr(model, call)(X, y, **classes)
    return capsys.readouterr().out


def assert_same_lines(ours, theirs):
    """The same text and numbers, the last digit of which may be rounded otherwise."""
    (text, numbers), (expected, expected_numbers) = (
        (re.sub(r"\d+\.\d+", "number", lines), [float(number) for number in re.findall(r"\d+\.\d+", lines)])
        for lines in (ours, theirs)
    )
    assert text == expected
    np.testing.assert_allclose(numbers, expected_numbers, rtol=0, atol=2e-8)


@pytest.mark.parametrize("calls", [["fit"], ["fit", "fit"], ["partial_fit"] * 5, ["fit", "partial_fit"]], ids="+".join)
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("rule", [*RULES, *SCORED])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_lines_are_scikit_learn_s(name, rule, warm_start, calls, capsys):
    options = {**RULES, **SCORED}[rule] | {"warm_start": warm_start, "verbose": True}
    if "partial_fit" in calls:
        options.pop("early_stopping", None)  # refused there
    lines = printed(fastmlp, name, calls, capsys, **options)
    assert_same_lines(lines, printed(neural_network, name, calls, capsys, **options))
    assert lines.startswith("Iteration 1, loss = ")
    if calls[0] == "fit":
        assert ("Stopping." in lines) == (not rule.startswith("none"))


@pytest.mark.parametrize("verbose", [0, False, 1, 10])
def test_every_number_but_0_prints_the_same(verbose, capsys):
    lines = printed(fastmlp, "MLPClassifier", ["fit"], capsys, verbose=verbose, **RULES["constant"])
    theirs = printed(neural_network, "MLPClassifier", ["fit"], capsys, verbose=verbose, **RULES["constant"])
    assert_same_lines(lines, theirs)
    assert bool(lines) == bool(verbose)


def test_l_bfgs_prints_its_steps(capsys):
    """scikit-learn leaves that to SciPy, which prints nothing from 1.15 on."""
    lines = printed(fastmlp, "MLPClassifier", ["fit"], capsys, solver="lbfgs", max_iter=3, verbose=True).splitlines()
    assert [re.sub(r"[\d.]+$", "", line) for line in lines] == [f"Iteration {i}, loss = " for i in (1, 2, 3)]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(("options", "counts"), [({"max_iter": 4}, "4/4"), (RULES["adam"], "5/5")])
def test_a_bar_counts_epochs_and_shows_loss_and_score(options, counts, early_stopping, capsys):
    model = fastmlp.MLPClassifier(
        hidden_layer_sizes=5, random_state=0, verbose="bar", early_stopping=early_stopping, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    out, err = capsys.readouterr()
    last = err.split("\r")[-1]
    assert not out
    assert "100%" in last
    assert counts in last
    assert f"loss={model.loss_:.4g}" in last
    if early_stopping:
        assert f"score={model.validation_scores_[-1]:.4g}" in last
    else:
        assert "score" not in last


def test_a_bar_shows_the_score_of_given_validation_data(capsys):
    model = fastmlp.MLPClassifier(hidden_layer_sizes=5, random_state=0, verbose="bar", max_iter=3, tol=0)
    with pytest.warns(UserWarning, match="hasn't converged yet"):
        model.fit(X, y, validation_data=(X, y))
    assert f"score={model.validation_scores_[-1]:.4g}" in capsys.readouterr().err.split("\r")[-1]


def test_a_bar_closes_where_the_fit_fails(capsys):
    model = fastmlp.MLPRegressor(solver="sgd", learning_rate_init=1e5, verbose="bar", random_state=0)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, 1e3 * X[:, 0])
    assert "/200" in capsys.readouterr().err.split("\r")[-1]
