"""What run() offers to those who build on it: a count that goes on, a word after each epoch, Ctrl-C that returns."""

import numpy as np
import pytest
from alarms import alarm, interrupt, interrupt_training
from sklearn import neural_network

from fastmlp import MLP, Adaptive
from fastmlp.schedules import Plateau
from fastmlp.training import TrainingOptions, run

RNG = np.random.default_rng(2)
X = RNG.standard_normal((60, 3))
Y = np.column_stack([X[:, 0] * X[:, 1], X[:, 2], X[:, 0]])
LABELS = (Y[:, 0] > 0).astype(int)
VALIDATION = (X[40:], LABELS[40:])


def network(**kwargs):
    return MLP([3, 5, 1], activation="tanh", seed=1, **kwargs)


def trained(model, epochs, y=LABELS, *, stopping=None, after_epoch=None, returns_when_interrupted=False, **options):
    return run(
        model,
        model.examples(X, y),
        TrainingOptions(**{"epochs": epochs, "report_every": 1, "learning_rate": 0.1, **options}),
        stopping=stopping,
        after_epoch=after_epoch,
        returns_when_interrupted=returns_when_interrupted,
    )


RULES = {
    "loss": {},
    "minibatches": {"batch_size": 16, "seed": 0},
    "validation": {"validation": VALIDATION},
    "score": {"validation": VALIDATION, "validation_score": lambda model, X, y: -1.0},
    "lbfgs": {"optimizer": "lbfgs", "learning_rate": None},
}


@pytest.mark.parametrize("rule", RULES)
def test_the_count_of_stalled_epochs_goes_on_where_it_is_given(rule):
    options = {"n_iter_no_change": 6, "tol": 10.0, **RULES[rule]}
    first, rest, stopping = network(), network(), Plateau()
    whole = trained(first, 50, **options)
    assert whole.ended.how == "stopped"
    n = 4
    assert trained(rest, n, stopping=stopping, **options).ended.how == "finished"
    assert stopping.n_stalled > 0
    ended = trained(rest, 50, stopping=stopping, **options).ended
    # L-BFGS measures its start once more, which is no step
    assert (ended.how, ended.epoch) == ("stopped", whole.ended.epoch - n - (rule == "lbfgs"))
    assert stopping.n_stalled == 7


def test_a_count_of_one_s_own_starts_anew_where_none_is_given():
    model = network()
    ends = [trained(model, 50, n_iter_no_change=6, tol=10.0).ended.epoch for _ in range(2)]
    assert ends == [8, 8]


def test_parameters_no_better_than_the_best_of_an_earlier_training_give_way_to_the_start():
    model, stopping = network(), Plateau()
    trained(model, 5, validation=VALIDATION, stopping=stopping)
    before, stopping.best = model.parameters.copy(), -1.0
    history = trained(model, 5, validation=VALIDATION, stopping=stopping)
    assert history.best_epoch == -1
    np.testing.assert_array_equal(model.parameters, before)


@pytest.mark.parametrize("options", RULES.values(), ids=RULES)
def test_after_epoch_sees_the_parameters_after_each_epoch_s_last_update(options):
    model, seen = network(), []
    history = trained(
        model, 6, after_epoch=lambda epochs, loss: seen.append((epochs, loss, model.parameters.copy())), **options
    )
    assert [epochs for epochs, _, _ in seen] == [1, 2, 3, 4, 5, 6]
    if options.get("optimizer") != "lbfgs":  # which reports before each step
        assert [loss for _, loss, _ in seen] == history.losses.tolist()
    for epochs, _, parameters in seen:
        other = network()
        trained(other, epochs, **{**options, "restore_best": False})
        np.testing.assert_array_equal(parameters, other.parameters)


@pytest.mark.parametrize("options", RULES.values(), ids=RULES)
def test_after_epoch_changes_no_bits_and_can_end_the_training(options):
    plain, watched = network(), network()
    expected = trained(plain, 8, **options)
    history = trained(watched, 8, after_epoch=lambda epochs, loss: None, **options)
    assert history.losses.tolist() == expected.losses.tolist()
    np.testing.assert_array_equal(plain.parameters, watched.parameters)
    ended = trained(watched, 8, after_epoch=lambda epochs, loss: epochs == 3, **options).ended
    assert (ended.how, ended.epoch) == ("callback", 3)


def test_after_epoch_is_called_also_for_the_epoch_that_a_rule_ends():
    seen = []
    ended = trained(network(), 50, n_iter_no_change=3, tol=10.0, after_epoch=lambda n, loss: seen.append(n)).ended
    assert ended.how == "stopped"
    assert seen == list(range(1, ended.epoch + 1))


def test_an_after_epoch_that_breaks_the_parameters_is_refused():
    model = network()

    def breaks(epochs, loss):
        model.parameters[0] = np.nan

    with pytest.raises(ValueError, match="parameters must be finite"):
        trained(model, 3, after_epoch=breaks)


@pytest.mark.parametrize("options", [{"batch_size": 16}, {}])
def test_an_interrupted_run_can_return_what_was_done(options):
    model, replay = network(), network()
    handler = interrupt_training(lambda: model if model.training_state.epochs else None)  # after the first call
    with alarm(handler, 0.002, 0.002):
        history = trained(model, 10**7, returns_when_interrupted=True, seed=4, **options)
    done = history.ended.epoch
    assert history.ended.how == "interrupted"
    assert done == len(history.losses) > 0
    assert history.losses.tolist() == trained(replay, done, seed=4, **options).losses.tolist()


def test_an_interrupted_lbfgs_run_can_return_what_was_done():
    model, replay, options = network(), network(), {"optimizer": "lbfgs", "learning_rate": None}
    ended = trained(
        model, 50, after_epoch=lambda n, loss: n == 5 and interrupt(), returns_when_interrupted=True, **options
    ).ended
    assert (ended.how, ended.epoch) == ("interrupted", 5)
    trained(replay, 5, **options)
    np.testing.assert_array_equal(model.parameters, replay.parameters)


def test_an_interrupted_run_raises_otherwise():
    model = network()
    with pytest.raises(KeyboardInterrupt), alarm(interrupt_training(lambda: model), 0.002, 0.002):
        trained(model, 10**7)


# ---- scikit-learn's objective and rules


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_squared_errors_of_several_outputs_are_averaged_in_the_loss_but_not_in_the_gradient(solver):
    options = {"hidden_layer_sizes": (5,), "activation": "tanh", "random_state": 0, "alpha": 0.5, "solver": solver}
    peer = neural_network.MLPRegressor(
        **options, max_iter=7, learning_rate_init=0.1, momentum=0.0, batch_size=60, tol=1e-30
    )
    with pytest.warns(Warning, match="Maximum|limit|LIMIT"):
        peer.fit(X, Y)
    model, rng = MLP([3, 5, 3], activation="tanh", loss="squared_error"), np.random.RandomState(0)
    for weights, biases in zip(model.weights, model.biases, strict=True):
        bound = np.sqrt(6 / sum(weights.shape))
        weights[:] = rng.uniform(-bound, bound, weights.shape[::-1]).T
        biases[:] = rng.uniform(-bound, bound, len(biases))
    rate = {"learning_rate": None if solver == "lbfgs" else 0.1}
    reports = []
    trained(
        model, 7, Y, optimizer=solver, l2=0.5, penalty="sum", after_epoch=lambda n, loss: reports.append(loss), **rate
    )
    assert reports[-1] == pytest.approx(peer.loss_, rel=1e-9)
    for weights, theirs in zip(model.weights, peer.coefs_, strict=True):
        np.testing.assert_allclose(weights.T, theirs, rtol=1e-8)


def test_validation_data_lower_an_adaptive_rate():
    scores = iter([0.1, 0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9])
    model = network()
    ended = trained(
        model, 50, learning_rate=Adaptive(1e-5, tol=0.1, n_iter_no_change=2), validation=VALIDATION,
        validation_score=lambda model, X, y: next(scores),
    ).ended  # fmt: skip
    # lowered after the 5th value and the 9th; the rate is then below 1e-6, so that the 12th ends it
    assert (ended.how, ended.epoch) == ("stopped", 12)
    assert "too small" in ended.why
    assert model.training_state.plateau.scale == pytest.approx(0.04)


def test_an_lbfgs_training_that_reaches_its_tolerance_has_converged():
    history = trained(network(), 10_000, optimizer="lbfgs", learning_rate=None, l2=0.1)
    assert history.ended.how == "converged"
    assert history.ended.epoch < 10_000
    assert trained(network(), 2, optimizer="lbfgs", learning_rate=None, l2=0.1).ended.how == "finished"
