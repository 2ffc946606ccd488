"""The biases that every rule for weights takes."""

import numpy as np
import pytest
from initializing import NAMES, drawn, one
from scipy import stats

from fastmlp import initializers
from fastmlp.initializers import WeightInitializer

WEIGHT_RULES = [name for name in NAMES if isinstance(initializers.REGISTRY[name], WeightInitializer)]


def test_most_rules_are_rules_for_weights():
    assert {"zeros", "he", "xavier_uniform", "orthogonal", "sparse", "sinusoidal", "kumar"} <= set(WEIGHT_RULES)


@pytest.mark.parametrize("name", WEIGHT_RULES)
def test_biases_are_zero_and_options_do_not_move_the_first_weights(name):
    weights, biases = drawn(name)
    assert not np.concatenate(biases).any()
    for options in ({"bias": "constant", "bias_scale": -0.5}, {"bias": "normal"}, {"bias": "uniform_fan_in"}):
        others, biases = drawn(name, **options)
        np.testing.assert_array_equal(others[0], weights[0])
        assert all(b.all() for b in biases)


@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_normal_biases_have_their_deviation(scale):
    _, biases = one(initializers.get("he", bias="normal", bias_scale=scale), 2, 20_000)
    assert biases.std() == pytest.approx(scale, rel=0.02)
    assert stats.kstest(biases, stats.norm(scale=scale).cdf).pvalue > 0.01


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_uniform_biases_lie_evenly_within_the_root_of_the_inputs(scale):
    _, biases = one(initializers.get("he", bias="uniform_fan_in", bias_scale=scale), 16, 20_000)
    bound = scale / 4
    assert 0.999 * bound < np.abs(biases).max() <= bound
    assert stats.kstest(biases, stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01


def test_constant_biases_may_be_negative_or_zero():
    for value in (-0.1, 0):
        assert (one(initializers.get("he", bias="constant", bias_scale=value), 2, 3)[1] == value).all()


@pytest.mark.parametrize(
    ("options", "formula"),
    [
        ({}, "W = 0"),
        ({"bias": "constant", "bias_scale": 0.1}, "W = 0, b = 0.1"),
        ({"bias": "normal", "bias_scale": 2}, "W = 0, b ~ N(0, 2^2)"),
        ({"bias": "uniform_fan_in"}, "W = 0, b ~ U(-s, s), s = 1 / sqrt(fan_in)"),
    ],
)
def test_the_formula_tells_the_biases(options, formula):
    assert initializers.get("zeros", **options).formula == formula
