"""The fused pass against the NumPy reference and against central differences."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from networks import (
    HIDDEN,
    activations_of,
    engine_of,
    kernel_loss_and_gradient,
    kernel_predict,
    kernel_train,
    loss_options,
    random_network,
    widened,
)
from tolerances import relative_error, tolerance

from fastmlp import _kernels, reference
from fastmlp.engine.plan import split_parameters

SHAPES = [
    # one to six layers, widths below, at and above a vector, one to a thousand examples
    ((1, 1), 1),
    ((3, 1), 5),
    ((2, 10, 5, 1), 300),
    ((2, 10, 5, 1), 1000),
    ((7, 13, 3), 17),
    ((5, 33, 9, 2), 129),
    ((13, 1, 17, 1), 64),
    ((2, 3, 4, 5, 6, 7), 31),
    ((9, 8, 7, 6, 5, 4, 3), 1000),
    ((100, 50, 10), 250),
    ((64, 100, 10), 1),
    ((40, 70, 33, 1), 527),
]


def check_against_reference(layer_dims, activations, n_examples, dtype, seed=0):
    network = random_network(layer_dims, n_examples, dtype, seed)
    loss, gradient = kernel_loss_and_gradient(*network, layer_dims, activations)
    expected_loss, expected = reference.loss_and_gradient(*widened(*network), layer_dims, activations)
    assert gradient.dtype == dtype
    assert loss == pytest.approx(expected_loss, rel=tolerance("step", dtype))
    assert relative_error(gradient, expected) <= tolerance("step", dtype)


@pytest.mark.parametrize(("layer_dims", "n_examples"), SHAPES, ids=str)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradient_is_the_reference_s(layer_dims, n_examples, hidden, isa, dtype):
    check_against_reference(layer_dims, activations_of(layer_dims, hidden), n_examples, dtype)


def is_at_a_kink(network, layer_dims, activations):
    """Whether rounding may put a pre-activation on the other side of 0, where the slope of some activations jumps."""
    parameters, inputs, _ = widened(*network)
    zs, _ = reference.forward(inputs, *split_parameters(parameters, layer_dims), activations)
    noise = 32 * np.finfo(network[0].dtype).eps
    return any(
        activation in ("relu", "leaky_relu", "selu") and abs(z).min() < noise * abs(z).max()
        for z, activation in zip(zs, activations, strict=True)
    )


@settings(max_examples=150, deadline=None)
@given(
    isa_name=st.sampled_from(_kernels.available_isas()),
    dtype=st.sampled_from(["float64", "float32"]),
    layer_dims=st.lists(st.integers(1, 40), min_size=2, max_size=7).map(tuple),
    n_examples=st.integers(1, 1000),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_gradient_is_the_reference_s_for_any_shape(isa_name, dtype, layer_dims, n_examples, seed, data):
    hidden = data.draw(st.lists(st.sampled_from(HIDDEN), min_size=len(layer_dims) - 2, max_size=len(layer_dims) - 2))
    activations = (*hidden, "logistic")
    network = random_network(layer_dims, n_examples, np.dtype(dtype), seed)
    assume(not is_at_a_kink(network, layer_dims, activations))
    before = _kernels.current_isa()
    _kernels.select_isa(isa_name)
    try:
        check_against_reference(layer_dims, activations, n_examples, np.dtype(dtype), seed)
    finally:
        _kernels.select_isa(before)


@pytest.mark.parametrize("n_examples", range(1, 70))
def test_every_remainder_of_a_vector(n_examples, isa, dtype):
    check_against_reference((3, 4, 2), ("tanh", "logistic"), n_examples, dtype)


@pytest.mark.parametrize("width", range(1, 28))
def test_every_remainder_of_a_register_block(width, isa, dtype):
    check_against_reference((width, width, 3), ("tanh", "logistic"), 37, dtype)


def test_both_gradient_methods_are_used_and_agree(isa, dtype):
    """Wide layers with few examples take the broadcast method, narrow ones the lane sums."""
    layer_dims, activations = (160, 64, 3), ("tanh", "logistic")
    plan = engine_of(dtype, layer_dims, activations, 40).describe()
    assert plan["gradient_methods"] == ("broadcast", "lane_sums")
    check_against_reference(layer_dims, activations, 40, dtype)
    wide, activations = (16, 300, 300, 2), ("tanh", "tanh", "logistic")
    many = engine_of(dtype, wide, activations, 10**6).describe()["tile"] + 5  # two tiles, both added to padded rows
    assert engine_of(dtype, wide, activations, many).describe()["gradient_methods"][1] == "broadcast"
    check_against_reference(wide, activations, many, dtype)


@pytest.mark.parametrize("n_vectors", [8, 9, 11])  # of examples: panels of full size, with others behind, or none
@pytest.mark.parametrize("hidden", ["relu", "tanh"])
def test_matrices_in_several_blocks_of_rows_and_terms(hidden, n_vectors, isa, dtype):
    layer_dims = (16, 601, 530, 2)
    lanes = engine_of(dtype, layer_dims, (hidden, hidden, "logistic"), 1).describe()["lanes"]
    check_against_reference(layer_dims, (hidden, hidden, "logistic"), n_vectors * lanes - 1, dtype)


@pytest.mark.parametrize(
    ("layer_dims", "tile_bytes"),
    [((127, 100, 1), 4096), ((128, 100, 1), 2048), ((2, 128, 1), 2048), ((128, 513, 1), 2048), ((128, 1100, 1), 4096)],
)
def test_tiles_are_halved_between_wide_rows_and_packed_matrices(layer_dims, tile_bytes, isa, dtype):
    plan = engine_of(dtype, layer_dims, ("tanh", "logistic"), 4096).describe()
    is_packed = layer_dims == (128, 513, 1) and dtype == np.float64  # just over 512 KB
    assert plan["tile"] * np.dtype(dtype).itemsize == (4096 if is_packed else tile_bytes)
    check_against_reference(layer_dims, ("tanh", "logistic"), 1100, dtype)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_gradient_agrees_with_central_differences(hidden, isa):
    layer_dims, step = (3, 5, 4, 2), 1e-6
    parameters, inputs, targets = random_network(layer_dims, 40, "float64", seed=4)
    activations = activations_of(layer_dims, hidden)
    _, gradient = kernel_loss_and_gradient(parameters, inputs, targets, layer_dims, activations)
    numeric = np.empty_like(gradient)
    for i in range(len(parameters)):
        losses = []
        for sign in (1, -1):
            moved = parameters.copy()
            moved[i] += sign * step
            losses.append(kernel_loss_and_gradient(moved, inputs, targets, layer_dims, activations)[0])
        numeric[i] = (losses[0] - losses[1]) / (2 * step)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-9)


def test_padding_adds_nothing_even_where_examples_are_huge(isa):
    """Copies of the last example pad the tile; a single finite, enormous one must not turn into NaN."""
    layer_dims, activations = (2, 3, 1), ("relu", "logistic")
    parameters, inputs, targets = random_network(layer_dims, 9, "float64")
    inputs[:, -1] = 1e150
    _, gradient = kernel_loss_and_gradient(parameters, inputs, targets, layer_dims, activations)
    _, expected = reference.loss_and_gradient(parameters, inputs, targets, layer_dims, activations)
    assert np.isfinite(gradient).all()
    assert relative_error(gradient, expected) <= tolerance("step", "float64")


@pytest.mark.parametrize("loss", _kernels.LOSSES)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_nan_parameters_give_a_nan_loss_and_gradient(hidden, loss, isa, dtype):
    layer_dims = (2, 3, 2)
    parameters, inputs, targets = random_network(layer_dims, 20, dtype, loss=loss)
    parameters[0] = np.nan
    activations = activations_of(layer_dims, hidden, loss)
    got, gradient = kernel_loss_and_gradient(parameters, inputs, targets, layer_dims, activations, **loss_options(loss))
    assert np.isnan(got)
    assert np.isnan(gradient).any()


@pytest.mark.parametrize(("layer_dims", "n_examples"), SHAPES, ids=str)
def test_predictions_are_the_reference_s(layer_dims, n_examples, isa, dtype):
    parameters, inputs, _ = random_network(layer_dims, n_examples, dtype)
    activations = activations_of(layer_dims, "tanh")
    for probabilities in (False, True):
        outputs = kernel_predict(parameters, inputs, layer_dims, activations, probabilities)
        expected = reference.predict(*widened(parameters, inputs), layer_dims, activations, probabilities)
        assert relative_error(outputs, expected) <= tolerance("step", dtype)


@pytest.mark.parametrize("layer_dims", [(2, 1), (2, 10, 5, 1), (3, 8, 2)], ids=str)
def test_training_is_the_reference_s(layer_dims, isa, dtype):
    parameters, inputs, targets = random_network(layer_dims, 100, dtype)
    activations = activations_of(layer_dims, "tanh")
    expected, *data = widened(parameters, inputs, targets)
    reference.train(expected, *data, layer_dims, activations, 0.1, 50)
    kernel_train(parameters, inputs, targets, layer_dims, activations, 0.1, 50)
    assert relative_error(parameters, expected) <= tolerance("training", dtype)


def test_an_epoch_is_a_gradient_and_a_descent_bit_for_bit(isa, dtype):
    layer_dims, activations = (3, 9, 2), ("relu", "logistic")
    parameters, inputs, targets = random_network(layer_dims, 50, dtype)
    by_hand = parameters.copy()
    _, gradient = kernel_loss_and_gradient(by_hand, inputs, targets, layer_dims, activations)
    _kernels.gradient_descent(by_hand, gradient, 0.25)
    kernel_train(parameters, inputs, targets, layer_dims, activations, 0.25, 1)
    np.testing.assert_array_equal(parameters, by_hand)
