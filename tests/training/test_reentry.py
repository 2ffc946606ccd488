"""What a training leaves where it is ended, interrupted or refused at an awkward moment."""

import signal
import threading

import numpy as np
import pytest
from alarms import alarm, interrupt

from fastmlp import LBFGS, MLP, SGD, Adam, Adaptive, Constant
from fastmlp.schedules import Schedule
from fastmlp.training import CumulativeOrders, TrainingOptions, run

RNG = np.random.default_rng(9)
X = RNG.standard_normal((40, 3))
Y = (X[:, 0] > 0).astype("int64")
WEIGHTS = RNG.uniform(0, 3, 40)
BOTH = signal.ITIMER_REAL, signal.ITIMER_PROF


def network(**kwargs):
    return MLP((3, 5, 1), **{"activation": "tanh", "seed": 0, **kwargs})


def everything_in(model):
    return model.parameters.tobytes(), model.training_state.moments.tobytes(), vars(model.training_state).copy()


def assert_unchanged(model, before):
    after = everything_in(model)
    assert after[:2] == before[:2]
    assert {**after[2], "moments": None} == {**before[2], "moments": None}


@pytest.mark.parametrize("learning_rate", [0.01, Adaptive(0.01, tol=10.0, n_iter_no_change=10**7)])
def test_two_signals_at_once_leave_counts_that_belong_to_the_updates(learning_rate):
    """The second is served in the first Python code after the compiled call that the first has ended."""
    for _ in range(10):
        model, same = network(), network()

        def interrupt_once_moved(model=model, start=same.parameters):
            if not np.array_equal(model.parameters, start):
                interrupt()

        with pytest.raises(KeyboardInterrupt), alarm(interrupt_once_moved, 0.01, 0.01, timers=BOTH):
            model.train(X, Y, epochs=10**7, batch_size=16, shuffle=False, learning_rate=learning_rate)
        state = model.training_state
        epochs, rest = divmod(state.updates, 3)
        assert (state.epochs, state.optimizer_epochs) == (epochs, epochs)
        assert state.examples == 40 * epochs + 16 * rest
        assert epochs > 0
        same.train(X, Y, epochs=epochs, batch_size=16, shuffle=False, learning_rate=learning_rate)
        assert state.plateau == same.training_state.plateau
        if not rest:
            assert model.parameters.tobytes() == same.parameters.tobytes()


def test_an_update_that_was_held_has_the_weights_of_its_own_order():
    def bootstrap(epoch, out):
        out[:] = np.random.default_rng(epoch).integers(0, 40, 40)

    options = {"epochs": 9, "report_every": 4, "sample_weight": WEIGHTS, "l2": 1.0, "penalty": "sum"}
    options |= {"shuffle": bootstrap, "learning_rate": 0.5}
    model, expected = network(), network()
    expected.train(X, Y, **options)
    model.train(X, Y, callback=lambda epoch, loss: None, **options)
    assert model.parameters.tobytes() == expected.parameters.tobytes()


def test_a_source_is_asked_once_for_an_epoch_though_the_callback_moves_the_parameters():
    asked, model = [], network()

    def source(epoch, out):
        asked.append(epoch)
        out[:] = np.arange(40)

    def shrink(epoch, loss):
        model.parameters *= 0.9

    model.train(X, Y, epochs=4, shuffle=source, callback=shrink, report_every=1)
    assert asked == [0, 1, 2, 3]


def test_a_source_that_keeps_its_array_and_writes_to_it_later_changes_nothing():
    kept = []

    def source(epoch, out):
        out[:] = np.arange(40)
        kept.append(out)
        for array in kept:
            array[:] = np.arange(40)[:: 1 if array is out else -1]

    model, expected = network(), network()
    expected.train(X, Y, epochs=6, batch_size=7, shuffle=False, learning_rate=0.3)
    model.train(X, Y, epochs=6, batch_size=7, shuffle=source, learning_rate=0.3)
    assert model.parameters.tobytes() == expected.parameters.tobytes()


def test_cumulative_orders_go_on_where_a_training_ended_early():
    options = {"batch_size": 10, "learning_rate": 0.5, "report_every": 1}
    model, expected = network(), network()
    expected.train(X, Y, epochs=23, shuffle=CumulativeOrders(np.random.RandomState(2)), **options)
    source = CumulativeOrders(np.random.RandomState(2))
    ended = model.train(X, Y, epochs=100, shuffle=source, tol=10.0, n_iter_no_change=2, **options).ended
    assert (ended.how, ended.epoch) == ("stopped", 4)
    model.train(X, Y, epochs=19, shuffle=source, **options)
    assert model.parameters.tobytes() == expected.parameters.tobytes()


def test_examples_of_other_classes_are_refused():
    options = TrainingOptions(epochs=1)
    three = MLP([3, 3], loss="multinomial_log_loss").examples(X, np.arange(40) % 3)
    with pytest.raises(ValueError, match=r"with 3 features and 3 outputs; the network has .* with 3 and 2"):
        run(MLP([3, 2], loss="multinomial_log_loss"), three, options)


def test_a_prediction_within_a_prediction_does_not_disturb_it():
    """A signal handler predicts another example while the first pass is on its way."""
    model = MLP([2000] * 30 + [1], dtype="float32", seed=0)
    x, other = RNG.standard_normal((2, 2000)).astype("float32")
    expected, answers = model.predict_one(x), []
    for _ in range(4):
        with alarm(lambda: answers.append(model.predict_one(other)), 0.01):
            np.testing.assert_array_equal(model.predict_one(x), expected)
    assert answers
    assert all(answer == model.predict_one(other) for answer in answers)


@pytest.mark.parametrize("options", [{}, {"batch_size": 1}, {"callback": lambda epoch, loss: None}])
def test_epochs_in_which_no_example_weighs_anything_move_nothing(options):
    def first(epoch, out):
        out.fill(0)

    model = MLP([1, 1], seed=1)
    before = model.parameters.tobytes()
    history = model.train([[0.0], [1.0]], [0, 1], epochs=2, sample_weight=[0, 1], shuffle=first, **options)
    assert (history.ended.how, history.losses.tolist()) == ("finished", [0.0, 0.0])
    assert model.parameters.tobytes() == before


def test_the_best_parameters_are_those_the_callback_ended_with():
    model = network()
    options = {"epochs": 500, "learning_rate": 0.5, "report_every": 1, "restore_best": True}
    history = model.train(X, Y, callback=lambda epoch, loss: loss < 0.3, **options)
    assert history.ended.how == "callback"
    assert history.best_epoch == history.ended.epoch == np.argmin(history.losses)
    assert model.loss_and_gradient(X, Y)[0] == history.losses.min()


class TooFew(Constant):
    def rates(self, steps):
        return [0.1]


class Wrong(Constant):
    def rates(self, steps):
        return np.full(steps.n_updates, [np.nan, np.inf, -1.0][int(self.initial)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": lambda epoch, out: None}, "shuffle must fill its array"),
        ({"learning_rate": TooFew(0.1)}, "learning_rate must give 20 rates"),
        ({"learning_rate": Wrong(0.5)}, "learning_rate must give finite rates of at least 0, got nan"),
        ({"learning_rate": Wrong(1.5)}, "learning_rate must give finite rates of at least 0, got inf"),
        ({"learning_rate": Wrong(2.5)}, "learning_rate must give finite rates of at least 0, got -1"),
    ],
)
def test_a_call_that_fails_leaves_the_optimizer_its_moments_and_the_seed(options, message):
    model = network()
    model.train(X, Y, epochs=4, batch_size=10, optimizer=Adam(), seed=1, learning_rate=0.01)
    before = everything_in(model)
    with pytest.raises(ValueError, match=message):
        model.train(X, Y, epochs=5, batch_size=10, optimizer="sgd", seed=9, report_every=5, **options)
    assert_unchanged(model, before)


def test_another_adaptive_rate_starts_anew_also_after_a_file(tmp_path):
    options = {"epochs": 200, "optimizer": SGD(), "report_every": 50}
    model = network()
    model.train(X, Y, learning_rate=Adaptive(1e-3, tol=1.0), **options)
    assert model.training_state.plateau.scale < 1e-2
    model.save(tmp_path / "model")
    for one in (model, MLP.load(tmp_path / "model")):
        fresh = network()
        fresh.parameters = one.parameters
        for each in (one, fresh):
            each.train(X, Y, learning_rate=Adaptive(0.5), **options)
        assert one.parameters.tobytes() == fresh.parameters.tobytes()


@pytest.mark.parametrize("options", [{}, {"progress": True}, {"callback": lambda epoch, loss: epoch == 20}])
def test_a_loss_that_grew_is_told_wherever_the_last_call_ended(options):
    model = network(loss="squared_error")
    rule = {"n_iter_no_change": 15, "tol": 0.0} if "callback" not in options else {}
    targets = 1e4 * X[:, 0]
    options = TrainingOptions(epochs=1000, learning_rate=1.0, report_every=1, **rule, **options)
    ended = run(model, model.examples(X, targets), options).ended
    assert (ended.how != "finished", ended.symptom) == (True, "loss grew")


def test_lbfgs_tells_whether_all_steps_were_made():
    assert network().train(X, Y, epochs=3, optimizer="lbfgs").ended.how == "finished"
    ended = network().train(X, Y, epochs=500, optimizer=LBFGS(max_fun=5)).ended
    assert ended.how == "stopped"
    assert "L-BFGS made no further step: " in ended.why


def test_a_score_that_is_not_a_number_is_no_progress():
    options = {"validation": (X, Y), "validation_score": lambda *_: np.nan, "n_iter_no_change": 2, "tol": 0.0}
    history = network().train(X, Y, epochs=50, **options)
    assert (history.ended.how, history.ended.epoch, history.best_epoch) == ("stopped", 3, -1)


def test_the_last_epoch_is_validated_though_it_comes_too_soon():
    history = network().train(X, Y, epochs=7, validation=(X, Y), validation_every=10)
    assert history.validation_epochs.tolist() == [7]


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_the_smallest_weights_are_no_divergence_without_a_penalty(optimizer):
    model, expected = network(), network()
    for one, scale in ((model, 1e-320), (expected, 1.0)):
        weights = np.full(40, scale)
        one.train(X, Y, epochs=5, optimizer=optimizer, sample_weight=weights, penalty="sum")
    np.testing.assert_allclose(model.parameters, expected.parameters, rtol=1e-6)


def test_a_model_is_drawn_anew_or_trained_but_not_both_at_once():
    model, started, refused = network(), threading.Event(), []

    def meanwhile(epoch, loss):
        started.set()

    thread = threading.Thread(
        target=lambda: model.train(X, Y, epochs=10**7, callback=lambda e, v: meanwhile(e, v) or bool(refused))
    )
    thread.start()
    started.wait()
    with pytest.raises(RuntimeError, match="initialize was called while this model is training"):
        model.initialize()
    refused.append(True)
    thread.join()
    model.initialize()


def test_a_training_that_fails_after_updates_that_moved_nothing_keeps_their_counts():
    """With a rate of 0 the moments move, though the parameters do not."""

    class Zero(Schedule):
        def rates(self, steps):
            return np.zeros(steps.n_updates)

    def fail(epoch, loss):
        if epoch == 5:
            raise ZeroDivisionError

    model, same = network(), network()
    for one in (model, same):
        one.train(X, Y, epochs=10, optimizer="adam", seed=0)
    with pytest.raises(ZeroDivisionError):
        model.train(X, Y, epochs=20, learning_rate=Zero(), report_every=1, callback=fail)
    same.train(X, Y, epochs=5, learning_rate=Zero())
    assert model.training_state.updates == same.training_state.updates == 15
    assert model.training_state.moments.tobytes() == same.training_state.moments.tobytes()


def test_a_validation_loss_that_is_not_a_number_is_refused():
    model = MLP((3, 2, 1), activation="identity", dtype="float32", loss="squared_error", seed=0)
    model.weights[0][:], model.weights[1][:] = [[4.0, 0, 0], [-4.0, 0, 0]], 1.0
    spoilt = X.astype("float32")
    spoilt[3] = 3e38
    with pytest.raises(ValueError, match="validation must have a loss that is a number, but sums overflow after 1"):
        model.train(X, Y, epochs=3, learning_rate=1e-9, validation=(spoilt, Y))
