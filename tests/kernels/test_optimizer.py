"""Every optimizer against the reference: updates, penalties, clipping, and any combination."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import (
    HIDDEN,
    LOSS_PARAMETERS,
    OPTIMIZER,
    OUTPUT_OF,
    engine_of,
    kernel_loss_and_gradient,
    kernel_train_minibatches,
    random_network,
)
from trainings import ADAM, NAMES, SETTINGS, assert_same, both_train, one_update, optimizer_of, rate_of

from fastmlp import _kernels, reference
from fastmlp.engine.plan import split_parameters


@pytest.mark.parametrize("name", NAMES)
def test_fifty_updates_are_the_reference_s(name, isa, dtype):
    layer_dims, activations = (3, 7, 5, 2), ("tanh", "silu", "logistic")
    network = random_network(layer_dims, 60, dtype, seed=2)
    rates = rate_of(name) * np.linspace(1, 0.1, 50)
    got, expected = both_train(network, layer_dims, activations, optimizer_of(name), rates, 50, dtype)
    assert (got[0] != network[0]).mean() > 0.9
    assert_same(got, expected, dtype)


@pytest.mark.parametrize("name", NAMES)
def test_settings_change_the_training(name, dtype):
    """Else a test against a reference that ignores a setting too would show nothing."""
    layer_dims, activations = (3, 7, 2), ("tanh", "logistic")
    network = random_network(layer_dims, 60, dtype, seed=2)
    plain = OPTIMIZER | {key: SETTINGS[name][key] for key in ("method", "epsilon") if key in SETTINGS[name]}
    (changed, *_), _ = both_train(network, layer_dims, activations, optimizer_of(name), np.full(5, 0.1), 5, dtype)
    (same, *_), _ = both_train(network, layer_dims, activations, plain, np.full(5, 0.1), 5, dtype)
    assert np.array_equal(changed, same) == (OPTIMIZER | SETTINGS[name] == plain)


@pytest.mark.parametrize("name", NAMES)
def test_two_trainings_of_five_epochs_are_one_of_ten(name, isa, dtype):
    """Bit for bit, where moments, updates, orders and learning rates go on."""
    layer_dims, n, batch = (3, 7, 5, 2), 50, 16
    parameters, inputs, targets = random_network(layer_dims, n, dtype)
    order = np.array([np.random.default_rng(epoch).permutation(n) for epoch in range(10)])
    rates = rate_of(name) * np.linspace(1, 0.1, 40)
    moments = reference.new_moments(optimizer_of(name), len(parameters), dtype)

    def train(parameters, moments, first, last):
        return kernel_train_minibatches(
            parameters,
            inputs,
            targets,
            layer_dims,
            ("gelu", "elu", "logistic"),
            optimizer_of(name),
            moments,
            rates[4 * first : 4 * last],
            last - first,
            batch_size=batch,
            order=order[first:last],
            updates=4 * first,
            seed=11,
            dropout=(0.25, 0.5, 0),
        )

    whole, whole_moments = parameters.copy(), moments.copy()
    losses = train(whole, whole_moments, 0, 10)
    halves = [train(parameters, moments, 0, 5), train(parameters, moments, 5, 10)]
    np.testing.assert_array_equal(parameters, whole)
    np.testing.assert_array_equal(moments, whole_moments)
    np.testing.assert_array_equal(np.concatenate(halves), losses)


@pytest.mark.parametrize("name", ["weight_decay", "l1", "l2"])
def test_penalties_and_decay_move_weights_but_no_bias(name, isa, dtype):
    """Without a gradient, for no example weighs anything, only they are left."""
    before, after, _ = one_update(optimizer_of(name), dtype, weights=np.zeros(40, dtype))
    weights, biases = split_parameters(before, (3, 7, 2))
    moved_weights, moved_biases = split_parameters(after, (3, 7, 2))
    for old, new in zip(biases, moved_biases, strict=True):
        np.testing.assert_array_equal(new, old)
    for old, new in zip(weights, moved_weights, strict=True):
        moved = {"weight_decay": -0.5 * 0.1 * old, "l2": -0.5 * 0.05 * old, "l1": -0.5 * 0.01 * np.sign(old)}[name]
        np.testing.assert_allclose(new - old, moved, rtol=1e-4, atol=np.finfo(dtype).eps)
        assert (new != old).all()


def test_a_weight_of_zero_is_not_penalized(isa, dtype):
    for zero in (0.0, -0.0):
        parameters = np.array([zero, 0, 1, 0], dtype)
        inputs, targets = np.ones((1, 1), dtype), np.zeros((1, 1), dtype)
        kernel_train_minibatches(
            parameters,
            inputs,
            targets,
            (1, 1, 1),
            ("relu", "identity"),
            OPTIMIZER | {"l1": 0.25},
            np.empty((0, 4), dtype),
            np.ones(1),
            1,
            loss="squared_error",
        )
        np.testing.assert_array_equal(parameters, np.array([0, 0, 0.75, 0], dtype))


def test_penalties_are_no_part_of_the_losses(isa, dtype):
    layer_dims, activations = (3, 7, 2), ("tanh", "logistic")
    network = random_network(layer_dims, 60, dtype)
    plain, _ = kernel_loss_and_gradient(*network, layer_dims, activations)
    for name in ("l1", "l2", "weight_decay"):
        (_, _, losses), _ = both_train(network, layer_dims, activations, optimizer_of(name), np.full(3, 0.1), 3, dtype)
        assert losses[0] == plain


def test_no_element_of_a_clipped_update_exceeds_the_value(isa, dtype):
    before, after, _ = one_update(OPTIMIZER | {"clip_value": 0.01}, dtype)
    moved = np.abs(after - before)
    assert moved.max() == pytest.approx(0.005, rel=1e-4)
    assert (moved < 0.004).any()


@pytest.mark.parametrize("clip_value", [np.inf, 0.02])
def test_the_norm_of_a_clipped_update_is_the_limit_s(clip_value, isa, dtype):
    before, after, _ = one_update(OPTIMIZER | {"clip_norm": 0.01, "clip_value": clip_value}, dtype)
    assert np.linalg.norm((after - before).astype("float64")) == pytest.approx(0.005, rel=1e-4)


# The sum of the squares of a gradient of 1e200 overflows a double, its norm does not.
@pytest.mark.parametrize("target", [1e160, 1e200, 1e300])
def test_the_norm_of_an_enormous_gradient_is_clipped_too(target, isa):
    parameters, one = np.zeros(2), np.ones((1, 1))
    arguments = (parameters, one, target * one, (1, 1), ("identity",), OPTIMIZER | {"clip_norm": 0.5})
    kernel_train_minibatches(*arguments, np.empty((0, 2)), np.ones(1), 1, loss="squared_error", report=0)
    np.testing.assert_allclose(parameters, np.full(2, 0.5 / np.sqrt(2)), rtol=1e-12)


def test_limits_that_are_not_reached_change_no_bit(isa, dtype):
    for name in ("sgd", "nesterov", "adam", "rmsprop"):
        plain = one_update(optimizer_of(name), dtype)
        limited = one_update(optimizer_of(name) | {"clip_value": 1e6, "clip_norm": 1e6}, dtype)
        for got, expected in zip(limited, plain, strict=True):
            np.testing.assert_array_equal(got, expected)


def test_adam_s_first_update_is_the_learning_rate(isa, dtype):
    """Where epsilon is small: each parameter moves by it against its gradient's sign."""
    before, after, (m, v) = one_update(OPTIMIZER | ADAM | {"epsilon": 1e-30}, dtype, rate=0.01)
    gradient = m / (1 - 0.9)
    np.testing.assert_allclose(after - before, -0.01 * np.sign(gradient), rtol=1e-3)
    np.testing.assert_allclose(v, 0.001 * gradient * gradient, rtol=1e-4)


def test_adam_s_corrections_count_the_updates_before(isa, dtype):
    """Of the averages of one gradient, both divided by what they sum up to of all those before."""
    for updates in (0, 10, 1000, 10**6, 2**62):
        before, after, _ = one_update(OPTIMIZER | ADAM | {"epsilon": 1e-30}, dtype, rate=0.01, updates=updates)
        ratio = np.abs(after - before) / 0.01
        k = float(updates + 1)
        expected = 0.1 / (1 - 0.9**k) / np.sqrt(0.001 / (1 - 0.999**k))
        np.testing.assert_allclose(ratio, expected, rtol=2e-3)


# ---- squares of gradients that overflow

FAR = {"float64": 512, "float32": 64}  # a mean v above the largest number is stored as -v / 4**FAR


def updates_and_reference(optimizer, gradients, before=0.0):
    """(parameters, moments) after updates by rows of gradients: the kernels', and the reference's in long double."""
    n, dtype, rate = gradients.shape[1] - 1, gradients.dtype, 0.01
    engine, answers = engine_of(dtype, (n, 1), ("identity",), 1), []
    for kind in (dtype, np.dtype("longdouble")):
        parameters, moments = np.full(n + 1, before, kind), reference.new_moments(optimizer, n + 1, kind)
        for updates, gradient in enumerate(gradients.astype(kind)):
            if kind == dtype:
                engine.update(parameters, gradient, moments, optimizer, rate, updates)
            else:
                reference.optimizer_update(parameters, gradient, moments, optimizer, rate, updates, (n, 1))
        answers.append((parameters, moments))
    return answers


def decoded(v):
    return np.where(v < 0, np.ldexp(-v.astype("longdouble"), 2 * FAR[v.dtype.name]), v)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "adam"},
        {"method": "adam", "epsilon_hat": True, "beta_1": 0.5, "beta_2": 0.7},
        {"method": "adam", "l2": 1e-30},  # the sweep with all changes
        {"method": "rmsprop", "beta_2": 0.9},
        {"method": "rmsprop", "beta_2": 0.0},
    ],
    ids=str,
)
def test_gradients_of_any_size_move_parameters_as_in_exact_arithmetic(changes, isa, dtype):
    """Ordinary gradients, squares that overflow, means that come back from there, and neighbours of each."""
    rng, optimizer = np.random.default_rng(3), OPTIMIZER | changes
    limits = np.finfo(dtype)
    most = limits.maxexp
    sizes = rng.choice([0, 1, 40, most // 2 - 1, most // 2, most - 20, most], (60, 75))
    gradients = np.ldexp(rng.uniform(0.5, 1, sizes.shape) * rng.choice([-1, 1], sizes.shape), sizes).astype(dtype)
    gradients[:, :30] = np.minimum(np.abs(gradients[:, :30]), 1)  # these stay small
    gradients[30:, 30:50] = rng.normal(0, 1, (30, 20))  # these become small
    gradients[5] = limits.max
    (got, moments), (expected, wide) = updates_and_reference(optimizer, gradients)
    assert np.isfinite(moments).all()
    assert (moments[-1] < 0).any()
    np.testing.assert_allclose(decoded(moments[-1]), wide[-1], rtol=1e3 * limits.eps)
    steps = 0.01 * 60 * max(1, (1 - optimizer["beta_2"]) ** -0.5)
    np.testing.assert_allclose(got, expected.astype("float64"), rtol=0, atol=100 * limits.eps * steps)


def test_a_neighbour_of_a_square_that_overflows_keeps_its_bits(isa, dtype):
    rng, optimizer = np.random.default_rng(4), OPTIMIZER | {"method": "adam"}
    gradients = rng.normal(0, 1, (20, 40)).astype(dtype)
    (plain, plain_moments), _ = updates_and_reference(optimizer, gradients)
    gradients[3::4, ::3] = np.finfo(dtype).max / 2
    (got, moments), _ = updates_and_reference(optimizer, gradients)
    ordinary = np.arange(40) % 3 != 0
    np.testing.assert_array_equal(got[ordinary], plain[ordinary])
    np.testing.assert_array_equal(moments[:, ordinary], plain_moments[:, ordinary])
    assert (got[~ordinary] != plain[~ordinary]).all()


def test_the_first_update_by_the_largest_gradient_is_that_by_any_other(isa, dtype):
    """Whatever its size: Adam's is the learning rate, RMSprop's that over the root of 1 - beta_2."""
    for method, size in (({"method": "adam"}, 1), ({"method": "rmsprop", "beta_2": 0.99}, 10)):
        (got, _), _ = updates_and_reference(OPTIMIZER | method, np.full((1, 9), np.finfo(dtype).max))
        np.testing.assert_allclose(got, -0.01 * size, rtol=1e-5)


def test_the_smallest_epsilon_leaves_a_parameter_without_a_gradient_where_it_is(isa, dtype):
    smallest = float(np.finfo(dtype).smallest_subnormal)
    for name in ("adam", "rmsprop"):
        before, after, _ = one_update(optimizer_of(name) | {"epsilon": smallest}, dtype, weights=np.zeros(40, dtype))
        np.testing.assert_array_equal(after, before)


# ---- any combination

KINKED = ("relu", "leaky_relu", "selu", "absolute_error", "quantile")  # derivatives that jump
STEEP = ("squared_error", "poisson")  # without a limit, trainings that diverge


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_training_is_the_reference_s(data):
    draw = data.draw
    dtype = np.dtype(draw(st.sampled_from(["float64", "float32"])))
    is_double = dtype == np.float64  # in float32, rounding takes one of two trainings over a kink
    loss = draw(st.sampled_from([name for name in _kernels.LOSSES if is_double or name not in KINKED]))
    method = draw(st.sampled_from(tuple(_kernels.METHODS)))
    n_outputs = draw(st.integers(2 if loss == "multinomial_log_loss" else 1, 5))
    layer_dims = (draw(st.integers(1, 20)), *draw(st.lists(st.integers(1, 20), max_size=3)), n_outputs)
    choices = [name for name in HIDDEN if is_double or name not in KINKED]
    hidden = [draw(st.sampled_from(choices)) for _ in layer_dims[1:-1]]
    n = draw(st.integers(1, 200))
    batch, epochs = -(-n // draw(st.integers(1, 6))), draw(st.integers(1, 3))  # few updates: errors grow with them
    seed = draw(st.integers(0, 2**63))
    rng = np.random.default_rng(seed)
    optimizer = OPTIMIZER | {
        "method": method,
        "momentum": draw(st.sampled_from([0.0, 0.5, 0.9])),
        "epsilon_hat": draw(st.booleans()),
        "epsilon": 1e-2,  # below it, what rounding leaves of a gradient of 0 would be an update
        "beta_2": draw(st.sampled_from([0.9, 0.999])),
        "weight_decay": draw(st.sampled_from([0.0, 0.1])),
        "l1": draw(st.sampled_from([0.0, 0.01])) if is_double else 0.0,
        "l2": draw(st.sampled_from([0.0, 0.1])),
        "clip_value": draw(st.sampled_from([np.inf, 0.1])),
        "clip_norm": draw(st.sampled_from([1.0 if loss in STEEP else np.inf, 0.2])),
    }
    network = random_network(layer_dims, n, dtype, seed, loss)
    if draw(st.booleans()):
        network = (*network, rng.uniform(0, 2, n).astype(dtype))
    before = _kernels.current_isa()
    _kernels.select_isa(draw(st.sampled_from(_kernels.available_isas())))
    try:
        got, expected = both_train(
            network,
            layer_dims,
            (*hidden, OUTPUT_OF[loss]),
            optimizer,
            np.full(epochs * -(-n // batch), 0.01),
            epochs,
            dtype,
            batch_size=batch,
            order=np.array([rng.permutation(n) for _ in range(epochs)]) if draw(st.booleans()) else None,
            updates=draw(st.sampled_from([0, 1000])),
            seed=seed,
            dropout=draw(st.sampled_from([(), [0.25] * (len(layer_dims) - 1)])),
            loss=loss,
            loss_parameter=LOSS_PARAMETERS.get(loss, 0.0),
            n_threads=draw(st.sampled_from([1, 2, 4])),
        )
    finally:
        _kernels.select_isa(before)
    assert_same(got, expected, dtype)
