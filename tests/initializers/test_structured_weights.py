"""Rules with a structure: the identity by which each is defined."""

import numpy as np
import pytest
from initializing import drawn, one
from scipy import stats
from scipy.linalg import hadamard

from fastmlp import MLP, initializers
from fastmlp.initializers import Identity, LooksLinear, Orthogonal, Sparse, ZerO, structured
from fastmlp.reference.activation import ACTIVATIONS, DERIVATIVES

SHAPES = [(20, 8), (8, 20), (9, 9), (1, 5), (5, 1)]


@pytest.mark.parametrize(("fan_in", "fan_out"), SHAPES)
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_the_singular_values_of_orthogonal_are_its_gain(fan_in, fan_out, gain):
    weights, _ = one(Orthogonal(gain), fan_in, fan_out)
    np.testing.assert_allclose(np.linalg.svd(weights, compute_uv=False), gain, rtol=1e-13)


def test_orthogonal_is_uniform_over_the_rotations():
    """The square of an entry of a uniform orthogonal matrix of size n is Beta(1/2, (n - 1)/2)."""
    rng = np.random.default_rng(2)
    entries = [one(Orthogonal(), 5, 5, rng)[0][1, 2] for _ in range(2000)]
    assert stats.kstest(np.square(entries), stats.beta(0.5, 2).cdf).pvalue > 0.01
    assert stats.binomtest(int(np.sum(np.array(entries) > 0)), 2000).pvalue > 0.01


@pytest.mark.parametrize(("n", "fan_in", "expected"), [(15, 100, 15), (3, 8, 3), (15, 10, 10), (1, 1, 1)])
def test_sparse_has_exactly_k_weights_for_each_unit(n, fan_in, expected):
    weights, _ = one(Sparse(n_connections=n), fan_in, 40)
    assert ((weights != 0).sum(axis=1) == expected).all()


def test_sparse_weights_are_normal_and_any_input_is_as_likely():
    weights, _ = one(Sparse(n_connections=5, scale=0.5), 50, 4000)
    values = weights[weights != 0]
    assert stats.kstest(values, stats.norm(scale=0.5).cdf).pvalue > 0.01
    assert stats.chisquare((weights != 0).sum(axis=0)).pvalue > 0.01


@pytest.mark.parametrize(("fan_in", "fan_out"), SHAPES)
def test_identity_passes_inputs_on(fan_in, fan_out):
    weights, biases = one(Identity(gain=1.5), fan_in, fan_out)
    x = np.arange(1.0, fan_in + 1)
    passed = min(fan_in, fan_out)
    np.testing.assert_array_equal(weights @ x + biases, [*(1.5 * x[:passed]), *[0.0] * (fan_out - passed)])


# ---- looks linear


def linear_map(model, n_features):
    """Outputs of the unit vectors, and of random combinations of them with their expected outputs."""
    base = model.predict(np.zeros((1, n_features)))
    columns = model.predict(np.eye(n_features)) - base
    points = np.random.default_rng(0).normal(0, 10, (50, n_features))
    return model.predict(points) - base, points @ columns, columns


@pytest.mark.parametrize("activation", structured.LINEAR_IN_PAIRS)
@pytest.mark.parametrize("dims", [[3, 8, 8, 8, 8, 2], [3, 7, 5, 2, 4], [4, 2, 3, 4]])
def test_a_looks_linear_network_is_linear(activation, dims):
    model = MLP(dims, activation=activation, loss="squared_error", initialization="looks_linear", seed=0)
    found, expected, columns = linear_map(model, dims[0])
    np.testing.assert_allclose(found, expected, atol=1e-11 * np.abs(expected).max())
    assert np.abs(columns).max() > 1e-3


@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_a_looks_linear_network_of_relu_that_does_not_narrow_keeps_lengths_up_to_the_gain(gain):
    rule = LooksLinear(gain)
    model = MLP([4, 8, 10, 13, 6], loss="squared_error", initialization=rule, seed=1)
    _, _, columns = linear_map(model, 4)
    np.testing.assert_allclose(np.linalg.svd(columns, compute_uv=False), gain**4, rtol=1e-12)


def test_looks_linear_is_exactly_the_activations_that_are_linear_in_pairs():
    z = np.linspace(-3, 3, 50)
    for name in DERIVATIVES:
        odd = (ACTIVATIONS[name](z) - ACTIVATIONS[name](-z)) / z
        assert (np.ptp(odd) < 1e-12) == (name in structured.LINEAR_IN_PAIRS)


def test_all_units_of_a_looks_linear_network_can_learn():
    """The unit without a partner has weights in, and a gradient of the weights out."""
    model = MLP([3, 5, 1], initialization="looks_linear", seed=0)
    assert np.abs(model.weights[0]).min(axis=1).all()
    assert (model.weights[1][:, 4] == 0).all()
    X = np.random.default_rng(0).normal(size=(20, 3))
    _, gradient = model.loss_and_gradient(X, X[:, 0] > 0)
    assert model.plan.split(gradient)[0][1].all()


@pytest.mark.parametrize("activation", sorted(set(DERIVATIVES) - set(structured.LINEAR_IN_PAIRS)))
def test_looks_linear_refuses_activations_that_are_not_linear_in_pairs(activation):
    message = f"initialization looks_linear needs one of identity, relu, .*softplus; got {activation}"
    with pytest.raises(ValueError, match=message):
        MLP([3, 4, 1], activation=activation, initialization="looks_linear")


def test_looks_linear_refuses_a_hidden_layer_of_one_unit():
    with pytest.raises(ValueError, match="looks_linear needs hidden layers of at least 2 units, got 1"):
        MLP([3, 4, 1, 2], loss="squared_error", initialization="looks_linear")


# ---- without chance


@pytest.mark.parametrize(("fan_in", "fan_out"), [(8, 5), (30, 29), (5, 8), (7, 7), (3, 1), (1, 5), (2, 10)])
def test_sinusoidal_weights_are_the_paper_s_waves(fan_in, fan_out):
    weights, biases = one(initializers.get("sinusoidal"), fan_in, fan_out)
    i, j = np.arange(1, fan_out + 1)[:, np.newaxis], np.arange(fan_in)
    waves = np.sin(2 * np.pi * i * j / fan_in + 2 * np.pi * i / fan_out)
    amplitude = np.sqrt(2 / ((fan_in + fan_out) * waves.var()))
    np.testing.assert_allclose(weights, amplitude * waves, atol=1e-11)
    assert weights.var() == pytest.approx(2 / (fan_in + fan_out), rel=1e-12)
    assert not biases.any()
    if fan_out < fan_in:
        np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-12)


def test_sinusoidal_weights_follow_the_arcsine_distribution():
    weights, _ = one(initializers.get("sinusoidal"), 211, 101)
    amplitude = np.abs(weights).max()
    distance = stats.kstest(weights.ravel() / amplitude, stats.arcsine(-1, 2).cdf).statistic
    assert distance < 0.01


@pytest.mark.parametrize(("fan_in", "fan_out"), [(1, 1), (2, 1), (1, 2)])
def test_sinusoidal_refuses_a_layer_of_zeros(fan_in, fan_out):
    message = f"sinusoidal has only sines of 0 for a layer of {fan_in} inputs and {fan_out} units"
    with pytest.raises(ValueError, match=message):
        one(initializers.get("sinusoidal"), fan_in, fan_out)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(2, 10), (3, 4), (5, 16), (1, 2), (16, 17)])
def test_zero_has_a_part_of_a_hadamard_matrix_where_the_width_grows(fan_in, fan_out):
    weights, _ = one(ZerO(), fan_in, fan_out)
    size = 1 << (fan_out - 1).bit_length()
    np.testing.assert_array_equal(weights, hadamard(size)[:fan_out, :fan_in] / size**0.5)
    if size == fan_out:
        np.testing.assert_allclose(weights.T @ weights, np.eye(fan_in), atol=1e-15)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(4, 4), (10, 3), (1, 1)])
def test_zero_is_the_identity_elsewhere(fan_in, fan_out):
    np.testing.assert_array_equal(one(ZerO(), fan_in, fan_out)[0], np.eye(fan_out, fan_in))


def test_zero_has_zeros_and_ones_only_up_to_a_factor():
    weights, biases = drawn("hadamard", dims=(5, 12, 12, 3))
    for w in weights:
        assert len(np.unique(np.abs(w[w != 0]))) == 1
    assert not np.concatenate(biases).any()
