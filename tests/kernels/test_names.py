"""The tables of the kernels name what the NumPy reference names, and say of each what the reference shows."""

import numpy as np
import pytest
from networks import OPTIMIZER

from fastmlp import _kernels, losses, optimizers, reference


def test_every_activation_has_a_twin():
    assert set(_kernels.ACTIVATIONS) == set(reference.ACTIVATIONS)
    assert set(_kernels.DERIVATIVES) == set(reference.DERIVATIVES)


def test_every_loss_has_a_twin_and_a_class():
    assert set(_kernels.LOSSES) == set(reference.LOSSES) == set(reference.LOSS_DERIVATIVES) == set(losses.LOSSES)


def test_every_method_has_a_twin_and_an_optimizer():
    assert set(_kernels.METHODS) == set(reference.STEPS)
    chosen = [
        optimizers.SGD(),
        optimizers.SGD(nesterov=True),
        optimizers.SGD(momentum=0.9),
        optimizers.SGD(momentum=0.9, nesterov=True),
        optimizers.Adam(),
        optimizers.AdamW(),
        optimizers.RMSprop(),
    ]
    methods = [optimizer.method for optimizer in chosen]
    assert methods == ["sgd", "sgd", "momentum", "nesterov", "adam", "adam", "rmsprop"]
    assert set(methods) == set(_kernels.METHODS)


@pytest.mark.parametrize("method", _kernels.METHODS)
def test_a_method_keeps_as_many_moments_as_its_twin(method):
    assert _kernels.MOMENTS[method] == len(reference.new_moments({"method": method}, 3))


def test_the_codes_of_a_table_differ_but_for_the_two_names_of_the_log_loss():
    for table in (_kernels.ISAS, _kernels.ACTIVATIONS, _kernels.METHODS, _kernels.FUNCTIONS):
        assert sorted(table.values()) == list(range(len(table)))
    codes = dict(_kernels.LOSSES)
    assert codes.pop("multilabel_log_loss") == codes["log_loss"]
    assert sorted(codes.values()) == list(range(len(codes)))


@pytest.mark.parametrize("name", _kernels.DERIVATIVES)
def test_a_derivative_taken_from_the_output_is_a_function_of_it(name):
    """Where two logits have the same output: of a monotonic activation they have the same derivative, or are one."""
    z = np.linspace(-3, 3, 2001)
    outputs = reference.ACTIVATIONS[name](z)
    is_monotonic = bool((np.diff(outputs) >= 0).all())
    assert is_monotonic or _kernels.DERIVATIVES[name] == "logits"
    derivatives = reference.DERIVATIVES[name](z)
    same = np.diff(outputs) == 0
    if _kernels.DERIVATIVES[name] == "output":
        np.testing.assert_array_equal(np.diff(derivatives)[same], 0)


@pytest.mark.parametrize("name", sorted(set(_kernels.ACTIVATIONS) - set(_kernels.DERIVATIVES)))
def test_activations_without_a_derivative_are_refused_in_hidden_layers(name):
    from fastmlp import MLP

    with pytest.raises(ValueError, match=f"activation must be one of .*; got '{name}'"):
        MLP([2, 3, 1], activation=name)


def test_the_fields_of_an_optimizer_are_those_that_training_sets():
    for optimizer in (optimizers.SGD(momentum=0.9, nesterov=True), optimizers.AdamW(), optimizers.RMSprop()):
        assert {*optimizer.settings(), "l1", "l2", "clip_value", "clip_norm"} == {"method", *_kernels.OPTIMIZER_FIELDS}
    assert set(OPTIMIZER) == {"method", *_kernels.OPTIMIZER_FIELDS}


@pytest.mark.parametrize("field", ["method", *_kernels.OPTIMIZER_FIELDS])
def test_a_missing_field_of_an_optimizer_raises(field):
    engine = _kernels.Engine(True, (1, 1), ("identity",), 1)
    data = _kernels.Data(np.ones((1, 1)), np.ones((1, 1)))
    settings = {name: value for name, value in OPTIMIZER.items() if name != field}
    with pytest.raises(KeyError, match=field):
        engine.train(np.ones(2), data, settings, np.empty((0, 2)), np.ones(1), None, np.empty(0), 1)
