"""What ``save`` writes, ``load`` takes, whatever a training left in a model."""

import dataclasses
import io
import math

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from fastmlp import LBFGS, MLP, SGD, Adam, Adaptive, RMSprop
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.losses import LOSSES, Huber, LogLoss, MultilabelLogLoss, MultinomialLogLoss, Quantile
from fastmlp.optimizers import OPTIMIZERS, AdamW
from fastmlp.schedules import Plateau
from fastmlp.training import TrainingState

positive = st.floats(5e-324, 1.7e308)
share = st.floats(0, 1, exclude_max=True)
inside = st.floats(0, 1, exclude_min=True, exclude_max=True)
counter = st.integers(0, 100) | st.integers(2**62, 2**64) | st.integers(0, 10**300)
whole = st.integers(1, 2**63 - 1)
OPTIMIZER = {
    "sgd": st.builds(SGD, share, st.booleans()),
    "adam": st.builds(Adam, share, share, positive, st.booleans()),
    "adamw": st.builds(AdamW, share, share, positive, st.booleans(), st.floats(0, 1.7e308)),
    "rmsprop": st.builds(RMSprop, share, positive),
    "lbfgs": st.builds(LBFGS, positive, st.integers(1, 1000), positive, st.none() | whole),
}
LOSS = {
    **{name: st.builds(kind) for name, kind in LOSSES.items()},
    **{kind.name: st.builds(kind, share) for kind in (LogLoss, MultilabelLogLoss, MultinomialLogLoss)},
    "huber": st.builds(Huber, positive),
    "quantile": st.builds(Quantile, inside),
}


def come_back(model):
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return MLP.load(file)


def everything_in(model):
    state = model.training_state
    fields = {field.name: repr(getattr(state, field.name)) for field in dataclasses.fields(state)}
    fields["moments"] = (state.moments.shape, state.moments.dtype, state.moments.tobytes())
    return repr(model), model.loss, model.plan, model.parameters.tobytes(), fields


def test_every_optimizer_and_every_loss_is_among_those_below():
    assert OPTIMIZER.keys() == OPTIMIZERS.keys()
    assert LOSS.keys() == LOSSES.keys()


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_whatever_is_in_a_model_comes_back(data):
    dims = data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=6))
    names = [data.draw(st.sampled_from(HIDDEN_ACTIVATIONS)) for _ in dims[2:]]
    loss = data.draw(st.one_of(*LOSS.values()))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    try:
        model = MLP(dims, activation=names, loss=loss, dtype=dtype, initialization="zeros")
    except ValueError as error:  # the dtype cannot hold a parameter of the loss
        assert f"in {dtype}" in str(error)
        reject()
    optimizer = data.draw(st.none() | st.one_of(*OPTIMIZER.values()))
    state = TrainingState()
    bits = np.frombuffer(data.draw(st.binary(min_size=64, max_size=64)), dtype)  # any numbers, infinite and NaN as well
    model.parameters[:] = np.resize(bits, model.plan.n_parameters)
    if optimizer is not None:
        state.use(optimizer, model.parameters)
        state.moments[:] = np.resize(bits, state.moments.shape)
    for name in ("updates", "optimizer_epochs", "examples", "epochs"):
        setattr(state, name, data.draw(counter))
    state.seed = data.draw(st.none() | st.integers(0, 2**64))
    state.adaptive = data.draw(st.none() | st.builds(Adaptive, positive, positive, inside, whole, positive))
    state.plateau = data.draw(
        st.builds(Plateau, st.floats(0, 1), st.floats(allow_nan=False), st.integers(0, 2**63 - 1))
    )
    model.training_state = state
    assert everything_in(come_back(model)) == everything_in(model)


@given(st.lists(st.sampled_from([0.0, 1e-200, 1.0, 1e200, -1e300, 1e308]), min_size=6, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_whatever_a_training_of_wild_numbers_left_comes_back(numbers, data):
    """Overflows in moments, divergence, underflow of an adaptive rate."""
    optimizer = data.draw(st.sampled_from(["sgd", "adam", "adamw", "rmsprop", SGD(momentum=0.9)]))
    model = MLP([2, 3, 1], loss="squared_error", seed=0, dtype=data.draw(st.sampled_from(["float32", "float64"])))
    X = (
        np.reshape(numbers[:4], (2, 2))
        if model.plan.dtype == np.float64
        else np.clip(np.reshape(numbers[:4], (2, 2)), -3e38, 3e38)
    )
    y = np.clip(numbers[4:], -3e38, 3e38)
    rate = Adaptive(data.draw(st.sampled_from([1e-3, 1e30])), n_iter_no_change=1, factor=1e-300, smallest=1e-308)
    model.train(X, y, epochs=12, optimizer=optimizer, learning_rate=rate, seed=1)
    assert everything_in(come_back(model)) == everything_in(model)


@pytest.mark.filterwarnings("ignore")
def test_a_second_moment_that_overflowed_comes_back():
    model = MLP([2, 3, 1], loss="squared_error", dtype="float32", seed=0)
    model.train([[1e15, 1.0]], [1e15], epochs=2, optimizer="adam", learning_rate=1e-3)
    model.training_state.moments[1, :3] = np.inf, np.nan, -0.0
    assert everything_in(come_back(model)) == everything_in(model)


def test_parameters_that_are_not_finite_come_back():
    """A view lets them in, and no work is lost for it."""
    model = MLP([2, 3, 1], seed=0)
    model.weights[0][0] = np.nan, -np.inf
    loaded = come_back(model)
    assert everything_in(loaded) == everything_in(model)
    with pytest.raises(ValueError, match="parameters must be finite in float64, got nan at index"):
        loaded.train([[0.0, 1.0]], [1], epochs=1)


def test_a_rate_whose_factor_underflowed_comes_back():
    model = MLP([2, 3, 1], seed=0)
    model.training_state.plateau.scale = 0.0
    assert everything_in(come_back(model)) == everything_in(model)


def test_counts_of_numpy_are_saved_as_numbers():
    model = MLP([2, 3, 1], seed=0)
    model.training_state.updates, model.training_state.seed = np.int64(2**62), np.uint32(5)
    state = come_back(model).training_state
    assert (state.updates, state.seed) == (2**62, 5)
    assert (type(state.updates), type(state.seed)) == (int, int)


@pytest.mark.parametrize("name", ["updates", "optimizer_epochs", "examples", "epochs", "seed"])
def test_counts_beyond_those_of_the_kernels_come_back_and_the_next_training_says_so(name):
    model = MLP([2, 3, 1], seed=0)
    model.train([[0.0, 1.0]], [1], epochs=1)
    last = 2**63 - 1 if name == "seed" else 2**62
    setattr(model.training_state, name, last)
    model = come_back(model)
    two = [[0.0, 1.0]] * 2, [1, 0]
    assert model.train(*two, epochs=3, batch_size=1).ended.how == "finished"
    setattr(model.training_state, name, last + 1)
    loaded = come_back(model)
    before = everything_in(loaded)
    with pytest.raises(ValueError, match=rf"training_state\.{name} must be .* 2\*\*6[23], got {last + 1}"):
        loaded.train([[0.0, 1.0]], [1], epochs=3)
    assert everything_in(loaded) == before


def test_a_rule_of_a_subclass_comes_back_as_the_rule_that_it_extends():
    @dataclasses.dataclass(frozen=True)
    class Slower(Adaptive):
        waits: int = 3

    model = MLP([2, 3, 1], seed=0)
    model.train([[0.0, 1.0]], [1], epochs=1, learning_rate=Slower(0.1))
    assert come_back(model).training_state.adaptive == Adaptive(0.1)


def test_deep_networks_and_wide_layers_come_back():
    for dims in ([1] * 2000, [1, 100_000, 1], [300, 300, 300]):
        model = MLP(dims, activation="tanh", initialization="zeros")
        assert everything_in(come_back(model)) == everything_in(model)


def test_a_best_loss_that_is_not_a_number_comes_back():
    model = MLP([2, 3, 1], seed=0)
    model.training_state.plateau.best = math.nan
    assert math.isnan(come_back(model).training_state.plateau.best)
