"""Engine.layers: every layer's arrays for any activation, loss and layout; and Engine.update, the sweep alone."""

import numpy as np
import pytest
from networks import (
    HIDDEN,
    OPTIMIZER,
    activations_of,
    engine_of,
    kernel_loss_and_gradient,
    kernel_train_minibatches,
    loss_options,
    random_network,
    widened,
)
from tolerances import relative_error, tolerance
from trainings import NAMES, assert_same, optimizer_of, rate_of

from fastmlp import _kernels, reference
from fastmlp.engine.plan import join_parameters, split_parameters

OUTPUTS = {"log_loss": 1, "multilabel_log_loss": 3}  # of all other losses 2


def by_the_reference(parameters, inputs, targets, layer_dims, activations, *, loss, loss_parameter, weights=None):
    """The same dicts, in float64."""
    weight_matrices, biases = split_parameters(parameters, layer_dims)
    zs, outputs = reference.forward(inputs, weight_matrices, biases, activations)
    dz = reference.loss_backward(zs[-1], targets, loss, loss_parameter, weights)
    layers = [{"z": z, "a": a} for z, a in zip(zs, outputs, strict=True)]
    for i in reversed(range(len(layers))):
        d_weights, d_bias = reference.dense_gradient(dz, outputs[i - 1] if i else inputs)
        layers[i].update(dz=dz, d_weights=d_weights, d_bias=d_bias)
        if i:
            layers[i - 1]["da"] = reference.dense_backward(weight_matrices[i], dz)
            dz = layers[i - 1]["da"] * reference.DERIVATIVES[activations[i - 1]](zs[i - 1])
    return layers


def assert_layers_are(got, expected, dtype):
    assert [sorted(layer) for layer in got] == [sorted(layer) for layer in expected]
    for layer, reference_layer in zip(got, expected, strict=True):
        for name, array in layer.items():
            assert array.dtype == dtype
            assert array.shape == reference_layer[name].shape, name
            assert relative_error(array, reference_layer[name]) <= tolerance("step", dtype), name


@pytest.mark.parametrize("loss", sorted(_kernels.LOSSES))
@pytest.mark.parametrize("hidden", HIDDEN)
def test_layers_are_the_reference_s(hidden, loss, isa, dtype):
    layer_dims, n = (5, 9, 6, OUTPUTS.get(loss, 2)), 77
    activations, options = activations_of(layer_dims, hidden, loss), loss_options(loss)
    network = random_network(layer_dims, n, dtype, loss=loss)
    parameters, inputs, targets = network
    weights = np.random.default_rng(0).uniform(0, 2, n).astype(dtype)
    data = _kernels.Data(inputs.T, targets, weights)
    got = engine_of(dtype, layer_dims, activations, n, **options).layers(parameters, data)
    wide = widened(*network)
    expected = by_the_reference(*wide, layer_dims, activations, weights=weights.astype("float64"), **options)
    assert_layers_are(got, expected, dtype)


@pytest.mark.parametrize(("layer_dims", "n"), [((1, 1), 1), ((2, 10, 5, 1), 1300), ((160, 64, 3), 40), ((30, 2), 700)])
@pytest.mark.parametrize("layout", ["C", "F", "csr"])
def test_layers_of_any_layout_and_over_tiles_are_those_of_the_fused_pass(layout, layer_dims, n, isa, dtype):
    activations, options = activations_of(layer_dims, "gelu", "squared_error"), {"loss": "squared_error"}
    parameters, inputs, targets = random_network(layer_dims, n, dtype, loss="squared_error")
    if layout == "csr":
        rows, columns = np.nonzero(inputs.T)
        indptr = np.searchsorted(rows, np.arange(n + 1))
        data = _kernels.Data((inputs.T[rows, columns], columns.copy(), indptr, layer_dims[0]), targets)
    else:
        data = _kernels.Data(np.require(inputs.T, requirements=layout), targets)
    layers = engine_of(dtype, layer_dims, activations, n, **options).layers(parameters, data)
    _, gradient = kernel_loss_and_gradient(parameters, inputs, targets, layer_dims, activations, **options)
    joined = join_parameters([layer["d_weights"] for layer in layers], [layer["d_bias"] for layer in layers])
    assert relative_error(joined, gradient) <= tolerance("step", dtype)
    np.testing.assert_array_equal(layers[-1]["a"], layers[-1]["z"])


def test_without_targets_there_is_no_backward_pass(isa, dtype):
    layer_dims, activations = (3, 4, 2), ("relu", "softmax")
    parameters, inputs, _ = random_network(layer_dims, 20, dtype)
    layers = engine_of(dtype, layer_dims, activations, 20).layers(parameters, _kernels.Data(inputs.T))
    assert [sorted(layer) for layer in layers] == [["a", "z"]] * 2
    np.testing.assert_allclose(layers[1]["a"].sum(axis=0), 1, rtol=1e-6)


def test_layers_refuse_what_would_not_be_safe():
    layer_dims, activations = (3, 4, 1), ("relu", "logistic")
    parameters, inputs, targets = random_network(layer_dims, 20, "float64")
    engine = engine_of("float64", layer_dims, activations, 20)
    for bad in (_kernels.Data(inputs[:2].T), _kernels.Data(inputs.T.astype("float32")), None):
        with pytest.raises((ValueError, TypeError)):
            engine.layers(parameters, bad)
    with pytest.raises(ValueError, match="parameters"):
        engine.layers(parameters[1:], _kernels.Data(inputs.T, targets))
    with pytest.raises(ValueError, match="targets"):
        engine.layers(parameters, _kernels.Data(inputs.T, np.vstack([targets, targets])))


@pytest.mark.parametrize("name", NAMES)
def test_an_update_alone_is_that_of_a_training_and_the_reference_s(name, isa, dtype):
    layer_dims, activations, optimizer, rate = (3, 7, 2), ("tanh", "logistic"), optimizer_of(name), rate_of(name)
    parameters, inputs, targets = random_network(layer_dims, 40, dtype)
    engine = engine_of(dtype, layer_dims, activations, 40)
    moments = reference.new_moments(optimizer, len(parameters), dtype)
    trained, trained_moments = parameters.copy(), moments.copy()
    wide, wide_moments = widened(parameters, moments)
    for update in range(3):
        _, gradient = kernel_loss_and_gradient(parameters, inputs, targets, layer_dims, activations)
        before = gradient.copy()
        reference.optimizer_update(wide, gradient.astype("float64"), wide_moments, optimizer, rate, update, layer_dims)
        engine.update(parameters, gradient, moments, optimizer, rate, updates=update)
        np.testing.assert_array_equal(gradient, before)
    network = (trained, inputs, targets, layer_dims, activations)
    kernel_train_minibatches(*network, optimizer, trained_moments, np.full(3, rate), 3)
    np.testing.assert_array_equal(parameters, trained)
    np.testing.assert_array_equal(moments, trained_moments)
    assert_same((parameters, moments), (wide, wide_moments), dtype)


def test_an_update_refuses_arrays_that_do_not_fit():
    engine = engine_of("float64", (3, 7, 2), ("tanh", "logistic"), 40)
    n, none = 3 * 7 + 7 + 7 * 2 + 2, np.empty((0, 44))
    good = np.zeros(n)
    for arguments in (
        (good[1:], good[1:], none),
        (good, good[1:], none),
        (good, good, np.empty((1, n))),
        (good.astype("float32"), good.astype("float32"), none.astype("float32")),
    ):
        with pytest.raises(ValueError, match="must"):
            engine.update(*arguments, OPTIMIZER, 0.1)
    with pytest.raises(ValueError, match="updates must be at least 0"):
        engine.update(good, good, none, OPTIMIZER, 0.1, updates=-1)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("loss", sorted(_kernels.LOSSES))
def test_a_loss_alone_has_the_bits_of_that_beside_its_gradient(loss, n_threads, isa, dtype):
    for layer_dims, n in (((5, 9, OUTPUTS.get(loss, 2)), 3000), ((40, 200, 160, OUTPUTS.get(loss, 2)), 60)):
        activations, options = activations_of(layer_dims, "silu", loss), loss_options(loss)
        parameters, inputs, targets = random_network(layer_dims, n, dtype, loss=loss)
        engine = engine_of(dtype, layer_dims, activations, n, n_threads=n_threads, **options)
        data, gradient = _kernels.Data(inputs.T, targets), np.empty_like(parameters)
        assert engine.loss(parameters, data) == engine.loss_and_gradient(gradient, parameters, data)
        expected, outputs = np.empty((2, layer_dims[-1], n), dtype)
        engine_of(dtype, layer_dims, activations, n, **options).predict(expected, parameters, data, True)
        assert engine.loss(parameters, data, outputs) == engine.loss(parameters, data)
        np.testing.assert_array_equal(outputs, expected)


def test_outputs_of_another_shape_or_dtype_are_refused():
    parameters, inputs, targets = random_network((5, 9, 2), 8, "float64", loss="squared_error")
    engine = engine_of("float64", (5, 9, 2), ("relu", "identity"), 8, loss="squared_error")
    for outputs in (np.empty((8, 2)), np.empty((2, 7)), np.empty((2, 8), "float32")):
        with pytest.raises(ValueError, match=r"outputs must have shape|dtype mismatch"):
            engine.loss(parameters, _kernels.Data(inputs.T, targets), outputs)
