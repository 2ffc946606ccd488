"""Criticality of activations against published figures and independent quadrature."""

import math

import mpmath
import numpy as np
import pytest
from quadrature import EXACT, exact_mean, mish

from fastmlp.lab.theory import criticality, gain
from fastmlp.reference.activation import ACTIVATIONS, SELU_ALPHA, SELU_SCALE


@pytest.mark.parametrize("name", EXACT)
def test_gain_is_that_of_an_independent_quadrature(name):
    expected = 1 / mpmath.sqrt(exact_mean(lambda z: EXACT[name](z) ** 2, mpmath.mpf(1)))
    assert gain(name) == pytest.approx(float(expected), rel=1e-12)
    assert gain(lambda z: np.array([float(EXACT[name](mpmath.mpf(one))) for one in z])) == pytest.approx(
        float(expected), rel=1e-9
    )


@pytest.mark.parametrize(
    ("activation", "kind", "weight_variance"),
    [
        ("relu", "scale-invariant", 2.0),  # He et al. 2015
        ("leaky_relu", "scale-invariant", 2 / (1 + 0.01**2)),  # the same, equation 15
        ("identity", "scale-invariant", 1.0),
        ("tanh", "zero", 1.0),
        ("elu", "zero", 1.0),
        ("selu", "zero", 2 / (SELU_SCALE**2 * (1 + SELU_ALPHA**2))),
        (np.sin, "zero", 1.0),
    ],
)
def test_critical_points_at_every_variance_and_at_zero(activation, kind, weight_variance):
    point = criticality(activation)
    assert point.kind == kind
    assert point.weight_variance == pytest.approx(weight_variance, rel=1e-10)
    assert point.bias_variance == 0
    assert math.isnan(point.fixed_point) if kind == "scale-invariant" else point.fixed_point == 0


def test_gelu_has_the_critical_point_of_the_book():
    """Roberts, Yaida & Hanin 2022, section 5.3.4."""
    point = criticality("gelu")
    assert point.kind == "half-stable"
    assert point.fixed_point == pytest.approx((3 + 17**0.5) / 2, abs=1e-9)
    assert point.weight_variance == pytest.approx(1.98305826, abs=5e-9)
    assert point.bias_variance == pytest.approx(0.172922391, abs=5e-10)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (mish, (1.67016913, 2.01352407, 0.0945217874)),
        ("silu", (14.32017362, 1.98800468, 0.55514317)),  # the book's; copies of it have a tenth of the last
    ],
)
def test_mish_and_silu_have_half_stable_points(activation, expected):
    point = criticality(activation)
    assert point.kind == "half-stable"
    assert (point.fixed_point, point.weight_variance, point.bias_variance) == pytest.approx(expected, rel=5e-9)


@pytest.mark.parametrize("name", ["silu", "gelu_tanh"])
def test_half_stable_points_are_those_of_an_independent_quadrature(name):
    """The equations of the book with mpmath: both factors are 1, and the variance is kept."""
    phi = EXACT[name]

    def moment(variance):
        return exact_mean(lambda z: phi(z) ** 2, variance)

    def slope_moment(variance):
        return exact_mean(lambda z: mpmath.diff(phi, z) ** 2, variance)

    point = criticality(name)
    assert point.kind == "half-stable"
    variance = mpmath.mpf(point.fixed_point)
    growth = exact_mean(lambda z: phi(z) ** 2 * (z * z / variance - 1), variance) / (2 * variance)
    assert point.weight_variance * float(slope_moment(variance)) == pytest.approx(1, abs=1e-9)
    assert point.weight_variance * float(growth) == pytest.approx(1, abs=1e-9)
    kept = point.bias_variance + point.weight_variance * moment(variance)
    assert float(kept) == pytest.approx(point.fixed_point, rel=1e-10)


@pytest.mark.parametrize("activation", ["logistic", "softplus", np.square, np.sinh, np.exp, np.sign])
def test_activations_without_a_critical_point(activation):
    point = criticality(activation)
    assert point.kind == "none"
    assert math.isnan(point.weight_variance)
    assert point.reason


def test_biases_of_negative_variance_are_no_critical_point():
    """Both factors are 1 at the variance 18.96, which -0.22 as the biases' variance would keep."""
    raised = criticality(lambda z: ACTIVATIONS["gelu"](z) + 0.1)
    assert raised.kind == "none"
    assert raised.reason.startswith("phi(0) = 0.1, so 0 is no fixed point")


def test_a_jump_is_the_reason():
    assert "jumps at z = 0.25" in criticality(lambda z: np.where(z > 0.25, 1.0, 0.0)).reason
