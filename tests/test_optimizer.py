"""Every optimizer against the reference: updates, penalties, clipping, minibatches, and what ends a training."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import (
    HIDDEN,
    LOSS_PARAMETERS,
    OPTIMIZER,
    OUTPUT_OF,
    activations_of,
    engine_of,
    kernel_loss_and_gradient,
    kernel_train_minibatches,
    loss_options,
    random_network,
    widened,
)
from tolerances import relative_error, tolerance

from fastmlp import _kernels, reference
from fastmlp.plan import split_parameters

SGD = {"method": "sgd"}
ADAM = {"method": "adam", "epsilon": 1e-6}
RMSPROP = {"method": "rmsprop", "beta_2": 0.9, "epsilon": 1e-6}
SETTINGS = {
    "sgd": SGD,
    "momentum": SGD | {"momentum": 0.9},
    "nesterov": SGD | {"momentum": 0.9, "nesterov": True},
    "adam": ADAM,
    "adam, other betas": ADAM | {"beta_1": 0.5, "beta_2": 0.99},
    "adam, epsilon_hat": ADAM | {"epsilon": 1e-3, "epsilon_hat": True},
    "rmsprop": RMSPROP,
    "l1": SGD | {"l1": 0.01},
    "l2": SGD | {"l2": 0.05},
    "clip_value": SGD | {"clip_value": 0.01},
    "clip_norm": SGD | {"clip_norm": 0.05},
    "weight_decay": SGD | {"weight_decay": 0.1},
    "momentum, l2": SGD | {"momentum": 0.8, "l2": 0.05},
    "nesterov, l1, clip_value": SGD | {"momentum": 0.8, "nesterov": True, "l1": 0.01, "clip_value": 0.02},
    "adam, l1, l2": ADAM | {"l1": 0.003, "l2": 0.02},
    "adam, clip_norm": ADAM | {"clip_norm": 0.1},
    "adam, weight_decay": ADAM | {"weight_decay": 0.1},
    "rmsprop, everything": RMSPROP
    | {"l1": 0.003, "l2": 0.02, "clip_value": 0.05, "clip_norm": 0.1, "weight_decay": 0.1},
}
NAMES = tuple(SETTINGS)


def optimizer_of(name):
    return OPTIMIZER | SETTINGS[name]


def rate_of(name):
    return 0.01 if SETTINGS[name]["method"] != "sgd" else 0.1


def both_train(network, layer_dims, activations, optimizer, rates, epochs, dtype, **options):
    """(parameters, moments, losses) of the kernels in ``dtype`` and of the reference in float64."""
    answers = []
    threads = options.pop("n_threads", 1)
    for train, arrays, own in (
        (kernel_train_minibatches, network, {"n_threads": threads}),
        (reference.train_minibatches, widened(*network), {}),
    ):
        parameters, inputs, targets, weight = (*arrays, None)[:4]
        parameters = parameters.copy()
        moments = reference.new_moments(optimizer, len(parameters), parameters.dtype)
        losses = train(
            parameters,
            inputs,
            targets,
            layer_dims,
            activations,
            optimizer,
            moments,
            rates,
            epochs,
            sample_weight=weight,
            **options,
            **own,
        )
        answers.append((parameters, moments, losses))
    return answers


def assert_same(got, expected, dtype):
    for ours, theirs in zip(got, expected, strict=True):
        if theirs.size:
            assert relative_error(ours, theirs) <= tolerance("training", dtype)


# ---- one batch


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


def one_update(optimizer, dtype, rate=0.5, weights=None, updates=0):
    """(before, after, moments) of one update from a network and its gradient."""
    layer_dims, n = (3, 7, 2), 40
    parameters, inputs, targets = random_network(layer_dims, n, dtype)
    before = parameters.copy()
    moments = reference.new_moments(optimizer, len(parameters), dtype)
    kernel_train_minibatches(
        parameters,
        inputs,
        targets,
        layer_dims,
        ("tanh", "logistic"),
        optimizer,
        moments,
        np.array([rate]),
        1,
        sample_weight=weights,
        updates=updates,
        report=0,
    )
    return before, parameters, moments


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


# ---- minibatches


COMBINATIONS = [
    ("relu", "log_loss", "sgd", 3),
    ("gelu", "multinomial_log_loss", "adam", 4),
    ("silu", "huber", "nesterov", 2),
    ("elu", "poisson", "rmsprop", 1),
    ("leaky_relu", "quantile", "adam, weight_decay", 2),
    ("selu", "squared_error", "clip_norm", 2),
    ("softplus", "absolute_error", "momentum", 1),
    ("gelu_tanh", "multilabel_log_loss", "rmsprop, everything", 5),
]


@pytest.mark.parametrize("with_order", [False, True])
@pytest.mark.parametrize("batch", [1, 16, 50, 64, 97])
@pytest.mark.parametrize(("hidden", "loss", "name", "n_outputs"), COMBINATIONS)
def test_minibatches_are_the_reference_s(hidden, loss, name, n_outputs, batch, with_order, isa, dtype):
    layer_dims, n, epochs = (4, 9, n_outputs), 97, 3
    network = random_network(layer_dims, n, dtype, seed=batch, loss=loss)
    order = np.array([np.random.default_rng(epoch).permutation(n) for epoch in range(epochs)]) if with_order else None
    rates = np.full(epochs * -(-n // batch), rate_of(name) / 10)
    got, expected = both_train(
        network,
        layer_dims,
        activations_of(layer_dims, hidden, loss),
        optimizer_of(name),
        rates,
        epochs,
        dtype,
        batch_size=batch,
        order=order,
        **loss_options(loss),
    )
    assert_same(got, expected, dtype)


# An engine may take the data's one tile for packed already where the data are two batches in one tile.
@pytest.mark.parametrize(("n", "batch"), [(7, 5), (3, 2), (2, 1), (16, 9), (8, 1), (9, 5)])
def test_batches_that_share_a_vector_are_the_reference_s(n, batch, isa, dtype):
    layer_dims, activations, epochs = (3, 4, 1), ("tanh", "logistic"), 4
    network = random_network(layer_dims, n, dtype)
    rates = np.full(epochs * -(-n // batch), 0.1)
    got, expected = both_train(network, layer_dims, activations, OPTIMIZER, rates, epochs, dtype, batch_size=batch)
    assert_same(got, expected, dtype)


def test_an_order_may_leave_examples_out_and_repeat_others(isa, dtype):
    layer_dims, activations, n = (3, 4, 1), ("tanh", "logistic"), 30
    network = random_network(layer_dims, n, dtype)
    order = np.random.default_rng(0).integers(0, n, (2, n))
    got, expected = both_train(
        network, layer_dims, activations, OPTIMIZER, np.full(8, 0.1), 2, dtype, batch_size=8, order=order
    )
    assert_same(got, expected, dtype)


def test_only_the_losses_asked_for_are_written_and_they_move_no_bit(isa, dtype):
    layer_dims, activations = (3, 4, 1), ("tanh", "logistic")
    parameters, inputs, targets = random_network(layer_dims, 30, dtype)
    answers = []
    for report in (0, 2, 5):
        moved = parameters.copy()
        arguments = (moved, inputs, targets, layer_dims, activations, OPTIMIZER, np.empty((0, len(moved)), dtype))
        losses = kernel_train_minibatches(*arguments, np.full(20, 0.1), 5, batch_size=8, report=report)
        assert len(losses) == report
        answers.append((moved, losses))
    for moved, losses in answers[:2]:
        np.testing.assert_array_equal(moved, answers[2][0])
        np.testing.assert_array_equal(losses, answers[2][1][: len(losses)])


def test_an_epoch_s_loss_is_the_weighted_mean_over_its_batches(isa, dtype):
    """At a learning rate of 0 it is the loss of all examples, whatever the batches."""
    layer_dims, activations, n = (3, 4, 2), ("tanh", "logistic"), 53
    parameters, inputs, targets = random_network(layer_dims, n, dtype)
    weight = np.random.default_rng(0).uniform(0, 5, n).astype(dtype)
    expected, _ = kernel_loss_and_gradient(parameters, inputs, targets, layer_dims, activations, sample_weight=weight)
    for batch in (1, 7, 52, 53):
        got = kernel_train_minibatches(
            parameters,
            inputs,
            targets,
            layer_dims,
            activations,
            OPTIMIZER,
            np.empty((0, len(parameters)), dtype),
            np.zeros(-(-n // batch)),
            1,
            batch_size=batch,
            sample_weight=weight,
        )
        assert got[0] == pytest.approx(expected, rel=tolerance("mean loss", dtype))


def test_a_batch_that_weighs_nothing_moves_nothing(isa, dtype):
    """And its epoch's loss is the mean over the others."""
    layer_dims, activations, n, batch = (3, 4, 2), ("gelu", "logistic"), 40, 8
    parameters, inputs, targets = random_network(layer_dims, n, dtype)
    weight = np.ones(n, dtype)
    weight[8:24] = 0
    left = np.flatnonzero(weight)
    answers = []
    for examples, weights in ((np.arange(n), weight), (left, None)):
        moved = parameters.copy()
        losses = kernel_train_minibatches(
            moved,
            np.ascontiguousarray(inputs[:, examples]),
            np.ascontiguousarray(targets[:, examples]),
            layer_dims,
            activations,
            OPTIMIZER,
            np.empty((0, len(moved)), dtype),
            np.full(len(examples) // batch, 0.1),
            1,
            batch_size=batch,
            sample_weight=weights,
        )
        answers.append((moved, losses))
    (weighted, losses), (expected, expected_losses) = answers
    np.testing.assert_array_equal(weighted, expected)
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(losses, expected_losses, rtol=tolerance("mean loss", dtype))


def test_data_that_weigh_nothing_leave_the_parameters_finite(isa, dtype):
    for name in NAMES:
        before, after, moments = one_update(optimizer_of(name), dtype, weights=np.zeros(40, dtype))
        assert np.isfinite(after).all()
        assert np.isfinite(moments).all()
        penalized = {*SETTINGS[name]} & {"l1", "l2", "weight_decay"}
        assert np.array_equal(after, before) == (not penalized)


# ---- gradients that are not finite


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam, clip_norm", "rmsprop, everything"])
def test_a_gradient_that_is_not_finite_ends_the_training_before_its_update(name, value, n_threads, isa, dtype):
    layer_dims, activations, n, batch = (3, 5, 2), ("tanh", "logistic"), 40, 8
    parameters, inputs, targets = random_network(layer_dims, n, dtype)
    sound = parameters.copy(), reference.new_moments(optimizer_of(name), len(parameters), dtype)
    spoilt = parameters.copy(), sound[1].copy()
    rest = (targets, layer_dims, activations, optimizer_of(name))
    two_batches = [np.ascontiguousarray(array[:, :16]) for array in (inputs, targets)]
    kernel_train_minibatches(
        sound[0], *two_batches, *rest[1:], sound[1], np.full(2, 0.01), 1, batch_size=batch, updates=3, report=0
    )
    inputs[1, 17] = value  # in the third batch
    engine = engine_of(dtype, layer_dims, activations, batch, n_threads=n_threads)
    losses, data = np.full(2, -1.0), _kernels.Data(inputs.T, targets)
    assert not engine.train(spoilt[0], data, rest[3], spoilt[1], np.full(10, 0.01), None, losses, 2, updates=3)
    assert engine.updates == 5
    np.testing.assert_array_equal(spoilt[0], sound[0])
    np.testing.assert_array_equal(spoilt[1], sound[1])


def test_a_training_that_diverges_stops_with_finite_parameters(isa, dtype):
    layer_dims, activations = (3, 5, 2), ("identity", "identity")
    parameters, inputs, targets = random_network(layer_dims, 40, dtype, loss="squared_error")
    engine = engine_of(dtype, layer_dims, activations, 40, loss="squared_error")
    moments, data = np.empty((0, len(parameters)), dtype), _kernels.Data(inputs.T, targets)
    assert not engine.train(parameters, data, OPTIMIZER, moments, np.full(1000, 10.0), None, np.empty(0), 1000)
    assert 0 < engine.updates < 1000
    assert np.isfinite(parameters).all()
    # the engine is as good as new
    fresh, *_ = random_network(layer_dims, 40, dtype, loss="squared_error")
    assert engine.train(fresh, data, OPTIMIZER, moments, np.full(3, 0.01), None, np.empty(0), 3)


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
        "momentum": draw(st.sampled_from([0.0, 0.5, 0.9])) if method == "sgd" else 0.0,
        "nesterov": draw(st.booleans()),
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
