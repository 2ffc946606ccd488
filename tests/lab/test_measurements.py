"""What the study measures of networks made by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from fastmlp import MLP
from fastmlp.lab import measurements
from fastmlp.lab.measurements import Measurements, measure

X = np.array([[1.0, 2.0], [-1.0, 0.5], [3.0, -2.0], [0.25, 0.25]])
Y = np.array([0, 1, 1, 0])


def network(w1, b1, w2, b2=0.0, **kwargs):
    drawn = ([np.array(w1, float), np.array([w2], float)], [np.array(b1, float), np.array([b2], float)])
    return MLP([2, len(w1), 1], initialization=lambda dims, seed: drawn, **kwargs)


def test_a_healthy_network_shows_no_symptom():
    model = network([[1, 0], [0, 1], [-1, 1]], [0, 0.5, 0], [1, -1, 1])
    logits = model.decision_function(X)
    assert measure(model, X) == Measurements(False, 0.0, 0.0, float(logits.min()), float(logits.max()))


@pytest.mark.parametrize(
    ("w1", "b1", "symmetric"),
    [
        ([[1, 2], [1, 2]], [0, 0], True),
        ([[0, 0], [0, 0]], [0, 0], True),
        ([[1, 2], [1, 2]], [0, 1], False),
        ([[1, 2], [2, 1]], [0, 0], False),
        ([[1, 2]], [0], False),
    ],
)
def test_symmetry_is_equal_incoming_weights_and_biases(w1, b1, symmetric):
    assert measure(network(w1, b1, np.ones(len(w1))), X).symmetric is symmetric


def test_one_symmetric_layer_is_enough():
    model = MLP([2, 3, 4, 1], initialization=["he", "constant", "he"], seed=1)
    assert measure(model, X).symmetric


@pytest.mark.parametrize(
    ("b1", "activation", "dead"), [([-9, 0, 0, -9], "relu", 0.5), ([-9] * 4, "relu", 1.0), ([99] * 4, "tanh", 1.0)]
)
def test_a_dead_unit_gives_one_value_for_all_examples(b1, activation, dead):
    model = network([[1, 0], [0, 1], [-1, 1], [1, 1]], b1, [1, 1, 1, 1], activation=activation)
    assert measure(model, X).dead_units == dead


def test_saturation_is_the_share_of_logits_beyond_ten():
    found = measure(network([[1, 0], [-1, 0]], [0, 0], [10, -10.5]), X)
    assert found.saturated_outputs == 0.5
    assert (found.smallest_logit, found.largest_logit) == (-10.5, 30.0)


def test_a_network_without_hidden_layers_has_neither_symmetry_nor_dead_units():
    found = measure(MLP([2, 1], activation=[], initialization="zeros"), X)
    assert found == Measurements(False, 0.0, 0.0, 0.0, 0.0)


def test_diagnosing_changes_nothing(dtype):
    model = MLP([2, 3, 1], seed=1, dtype=dtype)
    before, examples = model.parameters.tobytes(), X.copy()
    found = measure(model, examples)
    assert model.parameters.tobytes() == before
    np.testing.assert_array_equal(examples, X)
    assert all(type(value) in (bool, float) for value in vars(found).values())


def test_diagnosing_refuses_what_is_no_input():
    with pytest.raises(ValueError, match="X must have shape"):
        measure(MLP([2, 3, 1]), X.T)
    with pytest.raises(TypeError, match="X must be dense, got csr_array"):
        measure(MLP([2, 3, 1]), csr_array(X))


@pytest.mark.parametrize("activation", ["gelu", "elu", "softplus", "selu"])
@pytest.mark.parametrize("loss", ["multinomial_log_loss", "squared_error", "poisson"])
def test_any_activation_and_loss_is_diagnosed(activation, loss):
    model = MLP([2, 6, 3], activation=activation, loss=loss, seed=1)
    logits = model.decision_function(X)
    found = measure(model, X)
    assert not found.symmetric
    assert found.dead_units == 0
    assert (found.smallest_logit, found.largest_logit) == pytest.approx((logits.min(), logits.max()), rel=1e-12)


@pytest.mark.parametrize("examples", [X * 1e307, abs(X) * (1e308 / 3)])
def test_logits_that_overflow_are_diagnosed_without_a_warning(examples):
    found = measure(network([[99, 0], [-99, 0]], [0, 0], [10, -10.0]), examples)
    assert found.saturated_outputs == 1.0


def test_a_logit_that_is_nan_counts_as_saturated_and_is_no_smallest_or_largest():
    """Two units overflow for the first of two examples, and meet in inf - inf."""
    model = network([[99, 0], [99, 0]], [0, 0], [1, -2.0], activation="identity")
    found = measure(model, [[1e307, 0], [0.01, 0]])
    assert found == Measurements(True, 0.0, 0.5, pytest.approx(-0.99), pytest.approx(-0.99))
    nothing = measure(model, [[1e307, 0], [-1e307, 0]])
    assert nothing.saturated_outputs == 1.0
    assert np.isnan([nothing.smallest_logit, nothing.largest_logit]).all()


def test_examples_are_measured_in_blocks_with_the_same_outcome(monkeypatch):
    rng = np.random.default_rng(0)
    examples = rng.standard_normal((500, 2)) * 0.02
    examples[-50:] = 0  # the outputs of the last block are all the same
    model = MLP([2, 30, 7, 1], initialization="random", seed=1)
    model.biases[0][:5] = -1e3
    whole = measure(model, examples)
    monkeypatch.setattr(measurements, "BLOCK", 500)
    assert measure(model, examples) == whole
    assert 0 < whole.dead_units < 1
    assert 0 < whole.saturated_outputs < 1


def test_softmax_is_saturated_where_one_logit_is_far_above_the_others():
    def of(*logits):
        return measure(
            MLP(
                [1, 3],
                activation=[],
                loss="multinomial_log_loss",
                initialization=lambda dims, seed: ([np.zeros((3, 1))], [np.array(logits)]),
            ),
            [[0.0], [1.0]],
        ).saturated_outputs

    assert of(100.0, 101.0, -500.0) == 0
    assert of(100.0, 111.0, 0.0) == 1
    assert of(-20.0, -20.0, -20.0) == 0


def test_outputs_of_a_regression_are_never_saturated_while_finite():
    model = MLP(
        [1, 1],
        activation=[],
        loss="squared_error",
        initialization=lambda dims, seed: ([np.array([[1e6]])], [np.zeros(1)]),
    )
    assert measure(model, [[1.0], [2.0]]).saturated_outputs == 0
    assert measure(model, [[1e305], [1.0]]).saturated_outputs == 0.5
