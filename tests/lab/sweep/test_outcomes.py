"""What becomes of a run: each outcome on a run that was built to have it."""

import numpy as np
import pytest
from scipy import optimize
from sweeps import X, small, y

from fastmlp import MLP, losses
from fastmlp.lab import boundary_frames, compare_initializers, diagnose
from fastmlp.lab.scores import loss_of_constant
from fastmlp.schedules import Schedule


def one(**changes):
    """The only run of a sweep."""
    found = small(**{"seeds": 1, "initializers": ["he"], **changes})
    (run,) = found.runs
    return run, found.losses[0]


def test_a_run_that_learns():
    run, found = one(epochs=3000, report_every=1000)
    assert (run["outcome"], run["reason"], run["epoch"]) == ("learned", "", 2000)
    assert np.isfinite(found).all()


def test_a_run_that_does_no_better_than_a_constant():
    run, _ = one(learning_rate=1e-12)
    assert run["outcome"] == "constant"
    assert run["reason"] == f"the loss ended at {run['final_loss']:.4g}; predicting a constant has 0.6931"


@pytest.mark.parametrize(("below", "outcome"), [(0.995, "constant"), (0.985, "learned")])
def test_to_learn_is_to_be_a_hundredth_below_the_constant(below, outcome, monkeypatch):
    run, _ = one(epochs=200, report_every=1)
    monkeypatch.setattr("fastmlp.lab.scores.loss_of_constant", lambda *args: run["final_loss"] / below)
    assert one(epochs=200, report_every=1)[0]["outcome"] == outcome


@pytest.mark.parametrize("initializer", ["zeros", "constant"])
def test_units_that_stay_the_same(initializer):
    run, _ = one(initializers=[initializer], batch_size=7, optimizer="adam")
    assert (run["outcome"], run["reason"]) == (
        "symmetric", "all units of hidden layer 1 have the same weights in and out"
    )  # fmt: skip


def test_the_layer_of_units_that_stay_the_same_is_named():
    def drawn(layer_dims):
        weights = MLP(layer_dims, seed=0).weights
        weights[1][:] = weights[1][0]
        weights[2][:] = 0.5
        return weights

    run, _ = one(initializers=[drawn])
    assert (run["outcome"], run["reason"]) == (
        "symmetric",
        "all units of hidden layer 2 have the same weights in and out",
    )


def test_equal_units_whose_outgoing_weights_differ_are_dead_and_not_symmetric():
    def drawn(layer_dims):
        weights = MLP(layer_dims, seed=0).weights
        weights[0][:] = 0
        return weights

    network = MLP([2, 6, 1], initialization=drawn)
    assert one(layer_dims=[2, 6, 1], initializers=[drawn])[0]["outcome"] == diagnose(network, X, y).verdict == "dead"


def test_one_unit_is_not_symmetric():
    run, _ = one(layer_dims=[2, 1, 1], epochs=2000, report_every=None)
    assert run["outcome"] != "symmetric"


def test_units_that_give_one_output_for_all_examples():
    def drawn(layer_dims):
        weights = MLP(layer_dims, seed=0).weights
        return weights, [np.full(width, -1e3) for width in layer_dims[1:]]

    run, _ = one(initializers=[drawn])
    assert (run["outcome"], run["reason"]) == (
        "dead", "all units of a hidden layer give the same output for every example"
    )  # fmt: skip
    assert run["train_score"] == 0.5


def test_a_run_that_is_not_finite_is_infinite_and_says_where():
    run, found = one(learning_rate=1e300, epochs=50, report_every=1)
    assert run["outcome"] == "diverged"
    assert run["final_loss"] == np.inf
    assert run["first_loss"] == found[0]
    assert 0 < run["epoch"] < 50
    assert run["reason"].startswith(f"epoch {run['epoch']}, batch 0: the ")
    assert np.isnan(found[run["epoch"] + 1 :]).all()
    assert 0 <= run["train_score"] <= 1


def test_a_loss_that_is_not_finite_at_the_start_is_infinite():
    target = X[:, 0] * 1e200
    found = compare_initializers(
        X, target, [2, 3, 1], loss="squared_error", initializers=["he"], seeds=1, epochs=3, progress=False
    )
    (run,) = found.runs
    assert (run["first_loss"], run["final_loss"], run["outcome"]) == (np.inf, np.inf, "diverged")
    assert run["reason"].startswith("epoch 0: its loss is not finite")
    assert np.isnan(found.losses).all()


def test_a_loss_that_grows_is_a_divergence():
    run, found = one(loss="squared_error", learning_rate=2.0, activation="tanh", report_every=1)
    assert run["outcome"] == "diverged"
    assert run["final_loss"] == found[-1] > 10 * found[0]
    assert run["reason"] == f"the loss ended at {found[-1]:.4g}, over ten times that of the start"


def test_an_exception_is_a_result_with_its_text():
    def refusing(layer_dims, seed=None):
        if seed == 1:
            raise RuntimeError("no\nluck " + "x" * 1000)
        return MLP(layer_dims, seed=seed).weights

    found = small(initializers=[refusing], n_jobs=2)
    assert [outcome == "failed" for outcome in found.runs["outcome"]] == [False, True, False]
    run = found.runs[1]
    assert run["reason"].startswith(r"RuntimeError: no\nluck xxx")
    assert len(run["reason"]) == 200
    assert run["epoch"] == 0
    for name in ("first_loss", "final_loss", "train_score", "test_score"):
        assert np.isnan(run[name])
    assert np.isnan(found.losses[1]).all()


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_exception_whose_text_cannot_be_had_is_a_result(n_jobs):
    def refusing(layer_dims, seed=None):
        raise UnspeakableError

    found = small(initializers=["he", refusing], n_jobs=n_jobs)
    assert found.runs["reason"][3:].tolist() == ["UnspeakableError"] * 3
    frames = boundary_frames(X, y, [2, 3, 1], initializers=[refusing], epochs=2)
    assert frames.runs[0].reason == "UnspeakableError"


def test_targets_whose_sum_overflows_are_scored_without_a_warning():
    targets = 1e306 * np.arange(150.0)
    examples = np.linspace(-1, 1, 300).reshape(150, 2)
    data = {"X_test": examples, "y_test": targets, "loss": "squared_error"}
    found = compare_initializers(examples, targets / 1e306, [2, 3, 1], **data, seeds=1, epochs=3, progress=False)
    assert "failed" not in found.runs["outcome"]
    assert np.isnan(found.runs["test_score"]).all()


def test_an_exception_in_the_middle_has_its_epoch():
    class Failing(Schedule):
        def rates(self, steps):
            if steps.updates[0] >= 1 << 16:
                raise ArithmeticError("enough")
            return np.full(steps.n_updates, 0.01)

    run, _ = one(learning_rate=Failing(), epochs=70000, report_every=1000, layer_dims=[2, 1])
    assert (run["outcome"], run["epoch"], run["reason"]) == ("failed", 1 << 16, "ArithmeticError: enough")


def test_an_initializer_of_wrong_shape_fails_alone():
    found = small(initializers=["he", lambda layer_dims: [np.zeros((1, 1))]], seeds=2)
    assert found.runs["outcome"].tolist()[2:] == ["failed", "failed"]
    assert "must return 3 layers" in found.runs["reason"][2]
    assert np.isfinite(found.losses[:2]).all()


def test_lbfgs_that_converges_early_has_the_loss_of_its_end():
    found = small(optimizer="lbfgs", learning_rate=None, epochs=5000, report_every=1000, seeds=1, initializers=["he"])
    model = MLP([2, 6, 4, 1], seed=0)
    history = model.train(X, y, epochs=5000, optimizer="lbfgs", report_every=1000)
    assert history.ended.how != "finished"
    (run,) = found.runs
    assert (run["final_loss"], run["epoch"]) == (history.last_loss, history.ended.epoch)
    assert run["final_loss"] < 0.5 * run["first_loss"]


# ---- the constant that a run is compared with

Z = np.abs(np.random.default_rng(0).standard_normal((41, 2))) ** 3


def constant_loss(loss, targets, n_outputs=1):
    network = MLP([2, n_outputs], activation=(), loss=loss)
    examples = network.examples(np.zeros((len(targets), 2)), targets)
    return loss_of_constant(examples)


@pytest.mark.parametrize(
    "loss",
    [
        losses.SquaredError(), losses.AbsoluteError(), losses.Huber(0.3), losses.Quantile(0.9), losses.Quantile(0.2),
        losses.Poisson(),
    ],
)  # fmt: skip
def test_the_best_constant_is_that_of_a_search(loss):
    def searched(targets):
        def of_bias(bias):
            network = MLP([1, 1], activation=(), loss=loss, initialization="zeros")
            network.biases[0][:] = bias
            return network.loss_and_gradient(np.zeros((len(targets), 1)), targets)[0]

        return optimize.minimize_scalar(of_bias, bounds=(-5, 20), method="bounded", options={"xatol": 1e-9}).fun

    expected = sum(searched(column) for column in Z.T)
    assert constant_loss(loss, Z, 2) == pytest.approx(expected, rel=1e-6)
    assert constant_loss(loss, Z[:, 0]) == pytest.approx(searched(Z[:, 0]), rel=1e-6)


def test_the_best_constant_of_labels_and_classes():
    assert constant_loss("log_loss", y) == pytest.approx(np.log(2))
    assert constant_loss("log_loss", [0, 0, 0, 1]) == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    assert constant_loss("multinomial_log_loss", [0, 0, 1, 2], 3) == pytest.approx(1.5 * np.log(2))
    assert constant_loss("log_loss", [1, 1]) == pytest.approx(0, abs=1e-3)
