"""The suggested initializer: which one, why, and whether it does what the theory says."""

import numpy as np
import pytest

from fastmlp import MLP, initializers
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.lab import diagnose, suggest_initialization
from fastmlp.lab.theory import born_dead_probability, criticality

X = np.random.default_rng(0).normal(size=(300, 20))


@pytest.mark.parametrize(
    ("layer_dims", "activation", "name"),
    [
        ([20, 1], "relu", "lecun"),
        ([20, 32, 32, 1], "relu", "he"),
        ([2, 10, 5, 1], "relu", "he"),
        ([20, *[8] * 30, 1], "relu", "looks_linear"),
        ([20, *[1] * 3, 1], "relu", "he"),  # a layer of one unit has no mirror
        ([20, 32, 32, 1], "selu", "lecun"),
        ([20, 32, 32, 1], ("tanh", "relu"), "critical"),
        ([20, 32, 32, 1], "gelu", "critical"),
        ([20, 32, 32, 1], "logistic", "kumar"),
        ([20, 32, 32, 1], "softplus", "kumar"),
    ],
)
def test_the_initializer_follows_from_widths_and_activation(layer_dims, activation, name):
    found = suggest_initialization(layer_dims, activation)
    assert found.initializer == initializers.get(name)
    assert found.reasons
    assert np.isnan(found.layers["measured"]).all()
    assert np.isfinite(found.layers["predicted"]).all() == (name != "looks_linear")


@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_networks_drawn_by_it_are_healthy_and_as_predicted(activation):
    dims = [20, 200, 200, 200, 1]
    found = suggest_initialization(dims, activation, X)
    noise = found.layers["predicted_deviation"] / 10**0.5  # of the mean over ten draws
    off = np.abs(found.layers["measured"] - found.layers["predicted"]) / noise
    assert off[:-1].max() < 4
    network = MLP(dims, activation=activation, initialization=found.initializer, loss="squared_error", seed=0)
    assert diagnose(network, X).verdict == "healthy"
    is_hopeless = criticality(activation).kind == "none"
    assert bool(found.warnings) == is_hopeless


def test_a_mixture_without_a_critical_point_has_weights_for_each_layer():
    found = suggest_initialization([20, 100, 100, 1], ("logistic", "relu"), X)
    assert [rule.scale for rule in found.initializer] == pytest.approx([3.41, 3.41, 2.0], abs=0.01)
    MLP([20, 100, 100, 1], activation=["logistic", "relu"], initialization=found.initializer, seed=0)
    noise = found.layers["predicted_deviation"] / 10**0.5
    assert (np.abs(found.layers["measured"] - found.layers["predicted"])[:-1] < 4 * noise[:-1]).all()
    assert "one per layer" in repr(found)


def test_mirrored_weights_keep_the_length_at_any_depth_where_he_would_die():
    dims = [20, *[6] * 40, 1]
    found = suggest_initialization(dims, "relu", X)
    assert f"{born_dead_probability(dims):.0%} of all networks dead" in found.reasons[0]
    measured = found.layers["measured"][:-1]
    np.testing.assert_allclose(measured, measured[0], rtol=1e-9)


def test_features_that_are_not_scaled_are_named():
    scaled = X * np.where(np.arange(20) == 3, 17_000.0, 1.0)
    found = suggest_initialization([20, 32, 1], "relu", scaled)
    (warning,) = found.warnings
    assert warning.startswith("column 3 of X: a root mean square of up to 1.71e+04, where")
    assert f"Warning: {warning}" in repr(found)
    np.testing.assert_allclose(found.layers["measured"][0], found.layers["predicted"][0], rtol=0.5)


@pytest.mark.parametrize("size", [0.0, 1e-200, 1e-8, 0.09])
def test_features_that_are_all_too_small_are_told(size):
    (warning,) = suggest_initialization([20, 32, 1], "tanh", X * size).warnings
    assert warning.startswith("X: a root mean square of ")
    assert warning.endswith(", where initializers assume about 1. Standardize X")
    assert not suggest_initialization([20, 32, 1], "tanh", X * 0.2).warnings


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
def test_features_beyond_what_theory_can_square_have_no_prediction(activation):
    found = suggest_initialization([20, 32, 1], activation, X * 1e200)
    assert found.warnings[-1].startswith("columns 0, 1, 2, 3, 4 ")
    assert np.isnan(found.layers["predicted"]).all()


def test_it_prints_the_formula_the_reasons_and_the_layers():
    lines = repr(suggest_initialization([20, 32, 1], "relu", X)).splitlines()
    assert lines[0] == "Suggestion: He(), W ~ N(0, 2 / fan_in)"
    assert lines[-3].split() == ["layer", "predicted", "measured"]
    assert lines[-1].split()[0] == "2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([20],), "layer_dims must"),
        (([20, 0, 1],), "layer_dims"),
        (([20, 4, 1], "foo"), "activation must be one of"),
        (([20, 4, 1], ["relu", "relu"]), "activation must have 1 names"),
        (([3, 4, 1], "relu", X), r"X must have shape \(at least 1, 3\), got \(300, 20\)"),
        (([20, 4, 1], "relu", np.full((3, 20), np.nan)), "X must be finite"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        suggest_initialization(*arguments)
