"""Rules made for an activation: critical, Kumar's, Nguyen and Widrow's, SIREN, randomized asymmetric."""

import re

import numpy as np
import pytest
from initializing import one, preactivations
from scipy import stats

from fastmlp import MLP, initializers
from fastmlp.initializers import Kumar, NguyenWidrow, RandomizedAsymmetric, Siren
from fastmlp.initializers.by_activation import critical_point
from fastmlp.lab.theory import criticality

# ---- critical


@pytest.mark.parametrize(
    ("activation", "weight_variance", "bias_variance"),
    [("relu", 2.0, 0.0), ("tanh", 1.0, 0.0), ("gelu", 1.98305826, 0.172922391)],
)
def test_critical_has_the_variances_of_the_book(activation, weight_variance, bias_variance):
    weights, biases = initializers.get("critical")([5, 20_000, 5, 1], seed=0, activations=activation)
    for w in weights[:2]:
        assert stats.kstest(w.ravel(), stats.norm(scale=(weight_variance / w.shape[1]) ** 0.5).cdf).pvalue > 0.01
    assert biases[0].std() == pytest.approx(bias_variance**0.5, rel=0.01)
    if bias_variance:
        assert stats.kstest(biases[0], stats.norm(scale=bias_variance**0.5).cdf).pvalue > 0.01


def test_critical_takes_the_activation_that_the_inputs_come_from():
    activations = ["tanh", "relu", "gelu", "identity"]
    weights, biases = initializers.get("critical")([400] * 5, seed=0, activations=activations)
    found = [w.var() * 400 for w in weights]
    np.testing.assert_allclose(found, [1, 1, 2, 1.983], rtol=0.02)
    assert [b.any() for b in biases] == [False, False, False, True]
    assert MLP([3, 1], activation=[], initialization="critical").weights[0].any()


def test_critical_asks_the_theory_once_for_an_activation():
    critical_point.cache_clear()
    for seed in range(3):
        initializers.get("critical")([5, 6, 6, 1], seed, "gelu")
    assert critical_point.cache_info().misses == 1


def test_critical_gives_the_theory_s_reason_where_there_is_no_critical_point():
    reason = criticality("logistic").reason
    message = f"^initialization critical does not exist for logistic: {re.escape(reason)}$"
    with pytest.raises(ValueError, match=message):
        MLP([3, 4, 1], activation="logistic", initialization="critical")


# ---- Kumar


@pytest.mark.parametrize(
    ("activation", "factor"),
    [("logistic", 3.5777087639996634), ("tanh", 1.0), ("identity", 1.0), ("gelu", 2.0), ("silu", 2.0), ("elu", 1.0),
     ("softplus", 2 / (1 + np.log(2) ** 2) ** 0.5)],
)  # fmt: skip
def test_kumar_s_deviation_is_that_of_the_paper(activation, factor):
    weights, biases = Kumar()([100, 1000, 1], seed=0, activations=activation)
    deviation = factor / 10
    assert weights[0].std() == pytest.approx(deviation, rel=0.01)
    assert stats.kstest(weights[0].ravel(), stats.norm(scale=deviation).cdf).pvalue > 0.01
    assert weights[1].std() == pytest.approx(factor / 1000**0.5, rel=0.1)  # the output layer follows the hidden ones
    assert not np.concatenate(biases).any()


def test_kumar_uses_the_activation_of_each_layer_itself():
    weights, _ = Kumar()([400] * 4, seed=0, activations=["logistic", "tanh", "softmax"])
    assert weights[0].std() * 20 == pytest.approx(3.58, rel=0.01)
    for w in weights[1:]:  # the output layer follows the last hidden one
        assert w.std() * 20 == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu"])
def test_kumar_refuses_an_activation_with_a_kink_at_0(activation):
    message = f"^initialization kumar needs an activation that is differentiable at 0, got {activation}; "
    with pytest.raises(ValueError, match=message):
        MLP([3, 4, 1], activation=activation, initialization="kumar")


# ---- Nguyen and Widrow


@pytest.mark.parametrize("fan_in", [1, 2, 5])
@pytest.mark.parametrize(("activation", "stretch"), [("tanh", 1), (None, 1), ("relu", 1), ("logistic", 2)])
def test_nguyen_widrow_has_lengths_and_biases_of_the_paper(activation, stretch, fan_in):
    weights, biases = NguyenWidrow()([fan_in, 900, 300], seed=0, activations=activation)
    length = stretch * 0.7 * 900 ** (1 / fan_in)
    np.testing.assert_allclose(np.linalg.norm(weights[0], axis=1), length, rtol=1e-13)
    assert stats.kstest(biases[0], stats.uniform(-length, 2 * length).cdf).pvalue > 0.01
    assert stats.kstest(weights[1].ravel(), stats.uniform(-0.5, 1).cdf).pvalue > 0.01
    assert stats.kstest(biases[1], stats.uniform(-0.5, 1).cdf).pvalue > 0.01


def test_nguyen_widrow_has_any_direction_and_a_factor():
    weights, _ = NguyenWidrow(factor=2.0)([2, 1000, 1], seed=1)
    np.testing.assert_allclose(np.linalg.norm(weights[0], axis=1), 2 * 1000**0.5, rtol=1e-13)
    for signs in (weights[0] > 0).T:
        assert stats.binomtest(int(signs.sum()), 1000).pvalue > 0.01


def test_nguyen_widrow_spreads_the_slopes_of_tanh_units_over_one_input():
    """In one dimension each unit is steep where z is near 0: the places are even over [-1, 1]."""
    weights, biases = NguyenWidrow()([1, 5000, 1], seed=0)
    places = -biases[0] / weights[0][:, 0]
    assert stats.kstest(places, stats.uniform(-1, 2).cdf).pvalue > 0.01


# ---- SIREN


@pytest.mark.parametrize("omega", [30.0, 5.0])
def test_siren_has_bounds_of_its_own_in_the_first_and_the_last_layer(omega):
    dims = [100, 400, 400, 300]
    weights, biases = Siren(omega)(dims, seed=0)
    bounds = [omega / 100, (6 / 400) ** 0.5, (6 / 400) ** 0.5 / omega]
    bias_bounds = [omega / 10, omega / 20, 1 / 20]
    for w, b, bound, bias_bound in zip(weights, biases, bounds, bias_bounds, strict=True):
        assert stats.kstest(w.ravel(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01
        assert stats.kstest(b, stats.uniform(-bias_bound, 2 * bias_bound).cdf).pvalue > 0.01
        assert 0.98 * bias_bound < np.abs(b).max() <= bias_bound


def test_the_units_of_a_siren_have_the_distribution_of_the_paper():
    """All outputs are arcsine distributed, and z of later layers, without its bias, has variance 1."""
    weights, biases = Siren()([2, 500, 500, 500, 1], seed=0)
    outputs = np.random.default_rng(1).uniform(-1, 1, (400, 2))
    for layer, (w, b) in enumerate(zip(weights[:3], biases[:3], strict=True)):
        z = outputs @ w.T
        if layer:
            assert z.std() == pytest.approx(1, rel=0.05)
        outputs = np.sin(z + b)
        assert stats.kstest(outputs.ravel(), stats.arcsine(-1, 2).cdf).statistic < 0.02


# ---- randomized asymmetric


def test_randomized_asymmetric_has_one_beta_among_each_unit_s_parameters():
    """Parameters are a mixture: one of fan_in + 1 is Beta(2, 1), the others are normal."""
    fan_in, n = 3, 20_000
    weights, biases = one(RandomizedAsymmetric(), fan_in, n)
    normal, beta = stats.norm(scale=0.6007 / 3**0.5), stats.beta(2, 1)
    for values in (*weights.T, biases):
        assert stats.kstest(values, lambda x: 0.75 * normal.cdf(x) + 0.25 * beta.cdf(x)).pvalue > 0.01
    largest = np.c_[weights, biases].max(axis=1)
    assert stats.kstest(largest, lambda x: normal.cdf(x) ** 3 * beta.cdf(x)).pvalue > 0.01


def test_randomized_asymmetric_leaves_the_others_normal_with_sigma():
    weights, biases = one(RandomizedAsymmetric(sigma=0.1), 400, 50)
    both = np.sort(np.c_[weights, biases], axis=1)[:, :-1]  # 0.1 / 20 is far below most of Beta(2, 1)
    assert stats.kstest(both.ravel(), stats.norm(scale=0.005).cdf).pvalue > 0.01


def test_randomized_asymmetric_networks_are_born_dead_less_often_than_he_s():
    """Depth 10, width 2, as in the paper's first example: a network is dead where all units of a layer are."""
    X = np.linspace(-1.7, 1.7, 200)[:, np.newaxis]

    def share_dead(rule):
        rng, dead = np.random.default_rng(0), 0
        for _ in range(300):
            layers = preactivations(rule([1, *[2] * 9, 1], rng), X, "relu")
            dead += any((z <= 0).all() for z in layers[:-1])
        return dead / 300

    assert share_dead(RandomizedAsymmetric()) < 0.5 < 0.8 < share_dead(initializers.he)


# ---- activations


@pytest.mark.parametrize("name", ["kumar", "critical"])
def test_a_rule_that_depends_on_activations_says_so_without_them(name):
    message = f"^initialization {name} depends on the activations: pass activations, as MLP does by itself$"
    for call in (
        lambda: initializers.get(name)([2, 3, 1]),
        lambda: initializers.draw([name, "he"], [2, 3, 1]),
        lambda: initializers.get(name).draw(np.random.default_rng(0), 2, 3),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        ("sine", "activations must be one of identity"),
        (["tanh"], r"activations must be a name or have 2 names, one per layer; got \['tanh'\]"),
        (3, "activations must be a name or have 2 names, one per layer; got 3"),
        (["sine", "identity"], r"activations\[0\] must be one of identity"),
        ([None, "identity"], r"activations\[0\] must be one of identity"),
    ],
)
def test_wrong_activations_are_refused(activations, message):
    with pytest.raises((ValueError, TypeError), match=message):
        initializers.draw("he", [2, 3, 1], 0, activations)
