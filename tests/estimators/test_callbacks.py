"""scikit-learn's callback protocol: which hooks are called when, what they are given, and what they may do."""

import pickle
import warnings

import numpy as np
import pytest
from alarms import alarm, interrupt_training
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import scale

from fastmlp import MLPClassifier, MLPRegressor
from fastmlp.estimators.compatibility import HAS_CALLBACKS

pytestmark = [
    pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn has callbacks from 1.9 on"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, y = scale(load_iris().data), load_iris().target
ENDS = {
    "all epochs": {"max_iter": 6},
    "lbfgs, all steps": {"solver": "lbfgs", "max_iter": 6},
    "lbfgs, converged": {"solver": "lbfgs", "tol": 0.1},
    "rule": {"solver": "sgd", "tol": 1.0, "n_iter_no_change": 2},
    "rule, lowered rates": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "learning_rate_init": 0.03},
    "one batch": {"batch_size": len(X), "max_iter": 6},
}


class Recorder:
    """Notes all hooks; the number of epochs is that of the fitted estimator."""

    def __init__(self, stops_after=None):
        self.hooks, self.fitted, self.stops_after = [], [], stops_after

    def setup(self, estimator, context):
        self.hooks.append("setup")

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        self.hooks.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.hooks.append(f"end {context.task_name} {context.task_id}")
        if fitted_estimator is not None:
            self.fitted.append(fitted_estimator)
        self.given = X, y, metadata
        return context.task_name == "epoch" and context.task_id + 1 == self.stops_after

    def teardown(self, estimator, context):
        self.hooks.append("teardown")


class Failing(Recorder):
    """Raises at one hook."""

    def __init__(self, hook, error=ValueError):
        super().__init__()
        self.hook, self.error = hook, error

    def note(self):
        if self.hooks[-1] == self.hook:
            raise self.error("of a callback")

    def setup(self, estimator, context):
        super().setup(estimator, context)
        self.note()

    def on_fit_task_begin(self, estimator, context):
        super().on_fit_task_begin(estimator, context)
        self.note()

    def on_fit_task_end(self, estimator, context):
        super().on_fit_task_end(estimator, context)
        self.note()

    def teardown(self, estimator, context):
        super().teardown(estimator, context)
        self.note()


def expected_hooks(n_epochs, has_empty_epoch):
    epochs = [f"{what} epoch {i}" for i in range(n_epochs + has_empty_epoch) for what in ("begin", "end")]
    return ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]


def model(**options):
    batches = {} if options.get("solver") == "lbfgs" else {"batch_size": 40}
    return MLPClassifier(**{"hidden_layer_sizes": (6,), "random_state": 1, **batches, **options})


def assert_same_state(one, other):
    for name in ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"):
        np.testing.assert_equal(getattr(one, name, None), getattr(other, name, None))
    for array, expected in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("end", ENDS)
def test_every_task_that_begins_ends_and_results_are_the_same(end):
    recorder = Recorder()
    ours = model(**ENDS[end]).set_callbacks(recorder).fit(X, y)
    assert_same_state(ours, model(**ENDS[end]).fit(X, y))
    assert ours.n_iter_ > 1
    assert recorder.hooks == expected_hooks(ours.n_iter_, has_empty_epoch=ours.n_iter_ < ours.max_iter)
    assert not {"_callback_fit_ctx", "_skl_callbacks_to_teardown"} & set(vars(ours))


@pytest.mark.parametrize("end", ENDS)
def test_fitted_estimators_are_those_of_so_many_epochs(end):
    recorder = Recorder()
    weights = np.linspace(0, 1, len(X))
    ours = model(**ENDS[end]).set_callbacks(recorder).fit(X, y, weights)
    assert len(recorder.fitted) == ours.n_iter_ + 1  # the last is that of the whole fit
    for n_epochs, fitted in enumerate(recorder.fitted[:-1], start=1):
        expected = model(**ENDS[end] | {"max_iter": n_epochs}).fit(X, y, weights)
        assert_same_state(fitted, expected)
        np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    assert_same_state(recorder.fitted[-1], ours)
    assert recorder.given[0] is X
    assert recorder.given[1] is y
    assert recorder.given[2]["sample_weight"] is weights


def test_a_fitted_estimator_is_independent_of_the_training_that_goes_on():
    recorder = Recorder()
    ours = model(max_iter=5).set_callbacks(recorder).fit(X, y)
    first, *_, last = recorder.fitted
    before = last.predict_proba(X)
    ours.partial_fit(X, y)
    np.testing.assert_array_equal(last.predict_proba(X), before)
    assert first.set_callbacks().partial_fit(X, y).t_ == 2 * len(X)
    assert ours.t_ == 6 * len(X)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_a_true_answer_ends_the_training(solver):
    recorder = Recorder(stops_after=3)
    ours = model(solver=solver).set_callbacks(recorder)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        ours.fit(X, y)
    assert_same_state(ours, model(solver=solver, max_iter=3).fit(X, y))
    assert recorder.hooks == expected_hooks(3, has_empty_epoch=False)


def test_warm_starts_and_partial_fits_have_tasks_of_their_own():
    recorder = Recorder()
    ours = model(max_iter=2, warm_start=True).set_callbacks(recorder).fit(X, y).fit(X, y)
    assert recorder.hooks == 2 * expected_hooks(2, has_empty_epoch=False)
    recorder.hooks.clear()
    ours.partial_fit(X, y)
    assert recorder.hooks == expected_hooks(1, has_empty_epoch=False)
    assert_same_state(recorder.fitted[-2], ours)
    plain = model(max_iter=2, warm_start=True).fit(X, y).fit(X, y).partial_fit(X, y)
    assert_same_state(ours, plain)


def test_tasks_end_where_the_training_diverges():
    recorder = Recorder()
    ours = MLPRegressor(solver="sgd", learning_rate_init=1e5, random_state=0).set_callbacks(recorder)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        ours.fit(X, 1e3 * X[:, 0])
    assert recorder.hooks == expected_hooks(ours.n_iter_ - 1, has_empty_epoch=True)
    assert len(ours.loss_curve_) == ours.n_iter_
    assert np.isnan(ours.loss_curve_[-1])
    assert all(np.isfinite(array).all() for array in ours.coefs_ + ours.intercepts_)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize("hook", ["end epoch 3", "begin epoch 4"])
def test_ctrl_c_in_a_callback_ends_the_training(hook, solver):
    failing = Failing(hook, KeyboardInterrupt)
    ours = model(solver=solver, tol=0).set_callbacks(failing)
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        ours.fit(X, y)
    assert_same_state(ours, model(solver=solver, tol=0, max_iter=4).fit(X, y))
    assert failing.hooks[-2:] == ["end fit 0", "teardown"]


def test_tasks_end_where_a_signal_ends_the_training():
    recorder = Recorder()
    ours = model(max_iter=10**6, n_iter_no_change=10**6).set_callbacks(recorder)
    with (
        pytest.warns(UserWarning, match=r"Training interrupted by user\."),
        alarm(interrupt_training(lambda: vars(ours).get("_network"), 40), 0.002, 0.002),
    ):
        ours.fit(X, y)
    begun, ended = ([hook for hook in recorder.hooks if hook.startswith(what)] for what in ("begin", "end"))
    assert len(ended) in (len(begun), len(begun) - 1)  # Ctrl-C may come within a hook
    assert recorder.hooks[-2:] == ["end fit 0", "teardown"]
    assert ours.n_iter_ == len(ours.loss_curve_) > 0


HOOKS = ["setup", "begin fit 0", "begin epoch 0", "end epoch 0", "begin epoch 2", "end epoch 2", "end fit 0"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("error", [ValueError, StopIteration])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_an_error_in_a_callback_leaves_an_estimator_that_is_not_fitted(solver, error, hook):
    failing = Failing(hook, error)
    ours = model(solver=solver, max_iter=3, tol=0).set_callbacks(failing)
    before = set(vars(ours))
    with pytest.raises(error, match="of a callback"):
        ours.fit(X, y)
    assert failing.hooks[-1] == "teardown"
    assert set(vars(ours)) == before
    with pytest.raises(NotFittedError):
        ours.predict(X)
    assert_same_state(ours.set_callbacks().fit(X, y), model(solver=solver, max_iter=3, tol=0).fit(X, y))


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("how", ["fit", "warm start", "partial_fit"])
@pytest.mark.parametrize("rule", ["constant", "adaptive"])
def test_an_error_in_a_callback_leaves_a_fitted_estimator_as_it_was(rule, how, hook):
    if how == "partial_fit" and hook.endswith("epoch 2"):
        hook = "end epoch 0"
    options = {"max_iter": 3, "warm_start": how == "warm start", "solver": "sgd", "learning_rate": rule}
    ours = model(**options).fit(X, y)
    before = pickle.dumps(ours)
    ours.set_callbacks(Failing(hook))
    with pytest.raises(ValueError, match="of a callback"):
        (ours.partial_fit if how == "partial_fit" else ours.fit)(X[::2], y[::2])
    ours.set_callbacks()
    assert_same_state(ours, pickle.loads(before))
    assert pickle.dumps(ours) == before
    after = pickle.loads(before).partial_fit(X, y).partial_fit(X, y)
    assert_same_state(ours.partial_fit(X, y).partial_fit(X, y), after)


def test_an_error_at_the_very_end_leaves_the_fitted_estimator():
    ours = model(max_iter=3).set_callbacks(Failing("teardown"))
    with pytest.raises(ValueError, match="of a callback"):
        ours.fit(X, y)
    assert_same_state(ours, model(max_iter=3).fit(X, y))


def test_all_callbacks_are_called_and_clones_share_them():
    one, other = Recorder(), Recorder(stops_after=2)
    ours = model().set_callbacks(one, other).fit(X, y)
    assert one.hooks == other.hooks
    assert ours.n_iter_ == 2
    clone(ours).fit(X, y)
    assert one.hooks == other.hooks == 2 * expected_hooks(2, has_empty_epoch=False)
