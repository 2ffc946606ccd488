"""Trainings in which a gradient, a loss or an update is not finite: what ends them, and what they leave."""

import re

import numpy as np
import pytest

from fastmlp import MLP, SGD, Adam, AdamW, Adaptive, DivergenceWarning, RMSprop
from fastmlp.schedules import Schedule
from fastmlp.training import TrainingOptions, run

RNG = np.random.default_rng(4)
X = RNG.standard_normal((30, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")


def network(dims=(2, 6, 4, 1), **kwargs):
    return MLP(dims, **{"activation": "tanh", "seed": 1, **kwargs})


def diverge(model, y=Y, **kwargs):
    """The history, and the epoch and batch that the one warning names."""
    with pytest.warns(DivergenceWarning) as caught:
        history = model.train(X, y, **{"learning_rate": 1e4, "epochs": 500, "report_every": 1, **kwargs})
    (warning,) = caught
    assert warning.filename == __file__
    epoch, _, batch = re.match(r"training diverged at epoch (\d+)(, batch (\d+))?: ", str(warning.message)).groups()
    return history, int(epoch), int(batch or 0), str(warning.message)


@pytest.mark.parametrize("report_every", [3, 500])
def test_a_gradient_that_is_not_finite_ends_the_training_with_the_parameters_before_it(report_every, dtype):
    model, same = (network(activation="identity", dtype=dtype) for _ in range(2))
    history, epoch, batch, message = diverge(model, report_every=report_every)
    assert (epoch > 1, batch) == (True, 0)
    assert "The parameters are those before it. Try a learning_rate below 10000 or clip_norm, smaller" in message
    assert np.isfinite(history.losses).all()
    assert (history.epochs < epoch).all()
    assert np.isfinite(model.parameters).all()
    with pytest.warns(DivergenceWarning):  # its last loss is not finite, though its gradient is
        same.train(X, Y, learning_rate=1e4, epochs=epoch, report_every=epoch)
    assert model.parameters.tobytes() == same.parameters.tobytes()
    gradient = np.empty_like(same.parameters)
    same.engine(len(X)).loss_and_gradient(gradient, same.parameters, same.examples(X, Y).data)
    assert not np.isfinite(gradient).all()


@pytest.mark.parametrize("optimizer", ["sgd", SGD(momentum=0.5), "adam"])
def test_divergence_in_the_middle_of_an_epoch_keeps_the_parameters_of_the_batch_before(optimizer, dtype):
    """The batches before the one named, trained by themselves, lead to the same parameters."""
    options = {"learning_rate": 10, "batch_size": 7, "shuffle": False, "optimizer": optimizer}
    inputs = X.copy()
    inputs[-2:] *= np.finfo(dtype).max / 10  # the last batch, which the weights of the others make overflow
    model, same = (network((2, 6, 6, 1), activation="identity", dtype=dtype) for _ in range(2))
    with pytest.warns(DivergenceWarning, match=r"at epoch 0, batch 4: .* those before it"):
        model.train(inputs, Y, epochs=3, **options)
    run(same, same.examples(inputs[:-2], Y[:-2]), TrainingOptions(epochs=1, **options))  # its loss grows
    assert (model.training_state.updates, model.training_state.examples) == (4, 28)
    assert model.parameters.tobytes() == same.parameters.tobytes()


def test_a_loss_that_is_not_finite_from_the_start_leaves_the_initial_parameters():
    model = network((2, 3, 3, 1), activation="relu")
    model.parameters[:] *= 1e200
    before = model.parameters.tobytes()
    history, epoch, batch, message = diverge(model)
    assert (history.losses.size, epoch, batch) == (0, 0, 0)
    assert "those before it" in message
    assert model.parameters.tobytes() == before


@pytest.mark.parametrize(("dtype", "learning_rate"), [("float64", 1e308), ("float32", 3e38)])
@pytest.mark.parametrize("epochs", [1, 2, 50])
def test_an_update_that_overflows_leaves_the_parameters_before_it(epochs, dtype, learning_rate):
    model = network((2, 1), activation=[], loss="squared_error", dtype=dtype)
    before = model.parameters.tobytes()
    _, epoch, _, message = diverge(model, learning_rate=learning_rate, epochs=epochs, report_every=epochs)
    assert epoch == 0
    assert "the update overflows. The parameters are those before it" in message
    assert model.parameters.tobytes() == before
    assert model.training_state.updates == 0


@pytest.mark.parametrize("batch_size", [None, 7])
def test_an_update_that_overflows_late_leaves_the_parameters_of_its_own_call(batch_size):
    """The callback makes every epoch a call, and parameters in epoch 3 that the learning rate throws far off."""
    model = network((2, 1), activation=[], loss="squared_error", initialization="zeros")
    moved = np.array([1e10, -1e10, 1e10])

    def move(epoch, loss):
        if epoch == 3:
            model.parameters = moved

    options = {"learning_rate": 1e299, "epochs": 9, "report_every": 1, "batch_size": batch_size, "callback": move}
    with pytest.warns(DivergenceWarning, match=r"epoch [34], batch 0: the update overflows"):
        history = model.train(X, np.zeros(len(X)), **options)
    assert history.losses[:3].tolist() == [0, 0, 0]
    assert model.parameters.tolist() == moved.tolist()


def test_after_an_update_that_overflowed_training_goes_on_with_the_same_optimizer():
    model = network((2, 1), activation=[], loss="squared_error")
    diverge(model, learning_rate=1e308, epochs=3, optimizer=SGD(momentum=0.5))
    model.train(X, Y, learning_rate=0.1, epochs=3)
    expected = network((2, 1), activation=[], loss="squared_error")
    expected.train(X, Y, learning_rate=0.1, epochs=3, optimizer=SGD(momentum=0.5))
    assert model.parameters.tobytes() == expected.parameters.tobytes()


def test_a_last_update_that_leaves_finite_parameters_is_no_divergence():
    model = network((2, 3, 3, 1), activation="identity")
    history = model.train(X, Y, learning_rate=1e200, epochs=1)
    assert history.losses.size == 1
    assert np.isfinite(model.parameters).all()
    assert abs(model.parameters).max() > 1e190


def test_the_remedy_names_the_rate_that_an_adaptive_schedule_has_come_to():
    model = network((2, 1), activation=[], loss="squared_error")

    def throw_off(epoch, loss):
        if epoch == 7:
            model.parameters = [1e200, 1e200, 0]

    schedule = Adaptive(0.25, tol=10.0, n_iter_no_change=2, factor=0.5)
    with pytest.warns(DivergenceWarning, match=r"Try a learning_rate below 0\.0625 or clip_norm"):
        model.train(X, Y, epochs=20, learning_rate=schedule, report_every=1, callback=throw_off)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_a_held_or_recorded_loss_that_overflows_is_no_report_to_a_callback(batch_size):
    model, heard = network((2, 1), activation=[], loss="squared_error"), []
    options = {"learning_rate": 0.1, "epochs": 9, "batch_size": batch_size}
    history, epoch, *_ = diverge(model, Y * 1e200, callback=lambda *report: heard.append(report), **options)
    assert (history.losses.size, heard, epoch) == (0, [], 0)
    assert np.isfinite(model.parameters).all()


@pytest.mark.parametrize("report_every", [1, 100])
def test_a_reported_loss_that_overflows_ends_the_training_even_where_its_gradient_is_finite(report_every):
    model = network((2, 1), activation=[], loss="squared_error")
    history, epoch, *_ = diverge(model, Y * 1e200, learning_rate=0.1, epochs=300, report_every=report_every)
    assert history.losses.size == 0
    assert np.isfinite(model.parameters).all()
    assert epoch == 0
    assert model.training_state.epochs == 1


def test_after_a_divergence_training_can_go_on():
    model = network(activation="identity")
    diverge(model)
    model.initialize()
    history = model.train(X, Y, learning_rate=0.1, epochs=50, report_every=1)
    assert history.losses[-1] < history.losses[0]


class Leap(Schedule):
    """A rate of 0.01 that grows beyond all numbers from one update on."""

    def __init__(self, update, rate):
        self.update, self.rate = update, rate

    def rates(self, steps):
        return np.where(steps.updates < self.update, 0.01, self.rate)


OPTIMIZERS = [
    SGD(),
    SGD(momentum=0.9),
    SGD(momentum=0.9, nesterov=True),
    Adam(),
    Adam(epsilon=1e-15),
    AdamW(weight_decay=0.1),
    RMSprop(),
]
OPTIONS = [{}, {"l1": 1e-3, "l2": 1e-2}, {"clip_value": 3.0}, {"clip_norm": 30.0}]


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "penalties", "clip_value", "clip_norm"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_an_update_that_overflows_late_in_a_block_loses_none_of_those_before_it(optimizer, options, isa, dtype):
    """Batches of 13: update 155 is the third of epoch 51.  Two trainings that end before it have the same state."""
    rate = float(np.finfo(dtype).max) * (1e8 if dtype == np.float32 else 1)
    options = {"optimizer": optimizer, "batch_size": 13, "shuffle": False, "learning_rate": Leap(155, rate), **options}
    model, same = (network(loss="squared_error", dtype=dtype) for _ in range(2))
    with pytest.warns(DivergenceWarning, match=r"diverged at epoch \d+, batch \d"):
        history = model.train(X, 20 * Y, epochs=1000, report_every=1000, **options)
    state = model.training_state
    epochs, rest = divmod(state.updates, 3)
    assert 155 <= state.updates <= 157  # the largest rate overflows at once, or a little later with Adam's ratios
    assert (history.ended.epoch, state.epochs, state.optimizer_epochs) == (epochs, epochs, epochs)
    assert state.examples == 30 * epochs + 13 * rest
    same.train(X, 20 * Y, epochs=epochs, report_every=1000, **options)
    if rest:
        same.train(X[: 13 * rest], 20 * Y[: 13 * rest], epochs=1, **options)
    assert model.parameters.tobytes() == same.parameters.tobytes()
    assert state.moments.tobytes() == same.training_state.moments.tobytes()
    assert np.isfinite(model.parameters).all()
    assert np.isfinite(state.moments).all()


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("layer", [0, 2])
def test_an_update_that_overflows_in_one_thread_s_share_is_made_in_none(layer, n_threads, dtype):
    """The largest weight is that of a unit that relu switches off: it has no gradient, only a decay by -2."""
    model = MLP([3, 40, 40, 1], dtype=dtype, seed=0)
    model.biases[0][0] = model.biases[1][-1] = -1e3
    model.weights[layer][0, -1] = -0.9 * float(np.finfo(dtype).max)
    before = model.parameters.copy()
    options = {"optimizer": AdamW(weight_decay=1.0), "learning_rate": 3.0, "epochs": 3, "n_threads": n_threads}
    with pytest.warns(DivergenceWarning, match="epoch 0, batch 0: the update overflows"):
        model.train(RNG.uniform(0.1, 1, (5, 3)), np.ones(5), **options)
    np.testing.assert_array_equal(model.parameters, before)


def test_a_bias_that_overflows_and_thereby_switches_its_unit_off_is_noticed():
    """With a bias of minus infinity its output were 0, so that no later loss or gradient would tell."""
    model = MLP([1, 1, 1], loss="absolute_error", initialization="zeros")
    model.biases[0][:], model.weights[1][:] = 1.0, 1e300
    before = model.parameters.copy()
    with pytest.warns(DivergenceWarning, match="epoch 0, batch 0: the update overflows"):
        model.train([[0.0]], [-1.0], learning_rate=1e9, epochs=3)
    np.testing.assert_array_equal(model.parameters, before)


@pytest.mark.parametrize("optimizer", [SGD(), Adam(), AdamW(), RMSprop()], ids=str)
def test_a_penalty_that_overflows_for_the_smallest_weights_leaves_the_parameters_finite(optimizer, isa, dtype):
    """The penalty is divided by the weight of the second batch, and exceeds every other term."""
    weights, l2 = np.ones(30), 1e-3 if dtype == np.float32 else 1e10
    weights[15:] = 1e-60 if dtype == np.float32 else 1e-300
    model, same = network(dtype=dtype), network(dtype=dtype)
    options = {"optimizer": optimizer, "learning_rate": 1e-3, "batch_size": 15, "shuffle": False, "penalty": "sum"}
    with pytest.warns(DivergenceWarning, match="epoch 0, batch 1: the update overflows"):
        model.train(X, Y, epochs=4, sample_weight=weights, l2=l2, **options)
    assert model.training_state.updates == 1
    same.train(X[:15], Y[:15], epochs=1, l2=l2, **options)
    assert model.parameters.tobytes() == same.parameters.tobytes()
