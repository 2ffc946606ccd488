"""How a training ended, as a value; and what MLP.train makes of it."""

import copy
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse

from fastmlp import MLP, DeadNetworkWarning, DivergenceWarning
from fastmlp.training import TrainingOptions, run

RNG = np.random.default_rng(7)
X = RNG.standard_normal((40, 2))
Y = (X[:, 0] > 0).astype("int64")
PRICES = RNG.uniform(15_000, 19_000, (60, 2))


def network(**kwargs):
    return MLP((2, 6, 1), **{"activation": "tanh", "seed": 1, **kwargs})


def ended(model, inputs=X, targets=Y, sample_weight=None, **options):
    """The end of a training without warnings, which are errors here."""
    options = TrainingOptions(**{"epochs": 30, "learning_rate": 0.1, "seed": 0, **options})
    return run(model, model.examples(inputs, targets, sample_weight=sample_weight), options).ended


def test_a_training_that_makes_all_epochs_is_finished():
    end = ended(network())
    assert (end.how, end.epoch, end.symptom, end.warning()) == ("finished", 30, None, None)
    assert end.why == "all 30 epochs were made"
    assert ended(network(), epochs=0).epoch == 0


@pytest.mark.parametrize("batch_size", [None, 9])
def test_a_callback_s_end_is_named_with_its_epoch(batch_size):
    end = ended(network(), callback=lambda epoch, loss: epoch == 4, report_every=2, batch_size=batch_size)
    assert (end.how, end.why) == ("callback", "the callback ended it at epoch 4")
    assert end.epoch == (4 if batch_size is None else 5)  # one batch: before its update; several: after the epoch


@pytest.mark.parametrize("batch_size", [None, 9])
def test_a_divergence_is_a_value_that_says_where(batch_size):
    model = network(activation="identity", loss="squared_error")
    end = ended(model, 1e5 * X, targets=1e5 * X[:, 0], epochs=2000, batch_size=batch_size)
    assert (end.how, end.symptom) == ("diverged", None)
    assert f"epoch {end.epoch}" in end.why
    assert "is not finite. The parameters are" in end.why
    assert isinstance(end.warning(), DivergenceWarning)
    assert np.isfinite(model.parameters).all()


@pytest.mark.parametrize("report_every", [1, 5])
def test_a_divergence_has_no_other_symptom(report_every):
    """Though its loss grew before."""
    model = network(activation="identity", loss="squared_error")
    end = ended(model, 1e5 * X, targets=1e5 * X[:, 0], epochs=2000, report_every=report_every)
    assert (end.how, end.symptom) == ("diverged", None)


def test_a_loss_that_grows_and_stays_finite_is_an_outcome_and_a_warning():
    """Prices as features and targets: each update overshoots further."""
    model = network(activation="leaky_relu", loss="squared_error")
    end = ended(model, PRICES, PRICES[:, 0], epochs=4, learning_rate=1e-7)
    assert (end.how, end.symptom) == ("finished", "loss grew")
    with pytest.warns(DivergenceWarning, match="ended with a loss over ten times that of its start.*scaled") as caught:
        network(activation="leaky_relu", loss="squared_error").train(PRICES, PRICES[:, 0], epochs=4, learning_rate=1e-7)
    assert caught[0].filename == __file__


def test_the_last_epoch_s_loss_counts_though_nobody_records_it():
    model = network(activation="leaky_relu", loss="squared_error")
    end = ended(model, PRICES, PRICES[:, 0], epochs=4, learning_rate=1e-7, report_every=10)
    assert end.symptom == "loss grew"


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("restore_best", [False, True])
@pytest.mark.parametrize("batch_size", [1, 9])
def test_a_loss_that_grows_within_the_first_epoch_is_an_outcome(batch_size, restore_best, epochs):
    """All losses that are reported are large."""
    model = MLP((2, 1), activation=[], loss="squared_error", seed=1)
    options = {"learning_rate": 6e-9, "batch_size": batch_size, "epochs": epochs, "restore_best": restore_best}
    end = ended(model, PRICES, PRICES[:, 0], **options)
    assert (end.how, end.symptom) == ("finished", "loss grew")


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("loss", ["log_loss", "multinomial_log_loss"])
def test_any_loss_that_grows_within_the_first_epoch_is_an_outcome(loss, form):
    model = MLP((2, 6, 2 if loss == "multinomial_log_loss" else 1), activation="identity", loss=loss, seed=1)
    end = ended(model, form(3 * X), epochs=1, learning_rate=1e4, batch_size=5, sample_weight=np.ones(40))
    assert (end.how, end.symptom) == ("finished", "loss grew")


TARGETS = {
    "log_loss": Y,
    "multinomial_log_loss": Y,
    **dict.fromkeys(("squared_error", "absolute_error", "huber", "quantile"), X @ [1.0, -2.0] + 0.1 * X[::-1, 0]),
    "poisson": np.floor(np.exp(X[:, 0])),
}


@pytest.mark.parametrize("batch_size", [1, 9, None])
@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.02), ("adam", 0.01), ("rmsprop", 0.003)])
@pytest.mark.parametrize("loss", TARGETS)
def test_sane_trainings_have_no_symptom(loss, optimizer, rate, batch_size):
    """Also where the examples are sorted, weighted and few, the labels rare, or the training goes on."""
    y, n_outputs = TARGETS[loss], 2 if loss == "multinomial_log_loss" else 1
    weight, by_size, rare = RNG.uniform(0, 3, 40), np.argsort(np.abs(y)), np.where(np.arange(40) == 39, y, 0)
    for inputs, targets in ((X, y), (X[by_size], y[by_size]), (X[by_size[::-1]], y[by_size[::-1]]), (X, rare)):
        model = network(loss=loss) if n_outputs == 1 else MLP((2, 6, 2), loss=loss, activation="tanh", seed=1)
        options = {"optimizer": optimizer, "learning_rate": rate, "batch_size": batch_size}
        for epochs in (1, 5, 1):
            assert ended(model, inputs, targets, epochs=epochs, **options).symptom is None
        for more in ({"sample_weight": weight, "dropout": 0.3}, {"l2": 1.0, "penalty": "sum"}):
            assert ended(model, inputs, targets, epochs=2, **more, **options).symptom is None


@pytest.mark.parametrize("batch_size", [None, 9])
def test_a_good_fit_that_a_new_optimizer_disturbs_has_not_diverged(batch_size):
    """Adam's first updates have the size of the learning rate, whatever the gradient."""
    model = network(loss="squared_error", activation="identity")
    targets = X @ [1.0, -2.0]
    model.train(X, targets, epochs=300, optimizer="lbfgs")
    assert model.loss_and_gradient(X, targets)[0] < 1e-8
    end = ended(model, targets=targets, epochs=3, optimizer="adam", learning_rate=0.01, batch_size=batch_size)
    assert model.loss_and_gradient(X, targets)[0] > 1e-6
    assert (end.how, end.symptom) == ("finished", None)


@pytest.mark.parametrize("batch_size", [None, 9])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_a_hidden_layer_without_a_living_unit_is_an_outcome_and_a_warning(activation, batch_size):
    model = network(activation=activation)
    model.biases[0][:] = -1e6  # far below where any of them moves
    for epochs in (30, 1):
        end = ended(model, batch_size=batch_size, epochs=epochs)
        assert (end.how, end.symptom) == ("finished", "dead")
    with pytest.warns(DeadNetworkWarning, match="all units of a hidden layer give the same output for every example"):
        model.train(X, Y, epochs=3)


def test_units_that_died_at_different_values_are_as_dead_and_two_examples_show_it():
    model = network()
    model.biases[0][:] = [-1e6, 1e6] * 3
    assert ended(model).symptom == "dead"
    assert ended(model, X[:2], Y[:2]).symptom == "dead"


def test_one_example_shows_no_death():
    """Its units give one output each, and learn."""
    model = network(loss="squared_error")
    assert ended(model, X[:1], model.predict(X[:1])).symptom is None


def test_a_unit_that_lives_beyond_the_first_thousand_examples_is_no_death():
    """The last one, of relu: by the gradient of its weights."""
    inputs = np.zeros((1500, 2))
    inputs[1200:] = np.abs(RNG.standard_normal((300, 2)))
    model = network(activation="relu")
    model.weights[0][:], model.biases[0][:] = 1.0, [-100] * 5 + [0]
    assert ended(model, inputs, np.arange(1500) % 2, epochs=3).symptom is None


def test_a_dead_layer_behind_a_living_one_is_found():
    model = MLP((2, 6, 5, 1), seed=1)
    model.biases[1][:] = -100
    assert ended(model).symptom == "dead"


def test_one_living_unit_is_no_death_nor_is_a_network_without_hidden_layers():
    model = network(activation="relu")
    model.biases[0][1:] = -100
    assert ended(model).symptom is None
    assert ended(MLP((2, 1), activation=[], seed=1)).symptom is None


def test_a_perfect_fit_is_no_death():
    """All gradients are 0, and the units are alive."""
    model = network(activation="identity", loss="squared_error")
    targets = model.predict(X)
    assert ended(model, targets=targets, epochs=2).symptom is None


def test_a_loss_of_rounding_errors_alone_has_not_grown():
    model = network(activation="identity", loss="squared_error")
    targets = model.predict(X)
    targets[0] += 1e-15
    end = ended(model, targets=targets, epochs=50, learning_rate=0.05, batch_size=3)
    assert (end.how, end.symptom) == ("finished", None)


def test_a_learning_network_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = network().train(X, Y, epochs=200, learning_rate=0.5)
    assert history.ended.how == "finished"


def test_eight_threads_tell_each_of_64_trainings_its_own_end():
    """Warnings are the process's; values are not."""
    examples = network().examples(X, Y)

    def one(i):
        model = network(activation="identity", seed=i)
        options = TrainingOptions(epochs=400, learning_rate=1e4 if i % 2 else 0.1)
        return run(model, examples, options).ended.how

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(64))) == ["finished", "diverged"] * 32


def copies(thing):
    return copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))


def test_a_copied_model_trains_on_by_itself():
    model = network()
    model.train(X, Y, epochs=5, batch_size=9, optimizer="adam", seed=2)
    before = model.parameters.tobytes()
    others = copies(model)
    for other in others:
        other.train(X, Y, epochs=5, batch_size=9)
    assert model.parameters.tobytes() == before
    model.train(X, Y, epochs=5, batch_size=9)
    assert {model.parameters.tobytes()} == {other.parameters.tobytes() for other in others}


def test_options_ends_and_histories_are_copied_and_pickled():
    history = network().train(X, Y, epochs=3)
    options = TrainingOptions(epochs=3, optimizer="adam", learning_rate=0.1, dropout=[0.1])
    assert copies(options) == (options, options)
    assert copies(history.ended) == (history.ended, history.ended)
    for same in copies(history):
        assert same.losses.tolist() == history.losses.tolist()


def test_states_of_training_can_be_compared():
    """By identity: their arrays have no one answer."""
    model = network()
    model.train(X, Y, epochs=1, optimizer="adam")
    state, other = model.training_state, copy.deepcopy(model.training_state)
    assert state == state
    assert state != other
