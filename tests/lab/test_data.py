"""The study's data: which task a target is, how rows are parted, what is refused, standardization."""

import functools
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets as of_scikit_learn

from fastmlp import datasets
from fastmlp.lab import data, scaling
from fastmlp.lab.scaling import Standardization
from fastmlp.lab.values import Form

F64, F32 = np.dtype("float64"), np.dtype("float32")


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def load_targets(targets, task="auto", dtype=F64):
        rows = [f"{i},{-i / 2},{target}\n" for i, target in enumerate(targets)]
        Path("t.csv").write_text("a,b,y\n" + "".join(rows))
        return data.from_file(Path("t.csv"), "y", Form(), task=task, drop_missing=False, dtype=dtype)

    return load_targets


@pytest.mark.parametrize(
    ("targets", "task", "loss", "n_outputs", "classes"),
    [
        (["no", "yes"] * 10, "auto", "log_loss", 1, ["no", "yes"]),
        (["a", "b", "c"] * 10, "auto", "multinomial_log_loss", 3, ["a", "b", "c"]),
        ([-1, 1] * 10, "auto", "log_loss", 1, ["-1", "1"]),
        ([0.5, 1.5] * 10, "auto", "log_loss", 1, ["0.5", "1.5"]),
        ([3, 10, 9] * 10, "auto", "multinomial_log_loss", 3, ["3", "9", "10"]),
        (list(range(20)) * 4, "auto", "multinomial_log_loss", 20, [str(i) for i in range(20)]),
        (list(range(21)) * 4, "auto", "squared_error", 1, None),
        ([1, 2, 2.5] * 10, "auto", "squared_error", 1, None),
        ([1, 2, 2.5] * 10, "classification", "multinomial_log_loss", 3, ["1", "2", "2.5"]),
        ([0, 1] * 10, "regression", "squared_error", 1, None),
    ],
)
def test_the_task_follows_from_the_target_or_is_given(targets, task, loss, n_outputs, classes, load):
    found = load(targets, task)
    assert (found.loss, found.n_outputs, found.classes, found.features) == (loss, n_outputs, classes, ["a", "b"])
    X, y = (np.concatenate(parts) for parts in zip(found.train, found.test, strict=True))
    for (i, half), value in zip(X, y, strict=True):
        assert half == -i / 2
        expected = targets[int(i)]
        assert value == expected if classes is None else classes[int(value)] == str(expected)
    assert sorted(X[:, 0]) == list(range(len(targets)))


@pytest.mark.parametrize("n", [5, 40, 41, 42, 43])
@pytest.mark.parametrize("is_classes", [False, True])
def test_a_quarter_of_the_rows_is_the_test_and_of_each_class_too(n, is_classes):
    y = np.sort(np.random.default_rng(0).integers(3, size=n))
    train, test = data.parted(y, is_classes)
    assert sorted([*train, *test]) == list(range(n))
    assert len(test) == -(-n // 4)
    if is_classes:
        shares = np.bincount(y[test], minlength=3) - np.bincount(y, minlength=3) / 4
        assert (np.abs(shares) < 1).all()
    assert any(np.diff(train) < 0)
    again = data.parted(y, is_classes)
    assert train.tolist() == again[0].tolist()


def test_rows_keep_their_targets_on_the_way(load):
    y = np.arange(40) % 4
    found = load(y)
    train, test = data.parted(y, is_classes=True)
    np.testing.assert_array_equal(found.train[0][:, 0], train)
    np.testing.assert_array_equal(found.test[0][:, 0], test)
    np.testing.assert_array_equal(found.test[1], y[test])


def test_every_class_is_trained_on(load):
    found = load(["rare", *["frequent"] * 30, "rare", *["other"] * 7])
    assert set(found.train[1]) == {0, 1, 2}


@pytest.mark.parametrize("dtype", [F64, F32])
def test_features_have_the_dtype_of_the_study(dtype, load):
    assert {load([0, 1] * 10, dtype=dtype).train[0].dtype, data.by_name("iris", dtype).test[0].dtype} == {dtype}


@pytest.mark.parametrize(
    ("targets", "task", "message"),
    [
        (["x"] * 9, "auto", "--target: column 'y' must have at least two distinct values, got 1"),
        ([3] * 9, "auto", "--target: column 'y' must have at least two distinct values, got 1"),
        ([3] * 9, "regression", "--target: column 'y' must have two distinct values, got 1"),
        (["x", "y", "y", "x", "z"], "auto", "value of column 'y' must stand in at least two rows, 'z' stands in one"),
        ([1, 2, 3, 4, 5, 5], "auto", "'1' stands in one; pass --task regression if it is a quantity"),
        (["x", "x", "y", "y"], "auto", "t.csv must have at least 5 rows, of which a quarter is the test; got 4"),
        ([1.5, 2, 3, 4], "auto", "t.csv must have at least 5 rows, of which a quarter is the test; got 4"),
        (["x", "y"] * 9, "regression", "a value must be a number, got 'x'; write it as a number, or pass --task cl"),
    ],
)  # fmt: skip
def test_targets_that_nothing_can_be_learned_from_are_refused(targets, task, message, load):
    with pytest.raises(ValueError) as caught:
        load(targets, task)
    assert message in str(caught.value)
    assert ("--task" in str(caught.value)) == ("--task" in message)


def test_a_column_that_the_dtype_cannot_hold_is_named():
    one, far = (np.ones((2, 2), np.float32), np.ones(2)), (np.array([[1, np.inf]], np.float32), np.ones(1))
    with pytest.raises(ValueError, match=r"^column 'y' must be finite in float32, got 1e\+300; pass --standardize or"):
        data.StudyData(one, (one[0], np.array([1.0, 1e300])), ["a", "b"], "y", None).check_finite(F32)
    some = data.StudyData(one, far, ["a", "b"], "y", None, is_standardized=True)
    with pytest.raises(ValueError, match=r"^column 'b' must be finite in float32, standardized, got inf; leave the"):
        some.check_finite(F32)
    data.StudyData(one, one, ["a", "b"], "y", None).check_finite(F32)


@pytest.mark.parametrize("name", datasets.SCIKIT_LEARN)
def test_data_sets_of_scikit_learn_come_by_name(name):
    X, y = getattr(of_scikit_learn, f"load_{name}")(return_X_y=True)
    found = data.by_name(name, F64)
    train, test = data.parted(y, is_classes=name != "diabetes")
    for expected, got in zip((X[train], y[train], X[test], y[test]), (*found.train, *found.test), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert len(found.features) == X.shape[1]
    assert (found.classes is None) is (name == "diabetes")


def test_the_description_tells_what_was_chosen(load):
    assert load(["a", "b", "c"] * 10).description() == (
        "Target y: 3 classes (a, b, c), loss multinomial_log_loss. 2 features, 22 training and 8 test examples."
    )
    assert load([0.5, 1, 2] * 10).description().startswith("Target y: a regression, loss squared_error. 2 features")
    some = data.StudyData((np.eye(2), np.eye(2)), (np.eye(2), np.eye(2)), ["a"], "y\n", None, n_left_out=3)
    assert some.description().startswith("Target y\\n: ")
    assert some.description().endswith(" 3 lines were left out for a missing or infinite value.")


# ---- standardization


def test_training_examples_alone_decide_the_scale(load):
    found = load([0, 1] * 10)
    train, test = found.train[0].copy(), found.test[0].copy()
    found.standardize()
    np.testing.assert_allclose(found.train[0], (train - train.mean(axis=0)) / train.std(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.test[0], (test - train.mean(axis=0)) / train.std(axis=0), rtol=1e-12, atol=1e-12)
    assert set(found.train[1]) == {0, 1}


def test_the_target_of_a_regression_is_standardized_too(load):
    found = load(np.arange(30) * 1000.5)
    y_train, y_test = found.train[1].copy(), found.test[1].copy()
    found.standardize()
    np.testing.assert_allclose(found.train[1], (y_train - y_train.mean()) / y_train.std(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.test[1], (y_test - y_train.mean()) / y_train.std(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1, 17000, 1e150, 1e307])
def test_any_scale_becomes_1_and_constant_columns_0(block, scale, monkeypatch):
    monkeypatch.setattr(scaling, "blocks_of", functools.partial(scaling.blocks_of, values=block))
    rng = np.random.default_rng(0)
    X = np.c_[rng.uniform(-1, 1, 50), np.full(50, 0.1), np.zeros(50), rng.uniform(0.9, 1, 50)] * scale
    measured = Standardization.of(X)
    done = measured.apply(X)
    np.testing.assert_allclose(done.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(done.std(axis=0), [1, 0, 0, 1], atol=1e-9)
    assert not done[:, 1:3].any()
    assert not measured.apply(X + np.array([0, scale, scale, 0]))[:, 1:3].any()  # constant in training: said to stay 0
    assert measured.scale() == pytest.approx(scale * np.sqrt(np.square(X[:, 3] / scale).mean()), rel=1e-9)
    assert measured.apply(X, out=X) is X
    np.testing.assert_array_equal(X, done)


def test_float32_is_standardized_in_float64():
    X = (17000 + np.random.default_rng(0).uniform(0, 1, (1000, 2))).astype(np.float32)
    done = Standardization.of(X).apply(X)
    assert done.dtype == np.float32
    np.testing.assert_allclose(done.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(done.std(axis=0, dtype=np.float64), 1, rtol=1e-6)
