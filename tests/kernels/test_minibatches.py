"""Minibatches against the reference: orders, short batches, weights, losses, and gradients that are not finite."""

import numpy as np
import pytest
from networks import (
    OPTIMIZER,
    activations_of,
    engine_of,
    kernel_loss_and_gradient,
    kernel_train_minibatches,
    loss_options,
    random_network,
)
from tolerances import tolerance
from trainings import NAMES, SETTINGS, assert_same, both_train, one_update, optimizer_of, rate_of

from fastmlp import _kernels, reference

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
    losses, data, counts = np.full(2, -1.0), _kernels.Data(inputs.T, targets), {"updates": 3}
    assert engine.train(spoilt[0], data, rest[3], spoilt[1], np.full(10, 0.01), None, losses, 2, counts) == "diverged"
    assert counts == {"updates": 5}
    np.testing.assert_array_equal(spoilt[0], sound[0])
    np.testing.assert_array_equal(spoilt[1], sound[1])


def test_a_training_that_diverges_stops_with_finite_parameters(isa, dtype):
    layer_dims, activations = (3, 5, 2), ("identity", "identity")
    parameters, inputs, targets = random_network(layer_dims, 40, dtype, loss="squared_error")
    engine = engine_of(dtype, layer_dims, activations, 40, loss="squared_error")
    moments, data, counts = np.empty((0, len(parameters)), dtype), _kernels.Data(inputs.T, targets), {"updates": 0}
    status = engine.train(parameters, data, OPTIMIZER, moments, np.full(1000, 10.0), None, np.empty(0), 1000, counts)
    assert status == "diverged"
    assert 0 < counts["updates"] < 1000
    assert np.isfinite(parameters).all()
    # the engine is as good as new
    fresh, *_ = random_network(layer_dims, 40, dtype, loss="squared_error")
    assert engine.train(fresh, data, OPTIMIZER, moments, np.full(3, 0.01), None, np.empty(0), 3) == "done"
