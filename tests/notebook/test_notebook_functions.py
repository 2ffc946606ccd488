"""The notebook's elementwise functions and losses, at their ends and in between."""

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


def test_sigmoid_neither_overflows_nor_warns_and_passes_nan_on():
    got = sigmoid([-np.inf, -1e308, -745.0, 0.0, 1e308, np.inf, np.nan])
    np.testing.assert_allclose(got, [0, 0, 5e-324, 0.5, 1, 1, np.nan], rtol=0, atol=1e-323)
    np.testing.assert_array_equal(relu([-np.inf, np.inf, -0.0]), [0, np.inf, 0])
    assert np.isnan(relu(np.nan))
