"""Arrays and labels of every kind: the same results as scikit-learn's, or the same error."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from pairs import LABELS, X, assert_same, is_since, outcome, pair, y

NAMES = ["a", "b", "c", "d"]
MANY = np.eye(3, dtype=int)[y]
SMALL = (X * 10).astype(int)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def with_value(value):
    array = X.copy()
    array[3, 1] = value
    return array


INPUTS = {
    "read-only": read_only(X),
    "Fortran": np.asfortranarray(X),
    "strided rows": np.repeat(X, 2, axis=0)[::2],
    "strided columns": np.hstack([X, X])[:, ::2],
    "backwards": X[::-1],
    "big-endian": X.astype(">f8"),
    "float16": X.astype(np.float16),
    "float32": X.astype(np.float32),
    "big-endian float32": X.astype(">f4"),
    "int64": SMALL,
    "int8": SMALL.astype(np.int8),
    "bool": X > 0,
    "objects": X.astype(object),
    "list": X.tolist(),
    "masked": np.ma.masked_array(X),
    "CSR": scipy.sparse.csr_array(X),
    "CSC": scipy.sparse.csc_matrix(X),
    "COO": scipy.sparse.coo_array(X),
    "CSR of integers": scipy.sparse.csr_array(SMALL),
    "pandas": pd.DataFrame(X, columns=NAMES),
    "pandas, mixed": pd.DataFrame({"a": X[:, 0], "b": SMALL[:, 1], "c": X[:, 2] > 0, "d": X[:, 3].astype("f4")}),
    "pandas, nullable": pd.DataFrame(X, columns=NAMES).convert_dtypes(),
    "polars": pl.DataFrame(X, schema=NAMES),
}
WRONG_INPUTS = {
    "one dimension": X[:, 0],
    "three dimensions": X[np.newaxis],
    "no rows": X[:0],
    "no columns": X[:, :0],
    "NaN": with_value(np.nan),
    "infinity": with_value(-np.inf),
    "sparse NaN": scipy.sparse.csr_array(with_value(np.nan)),
    "None": None,
    "number": 3.0,
    "complex": X + 1j,
    "texts": np.array([["u", "v", "w", "x"]] * len(X)),
    "matrix": np.asmatrix(X),
    "dict": {"a": 1},
    "ragged": [[1, 2], [3]] * 75,
    "too few rows": X[:100],
}
TARGETS = {
    "texts": LABELS,
    "objects": LABELS.astype(object),
    "list": y.tolist(),
    "column": y[:, np.newaxis],
    "floats": y.astype(float),
    "float32": y.astype(np.float32),
    "bools": y > 0,
    "big-endian": y.astype(">i8"),
    "read-only": read_only(y),
    "one class": np.zeros(len(y), int),
    "two classes": y % 2,
    "negative": -y,
    "pandas": pd.Series(LABELS),
    "categories": pd.Series(pd.Categorical(LABELS)),
    "polars": pl.Series(y),
    "several labels": MANY,
    "several labels, CSR": scipy.sparse.csr_matrix(MANY),
    "several labels, CSC": scipy.sparse.csc_array(MANY),
    "labels of which none occurs": np.zeros((len(y), 2), int),
}
SINCE_1_9 = {"texts", "objects", "pandas", "categories", "several labels, CSR", "several labels, CSC"}
WRONG_TARGETS = {
    "continuous": y + 0.5,
    "NaN": np.where(y == 1, np.nan, y),
    "infinity": np.where(y == 1, np.inf, y),
    "several classes": np.c_[y, y],
    "three dimensions": y[:, np.newaxis, np.newaxis],
    "too few": y[:100],
    "None": None,
    "mixed": np.array([1, "a", 2.0] * 50, object),
    "complex": y + 1j,
}
NUMBERS = {
    **{name: TARGETS[name] for name in ("list", "column", "floats", "float32", "bools", "big-endian", "one class")},
    "int8": y.astype(np.int8),
    "several outputs": np.c_[y, -y, y * 0.5],
    "several outputs, Fortran": np.asfortranarray(np.c_[y, -y]),
    "objects": y.astype(object),
    "pandas": pd.Series(y * 1.5),
    "pandas, several outputs": pd.DataFrame({"a": y, "b": -y}),
}
WRONG_NUMBERS = {name: WRONG_TARGETS[name] for name in ("NaN", "infinity", "too few", "None", "three dimensions")}
WEIGHTS = {
    "integers": np.arange(len(y)),
    "list": [1] * len(y),
    "number": 2.0,
    "float32": np.linspace(0, 1, len(y), dtype=np.float32),
    "pandas": pd.Series(1.0 + y),
    "NaN": np.full(len(y), np.nan),
    "infinity": np.full(len(y), np.inf),
    "too few": np.ones(5),
    "two dimensions": np.ones((len(y), 1)),
}


def compare(name, X, y, *more, **options):
    """Fit both models, predict, and compare what comes out and the words that were said."""
    answers = []
    for model in pair(name, max_iter=3, **options):
        fitted, said = outcome(model.fit, X, y, *more)
        if fitted is not model:
            answers.append([fitted, said])
            continue
        found = [fitted.n_features_in_, getattr(fitted, "feature_names_in_", None), fitted.coefs_[0].dtype]
        found += [fitted.loss_, getattr(fitted, "classes_", None), outcome(fitted.score, X, y)[0]]
        predicted = outcome(fitted.predict, X)
        if scipy.sparse.issparse(predicted[0]):
            predicted = type(predicted[0]), predicted[0].toarray()
        answers.append([*found, predicted, said])
    assert_same(*answers, atol=1e-4 if answers[1][2:3] == [np.dtype("f4")] else 1e-6)
    return answers[0]


@pytest.mark.parametrize("kind", [*INPUTS, *WRONG_INPUTS])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_inputs_of_a_fit(name, kind):
    answer = compare(name, {**INPUTS, **WRONG_INPUTS}[kind], y)
    assert (kind in WRONG_INPUTS) == (len(answer) == 2)


@pytest.mark.parametrize("kind", [*INPUTS, *WRONG_INPUTS])
@pytest.mark.parametrize("trained_on", ["arrays", "pandas"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_inputs_of_a_prediction(name, trained_on, kind):
    given = {**INPUTS, **WRONG_INPUTS}[kind]
    answers = []
    for model in pair(name):
        outcome(model.fit, X if trained_on == "arrays" else INPUTS["pandas"], y)
        answers.append([outcome(getattr(model, method), given) for method in ("predict", "predict_proba")
                        if hasattr(model, method)])  # fmt: skip
    if kind == "dict":  # the text shows an address or the whole
        answers = [[(answer[0], said) for answer, said in found] for found in answers]
    assert_same(*answers, atol=1e-5)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", [*TARGETS, *WRONG_TARGETS])
def test_labels(kind, early_stopping):
    if early_stopping and kind in SINCE_1_9 and not is_since("1.9"):
        pytest.skip("scikit-learn scores these with early stopping from 1.9 on")
    answer = compare("MLPClassifier", X, {**TARGETS, **WRONG_TARGETS}[kind], early_stopping=early_stopping)
    assert (kind in WRONG_TARGETS) == (len(answer) == 2)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", [*NUMBERS, *WRONG_NUMBERS])
def test_numbers(kind, early_stopping):
    answer = compare("MLPRegressor", X, {**NUMBERS, **WRONG_NUMBERS}[kind], early_stopping=early_stopping)
    assert (kind in WRONG_NUMBERS) == (len(answer) == 2)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_few_examples(name, n, solver):
    if solver == "lbfgs" and not is_since("1.7"):
        pytest.skip("scikit-learn 1.6 words the warning of L-BFGS otherwise")
    compare(name, X[::60][:n], y[::60][:n], solver=solver)
    if is_since("1.7"):  # which refuses validation sets of one example
        compare(name, X[::60][:n], y[::60][:n], solver=solver, early_stopping=True)


@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_weights(name, solver, kind):
    if not is_since("1.7"):
        pytest.skip("scikit-learn's networks take weights from 1.7 on")
    compare(name, X, y, WEIGHTS[kind], solver=solver)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_numbers_too_large_for_float32_are_refused(name):
    """scikit-learn computes in the type of each X; ours, in that of the fit."""
    ours, _ = pair(name)
    outcome(ours.fit, X.astype(np.float32), y)
    with pytest.raises(ValueError, match=r"infinity or a value too large for dtype\('float32'\)"):
        ours.predict(with_value(1e300))


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_weights_below_0_are_refused(name):
    ours, _ = pair(name)
    with pytest.raises(ValueError, match="sample_weight must be at least 0"):
        ours.fit(X, y, -np.ones(len(y)))


MIXED = {
    "several labels after one": ((y, [0, 1, 2]), (MANY, None)),
    "one label after several": ((MANY, [0, 1, 2]), (y, None)),
    "several labels, classes too few": ((MANY, [0, 1]),),
    "several labels, classes of another type": ((MANY, ["a", "b", "c"]),),
    "several labels, classes too many": ((MANY, [0, 1, 2, 3]),),
}


@pytest.mark.parametrize("kind", MIXED)
def test_labels_of_another_kind_in_partial_fit(kind):
    def outcomes(model):
        return [
            outcome(lambda *given: model.partial_fit(X, given[0], classes=given[1]).loss_, labels, classes)
            for labels, classes in MIXED[kind]
        ]

    assert_same(*map(outcomes, pair("MLPClassifier")))


def test_several_labels_in_a_warm_start_after_one():
    for model in pair("MLPClassifier", warm_start=True, max_iter=1):
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(X, y)
        with pytest.raises(ValueError, match="The object was not fitted with multilabel input"):
            model.fit(X, MANY)


def test_a_first_call_that_failed_does_not_decide_the_kind_of_labels():
    for failed, given in ((y, MANY), (MANY, y)):
        ours, unused = pair("MLPClassifier")[0], pair("MLPClassifier")[0]
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            ours.partial_fit(X, failed[:-1], classes=[0, 1, 2])
        assert ours.partial_fit(X, given).loss_ == unused.partial_fit(X, given, classes=[0, 1, 2]).loss_


def test_a_first_call_that_failed_does_not_decide_the_classes():
    ours, unused = pair("MLPClassifier")[0], pair("MLPClassifier")[0]
    with pytest.raises(ValueError, match="classes not in"):
        ours.partial_fit(X, y, classes=[0, 1])
    assert ours.partial_fit(X, y, classes=[0, 1, 2]).loss_ == unused.partial_fit(X, y, classes=[0, 1, 2]).loss_
    with pytest.raises(ValueError, match="is not the same as on last call"):
        ours.partial_fit(X, y, classes=[0, 1])


def test_no_classes_are_refused_by_name():
    with pytest.raises(ValueError, match=r"^classes must hold at least one label, got none$"):
        pair("MLPClassifier")[0].partial_fit(X, y, classes=[])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_single_class_is_always_right_while_watched(solver):
    ours, theirs = pair("MLPClassifier", solver=solver, early_stopping=True, n_iter_no_change=3)
    for model in (ours, theirs):
        model.fit(X, np.zeros(len(X), int))
    assert ours.validation_scores_ == theirs.validation_scores_
    assert ours.n_iter_ == theirs.n_iter_
