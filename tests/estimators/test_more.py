"""What the estimators have beyond scikit-learn's: each option does what it says, and none of them by default."""

import inspect
import itertools
import warnings

import joblib
import numpy as np
import onnxruntime
import pytest
from matplotlib.figure import Figure
from pairs import is_since
from sklearn import neural_network
from sklearn.datasets import load_diabetes, load_iris, load_wine, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score, get_scorer, log_loss
from sklearn.preprocessing import scale
from sklearn.utils._param_validation import InvalidParameterError

from fastmlp import LBFGS, MLP, Adam, AdamW, Cosine, Huber, MLPClassifier, MLPRegressor, Quantile, StepDecay
from fastmlp.engine import threads
from fastmlp.estimators.scales import UnscaledFeaturesWarning

X, Y = load_iris(return_X_y=True)
X = scale(X)
VALUES = X[:, 0] - X[:, 2] ** 2
SMALL = {"hidden_layer_sizes": (6, 4), "random_state": 0, "max_iter": 20, "learning_rate_init": 0.01}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(**options):
    return MLPClassifier(**{**SMALL, **options})


def regressor(**options):
    return MLPRegressor(**{**SMALL, **options})


def coefs_of(model):
    return np.concatenate([array.ravel() for array in model.coefs_ + model.intercepts_])


@pytest.mark.parametrize("ours", [MLPClassifier, MLPRegressor])
def test_every_argument_and_default_of_scikit_learn_is_there_in_its_place(ours):
    mine = inspect.signature(ours).parameters
    theirs = inspect.signature(getattr(neural_network, ours.__name__)).parameters
    if ours is MLPRegressor and not is_since("1.7"):
        pytest.skip("scikit-learn's regressor takes a loss from 1.7 on")
    assert [(p.name, p.kind, p.default) for p in list(mine.values())[: len(theirs)]] == [
        (p.name, p.kind, p.default) for p in theirs.values()
    ]


OPTIONS = {
    "initialization": "he",
    "l1": 0.5,
    "dropout": 0.3,
    "clip_value": 1e-3,
    "clip_norm": 1e-3,
    "solver": AdamW(weight_decay=0.5),
    "learning_rate": Cosine(0.02, epochs=20),
    "activation": ["gelu", "tanh"],
}


@pytest.mark.parametrize("make", [classifier, regressor])
@pytest.mark.parametrize(("name", "value"), OPTIONS.items(), ids=OPTIONS)
def test_an_option_is_that_of_the_training(make, name, value):
    """The same network trained through MLP, from the estimator's initial parameters."""
    y = Y if make is classifier else VALUES
    model = make(**{"batch_size": 150, name: value}).fit(X, y)
    start = make(**{"batch_size": 150, name: value, "max_iter": 1, "learning_rate_init": 1e-30}).fit(X, y)
    if name == "learning_rate":  # which has a rate of its own
        start = make(batch_size=150, max_iter=1, learning_rate_init=1e-30).fit(X, y)
    network = MLP(
        [4, 6, 4, 3 if make is classifier else 1], activation=OPTIONS["activation"] if name == "activation" else "relu",
        loss="multinomial_log_loss" if make is classifier else "squared_error",
    )  # fmt: skip
    for W, b, coef, intercept in zip(network.weights, network.biases, start.coefs_, start.intercepts_, strict=True):
        W[:], b[:] = coef.T, intercept
    arguments = {"l1": "l1", "clip_value": "clip_value", "clip_norm": "clip_norm"}
    options = {arguments[name]: value} if name in arguments else {}
    if name == "dropout":
        rng = np.random.RandomState(0)
        for fan_in, fan_out in [(4, 6), (6, 4), (4, network.plan.layer_dims[-1])]:
            rng.uniform(size=(fan_in + 1) * fan_out)
        options = {"dropout": value, "seed": int(rng.randint(2**31 - 1))}
    solver = value if name == "solver" else model.solver
    rate = value if name == "learning_rate" else 0.01
    solver = Adam(epsilon_hat=True) if solver == "adam" else solver
    options = {"optimizer": solver, "learning_rate": rate, "l2": 1e-4, "penalty": "sum", "shuffle": False, **options}
    network.train(X, y, epochs=20, **options)
    np.testing.assert_allclose(
        np.concatenate([W.T.ravel() for W in network.weights]),
        np.concatenate([coef.ravel() for coef in model.coefs_]),
        atol=1e-12,
    )
    assert not np.allclose(coefs_of(model), coefs_of(make(batch_size=150).fit(X, y)), atol=1e-6)


@pytest.mark.parametrize("solver", ["adamw", "rmsprop"])
def test_further_solvers_by_name(solver):
    assert classifier(solver=solver, max_iter=400, learning_rate_init=0.02).fit(X, Y).score(X, Y) > 0.9


@pytest.mark.parametrize(
    "loss", ["absolute_error", "huber", "quantile", Huber(delta=0.1), Quantile(0.9)], ids=lambda loss: str(loss)
)
def test_further_losses_of_the_regressor(loss):
    model = regressor(loss=loss, max_iter=300, solver="adam", tol=0).fit(X, VALUES)
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]
    if loss == Quantile(0.9):
        assert 0.8 < np.mean(model.predict(X) >= VALUES) < 1


def test_label_smoothing_keeps_probabilities_from_the_ends():
    options = {"max_iter": 2000, "tol": 0, "solver": "lbfgs"}
    plain, smoothed = (classifier(label_smoothing=s, **options).fit(X, Y).predict_proba(X).max() for s in (0.0, 0.3))
    assert smoothed < 0.85 < plain


def test_class_weight_is_a_weight_of_the_examples():
    weights = {0: 1.0, 1: 5.0, 2: 0.5}
    expected = classifier().fit(X, Y, np.array([weights[label] for label in Y]))
    np.testing.assert_array_equal(coefs_of(classifier(class_weight=weights).fit(X, Y)), coefs_of(expected))
    few = np.concatenate([np.arange(50), np.arange(50, 58), np.arange(100, 150)])
    balanced = classifier(class_weight="balanced").fit(X[few], Y[few])
    n = np.bincount(Y[few])
    expected = classifier().fit(X[few], Y[few], (len(few) / (3 * n))[Y[few]])
    np.testing.assert_array_equal(coefs_of(balanced), coefs_of(expected))
    both = classifier(class_weight=weights).fit(X, Y, np.full(150, 2.0))
    np.testing.assert_allclose(both.loss_, classifier(class_weight=weights, alpha=5e-5).fit(X, Y).loss_, rtol=1e-9)


def test_an_initialization_of_one_s_own_is_called_with_the_random_state():
    seen = []

    def initialization(layer_dims, seed):
        seen.append((layer_dims, type(seed).__name__))
        return [np.full((o, i), 0.1) for i, o in itertools.pairwise(layer_dims)]

    classifier(initialization=initialization).fit(X, Y)
    assert seen == [([4, 6, 4, 3], "RandomState")]


def test_an_unknown_activation_is_scikit_learn_s_error():
    with pytest.raises(InvalidParameterError, match="The 'activation' parameter of MLPRegressor must be a str among"):
        regressor(activation="swish").fit(X, VALUES)


# ---- examples held out


@pytest.mark.parametrize("make", [classifier, regressor])
def test_validation_data_are_watched_without_changing_the_fit(make):
    y = Y if make is classifier else VALUES
    model = make().fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    plain = make().fit(X[::2], y[::2])
    np.testing.assert_array_equal(coefs_of(model), coefs_of(plain))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[1::2], y[1::2]), rel=1e-12)
    if make is classifier:
        expected = log_loss(Y[1::2], model.predict_proba(X[1::2]))
        assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-12)
    assert plain.validation_scores_ is plain.validation_loss_curve_ is None


@pytest.mark.parametrize("scoring", [None, "loss", "f1_macro", "neg_log_loss"])
def test_the_best_score_stops_a_fit_and_brings_its_parameters_back(scoring):
    options = {"early_stopping": True, "max_iter": 300, "n_iter_no_change": 5, "scoring": scoring, "tol": 0.0}
    model = classifier(**options, learning_rate_init=0.05).fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    assert model.n_iter_ < 300
    scores = model.validation_scores_
    assert model.best_validation_score_ == max(scores)
    proba = model.predict_proba(X[1::2])
    found = {
        None: model.score(X[1::2], Y[1::2]),
        "loss": -log_loss(Y[1::2], proba),
        "neg_log_loss": -log_loss(Y[1::2], proba),
        "f1_macro": f1_score(Y[1::2], model.predict(X[1::2]), average="macro"),
    }[scoring]
    assert found == pytest.approx(max(scores), rel=1e-12)


def test_a_scorer_function_of_one_s_own():
    calls = []

    def scorer(estimator, X, y):
        calls.append(estimator.predict(X).shape)
        return -float(len(calls))

    model = classifier(early_stopping=True, scoring=scorer, n_iter_no_change=3, max_iter=50).fit(X, Y)
    assert model.n_iter_ == 5 == len(calls)
    assert model.best_validation_score_ == -1.0


def test_validation_data_have_weights_and_errors_of_their_own():
    model = classifier(max_iter=1).fit(X, Y, validation_data=(X, Y, (Y == 0).astype(float)))
    assert model.validation_scores_[0] == pytest.approx(model.score(X[:50], Y[:50]))
    for given, message in [
        ((X,), "validation_data must be a tuple"),
        (X, "validation_data must be a tuple .* got ndarray"),
        ((X[:, :2], Y), "validation_data: X has 2 features, but MLPClassifier is expecting 4 features as input"),
        ((X, Y + 1), "validation_data: `y` has classes not in `self.classes_`"),
        ((X, Y[:3]), "validation_data: .*inconsistent numbers of samples"),
        ((X[:1], Y[:1]), "validation_data: early stopping needs at least 2 examples to score, got 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            classifier(early_stopping=True).fit(X, Y, validation_data=given)


def test_partial_fit_keeps_the_best_of_its_calls():
    model = classifier(early_stopping=True, n_iter_no_change=3, tol=0.0, learning_rate_init=0.02)
    for _ in range(60):
        model.partial_fit(X[::2], Y[::2], classes=[0, 1, 2], validation_data=(X[1::2], Y[1::2]))
    assert len(model.validation_scores_) == 60
    assert model.score(X[1::2], Y[1::2]) == pytest.approx(max(model.validation_scores_))
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        model.partial_fit(X, Y)


def test_several_labels_for_each_example_in_partial_fit():
    X, y = make_multilabel_classification(100, 6, n_classes=4, random_state=1)
    model = classifier(learning_rate_init=0.05)
    for _ in range(100):
        model.partial_fit(X, y, classes=np.arange(4))
    assert model.predict(X).shape == (100, 4)
    assert model.score(X, y) > 0.45  # of all 4 labels right; 0.2 for the most frequent set


# ---- fits that go on


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("batch_size", [16, 150])
def test_a_warm_start_can_go_on_with_the_optimizer(solver, batch_size):
    options = {"solver": solver, "batch_size": batch_size, "shuffle": False, "tol": 0.0}
    whole = classifier(max_iter=12, **options).fit(X, Y)
    model = classifier(max_iter=6, warm_start=True, resume_optimizer=True, **options)
    model.fit(X, Y).fit(X, Y)
    np.testing.assert_array_equal(coefs_of(model), coefs_of(whole))
    assert model.loss_curve_ == whole.loss_curve_
    forgetful = classifier(max_iter=6, warm_start=True, **options)
    assert not np.allclose(coefs_of(forgetful.fit(X, Y).fit(X, Y)), coefs_of(whole), atol=1e-9)


# ---- targets and inputs


def test_scaled_targets_are_scaled_back():
    X, y = load_diabetes(return_X_y=True)
    plain = MLPRegressor(random_state=0).fit(X, y)
    scaled = MLPRegressor(random_state=0, target_scaling="standard").fit(X, y)
    assert plain.score(X, y) < 0 < 0.4 < scaled.score(X, y)
    assert scaled.target_mean_ == pytest.approx(y.mean())
    assert scaled.target_scale_ == pytest.approx(y.std())
    by_hand = MLPRegressor(random_state=0).fit(X, (y - y.mean()) / y.std())
    np.testing.assert_allclose(scaled.predict(X), by_hand.predict(X) * y.std() + y.mean(), rtol=1e-12)
    assert scaled.set_params(target_scaling=None).predict(X[:1]) == pytest.approx(scaled.predict(X)[:1])
    assert "target_scale_" not in vars(scaled.fit(X, y))


@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_absolute_error"])
def test_scaled_targets_of_several_outputs_are_scored_unscaled(scoring):
    y = np.column_stack([VALUES, 1e6 + 1e3 * X[:, 1], np.full(150, 3.0)]).astype(np.float32)
    model = regressor(target_scaling="standard", early_stopping=True, scoring=scoring, max_iter=3)
    with warnings.catch_warnings(action="ignore"):
        model.fit(X.astype(np.float32), y, validation_data=(X, y))
    assert model.predict(X).dtype == np.float32
    assert model.predict(X)[:, 1].mean() == pytest.approx(1e6, rel=1e-2)
    assert model.best_validation_score_ == pytest.approx(get_scorer(scoring or "r2")(model, X, y), rel=1e-3)


def test_exports_of_scaled_targets_predict_in_the_units_of_y(tmp_path):
    y = np.column_stack([1e3 + VALUES, 5 * X[:, 1]])
    model = regressor(target_scaling="standard", solver="lbfgs", max_iter=50).fit(X, y)
    expected = model.predict(X)
    np.testing.assert_allclose([model.predict_one(x) for x in X], expected, rtol=1e-12)
    with pytest.warns(UserWarning, match="scikit-learn would train on without target_scaling"):
        theirs = model.to_sklearn()
    np.testing.assert_allclose(theirs.predict(X), expected, rtol=1e-9)
    model.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(MLPRegressor.load(tmp_path / "model.npz").predict(X), expected)
    model.to_onnx(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    np.testing.assert_allclose(session.run(None, {"inputs": X})[0], expected, rtol=1e-9)


def test_counts_cannot_be_scaled():
    with pytest.raises(ValueError, match="target_scaling must be None with the loss poisson, got 'standard'"):
        regressor(loss="poisson", target_scaling="standard").fit(X, np.abs(VALUES))


def test_inputs_of_very_different_scales_are_said():
    X, y = load_wine(return_X_y=True, as_frame=True)
    message = (
        r"factor of 2.5e\+03: 1.68e\+03 in column proline, 0.66 in column nonflav.*StandardScaler\(\), MLPClassifier"
    )
    with pytest.warns(UnscaledFeaturesWarning, match=message):
        MLPClassifier(max_iter=2).fit(X, y)
    with warnings.catch_warnings(action="error", category=UnscaledFeaturesWarning):
        MLPClassifier(max_iter=2).fit(scale(X), y)
        MLPClassifier(max_iter=2).fit(np.eye(3) * [0, 1, 500], [0, 1, 0])


def test_a_ratio_of_scales_that_overflows_is_said_without_a_warning_of_numpy():
    with warnings.catch_warnings(record=True, action="always") as caught:
        classifier(max_iter=1).fit(np.tile([1e20, 1e-320], (4, 1)), [0, 1, 0, 1])
    assert {warning.category for warning in caught} == {UnscaledFeaturesWarning, ConvergenceWarning}
    assert "differ by a factor of inf" in " ".join(str(warning.message) for warning in caught)


def test_minibatches_of_lbfgs_are_refused_with_the_reason():
    with pytest.warns(UserWarning, match="batch_size=10 is not used by lbfgs, .* its line search"):
        model = classifier(solver="lbfgs", batch_size=10).fit(X, Y)
    expected = classifier(solver=LBFGS(tol=1e-4, ftol=2.220446049250313e-09)).fit(X, Y)
    np.testing.assert_array_equal(coefs_of(model), coefs_of(expected))
    assert not hasattr(model, "partial_fit")


def test_a_worker_of_a_search_uses_its_share_of_the_processors(monkeypatch):
    """joblib tells each worker process how many threads it may have."""
    for name in ("OMP_NUM_THREADS", "FASTMLP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with joblib.parallel_config(backend="loky", n_jobs=2):
        found = joblib.Parallel()(joblib.delayed(threads.choose)(None, 1e12) for _ in range(2))
    assert found == [max(1, joblib.cpu_count() // 2)] * 2


# ---- what is seen of a fit


def test_epochs_without_examples_held_out_have_no_score():
    model = classifier()
    for validation in (None, (X, Y), None, (X, Y)):
        model.partial_fit(X, Y, classes=[0, 1, 2], validation_data=validation)
    assert len(model.loss_curve_) == len(model.validation_scores_) == len(model.validation_loss_curve_) == 4
    assert np.isnan(model.validation_scores_).tolist() == np.isnan(model.validation_loss_curve_).tolist()
    assert np.isnan(model.validation_scores_).tolist() == [True, False, True, False]
    assert model.best_validation_score_ == np.nanmax(model.validation_scores_)


def test_the_losses_are_drawn_on_a_given_axis():
    figure = Figure()
    ax = figure.subplots()
    model = classifier().fit(X[::2], Y[::2], validation_data=(X[1::2], Y[1::2]))
    display = model.loss_curve_display(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    for line, values in zip(
        display.lines_, (model.loss_curve_, model.validation_loss_curve_, model.validation_scores_), strict=True
    ):
        assert line.get_ydata().tolist() == values
        assert line.get_xdata().tolist() == list(range(1, model.n_iter_ + 1))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [line.get_label() for line in display.lines_]
    plain = classifier(solver="lbfgs").fit(X, Y)
    assert len(plain.loss_curve_display(ax=figure.subplots()).lines_) == 1
    assert len(plain.loss_curve_) == plain.n_iter_
    assert plain.loss_curve_[-1] == plain.loss_


def test_a_progress_bar_tells_loss_and_score(capsys):
    classifier(verbose="bar", early_stopping=True, max_iter=4).fit(X, Y)
    out, err = capsys.readouterr()
    assert not out
    assert "4/4" in err
    assert "loss=" in err
    assert "score=" in err


def test_without_convergence_scikit_learn_s_warning_comes():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        classifier(max_iter=2).fit(X, Y)


@pytest.mark.parametrize("change", [{"hidden_layer_sizes": (5,)}, {"random_state": 1}, {"warm_start": True}])
def test_partial_fit_puts_back_no_parameters_from_before_a_fit(change):
    falling = itertools.count()
    model = classifier(early_stopping=True, n_iter_no_change=1, scoring=lambda *given: -next(falling))
    for _ in range(4):
        model.partial_fit(X, Y, classes=[0, 1, 2], validation_data=(X, Y))
    model.set_params(**change).fit(X, Y, validation_data=(X, Y))
    best = coefs_of(model)
    for _ in range(4):
        model.partial_fit(X, Y, validation_data=(X, Y))
    np.testing.assert_array_equal(coefs_of(model), best)


@pytest.mark.parametrize("given", [{}, {"validation_data": (X, Y)}])
def test_an_unknown_score_is_named_alone(given):
    with pytest.raises(ValueError, match=r"^'no score' is not a valid scoring value"):
        classifier(early_stopping=True, scoring="no score").fit(X, Y, **given)


def test_a_score_that_is_no_number_names_scoring():
    with pytest.raises(
        ValueError, match=r"^what scoring returns must be a number; reading the NoneType raised TypeError"
    ):
        classifier(early_stopping=True, scoring=lambda *given: None).fit(X, Y)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_lbfgs_records_its_losses_and_no_scores_that_nothing_measured(early_stopping):
    model = classifier(solver="lbfgs", early_stopping=early_stopping).fit(X, Y)
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.validation_scores_ is model.validation_loss_curve_ is model.best_validation_score_ is None
    model.fit(X, Y, validation_data=(X[::2], Y[::2]))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_a_schedule_of_the_library_replaces_the_rate():
    model = classifier(learning_rate=StepDecay(0.01, every=5)).fit(X, Y)
    assert model.loss_curve_[:5] == pytest.approx(classifier().fit(X, Y).loss_curve_[:5], rel=1e-12)
