"""What the theory refuses, each with an error that names the argument; and the outlook."""

import math

import numpy as np
import pytest

from fastmlp.lab import theory
from fastmlp.lab.theory import (
    born_dead_probability,
    criticality,
    edge_of_chaos,
    gain,
    jacobian_spectrum,
    length_law,
    mean_field,
    outlook,
    predicted_variances,
)
from fastmlp.reference.activation import ACTIVATIONS

NOISE = np.random.default_rng(0)

TAKERS = [
    gain,
    criticality,
    edge_of_chaos,
    lambda activation: mean_field(activation, 1.0),
    lambda activation: outlook(activation, 3),
    lambda activation: jacobian_spectrum(activation, 3),
    lambda activation: predicted_variances([2, 3, 1], activation),
    lambda activation: predicted_variances([2, 3, 1], [activation]),
]


def in_place(z):
    z[z < 0] = 0
    return z


def turned_twice(z):
    z *= -1
    return -z


@pytest.mark.parametrize("call", TAKERS)
@pytest.mark.parametrize(
    ("activation", "error", "message"),
    [
        ("sigmoid", ValueError, "activation must be one of identity, relu, tanh, logistic, .*softplus; got 'sigmoid'"),
        ("softmax", ValueError, "activation must be one of identity"),
        (3, TypeError, "activation must be a function on arrays or one of identity.*; got 3"),
        (None, TypeError, "activation must be a function on arrays or one of identity"),
        (lambda z: z[:-1], ValueError, "activation must return an array of the shape of its argument"),
        (lambda z: z.sum(), ValueError, "activation must return an array of the shape of its argument"),
        (lambda z: 1.0, ValueError, "activation must return an array of the shape of its argument"),
        (lambda z: np.log(z), ValueError, "activation must return numbers, got nan at z = -"),
        (lambda z: 1 / (z - z), ValueError, "activation must (return numbers|be finite), got (nan|inf)"),
        (
            lambda z: z if z > 0 else 0 * z,
            TypeError,
            "activation must be a function on arrays, .* it raised ValueError",
        ),
        (math.tanh, TypeError, "activation must be a function on arrays, .* it raised TypeError"),
        (lambda: 0, TypeError, "activation must be a function on arrays"),
        (lambda z: z + 1j, TypeError, "activation"),
        (lambda z: "relu", (TypeError, ValueError), "activation"),
        (
            lambda z: np.exp(z * z),
            ValueError,
            "activation must have a second moment that is finite .* at variance [12]$",
        ),
        (lambda z: np.exp(z**4), ValueError, "activation must have a second moment|activation must be smooth"),
        (lambda z: 0 * z, ValueError, "activation must have a second moment .* over 0"),
        (lambda z: z - z.mean(), ValueError, "activation must act on each element alone"),
        (lambda z: np.exp(z) / np.exp(z).sum(), ValueError, "activation must act on each element alone"),
        (lambda z: z + NOISE.standard_normal(z.shape), ValueError, "activation must (act on each|be smooth)"),
        (lambda z: z.astype(np.float16).astype(float), ValueError, "activation must be smooth"),
    ],
)
def test_what_is_no_activation_is_refused(call, activation, error, message):
    with pytest.raises(error, match=message):
        call(activation)


@pytest.mark.parametrize(
    ("activation", "same"),
    [
        (in_place, "relu"),
        (turned_twice, "identity"),
        (lambda z: np.maximum(z, 0).astype(np.float32) if z.dtype == np.float32 else np.maximum(z, 0), "relu"),
        (lambda z: list(np.tanh(z)), "tanh"),
        (lambda z: z / (1 + np.exp(-z)), "silu"),  # exp overflows
        (lambda z: np.log(1 + np.exp(z)), "softplus"),
    ],
)
def test_unusual_functions_are_taken(activation, same):
    assert gain(activation) == pytest.approx(gain(same), rel=1e-9)
    assert criticality(activation).kind == criticality(same).kind
    by_function, by_name = mean_field(activation, 0.9, 0.3), mean_field(same, 0.9, 0.3)
    assert by_function.fixed_point == pytest.approx(by_name.fixed_point, rel=1e-9)
    assert by_function.chi_1 == pytest.approx(by_name.chi_1, rel=1e-8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mean_field("tanh", 0), ValueError, "weight_std must be finite and over 0, got 0"),
        (lambda: mean_field("tanh", -1.0), ValueError, "weight_std must be finite and over 0, got -1.0"),
        (lambda: mean_field("tanh", math.nan), ValueError, "weight_std must be finite and over 0, got nan"),
        (lambda: mean_field("tanh", math.inf), ValueError, "weight_std must be finite and over 0, got inf"),
        (lambda: mean_field("relu", 1e200), ValueError, r"weight_std must be from 1e-100 to 1e\+100, got 1e\+200"),
        (lambda: mean_field("tanh", 1e-200), ValueError, r"weight_std must be from 1e-100 to 1e\+100, got 1e-200"),
        (lambda: edge_of_chaos("tanh", 1e200), ValueError, r"bias_std must be from 1e-100 to 1e\+100, got 1e\+200"),
        (lambda: mean_field("tanh", "1"), TypeError, "weight_std must be a number, got '1'"),
        (lambda: mean_field("tanh", None), TypeError, "weight_std must be a number, got None"),
        (lambda: mean_field("tanh", 1, -0.1), ValueError, "bias_std must be finite and at least 0, got -0.1"),
        (lambda: mean_field("tanh", 1, math.nan), ValueError, "bias_std must be finite and at least 0, got nan"),
        (lambda: edge_of_chaos("tanh", -1), ValueError, "bias_std must be finite and at least 0, got -1"),
        (lambda: mean_field("tanh", 1).variance_map(-1), ValueError, "q must be at least 0, got -1"),
        (lambda: mean_field("tanh", 1).variance_map([1, math.nan]), ValueError, "q must be finite"),
        (lambda: mean_field("tanh", 1).correlation_map([0, 1.5]), ValueError, "c must be from -1 to 1, got 1.5"),
        (lambda: mean_field("tanh", 1).correlation_map(math.nan), ValueError, "c must be from -1 to 1, got nan"),
        (lambda: born_dead_probability([3]), ValueError, "layer_dims must have at least 2 widths"),
        (lambda: born_dead_probability([3, 0, 1]), ValueError, r"layer_dims\[1\] must be at least 1"),
        (lambda: length_law(7), TypeError, "layer_dims must be a sequence of widths"),
        (lambda: jacobian_spectrum("tanh", 0), ValueError, "depth must be at least 1"),
        (lambda: jacobian_spectrum("tanh", 2.5), TypeError, "depth must be an integer"),
        (lambda: jacobian_spectrum("tanh", 2, weights="uniform"), ValueError, "weights must be one of gaussian, ortho"),
        (lambda: jacobian_spectrum(np.sign, 2, 1.0), ValueError, "activation must have slopes that are bounded"),
        (lambda: outlook("relu", 0), ValueError, "depth must be at least 1"),
        (
            lambda: predicted_variances([2, 3, 1], "relu", -1),
            ValueError,
            "weight_variance must be finite and at least 0",
        ),
        (
            lambda: predicted_variances([2, 3, 1], "relu", [1.0]),
            ValueError,
            "weight_variance must have 2 entries, one per",
        ),
        (lambda: predicted_variances([2, 3, 1], "relu", [1.0, -2]), ValueError, r"weight_variance\[1\] must be finite"),
        (lambda: predicted_variances([2, 3, 1], "relu", 1, math.nan), ValueError, "bias_variance must be finite"),
        (
            lambda: predicted_variances([2, 3, 1], ["relu"] * 2),
            ValueError,
            "activation must have 1 entries, one per hidden",
        ),
        (
            lambda: predicted_variances([2, 3, 1], theory="ntk"),
            ValueError,
            "theory must be one of mean_field, he, glorot",
        ),
        (lambda: predicted_variances([2, 3, 1], input_variance=-1), ValueError, "input_variance must be finite and at"),
        (lambda: predicted_variances([9] * 150, "relu", 1e3), ValueError, "E phi.* of relu is inf at variance"),
    ],
)
def test_arguments_are_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_variance_of_0_and_whole_arrays_are_mapped():
    setting = mean_field("softplus", 1.5, 0.5)
    assert setting.variance_map(0) == pytest.approx(2.25 * math.log(2) ** 2 + 0.25)
    assert setting.variance_map([[1.0, 2.0]]).shape == setting.correlation_map([[0.0, 1.0]]).shape == (1, 2)
    assert setting.variance_map([]).shape == (0,)


@pytest.mark.parametrize("activation", ["logistic", "softplus", np.square, np.sign])
def test_nothing_helps_where_there_is_no_critical_point(activation):
    view = outlook(activation, 20)
    assert view.nothing_helps
    setting = mean_field(activation, gain(activation))
    assert (view.variance_factor, view.gradient_factor) == (setting.chi_parallel, setting.chi_1)
    assert view.gradient_change == pytest.approx(setting.chi_1**20)
    assert view.variance_change == pytest.approx(setting.chi_parallel**20)
    assert view.explanation.startswith("No initialization of ")
    assert "What would help: " in view.explanation
    assert all(remedy in view.explanation for remedy in view.remedies)


def test_the_remedies_are_true():
    view = outlook("logistic", 5, 2.0, 0.1)
    assert "'zero'" in repr(criticality(lambda z: np.tanh(z / 2) / 2))  # what the first one makes of it
    assert "at weight variance 16" in view.remedies[0]
    setting = mean_field("logistic", 2.0, 0.1)
    layers = next(n for n in range(1, 99) if min(setting.chi_1, setting.chi_parallel) ** (n + 1) < 1e-3)
    assert f"at most {layers} hidden layers" in view.remedies[2]
    assert not any("subtract" in remedy for remedy in outlook("softplus", 5).remedies)
    exploding = outlook(np.exp, 5)  # its gradients are kept at the gain, its variance doubles
    assert (exploding.variance_factor, exploding.gradient_factor) == pytest.approx((2, 1))
    assert any("at most 9 hidden layers" in remedy for remedy in exploding.remedies)
    raised = outlook(lambda z: ACTIVATIONS["gelu"](z) + 0.1, 5)
    assert raised.remedies[0].startswith("subtract its value at 0, 0.1: then it has a critical point (half-stable)")


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "selu"])
def test_something_helps_where_there_is_a_critical_point(activation):
    view, point = outlook(activation, 20), criticality(activation)
    assert not view.nothing_helps
    assert view.remedies == ()
    assert (view.weight_std**2, view.bias_std**2) == pytest.approx((point.weight_variance, point.bias_variance))
    assert view.variance_change == view.gradient_change == 1
    assert "has a critical point" in view.explanation
    poor = outlook(activation, 20, 0.5)
    assert poor.gradient_change == pytest.approx(mean_field(activation, 0.5).chi_1 ** 20)


def test_every_public_name_has_a_docstring_and_stands_in_the_reference(request):
    page = (request.config.rootpath / "docs" / "api" / "theory.rst").read_text(encoding="utf-8")
    for name in theory.__all__:
        assert len(getattr(theory, name).__doc__) > 50
        assert f":: {name}\n" in page
