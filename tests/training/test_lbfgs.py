"""L-BFGS: convex models against scikit-learn's solvers, and how its training runs, ends and refuses."""

import itertools

import numpy as np
import pytest
import sklearn.linear_model
from alarms import alarm, interrupt
from scipy.optimize import OptimizeResult
from threadpoolctl import threadpool_limits

from fastmlp import LBFGS, MLP, SGD, Adaptive, DivergenceWarning
from fastmlp.training import Ended

RNG = np.random.default_rng(6)
N = 200
X = RNG.standard_normal((N, 4)) * [1, 2, 0.5, 3] + [0, 1, -1, 0]
LOGITS = X @ RNG.standard_normal((4, 3)) * 0.5 + RNG.standard_normal((N, 3))
LABELS, CLASSES = (LOGITS[:, 0] > 0).astype(int), LOGITS.argmax(axis=1)
COUNTS = RNG.poisson(np.exp(0.5 * LOGITS[:, 0]))
WEIGHTS = RNG.uniform(0.1, 3, N)
TIGHT = LBFGS(tol=1e-10)


def fitted(dims, y, *, loss, l2=0.0, sample_weight=None, optimizer=TIGHT):
    model = MLP(dims, activation=[], loss=loss, initialization="zeros")
    model.train(X, y, epochs=2000, optimizer=optimizer, l2=l2, sample_weight=sample_weight)
    return model


def hidden_network(**kwargs):
    return MLP([4, 8, 1], **{"activation": "tanh", "seed": 1, **kwargs})


@pytest.fixture
def linear_model():
    """scikit-learn's, on one thread of BLAS: several gain nothing here and may disturb each other."""
    with threadpool_limits(1):
        yield sklearn.linear_model


# ---- models that scikit-learn has too: the same minimum

weights = pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["equal weights", "weights"])


@weights
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_without_a_hidden_layer_the_log_loss_is_logistic_regression(C, sample_weight, linear_model):
    total = N if sample_weight is None else sample_weight.sum()
    theirs = linear_model.LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X, LABELS, sample_weight)
    ours = fitted([4, 1], LABELS, loss="log_loss", l2=1 / (C * total), sample_weight=sample_weight)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X)[:, 1], rtol=1e-5)
    np.testing.assert_allclose(ours.weights[0], theirs.coef_, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@weights
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_without_a_hidden_layer_the_multinomial_log_loss_is_softmax_regression(C, sample_weight, linear_model):
    total = N if sample_weight is None else sample_weight.sum()
    theirs = linear_model.LogisticRegression(C=C, tol=1e-10, max_iter=10_000).fit(X, CLASSES, sample_weight)
    ours = fitted([4, 3], CLASSES, loss="multinomial_log_loss", l2=1 / (C * total), sample_weight=sample_weight)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=2e-5)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@weights
@pytest.mark.parametrize("alpha", [0.1, 10.0, 1000.0])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_without_a_hidden_layer_the_squared_error_is_ridge_regression(alpha, n_outputs, sample_weight, linear_model):
    y = LOGITS[:, 0] if n_outputs == 1 else LOGITS
    total = N if sample_weight is None else sample_weight.sum()
    theirs = linear_model.Ridge(alpha=alpha).fit(X, y, sample_weight)
    ours = fitted([4, n_outputs], y, loss="squared_error", l2=alpha / total, sample_weight=sample_weight)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.biases[0], np.ravel(theirs.intercept_), rtol=1e-5, atol=1e-7)


@weights
@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
def test_without_a_hidden_layer_the_poisson_loss_is_poisson_regression(alpha, sample_weight, linear_model):
    theirs = linear_model.PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=10_000).fit(X, COUNTS, sample_weight)
    ours = fitted([4, 1], COUNTS, loss="poisson", l2=alpha, sample_weight=sample_weight)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5)


# ---- its own training


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_it_ends_where_no_entry_of_the_gradient_exceeds_its_tolerance(l2):
    model = fitted([4, 1], LABELS, loss="log_loss", l2=l2, optimizer=LBFGS(tol=1e-4))
    penalty = np.r_[l2 * model.weights[0].ravel(), 0]
    assert abs(model.loss_and_gradient(X, LABELS)[1] + penalty).max() <= 1e-4


def test_it_falls_faster_than_gradient_descent_in_a_hidden_network(dtype):
    ours, descent = hidden_network(dtype=dtype), hidden_network(dtype=dtype)
    history = ours.train(X, LABELS, epochs=60, optimizer="lbfgs", report_every=1)
    descent.train(X, LABELS, epochs=60, learning_rate=0.1)
    assert np.isfinite(ours.parameters).all()
    assert ours.parameters.dtype == dtype
    assert (np.diff(history.losses) < 1e-6).all()
    assert ours.loss_and_gradient(X, LABELS)[0] < 0.5 * descent.loss_and_gradient(X, LABELS)[0]


@pytest.mark.parametrize("report_every", [1, 4])
def test_losses_are_those_after_each_step_without_penalties(report_every):
    model, seen = hidden_network(), []

    def look(step, loss):
        seen.append(step)
        assert type(step) is int
        assert loss == pytest.approx(model.loss_and_gradient(X, LABELS)[0], rel=1e-12)

    history = model.train(X, LABELS, epochs=10, optimizer="lbfgs", l2=0.1, report_every=report_every, callback=look)
    assert history.epochs.tolist() == seen == list(range(0, 10, report_every))
    assert history.ended == Ended("finished", 10, "10 steps were made")
    assert history.losses[0] == hidden_network().loss_and_gradient(X, LABELS)[0]


def test_no_step_changes_nothing_and_reports_nothing():
    model = hidden_network()
    history = model.train(X, LABELS, epochs=0, optimizer="lbfgs", callback=pytest.fail)
    assert history.epochs.size == 0
    assert model.parameters.tobytes() == hidden_network().parameters.tobytes()


def test_the_progress_bar_counts_its_steps(capfd):
    hidden_network().train(X, LABELS, epochs=6, optimizer="lbfgs", progress=True)
    assert "6/6" in capfd.readouterr().err


@pytest.mark.parametrize("last", [0, 1, 6])
def test_a_true_answer_of_the_callback_ends_it_with_that_step(last):
    model, same = hidden_network(), hidden_network()
    history = model.train(
        X, LABELS, epochs=50, optimizer="lbfgs", report_every=1, callback=lambda step, _: step == last
    )
    assert history.epochs.tolist() == list(range(last + 1))
    assert history.ended == Ended("callback", last, f"the callback ended it at epoch {last}")
    same.train(X, LABELS, epochs=last, optimizer="lbfgs")
    assert model.parameters.tobytes() == same.parameters.tobytes()


@pytest.mark.parametrize("error", [RuntimeError("enough"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
def test_an_exception_in_the_callback_passes_through_and_leaves_that_step(error):
    def fail_at_three(step, loss):
        if step == 3:
            raise error

    model, same = hidden_network(), hidden_network()
    with pytest.raises(type(error)):
        model.train(X, LABELS, epochs=50, optimizer="lbfgs", report_every=1, callback=fail_at_three)
    same.train(X, LABELS, epochs=3, optimizer="lbfgs")
    assert model.parameters.tobytes() == same.parameters.tobytes()


@pytest.mark.parametrize("at", [0, 3])
def test_training_goes_on_from_parameters_that_the_callback_changes(at):
    """As a training of its own would from there, with as many steps as are left."""
    model, same = hidden_network(), hidden_network()
    other = np.random.default_rng(1).standard_normal(len(model.parameters))

    def move(step, loss):
        if step == at:
            model.parameters = other

    history = model.train(X, LABELS, epochs=8, optimizer="lbfgs", report_every=1, callback=move)
    same.parameters = other
    expected = same.train(X, LABELS, epochs=8 - at, optimizer="lbfgs", report_every=1)
    assert model.parameters.tobytes() == same.parameters.tobytes()
    assert history.epochs.tolist() == list(range(8))
    assert history.losses[at + 1 :].tolist() == expected.losses[1:].tolist()
    assert history.ended == Ended("finished", 8, "8 steps were made")


def test_the_evaluations_are_counted_over_all_changes_of_the_callback():
    model, losses = hidden_network(), []

    def shake(step, loss):
        losses.append(loss)
        model.parameters *= 1.01

    history = model.train(X, LABELS, epochs=500, optimizer=LBFGS(max_fun=30), report_every=1, callback=shake)
    assert history.ended.how == "stopped"
    assert len(losses) <= 30


def test_ctrl_c_leaves_the_last_step_in_the_model():
    rng = np.random.default_rng(0)
    many = rng.standard_normal((20_000, 20))
    labels = (np.sin(many).sum(axis=1) > 0).astype(int)
    model, steps = MLP([20, 50, 1], activation="tanh", seed=1), []

    def interrupt_after_two_steps():
        if len(steps) > 2:
            interrupt()

    with pytest.raises(KeyboardInterrupt), alarm(interrupt_after_two_steps, 0.02, 0.02):
        model.train(
            *(many, labels),
            epochs=10**6,
            optimizer=LBFGS(tol=0),
            report_every=1,
            callback=lambda *_: steps.append(model.parameters.tobytes()),
        )
    assert model.parameters.tobytes() in steps[-2:]
    assert np.isfinite(model.parameters).all()
    assert model.train(many[:100], labels[:100], epochs=2).losses.size == 2


def test_a_call_without_an_optimizer_goes_on_with_it_from_a_fresh_start():
    model, same = hidden_network(), hidden_network()
    for one, second in ((model, None), (same, "lbfgs")):
        one.train(X, LABELS, epochs=5, optimizer="lbfgs")
        one.train(X, LABELS, epochs=5, optimizer=second)
    assert model.parameters.tobytes() == same.parameters.tobytes()


def test_it_may_finish_what_gradient_descent_began_and_the_other_way_round():
    model = hidden_network()
    model.train(X, LABELS, epochs=20, batch_size=20, optimizer=SGD(momentum=0.9), learning_rate=0.05)
    losses = [model.loss_and_gradient(X, LABELS)[0]]
    for optimizer in ("lbfgs", "adam"):
        model.train(X, LABELS, epochs=20, optimizer=optimizer)
        losses.append(model.loss_and_gradient(X, LABELS)[0])
    assert losses[0] > 1.2 * losses[1]
    assert losses[1] > losses[2]


def test_an_integer_weight_is_a_repeated_example():
    counts = RNG.integers(0, 4, N)
    weighted = fitted([4, 1], LABELS, loss="log_loss", l2=0.01, sample_weight=counts)
    repeated = MLP([4, 1], activation=[], loss="log_loss", initialization="zeros")
    repeated.train(np.repeat(X, counts, axis=0), np.repeat(LABELS, counts), epochs=2000, optimizer=TIGHT, l2=0.01)
    np.testing.assert_allclose(weighted.parameters, repeated.parameters, rtol=1e-6)


def test_threads_change_no_bit_of_it():
    results = set()
    for n_threads in (1, 2, 4):
        model = hidden_network()
        model.train(np.tile(X, (20, 1)), np.tile(LABELS, 20), epochs=8, optimizer="lbfgs", n_threads=n_threads)
        results.add(model.parameters.tobytes())
    assert len(results) == 1


def test_a_loss_that_is_not_finite_from_the_start_warns_at_the_caller_s_line_and_changes_nothing():
    model = MLP([4, 1], activation=[], loss="squared_error", seed=1)
    before = model.parameters.tobytes()
    with pytest.warns(DivergenceWarning, match="at epoch 0: .* Try smaller initial weights or scaled") as caught:
        history = model.train(X * 1e300, LABELS, epochs=3, optimizer="lbfgs")
    assert caught[0].filename == __file__
    assert history.losses.size == 0
    assert history.ended.epoch == 0
    assert "The parameters are the last finite ones." in history.ended.why
    assert model.parameters.tobytes() == before


def test_the_best_loss_may_be_that_of_the_start_where_the_penalty_decides():
    """The least objective has a larger loss than the fit from which it sets out."""
    model = hidden_network()
    model.train(X, LABELS, epochs=200, optimizer="lbfgs")
    fitted_parameters = model.parameters.copy()
    options = {"epochs": 30, "optimizer": "lbfgs", "l2": 1.0, "report_every": 1}
    history = model.train(X, LABELS, restore_best=True, **options)
    assert history.ended.epoch > 0
    assert history.best_epoch == 0
    assert model.parameters.tobytes() == fitted_parameters.tobytes()
    model.train(X, LABELS, **options)
    assert model.parameters.tobytes() != fitted_parameters.tobytes()


@pytest.mark.parametrize("max_fun", [3, 10])
def test_it_makes_no_more_steps_than_it_may_evaluate_the_loss(max_fun):
    model, free = hidden_network(), hidden_network()
    steps = model.train(X, LABELS, epochs=50, optimizer=LBFGS(tol=0, max_fun=max_fun)).ended.epoch
    assert 0 < steps <= max_fun
    assert free.train(X, LABELS, epochs=50, optimizer=LBFGS(tol=0)).ended.epoch == 50


@pytest.mark.parametrize(
    ("optimizer", "epochs", "expected"),
    [
        (LBFGS(), 30, {"maxiter": 30, "maxfun": 600, "maxcor": 10, "gtol": 1e-5, "ftol": 0.0}),
        (LBFGS(max_fun=7, memory=4, tol=0.5, ftol=0.25), 30, {"maxfun": 7, "maxcor": 4, "gtol": 0.5, "ftol": 0.25}),
        (LBFGS(max_fun=2**40), 30, {"maxfun": 2**31 - 1}),
        (LBFGS(), 10**9, {"maxiter": 10**9, "maxfun": 2**31 - 1}),
    ],
)
def test_scipy_is_told_the_limits(optimizer, epochs, expected, monkeypatch):
    """Its own limit of 15,000 evaluations would end long trainings; one beyond an int is an error there."""

    def minimize(*arguments, options, **_):
        told.update(options)
        return OptimizeResult(nit=epochs, message="", status=1)

    monkeypatch.setattr("scipy.optimize.minimize", minimize)
    told = {}
    hidden_network().train(X, LABELS, epochs=epochs, optimizer=optimizer)
    assert {name: told[name] for name in expected} == expected


def test_a_step_that_was_not_the_last_point_tried_is_reported_with_its_own_loss(monkeypatch):
    """SciPy promises no order: its line search may try further points than the one it takes."""

    def minimize(objective, start, *, callback, **_):
        taken = start - 0.1 * objective(start)[1]
        objective(taken)
        objective(start - 5.0)
        callback(OptimizeResult(x=taken, fun=0.0))
        return OptimizeResult(nit=1, message="", status=1)

    monkeypatch.setattr("scipy.optimize.minimize", minimize)
    model = hidden_network()
    history = model.train(X, LABELS, epochs=9, optimizer="lbfgs", report_every=1)
    assert history.losses.tolist() == [m.loss_and_gradient(X, LABELS)[0] for m in (hidden_network(), model)]


# ---- what it cannot do


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 10}, "batch_size must be None with the optimizer lbfgs, got 10"),
        ({"learning_rate": 0.1}, "learning_rate must be None with the optimizer lbfgs, got .*0.1"),
        ({"learning_rate": Adaptive(0.1)}, r"learning_rate must be None with the optimizer lbfgs, got Adaptive\("),
        ({"l1": 0.1}, "l1 cannot be used with the optimizer lbfgs, got 0.1"),
        ({"clip_value": 1.0}, "clip_value cannot be used with the optimizer lbfgs, got 1.0"),
        ({"clip_norm": 1.0}, "clip_norm cannot be used with the optimizer lbfgs, got 1.0"),
        ({"dropout": 0.5}, r"dropout cannot be used with the optimizer lbfgs, got \[0.5\]"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"shuffle": "x"}, "shuffle must be True or False, got 'x'"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_it_cannot_do_is_refused_by_name_and_the_model_stays_as_it_is(options, message, named):
    model = hidden_network()
    model.train(X, LABELS, epochs=2, optimizer="adam" if named else "lbfgs")
    state, before = vars(model.training_state).copy(), model.parameters.tobytes()
    with pytest.raises((TypeError, ValueError), match=message):
        model.train(X, LABELS, epochs=3, optimizer="lbfgs" if named else None, **options)
    assert model.parameters.tobytes() == before
    assert vars(model.training_state) == state


def test_a_batch_of_all_examples_and_limits_of_zero_are_taken():
    model, same = hidden_network(), hidden_network()
    same.train(X, LABELS, epochs=3, optimizer="lbfgs")
    model.train(X, LABELS, epochs=3, optimizer="lbfgs", batch_size=N, l1=0, dropout=0, shuffle=False, seed=3)
    assert model.parameters.tobytes() == same.parameters.tobytes()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LBFGS(tol=-1), ValueError, "tol must be finite and at least 0, got -1"),
        (lambda: LBFGS(tol="x"), TypeError, "tol must be a number, got 'x'"),
        (lambda: LBFGS(memory=0), ValueError, "memory must be at least 1, got 0"),
        (lambda: LBFGS(memory=2.0), TypeError, "memory must be an integer, got 2.0"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_validation_and_rules_go_on_though_the_callback_changes_the_parameters():
    model = hidden_network()

    def shrink(step, loss):
        model.parameters *= 0.9

    history = model.train(
        X, LABELS, epochs=8, optimizer="lbfgs", report_every=1, callback=shrink, validation=(X, LABELS)
    )
    assert history.validation_epochs.tolist() == list(range(1, 9))
    again = hidden_network().train(
        X, LABELS, epochs=50, optimizer="lbfgs", report_every=1, callback=lambda *_: None, n_iter_no_change=1, tol=10.0
    )
    assert again.ended.how == "stopped"


class Counting:
    """An engine that notes the parameters at which a loss and gradient are computed."""

    def __init__(self, engine, points):
        self.engine, self.points = engine, points

    def loss_and_gradient(self, gradient, parameters, data):
        self.points.append(parameters.tobytes())
        return self.engine.loss_and_gradient(gradient, parameters, data)


@pytest.mark.parametrize("penalty", ["mean", "sum"])
@pytest.mark.parametrize("moves", [False, True])
def test_no_point_is_evaluated_twice_in_a_row(moves, penalty):
    """Neither the start nor the parameters that a callback sets, from which SciPy begins anew."""
    model, points = hidden_network(), []
    make = model.engine
    model.engine = lambda *args, **kwargs: Counting(make(*args, **kwargs), points)

    def move(epoch, loss):
        if moves and epoch == 3:
            model.parameters[:] *= 1.01

    model.train(X, LABELS, epochs=6, optimizer="lbfgs", l2=0.01, penalty=penalty, callback=move, report_every=1)
    assert len(points) > 6
    assert all(point != other for point, other in itertools.pairwise(points))


@pytest.mark.parametrize(("dtype", "scale"), [(np.float32, 1e18), (np.float64, 1e150)])
def test_a_step_that_is_not_finite_leaves_the_parameters_before_it(dtype, scale):
    network = MLP([4, 5, 1], activation="identity", loss="squared_error", dtype=dtype, seed=0)
    with pytest.warns(DivergenceWarning, match="the loss is not finite. The parameters are the last finite ones"):
        network.train(X * scale, LOGITS[:, 0], epochs=30, optimizer=LBFGS())
    assert np.isfinite(network.parameters).all()
