"""Ends by rule, the best parameters, and validation data: compiled rules against the same written out in Python."""

import math

import numpy as np
import pytest

from fastmlp import LBFGS, MLP, SGD, Adaptive
from fastmlp.training import Ended

RNG = np.random.default_rng(2)
X = RNG.standard_normal((45, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")
X_VALID = RNG.standard_normal((30, 3))
Y_VALID = (X_VALID[:, 0] * X_VALID[:, 1] > 0).astype("int64")
BATCHES = [None, 7]


def network(**kwargs):
    return MLP((3, 6, 4, 1), **{"activation": "tanh", "seed": 1, **kwargs})


def train(model, epochs=300, **kwargs):
    return model.train(X, Y, epochs=epochs, **{"learning_rate": 0.3, "seed": 5, "report_every": 1, **kwargs})


def end_by_hand(losses, tol, n_iter_no_change):
    """The number of epochs after which the rule ends a training with these losses."""
    best, stalled = math.inf, 0
    for epoch, loss in enumerate(losses):
        stalled = stalled + 1 if loss > best - tol else 0
        best = min(best, loss)
        if stalled > n_iter_no_change:
            return epoch + 1
    return len(losses)


@pytest.mark.parametrize("report_every", [1, 7, 1000])
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize(("tol", "n_iter_no_change"), [(1e-3, 1), (1e-2, 5), (0.02, 3)])
def test_the_rule_ends_a_training_as_written_out(tol, n_iter_no_change, batch_size, n_threads, report_every, isa):
    losses = train(network(), batch_size=batch_size).losses
    expected = end_by_hand(losses, tol, n_iter_no_change)
    assert 3 < expected < 300
    options = {"batch_size": batch_size, "tol": tol, "n_iter_no_change": n_iter_no_change}
    model, same = network(), network()
    history = train(model, report_every=report_every, n_threads=n_threads, **options)
    limits = f"tol={tol:g} for more than n_iter_no_change={n_iter_no_change}"
    assert history.ended == Ended("stopped", expected, f"the loss did not fall by more than {limits} epochs in a row")
    assert history.losses.tolist() == losses[:expected:report_every].tolist()
    train(same, expected, batch_size=batch_size)
    assert model.parameters.tobytes() == same.parameters.tobytes()
    assert model.training_state.epochs == same.training_state.epochs == expected


@pytest.mark.parametrize("batch_size", BATCHES)
def test_blocks_of_any_length_end_at_the_same_epoch(batch_size, monkeypatch):
    options = {"batch_size": batch_size, "tol": 1e-3, "n_iter_no_change": 4, "restore_best": True}
    model, other = network(), network()
    expected = train(model, **options)
    monkeypatch.setattr("fastmlp.training.descent.MOST_UPDATES", 20)
    got = train(other, **options)
    assert got.ended == expected.ended
    assert (got.best_epoch, got.losses.tolist()) == (expected.best_epoch, expected.losses.tolist())
    assert other.parameters.tobytes() == model.parameters.tobytes()


def test_without_the_rule_nothing_ends_early_and_each_call_counts_anew():
    model = network()
    assert train(model, tol=1.0).ended.how == "finished"
    ends = [train(model, tol=1.0, n_iter_no_change=2).ended for _ in range(2)]
    assert [(ended.how, ended.epoch) for ended in ends] == [("stopped", 4)] * 2


@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("report_every", [1, 4, 7])
def test_a_callback_hears_each_report_once_where_the_rule_ends_the_training(report_every, batch_size):
    heard = []
    options = {"batch_size": batch_size, "tol": 1.0, "n_iter_no_change": 4, "report_every": report_every}
    history = train(network(), callback=lambda epoch, loss: heard.append((epoch, loss)), **options)
    assert history.ended.how == "stopped"
    assert heard == list(zip(history.epochs.tolist(), history.losses.tolist(), strict=True))
    assert history.epochs.tolist() == list(range(0, 6, report_every))[: len(heard)]


def test_the_rule_and_an_adaptive_rate_count_for_themselves():
    """The rate falls where the loss stalls for long; the training ends where it stalls for longer."""
    options = {"tol": 1.0, "n_iter_no_change": 9}
    model = network()
    history = train(model, learning_rate=Adaptive(0.3, tol=1.0, n_iter_no_change=3), **options)
    assert (history.ended.how, history.ended.epoch) == ("stopped", 11)
    assert model.training_state.plateau.scale == pytest.approx(0.2**2)


# ---- the best parameters


@pytest.mark.parametrize("learning_rate", [0.3, 8.0])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_best_parameters_of_a_full_batch_have_the_least_loss(learning_rate, n_threads, isa, dtype):
    model = network(dtype=dtype)
    history = train(model, 60, learning_rate=learning_rate, restore_best=True, n_threads=n_threads)
    assert history.losses[history.best_epoch] == history.losses.min()
    assert model.loss_and_gradient(X, Y)[0] == history.losses.min()


def test_the_best_parameters_of_batches_are_those_after_the_epoch_of_least_loss():
    model, same = network(), network()
    options = {"batch_size": 7, "learning_rate": 4.0}
    history = train(model, 50, restore_best=True, **options)
    assert history.best_epoch == np.argmin(history.losses) < 49
    train(same, history.best_epoch + 1, **options)
    assert model.parameters.tobytes() == same.parameters.tobytes()


@pytest.mark.filterwarnings("ignore::fastmlp.DivergenceWarning")  # even the best of several batches is far worse
@pytest.mark.parametrize("batch_size", BATCHES)
def test_the_first_epoch_may_be_the_best(batch_size):
    """At a rate at which the loss only grows."""
    model, same = (MLP((3, 1), activation=[], loss="squared_error", seed=1) for _ in range(2))
    options = {"batch_size": batch_size, "learning_rate": 3.0}
    history = train(model, 6, restore_best=True, **options)
    assert (np.diff(history.losses) > 0).all()
    assert history.best_epoch == 0
    train(same, 0 if batch_size is None else 1, **options)
    assert model.parameters.tobytes() == same.parameters.tobytes()


@pytest.mark.parametrize("batch_size", BATCHES)
def test_the_best_epoch_is_the_best_of_all_or_else_of_those_recorded(batch_size):
    options = {"batch_size": batch_size, "learning_rate": 8.0}
    losses = train(network(), 40, **options).losses
    best = int(np.argmin(losses))
    assert best % 7
    assert train(network(), 40, **options).best_epoch == best
    assert train(network(), 40, report_every=7, restore_best=True, **options).best_epoch == best
    assert train(network(), 40, report_every=7, **options).best_epoch == 7 * np.argmin(losses[::7])


def test_a_training_without_epochs_has_no_best_one_and_its_arrays_their_types():
    history = train(network(), 0, validation=(X_VALID, Y_VALID))
    assert history.best_epoch == train(network(), 0).best_epoch == -1
    names = ("epochs", "losses", "validation_epochs", "validation_losses", "validation_scores")
    assert [getattr(history, name).dtype for name in names] == ["int64", "float64", "int64", "float64", "float64"]


@pytest.mark.parametrize("batch_size", BATCHES)
def test_keeping_the_best_changes_no_other_bit(batch_size):
    histories = [train(network(), 40, batch_size=batch_size, restore_best=keep) for keep in (False, True)]
    assert histories[0].losses.tolist() == histories[1].losses.tolist()


def test_a_callback_that_keeps_the_parameters_of_the_least_loss_gets_that_loss_again():
    """At a rate so large that each update moves the loss far."""
    model, best = network(), [math.inf, None]

    def keep(epoch, loss):
        assert model.loss_and_gradient(X, Y)[0] == loss
        if loss < best[0]:
            best[:] = loss, model.parameters.copy()

    history = train(model, 60, learning_rate=8.0, callback=keep)
    model.parameters = best[1]
    assert model.loss_and_gradient(X, Y)[0] == history.losses.min()


# ---- validation data


@pytest.mark.parametrize("every", [1, 3, 7])
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", LBFGS()], ids=str)
def test_validation_losses_are_those_of_the_parameters_so_far(optimizer, batch_size, every):
    options = {"optimizer": optimizer, "batch_size": batch_size, "learning_rate": 0.05}
    if isinstance(optimizer, LBFGS):
        options |= {"batch_size": None, "learning_rate": None}
    model = network()
    history = train(model, 20, validation=(X_VALID, Y_VALID), validation_every=every, restore_best=False, **options)
    assert history.validation_epochs.tolist() == sorted({*range(every, 21, every), 20})
    for epochs, loss in zip(history.validation_epochs, history.validation_losses, strict=True):
        same = network()
        train(same, int(epochs), **options)
        assert loss == pytest.approx(same.loss_and_gradient(X_VALID, Y_VALID)[0], rel=1e-12)
    assert history.validation_scores.size == 0
    plain = train(network(), 20, **options)
    assert history.epochs.tolist() == plain.epochs.tolist()
    assert history.losses.tolist() == plain.losses.tolist()


@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("report_every", [1, 3, 5])
def test_callbacks_do_not_move_the_looks_at_validation_data(report_every, batch_size):
    options = {"validation": (X_VALID, Y_VALID), "validation_every": 4, "batch_size": batch_size}
    history = train(network(), 30, report_every=report_every, callback=lambda epoch, loss: None, **options)
    assert history.validation_epochs.tolist() == [*range(4, 30, 4), 30]
    assert history.validation_losses.tolist() == train(network(), 30, **options).validation_losses.tolist()


@pytest.mark.parametrize("batch_size", BATCHES)
def test_patience_ends_it_and_the_best_parameters_come_back(batch_size):
    model = network()
    options = {"batch_size": batch_size, "learning_rate": 1.0, "tol": 0.0, "n_iter_no_change": 4}
    history = train(model, 1000, validation=(X_VALID, Y_VALID), validation_every=2, **options)
    losses = history.validation_losses
    assert history.ended.how == "stopped"
    assert len(losses) == end_by_hand(losses, 0.0, 4) < 500
    assert history.best_epoch == history.validation_epochs[np.argmin(losses)]
    assert model.loss_and_gradient(X_VALID, Y_VALID)[0] == losses.min()
    rule = "the validation loss did not fall by more than tol=0 for more than n_iter_no_change=4 evaluations in a row"
    assert history.ended == Ended("stopped", 2 * len(losses), rule)


def test_a_score_of_one_s_own_decides_in_place_of_the_loss():
    seen = []

    def accuracy(model, inputs, labels):
        assert inputs is X_VALID
        assert labels is Y_VALID
        seen.append(float(np.mean(model.predict(inputs) == labels)))
        return seen[-1]

    model = network()
    options = {"validation_score": accuracy, "n_iter_no_change": 5, "tol": 0.0, "batch_size": 7}
    history = train(model, 500, validation=(X_VALID, Y_VALID), **options)
    assert history.validation_scores.tolist() == seen
    assert history.validation_losses.size == 0
    assert accuracy(model, X_VALID, Y_VALID) == max(seen)
    rule = "the validation score did not rise by more than tol=0 for more than n_iter_no_change=5 evaluations in a row"
    assert (history.ended.how, history.ended.why) == ("stopped", rule)


def test_a_score_that_stays_the_same_keeps_the_first_parameters_looked_at():
    model, same = network(), network()
    weights = np.ones(30)
    history = train(model, 9, validation=(X_VALID, Y_VALID, weights), validation_every=2, validation_score=lambda *_: 0)
    assert history.best_epoch == 2
    train(same, 2)
    assert model.parameters.tobytes() == same.parameters.tobytes()


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_validation_data_that_were_never_looked_at_restore_nothing(optimizer):
    model, same = network(), network()
    options = {"optimizer": optimizer, "learning_rate": None}
    history = train(model, 0, validation=(X_VALID, Y_VALID), **options)
    assert (history.best_epoch, history.validation_losses.size) == (-1, 0)
    assert model.parameters.tobytes() == same.parameters.tobytes()


def test_looking_at_validation_data_changes_no_bit_of_the_training():
    for batch_size in BATCHES:
        model, expected = network(), network()
        train(expected, 30, batch_size=batch_size)
        options = {"validation_every": 4, "restore_best": False, "callback": lambda epoch, loss: None}
        train(model, 30, batch_size=batch_size, validation=(X_VALID, Y_VALID), **options)
        assert model.parameters.tobytes() == expected.parameters.tobytes()


def test_validation_examples_may_have_weights():
    weights = RNG.uniform(0, 1, 30)
    model = network()
    history = train(model, 3, validation=(X_VALID, Y_VALID, weights), restore_best=False)
    expected = model.loss_and_gradient(X_VALID, Y_VALID, sample_weight=weights)[0]
    assert history.validation_losses[-1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation": X_VALID}, TypeError, "validation must be a tuple"),
        ({"validation": (X_VALID,)}, TypeError, "validation must be a tuple"),
        ({"validation": (X_VALID[:, :2], Y_VALID)}, ValueError, r"validation: X must have shape"),
        ({"validation": (X_VALID, Y_VALID[:3])}, ValueError, r"validation: y must have shape"),
        ({"validation": (X_VALID, Y_VALID + 1)}, ValueError, "validation: y must hold labels 0 and 1"),
        ({"validation_score": print}, ValueError, "validation_score needs data to score"),
        ({"validation": (X_VALID, Y_VALID), "validation_score": 3}, TypeError, "validation_score must be callable"),
        ({"validation": (X_VALID, Y_VALID), "validation_every": 0}, ValueError, "validation_every must be at least 1"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be at least 1, got 0"),
        ({"n_iter_no_change": 1.5}, TypeError, "n_iter_no_change must be an integer"),
        ({"tol": -1}, ValueError, "tol must be finite and at least 0"),
        ({"restore_best": 1}, TypeError, "restore_best must be True or False"),
        ({"penalty": "max"}, ValueError, "penalty must be one of mean, sum"),
    ],
)
def test_arguments_out_of_range_are_refused_by_name_and_change_nothing(options, error, message):
    model = network()
    before = model.parameters.tobytes()
    with pytest.raises(error, match=message):
        train(model, 3, **options)
    assert model.parameters.tobytes() == before
    assert model.training_state.updates == 0


def test_a_score_that_is_no_number_ends_with_an_error_that_names_it():
    with pytest.raises(TypeError, match="the answer of validation_score must be a number, got 'good'"):
        train(network(), 3, validation=(X_VALID, Y_VALID), validation_score=lambda *_: "good")


def test_the_rules_work_with_lbfgs():
    model = network()
    rule = {"tol": 0.05, "n_iter_no_change": 1}
    history = model.train(X, Y, epochs=500, optimizer="lbfgs", report_every=1, restore_best=True, **rule)
    why = "the loss did not fall by more than tol=0.05 for more than n_iter_no_change=1 epochs in a row"
    assert history.ended == Ended("stopped", len(history.losses) - 1, why)
    assert end_by_hand(history.losses, **rule) == len(history.losses)
    assert model.loss_and_gradient(X, Y)[0] == pytest.approx(history.losses.min(), rel=1e-12)


def test_patience_on_validation_data_ends_lbfgs():
    model = network()
    options = {"optimizer": "lbfgs", "learning_rate": None, "tol": 0.0, "n_iter_no_change": 2}
    history = train(model, 500, validation=(X_VALID, Y_VALID), **options)
    losses = history.validation_losses
    assert len(losses) == end_by_hand(losses, 0.0, 2) < 500
    assert (history.ended.how, history.ended.epoch) == ("stopped", len(losses))
    assert "the validation loss did not fall" in history.ended.why
    assert model.loss_and_gradient(X_VALID, Y_VALID)[0] == losses.min()


@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.5)], ids=str)
def test_a_callback_may_move_the_parameters_between_a_loss_and_its_update(optimizer):
    """What it leaves is what is trained on: the same as trainings of one epoch each, moved in between."""
    model, chain = network(), network()

    def shrink(epoch, loss):
        model.parameters *= 0.9

    train(model, 6, optimizer=optimizer, callback=shrink)
    for _ in range(6):
        chain.parameters *= 0.9
        train(chain, 1, optimizer=optimizer)
    assert model.parameters.tobytes() == chain.parameters.tobytes()


@pytest.mark.parametrize("report_every", [1, 4])
@pytest.mark.parametrize("optimizer", ["sgd", SGD(momentum=0.9, nesterov=True), "adam", "rmsprop"], ids=str)
def test_a_callback_before_each_update_changes_no_bit(optimizer, report_every, isa, dtype):
    """Also with what depends on the number of the update, and on the loss."""
    options = {"optimizer": optimizer, "dropout": 0.3, "clip_norm": 0.05, "l2": 0.01, "n_threads": 2, "penalty": "sum"}
    options |= {"learning_rate": Adaptive(0.02, tol=0.01, n_iter_no_change=2), "n_iter_no_change": 30, "tol": 0.0}
    expected, model = network(dtype=dtype), network(dtype=dtype)
    unwatched = train(expected, 40, **options)
    history = train(model, 40, report_every=report_every, callback=lambda epoch, loss: None, **options)
    assert history.ended == unwatched.ended
    assert history.losses.tolist() == unwatched.losses[::report_every].tolist()
    assert model.parameters.tobytes() == expected.parameters.tobytes()
    assert model.training_state.plateau == expected.training_state.plateau
    assert model.training_state.moments.tobytes() == expected.training_state.moments.tobytes()
