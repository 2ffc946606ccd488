"""The check of gradients: what it passes, and how it names what is wrong."""

import math

import numpy as np
import pytest

from fastmlp import MLP, Huber, LogLoss, Quantile
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.lab import gradient_check
from fastmlp.lab.diagnosis.gradients import KINKED, KINKED_LOSSES

RIGHT = MLP.loss_and_gradient
RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3))
LOSSES = {
    "log_loss": (1, RNG.integers(0, 2, 20)),
    LogLoss(label_smoothing=0.1): (1, RNG.integers(0, 2, 20)),
    "multilabel_log_loss": (2, RNG.integers(0, 2, (20, 2))),
    "multinomial_log_loss": (4, RNG.integers(0, 4, 20)),
    "squared_error": (2, RNG.standard_normal((20, 2))),
    "absolute_error": (1, RNG.standard_normal(20)),
    Huber(delta=0.5): (1, RNG.standard_normal(20)),
    Quantile(0.3): (1, RNG.standard_normal(20)),
    "poisson": (1, RNG.integers(0, 5, 20)),
}


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_the_gradient_passes_for_every_activation_and_loss(activation, loss, dtype):
    n_outputs, y = LOSSES[loss]
    network = MLP([3, 6, 5, n_outputs], activation=activation, loss=loss, dtype=dtype, seed=3)
    network.biases[0][:] = np.linspace(-0.5, 0.5, 6)
    found = gradient_check(network, X, y)
    assert found.passed, str(found)
    assert found.n_checked + found.n_at_kinks == network.plan.n_parameters
    assert found.n_at_kinks <= 3
    assert (found.n_at_kinks == 0) or activation in KINKED or network.loss.name in KINKED_LOSSES


@pytest.mark.parametrize(
    ("place", "layer", "parameter", "index"),
    [
        (0, 1, "W", (0, 0)),
        (5, 1, "W", (1, 2)),
        (19, 1, "b", (1,)),
        (24 + 12, 2, "W", (2, 0)),
        (24 + 30 + 5, 3, "W", None),
    ],
)
def test_a_wrong_derivative_is_named_with_both_values(place, layer, parameter, index, monkeypatch, dtype):
    network = MLP([3, 6, 5, 1], activation="tanh", dtype=dtype, seed=3)
    right = network.loss_and_gradient(X, LOSSES["log_loss"][1])[1]

    def wrong(self, X, y):
        loss, gradient = RIGHT(self, X, y)
        gradient[place] += 0.02
        return loss, gradient

    monkeypatch.setattr(MLP, "loss_and_gradient", wrong)
    found = gradient_check(network, X, LOSSES["log_loss"][1])
    assert not found.passed
    assert (found.layer, found.parameter) == (layer, parameter)
    assert index is None or found.index == index
    assert found.gradient == pytest.approx(float(right[place]) + 0.02, abs=1e-6)
    assert found.difference == pytest.approx(float(right[place]), abs=1e-6)
    name = f"{parameter}[{', '.join(map(str, found.index))}] of layer {layer}"
    assert str(found).startswith("FAILED: 65 parameters checked; the worst is " + name)


@pytest.mark.parametrize(("dtype", "wrong_by"), [("float64", 1e-5), ("float32", 1e-2)])
def test_small_errors_are_noticed(dtype, wrong_by, monkeypatch):
    network = MLP([3, 6, 1], activation="tanh", dtype=dtype, seed=3)

    def wrong(self, X, y):
        loss, gradient = RIGHT(self, X, y)
        return loss, gradient * (1 + wrong_by)

    monkeypatch.setattr(MLP, "loss_and_gradient", wrong)
    assert not gradient_check(network, X, LOSSES["log_loss"][1]).passed


def test_derivatives_at_kinks_are_left_out():
    """Biases of 0 put every unit of an example of zeros exactly on the kink."""
    network = MLP([3, 6, 1], activation="relu", seed=3)
    inputs, y = np.r_[X, np.zeros((1, 3))], np.r_[LOSSES["log_loss"][1], 1]
    found = gradient_check(network, inputs, y)
    assert found.passed
    assert found.n_at_kinks == 6
    assert "6 left out at kinks" in str(found)
    assert gradient_check(MLP([3, 6, 1], activation="gelu", seed=3), inputs, y).n_at_kinks == 0
    zeros = gradient_check(MLP([3, 6, 1], activation="relu", initialization="zeros"), inputs, y)
    assert zeros.passed
    assert zeros.n_at_kinks == 6 * 4


@pytest.mark.parametrize(("activation", "n_at_kinks"), [("relu", 6), ("leaky_relu", 6), ("selu", 6), ("elu", 0)])
def test_every_activation_with_a_kink_is_known(activation, n_at_kinks):
    inputs, y = np.r_[X, np.zeros((1, 3))], np.r_[LOSSES["log_loss"][1], 1]
    assert gradient_check(MLP([3, 6, 1], activation=activation, seed=3), inputs, y).n_at_kinks == n_at_kinks


def test_a_kink_near_by_is_passed_by_a_smaller_step():
    network = MLP([1, 1, 1], activation="relu", loss="squared_error", initialization="constant")
    network.weights[0][:], network.weights[1][:], network.biases[0][:] = 1, 1, 1e-6
    inputs, y = [[0.0], [1.0]], [1.0, 2.0]
    found = gradient_check(network, inputs, y)
    assert found.passed
    assert (found.n_checked, found.n_at_kinks) == (4, 0)


def test_where_every_parameter_is_at_a_kink_nothing_is_checked():
    network = MLP([1, 1], activation=[], loss="absolute_error", initialization="zeros")
    found = gradient_check(network, [[1.0], [2.0]], [0.0, 0.0])
    assert (found.n_checked, found.n_at_kinks, found.layer) == (0, 2, None)
    assert math.isnan(found.gradient)
    assert str(found) == "no parameter was checked, 2 left out at kinks"


def test_of_many_parameters_some_are_drawn():
    network, y = MLP([3, 40, 40, 1], activation="tanh", seed=3), LOSSES["log_loss"][1]
    few, again, others = (gradient_check(network, X, y, n_parameters=10, seed=seed) for seed in (1, 1, 2))
    assert (few.n_checked, few) == (10, again)
    assert few != others
    assert gradient_check(network, X, y).n_checked == 1000
    assert gradient_check(network, X, y, n_parameters=None).n_checked == network.plan.n_parameters


def test_checking_leaves_the_network_as_it_is(dtype):
    network = MLP([3, 6, 1], dtype=dtype, seed=3)
    before = network.parameters.tobytes()
    gradient_check(network, X, LOSSES["log_loss"][1])
    assert network.parameters.tobytes() == before


def test_wrong_arguments_are_named():
    network = MLP([3, 6, 1], seed=3)
    with pytest.raises(TypeError, match="y must be targets, got None"):
        gradient_check(network, X, None)
    with pytest.raises(ValueError, match="n_parameters must be at least 1, got 0"):
        gradient_check(network, X, LOSSES["log_loss"][1], n_parameters=0)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        gradient_check(network, X, LOSSES["log_loss"][1], seed=-1)
    network.weights[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="parameters must be finite"):
        gradient_check(network, X, LOSSES["log_loss"][1])
