"""The checks at the border that several callers share, on their own."""

import numpy as np
import pytest

from fastmlp import checks


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
