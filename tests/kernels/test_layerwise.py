"""Forward and backward layer by layer, keeping every array, against the NumPy reference."""

import numpy as np
import pytest
from networks import HIDDEN, activations_of, engine_of, random_network, widened
from tolerances import relative_error, tolerance

from fastmlp import _kernels, reference
from fastmlp.engine.plan import split_parameters

# backward has no other array
FROM_OUTPUTS = tuple(name for name, source in _kernels.DERIVATIVES.items() if source == "output")
SHAPES = [((1, 1), 1), ((2, 10, 5, 1), 300), ((5, 33, 9, 2), 129), ((160, 64, 3), 40), ((9, 8, 7, 6, 5, 4, 3), 1000)]


def layers(layer_dims, n_examples, dtype):
    parameters, inputs, targets = random_network(layer_dims, n_examples, dtype)
    weights, biases = split_parameters(parameters, layer_dims)
    return inputs, targets, weights, [b[:, np.newaxis] for b in biases]


@pytest.mark.parametrize(("layer_dims", "n_examples"), SHAPES, ids=str)
@pytest.mark.parametrize("hidden", FROM_OUTPUTS)
def test_forward_and_backward_are_the_reference_s(layer_dims, n_examples, hidden, isa, dtype):
    inputs, targets, weights, biases = layers(layer_dims, n_examples, dtype)
    activations = activations_of(layer_dims, hidden)
    cache = _kernels.forward(inputs, weights, biases, activations)
    wide_inputs, wide_targets = widened(inputs, targets)
    wide_weights = widened(*weights)
    zs, outputs = reference.forward(wide_inputs, wide_weights, [b[:, 0] for b in widened(*biases)], activations)
    for got, expected in zip(cache[0::4] + cache[1::4], zs + outputs, strict=True):
        assert relative_error(got, expected) <= tolerance("step", dtype)

    gradients = _kernels.backward(inputs, targets, weights, list(cache[1::4]), activations)
    dz = reference.log_loss_backward(zs[-1], wide_targets)
    d_weights, d_biases = reference.backward(dz, wide_inputs, wide_weights, outputs, activations, zs)
    assert len(gradients) == 4 * len(weights) - 1
    assert relative_error(gradients[0], dz) <= tolerance("step", dtype)
    for got, expected in zip(gradients[1::4], reversed(d_weights), strict=True):
        assert relative_error(got, expected) <= tolerance("step", dtype)
    for got, expected in zip(gradients[2::4], reversed(d_biases), strict=True):
        assert relative_error(got[:, 0], expected) <= tolerance("step", dtype)
    for layer, da in zip(range(len(weights) - 1, 0, -1), gradients[3::4], strict=True):
        after = gradients[4 * (len(weights) - 1 - layer)]
        assert relative_error(da, weights[layer].astype("float64").T @ after) <= tolerance("dense", dtype)


def test_kernels_refuse_what_would_not_be_safe():
    inputs, targets, weights, biases = layers((2, 3, 1), 8, "float64")
    activations = ("relu", "logistic")
    cache = _kernels.forward(inputs, weights, biases, activations)
    outputs = list(cache[1::4])
    bad_forward = [
        (inputs[:1], weights, biases),
        (inputs.astype("float32"), weights, biases),
        (inputs, weights[::-1], biases),
        (inputs, weights, [b[:1] for b in biases]),
        (inputs, [w.T for w in weights], biases),
        (inputs, [None, None], biases),
        (inputs[:, :0], weights, biases),
        (inputs[:, ::2], weights, biases),
    ]
    for arguments in bad_forward:
        with pytest.raises((ValueError, TypeError)):
            _kernels.forward(*arguments, activations)
    for bad in (targets[:, :4], targets.astype("float32"), targets[:, ::2]):
        with pytest.raises(ValueError, match="targets"):
            _kernels.backward(inputs, bad, weights, outputs, activations)
    with pytest.raises(ValueError, match="outputs"):
        _kernels.backward(inputs, targets, weights, outputs[::-1], activations)


@pytest.mark.parametrize("hidden", sorted({*HIDDEN} - {*FROM_OUTPUTS}))
@pytest.mark.parametrize("output", ["softmax", "exponential"])
def test_forward_takes_every_activation(hidden, output, isa, dtype):
    layer_dims = (5, 33, 9, 3)
    inputs, _, weights, biases = layers(layer_dims, 129, dtype)
    activations = (hidden, hidden, output)
    cache = _kernels.forward(inputs, weights, biases, activations)
    wide_biases = [b[:, 0] for b in widened(*biases)]
    zs, outputs = reference.forward(*widened(inputs), widened(*weights), wide_biases, activations)
    for got, expected in zip(cache[0::4] + cache[1::4], zs + outputs, strict=True):
        assert relative_error(got, expected) <= tolerance("step", dtype)


def test_engines_refuse_what_would_not_be_safe():
    layer_dims, activations = (2, 3, 1), ("relu", "logistic")
    parameters, inputs, targets = random_network(layer_dims, 8, "float64")
    arguments = {
        "gradient": np.empty_like(parameters),
        "parameters": parameters,
        "inputs": inputs.T,
        "targets": targets,
        "layer_dims": layer_dims,
        "activations": activations,
    }
    bad = {
        "gradient": [np.empty(3), np.empty(len(parameters), "float32")],
        "parameters": [parameters[:-1], parameters[::2]],
        "inputs": [inputs[:1].T, inputs[:, :0].T, inputs.repeat(2, 0)[::2, ::2].T, inputs[0]],
        "targets": [targets[:, :4], np.vstack([targets, targets])],
        "layer_dims": [(2, 3), (2,), (2, 0, 1), (2, 4, 1), (2, -3, 1)],
        "activations": [("relu",), ("relu", "logistic", "logistic"), ()],
    }

    def call(gradient, parameters, inputs, targets, layer_dims, activations):
        engine = engine_of("float64", layer_dims, activations, 8)
        return engine.loss_and_gradient(gradient, parameters, _kernels.Data(inputs, targets))

    assert np.isfinite(call(**arguments))
    for name, values in bad.items():
        for value in values:
            with pytest.raises((ValueError, TypeError)):
                call(**{**arguments, name: value})
