"""Stored outputs agree with those of any instruction set, and with nothing else."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmlp import MLP, _kernels
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.export import archive
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


# ---- in files


def test_a_saved_model_loads_under_every_instruction_set(isa, dtype):
    model, file = MLP([9, 30, 20, 3], loss="multinomial_log_loss", activation="gelu", dtype=dtype, seed=0), io.BytesIO()
    before = _kernels.current_isa()
    _kernels.select_isa("baseline")
    model.save(file)
    _kernels.select_isa(before)
    file.seek(0)
    assert MLP.load(file).parameters.tobytes() == model.parameters.tobytes()


def load(**changes):
    contents = {**archive.contents_of(MLP([4, 8, 1], seed=0)), **changes}
    file = io.BytesIO()
    np.savez(file, **{name: array for name, array in contents.items() if array is not None})
    file.seek(0)
    return MLP.load(file)


def test_outputs_that_are_not_computed_again_are_refused_by_file():
    wrong = archive.contents_of(MLP([4, 8, 1], seed=0))["sample_outputs"] * (1 + 1e-9)
    with pytest.raises(ValueError, match=r"^file is not a model saved by fastmlp: its outputs .* rounding explains$"):
        load(sample_outputs=wrong)


def test_samples_are_whole_or_not_there():
    assert load(sample_inputs=None, sample_outputs=None).plan.layer_dims == (4, 8, 1)
    for change in (
        {"sample_inputs": None},
        {"sample_outputs": None},
        {"sample_inputs": np.ones((3, 5))},
        {"sample_inputs": np.ones((2, 4))},
        {"sample_inputs": np.ones((0, 4)), "sample_outputs": np.ones((0, 1))},
        {"sample_inputs": np.array(1.0)},
        {"sample_outputs": np.ones((3, 1), np.float32)},
    ):
        with pytest.raises(ValueError, match=r"^file is not a model saved by fastmlp: (it lacks )?sample_"):
            load(**change)
