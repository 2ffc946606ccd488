"""Parameters that no rule can take: an error that names the parameter, what came and what was expected."""

import re

import numpy as np
import pytest

from fastmlp import initializers

POSITIVE = {
    "random": "scale",
    "variance_scaling": "scale",
    "he_uniform": "scale",
    "orthogonal": "gain",
    "sparse": "scale",
    "identity": "gain",
    "looks_linear": "gain",
    "siren": "omega",
    "nguyen_widrow": "factor",
    "randomized_asymmetric": "sigma",
}
WRONG = [(-1.0, "-1.0"), (0, "0"), (np.nan, "nan"), (np.inf, "inf")]


@pytest.mark.parametrize(("name", "parameter"), POSITIVE.items())
@pytest.mark.parametrize(("value", "shown"), WRONG)
def test_what_must_be_over_0_is_checked(name, parameter, value, shown):
    with pytest.raises(ValueError, match=f"^{parameter} must be finite and over 0, got {re.escape(shown)}$"):
        initializers.get(name, **{parameter: value})


@pytest.mark.parametrize(("name", "parameter"), [*POSITIVE.items(), ("constant", "value"), ("within_layer", "mean")])
@pytest.mark.parametrize("value", ["1", None, True, [1.0], 1j])
def test_what_is_no_number_is_refused(name, parameter, value):
    with pytest.raises(TypeError, match=f"^{parameter} must be a number, got {re.escape(repr(value))}$"):
        initializers.get(name, **{parameter: value})


@pytest.mark.parametrize(("name", "parameter"), [("constant", "value"), ("within_layer", "mean")])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_must_be_finite_is_checked(name, parameter, value):
    with pytest.raises(ValueError, match=f"^{parameter} must be finite, got {value}$"):
        initializers.get(name, **{parameter: value})


@pytest.mark.parametrize(
    ("name", "parameters", "error", "message"),
    [
        ("he", {"mode": "fan"}, ValueError, "mode must be one of fan_in, fan_out, fan_avg; got 'fan'"),
        ("he", {"mode": None}, TypeError, "mode must be one of fan_in, fan_out, fan_avg; got None"),
        (
            "he",
            {"distribution": "gauss"},
            ValueError,
            "distribution must be one of normal, truncated_normal, uniform; got 'gauss'",
        ),
        ("sparse", {"n_connections": 0}, ValueError, "n_connections must be at least 1, got 0"),
        ("sparse", {"n_connections": 2.5}, TypeError, "n_connections must be an integer, got 2.5"),
        ("he", {"bias": "ones"}, ValueError, "bias must be one of zeros, constant, normal, uniform_fan_in; got 'ones'"),
        ("he", {"bias": 0.1}, TypeError, "bias must be one of zeros, constant, normal, uniform_fan_in; got 0.1"),
        (
            "he",
            {"bias_scale": 0.5},
            ValueError,
            "bias_scale must be 1 with bias='zeros', got 0.5; name a bias with a scale",
        ),
        (
            "he",
            {"bias": "normal", "bias_scale": -1},
            ValueError,
            "bias_scale must be finite and over 0, got -1",
        ),
        ("he", {"bias": "constant", "bias_scale": np.nan}, ValueError, "bias_scale must be finite, got nan"),
        ("he", {"gain": 2}, ValueError, "parameters of initialization he must be bias or bias_scale or scale or mode"),
        ("pytorch", {"gain": 2}, ValueError, "parameters of initialization pytorch do not exist, got gain"),
        ("looks_linear", {"bias": "normal"}, ValueError, "of initialization looks_linear must be gain, got bias"),
        ("hee", {"gain": 2}, ValueError, "initialization must be one of zeros, .*; got 'hee'"),
    ],
)
def test_wrong_choices_are_refused(name, parameters, error, message):
    with pytest.raises(error, match=message):
        initializers.get(name, **parameters)


def test_weights_beyond_the_largest_number_are_refused_with_their_layer():
    with pytest.raises(ValueError, match=r"^initialization of layer 1 must be finite$"):
        initializers.get("random", scale=1e308)([50, 50], 0)
    with pytest.raises(ValueError, match=r"^initialization of layer 1 must be finite$"):
        initializers.get("he", bias="normal", bias_scale=1e308)([50, 500], 0)


def test_numbers_of_numpy_become_plain_ones():
    assert type(initializers.get("orthogonal", gain=np.float32(2)).gain) is float
    assert type(initializers.get("sparse", n_connections=np.int64(2)).n_connections) is int
