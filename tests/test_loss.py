"""The log-loss from logits within 4 ulp, and the cross-entropy of probabilities."""

import mpmath
import numpy as np
import pytest
from tolerances import tolerance

from fastmlp import _kernels, reference

LOGITS = [0.0, 1e-300, -1e-300, 1e-30, 0.5, -0.5, 1, -1, 3.7, -3.7, 36, -36, 37.5, 88, -88, 700, -700, 745, 1e3, -1e3]
HUGE = {"float64": [1e300, -1e300, 1.7e308, -1.7e308], "float32": [1e30, -1e30, 3.4e38, -3.4e38]}


def row(values, dtype):
    return np.array([values], dtype)


@pytest.mark.parametrize("y", [0, 1])
def test_log_loss_of_one_logit_within_four_ulp(y, isa, dtype):
    rng = np.random.default_rng(2)
    for z in [*LOGITS, *HUGE[dtype.name], *rng.normal(0, 20, 200)]:
        z = dtype.type(z)
        got = _kernels.log_loss(row([z], dtype), row([y], dtype))
        with mpmath.workdps(400):
            exact = mpmath.log(1 + mpmath.exp(-mpmath.mpf(float(z)) if y else mpmath.mpf(float(z))))
            spacing = mpmath.mpf(float(np.spacing(dtype.type(float(exact)))))
            assert abs(mpmath.mpf(got) - exact) <= tolerance("loss ulp", dtype) * spacing, (z, y, got)


def test_log_loss_at_zero_is_log_2(isa, dtype):
    assert _kernels.log_loss(row([0], dtype), row([1], dtype)) == dtype.type(np.log(2))


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 300, 1001])
def test_mean_log_loss_is_the_reference_s(n, isa, dtype):
    rng = np.random.default_rng(n)
    z, y = rng.normal(0, 5, (3, n)).astype(dtype), rng.integers(0, 2, (3, n)).astype(dtype)
    expected = reference.log_loss(z.astype("float64"), y.astype("float64"))
    assert _kernels.log_loss(z, y) == pytest.approx(expected, rel=tolerance("mean loss", dtype))


def test_a_mean_whose_sum_would_overflow_is_finite(isa):
    z = np.full((1, 1000), 1.5e308)
    assert _kernels.log_loss(z, np.zeros_like(z)) == pytest.approx(1.5e308, rel=1e-13)


def test_a_mean_of_subnormal_losses_is_exact(isa):
    z = np.full((1, 1024), -740.0)
    loss = np.exp(np.float64(-740))
    assert 0 < loss < np.finfo(np.float64).tiny
    assert _kernels.log_loss(z, np.zeros_like(z)) == loss
    assert _kernels.cross_entropy(np.full((1, 1024), loss), np.zeros((1, 1024))) == loss


@pytest.mark.parametrize("n", [1, 5, 300])
def test_cross_entropy_is_the_reference_s(n, isa, dtype):
    rng = np.random.default_rng(n)
    a = rng.uniform(0, 1, (2, n)) ** rng.choice([1, 30], (2, n))
    a, y = a.astype(dtype), rng.integers(0, 2, (2, n)).astype(dtype)
    expected = reference.cross_entropy(a.astype("float64"), y.astype("float64"))
    assert _kernels.cross_entropy(a, y) == pytest.approx(expected, rel=tolerance("mean loss", dtype))


def test_cross_entropy_at_the_ends(isa, dtype):
    right = _kernels.cross_entropy(row([0, 1], dtype), row([0, 1], dtype))
    assert right == 0
    assert _kernels.cross_entropy(row([1, 1], dtype), row([0, 1], dtype)) == np.inf
    assert _kernels.cross_entropy(row([0, 1], dtype), row([1, 1], dtype)) == np.inf
    tiny = np.finfo(dtype).smallest_subnormal
    assert _kernels.cross_entropy(row([tiny], dtype), row([1], dtype)) == pytest.approx(-np.log(float(tiny)), rel=1e-6)
    assert _kernels.cross_entropy(row([tiny], dtype), row([0], dtype)) == pytest.approx(float(tiny))
