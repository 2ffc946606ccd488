"""Dropout: masks bit for bit those of the reference, and trainings with them."""

import itertools

import numpy as np
import pytest
from networks import (
    HIDDEN,
    OPTIMIZER,
    activations_of,
    engine_of,
    kernel_loss_and_gradient,
    kernel_predict,
    kernel_train_minibatches,
    random_network,
    widened,
)
from tolerances import relative_error, tolerance

from fastmlp import _kernels, reference

LAYER_DIMS = (3, 33, 17, 2)
ACTIVATIONS = ("relu", "tanh", "logistic")
RATES = (0.3, 0.5, 0.0)
SEEDS = (0, 1, 2**32 - 1, 2**32, 12345678901234567890, 2**64 - 1)


@pytest.fixture
def engine(isa, dtype):
    return engine_of(dtype, LAYER_DIMS, ACTIVATIONS, 301, dropout=RATES)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("update", [0, 1, 999, 2**31, 2**62])
def test_masks_are_the_reference_s_bit_for_bit(seed, update, engine, dtype):
    for layer, width in enumerate(LAYER_DIMS[1:-1]):
        expected = reference.dropout_mask(width, 301, RATES[layer], seed=seed, update=update, layer=layer, dtype=dtype)
        np.testing.assert_array_equal(engine.dropout_mask(layer, seed, update), expected)


@pytest.mark.parametrize("rate", [0.0, 2**-24, 0.1, 0.9, 1 - 2**-20])
def test_masks_of_any_rate_are_the_reference_s(rate, isa, dtype):
    mask = engine_of(dtype, (1, 50, 1), ("relu", "logistic"), 999, dropout=(rate, 0)).dropout_mask(0, 3, 5)
    np.testing.assert_array_equal(mask, reference.dropout_mask(50, 999, rate, seed=3, update=5, layer=0, dtype=dtype))
    assert set(np.unique(mask)) <= {0, dtype.type(1 / (1 - rate))}


def test_a_rate_of_zero_keeps_all(isa, dtype):
    mask = engine_of(dtype, (1, 50, 1), ("relu", "logistic"), 999, dropout=(0, 0)).dropout_mask(0, 3, 5)
    np.testing.assert_array_equal(mask, np.ones((50, 999), dtype))


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.8])
def test_units_are_kept_as_often_as_they_should_be(rate):
    mask = engine_of("float64", (1, 200, 1), ("relu", "logistic"), 1000, dropout=(rate, 0)).dropout_mask(0, 1, 0) > 0
    deviation = np.sqrt(rate * (1 - rate))
    assert abs(mask.mean() - (1 - rate)) < 4 * deviation / np.sqrt(mask.size)
    for axis in (0, 1):  # examples and units: their shares scatter as those of coins do
        scatter = np.std(mask.mean(axis=axis)) / (deviation / np.sqrt(mask.shape[axis]))
        assert 0.8 < scatter < 1.2


def test_masks_differ_between_layers_updates_and_seeds():
    engine = engine_of("float64", (1, 60, 60, 60, 1), ("relu",) * 3 + ("logistic",), 100, dropout=(0.5,) * 4)
    draws = [
        engine.dropout_mask(layer, seed, update) > 0 for layer in range(3) for seed in (0, 1, 7) for update in (0, 1, 7)
    ]
    for one, other in itertools.combinations(draws, 2):  # 6000 coins each: 0.5 within 4 standard deviations
        assert abs((one == other).mean() - 0.5) < 4 * 0.5 / np.sqrt(6000)


def test_neighbouring_units_and_examples_are_independent():
    kept = engine_of("float64", (1, 200, 1), ("relu", "logistic"), 1000, dropout=(0.5, 0)).dropout_mask(0, 1, 0) > 0
    for shifted in (kept[1:] == kept[:-1], kept[:, 1:] == kept[:, :-1], kept[2:, 3:] == kept[:-2, :-3]):
        assert abs(shifted.mean() - 0.5) < 4 * 0.5 / np.sqrt(shifted.size)


def dropped(dtype, rate):
    return engine_of(dtype, (1, 33, 1), ("relu", "logistic"), 301, dropout=(rate, 0)).dropout_mask(0, 5, 6) == 0


def test_both_dtypes_drop_the_same_units(isa):
    for rate in (0.1, 0.3, 0.5, 0.9):
        np.testing.assert_array_equal(dropped("float32", rate), dropped("float64", rate))


# In float32, a rate just above a unit's number is rounded to that number, unless it is rounded up to the next.
def test_both_dtypes_drop_the_same_units_where_float32_rounds_the_rate(isa):
    below, above = 2**23, 2**24
    unit = tuple(np.argwhere(~dropped("float64", 0.5))[0])
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if dropped("float64", middle / 2**24)[unit] else (middle, above)
    rate = (below + 0.1) / 2**24
    assert dropped("float64", rate)[unit]
    np.testing.assert_array_equal(dropped("float32", rate), dropped("float64", rate))


def train_with(train, network, batch=64, order=None, seed=9, dropout=RATES, hidden="relu", **options):
    """(parameters, losses) after three epochs of Adam."""
    parameters, inputs, targets = network
    parameters, epochs = parameters.copy(), 3
    losses = train(
        parameters,
        inputs,
        targets,
        LAYER_DIMS,
        activations_of(LAYER_DIMS, hidden),
        OPTIMIZER | {"method": "adam", "epsilon": 1e-3},
        np.zeros((2, len(parameters)), parameters.dtype),
        np.full(epochs * -(-inputs.shape[1] // batch), 0.01),
        epochs,
        batch_size=batch,
        order=order,
        updates=3,
        seed=seed,
        dropout=dropout,
        **options,
    )
    return parameters, losses


def trained(dtype, n_examples=150, **options):
    return train_with(kernel_train_minibatches, random_network(LAYER_DIMS, n_examples, dtype), **options)


def expected_of(dtype, n_examples=150, **options):
    network = widened(*random_network(LAYER_DIMS, n_examples, dtype))
    return train_with(reference.train_minibatches, network, **options)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_training_with_dropout_is_the_reference_s(hidden, isa, dtype):
    order = np.array([np.random.default_rng(epoch).permutation(150) for epoch in range(3)])
    got, expected = (train(dtype, hidden=hidden, order=order) for train in (trained, expected_of))
    for ours, theirs in zip(got, expected, strict=True):
        assert relative_error(ours, theirs) <= tolerance("training", dtype)


def test_training_over_several_tiles_is_the_reference_s(isa, dtype):
    """A unit's factor belongs to an example's place in the batch, not in its tile."""
    (parameters, _), (expected, _) = (train(dtype, 2500, batch=2500) for train in (trained, expected_of))
    assert relative_error(parameters, expected) <= tolerance("training", dtype)


@pytest.mark.parametrize("n_examples", [150, 5000])
def test_the_bits_do_not_depend_on_the_threads(n_examples, isa, dtype):
    expected = trained(dtype, n_examples, batch=n_examples)
    for n_threads in (2, 4):
        got = trained(dtype, n_examples, batch=n_examples, n_threads=n_threads)
        for ours, theirs in zip(got, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_another_seed_is_another_training_and_the_same_seed_the_same(isa, dtype):
    one, _ = trained(dtype, seed=1)
    again, _ = trained(dtype, seed=1)
    other, _ = trained(dtype, seed=2)
    np.testing.assert_array_equal(one, again)
    assert (one != other).mean() > 0.5


def test_dropout_of_nothing_changes_no_bit(isa, dtype):
    without, _ = trained(dtype, dropout=())
    zeros, _ = trained(dtype, dropout=(0, 0, 0))
    np.testing.assert_array_equal(zeros, without)


def test_the_last_layer_drops_nothing(isa, dtype):
    without, _ = trained(dtype, dropout=(0.3, 0.5, 0))
    given, _ = trained(dtype, dropout=(0.3, 0.5, 0.9))
    np.testing.assert_array_equal(given, without)


def test_gradients_and_predictions_drop_nothing(isa, dtype):
    """Up to rounding: relu leaves its derivative in another place where there is dropout."""
    network = random_network(LAYER_DIMS, 80, dtype)
    loss, gradient = kernel_loss_and_gradient(*network, LAYER_DIMS, ACTIVATIONS, dropout=RATES)
    expected_loss, expected = kernel_loss_and_gradient(*network, LAYER_DIMS, ACTIVATIONS)
    assert loss == expected_loss
    assert relative_error(gradient, expected) <= tolerance("step", dtype)
    outputs = np.empty((2, 80), dtype)
    engine = engine_of(dtype, LAYER_DIMS, ACTIVATIONS, 80, dropout=RATES)
    engine.predict(outputs, network[0], _kernels.Data(network[1].T), True)
    np.testing.assert_array_equal(outputs, kernel_predict(*network[:2], LAYER_DIMS, ACTIVATIONS, True))
