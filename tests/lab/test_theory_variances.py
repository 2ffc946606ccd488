"""Predicted variances by layer beside those of networks that were drawn."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from fastmlp import MLP, _kernels, initializers
from fastmlp.lab.theory import mean_field, predicted_variances
from fastmlp.reference.activation import ACTIVATIONS, DERIVATIVES

SIGMAS = 4.5  # each test looks at up to a dozen numbers


def drawn(weight_variances, bias_variance):
    """A start of Gaussian weights, whose variance by layer is given times fan_in."""

    def draw(layer_dims, seed):
        generator = np.random.default_rng(seed)
        shapes = [(fan_out, fan_in) for fan_in, fan_out in itertools.pairwise(layer_dims)]
        weights = [
            generator.standard_normal(shape) * math.sqrt(variance / shape[1])
            for variance, shape in zip(weight_variances, shapes, strict=True)
        ]
        return weights, [generator.standard_normal(shape[0]) * math.sqrt(bias_variance) for shape in shapes]

    return draw


def measured(layer_dims, activation, initialization, seed):
    """Mean squares of z by layer at one example, and of dz over that of the output layer."""
    generator = np.random.default_rng(1000 + seed)
    network = MLP(layer_dims, activation=activation, initialization=initialization, loss="squared_error", seed=seed)
    x = generator.standard_normal((1, layer_dims[0]))
    x /= np.sqrt((x**2).mean())
    targets = 10 * generator.standard_normal((layer_dims[-1], 1))
    data = _kernels.Data(x, targets)
    layers = network.engine(1, data).layers(network.parameters, data)
    forward = np.array([(layer["z"] ** 2).mean() for layer in layers])
    backward = np.array([(layer["dz"] ** 2).mean() for layer in layers])
    return forward, backward / backward[-1]


def assert_within_the_noise(predicted, forward, backward):
    assert (np.abs(forward - predicted["forward"]) <= SIGMAS * predicted["forward_deviation"]).all()
    off = np.abs(backward - predicted["backward"])
    assert (off <= SIGMAS * predicted["backward_deviation"] + 1e-12).all()


WIDE = [784, 1000, 1000, 800, 1000, 1000, 10]


def glorot_variances(layer_dims):
    return [2 * fan_in / (fan_in + fan_out) for fan_in, fan_out in itertools.pairwise(layer_dims)]


@pytest.mark.parametrize(
    ("name", "activation", "variances", "theory"),
    [
        ("he", "relu", 2.0, "he"),
        ("he", "leaky_relu", 2.0, "he"),
        ("xavier_normal", "identity", glorot_variances(WIDE), "glorot"),
        ("xavier_uniform", "tanh", glorot_variances(WIDE), "mean_field"),
        ("xavier_normal", "relu", glorot_variances(WIDE), "he"),
        ("lecun", "selu", 1.0, "mean_field"),
        ("lecun", "logistic", 1.0, "mean_field"),
        ("he", "gelu", 2.0, "mean_field"),
        ("he", "silu", 2.0, "mean_field"),
        ("lecun", "softplus", 1.0, "mean_field"),
        ("he", ["relu", "tanh", "elu", "gelu", "relu"], 2.0, "mean_field"),
    ],
)
def test_variances_of_our_initializers_at_width_1000(name, activation, variances, theory):
    predicted = predicted_variances(WIDE, activation, variances, theory=theory)
    assert (predicted["forward_deviation"][:-1] < 0.25 * predicted["forward"][:-1]).all()  # the test is a narrow one
    for seed in range(2):
        assert_within_the_noise(predicted, *measured(WIDE, activation, name, seed))


def test_the_variance_of_a_drawn_initializer_may_be_measured():
    """Any initializer will do, by the variance of its draw times fan_in."""
    layer_dims = [300, 200, 300, 250, 10]
    weights, _ = initializers.get("orthogonal")(layer_dims, seed=0)
    variances = [matrix.var() * matrix.shape[1] for matrix in weights]
    predicted = predicted_variances(layer_dims, "tanh", variances)
    assert_within_the_noise(predicted, *measured(layer_dims, "tanh", "orthogonal", 0))


@pytest.mark.parametrize(
    ("activation", "weight_variance", "bias_variance"),
    [
        ("relu", 2.0, 0.0),
        ("tanh", 1.7, 0.05),
        ("tanh", 4.0, 0.1),
        ("gelu", 2.0, 0.2),
        ("selu", 1.0, 0.1),
        ("logistic", 12.8, 0.0),
    ],
)
def test_the_noise_is_that_of_many_draws(activation, weight_variance, bias_variance):
    """A standard deviation of 1,000 draws fluctuates by 2 to 4 %; what is left out is of the size 1 / width: 2 %."""
    layer_dims = [40, 150, 150, 100, 150, 20]
    predicted = predicted_variances(layer_dims, activation, weight_variance, bias_variance)
    start = drawn([weight_variance] * 5, bias_variance)
    forward, backward = map(
        np.array, zip(*(measured(layer_dims, activation, start, seed) for seed in range(1000)), strict=True)
    )
    assert_within_the_noise_of_a_mean(forward, predicted["forward"], predicted["forward_deviation"])
    assert_within_the_noise_of_a_mean(
        backward[:, :-1], predicted["backward"][:-1], predicted["backward_deviation"][:-1]
    )
    np.testing.assert_allclose(forward.std(axis=0), predicted["forward_deviation"], rtol=0.15)
    np.testing.assert_allclose(backward.std(axis=0), predicted["backward_deviation"], rtol=0.15, atol=1e-12)


def test_forward_and_backward_fluctuate_together_as_predicted():
    """Layers of independent normal z and of gradients h alone, as wide layers have them, in 2,000 draws."""
    widths, n, weight_variance = [400, 1600, 1600, 1600, 10], 2000, 2.0
    phi, slope = ACTIVATIONS["silu"], DERIVATIVES["silu"]
    generator = np.random.default_rng(0)
    variance, zs, forward = np.full((n, 1), weight_variance), [], []
    for width in widths[:-1]:
        zs.append(np.sqrt(variance) * generator.standard_normal((n, width)))
        forward.append((zs[-1] ** 2).mean(axis=1))
        variance = weight_variance * (phi(zs[-1]) ** 2).mean(axis=1, keepdims=True)
    mean_square, backward = np.ones((n, 1)), []
    for z, width, above in reversed(list(zip(zs, widths[:-1], widths[1:], strict=True))):
        deviation = np.sqrt(weight_variance * above / width * mean_square)
        mean_square = ((slope(z) * deviation * generator.standard_normal(z.shape)) ** 2).mean(axis=1, keepdims=True)
        backward.insert(0, mean_square.ravel())
    predicted = predicted_variances([160, *widths], "silu", weight_variance)[:-1]
    np.testing.assert_allclose(np.std(forward, axis=1), predicted["forward_deviation"], rtol=0.06)
    np.testing.assert_allclose(np.std(backward, axis=1), predicted["backward_deviation"], rtol=0.06)


def assert_within_the_noise_of_a_mean(found, expected, deviation):
    off = np.abs(found.mean(axis=0) - expected)
    assert (off <= SIGMAS * deviation / math.sqrt(len(found)) + 0.03 * expected).all()  # 3 %: terms of order 1 / width


def test_the_theories_differ_where_their_assumptions_do():
    dims = [50] * 6
    mean_field_of, he, glorot = (
        predicted_variances(dims, "tanh", 2.0, theory=theory) for theory in ("mean_field", "he", "glorot")
    )
    np.testing.assert_allclose(he["forward"], 2.0)  # q_1 = 2, then a factor 1 per layer
    np.testing.assert_allclose(glorot["forward"], 2.0 ** np.arange(1, 6))
    np.testing.assert_allclose(glorot["backward"], 2.0 ** np.arange(4, -1, -1))
    steps = [float(mean_field("tanh", math.sqrt(2)).variance_map(q)) for q in mean_field_of["forward"][:-1]]
    np.testing.assert_allclose(mean_field_of["forward"][1:], steps, rtol=1e-12)


def test_relu_s_noise_is_that_of_the_exact_law():
    """Var M = prod (1 + 5 / n) - 1, to first order 5 sum 1 / n, and 2 / n for the mean over the last layer's z."""
    predicted = predicted_variances([10, 40, 60, 30, 20], "relu", 2.0)
    relative = (predicted["forward_deviation"] / predicted["forward"]) ** 2
    expected = np.array([2 / 40, 5 / 40 + 2 / 60, 5 / 40 + 5 / 60 + 2 / 30, 5 / 40 + 5 / 60 + 5 / 30 + 2 / 20])
    np.testing.assert_allclose(relative, expected, rtol=1e-12)
    backward = (predicted["backward_deviation"] / predicted["backward"]) ** 2
    np.testing.assert_allclose(backward[::-1], [0, 5 / 30, 5 / 30 + 5 / 60, 5 / 30 + 5 / 60 + 5 / 40], rtol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "silu", "softplus"])
def test_the_noise_is_that_of_the_first_order(name):
    """Two hidden layers, with every moment by SciPy's quadrature and every derivative by a difference."""
    widths, weight_variance, bias_variance = np.array([60, 40, 30]), 1.7, 0.05
    phi, slope = (lambda z, of=of: float(of(np.array([z]))[0]) for of in (ACTIVATIONS[name], DERIVATIVES[name]))

    def mean(function, q):
        ends = 12 * math.sqrt(q)
        return integrate.quad(lambda z: function(z) * stats.norm.pdf(z, 0, math.sqrt(q)), -ends, ends, epsrel=1e-11)[0]

    def log_growth(function, q, step=1e-4):
        above, below = (mean(lambda z: function(z) ** 2, q * math.exp(sign * step)) for sign in (1, -1))
        return math.log(above / below) / (2 * step)

    q_1 = weight_variance + bias_variance
    square = mean(lambda z: phi(z) ** 2, q_1)
    q_2 = weight_variance * square + bias_variance
    share = weight_variance * square / q_2
    squares = [mean(lambda z: phi(z) ** 2, q) for q in (q_1, q_2)]
    slopes = [mean(lambda z: slope(z) ** 2, q) for q in (q_1, q_2)]
    noise = [mean(lambda z: phi(z) ** 4, q) / at**2 - 1 for q, at in zip((q_1, q_2), squares, strict=True)]
    slope_noise = [3 * mean(lambda z: slope(z) ** 4, q) / at**2 - 1 for q, at in zip((q_1, q_2), slopes, strict=True)]
    shared = mean(lambda z: (phi(z) * slope(z)) ** 2, q_1) / (squares[0] * slopes[0]) - 1
    q_3 = weight_variance * squares[1] + bias_variance
    share_2 = weight_variance * squares[1] / q_3
    passed_on = share_2 * log_growth(phi, q_2) * share
    slope_growth = log_growth(slope, q_2) * share
    forward = [0, share**2 * noise[0] / 60, passed_on**2 * noise[0] / 60 + share_2**2 * noise[1] / 40]
    backward = [
        slope_noise[0] / 60 + slope_noise[1] / 40 + (slope_growth**2 * noise[0] + 2 * slope_growth * shared) / 60,
        slope_noise[1] / 40 + slope_growth**2 * noise[0] / 60,
        0,
    ]
    predicted = predicted_variances([50, *widths], name, weight_variance, bias_variance)
    np.testing.assert_allclose(predicted["forward"], [q_1, q_2, q_3], rtol=1e-8)
    np.testing.assert_allclose(
        (predicted["forward_deviation"] / predicted["forward"]) ** 2, 2 / widths + forward, rtol=1e-6
    )
    np.testing.assert_allclose(
        (predicted["backward_deviation"] / predicted["backward"]) ** 2, backward, rtol=1e-6, atol=1e-12
    )


def test_widths_and_numbers_stand_in_the_rows():
    predicted = predicted_variances([3, 5, 2], "tanh", [1.0, 2.0], [0.5, 0.0], input_variance=4.0)
    assert predicted["layer"].tolist() == [1, 2]
    assert predicted["fan_in"].tolist() == [3, 5]
    assert predicted["width"].tolist() == [5, 2]
    assert predicted["forward"][0] == 4.5


@pytest.mark.parametrize("weight_variance", [0.0, 1e-3, 1e2])
def test_signals_that_vanish_or_explode_are_numbers(weight_variance):
    for activation in ("relu", "tanh", "softplus"):
        predicted = predicted_variances([10] * 120, activation, weight_variance)
        for name in predicted.dtype.names:
            assert np.isfinite(predicted[name]).all(), name
