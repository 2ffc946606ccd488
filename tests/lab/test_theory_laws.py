"""Exact laws of random networks, in closed form and beside networks that were drawn."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from fastmlp import MLP, _kernels, initializers
from fastmlp.lab.theory import born_dead_probability, edge_of_chaos, jacobian_spectrum, length_law, mean_field
from fastmlp.reference.activation import DERIVATIVES

WIDTH = 200  # of the networks whose Jacobian is measured
SIGMAS = 4  # of the sampling error, that a measurement may be off


def hidden_layers(network, x):
    """The arrays of every hidden layer at one example."""
    layers = network.engine(1).layers(network.parameters, _kernels.Data(x))
    return layers[:-1]


def inputs(n_features, seed=0):
    return np.random.default_rng(seed).standard_normal((1, n_features))


@pytest.mark.parametrize(
    ("layer_dims", "expected"),
    [
        ([3, 1], 0),
        ([3, 1, 1], 1 / 2),
        ([5, 2, 3, 4], 1 - 3 / 4 * 7 / 8),
        ([1, 60, 1], 2.0**-60),
        ([1, *[4] * 500, 1], 1),
    ],
)
def test_born_dead_probability_is_the_formula(layer_dims, expected):
    assert born_dead_probability(layer_dims) == pytest.approx(expected, rel=1e-12)


def test_as_many_networks_are_born_dead_as_predicted():
    layer_dims, x, n = [3, 2, 3, 4, 3, 1], inputs(3), 2000
    dead = sum(
        any((layer["a"] == 0).all() for layer in hidden_layers(MLP(layer_dims, seed=seed), x)) for seed in range(n)
    )
    p = born_dead_probability(layer_dims)
    assert abs(dead / n - p) <= SIGMAS * math.sqrt(p * (1 - p) / n)


@pytest.mark.parametrize("n", [1, 3, 20])
def test_the_mean_and_variance_of_the_log_are_sums_over_the_units_that_are_on(n):
    """By mpmath, with the density of the chi-squared variable."""
    alive = 1 - mpmath.mpf(2) ** -n
    moments = [
        sum(
            mpmath.binomial(n, k)
            / 2**n
            / alive
            * mpmath.quad(
                lambda x, k=k, power=power: (
                    mpmath.log(2 * x / n) ** power
                    * x ** (mpmath.mpf(k) / 2 - 1)
                    * mpmath.exp(-x / 2)
                    / (2 ** (mpmath.mpf(k) / 2) * mpmath.gamma(mpmath.mpf(k) / 2))
                ),
                [0, 0.1, 1, k, 3 * k + 10, 200],
            )
            for k in range(1, n + 1)
        )
        for power in (1, 2)
    ]
    law = length_law([7, n, n, 1])
    assert law.mean == pytest.approx(2 * float(moments[0]), rel=1e-6)
    assert law.variance == pytest.approx(2 * float(moments[1] - moments[0] ** 2), rel=1e-6)


def test_wide_networks_have_the_published_law():
    """Hanin & Nica 2020: about N(-b/2, b)."""
    law = length_law([100, *[2000] * 100, 1])
    assert law.b == pytest.approx(0.25, rel=1e-12)
    assert law.mean == pytest.approx(-law.b / 2, rel=2e-3)
    assert law.variance == pytest.approx(law.b, rel=2e-3)


def test_the_length_of_a_signal_has_the_law():
    layer_dims, n = [12, 20, 30, 20, 30, 20, 1], 1500
    x, law = inputs(12), length_law([12, 20, 30, 20, 30, 20, 1])
    ratios = np.array(
        [
            (hidden_layers(MLP(layer_dims, initialization="he", seed=seed), x)[-1]["a"] ** 2).mean() / (x**2).mean()
            for seed in range(n)
        ]
    )
    logs = np.log(ratios)
    assert abs(logs.mean() - law.mean) <= SIGMAS * math.sqrt(law.variance / n)
    fourth = stats.kurtosis(logs) + 2
    assert abs(logs.var(ddof=1) - law.variance) <= SIGMAS * law.variance * math.sqrt(fourth / n)
    assert abs(ratios.mean() - 1) <= SIGMAS * math.sqrt(law.relative_variance / n)
    assert stats.kstest(logs, stats.norm(-law.b / 2, math.sqrt(law.b)).cdf).statistic < 0.1  # "about" a normal law


@pytest.mark.parametrize("depth", [1, 2, 3, 10, 60])
def test_the_largest_eigenvalues_are_the_published_ones(depth):
    """Pennington et al. 2017; with one layer of orthogonal weights, D W W^T D is 2 for the units that are on."""
    gaussian = (depth + 1) ** (depth + 1) / depth**depth
    assert jacobian_spectrum("identity", depth).largest == pytest.approx(gaussian, rel=1e-9)
    orthogonal = depth**depth / (depth - 1) ** (depth - 1) if depth > 1 else 2
    assert jacobian_spectrum("relu", depth, weights="orthogonal").largest == pytest.approx(orthogonal, rel=1e-7)
    assert jacobian_spectrum("identity", depth, weights="orthogonal").largest == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    ("activation", "weights", "expected"),
    [("identity", "gaussian", 1), ("identity", "orthogonal", 0), ("relu", "gaussian", 2), ("relu", "orthogonal", 1)],
)
def test_the_variance_of_the_eigenvalues_grows_with_the_depth(activation, weights, expected):
    """Mean 1, and per layer the variances of phi'^2 over its mean, 1 for relu, and of Gaussian weights, 1."""
    for depth in (1, 7):
        law = jacobian_spectrum(activation, depth, weights=weights)
        assert (law.mean, law.variance) == pytest.approx((1, expected * depth), rel=1e-10, abs=1e-10)


def drawn_spectrum(activation, depth, weights, bias_std, seed):
    """Eigenvalues of J J^T of a network of the package's own initializers, at one example in the fixed point."""
    width, weight_std = WIDTH, edge_of_chaos(activation, bias_std)
    theory = mean_field(activation, weight_std, bias_std)

    def draw(layer_dims, seed):
        rule = initializers.get("orthogonal" if weights == "orthogonal" else "lecun")
        matrices, _ = rule(layer_dims, seed)
        biases = [bias_std * np.random.default_rng(seed).standard_normal(len(matrix)) for matrix in matrices]
        return [weight_std * matrix for matrix in matrices], biases

    network = MLP([width] * (depth + 1) + [1], activation=activation, initialization=draw, seed=seed)
    scale = math.sqrt(max(theory.fixed_point - bias_std**2, 0)) / weight_std
    x = inputs(width, seed)
    layers = hidden_layers(network, x / np.sqrt((x**2).mean()) * scale)
    jacobian = np.eye(width)
    for layer, matrix in zip(layers, network.weights, strict=False):
        jacobian = DERIVATIVES[activation](layer["z"]) * (matrix @ jacobian)
    return np.linalg.svd(jacobian, compute_uv=False) ** 2


@pytest.mark.parametrize(("activation", "bias_std"), [("identity", 0.0), ("relu", 0.0), ("tanh", 0.1), ("elu", 0.2)])
@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
def test_the_jacobian_has_the_spectrum(activation, bias_std, weights):
    """In units of each draw's mean, which fluctuates by up to sqrt(depth / width) of itself.

    At width 200 and depth 4, the end of the spectrum lies below that of infinite width, by 14 % for Gaussian
    weights and 4 % for orthogonal ones.
    """
    depth, n_draws = 4, 5
    theory = jacobian_spectrum(activation, depth, bias_std=bias_std, weights=weights)
    eigenvalues = np.array([drawn_spectrum(activation, depth, weights, bias_std, seed) for seed in range(n_draws)])
    means = eigenvalues.mean(axis=1)
    assert means.mean() == pytest.approx(theory.mean, rel=SIGMAS * math.sqrt(depth / (WIDTH * n_draws)))
    assert (eigenvalues.var(axis=1) / means**2).mean() == pytest.approx(theory.variance, rel=0.1, abs=1e-9)
    lowest = 0.8 if weights == "gaussian" else 0.93
    assert lowest <= (eigenvalues.max(axis=1) / means).mean() / theory.largest <= 1.03


def test_a_layer_of_other_width_is_another_factor():
    laws = [length_law([5, *widths, 1]) for widths in itertools.permutations([4, 9, 30])]
    assert len({round(law.variance, 12) for law in laws}) == 1
    assert laws[0].relative_variance == pytest.approx((1 + 5 / 4) * (1 + 5 / 9) * (1 + 5 / 30) - 1, rel=1e-12)
