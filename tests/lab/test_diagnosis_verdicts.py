"""Verdicts: networks built to have one fault, healthy ones of many kinds, and the table of thresholds."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from fastmlp import MLP, reference
from fastmlp.datasets import circles
from fastmlp.lab import assert_healthy, diagnose
from fastmlp.lab.diagnosis import thresholds
from fastmlp.lab.diagnosis.verdict import VERDICTS

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 16))
TARGETS = {
    "log_loss": (1, (X[:, 0] > 0).astype(int)),
    "multinomial_log_loss": (4, RNG.integers(0, 4, 200)),
    "squared_error": (2, X[:, :2]),
}
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


def network_of(depth, *, loss="log_loss", width=64, n_features=16, **kwargs):
    return MLP([n_features, *[width] * depth, TARGETS[loss][0]], loss=loss, seed=1, **kwargs)


def scaled(factor, base="he"):
    """A start with the weights of another one, times a factor; the output layer's are kept."""

    def draw(dims, seed):
        start = MLP(dims, activation="relu", loss="squared_error", initialization=base, seed=seed)
        return [*(factor * w for w in start.weights[:-1]), start.weights[-1]], start.biases

    return draw


def mean(function, variance):
    """E function(z), z ~ N(0, variance)."""
    return NODE_WEIGHTS @ function(NODES * np.sqrt(variance))


def gaussian(weight_variance, bias_variance, shift=0.0):
    """W ~ N(0, weight_variance / fan_in), b ~ N(0, bias_variance); ``shift`` is taken off every hidden output."""

    def draw(dims, seed):
        rng, weights, biases = np.random.default_rng(seed), [], []
        for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(dims)):
            weights.append(rng.normal(size=(fan_out, fan_in)) * np.sqrt(weight_variance / fan_in))
            bias = rng.normal(size=fan_out) * np.sqrt(bias_variance)
            biases.append(bias - (shift * weights[-1].sum(axis=1) if layer else 0))
        return weights, biases

    return draw


def half_stable(name):
    """Critical start of gelu and silu: E[slope^2] and E[phi^2 (z^2 - K)] / 2 K^2, times C_W, are 1 (Roberts et al.)."""
    phi, slope = reference.ACTIVATIONS[name], reference.DERIVATIVES[name]

    def excess(k):
        along = mean(lambda z: phi(z) ** 2 * (z**2 - k), k) / (2 * k**2)
        return along - mean(lambda z: slope(z) ** 2, k)

    k = brentq(excess, 1, 30)
    weight_variance = 1 / mean(lambda z: slope(z) ** 2, k)
    return gaussian(weight_variance, k - weight_variance * mean(lambda z: phi(z) ** 2, k))


def centred(name):
    """Slopes of 1 at 0, with biases that take off what the activation is there: for z near 0 the network is linear."""
    value, slope = (float(table[name](np.zeros(1))[0]) for table in (reference.ACTIVATIONS, reference.DERIVATIVES))
    return gaussian(1 / slope**2, 0, shift=value)


FITTING = {
    "relu": lambda: "he",
    "leaky_relu": lambda: "he",
    "identity": lambda: "lecun",
    "selu": lambda: "lecun",
    "tanh": lambda: "xavier_normal",
    "elu": lambda: "lecun",
    "gelu": lambda: half_stable("gelu"),
    "gelu_tanh": lambda: half_stable("gelu_tanh"),
    "silu": lambda: half_stable("silu"),
    "logistic": lambda: centred("logistic"),
    "softplus": lambda: centred("softplus"),
}


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("depth", [0, 1, 2, 3, 5, 10, 20, 30])
@pytest.mark.parametrize("activation", FITTING)
def test_a_start_that_fits_the_activation_is_healthy_at_any_depth(activation, depth, loss, dtype):
    scale = 0.3 if activation == "softplus" else 1.0
    network = network_of(depth, loss=loss, activation=activation, initialization=FITTING[activation](), dtype=dtype)
    for y in (TARGETS[loss][1], None):
        assert_healthy(network, scale * X, y)


@pytest.mark.parametrize("initialization", ["he", "xavier_uniform", "lecun", "orthogonal"])
@pytest.mark.parametrize("activation", FITTING)
@pytest.mark.parametrize("dims", [[2, 10, 5, 1], [2, 1], [2, 2, 1], [2, 100, 3, 1], [2, 1, 1]])
def test_small_networks_of_the_usual_starts_are_healthy(dims, activation, initialization):
    inputs, y = circles(100, seed=1)
    assert_healthy(MLP(dims, activation=activation, initialization=initialization, seed=2), inputs, y)


def test_a_trained_network_that_is_sure_of_the_right_answers_is_healthy():
    inputs = np.r_[X[:100] + 5, X[:100] - 5]
    y = np.repeat([1, 0], 100)
    network = MLP([16, 20, 1], seed=0)
    network.train(inputs, y, epochs=3000, learning_rate=0.5)
    assert np.mean(np.abs(network.decision_function(inputs)) > 10) > 0.5
    assert_healthy(network, inputs, y)
    assert diagnose(network, inputs, 1 - y).verdict == "saturated"


def test_a_regression_of_large_targets_is_healthy_once_it_is_fitted():
    y = 50_000 + 20_000 * X[:, 0]
    network = MLP([16, 8, 1], loss="squared_error", activation="tanh", seed=0)
    network.weights[1][:] *= 20_000
    network.biases[1][:] = 50_000
    assert_healthy(network, X, y)
    assert_healthy(network, X)
    found = diagnose(network, X, y / 50_000)
    assert (found.verdict, found.layer) == ("exploding", 2)
    assert "the targets one of" in found.explanation


def test_counts_are_compared_by_their_logarithm():
    network = MLP([1, 1], activation=[], loss="poisson", initialization="zeros")
    network.biases[0][:] = 250.0
    inputs = [[0.0], [1.0]]
    assert diagnose(network, inputs, [1e30, 1e30]).verdict == "healthy"
    assert diagnose(network, inputs, [5.0, 10.0]).verdict == "exploding"  # 100 times their logarithms is 210


# ---- one fault each


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("name", ["zeros", "constant"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "gelu"])
def test_equal_units_are_symmetric(name, depth, activation, dtype):
    found = diagnose(
        network_of(depth, activation=activation, initialization=name, dtype=dtype), X, TARGETS["log_loss"][1]
    )
    assert (found.verdict, found.layer, found.cause) == ("symmetric", 1, "weights")
    assert "all 64 units of layer 1" in found.explanation


def test_symmetry_begins_in_the_layer_whose_weights_in_and_out_are_equal():
    network = network_of(4)
    network.weights[2][:] = network.weights[2][0]
    assert diagnose(network, X).verdict == "healthy"  # the weights out differ: the first update parts the units
    network.weights[3][:] = network.weights[3][:, :1]
    assert (diagnose(network, X).verdict, diagnose(network, X).layer) == ("symmetric", 3)
    network.biases[2][1] = 1
    assert diagnose(network, X).verdict == "healthy"
    assert diagnose(network_of(3, width=1), X).verdict != "symmetric"


def test_symmetry_lasts_through_training():
    found = diagnose(
        network_of(2, initialization="constant"), X, TARGETS["log_loss"][1], trace=[0, 50], learning_rate=0.1
    )
    assert [part.verdict for part in found.trace] == ["symmetric", "symmetric"]


@pytest.mark.parametrize("layer", [1, 2, 4])
def test_units_far_below_zero_are_dead(layer, dtype):
    network = network_of(4, dtype=dtype)
    network.biases[layer - 1][:] = -50
    found = diagnose(network, X, TARGETS["log_loss"][1])
    assert (found.verdict, found.layer) == ("dead", layer)
    assert f"100% of the 64 units of layer {layer}" in found.explanation
    network.biases[layer - 1][:16] = 0  # a quarter is alive again
    assert diagnose(network, X).verdict == "healthy"


def test_a_single_dead_unit_is_no_share_of_0_percent():
    network = network_of(1, width=256)
    network.biases[0][0] = -50
    found = diagnose(network, X)
    assert found.verdict == "healthy"
    assert "at most 0.391% of a layer's units are dead" in found.explanation
    assert " 0.391% " in repr(found)
    assert "no unit is dead" in diagnose(network_of(1, activation="tanh"), X).explanation


@pytest.mark.parametrize("depth", [5, 30])
@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
def test_small_weights_vanish(depth, activation, dtype):
    found = diagnose(network_of(depth, activation=activation, initialization=scaled(0.1), dtype=dtype), X)
    assert found.verdict == "vanishing"
    assert "the weights are too small" in found.explanation
    assert 1 <= found.layer <= 5


@pytest.mark.parametrize("depth", [6, 10, 20])
def test_logistic_layers_vanish_though_their_outputs_keep_their_size(depth):
    network = network_of(depth, activation="logistic", initialization="xavier_normal")
    found = diagnose(network, X, TARGETS["log_loss"][1])
    assert found.verdict == "vanishing"
    assert "Jacobian" in found.explanation
    assert depth - 7 <= found.layer <= depth - 4  # where the slopes have multiplied to 1e-3, from the outputs on
    ratio = found.layers["jacobian_norm"][found.layer - 1] / found.layers["jacobian_norm"][depth - 1]
    assert f"{ratio:.3g} times" in found.explanation
    assert ratio < 1e-3 <= found.layers["jacobian_norm"][found.layer] / found.layers["jacobian_norm"][depth - 1]


@pytest.mark.parametrize("depth", [5, 30])
@pytest.mark.parametrize("activation", ["relu", "identity", "leaky_relu", "gelu"])
def test_large_weights_explode(depth, activation, dtype):
    found = diagnose(network_of(depth, activation=activation, initialization=scaled(8), dtype=dtype), X)
    assert (found.verdict, found.cause) == ("exploding", "weights")
    assert 2 <= found.layer <= 4
    assert "the weights are too large" in found.explanation


def test_growth_is_told_by_its_factor_per_layer():
    network = network_of(9, activation="identity", initialization=scaled(2.5, "orthogonal"))
    network.weights[0][:] /= 2.5
    found = diagnose(network, X)
    assert found.verdict == "exploding"
    assert "a factor of 2.5 per layer" in found.explanation
    sizes = np.hypot(found.layers["preactivation_mean"], np.sqrt(found.layers["preactivation_variance"]))
    assert sizes[found.layer - 1] > 100 * max(1, sizes[0]) >= sizes[found.layer - 2]


def test_gradients_explode_in_a_chaotic_network_that_is_not_saturated():
    """Weights too large in the first layers only, inputs so small that tanh stays linear."""
    network = network_of(6, activation="tanh", initialization=scaled(8, "lecun"))
    found = diagnose(network, 1e-7 * X)
    assert found.verdict == "exploding"
    assert "Jacobian" in found.explanation
    norms = found.layers["jacobian_norm"]
    assert norms[found.layer - 1] > 1000 * norms[5] >= norms[found.layer]


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
@pytest.mark.parametrize("layer", [1, 3])
def test_outputs_on_the_flat_parts_are_saturated(activation, layer, dtype):
    network = network_of(4, activation=activation, initialization=FITTING[activation](), dtype=dtype)
    network.weights[layer - 1][:] *= 30
    network.biases[layer - 1][:] *= 30
    found = diagnose(network, X, TARGETS["log_loss"][1])
    assert (found.verdict, found.layer, found.cause) == ("saturated", layer, "weights")
    assert f"{found.layers['saturated'][layer - 1]:.0%}" in found.explanation


@pytest.mark.parametrize("activation", ["elu", "selu"])
def test_units_far_below_zero_are_saturated_where_the_activation_levels_off(activation):
    network = network_of(2, activation=activation, initialization="lecun")
    network.biases[1][:] = -8
    assert (diagnose(network, X).verdict, diagnose(network, X).layer) == ("saturated", 2)


@pytest.mark.parametrize("loss", ["log_loss", "multinomial_log_loss"])
def test_logits_on_the_wrong_side_are_saturated(loss):
    network, y = network_of(1, loss=loss), TARGETS[loss][1]
    network.weights[1][:] *= 30
    found = diagnose(network, X, y)
    assert (found.verdict, found.layer) == ("saturated", 2)
    assert "on the wrong side" in found.explanation
    network.weights[1][:] *= 3
    assert diagnose(network, X).verdict == "saturated"  # beyond what a trained network needs, whatever y is


def test_the_exercises_large_random_start_saturates_the_output():
    inputs, y = circles(300, seed=1)
    network = MLP([2, 10, 5, 1], initialization="random", seed=3)
    found = diagnose(network, inputs, y)
    assert (found.verdict, found.layer, found.cause) == ("saturated", 3, "weights")
    assert "100% of the outputs" not in found.explanation  # with y, those on the wrong side count
    assert "on the wrong side" in found.explanation
    assert "100% of the outputs are saturated" in diagnose(network, inputs).explanation


def test_the_remedy_is_another_than_what_the_network_has():
    for initialization, remedy in (("lecun", 'Try initialization="he"'), ("he", "Try fewer or wider layers")):
        network = network_of(5, initialization=initialization)
        network.weights[1][:] *= 1e-4
        assert remedy in diagnose(network, X).explanation
    logistic = diagnose(network_of(10, activation="logistic", initialization="xavier_normal"), X)
    assert 'Try activation="tanh"' in logistic.explanation


# ---- the cause


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("with_targets", [True, False])
def test_features_near_17_000_are_the_cause_and_not_the_weights(loss, activation, with_targets, dtype):
    inputs = np.c_[17_000 + 300 * X[:, 0], 16_500 + 800 * X[:, 1]]
    network = network_of(2, loss=loss, activation=activation, n_features=2, initialization="he", dtype=dtype)
    found = diagnose(network, inputs, TARGETS[loss][1] if with_targets else None)
    assert (found.verdict, found.cause, found.layer) == ("exploding", "features", 1)
    assert re.match(
        r"features too large: columns 0, 1 of X have a root mean square of up to 1\.7e\+04", found.explanation
    )
    assert "Standardize" in found.explanation
    assert "too large: the" not in found.explanation
    standardized = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    assert_healthy(network, standardized, TARGETS[loss][1])


def test_features_far_from_0_are_the_cause_of_dead_units():
    """Weights below 0 on features near 50 keep every unit off; around 0, they let half of the examples through."""
    network = network_of(2, n_features=2)
    network.weights[0][:] = -np.abs(network.weights[0])
    found = diagnose(network, 50 + X[:, :2])
    assert (found.verdict, found.layer, found.cause) == ("dead", 1, "features")


@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_weights_that_vanish_are_the_cause_on_large_features_too(activation):
    """Of relu's the pre-activations shrink, of logistic's the Jacobians alone."""
    initialization = scaled(0.1) if activation == "relu" else "xavier_normal"
    network = network_of(10, activation=activation, initialization=initialization)
    inputs = X.copy()
    inputs[:, 0] *= 15
    found = diagnose(network, inputs)
    assert (found.verdict, found.cause) == ("vanishing", "weights")


def test_one_large_column_among_others_is_named():
    inputs = X.copy()
    inputs[:, 3] *= 1e5
    found = diagnose(network_of(1), inputs)
    assert found.explanation.startswith("features too large: column 3 of X has ")


def test_images_from_0_to_255_saturate_the_outputs():
    inputs = RNG.integers(0, 256, (100, 16)).astype(float)
    found = diagnose(network_of(2, loss="multinomial_log_loss"), inputs, RNG.integers(0, 4, 100))
    assert (found.verdict, found.cause) == ("saturated", "features")


def test_large_weights_on_large_features_are_the_cause_if_scaling_does_not_help():
    network = network_of(2, initialization=scaled(1e4))
    assert diagnose(network, 100 * X).cause == "weights"


# ---- what is not finite


@pytest.mark.parametrize("with_targets", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh", "identity"])
@pytest.mark.parametrize("loss", [*TARGETS, "poisson"])
def test_sums_that_overflow_explode_without_a_warning(loss, activation, with_targets, dtype):
    n_outputs, y = TARGETS.get(loss, (1, RNG.integers(0, 5, 200)))
    network = MLP([16, 8, 8, n_outputs], loss=loss, activation=activation, dtype=dtype, seed=0)
    largest = np.finfo(dtype).max
    network.weights[1][:] *= largest / 100
    network.weights[2][:] *= 1e3
    found = diagnose(network, X, y if with_targets else None, histograms=3)
    assert (found.verdict, found.layer) == ("exploding", 2)
    assert repr(found)
    assert found.condition_number == pytest.approx(found.condition_number, nan_ok=True)


def test_sums_whose_squares_alone_overflow_explode():
    network = network_of(2, dtype="float32")
    network.weights[1][:] *= 1e25
    found = diagnose(network, X)
    assert (found.verdict, found.layer) == ("exploding", 2)
    assert found.explanation.startswith("squares of pre-activations of layer 2 leave the range of float32; their root")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_that_are_not_finite_explode(value):
    network = network_of(3)
    network.weights[1][2, 3] = value
    found = diagnose(network, X, TARGETS["log_loss"][1], histograms=3)
    assert (found.verdict, found.layer) == ("exploding", 2)
    assert "parameters of layer 2 are not finite" in found.explanation


def test_features_that_overflow_are_the_cause():
    found = diagnose(network_of(2), 1e300 * X)
    assert (found.verdict, found.layer, found.cause) == ("exploding", 1, "features")


def test_a_gradient_that_overflows_explodes():
    network = network_of(2, loss="squared_error", activation="identity", dtype="float32")
    network.weights[0][:] *= 1e-30
    network.weights[2][:] *= 1e25
    found = diagnose(network, X, TARGETS["squared_error"][1])
    assert found.verdict == "exploding"


# ---- the table


def test_thresholds_are_documented_and_belong_to_a_verdict():
    for name, entry in thresholds.THRESHOLDS.items():
        assert entry.name == name
        assert entry.value > 0
        assert set(entry.verdict.split(", ")) <= set(VERDICTS)
        assert len(entry.rule) > 10
        assert len(entry.reason) > 10


@pytest.mark.parametrize(
    ("name", "value", "make", "before"),
    [
        ("growth", 1e-3, lambda: network_of(3), "healthy"),
        ("size", 1e-3, lambda: network_of(3), "healthy"),
        ("gradient_growth", 1e-3, lambda: network_of(3), "healthy"),
        ("vanishing", 1e3, lambda: network_of(3), "healthy"),
        ("dead_share", 0.0, lambda: network_of(3), "healthy"),
        ("saturated_share", 0.0, lambda: network_of(3, activation="tanh"), "healthy"),
        ("flat_slope", 0.999, lambda: network_of(3, activation="tanh"), "healthy"),
        ("certain_logit", 1e-3, lambda: network_of(3), "healthy"),
    ],
)
def test_every_threshold_decides(name, value, make, before, monkeypatch):
    network = make()
    assert diagnose(network, X).verdict == before
    entry = thresholds.THRESHOLDS[name]
    changed = thresholds.Threshold(name, value, entry.verdict, entry.rule, entry.reason)
    monkeypatch.setitem(thresholds.THRESHOLDS, name, changed)
    assert diagnose(network, X).verdict == entry.verdict


def test_assert_healthy_raises_with_the_explanation():
    network, y = network_of(2, initialization="zeros"), TARGETS["log_loss"][1]
    with pytest.raises(AssertionError, match="symmetric from layer 1: all 64 units of layer 1 have the same"):
        assert_healthy(network, X, y)
    assert assert_healthy(network_of(2), X, y) is None


def test_the_guide_shows_every_threshold_and_every_verdict():
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "diagnosis.md").read_text(encoding="utf-8")
    rows = [
        tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in guide.splitlines() if line[:1] == "|"
    ]
    shown = [row for row in rows if row[0].startswith("`")]
    assert shown == [
        (f"`{entry.name}`", f"{entry.value:g}", entry.verdict, entry.rule, entry.reason)
        for entry in thresholds.THRESHOLDS.values()
    ]
    assert {row[0] for row in rows if len(row) == 2} - {"verdict", "---"} == set(VERDICTS)
