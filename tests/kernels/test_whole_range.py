"""Every activation and loss with its derivative at any number that the dtype holds, against mpmath."""

import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import HIDDEN, OneExample, values_and_derivatives
from tolerances import tolerance

from fastmlp import reference
from fastmlp.reference.activation import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE

mpf = mpmath.mpf
WITH_ISA = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def numbers(dtype, lowest=None, highest=None):
    """Any finite number of the dtype, often of ordinary size, often one of its ends."""
    limits, bits = np.finfo(dtype), 8 * dtype.itemsize
    ends = [0.0, *(sign * float(x) for sign in (1, -1) for x in (limits.max, limits.tiny, limits.smallest_subnormal))]
    least, most = (float(limits.min) if lowest is None else lowest), (float(limits.max) if highest is None else highest)
    within = {"allow_nan": False, "allow_infinity": False, "width": bits}
    near = st.floats(max(least, -50.0), min(most, 50.0), **within)
    return st.one_of(near, st.floats(least, most, **within), st.sampled_from([x for x in ends if least <= x <= most]))


def spacing(exact, dtype):
    """One unit in the last place of a number, as the dtype would hold it."""
    most = np.finfo(dtype).max
    return mpf(float(np.spacing(dtype.type(min(float(abs(exact)), float(most) / 2)))))


def check(got, exact, dtype, ulp, error=0):
    """Infinite only where the dtype cannot hold the exact value, else off by so many units and an error besides."""
    most, eps = mpf(float(np.finfo(dtype).max)), float(np.finfo(dtype).eps)
    got = float(got)
    assert not np.isnan(got)
    if abs(exact) > most * (1 - 8 * eps):
        assert np.sign(got) == mpmath.sign(exact)
        assert abs(got) > most * (1 - 16 * eps)
    else:
        assert np.isfinite(got), f"infinite, not {exact}"
        assert abs(mpf(got) - exact) <= ulp * spacing(exact, dtype) + error, f"{got!r}, not {mpmath.nstr(exact, 20)}"


# ---- activations


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def gelu_tanh_argument(z):
    return 2 * mpmath.sqrt(2 / mpmath.pi) * (z + mpf("0.044715") * z**3)


def gelu_tanh_slope(z):
    s = sigmoid(gelu_tanh_argument(z))
    return s + z * s * (1 - s) * 2 * mpmath.sqrt(2 / mpmath.pi) * (1 + 3 * mpf("0.044715") * z**2)


# the value, the derivative, and the largest term of it, where terms cancel
EXACT = {
    "identity": (lambda z: z, lambda z: mpf(1), None),
    "relu": (lambda z: max(z, 0), lambda z: mpf(z > 0), None),
    "leaky_relu": (lambda z: max(z, LEAKY_SLOPE * z), lambda z: mpf(1) if z > 0 else mpf(LEAKY_SLOPE), None),
    "tanh": (mpmath.tanh, lambda z: mpmath.sech(z) ** 2, lambda z: 1),
    "logistic": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z), lambda z: sigmoid(z)),
    "elu": (
        lambda z: z if z > 0 else mpmath.expm1(z),
        lambda z: mpf(1) if z > 0 else mpmath.exp(z),
        None,
    ),
    "selu": (
        lambda z: SELU_SCALE * (z if z > 0 else SELU_ALPHA * mpmath.expm1(z)),
        lambda z: mpf(SELU_SCALE) if z > 0 else mpf(SELU_SCALE) * SELU_ALPHA * mpmath.exp(z),
        None,
    ),
    "softplus": (lambda z: mpmath.log1p(mpmath.exp(z)), sigmoid, None),
    "silu": (
        lambda z: z * sigmoid(z),
        lambda z: sigmoid(z) * (1 + z * sigmoid(-z)),
        lambda z: (1 + abs(z)) * sigmoid(z),
    ),
    "gelu": (
        lambda z: z * mpmath.ncdf(z),
        lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z),
        lambda z: mpmath.ncdf(z) + abs(z) * mpmath.npdf(z),
    ),
    "gelu_tanh": (
        lambda z: z * sigmoid(gelu_tanh_argument(z)),
        gelu_tanh_slope,
        lambda z: (1 + abs(z)) * (1 + z * z) * sigmoid(gelu_tanh_argument(z)),
    ),
}


def argument_error(name, z):
    """Units in the last place that the rounding of exp's argument is worth: of a square, of a cubic."""
    if name == "gelu":
        return z * z / 2
    return 4 * abs(gelu_tanh_argument(z)) if name == "gelu_tanh" else 0


@pytest.mark.parametrize("name", HIDDEN)
@WITH_ISA
@given(data=st.data())
def test_activations(name, isa, dtype, data):
    limit = 1e4 if "gelu" in name else 2.0**90  # beyond it they are 0 and z; test_activation.py has these limits
    z = np.array(data.draw(st.lists(numbers(dtype, -limit, limit), min_size=8, max_size=8)), dtype)
    function, slope, largest_term = EXACT[name]
    with mpmath.workdps(60):
        for at, value, derivative in zip(z.tolist(), *values_and_derivatives(name, z), strict=True):
            x = mpf(at)
            ulp = tolerance("activation ulp", dtype) + argument_error(name, x)
            check(value, function(x), dtype, ulp)
            cancelled = 0 if largest_term is None else float(np.finfo(dtype).eps) * largest_term(x)
            check(derivative, slope(x), dtype, ulp, ulp * cancelled)


@pytest.mark.parametrize("name", ["elu", "selu"])
def test_the_tail_of_a_derivative_is_that_of_exp(name, isa, dtype):
    """From the output, which is about -1, it would have few digits, or be 0."""
    z = np.linspace(-80, -1, 320).astype(dtype)
    scale = {"elu": 1, "selu": SELU_SCALE * SELU_ALPHA}[name]
    np.testing.assert_allclose(
        values_and_derivatives(name, z)[1], scale * np.exp(z.astype("float64")), rtol=4 * np.finfo(dtype).eps
    )


# ---- losses: the exact loss and derivative of one logit


def exact_huber(z, y, delta):
    q = min(abs(z - y), delta)
    return q * (abs(z - y) - q / 2), max(-delta, min(delta, z - y))


def exact_quantile(z, y, q):
    return max(q * (y - z), (1 - q) * (z - y)), {1: 1 - q, 0: mpf(0), -1: -q}[int(mpmath.sign(z - y))]


ERRORS = {
    "squared_error": lambda z, y, _: ((z - y) ** 2 / 2, z - y),
    "absolute_error": lambda z, y, _: (abs(z - y), mpmath.sign(z - y)),
    "huber": exact_huber,
    "quantile": exact_quantile,
}


def parameters_of(loss, dtype):
    least, most = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    if loss == "huber":
        return st.one_of(st.floats(least, most), st.floats(1e-3, 10))
    near_1 = st.floats(1e-16, 0.5).map(lambda x: 1 - x)
    return st.one_of(st.floats(least, 0.5), near_1, st.just(0.999)) if loss == "quantile" else st.just(0.0)


@pytest.mark.parametrize("loss", ERRORS)
@WITH_ISA
@given(data=st.data())
def test_losses_of_errors(loss, isa, dtype, data):
    parameter = data.draw(parameters_of(loss, dtype))
    at, ulp = OneExample(loss, dtype, loss_parameter=parameter), tolerance("loss ulp", dtype)
    with mpmath.workdps(60):
        for z, y in data.draw(st.lists(st.tuples(numbers(dtype), numbers(dtype)), min_size=8, max_size=8)):
            exact_loss, exact_slope = ERRORS[loss](mpf(z), mpf(y), mpf(parameter))
            value, (slope,) = at(z, y)
            check(value, exact_loss, dtype, ulp)
            check(slope, exact_slope, dtype, ulp)


@pytest.mark.parametrize("loss", ERRORS)
@WITH_ISA
@given(data=st.data())
def test_the_reference_s_losses_of_errors(loss, data):
    dtype = np.dtype("float64")
    parameter = data.draw(parameters_of(loss, dtype))
    with mpmath.workdps(60):
        for z, y in data.draw(st.lists(st.tuples(numbers(dtype), numbers(dtype)), min_size=8, max_size=8)):
            exact_loss, exact_slope = ERRORS[loss](mpf(z), mpf(y), mpf(parameter))
            arrays = np.array([[z]]), np.array([[y]]), parameter
            with np.errstate(over="ignore"):
                check(reference.LOSSES[loss](*arrays)[0, 0], exact_loss, dtype, 8)
                check(reference.LOSS_DERIVATIVES[loss](*arrays)[0, 0], exact_slope, dtype, 8)


@WITH_ISA
@given(data=st.data())
def test_log_loss(isa, dtype, data):
    at, ulp = OneExample("log_loss", dtype), tolerance("loss ulp", dtype)
    with mpmath.workdps(60):
        for z in data.draw(st.lists(numbers(dtype), min_size=8, max_size=8)):
            for y, sign in ((0, 1), (1, -1)):
                value, (slope,) = at(z, y)
                check(value, mpmath.log1p(mpmath.exp(sign * mpf(z))), dtype, ulp)
                check(slope, sigmoid(mpf(z)) - y, dtype, ulp, y * float(np.finfo(dtype).eps))


def exact_smoothed(z, y, smoothing):
    """The loss, its derivative, and the distance of the smoothed label from the end, 0 or 1, that it is near."""
    target = y * (1 - smoothing) + smoothing / 2
    return softplus(z) - z * target, sigmoid(z) - target, min(target, 1 - target)


def softplus(z):
    return mpmath.log1p(mpmath.exp(z))


SMOOTHINGS = [1e-30, 1e-8, 1e-6, 1e-3, 0.1, 0.5, 0.999, 1 - 1e-12]


@WITH_ISA
@given(data=st.data())
def test_smoothed_log_loss(isa, dtype, data):
    smoothing = data.draw(st.sampled_from(SMOOTHINGS))
    at, ulp = OneExample("log_loss", dtype, loss_parameter=smoothing), tolerance("loss ulp", dtype)
    labels = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1, width=8 * dtype.itemsize))
    with mpmath.workdps(100):
        for z, y in data.draw(st.lists(st.tuples(numbers(dtype), labels), min_size=8, max_size=8)):
            exact_loss, exact_slope, miss = exact_smoothed(mpf(z), mpf(y), mpf(smoothing))
            value, (slope,) = at(z, y)
            check(value, exact_loss, dtype, ulp)
            check(slope, exact_slope, dtype, ulp, ulp * float(np.finfo(dtype).eps) * miss)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_reference_s_smoothed_log_loss(data):
    smoothing, dtype = data.draw(st.sampled_from(SMOOTHINGS)), np.dtype("float64")
    labels = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
    with mpmath.workdps(100):
        for z, y in data.draw(st.lists(st.tuples(numbers(dtype), labels), min_size=8, max_size=8)):
            exact_loss, exact_slope, miss = exact_smoothed(mpf(z), mpf(y), mpf(smoothing))
            arrays = np.array([[z]]), np.array([[y]]), smoothing
            check(reference.LOSSES["log_loss"](*arrays)[0, 0], exact_loss, dtype, 8)
            error = 8 * float(np.finfo(dtype).eps) * miss
            check(reference.LOSS_DERIVATIVES["log_loss"](*arrays)[0, 0], exact_slope, dtype, 8, error)


@WITH_ISA
@given(data=st.data())
def test_poisson_loss(isa, dtype, data):
    highest = float(np.log(np.finfo(dtype).max)) + 1
    at, ulp, eps = OneExample("poisson", dtype), 8 * tolerance("loss ulp", dtype), float(np.finfo(dtype).eps)
    pairs = st.tuples(numbers(dtype, None, round(highest, 2) if dtype == np.float64 else 89.5), numbers(dtype, 0.0))
    with mpmath.workdps(700):  # near its minimum the loss is a square of about 1e-600 beside 1
        for z, y in data.draw(st.lists(pairs, min_size=8, max_size=8)):
            x, t = mpf(z), mpf(y)
            log_y, rate = mpmath.log(t) if y else mpf(0), mpmath.exp(x)
            rounding = abs(rate - t) * (abs(log_y) + abs(x - log_y)) * 4 * eps
            value, (slope,) = at(z, y)
            check(value, rate - t * (1 + x - log_y), dtype, ulp, rounding)
            check(slope, rate - t, dtype, ulp, ulp * eps * (rate + t))


@WITH_ISA
@given(data=st.data())
def test_multinomial_loss(isa, dtype, data):
    n = data.draw(st.integers(2, 5))
    smoothing = data.draw(st.sampled_from([0.0, 1e-30, 1e-3, 0.1, 0.5, 0.999]))
    at, eps = OneExample("multinomial_log_loss", dtype, n, smoothing), float(np.finfo(dtype).eps)
    ulp = n + tolerance("loss ulp", dtype)
    z, target = data.draw(st.lists(numbers(dtype), min_size=n, max_size=n)), data.draw(st.integers(0, n - 1))
    value, slopes = at(z, target)
    with mpmath.workdps(60):
        wide, most = [mpf(x) for x in z], mpf(max(z))
        powers = [mpmath.exp(x - most) for x in wide]
        targets = [(1 - mpf(smoothing)) * (k == target) + mpf(smoothing) / n for k in range(n)]
        exact = mpmath.log(mpmath.fsum(powers))
        exact += mpmath.fsum(t * (most - x) for t, x in zip(targets, wide, strict=True))
        check(value, exact, dtype, ulp, ulp * eps)
        for slope, power, t in zip(slopes, powers, targets, strict=True):
            check(slope, power / mpmath.fsum(powers) - t, dtype, ulp, ulp * eps)


# ---- the inputs that showed what was wrong


def test_a_quantile_near_1_keeps_its_distance_from_1(isa, dtype):
    for distance in (1e-3, 1e-4, 1e-8, 1e-12):
        value, (slope,) = OneExample("quantile", dtype, loss_parameter=1 - distance)(3.0, 1.0)
        expected = 1 - (1 - distance)
        assert slope == pytest.approx(expected, rel=2 * float(np.finfo(dtype).eps))
        assert value == pytest.approx(2 * expected, rel=2 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize(("loss", "parameter", "factor"), [("huber", 1e-3, 1e-3), ("quantile", 1e-3, 0.001)])
def test_a_difference_that_overflows_has_a_finite_loss_where_the_parameter_is_small(
    loss, parameter, factor, isa, dtype
):
    most = float(np.finfo(dtype).max)
    value, _ = OneExample(loss, dtype, loss_parameter=parameter)(-most, most)
    assert value == pytest.approx(most * factor + most * factor, rel=1e-5)


def test_smoothed_targets_of_logits_whose_differences_overflow(isa, dtype):
    most = float(np.finfo(dtype).max)
    value, _ = OneExample("multinomial_log_loss", dtype, 4, 0.1)([most, -most, 0, 0], 0)
    assert value == pytest.approx(0.1 * most, rel=1e-5)  # 0.025 of 2 most, most and most


def test_a_rate_that_overflows_has_a_finite_poisson_loss_where_the_target_is_as_large(isa, dtype):
    most, at = float(np.finfo(dtype).max), OneExample("poisson", dtype)
    y = dtype.type(0.5 * most)
    z = dtype.type(np.log(float(y)) + 1.05)
    with mpmath.workdps(60):
        x, t = mpf(float(z)), mpf(float(y))
        assert mpmath.exp(x) > most
        value, (slope,) = at(z, y)
        error = 200 * float(np.finfo(dtype).eps) * t * abs(x)  # of the logarithm of y
        assert abs(mpf(value) - (mpmath.exp(x) - t * (1 + x - mpmath.log(t)))) < error
        assert abs(mpf(float(slope)) - (mpmath.exp(x) - t)) < 32 * float(np.finfo(dtype).eps) * t
