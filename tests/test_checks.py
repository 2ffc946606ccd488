"""The checks at the border that several callers share, on their own."""

import numpy as np
import pytest

from fastmlp import checks, losses


@pytest.mark.parametrize("given", ["float32", "float64", "int64", ">f8"])
def test_a_matrix_comes_in_the_dtype_asked_for(given, dtype):
    value = np.arange(6).reshape(2, 3).astype(given)
    for form in (value, np.asfortranarray(value), value[:, ::-1], value.tolist()):
        matrix = checks.matrix("A", form, dtype)
        assert matrix.dtype == dtype
        assert matrix.flags.c_contiguous
        np.testing.assert_array_equal(matrix, form)


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (np.ones((2, 3)), {"n_rows": 3}, r"A must have shape \(3, any\), got \(2, 3\)"),
        (np.ones((2, 3)), {"n_columns": 2}, r"A must have shape \(any, 2\), got \(2, 3\)"),
        (np.ones((2, 3)), {"n_rows": 2, "n_columns": 2}, r"A must have shape \(2, 2\), got \(2, 3\)"),
        (np.ones(3), {}, r"A must have 2 dimensions, got 1 in shape \(3,\)"),
        (np.ones((0, 3)), {}, r"A must not be empty, got shape \(0, 3\)"),
        ([[1.0, np.nan]], {}, r"A must be finite in float64, got nan at index \(0, 1\)"),
    ],
)
def test_a_matrix_of_another_shape_is_refused_by_name(value, limits, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        checks.matrix("A", value, np.float64, **limits)


def test_a_matrix_of_the_shape_asked_for_is_not_copied():
    value = np.ones((2, 3))
    for limits in ({}, {"n_rows": 2}, {"n_columns": 3}, {"n_rows": 2, "n_columns": 3}):
        assert checks.matrix("A", value, np.float64, **limits) is value


@pytest.mark.parametrize("value", [1 + 1e-12, 1e-300, 0.5, 2, -1, np.nan])
def test_labels_are_not_rounded_to_0_and_1(value):
    with pytest.raises(ValueError, match=r"^y must hold labels 0 and 1 only, got "):
        checks.labels("y", [0, value])


def test_the_first_label_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"got 2\.0$"):
        checks.labels("y", [0, 2, 3])


@pytest.mark.parametrize("generator", [np.random.default_rng(3), np.random.RandomState(3)], ids=type)
def test_seeds_drawn_from_a_generator_fill_32_bits(generator):
    seeds = [checks.seed_number(generator, present=7) for _ in range(200)]
    assert 2**31 < max(seeds) < 2**32
    assert len(set(seeds)) == 200


class Textless:
    def __repr__(self):
        raise RuntimeError("none")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        ("a", "'a'"),
        (np.eye(2), "array([[1., 0.], [0., 1.]])"),
        ("x" * 1000, "'" + "x" * 79 + "..."),
        (10**5000, "int that cannot be printed"),
        (Textless(), "Textless that cannot be printed"),
    ],
    ids=["int", "str", "array", "long", "int without a text", "object without a text"],
)
def test_a_value_in_a_message_is_one_short_line(value, text):
    assert checks.shown(value) == text


def test_the_first_place_that_is_wrong_or_none():
    wrong = np.zeros((2, 3), bool)
    assert checks.first_place(wrong) is None
    assert checks.first_place(wrong[:0]) is None
    wrong[1, 1:] = True
    assert checks.first_place(wrong) == (1, 1)


def test_more_memory_than_the_machine_has_is_refused_at_once(monkeypatch):
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**20}.__getitem__, raising=False)
    checks.check_memory("A", 2**32)
    with pytest.raises(MemoryError, match=r"^A needs 4 GiB of memory; this machine has 4$"):
        checks.check_memory("A", 2**32 + 1)


def test_an_infinite_number_keeps_its_sign():
    assert checks.number("A", 10**400) == np.inf
    assert checks.number("A", -(10**400)) == -np.inf


def test_the_largest_classes_keep_their_numbers():
    loss, y, most = losses.MultinomialLogLoss(), np.array([0, 2**24 - 1]), 2**24
    for dtype in ("float32", "float64"):
        targets = losses.targets_of(loss, y, 2, most, np.dtype(dtype))
        np.testing.assert_array_equal(targets.astype("int64"), [y])
