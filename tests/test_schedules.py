"""Learning rates: each schedule against its formula, and its effect in training."""

import copy
import math
from fractions import Fraction

import numpy as np
import pytest

from fastmlp import MLP, SGD, Adaptive, Constant, Cosine, DivergenceWarning, InverseScaling, StepDecay, WarmUp
from fastmlp.schedules import Plateau, Schedule, Steps, schedule_of

X = np.random.default_rng(4).standard_normal((30, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype("int64")
BATCHES = 5  # of 6 examples


def steps_of(first, n_updates, n_batches=BATCHES, n_examples=30):
    """Updates of a training from ``first`` on, the first of an epoch."""
    epoch = first // n_batches
    return Steps(n_updates, n_batches, n_examples, first, epoch, epoch * n_examples)


FORMULAS = {
    Constant(0.3): lambda update: 0.3,
    InverseScaling(0.3): lambda update: 0.3 / math.sqrt(update + 1),
    InverseScaling(0.3, power_t=0.25): lambda update: 0.3 / (update + 1) ** 0.25,
    InverseScaling(0.3, power_t=0): lambda update: 0.3,
    InverseScaling(0.3, by="examples"): lambda update: 0.3 / math.sqrt(update // BATCHES * 30 + 1),
    Cosine(0.3, epochs=4): lambda update: 0.15 * (1 + math.cos(math.pi * min(update / 20, 1))),
    Cosine(0.3, epochs=4, final=0.1): lambda update: 0.1 + 0.1 * (1 + math.cos(math.pi * min(update / 20, 1))),
    Cosine(0.1, epochs=3, final=0.3): lambda update: 0.3 - 0.1 * (1 + math.cos(math.pi * min(update / 15, 1))),
    StepDecay(0.3, every=2): lambda update: 0.3 * 0.1 ** (update // 10),
    StepDecay(0.3, every=1, factor=0.5): lambda update: 0.3 * 0.5 ** (update // 5),
    WarmUp(0.3, epochs=3): lambda update: 0.3 * min((update + 1) / 15, 1),
    WarmUp(Cosine(0.3, epochs=4), epochs=2): (
        lambda update: 0.15 * (1 + math.cos(math.pi * min(update / 20, 1))) * min((update + 1) / 10, 1)
    ),
}


@pytest.mark.parametrize("schedule", FORMULAS, ids=str)
def test_the_rates_are_those_of_the_formula(schedule):
    rates = schedule.rates(steps_of(0, 60))
    assert rates.dtype == np.float64
    np.testing.assert_allclose(rates, [FORMULAS[schedule](update) for update in range(60)], rtol=1e-12, atol=1e-17)
    np.testing.assert_array_equal(rates[15:], schedule.rates(steps_of(15, 45)))
    assert schedule.adaptive is None


@pytest.mark.parametrize("schedule", FORMULAS, ids=str)
@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.9)], ids=str)
def test_each_update_of_a_training_has_its_own_rate(schedule, optimizer):
    model, copy = (MLP([2, 5, 1], activation="tanh", seed=1) for _ in range(2))
    model.train(X, Y, epochs=8, batch_size=6, shuffle=False, learning_rate=schedule, optimizer=optimizer)
    velocity = np.zeros_like(copy.parameters)
    for update in range(8 * BATCHES):
        batch = slice(6 * (update % BATCHES), 6 * (update % BATCHES) + 6)
        gradient = copy.loss_and_gradient(X[batch], Y[batch])[1]
        velocity = optimizer.momentum * velocity - FORMULAS[schedule](update) * gradient
        copy.parameters += velocity
    np.testing.assert_allclose(model.parameters, copy.parameters, rtol=1e-10, atol=1e-12)


def test_a_number_is_a_constant_schedule():
    assert schedule_of("learning_rate", 0.25) == Constant(0.25)
    assert schedule_of("learning_rate", Cosine(0.3, 4)) == Cosine(0.3, 4)
    assert WarmUp(0.25, 3).then == Constant(0.25)


def test_a_cosine_ends_at_its_final_rate_and_stays_there():
    schedule = Cosine(0.3, epochs=4, final=0.1)
    rates = schedule.rates(steps_of(0, 22))
    assert rates[0] == 0.3
    assert 0.1 < rates[19] < 0.102
    assert (rates[20:] == 0.1).all()
    assert (schedule.rates(steps_of(10**9, 5)) == 0.1).all()


def test_a_rate_of_0_at_the_end_of_a_cosine_moves_nothing():
    model = MLP([2, 5, 1], seed=1)
    model.train(X, Y, epochs=4, learning_rate=Cosine(0.3, epochs=4))
    before = model.parameters.tobytes()
    model.train(X, Y, epochs=4, learning_rate=Cosine(0.3, epochs=4))
    assert model.parameters.tobytes() == before


# ---- the adaptive schedule


@pytest.mark.parametrize(
    ("n_iter_no_change", "tol", "losses", "expected"),
    [
        (1, 1e-4, [1, 0.9, 0.8, 0.7], []),
        (1, 1e-4, [1, 1, 1, 1, 1, 1], [2, 4]),
        (1, 1e-4, [1, 1, 0.9, 0.9, 0.9, 0.8], [4]),
        (1, 1e-4, [1, 2, 0.5, 0.6, 0.4], []),
        (1, 0.2, [1, 0.9, 0.85, 0.6], [2]),
        (2, 0, [1, 1, 1, 1, 1], []),
        (2, 1e-9, [1, 1, 1, 1, 1], [3]),
        (10, 1e-4, [1] * 40, [11, 22, 33]),  # scikit-learn's: after epochs 12, 23 and 34
    ],
)
def test_a_plateau_is_more_epochs_in_a_row_than_allowed_without_a_better_loss(n_iter_no_change, tol, losses, expected):
    plateau, seen = Plateau(), []
    for epoch, loss in enumerate(losses):
        if plateau.sees(loss, tol, n_iter_no_change):
            seen.append(epoch)
            plateau.n_stalled = 0
    assert seen == expected


def test_the_schedule_that_warms_up_keeps_the_rule_of_the_one_it_rises_to():
    assert WarmUp(Adaptive(1.0), epochs=1).adaptive == Adaptive(1.0).adaptive == Adaptive(1.0)


def test_a_training_that_cannot_learn_divides_its_rate_after_epochs_12_23_and_34_and_ends_where_it_is_too_small():
    """All targets are met: each epoch's loss is 0."""
    model = MLP([2, 1], activation=[], loss="squared_error", initialization="zeros")
    schedule, scales = Adaptive(1e-4), []
    for _ in range(40):
        model.train(X, np.zeros(30), epochs=1, learning_rate=schedule)
        scales.append(model.training_state.plateau.scale)
    falls = [i + 1 for i, (scale, before) in enumerate(zip(scales, [1.0, *scales], strict=False)) if scale < before]
    assert falls == [12, 23, 34]
    assert scales[-1] == pytest.approx(0.2**3)
    other = MLP([2, 1], activation=[], loss="squared_error", initialization="zeros")
    ended = other.train(X, np.zeros(30), epochs=1000, learning_rate=schedule).ended
    assert (ended.how, ended.epoch) == ("stopped", 45)  # 1e-4 / 5^3 is below 1e-6
    assert "too small" in ended.why


@pytest.mark.parametrize("warm_up", [None, 3])
@pytest.mark.parametrize("batch_size", [None, 6])
def test_an_adaptive_training_is_a_chain_of_epochs_at_the_rates_of_the_rule(batch_size, warm_up):
    """The rule written out, over epochs of one call each, whose reported loss it watches."""
    options = {"batch_size": batch_size, "optimizer": SGD(momentum=0.5), "seed": 3, "report_every": 1}
    schedule = Adaptive(0.8, tol=0.02, factor=0.5, n_iter_no_change=1)
    model, chain = (MLP([2, 5, 1], activation="tanh", seed=1) for _ in range(2))
    history = model.train(X, Y, epochs=40, learning_rate=WarmUp(schedule, warm_up) if warm_up else schedule, **options)
    rate, best, bad, losses, rates = 0.8, math.inf, 0, [], []
    for _ in range(40):
        rates.append(rate)
        chained = WarmUp(rate, warm_up) if warm_up else rate
        losses.append(chain.train(X, Y, epochs=1, learning_rate=chained, **options).losses[0])
        bad = bad + 1 if losses[-1] > best - 0.02 else 0
        best = min(best, losses[-1])
        if bad == 2:
            rate, bad = rate * 0.5, 0
    assert len(set(rates)) > 4
    assert model.parameters.tobytes() == chain.parameters.tobytes()
    assert history.losses.tolist() == losses


@pytest.mark.parametrize("report_every", [1, 7, 100])
def test_an_adaptive_rate_watches_epochs_that_nobody_reports(report_every):
    models = [MLP([2, 5, 1], seed=1) for _ in range(2)]
    for model, every in zip(models, (1, report_every), strict=True):
        model.train(X, Y, epochs=30, learning_rate=Adaptive(0.5, tol=0.1, n_iter_no_change=1), report_every=every)
    assert models[0].training_state.plateau.scale < 0.01
    assert models[1].training_state.plateau == models[0].training_state.plateau
    assert models[1].parameters.tobytes() == models[0].parameters.tobytes()


def test_a_constant_rate_between_two_adaptive_ones_is_not_lowered_and_forgets_nothing():
    adaptive, options = Adaptive(0.5, tol=0.1, n_iter_no_change=1), {"optimizer": SGD(momentum=0.5), "report_every": 1}
    model, plain = (MLP([2, 5, 1], activation="tanh", seed=1) for _ in range(2))
    model.train(X, Y, epochs=12, learning_rate=adaptive, **options)
    seen = model.training_state.plateau
    assert seen.scale < 0.1
    plain.parameters = model.parameters
    plain.training_state = copy.deepcopy(model.training_state)
    plain.training_state.plateau = Plateau()
    for one in (model, plain):
        one.train(X, Y, epochs=5, learning_rate=0.3, **options)
    assert model.parameters.tobytes() == plain.parameters.tobytes()
    assert model.training_state.plateau == seen


# ---- what is no schedule


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Constant(0), ValueError, "initial must be finite and over 0, got 0"),
        (lambda: Constant("x"), TypeError, "initial must be a number, got 'x'"),
        (lambda: Constant(np.inf), ValueError, "initial must be finite and over 0, got inf"),
        (lambda: InverseScaling(-1), ValueError, "initial must be finite and over 0, got -1"),
        (lambda: InverseScaling(1, -0.5), ValueError, "power_t must be finite and at least 0, got -0.5"),
        (lambda: InverseScaling(1, None), TypeError, "power_t must be a number, got None"),
        (lambda: Adaptive(0), ValueError, "initial must be finite and over 0, got 0"),
        (lambda: Adaptive(1, tol=-1), ValueError, "tol must be finite and at least 0, got -1"),
        (lambda: Adaptive(1, factor=0), ValueError, "factor must be over 0 and below 1, got 0"),
        (lambda: Adaptive(1, factor=1), ValueError, "factor must be .*below 1, got 1"),
        (lambda: Adaptive(1, n_iter_no_change=0), ValueError, "n_iter_no_change must be at least 1, got 0"),
        (lambda: Adaptive(1, n_iter_no_change=1.5), TypeError, "n_iter_no_change must be an integer, got 1.5"),
        (lambda: Adaptive(1, smallest=-1), ValueError, "smallest must be finite and over 0, got -1"),
        (lambda: InverseScaling(1, by="epochs"), ValueError, "by must be one of updates, examples; got 'epochs'"),
        (lambda: Cosine(0, 3), ValueError, "initial must be finite and over 0, got 0"),
        (lambda: Cosine(1, 0), ValueError, "epochs must be at least 1, got 0"),
        (lambda: Cosine(1, 2.5), TypeError, "epochs must be an integer, got 2.5"),
        (lambda: Cosine(1, 3, -0.1), ValueError, "final must be finite and at least 0, got -0.1"),
        (lambda: StepDecay(1, 0), ValueError, "every must be at least 1, got 0"),
        (lambda: StepDecay(1, True), TypeError, "every must be an integer, got True"),
        (lambda: StepDecay(1, 2, 0), ValueError, "factor must be over 0 and below 1, got 0"),
        (lambda: StepDecay(1, 2, 1.5), ValueError, "factor must be .*below 1, got 1.5"),
        (lambda: StepDecay(np.nan, 2), ValueError, "initial must be finite and over 0, got nan"),
        (lambda: WarmUp("x", 3), TypeError, "then must be .*got 'x'"),
        (lambda: WarmUp(None, 3), TypeError, "then must be .*got None"),
        (lambda: WarmUp(0, 3), ValueError, "then must be finite and over 0, got 0"),
        (lambda: WarmUp(0.1, 0), ValueError, "epochs must be at least 1, got 0"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_schedule_of_one_s_own_is_taken():
    class Alternating(Schedule):
        def rates(self, steps):
            return np.where(steps.updates % 2, 0.1, 0.3)

    model, copy = (MLP([2, 5, 1], seed=1) for _ in range(2))
    model.train(X, Y, epochs=4, learning_rate=Alternating())
    for rate in (0.3, 0.1, 0.3, 0.1):
        copy.train(X, Y, epochs=1, learning_rate=rate)
    assert model.parameters.tobytes() == copy.parameters.tobytes()


@pytest.mark.parametrize("kind", [int, np.float32, np.int64, Fraction])
def test_rates_of_any_number_type_train_like_floats(kind):
    models = [MLP([3, 4, 1], seed=1) for _ in range(2)]
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((20, 3)), rng.integers(0, 2, 20)
    for model, one in zip(models, (kind(1), 1.0), strict=True):
        for schedule in (Constant(one), Cosine(one, epochs=4), WarmUp(Adaptive(one), epochs=2)):
            model.train(inputs, labels, epochs=3, learning_rate=schedule, optimizer="adam")
    assert models[0].parameters.tobytes() == models[1].parameters.tobytes()


class Answering(Schedule):
    """A schedule of a user's own, with the function that gives its rates."""

    def __init__(self, rates):
        self.rates = rates


def fail(steps):
    raise ZeroDivisionError("the user's own")


@pytest.mark.parametrize(
    ("rates", "error", "message"),
    [
        (lambda steps: None, TypeError, "the rates of learning_rate must be an array of real numbers"),
        (lambda steps: "fast", TypeError, "the rates of learning_rate must be an array of real numbers"),
        (lambda steps: np.ones(5, complex), TypeError, "the rates of learning_rate must be an array of real numbers"),
        (lambda steps: [[1], [1, 2]], ValueError, "the rates of learning_rate must be an array of numbers"),
        (lambda steps: np.ma.masked_all(5), ValueError, "the rates of learning_rate must not have masked entries"),
        (lambda steps: [0.1], ValueError, r"learning_rate must give 5 rates, one per update; got shape \(1,\)"),
        (lambda steps: 0.1, ValueError, "learning_rate must give 5 rates, one per update; got shape"),
        (lambda steps: np.full(5, np.nan), ValueError, "learning_rate must give finite rates of at least 0, got nan"),
        (lambda steps: np.full(5, -1.0), ValueError, "learning_rate must give finite rates of at least 0, got -1"),
        (fail, ZeroDivisionError, "the user's own"),
    ],
)
def test_a_schedule_with_bad_rates_is_refused_and_changes_nothing(rates, error, message):
    model = MLP([2, 1], activation=[], seed=1)
    model.train(np.eye(2), [0, 1], epochs=3, optimizer="adam")
    before = model.parameters.tobytes()
    with pytest.raises(error, match=message):
        model.train(np.eye(2), [0, 1], epochs=5, report_every=5, learning_rate=Answering(rates))
    assert (model.parameters.tobytes(), model.training_state.updates) == (before, 3)


def test_a_schedule_that_fails_later_leaves_the_last_update_which_is_finite():
    """The callback makes every epoch a call with rates of its own."""
    model, same = (MLP([2, 1], activation=[], loss="squared_error", seed=1) for _ in range(2))

    def rates(steps):
        return fail(steps) if steps.first_update > 3 else np.full(steps.n_updates, 0.1)

    options = {"batch_size": 4, "shuffle": False}
    with pytest.raises(ZeroDivisionError):
        model.train(X, Y, epochs=9, learning_rate=Answering(rates), report_every=1, callback=lambda *_: None, **options)
    same.train(X, Y, epochs=model.training_state.epochs, learning_rate=0.1, **options)
    assert model.training_state.epochs > 0
    assert model.parameters.tobytes() == same.parameters.tobytes()


def test_a_rate_that_overflows_late_is_named_without_asking_the_schedule_again():
    model = MLP([2, 1], activation=[], loss="squared_error", seed=1)

    def rates(steps):
        return fail(steps) if steps.first_update else np.where(steps.updates < 7, 0.1, 1e308)

    with pytest.warns(DivergenceWarning, match=r"epoch [78], batch 0: .* a learning_rate below 1e\+308 or"):
        model.train(X, 100 * Y, epochs=20, learning_rate=Answering(rates))
    assert model.training_state.updates in (7, 8)
    assert np.isfinite(model.parameters).all()


@pytest.mark.parametrize(
    "schedule",
    [
        *(StepDecay(0.1, every=2**62), Cosine(0.1, epochs=2**62), Cosine(0.1, epochs=2**63 - 1)),
        *(WarmUp(0.1, epochs=2**62), Adaptive(0.1, n_iter_no_change=2**62), InverseScaling(0.1, power_t=1e300)),
    ],
)
@pytest.mark.parametrize("before", [0, 2**61, 2**62])
def test_steps_and_counts_of_any_size_give_finite_rates(schedule, before):
    rates = schedule.rates(Steps(7, 3, 2**20, before, before, before))
    assert rates.shape == (7,)
    assert ((rates >= 0) & (rates <= 0.1)).all()


@pytest.mark.parametrize("form", [list, lambda rates: rates.astype("float32"), lambda rates: rates.astype("int64")])
def test_a_schedule_of_one_s_own_may_give_its_rates_in_any_type(form):
    class Own(Schedule):
        def rates(self, steps):
            return form(1.0 + steps.updates % 2)

    class Same(Schedule):
        def rates(self, steps):
            return 1.0 + steps.updates % 2

    models = [MLP([2, 3, 1], activation="tanh", seed=1) for _ in range(2)]
    for model, schedule in zip(models, (Own(), Same()), strict=True):
        model.train(X, Y, epochs=3, batch_size=6, learning_rate=schedule, seed=0)
    assert models[0].parameters.tobytes() == models[1].parameters.tobytes()
