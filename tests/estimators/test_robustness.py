"""Fits that are interrupted, fail, meet another one, or go on with other arguments."""

import copy
import itertools
import os
import pickle
import threading
import warnings

import numpy as np
import pytest
from alarms import alarm, interrupt_training
from forks import forked
from pairs import X, outcome, pair, y

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.schedules import Constant

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SOLVERS = {
    "sgd": {"solver": "sgd"},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive"},
    "adam": {},
    "lbfgs": {"solver": "lbfgs", "tol": 0.0, "max_fun": 10**7, "hidden_layer_sizes": (60,)},
    "early stopping": {"early_stopping": True},
}


INTERRUPTED = r"^Training interrupted by user\.$"
NOISE = np.random.default_rng(0).normal(size=(8000, 20)), np.arange(8000) % 3  # nothing converges soon on them


def model(**options):
    return MLPClassifier(
        **{"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 8, "learning_rate_init": 0.02, **options}
    )


def assert_consistent(fitted, n_examples):
    """The lengths of curves and the counts are those of ``n_iter_`` epochs."""
    assert len(fitted.loss_curve_) == fitted.n_iter_
    if fitted.solver != "lbfgs":
        assert fitted.t_ == fitted.n_iter_ * n_examples
    if fitted.early_stopping:
        assert len(fitted.validation_scores_) == len(fitted.validation_loss_curve_) == fitted.n_iter_
    assert all(np.isfinite(array).all() for array in fitted.coefs_ + fitted.intercepts_)
    assert np.isfinite(fitted.predict_proba(NOISE[0])).all()


@pytest.mark.parametrize("after", [2, 4, 9])
@pytest.mark.parametrize("solver", SOLVERS)
def test_ctrl_c_leaves_a_usable_model(solver, after):
    ours = model(**{**SOLVERS[solver], "max_iter": 10**6, "n_iter_no_change": 10**6, "alpha": 0.0})
    with (
        pytest.warns(UserWarning, match=INTERRUPTED),
        alarm(interrupt_training(lambda: vars(ours).get("_network"), after), 0.002, 0.002),
    ):
        ours.fit(*NOISE)
    assert_consistent(ours, 7200 if ours.early_stopping else 8000)
    assert ours.set_params(max_iter=3, warm_start=True).fit(*NOISE).n_iter_ == 3
    assert np.isfinite(ours.loss_)


def test_ctrl_c_in_partial_fit_leaves_a_usable_model():
    ours = model(batch_size=1).fit(X, y)
    many = np.tile(X, (20_000, 1)), np.tile(y, 20_000)
    with (
        pytest.warns(UserWarning, match=INTERRUPTED),
        alarm(interrupt_training(lambda: vars(ours).get("_network"), 9), 0.002, 0.002),
    ):
        ours.partial_fit(*many)
    assert np.isfinite(ours.predict_proba(X)).all()
    assert ours.partial_fit(X, y).n_iter_ == 1


def test_ctrl_c_before_the_first_epoch_leaves_the_model_as_it_was():
    def initialization(layer_dims, seed):
        raise KeyboardInterrupt

    ours = model(initialization=initialization)
    with pytest.raises(KeyboardInterrupt):
        ours.fit(X, y)
    assert "n_iter_" not in vars(ours)


class Scoring:
    """A score that calls a function, and may fail, after some epochs."""

    def __init__(self, function, after):
        self.function, self.after, self.calls = function, after, 0

    def __call__(self, estimator, X, y):
        self.calls += 1
        if self.calls == self.after:
            self.function()
        return 0.0


def fails():
    raise ValueError("of a score")


def initialization_fails(layer_dims, seed):
    raise ValueError("of an initialization")


class FailingSchedule(Constant):
    def rates(self, steps):
        raise ValueError("of a schedule")


WRONG_X, WRONG_Y = np.where(X[3, 1] == X, np.nan, X), np.where(y == 2, 7, y)
FAULTS = {
    "NaN": ({}, (WRONG_X, y), "NaN"),
    "features": ({}, (X[:, :2], y), "features"),
    "lengths": ({}, (X, y[:-1]), "inconsistent numbers of samples"),
    "classes": ({}, (X, WRONG_Y), "classes"),
    "weights": ({}, (X, y, np.full(len(X), -1.0)), "at least 0"),
    "no weight": ({}, (X, y, np.zeros(len(X))), "zero|positive|0"),
    "validation data": ({}, (X, y, None, (X[:, :2], y)), "validation_data"),
    "widths": ({"hidden_layer_sizes": (0,)}, (X, y), "hidden_layer_sizes"),
    "layers": ({"hidden_layer_sizes": (3, 3)}, (X, y), "hidden_layer_sizes must have 1 entries"),
    "activation": ({"activation": "nonsense"}, (X, y), "activation"),
    "argument": ({"alpha": -1}, (X, y), "alpha"),
    "score": ({"scoring": Scoring(fails, 1)}, (X, y, None, (X, y)), "of a score"),
    "schedule": ({"learning_rate": FailingSchedule(0.1)}, (X, y), "of a schedule"),
}


def call(method, X, y, sample_weight=None, validation_data=None):
    return method(X, y, sample_weight, validation_data=validation_data)


NO_FAULTS = {("features", "fit"), ("classes", "fit"), ("layers", "fit"), ("argument", "partial_fit")}


@pytest.mark.parametrize(
    ("fault", "how"), sorted(set(itertools.product(FAULTS, ["fit", "warm start", "partial_fit"])) - NO_FAULTS)
)
def test_a_failed_fit_leaves_a_fitted_model_as_it_was(fault, how):
    options, given, text = copy.deepcopy(FAULTS[fault])
    ours = model(warm_start=how == "warm start", solver="sgd").fit(X, y)
    curve = list(ours.loss_curve_)
    before = {name: value for name, value in vars(ours).items() if name not in ours.get_params()}
    state = pickle.dumps(before)
    ours.set_params(**options)
    with pytest.raises(ValueError, match=text):
        call(ours.partial_fit if how == "partial_fit" else ours.fit, *given)
    after = {name: value for name, value in vars(ours).items() if name not in ours.get_params()}
    assert pickle.dumps(after) == state
    assert ours.loss_curve_ == curve


@pytest.mark.parametrize(
    ("solver", "how"),
    [
        *itertools.product(["sgd", "adam", "lbfgs"], ["fit", "warm start"]),
        ("sgd", "partial_fit"),
        ("adam", "partial_fit"),
    ],
)
def test_a_score_that_fails_after_some_epochs_leaves_the_model_as_it_was(solver, how):
    ours = model(solver=solver, warm_start=how == "warm start").fit(X, y)
    before = pickle.dumps(ours)
    ours.set_params(scoring=Scoring(fails, 1 if how == "partial_fit" else 4))
    with pytest.raises(ValueError, match="of a score"):
        call(ours.partial_fit if how == "partial_fit" else ours.fit, X, y, None, (X, y))
    assert pickle.dumps(ours.set_params(scoring=None)) == before


def test_a_second_fit_in_another_thread_is_refused_and_the_first_goes_on():
    held_out, answers = (X[::2], y[::2]), []

    def meanwhile():
        def second():
            answers.extend(outcome(function, X, y)[0] for function in (ours.fit, ours.partial_fit))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    ours = model(scoring=Scoring(meanwhile, 3))
    ours.fit(X, y, validation_data=held_out)
    assert [kind for kind, _ in answers] == [RuntimeError] * 2
    assert [text.split(",")[0] for _, text in answers] == [
        "fit was called while this MLPClassifier is being fitted",
        "partial_fit was called while this MLPClassifier is being fitted",
    ]
    np.testing.assert_array_equal(ours.loss_curve_, model().fit(X, y).loss_curve_)
    assert ours.set_params(scoring=None).fit(X, y).n_iter_ == 8


def test_a_fit_within_its_own_score_is_refused():
    ours = model()
    ours.set_params(scoring=Scoring(lambda: ours.fit(X, y), 2))
    with pytest.raises(RuntimeError, match="is being fitted"):
        ours.fit(X, y, validation_data=(X, y))
    assert "n_iter_" not in vars(ours)


def test_threads_predict_and_fit_models_of_their_own_at_once():
    ours, found = model(max_iter=30).fit(X, y), {}
    expected = ours.predict_proba(X)

    def work(number):
        found[number] = [ours.predict_proba(X), model(random_state=number, max_iter=30).fit(X, y).predict_proba(X)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # threads share the filters
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number, (predicted, fitted) in found.items():
        np.testing.assert_array_equal(predicted, expected)
        np.testing.assert_array_equal(fitted, model(random_state=number, max_iter=30).fit(X, y).predict_proba(X))
    assert len(found) == 6


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork beside threads
def test_a_forked_child_predicts_and_fits():
    ours = model(n_threads=2, max_iter=3).fit(X, y)
    expected = ours.predict_proba(X), model(n_threads=2, max_iter=3, random_state=1).fit(X, y).predict_proba(X)
    child = os.fork()
    if not child:
        code = 1
        try:
            again = model(n_threads=2, max_iter=3, random_state=1).fit(X, y).predict_proba(X)
            code = int(not (np.array_equal(ours.predict_proba(X), expected[0]) and np.array_equal(again, expected[1])))
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork beside threads
def test_a_child_forked_while_another_thread_fits_the_model_fits_it_anew():
    in_score, may_go = threading.Event(), threading.Event()

    def wait():
        in_score.set()
        assert may_go.wait(60)

    ours = model(scoring=Scoring(wait, 3))
    thread = threading.Thread(target=ours.fit, args=(X, y), kwargs={"validation_data": (X, y)})
    thread.start()
    assert in_score.wait(60)

    def refit():
        again = ours.set_params(scoring=None).fit(X, y)
        return str(np.array_equal(again.predict_proba(X), model().fit(X, y).predict_proba(X)))

    assert forked(refit) == "True"
    may_go.set()
    thread.join()
    assert ours.n_iter_ == 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork beside threads
def test_a_child_forked_in_a_fit_refuses_another_one_within_it():
    ours = model()
    answers = []

    def fork_and_fit():
        answers.append(forked(lambda: str(outcome(ours.fit, X, y)[0])))

    ours.set_params(scoring=Scoring(fork_and_fit, 2)).fit(X, y, validation_data=(X, y))
    assert "is being fitted" in answers[0]


def test_a_model_is_neither_exported_nor_changed_while_another_thread_fits_it(tmp_path):
    answers = []

    def export():
        for name, call in {
            "to_c": lambda: ours.to_c(tmp_path / "net.c"),
            "to_onnx": lambda: ours.to_onnx(tmp_path / "net.onnx"),
            "to_sklearn": lambda: ours.to_sklearn(),
            "assigning coefs_": lambda: setattr(ours, "coefs_", ours.coefs_),
        }.items():
            answers.append((name, outcome(call)[0]))

    def meanwhile():
        thread = threading.Thread(target=export)
        thread.start()
        thread.join()

    ours = model(scoring=Scoring(meanwhile, 3))
    ours.fit(X, y, validation_data=(X, y))
    assert len(answers) == 4
    for name, answer in answers:
        assert answer == (RuntimeError, f"{name} while this model is training is for its callback alone")
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_diverges_names_the_rate_as_the_estimator_does():
    with pytest.raises(ValueError, match=r"Try a learning_rate_init below 1e\+300 or clip_norm, "):
        model(learning_rate_init=1e300).fit(X, y)
    with pytest.raises(ValueError, match=r"Try a learning_rate below 1e\+300 or clip_norm, "):
        model(learning_rate=Constant(1e300)).fit(X, y)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("alpha", 1e-42, "^alpha must be from 1.18e-38 to "),
        ("learning_rate_init", 1e-42, "^learning_rate_init must be from 1.18e-38 to "),
        ("hidden_layer_sizes", (2.5,), r"^hidden_layer_sizes must hold integers, got \[2.5\]$"),
        ("hidden_layer_sizes", (True,), r"^hidden_layer_sizes must hold integers, got \[True\]$"),
        ("hidden_layer_sizes", (2, 10**30), "^hidden_layer_sizes must be at most 268435456 each, got 1000"),
        ("hidden_layer_sizes", {"a": 1}, r"^hidden_layer_sizes must hold integers, got \['a'\]$"),
        ("hidden_layer_sizes", [[3]], r"^hidden_layer_sizes must hold integers, got \[\[3\]\]$"),
    ],
)
def test_wrong_arguments_are_refused_by_the_estimators_name(name, value, message):
    with pytest.raises((TypeError, ValueError), match=message):
        model(**{name: value}).fit(X.astype(np.float32), y)


WIDE, NARROW = (9,), (3,)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize(
    "change", [{"hidden_layer_sizes": WIDE}, {"hidden_layer_sizes": NARROW}, {"activation": "tanh"}, {"alpha": 1.0},
               {"learning_rate_init": 0.1}, {"batch_size": 30}, {"max_iter": 3}, {"momentum": 0.0}, {"tol": 1.0}]
)  # fmt: skip
def test_arguments_changed_between_warm_starts_act_as_in_scikit_learn(change, solver):
    curves = []
    for one in pair("MLPClassifier", solver=solver, warm_start=True):
        one.fit(X, y)
        one.set_params(**change).fit(X, y)
        curves.append(one.loss_curve_)
    np.testing.assert_allclose(*curves, rtol=1e-7)


def test_the_loss_may_change_between_warm_starts():
    ours = MLPRegressor(max_iter=5, warm_start=True, random_state=0).fit(X, 1.0 + y)
    before = [array.copy() for array in ours.coefs_]
    ours.set_params(loss="poisson", max_iter=1, learning_rate_init=1e-12).fit(X, 1.0 + y)
    assert ours.out_activation_ == "exp"
    assert (ours.predict(X) > 0).all()
    np.testing.assert_allclose(ours.coefs_[0], before[0], atol=1e-9)
