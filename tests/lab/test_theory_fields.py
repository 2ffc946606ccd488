"""Mean field theory against published figures, closed forms and independent quadrature."""

import copy
import itertools
import math
import pickle

import mpmath
import numpy as np
import pytest
from quadrature import EXACT, exact_mean
from scipy import integrate, stats

from fastmlp.lab.theory import criticality, edge_of_chaos, mean_field
from fastmlp.reference.activation import ACTIVATIONS

SETTINGS = [(1.0, 0.0), (1.3, 0.1), (3.0, 1.0)]


def arc_cosine_map(c):
    """The correlation map of relu, Cho & Saul 2009."""
    angle = np.arccos(c)
    return (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


@pytest.mark.parametrize(
    ("bias_variance", "expected"),
    [(0.05, 1.760955), (2.01e-5, 1.049996)],  # Schoenholz et al. 2017 print 1.76, Xiao et al. 2018 print 1.05
)
def test_edge_of_chaos_of_tanh_is_the_published_one(bias_variance, expected):
    weight_std = edge_of_chaos("tanh", math.sqrt(bias_variance))
    assert weight_std**2 == pytest.approx(expected, abs=6e-7)
    assert mean_field("tanh", weight_std, math.sqrt(bias_variance)).chi_1 == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize(("weight_variance", "expected"), [(1.0, 3.6270), (1.7, 74.9183)])
def test_correlation_depth_scale_of_tanh(weight_variance, expected):
    theory = mean_field("tanh", math.sqrt(weight_variance), math.sqrt(0.05))
    assert theory.correlation_depth_scale == pytest.approx(expected, abs=6e-5)
    assert theory.fixed_correlation == 1


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", EXACT)
def test_fixed_point_and_factors_are_those_of_an_independent_quadrature(name, setting):
    theory = mean_field(name, *setting)
    weight_variance, bias_variance, q = setting[0] ** 2, setting[1] ** 2, theory.fixed_point
    if not 0 < q < math.inf:
        return
    variance = mpmath.mpf(q)
    squares = exact_mean(lambda z: EXACT[name](z) ** 2, variance)
    assert float(weight_variance * squares + bias_variance) == pytest.approx(q, rel=1e-10)
    slopes = exact_mean(lambda z: mpmath.diff(EXACT[name], z, direction=1 if z > 0 else -1) ** 2, variance)
    assert theory.chi_1 == pytest.approx(float(weight_variance * slopes), rel=1e-8)
    growth = exact_mean(lambda z: EXACT[name](z) ** 2 * (z * z / variance - 1), variance) / (2 * variance)
    assert theory.chi_parallel == pytest.approx(float(weight_variance * growth), rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", EXACT)
def test_the_fixed_point_is_where_the_map_leads_from_1(name, setting):
    theory, q = mean_field(name, *setting), np.array(1.0)
    for _ in range(400):
        q = theory.variance_map(np.minimum(q, 1e12))
    if name in ("tanh", "elu") and setting == (1.0, 0.0):  # by a power of the depth: 1 / (2 l) and 1.57 / l^2
        assert theory.fixed_point == 0
        assert float(q) < 2e-3
    elif theory.fixed_point == math.inf:
        assert q > 1e3
        assert theory.variance_map(q) > q
    else:
        assert float(q) == pytest.approx(theory.fixed_point, rel=1e-9, abs=1e-30)


@pytest.mark.parametrize("name", EXACT)
def test_a_function_is_known_as_well_as_the_name(name):
    function, setting = ACTIVATIONS[name], (0.9, 0.3)
    by_name, by_function = mean_field(name, *setting), mean_field(lambda z: function(z), *setting)
    for field in ("fixed_point", "chi_1", "chi_parallel", "fixed_correlation", "correlation_depth_scale"):
        assert getattr(by_function, field) == pytest.approx(getattr(by_name, field), rel=1e-9), field
    correlations = np.linspace(-1, 1, 21)
    np.testing.assert_allclose(
        by_function.correlation_map(correlations), by_name.correlation_map(correlations), rtol=1e-9, atol=1e-12
    )


def test_kinks_of_a_function_are_found_where_they_are():
    """Straight lines between kinks have exact means of their slopes."""
    places, slopes = np.array([-1.3701, 0.00301, 0.77, 6.0]), np.array([0.5, -1.0, 2.0, 0.25, 0.0])
    starts = np.concatenate([[0.0], np.cumsum(np.diff(places) * slopes[1:-1])])

    def function(z):
        return np.interp(z, places, starts) + slopes[0] * np.minimum(z - places[0], 0)

    theory = mean_field(function, 1.2, 0.4)
    mass = np.diff(stats.norm.cdf(np.concatenate([[-np.inf], places, [np.inf]]) / math.sqrt(theory.fixed_point)))
    assert theory.chi_1 == pytest.approx(1.2**2 * mass @ slopes**2, rel=1e-9)


def test_relu_has_the_arc_cosine_map():
    correlations = np.concatenate([np.linspace(-1, 1, 41), [0.999, 0.99999, 1 - 1e-9, -0.999, -1 + 1e-9]])
    expected = arc_cosine_map(correlations)
    for activation in ("relu", lambda z: np.maximum(z, 0)):
        theory = mean_field(activation, math.sqrt(2))
        np.testing.assert_allclose(theory.correlation_map(correlations), expected, rtol=0, atol=3e-10)


@pytest.mark.parametrize("name", ["tanh", "elu", "softplus"])
@pytest.mark.parametrize("c", [-0.995, 0.6, 0.9999])
def test_correlation_map_is_a_double_integral(name, c):
    theory = mean_field(name, 0.9, 0.3)
    deviation, rest = math.sqrt(theory.fixed_point), math.sqrt(1 - c * c)
    x, weights = np.polynomial.hermite_e.hermegauss(120)

    def phi(z):
        return ACTIVATIONS[name](np.asarray(z))

    def inner(y):  # over the second input, beside the first
        line = c * y + rest * x
        if name == "elu":  # its kink lies at 0
            kink = np.clip(-c * y / rest, -10, 10)
            parts = [
                integrate.quad_vec(
                    lambda t: phi(deviation * (c * y + rest * t)) * stats.norm.pdf(t), *ends, epsabs=1e-12
                )[0]
                for ends in ((-10, kink), (kink, 10))
            ]
            return sum(parts)
        return weights @ phi(deviation * line) / math.sqrt(2 * math.pi)

    product = sum(
        integrate.quad(lambda y: phi(deviation * y) * inner(y) * stats.norm.pdf(y), *ends, epsabs=1e-10, limit=200)[0]
        for ends in ((-10, 0), (0, 10))
    )
    assert theory.correlation_map(c) == pytest.approx((0.81 * product + 0.09) / theory.fixed_point, abs=2e-9)


@pytest.mark.parametrize(
    ("activation", "weight_std", "bias_std"),
    [
        ("tanh", 3.0, 0.2),
        ("tanh", 1.01, 0.0),
        ("elu", 1.3, 0.0),
        ("elu", 1.24, 0.2236),
        ("selu", 1.0, 0.1),
        (np.sin, 2.0, 0.1),
    ],
)
def test_the_fixed_correlation_is_where_the_map_leads_from_0(activation, weight_std, bias_std):
    theory = mean_field(activation, weight_std, bias_std)
    if theory.chi_1 > 1:
        assert theory.fixed_correlation < 1
    c, change = 0.0, 0.0
    for _ in range(300):
        c, before = float(theory.correlation_map(c)), c
        change = (c - before) / change if abs(change) > 1e-9 and abs(c - before) > 1e-9 else c - before
    layers = 300 / theory.correlation_depth_scale
    assert abs(c - theory.fixed_correlation) <= max(1e-9, 3 * math.exp(-layers))
    assert theory.correlation_map(theory.fixed_correlation) == pytest.approx(theory.fixed_correlation, abs=1e-10)


@pytest.mark.parametrize(
    ("activation", "weight_std", "bias_std"),
    [("tanh", 1.4, 0.1), ("selu", 1.0, 0.1), ("elu", 1.3, 0.1), (np.sin, 1.4, 0.3)],
)
def test_correlation_depth_scale_is_the_slope_of_the_map(activation, weight_std, bias_std):
    theory = mean_field(activation, weight_std, bias_std)
    assert 0 < theory.fixed_correlation < 1 < theory.chi_1
    step = 1e-4
    below, above = theory.correlation_map(theory.fixed_correlation + np.array([-step, step]))
    assert theory.correlation_depth_scale == pytest.approx(-1 / math.log((above - below) / (2 * step)), rel=1e-5)


def test_variance_depth_scale_is_the_slope_of_the_map():
    theory, step = mean_field("tanh", 1.4, 0.3), 1e-5
    below, above = theory.variance_map(theory.fixed_point + np.array([-step, step]))
    assert theory.variance_depth_scale == pytest.approx(-1 / math.log((above - below) / (2 * step)), rel=1e-7)


def test_selu_keeps_mean_0_and_variance_1():
    """Klambauer et al. 2017."""
    theory = mean_field("selu", 1.0)
    assert theory.fixed_point == pytest.approx(1, abs=1e-12)
    assert theory.chi_parallel < 1
    assert float(exact_mean(EXACT["selu"], mpmath.mpf(1))) == pytest.approx(0, abs=1e-12)


def test_pytorchs_default_start_forgets_differences_within_a_layer():
    theory = mean_field("relu", math.sqrt(1 / 3), 0.1)
    assert theory.chi_1 == pytest.approx(1 / 6, rel=1e-12)
    assert theory.correlation_depth_scale == pytest.approx(0.5581, abs=5e-5)


@pytest.mark.parametrize(
    ("weight_std", "bias_std", "fixed_point", "chi_1", "scale"),
    [
        (math.sqrt(2), 0.0, 1.0, 1.0, math.inf),
        (math.sqrt(2), 0.1, math.inf, 1.0, math.inf),
        (1.0, 0.0, 0.0, 0.5, 1 / math.log(2)),
        (1.0, 0.1, 0.02, 0.5, 1 / math.log(2)),
        (2.0, 0.0, math.inf, 2.0, math.nan),
    ],
)
def test_relu_in_every_phase(weight_std, bias_std, fixed_point, chi_1, scale):
    theory = mean_field("relu", weight_std, bias_std)
    assert theory.fixed_point == pytest.approx(fixed_point, rel=1e-12)
    assert theory.chi_1 == pytest.approx(chi_1, rel=1e-12)
    assert theory.correlation_depth_scale == pytest.approx(scale, rel=1e-12, nan_ok=True)
    assert theory.variance_depth_scale == pytest.approx(scale, rel=1e-12, nan_ok=True)
    assert theory.fixed_correlation == 1


@pytest.mark.parametrize("name", ["tanh", "elu"])
def test_at_the_critical_point_0_differences_are_kept_exactly(name):
    theory = mean_field(name, 1.0)
    assert theory.fixed_point == 0
    assert theory.chi_1 == theory.chi_parallel == 1
    assert theory.correlation_depth_scale == theory.variance_depth_scale == math.inf


def test_the_smallest_biases_decide_the_fixed_point():
    theory = mean_field("tanh", 0.5, 1e-8)
    assert theory.fixed_point == pytest.approx(1e-16 / (1 - 0.25), rel=1e-9, abs=0)
    assert theory.chi_1 == pytest.approx(0.25, rel=1e-9)


def test_a_half_stable_point_attracts_from_above_alone():
    point = criticality("gelu")
    theory = mean_field("gelu", math.sqrt(point.weight_variance), math.sqrt(point.bias_variance))
    assert theory.variance_map(point.fixed_point) == pytest.approx(point.fixed_point, rel=1e-12)
    around = point.fixed_point + np.array([-0.1, 0.1])
    assert (theory.variance_map(around) < around).all()
    assert theory.fixed_point == pytest.approx(3.035, abs=5e-4)  # from 1, the map leads to another one below
    assert theory.variance_map(theory.fixed_point) == pytest.approx(theory.fixed_point, rel=1e-12)
    assert theory.chi_parallel < 1
    assert (theory.chi_1, theory.correlation_depth_scale) == pytest.approx((0.994, 166), rel=3e-3)


@pytest.mark.parametrize("c", [-0.99, 0.95, 0.97, 0.999])
def test_kinks_near_each_other_are_met(c):
    """A ramp between two kinks, whose mean given the other input is a closed form."""
    theory = mean_field(lambda z: np.clip(z, -0.3, 0.5), 1.0, 0.7)
    deviation = math.sqrt(theory.fixed_point)

    def mean_of_relu(mean, scale):
        return mean * stats.norm.cdf(mean / scale) + scale * stats.norm.pdf(mean / scale)

    def integrand(x):
        mean, scale = deviation * c * x, deviation * math.sqrt(1 - c * c)
        given = -0.3 + mean_of_relu(mean + 0.3, scale) - mean_of_relu(mean - 0.5, scale)
        return np.clip(deviation * x, -0.3, 0.5) * given * stats.norm.pdf(x)

    kinks = [-10, -0.3 / deviation, 0.5 / deviation, 10]
    product = sum(
        integrate.quad(integrand, *ends, epsabs=1e-13, epsrel=1e-13, limit=200)[0] for ends in itertools.pairwise(kinks)
    )
    assert theory.correlation_map(c) == pytest.approx((product + 0.49) / theory.fixed_point, abs=1e-11)


@pytest.mark.parametrize("activation", ["gelu", "identity", np.tanh])
def test_results_are_pickled_and_copied(activation):
    theory = mean_field(activation, 0.9, 0.2)
    for twin in (pickle.loads(pickle.dumps(theory)), copy.deepcopy(theory)):
        assert twin == theory
        assert twin.variance_map(2.0) == theory.variance_map(2.0)
        assert twin.correlation_map(0.3) == theory.correlation_map(0.3)


@pytest.mark.parametrize(
    ("activation", "place"),
    [
        (np.sign, 0.0),
        (lambda z: 10 + z + 0.01 * (z > 1.3), 1.3),  # a small jump
        (np.cbrt, None),
        (lambda z: np.maximum(z, 0) ** 1.5, None),
        (lambda z: np.where(z > 0, z, -3 * z), None),
        (lambda z: np.clip(z, -0.001, 0.001), None),
    ],
)
def test_jumps_are_told_from_steep_places(activation, place):
    setting = mean_field(activation, 0.1)
    assert (setting.chi_1 == math.inf) == (place is not None)
    if place is not None:
        assert f"jumps at z = {place:g}," in criticality(activation).reason


@pytest.mark.parametrize(("weight_std", "bias_std"), [(2.0, 1.0), (2.0, 6.0)])
def test_sign_jumps(weight_std, bias_std):
    theory, whole = mean_field(np.sign, weight_std, bias_std), weight_std**2 + bias_std**2
    assert theory.chi_1 == math.inf
    assert theory.fixed_point == pytest.approx(whole, rel=1e-12)
    correlations = np.array([-0.99, -0.5, 0.0, 0.5, 0.99, 1.0])
    expected = (weight_std**2 * 2 / np.pi * np.arcsin(correlations) + bias_std**2) / whole
    np.testing.assert_allclose(theory.correlation_map(correlations), expected, atol=1e-9)
    slope = weight_std**2 * 2 / np.pi / math.sqrt(1 - theory.fixed_correlation**2) / whole
    assert theory.correlation_depth_scale == pytest.approx(-1 / math.log(slope), rel=1e-6)


@pytest.mark.parametrize(
    ("activation", "bias_std", "expected"),
    [
        ("relu", 0.0, math.sqrt(2)),
        ("tanh", 0.0, 1.0),
        ("identity", 0.0, 1.0),
        ("gelu", 1.0, None),
        ("logistic", 0.0, None),
    ],
)
def test_chi_1_is_1_on_the_edge_of_chaos(activation, bias_std, expected):
    weight_std = edge_of_chaos(activation, bias_std)
    if expected:
        assert weight_std == pytest.approx(expected, rel=1e-12)
    below, edge, above = (mean_field(activation, weight_std * factor, bias_std) for factor in (0.99, 1, 1.01))
    assert edge.chi_1 == pytest.approx(1, abs=1e-10)
    assert below.chi_1 < 1 < above.chi_1


@pytest.mark.parametrize("activation", ["tanh", "elu", "selu", np.sin])
@pytest.mark.parametrize("bias_std", [1e-3, 1e-7, 1e-9, 1e-11, 1e-14, 1e-30])
def test_the_edge_of_chaos_goes_to_that_without_biases(activation, bias_std):
    weight_std = edge_of_chaos(activation, bias_std)
    assert mean_field(activation, weight_std, bias_std).chi_1 == pytest.approx(1, abs=1e-9)
    assert weight_std / edge_of_chaos(activation) - 1 == pytest.approx(0, abs=max(bias_std**0.5, 1e-12))


@pytest.mark.parametrize(
    ("activation", "bias_std", "reason"),
    [
        ("relu", 0.1, r"under 1 at every finite fixed point, since biases or phi\(0\) add"),
        ("relu", 1e-9, r"under 1 at every finite fixed point, since biases or phi\(0\) add"),
        ("softplus", 0.0, r"under 1 at every finite fixed point, since biases or phi\(0\) add"),
        ("gelu", 0.0, "over 1 at every fixed point over 0"),
        ("gelu", 0.1, r"at weight_std 1.727 .* leaves by a factor 1.098 per layer"),
        (np.sign, 0.0, "must not jump"),
    ],
)
def test_no_edge_of_chaos_for_a_reason(activation, bias_std, reason):
    with pytest.raises(ValueError, match=reason):
        edge_of_chaos(activation, bias_std)
