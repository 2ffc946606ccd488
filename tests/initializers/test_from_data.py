"""Rules that look at data: what they promise for the signals of X, and what X may be."""

import pickle

import numpy as np
import pytest
import scipy.sparse
from initializing import X, preactivations
from scipy import stats

from fastmlp import MLP, initializers
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.initializers import LSUV, WithinLayer

DIMS = [4, 30, 30, 30, 3]


def signals(rule, activation, dims=DIMS):
    """The pre-activations of a network, by its own engine."""
    model = MLP(dims, activation=activation, loss="squared_error", initialization=rule, seed=0)
    data = model.examples(X, np.zeros((len(X), dims[-1]))).data
    return [layer["z"] for layer in model.engine(len(X), data).layers(model.parameters, data)]


@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_lsuv_has_unit_variance_in_every_layer(activation):
    for z in signals(LSUV().on(X), activation):
        assert z.var() == pytest.approx(1, rel=1e-9)


def test_lsuv_weights_are_orthogonal_times_a_number_and_biases_zero():
    weights, biases = LSUV().on(X)(DIMS, 0, "relu")
    for w in weights:
        values = np.linalg.svd(w, compute_uv=False)
        np.testing.assert_allclose(values, values[0], rtol=1e-12)
    assert not np.concatenate(biases).any()


@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
@pytest.mark.parametrize("mean", [0.0, 0.7])
def test_within_layer_gives_each_unit_its_mean_and_variance_1(activation, mean):
    for z in signals(WithinLayer(mean).on(X), activation):
        units = z if z.shape[1] != len(X) else z.T
        np.testing.assert_allclose(units.mean(axis=0), mean, atol=1e-9)
        np.testing.assert_allclose(units.var(axis=0), 1, rtol=1e-9)


def test_within_layer_starts_from_normal_weights():
    weights, _ = WithinLayer().on(X)([4, 5000, 1], 0, "relu")
    spread = preactivations(([weights[0]], [np.zeros(5000)]), X, "relu")[0].std(axis=0)
    np.testing.assert_allclose(spread, 1, rtol=1e-9)
    directions = weights[0] @ np.linalg.cholesky(np.cov(X.T, bias=True))  # of length 1
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, rtol=1e-9)
    first = np.random.RandomState(0).standard_normal((5000, 4))
    np.testing.assert_allclose(weights[0] / np.linalg.norm(weights[0], axis=1, keepdims=True),
                               first / np.linalg.norm(first, axis=1, keepdims=True), rtol=1e-9)  # fmt: skip
    assert stats.kstest(first.ravel(), "norm").pvalue > 0.01


@pytest.mark.parametrize("name", ["lsuv", "within_layer"])
def test_unbound_it_says_what_to_do(name):
    rule = initializers.get(name)
    assert rule.needs_data
    message = rf"^initialization {name} needs data: pass fastmlp.initializers.get\('{name}'\).on\(X\)$"
    with pytest.raises(ValueError, match=message):
        rule(DIMS)
    with pytest.raises(ValueError, match=message):
        MLP(DIMS, initialization=name)


@pytest.mark.parametrize("name", ["lsuv", "within_layer"])
def test_bound_it_keeps_a_copy_of_the_data_and_its_parameters(name):
    mine = X.copy()
    rule = initializers.get(name).on(mine)
    assert not rule.needs_data
    assert initializers.get(name).needs_data
    before = rule(DIMS, 0, "relu")
    mine[:] = 7
    assert pickle.dumps(rule(DIMS, 0, "relu")) == pickle.dumps(before)
    assert rule == initializers.get(name).on(X) != initializers.get(name).on(X[:30]) != initializers.get(name)
    assert repr(rule) == f"{type(rule).__name__}(inputs=<X of shape (60, 4)>)"
    assert initializers.get("within_layer", mean=0.5).on(X).mean == 0.5


def test_rules_without_data_do_not_need_any():
    assert not initializers.he.needs_data


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (None, (TypeError, ValueError), "X must be"),
        ("table", (TypeError, ValueError), "X must be"),
        ([1.0, 2.0], ValueError, "X must have 2 dimensions, got 1"),
        (np.zeros((0, 3)), ValueError, "X must not be empty"),
        ([[1.0, 2.0]], ValueError, "X must have at least 2 examples, got 1"),
        ([[1.0, np.nan], [0, 1]], ValueError, r"X must be finite in float64, got nan at index \(0, 1\)"),
        (scipy.sparse.eye_array(4).tocsr(), TypeError, "X must be dense, got csr_array"),
    ],
)
def test_wrong_data_are_refused_when_they_are_bound(wrong, error, message):
    with pytest.raises(error, match=message):
        LSUV().on(wrong)


def test_data_of_another_width_are_refused():
    message = r"^X of initialization lsuv must have 3 features as the network, got shape \(60, 4\)$"
    with pytest.raises(ValueError, match=message):
        MLP([3, 5, 1], initialization=LSUV().on(X))


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        (LSUV(), np.zeros((5, 2))),
        (WithinLayer(), np.ones((5, 2))),
        (WithinLayer(), 1e8 + np.arange(10).reshape(5, 2) * 1e-7),  # varies by little more than rounding errors
        (LSUV(), np.full((5, 2), 1e308)),
    ],
)
def test_data_that_do_not_vary_or_overflow_are_refused_with_the_layer(rule, values):
    message = rf"^initialization {rule.name} needs pre-activations that vary over X and are finite; .* in layer 1 is "
    with pytest.raises(ValueError, match=message):
        MLP([2, 5, 1], initialization=rule.on(values))


def test_a_layer_of_dead_units_is_refused_with_its_number():
    rule = WithinLayer(mean=-50.0).on(X)
    with pytest.raises(ValueError, match="finite; the largest magnitude in layer 2 is 0"):
        MLP([4, 5, 1], initialization=rule)


def test_activations_are_needed_for_hidden_layers_only():
    with pytest.raises(ValueError, match="initialization lsuv depends on the activations"):
        LSUV().on(X)([4, 3, 1])
    assert LSUV().on(X)([4, 2])[0][0].shape == (2, 4)


def test_it_cannot_be_one_layer_s_rule():
    message = "^initialization lsuv sets all layers of a network and cannot be that of one layer$"
    with pytest.raises(ValueError, match=message):
        MLP([4, 3, 1], initialization=[LSUV().on(X), "he"])
    with pytest.raises(ValueError, match=message):
        LSUV().draw(np.random.default_rng(0), 2, 3)


def test_inputs_come_from_on():
    with pytest.raises(TypeError, match=r"^inputs must come from on\(X\), got \[\[1"):
        LSUV(inputs=[[1.0]])
    with pytest.raises(ValueError, match="parameters of initialization lsuv do not exist, got inputs"):
        initializers.get("lsuv", inputs=None)
