"""Models pickled and copied: everything comes along, and no two models share anything that training changes."""

import copy
import io
import pickle
import threading

import joblib
import numpy as np
import pytest

from fastmlp import MLP, SGD, Adaptive, Huber, LogLoss, initializers
from fastmlp.training import TrainingOptions

X = np.random.default_rng(0).standard_normal((12, 2))
Y = (X[:, 0] > 0).astype(int)


def joblib_copy(thing):
    file = io.BytesIO()
    joblib.dump(thing, file)
    file.seek(0)
    return joblib.load(file)


def buffers_copy(thing):
    """Through buffers that cannot be written to, as pickles travel between processes."""
    buffers = []
    data = pickle.dumps(thing, 5, buffer_callback=buffers.append)
    return pickle.loads(data, buffers=[bytes(buffer.raw()) for buffer in buffers])


PICKLED = {
    **{f"protocol {n}": lambda thing, n=n: pickle.loads(pickle.dumps(thing, n)) for n in range(6)},
    "joblib": joblib_copy,
    "buffers": buffers_copy,
}
COPIED = {"copy": copy.copy, "deepcopy": copy.deepcopy}
ALL = {**PICKLED, **COPIED}


def trained(**kwargs):
    model = MLP([2, 4, 1], **{"seed": 1, **kwargs})
    model.train(X, Y, epochs=3, batch_size=5, optimizer=SGD(momentum=0.5), learning_rate=Adaptive(0.1), seed=2)
    return model


def everything_in(model):
    state = model.training_state
    settings = (repr(model), repr(state.optimizer), state.seed, state.updates, state.epochs, state.examples)
    rest = (state.optimizer_epochs, repr(state.adaptive), repr(state.plateau))
    return (*settings, *rest, model.parameters.tobytes(), state.moments.tobytes())


@pytest.mark.parametrize("way", ALL)
def test_everything_comes_along_and_trains_on_alike_and_apart(way, dtype):
    model = trained(dtype=dtype)
    other = ALL[way](model)
    before = everything_in(model)
    assert everything_in(other) == before
    other.train(X, Y, epochs=3, batch_size=5, learning_rate=Adaptive(0.1))
    assert everything_in(model) == before
    model.train(X, Y, epochs=3, batch_size=5, learning_rate=Adaptive(0.1))
    assert everything_in(model) == everything_in(other)


@pytest.mark.parametrize("way", ALL)
def test_assigned_parameters_belong_to_one_model(way):
    model = trained()
    other = ALL[way](model)
    other.parameters = np.zeros(len(model.parameters))
    other.weights[0][:] = 3
    other.training_state.plateau.scale = 0.5
    assert everything_in(model) == everything_in(trained())
    assert not np.shares_memory(model.parameters, other.parameters)
    assert not np.shares_memory(model.training_state.moments, other.training_state.moments)


@pytest.mark.parametrize("way", ALL)
def test_a_copy_trains_while_the_model_does(way):
    model, seen = trained(), []

    def inside(epoch, loss):
        other = ALL[way](model)
        seen.append(other.train(X, Y, epochs=1, learning_rate=0.1).ended.how)

    model.train(X, Y, epochs=2, callback=inside, report_every=1)
    assert seen == ["finished", "finished"]


@pytest.mark.parametrize("way", ALL)
@pytest.mark.parametrize("seed", [5, np.random.RandomState(5), np.random.default_rng(5)], ids=type)
@pytest.mark.parametrize("initialization", ["he", initializers.he, ["he", "xavier"]], ids=str)
def test_both_draw_the_same_parameters_anew(way, seed, initialization):
    model = MLP([2, 4, 1], initialization=initialization, seed=copy.deepcopy(seed))
    other = ALL[way](model)
    assert other.initialize().parameters.tobytes() == model.initialize().parameters.tobytes()


def test_a_model_mapped_from_a_file_that_is_read_only_trains(tmp_path):
    """As joblib passes large models to its workers."""
    joblib.dump(trained(), tmp_path / "model")
    loaded = joblib.load(tmp_path / "model", mmap_mode="r")
    assert type(loaded.parameters) is np.ndarray
    assert type(loaded.training_state.moments) is np.ndarray
    loaded.train(X, Y, epochs=1)
    joblib.dump(trained(), tmp_path / "model")
    changed = joblib.load(tmp_path / "model", mmap_mode="r+")
    changed.parameters = np.zeros(len(changed.parameters))
    assert everything_in(joblib.load(tmp_path / "model")) == everything_in(trained())


# ---- initializations that cannot be pickled


class Locked:
    """A rule that holds what no pickle and no copy can hold."""

    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, layer_dims, seed=None):
        return initializers.he(layer_dims, seed)


def local_rule():
    def rule(layer_dims, seed=None):
        return initializers.he(layer_dims, seed)

    return rule


def generated(numbers):
    return lambda generator, fan_in, fan_out: np.full((fan_out, fan_in), next(numbers))


UNPICKLABLE = {
    "lambda": lambda: lambda layer_dims, seed: initializers.he(layer_dims, seed),
    "local": local_rule,
    "lock": Locked,
    "layers": lambda: ["he", lambda generator, fan_in, fan_out: generator.uniform(size=(fan_out, fan_in))],
    "generator": lambda: ["he", generated(iter([0.5] * 9))],
}


@pytest.mark.parametrize("way", PICKLED)
@pytest.mark.parametrize("kind", UNPICKLABLE)
def test_a_rule_that_cannot_be_pickled_is_left_out_of_the_pickle(kind, way):
    model = trained(initialization=UNPICKLABLE[kind]())
    other = PICKLED[way](model)
    assert everything_in(other) == everything_in(model)
    before = everything_in(other)
    with pytest.raises(TypeError, match=r"got None; a pickle leaves out what cannot be pickled: assign model"):
        other.initialize()
    assert everything_in(other) == before
    assert other.train(X, Y, epochs=1).ended.how == "finished"
    again = pickle.loads(pickle.dumps(other))
    again.initialization, again.seed = "he", 1
    assert again.initialize().parameters.tobytes() == MLP([2, 4, 1], seed=1).parameters.tobytes()


@pytest.mark.parametrize("way", COPIED)
@pytest.mark.parametrize("kind", UNPICKLABLE)
def test_copies_keep_any_rule(kind, way):
    model = trained(initialization=UNPICKLABLE[kind]())
    other = COPIED[way](model)
    assert other.initialization is model.initialization
    assert other.initialize().parameters.shape == model.parameters.shape


class Unwilling(np.random.RandomState):
    """A generator that pickle cannot hold."""

    def __init__(self, error):
        super().__init__(0)
        self.error = error

    def __reduce__(self):
        raise self.error


def test_a_seed_that_cannot_be_pickled_is_left_out_with_its_rule():
    other = pickle.loads(pickle.dumps(MLP([2, 4, 1], seed=Unwilling(TypeError("not me")))))
    assert (other.initialization, other.seed) == (None, None)


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()], ids=repr)
def test_other_errors_leave_nothing_out(error):
    with pytest.raises(type(error)):
        pickle.dumps(MLP([2, 4, 1], seed=Unwilling(error)))


def test_a_model_without_a_rule_is_refused_when_it_is_made():
    with pytest.raises(TypeError, match="initialization must be a name, a function or a sequence of these, got None"):
        MLP([2, 1], initialization=None)


# ---- other things that travel


@pytest.mark.parametrize("way", ALL)
def test_what_belongs_to_a_training_travels(way):
    model = trained(loss=LogLoss(0.1))
    history = model.train(X, Y, epochs=4, validation=(X, Y))
    options = TrainingOptions(epochs=3, optimizer="adam", learning_rate=Adaptive(0.1), dropout=[0.1])
    for thing in (options, history.ended, model.loss, Huber(0.5), model.plan, SGD(0.5, nesterov=True), Adaptive(0.2)):
        assert ALL[way](thing) == thing
    other = ALL[way](history)
    assert other.losses.tolist() == history.losses.tolist()
    assert other.validation_losses.tolist() == history.validation_losses.tolist()
    state = ALL[way](model.training_state)
    assert state.moments.tobytes() == model.training_state.moments.tobytes()
    assert (state.optimizer, state.updates) == (model.training_state.optimizer, model.training_state.updates)
    assert ALL[way](model.examples(X, Y)).n_examples == 12


def test_a_model_within_other_things_is_copied_once():
    model = trained()
    first, second = copy.deepcopy([model, model])
    assert first is second
    assert first is not model
