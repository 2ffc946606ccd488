"""The notebook's elementwise functions and losses, at their ends and in between."""

import mpmath
import numpy as np
import pytest
from tolerances import tolerance

from fastmlp.notebook import compute_loss, log_loss, relu, sigmoid


def test_compute_loss_is_the_mean_cross_entropy(dtype):
    rng = np.random.default_rng(1)
    a, Y = rng.uniform(0.01, 0.99, (2, 40)).astype(dtype), rng.integers(0, 2, (2, 40))
    expected = -np.where(Y == 1, np.log(a.astype("float64")), np.log1p(-a.astype("float64"))).sum() / 40
    assert isinstance(compute_loss(a, Y), float)
    assert compute_loss(a, Y) == pytest.approx(expected, rel=tolerance("mean loss", dtype))


@pytest.mark.parametrize(
    ("a", "Y", "expected"),
    [
        ([[0.0, 1.0]], [[0, 1]], 0.0),
        ([[0.0, 0.5]], [[1, 1]], np.inf),
        ([[1.0, 0.5]], [[0, 1]], np.inf),
        ([[1e-300]], [[1]], 690.7755278982137),
        ([[5e-324]], [[1]], 744.4400719213812),
        ([[1e-300]], [[0]], 1e-300),
        ([[np.nextafter(1, 0)]], [[0]], 36.7368005696771),
    ],
)
def test_compute_loss_neither_clips_nor_warns_at_the_ends(a, Y, expected):
    assert compute_loss(a, Y) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("n", [1, 7, 300])
def test_compute_loss_of_labels_between_0_and_1_is_the_mean_cross_entropy(n, isa, dtype):
    rng = np.random.default_rng(n)
    a, Y = (rng.uniform(0, 1, (2, n)) ** rng.choice([1, 20], (2, n)) for _ in range(2))
    a, Y = a.astype(dtype), np.where(rng.uniform(size=(2, n)) < 0.2, rng.integers(0, 2, (2, n)), Y).astype(dtype)
    with mpmath.workdps(40):
        pairs = [(mpmath.mpf(float(p)), mpmath.mpf(float(y))) for p, y in zip(a.flat, Y.flat, strict=True)]
        expected = -mpmath.fsum(y * mpmath.log(p) + (1 - y) * mpmath.log(1 - p) for p, y in pairs) / n
    assert compute_loss(a, Y) == pytest.approx(float(expected), rel=tolerance("mean loss", dtype))
    assert compute_loss(a.tolist(), Y.tolist()) == pytest.approx(float(expected), rel=tolerance("mean loss", dtype))


@pytest.mark.parametrize(
    ("a", "y", "expected"),
    [
        (0.0, 5e-324, np.inf),
        (1.0, 1 - 2**-53, np.inf),
        (0.0, 0.0, 0.0),
        (1.0, 1.0, 0.0),
        (5e-324, 0.5, 372.2200359606907),
        (1e-300, 1e-300, 6.917755278982137e-298),
        (1 - 2**-53, 0.5, 18.368400284838550),
        (0.5, 0.3, 0.6931471805599453),
    ],
)
def test_compute_loss_of_a_label_between_0_and_1_at_the_ends(a, y, expected, isa):
    assert compute_loss([[a]], [[y]]) == pytest.approx(expected, rel=1e-14)


def test_log_loss_of_labels_between_0_and_1_is_exact_far_from_0(isa):
    for z, y in ((800.0, 0.25), (-800.0, 0.25), (60.0, 1 - 2**-53), (1e300, 0.5), (0.7, 0.1)):
        with mpmath.workdps(400):
            exact = float(mpmath.log1p(mpmath.exp(-abs(z))) + max(z, 0) - mpmath.mpf(y) * mpmath.mpf(z))
        assert log_loss([[z]], [[y]]) == pytest.approx(exact, rel=1e-15)


def test_integers_and_bools_are_labels_like_any_other(dtype):
    a = np.random.default_rng(5).uniform(0.1, 0.9, (1, 40)).astype(dtype)
    Y = np.random.default_rng(6).integers(0, 2, (1, 40))
    losses = {compute_loss(a, Y.astype(kind)) for kind in ("bool", "int8", "uint64", "int64", "float32", "float64")}
    assert len(losses) == 1


@pytest.mark.parametrize(
    ("z", "y", "expected"),
    [(1e300, 0, 1e300), (-1e300, 1, 1e300), (1e300, 1, 0.0), (-800.0, 1, 800.0), (0.0, 1, 0.6931471805599453)],
)
def test_log_loss_is_finite_wherever_the_exact_value_is(z, y, expected):
    assert log_loss([[z]], [[y]]) == pytest.approx(expected, rel=1e-15)


def test_log_loss_of_logits_is_compute_loss_of_their_sigmoid():
    rng = np.random.default_rng(3)
    z, Y = rng.normal(0, 3, (2, 25)), rng.integers(0, 2, (2, 25))
    assert log_loss(z, Y) == pytest.approx(compute_loss(sigmoid(z), Y), rel=1e-13)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4), (0,), (0, 3)])
def test_elementwise_functions_keep_the_shape(shape, dtype):
    x = np.random.default_rng(2).normal(0, 5, shape).astype(dtype)
    for function, expected in ((sigmoid, 1 / (1 + np.exp(-x.astype("float64")))), (relu, np.maximum(0, x))):
        got = function(x)
        assert got.shape == shape
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("x", [2, 2.0, True, np.float64(2), np.int8(2), np.array(2)])
def test_a_scalar_gives_a_scalar(x):
    assert isinstance(sigmoid(x), np.float64)
    assert relu(x) == float(x)
    assert type(relu(x)) is type(np.maximum(0, x))


@pytest.mark.parametrize("kind", [*"bBhHiIlLqQ", ">i4", "float16", "float32", "float64", "longdouble", ">f8", "?"])
@pytest.mark.parametrize("shape", [(), (0,), (40,), (2, 3)])
def test_relu_keeps_the_type_and_is_exact_in_it(kind, shape):
    if kind == "?":
        ends = [False, True]
    else:
        limits = (np.finfo if np.dtype(kind).kind == "f" else np.iinfo)(kind)
        ends = [limits.min, limits.max, 0, 1]
    values = np.resize(np.array(ends, kind), shape)
    got, expected = relu(values), np.maximum(0, values)
    assert (got.shape, got.dtype) == (shape, expected.dtype)
    np.testing.assert_array_equal(got, expected)
    assert relu(values.tolist()).dtype == np.maximum(0, values.tolist()).dtype


def test_relu_of_integers_over_2_to_the_53_is_not_rounded():
    assert relu(2**53 + 1) == 2**53 + 1
    assert relu(np.array([-5, 2**63 - 1])).tolist() == [0, 2**63 - 1]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "longdouble"])
def test_relu_passes_nan_on_at_every_place(kind):
    for at in range(37):
        x = np.linspace(-1, 1, 37).astype(kind)
        x[at] = np.nan
        assert np.flatnonzero(np.isnan(relu(x))).tolist() == [at]


@pytest.mark.parametrize("kind", ["?", "int8", "uint64", "float16", "longdouble"])
def test_sigmoid_of_other_types_is_float64(kind):
    got = sigmoid(np.array([0, 1], kind))
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, sigmoid([0.0, 1.0]))


def test_sigmoid_neither_overflows_nor_warns_and_passes_nan_on():
    got = sigmoid([-np.inf, -1e308, -745.0, 0.0, 1e308, np.inf, np.nan])
    np.testing.assert_allclose(got, [0, 0, 5e-324, 0.5, 1, 1, np.nan], rtol=0, atol=1e-323)
    np.testing.assert_array_equal(relu([-np.inf, np.inf, -0.0]), [0, np.inf, 0])
    assert np.isnan(relu(np.nan))
