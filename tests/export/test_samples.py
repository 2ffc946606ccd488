"""Stored outputs agree with those of any instruction set, and with nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmlp import MLP, _kernels
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.export.samples import Samples, outputs_of, rounding_errors
from fastmlp.losses import LOSSES

networks = st.fixed_dictionaries(
    {
        "layer_dims": st.lists(st.integers(1, 70), min_size=2, max_size=9),
        "loss": st.sampled_from(sorted(set(LOSSES) - {"log_loss"})),
        "activation": st.sampled_from(HIDDEN_ACTIVATIONS),
        "dtype": st.sampled_from(["float32", "float64"]),
        "seed": st.integers(0, 2**32 - 1),
    }
)


@given(networks, st.sampled_from([1.0, 0.1, 3.0, 30.0]))
@settings(max_examples=300, deadline=None)
def test_instruction_sets_differ_by_less_than_a_third_of_what_is_allowed(arguments, scale):
    before, model = _kernels.current_isa(), MLP(**arguments)
    model.parameters = model.parameters * scale + 0.01
    kept = Samples.of(model)
    try:
        for isa in _kernels.available_isas():
            _kernels.select_isa(isa)
            assert kept.difference(model) < 1 / 3
    finally:
        _kernels.select_isa(before)


@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
@pytest.mark.parametrize("loss", ["log_loss", "multinomial_log_loss", "squared_error", "poisson"])
def test_a_small_change_of_a_parameter_is_more_than_is_allowed(activation, loss, dtype):
    model = MLP([8, 32, 32, 3 if loss != "log_loss" else 1], activation=activation, loss=loss, dtype=dtype, seed=0)
    kept = Samples.of(model)
    assert kept.difference(model) == 0
    model.weights[0][:] *= 1 + (1e-2 if dtype == np.float32 else 1e-10)
    assert kept.difference(model) > 1


def test_another_activation_is_more_than_is_allowed(dtype):
    """The formulas closest to each other."""
    kept = Samples.of(MLP([8, 32, 1], activation="gelu", loss="squared_error", dtype=dtype, seed=0))
    assert kept.difference(MLP([8, 32, 1], activation="gelu_tanh", loss="squared_error", dtype=dtype, seed=0)) > 1


def test_inputs_are_always_the_same_and_no_more_than_there_are_parameters(dtype):
    assert [len(Samples.of(MLP(dims, dtype=dtype)).inputs) for dims in ([4, 8, 1], [4, 1, 1], [9, 1])] == [3, 1, 1]
    one, other = (Samples.of(MLP([4, 8, 1], dtype=dtype, seed=seed)) for seed in (0, 1))
    np.testing.assert_array_equal(one.inputs, other.inputs)
    assert (one.outputs != other.outputs).all()


def test_what_cannot_be_estimated_does_not_count(dtype):
    model = MLP([2, 3, 1], loss="squared_error", dtype=dtype, seed=0)
    model.weights[0][:] = np.nan
    kept = Samples.of(model)
    assert np.isnan(kept.outputs).all()
    assert kept.difference(model) == 0
    errors = rounding_errors(model.plan, model.weights, model.biases, kept.inputs)
    assert errors.shape == kept.outputs.shape == outputs_of(model, kept.inputs).shape
