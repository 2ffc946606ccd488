"""exp, log, log1p, tanh and sigmoid within 2 ulp, over the whole range, under every instruction set."""

import mpmath
import numpy as np
import pytest
from tolerances import tolerance

from fastmlp import _kernels

FUNCTIONS = ("exp", "log", "log1p", "tanh", "sigmoid")
WIDER = {np.dtype("float32"): np.dtype("float64"), np.dtype("float64"): np.dtype("longdouble")}


def apply(function, x):
    out = np.empty(len(x), x.dtype)
    _kernels.elementwise(function, np.ascontiguousarray(x), out)
    return out


def exact(function, x):
    """The function in a wider type, with more bits than the kernels' answer needs."""
    x = x.astype(WIDER[x.dtype])
    with np.errstate(all="ignore"):
        if function != "sigmoid":
            return getattr(np, function)(x)
        e = np.exp(-np.abs(x))
        return np.where(x < 0, e, 1) / (1 + e)


def ulps(got, expected):
    """Distance in units in the last place of the exact value; 0 for equal infinities and for NaN twice."""
    with np.errstate(all="ignore"):
        rounded = expected.astype(got.dtype)
        distance = np.abs(got.astype(expected.dtype) - expected) / np.spacing(np.abs(rounded)).astype(expected.dtype)
    finite = np.isfinite(rounded) & np.isfinite(got)
    same = (rounded == got) | (np.isnan(rounded) & np.isnan(got))
    return np.where(finite, distance, np.where(same, 0, np.inf))


def sweep(function, dtype):
    """Every binade, subnormals included, and the intervals where the functions change."""
    rng = np.random.default_rng(1)
    info = np.finfo(dtype)
    far = 800 if dtype == np.float64 else 120
    exponents = rng.uniform(info.minexp - info.nmant, info.maxexp, 200_000)
    binades = np.exp2(exponents / 2) ** 2 * rng.choice([-1, 1], exponents.size)
    x = np.concatenate([rng.uniform(-r, r, 100_000) for r in (far, 20, 1, 0.6)] + [binades])
    with np.errstate(over="ignore", under="ignore"):
        x = x.astype(dtype)
    return np.abs(x) if function == "log" else x[x > -1] if function == "log1p" else x


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no type wider than float64; the mpmath test stands in")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_within_two_ulp_of_a_wider_type(function, isa, dtype):
    x = sweep(function, dtype)
    error = ulps(apply(function, x), exact(function, x))
    worst = int(np.argmax(error))
    assert error[worst] <= tolerance("elementary ulp", dtype), f"{error[worst]} ulp at {x[worst]!r}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_within_two_ulp_of_mpmath(function, isa, dtype):
    x = sweep(function, dtype)[::2003]
    got = apply(function, x)
    functions = {"sigmoid": lambda v: 1 / (1 + mpmath.exp(-v)), "log1p": lambda v: mpmath.log(1 + v)}
    truth = functions.get(function, getattr(mpmath, function, None))
    with mpmath.workdps(400):  # 1 + v must hold v down to 1e-324
        for value, answer in zip(x, got, strict=True):
            expected = truth(mpmath.mpf(float(value)))
            if not np.isfinite(answer):
                assert abs(expected) >= float(np.finfo(dtype).max)
                continue
            spacing = mpmath.mpf(float(np.spacing(np.abs(dtype.type(float(expected))))))
            assert abs(mpmath.mpf(float(answer)) - expected) <= tolerance("elementary ulp", dtype) * spacing, value


INF, NAN = np.inf, np.nan
SPECIAL = {
    # function: (argument, answer), ...
    "exp": [(-INF, 0), (INF, INF), (0.0, 1), (-0.0, 1), (1e5, INF), (-1e5, 0)],
    "log": [(0.0, -INF), (-0.0, -INF), (1, 0), (INF, INF), (-1, NAN), (-INF, NAN)],
    "log1p": [(-1, -INF), (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-2, NAN), (-INF, NAN)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (100, 1), (-100, -1)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (1000, 1), (-1000, 0)],
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_special_values(function, isa, dtype):
    x, expected = np.array([*SPECIAL[function], (NAN, NAN)]).T.astype(dtype)
    got = apply(function, x)
    np.testing.assert_array_equal(got, expected)
    zeros = expected == 0
    np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(expected[zeros]))


@pytest.mark.parametrize("function", ["log1p", "tanh"])
def test_smallest_arguments_return_themselves(function, isa, dtype):
    tiny = np.array([np.finfo(dtype).smallest_subnormal, np.finfo(dtype).tiny, 1e-35], dtype)
    np.testing.assert_array_equal(apply(function, np.concatenate([tiny, -tiny])), np.concatenate([tiny, -tiny]))


@pytest.mark.parametrize("n", range(40))
def test_any_length_and_nothing_beyond_it(n, isa, dtype):
    x = np.linspace(-3, 3, n, dtype=dtype)
    out = np.full(n + 1, 7, dtype)
    _kernels.elementwise("tanh", x, out[:n])
    np.testing.assert_allclose(out[:n], np.tanh(x), rtol=1e-6)
    assert out[n] == 7


def test_relu_keeps_nan(isa, dtype):
    x = np.array([-1, -0.0, 0, 2, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_array_equal(apply("relu", x), np.array([0, 0, 0, 2, np.inf, 0, np.nan], dtype))
