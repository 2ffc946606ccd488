"""Variance scaling and its members: variance, distribution, the truncated normal's correction."""

import numpy as np
import pytest
from initializing import one
from scipy import stats

from fastmlp import initializers
from fastmlp.initializers import Glorot, He, LeCun, VarianceScaling, scaling

FAN_IN, FAN_OUT = 300, 200
FANS = {"fan_in": 300, "fan_out": 200, "fan_avg": 250}
TRUNCATED = stats.truncnorm(-2, 2)
MEMBERS = {
    "he": 2 / 300,
    "lecun": 1 / 300,
    "xavier": 2 / 500,
}
DISTRIBUTIONS = ("normal", "uniform", "truncated_normal")


def check(weights, variance, distribution):
    """Moments, distribution and support of weights of this variance."""
    deviation = variance**0.5
    assert weights.std() == pytest.approx(deviation, rel=0.01)
    assert abs(weights.mean()) < 0.01 * deviation
    expected = {
        "normal": stats.norm(scale=deviation),
        "uniform": stats.uniform(-deviation * 3**0.5, 2 * deviation * 3**0.5),
        "truncated_normal": stats.truncnorm(-2, 2, scale=deviation / TRUNCATED.std()),
    }[distribution]
    assert stats.kstest(weights.ravel(), expected.cdf).pvalue > 0.01
    largest = np.abs(weights).max()
    if distribution == "normal":
        assert largest > 3 * deviation
    else:
        assert 0.999 * expected.support()[1] < largest <= expected.support()[1]


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("mode", FANS)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_variance_is_scale_over_fan_in_each_distribution(scale, mode, distribution):
    weights, biases = one(VarianceScaling(scale, mode, distribution), FAN_IN, FAN_OUT)
    check(weights, scale / FANS[mode], distribution)
    assert not biases.any()


@pytest.mark.parametrize("family", MEMBERS)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_members_have_the_variance_of_their_papers(family, distribution):
    suffix = {"normal": "_normal" if family == "xavier" else "", "uniform": "_uniform"}.get(distribution, "_truncated")
    weights, _ = one(initializers.get(family + suffix), FAN_IN, FAN_OUT, seed=1)
    check(weights, MEMBERS[family], distribution)


@pytest.mark.parametrize("family", [He, LeCun, Glorot])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_a_member_is_variance_scaling_with_its_numbers(family, distribution):
    member = family(distribution=distribution)
    general = VarianceScaling(member.scale, member.mode, distribution)
    assert one(member, 5, 7)[0].tobytes() == one(general, 5, 7)[0].tobytes()
    assert member.formula == general.formula


def test_the_constants_of_the_truncated_normal():
    np.testing.assert_allclose(scaling.TRUNCATED_DEVIATION, TRUNCATED.std(), rtol=1e-14)
    np.testing.assert_allclose(scaling.SHARE_BELOW, stats.norm.cdf(-2), rtol=1e-14)


def test_no_truncated_value_lies_beyond_two_deviations_of_a_million():
    weights, _ = one(VarianceScaling(1000, "fan_in", "truncated_normal"), 1000, 1000)
    assert np.abs(weights).max() <= 2 / TRUNCATED.std()


@pytest.mark.parametrize(
    ("rule", "formula"),
    [
        (VarianceScaling(0.5, "fan_out"), "W ~ N(0, 0.5 / fan_out)"),
        (VarianceScaling(1, "fan_avg"), "W ~ N(0, 2 / (fan_in + fan_out))"),
        (VarianceScaling(1, "fan_avg", "uniform"), "W ~ U(-r, r), r = sqrt(6 / (fan_in + fan_out))"),
        (
            VarianceScaling(3, "fan_in", "truncated_normal"),
            "W ~ N(0, s^2) within 2 s, s = sqrt(3 / fan_in) / 0.87962566",
        ),
    ],
)
def test_the_formula_follows_the_parameters(rule, formula):
    assert rule.formula == formula


@pytest.mark.parametrize("scale", [0.01, 3])
def test_random_has_the_scale_whatever_the_widths(scale):
    weights, _ = one(initializers.get("random", scale=scale), FAN_IN, FAN_OUT)
    check(weights, scale**2, "normal")


@pytest.mark.parametrize("value", [0, -2.5])
def test_constant_has_its_value(value):
    weights, _ = one(initializers.get("constant", value=value), 3, 2)
    assert (weights == value).all()
