"""The study: its published figures, and the words it has for what it sees."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from studies import X, Y, run_of

from fastmlp import MLP
from fastmlp.datasets import circles
from fastmlp.lab import Measurements, run_study
from fastmlp.lab.measurements import predictions

FIGURES = json.loads((Path(__file__).parents[1] / "figures" / "seed_study.json").read_text())["runs"]


def test_the_study_finds_the_published_figures(runs):
    assert [run.initialization for run in runs] == ["zeros", "random", "he"]
    for run in runs:
        published = FIGURES[run.initialization]
        assert run.history.epochs.tolist() == list(range(0, 15000, 1000))
        assert (run.train_accuracy, run.test_accuracy) == (published["train_accuracy"], published["test_accuracy"])
        np.testing.assert_allclose(run.history.losses[1:], published["costs"][1:], rtol=0.02)
        assert not run.diverged
        assert run.seconds > 0


def test_the_study_names_what_each_start_does(runs):
    zeros, random, he = (run.what_happened for run in runs)
    assert zeros == "symmetry not broken: hidden units stay identical"
    assert random == "weights too large: 100% of outputs saturated at the start, logits 62.76 to 6929"
    assert he.startswith("learns: no symptom")
    low, high = FIGURES["random"]["logits_at_0_range"]
    assert runs[1].start.smallest_logit == pytest.approx(low, abs=0.05)
    assert runs[1].start.largest_logit == pytest.approx(high, abs=0.05)


def test_the_study_repeats_itself_and_takes_its_options(dtype):
    def study():
        options = {"initializations": ["xavier", "he"], "seed": 5, "learning_rate": 0.1, "epochs": 20}
        return run_study([2, 4, 1], (X, Y), (X, Y), report_every=8, dtype=dtype.name, **options)

    for one, other in zip(study(), study(), strict=True):
        assert one.network.parameters.dtype == dtype
        assert one.network.parameters.tobytes() == other.network.parameters.tobytes()
        assert one.history.epochs.tolist() == [0, 8, 16]


def test_a_run_that_diverges_is_named_and_warns_nobody():
    (run,) = run_study([2, 4, 4, 1], (X, Y), (X, Y), initializations=["he"], learning_rate=1e200, epochs=50)
    assert run.diverged
    assert run.what_happened == "diverged: the loss is not finite"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"initializations": ["best"]}, ValueError, "initialization must be one of"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0"),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be finite and over 0, got 0"),
        ({"train": (csr_array(X), Y)}, TypeError, "train: X must be dense, got csr_array"),
        ({"test": (X, Y + 1)}, ValueError, "test: y must hold labels 0 and 1 only, got 2"),
        ({"test": (X[:, :1], Y)}, ValueError, r"test: X must have shape \(at least 1, 2\), got \(4, 1\)"),
    ],
)
def test_the_study_refuses_bad_arguments(changes, error, message):
    with pytest.raises(error, match=message):
        run_study([2, 3, 1], **{"train": (X, Y), "test": (X, Y), **changes})


SYMMETRIC = Measurements(True, 0.0, 0.0, 0.0, 0.0)
SATURATED = Measurements(False, 0.0, 0.75, -50.0, 20.0)


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (run_of(), "learns: no symptom"),
        (run_of(end=Measurements(False, 0.25, 0.0, -1.0, 1.0)), "learns: no symptom, 25% dead units"),
        (run_of(end=Measurements(False, 0.004, 0.0, -1.0, 1.0)), "learns: no symptom, 0.4% dead units"),
        (run_of(start=SYMMETRIC, end=SYMMETRIC), "symmetry not broken: hidden units stay identical"),
        (run_of(start=SYMMETRIC), "learns: no symptom"),
        (
            run_of(start=SATURATED),
            "weights too large: 75% of outputs saturated at the start, logits -50 to 20",
        ),
        (
            run_of(end=Measurements(False, 0.6, 0.0, 0.0, 0.0)),
            "dead units: 60% of hidden units give one value for all examples",
        ),
        (run_of(losses=(0.7, 0.7)), "does not learn: the loss has not fallen"),
        (run_of(losses=(0.7, 0.9)), "does not learn: the loss has not fallen"),
        (run_of(constant_loss=0.504), "does not learn: no better than a constant, whose loss is 0.504"),
        (run_of(constant_loss=0.506), "learns: no symptom"),
        (run_of(losses=(), diverged=True), "diverged: the loss is not finite"),
        (run_of(start=SATURATED, diverged=True), "diverged: the loss is not finite"),
    ],
)
def test_each_symptom_has_its_words(run, text):
    assert run.what_happened == text


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("loss", "n_outputs"), [("log_loss", 1), ("multinomial_log_loss", 2)])
def test_a_network_without_hidden_layers_learns_nothing_of_circles(loss, n_outputs, dtype):
    """No line parts two circles: the loss falls a little, to that of a constant."""
    data = circles(300, seed=1)
    (run,) = run_study(
        [2, n_outputs], data, data, loss=loss, initializations=["he"], epochs=3000, learning_rate=0.1, dtype=dtype
    )
    assert run.history.losses[-1] < run.history.losses[0]
    assert run.constant_loss == pytest.approx(np.log(2))
    assert run.what_happened == "does not learn: no better than a constant, whose loss is 0.6931"


# ---- what is too large: the weights, the features or the targets


def two_columns(n=300, centre=0.0, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    Z = rng.standard_normal((n, 2))
    return centre + spread * Z, Z.sum(axis=1)


def outcome(X, y, initialization="he", **options):
    options = {"epochs": 300, "report_every": 20, **options}
    (run,) = run_study([2, 10, 5, 1], (X, y), (X, y), initializations=[initialization], **options)
    return run


@pytest.mark.parametrize(("centre", "spread"), [(17_000, 100), (0, 5000), (0, 1e30), (17_000, 1e-3)])
def test_features_too_large_are_the_cause_and_not_the_weights(centre, spread):
    X, z = two_columns(centre=centre, spread=spread)
    run = outcome(X, (z > 0).astype(int))
    assert run.what_happened.startswith(f"features too large (of size {run.feature_scale:.2g}): ")
    assert run.what_happened.endswith("; try --standardize")
    assert "weights" not in run.what_happened
    assert run.feature_scale == pytest.approx(np.hypot(centre, spread), rel=0.1)
    small = (X - X.mean(axis=0)) / X.std(axis=0)
    assert outcome(small, (z > 0).astype(int)).what_happened.startswith("learns")


@pytest.mark.parametrize("scale", [0.01, 1, 17_000])
def test_weights_too_large_are_the_cause_at_any_scale_of_the_features(scale):
    X, z = two_columns(spread=scale)
    run = outcome(X, (z > 0).astype(int), "random")
    assert run.what_happened.startswith("weights too large: ")


def test_targets_too_large_are_the_cause():
    X, z = two_columns()
    run = outcome(X, 1e6 * z + 5e6, loss="squared_error", epochs=2000)
    assert run.what_happened.startswith("targets too large (of size 5.2e+06): ")
    assert run.target_scale == pytest.approx(5.2e6, rel=0.05)
    run = outcome(X, (z - z.mean()) / z.std(), loss="squared_error", epochs=2000)
    assert run.what_happened.startswith("learns")
    assert run.train_r2 > 0.9
    assert run.train_accuracy is run.test_accuracy is None


def test_features_and_targets_too_large_are_both_named():
    X, z = two_columns(centre=17_000, spread=100)
    text = outcome(X, 1e6 * z, loss="squared_error").what_happened
    assert text.startswith("features too large (of size 1.7e+04), targets too large (of size 1.4e+06): ")


def test_weights_too_large_are_named_in_a_regression():
    X, z = two_columns()
    text = outcome(X, z, "random", loss="squared_error").what_happened
    assert text.startswith("weights too large: outputs ")
    X, z = two_columns(centre=17_000, spread=100)
    assert outcome(X, z, loss="squared_error").what_happened.startswith(
        "features too large (of size 1.7e+04): outputs "
    )


def test_a_step_that_is_too_large_blames_no_scale():
    X, z = two_columns()
    assert outcome(X, (z > 0).astype(int), learning_rate=1e200).what_happened == "diverged: the loss is not finite"


FAR = Measurements(False, 0.0, 1.0, -50.0, 20.0)
NEAR = Measurements(False, 0.0, 0.0, -1.0, 1.0)
WILD = Measurements(False, 0.0, 0.0, -1e6, 2e6)
DEAD = Measurements(False, 1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        ({"start": FAR, "standardized_start": FAR, "feature_scale": 1e4}, "weights too large: 100% of"),
        ({"start": FAR, "standardized_start": NEAR, "feature_scale": 1e4}, "features too large (of size 1e+04): 100%"),
        ({"end": DEAD, "feature_scale": 50.0}, "features too large (of size 50): dead units"),
        ({"end": DEAD, "feature_scale": 5.0}, "dead units"),
        ({"end": DEAD, "target_scale": 50.0}, "targets too large (of size 50): dead units"),
        ({"diverged": True, "feature_scale": 50.0}, "features too large (of size 50): diverged: the loss"),
        ({"start": FAR, "standardized_start": FAR, "diverged": True}, "diverged: the loss is not finite"),
        ({"start": WILD, "standardized_start": WILD, "target_scale": 50.0}, "weights too large: outputs -1e+06 to"),
        ({"start": WILD, "standardized_start": NEAR, "target_scale": 2.0}, "features too large (of size 1): outputs"),
        ({"start": FAR, "standardized_start": FAR, "diverged": True, "feature_scale": 1e99}, "features too large (of"),
        ({"end": DEAD, "feature_scale": 1e-5}, "features too small (of size 1e-05): dead units"),
        ({"end": DEAD, "feature_scale": 0.02}, "dead units"),
        ({"end": DEAD, "feature_scale": 0.0}, "dead units"),
        ({"feature_scale": 1e-5}, "learns: no symptom"),
        ({"feature_scale": 1e4}, "learns: no symptom"),
        ({"train_r2": 0.001, "target_scale": 1.0}, "does not learn: no better than the mean of the targets"),
        ({"train_r2": np.nan, "target_scale": 1.0}, "does not learn: no better than the mean of the targets"),
        ({"train_r2": 0.5, "target_scale": 1.0}, "learns: no symptom"),
    ],
)  # fmt: skip
def test_each_cause_has_its_words(measured, text):
    what = run_of(**measured).what_happened
    assert what.startswith(text)
    assert ("--standardize" in what) is ("features too" in what or "targets too" in what)


@pytest.mark.parametrize(("loss", "y"), [("log_loss", Y), ("multinomial_log_loss", Y), ("squared_error", Y * 2.5)])
def test_predictions_are_those_of_the_network(loss, y):
    (run,) = run_study([2, 4, 1 + (loss[0] == "m")], (X, y), (X, y), loss=loss, initializations=["he"], epochs=20)
    np.testing.assert_array_equal(predictions(run.network, X)[:, 0], run.network.predict(X))


@pytest.mark.parametrize(("loss", "n_outputs"), [("log_loss", 1), ("multinomial_log_loss", 2), ("squared_error", 1)])
def test_an_example_whose_sums_overflow_has_no_prediction(loss, n_outputs):
    outgoing = np.array([[1.0, -1.0], [0.0, 0.0]])[:n_outputs]
    drawn = [np.array([[1e10, 0], [1e10, 0]]), outgoing], [np.zeros(2), np.zeros(n_outputs)]
    network = MLP([2, 2, n_outputs], activation="identity", loss=loss, initialization=lambda dims, seed: drawn)
    found = predictions(network, np.array([[1e300, 0], [1.0, 0]]))
    np.testing.assert_array_equal(found, [[np.nan], [0]])


def test_no_class_is_guessed_from_logits_that_are_infinite():
    network = MLP([1, 3], activation=[], loss="multinomial_log_loss", initialization="zeros")
    network.weights[0][:, 0] = 2, 3, -1
    np.testing.assert_array_equal(predictions(network, np.array([[1e308], [1.0]])), [[np.nan], [1]])


def test_any_number_of_classes_is_studied():
    X, z = two_columns()
    y = np.digitize(z, [-1, 0, 1])
    (run,) = run_study([2, 10, 4], (X, y), (X[:50], y[:50]), loss="multinomial_log_loss", initializations=["he"])
    assert run.train_accuracy == np.mean(run.network.predict(X) == y) > 0.9
    assert run.test_accuracy == np.mean(run.network.predict(X[:50]) == y[:50])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_r2_is_that_of_scikit_learn(dtype):
    from sklearn.metrics import r2_score

    X, z = two_columns(9000)
    (run,) = run_study(
        [2, 4, 1], (X, z), (X[:50], z[:50]), loss="squared_error", initializations=["he"], dtype=dtype, epochs=20
    )
    rtol = 1e-12 if dtype == "float64" else 1e-5
    assert run.train_r2 == pytest.approx(r2_score(z, run.network.predict(X)), rel=rtol)
    assert run.test_r2 == pytest.approx(r2_score(z[:50], run.network.predict(X[:50])), rel=rtol)
    (run,) = run_study([2, 4, 1], (X, z), (X[:5], z[:5] * 0), loss="squared_error", initializations=["he"], epochs=20)
    assert np.isnan(run.test_r2)
