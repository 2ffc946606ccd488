"""Bad arguments of training: each an error that names the argument, before any work, and an unchanged model."""

import copy

import numpy as np
import pytest
import scipy.sparse

from fastmlp import (
    LBFGS,
    MLP,
    SGD,
    Adam,
    AdamW,
    Cosine,
    Huber,
    LogLoss,
    MultilabelLogLoss,
    MultinomialLogLoss,
    Quantile,
    RMSprop,
)

N = 20
X = np.random.default_rng(0).standard_normal((N, 2))
LABELS = (X[:, 0] > 0).astype(int)


def network():
    """A model in the middle of a training, whose state an error must not disturb."""
    model = MLP([2, 4, 3, 1], seed=1)
    model.train(X, LABELS, epochs=3, batch_size=8, optimizer=SGD(momentum=0.5), learning_rate=0.01, seed=3)
    return model


def everything_in(model):
    state = model.training_state
    numbers = (state.optimizer, state.updates, state.epochs, state.seed, copy.copy(state.plateau))
    return model.parameters.tobytes(), state.moments.tobytes(), numbers


def check_refused(model, error, message, X=X, y=LABELS, **kwargs):
    before = everything_in(model)
    with pytest.raises(error, match=message):
        model.train(X, y, **{"epochs": 3, **kwargs})
    assert everything_in(model) == before


BELOW_1 = "must be at least 0 and below 1"
BAD = [
    ("batch_size", 0, ValueError, "batch_size must be at least 1, got 0"),
    ("batch_size", -3, ValueError, "batch_size must be at least 1, got -3"),
    ("batch_size", 1.5, TypeError, "batch_size must be an integer, got 1.5"),
    ("batch_size", True, TypeError, "batch_size must be an integer, got True"),
    ("batch_size", "8", TypeError, "batch_size must be an integer, got '8'"),
    ("batch_size", 10**30, ValueError, "batch_size must be at most"),
    ("epochs", -1, ValueError, "epochs must be at least 0, got -1"),
    ("epochs", None, TypeError, "epochs must be an integer, got None"),
    ("optimizer", "adagrad", ValueError, "optimizer must be one of sgd, adam, adamw, rmsprop, lbfgs; got 'adagrad'"),
    ("optimizer", Adam, TypeError, "optimizer must be one of sgd, .*; got <class .*Adam"),
    ("optimizer", 3, TypeError, "optimizer must be one of sgd, .*; got 3"),
    ("optimizer", Cosine(0.1, 3), TypeError, r"optimizer must be one of sgd, .*; got Cosine\("),
    ("learning_rate", 0, ValueError, "learning_rate must be finite and over 0, got 0"),
    ("learning_rate", -1.0, ValueError, "learning_rate must be finite and over 0, got -1.0"),
    ("learning_rate", np.nan, ValueError, "learning_rate must be finite and over 0, got nan"),
    ("learning_rate", "x", TypeError, "learning_rate must be .*got 'x'"),
    ("learning_rate", Cosine, TypeError, "learning_rate must be .*got <class .*Cosine"),
    ("learning_rate", [0.1], TypeError, r"learning_rate must be .*got \[0.1\]"),
    ("shuffle", 1, TypeError, "shuffle must be True or False, got 1"),
    ("shuffle", None, TypeError, "shuffle must be True or False, got None"),
    ("seed", -1, ValueError, "seed must be at least 0, got -1"),
    ("seed", 2**32, ValueError, r"seed must be below 2\*\*32, got"),
    ("seed", 1.0, TypeError, "seed must be an integer, got 1.0"),
    ("seed", True, TypeError, "seed must be an integer, got True"),
    ("seed", "3", TypeError, "seed must be an integer, got '3'"),
    ("l1", -0.1, ValueError, "l1 must be finite and at least 0, got -0.1"),
    ("l1", "x", TypeError, "l1 must be a number, got 'x'"),
    ("l1", None, TypeError, "l1 must be a number, got None"),
    ("l2", -1, ValueError, "l2 must be finite and at least 0, got -1"),
    ("l2", np.inf, ValueError, "l2 must be finite and at least 0, got inf"),
    ("l2", np.nan, ValueError, "l2 must be finite and at least 0, got nan"),
    ("clip_value", 0, ValueError, "clip_value must be finite and over 0, got 0"),
    ("clip_value", -1, ValueError, "clip_value must be finite and over 0, got -1"),
    ("clip_value", "x", TypeError, "clip_value must be a number, got 'x'"),
    ("clip_norm", 0.0, ValueError, "clip_norm must be finite and over 0, got 0"),
    ("clip_norm", np.inf, ValueError, "clip_norm must be finite and over 0, got inf"),
    ("clip_norm", True, TypeError, "clip_norm must be a number, got True"),
    ("dropout", 1, ValueError, f"dropout {BELOW_1}, got 1"),
    ("dropout", -0.1, ValueError, f"dropout {BELOW_1}, got -0.1"),
    ("dropout", np.nan, ValueError, f"dropout {BELOW_1}, got nan"),
    ("dropout", 1e-46, ValueError, r"dropout must be 0 or from 2\*\*-24 to 1 - 2\*\*-24, got 1e-46"),
    ("dropout", [0.5, 1 - 1e-9], ValueError, r"dropout\[1\] must be 0 or from 2\*\*-24 to 1 - .*, got 0.999999999"),
    ("dropout", "x", TypeError, "dropout must be a number, got 'x'"),
    ("dropout", None, TypeError, "dropout must be a number, got None"),
    ("dropout", [0.5], ValueError, "dropout must have 2 entries, one per hidden layer; got 1"),
    ("dropout", [0.5, 0.5, 0.5], ValueError, "dropout must have 2 entries, one per hidden layer; got 3"),
    ("dropout", [0.5, 1], ValueError, rf"dropout\[1\] {BELOW_1}, got 1"),
    ("dropout", [0.5, "x"], TypeError, r"dropout\[1\] must be a number, got 'x'"),
    ("n_threads", 0, ValueError, "n_threads must be at least 1, got 0"),
    ("n_threads", 1.0, TypeError, "n_threads must be an integer, got 1.0"),
    ("report_every", 0, ValueError, "report_every must be at least 1, got 0"),
    ("callback", 3, TypeError, "callback must be callable, got int"),
    ("progress", "no", TypeError, "progress must be True or False, got 'no'"),
]


@pytest.mark.parametrize("other", [{}, {"optimizer": Adam(), "seed": 9, "batch_size": 5}], ids=["plain", "with others"])
@pytest.mark.parametrize(("name", "value", "error", "message"), BAD, ids=[f"{bad[0]}={bad[1]!r}"[:40] for bad in BAD])
def test_a_bad_argument_is_refused_by_name_and_changes_nothing(name, value, error, message, other):
    check_refused(network(), error, message, **{**other, name: value})


# ---- sample weights

BAD_WEIGHTS = {
    "negative": (np.where(np.arange(N) == 5, -0.5, 1.0), ValueError, "must be at least 0, got -0.5 at index 5"),
    "all zero": (np.zeros(N), ValueError, "must have a sum over 0, got 0.0"),
    "NaN": (
        np.where(np.arange(N) == 5, np.nan, 1.0),
        ValueError,
        r"must be finite in float64, got nan at index \(5,\)",
    ),
    "infinite": (np.full(N, np.inf), ValueError, r"must be finite in float64, got inf at index \(0,\)"),
    "too short": (np.ones(N - 1), ValueError, r"must have shape \(20,\) to match X, got \(19,\)"),
    "a column": (np.ones((N, 1)), ValueError, r"must have shape \(20,\) to match X, got \(20, 1\)"),
    "one number": (1.0, ValueError, r"must have shape \(20,\) to match X, got \("),
    "text": (["a"] * N, TypeError, "must be an array of real numbers"),
    "by class": ({0: 1.0, 1: 2.0}, TypeError, "must be an array of real numbers"),
    "sparse": (scipy.sparse.csr_array(np.ones((1, N))), TypeError, "must be dense, got csr_array"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_bad_sample_weights_are_refused_by_name_and_change_nothing(kind, optimizer):
    weight, error, message = BAD_WEIGHTS[kind]
    model = network()
    check_refused(model, error, f"sample_weight {message}", sample_weight=weight, optimizer=optimizer)
    with pytest.raises(error, match=f"sample_weight {message}"):
        model.loss_and_gradient(X, LABELS, sample_weight=weight)


# ---- targets outside the domain of the loss

REALS = X[:, 0]
BAD_TARGETS = [
    (
        "poisson",
        1,
        np.where(np.arange(N) == 5, -1.5, 1),
        ValueError,
        "y must be at least 0 for the loss poisson, got -1.5",
    ),
    ("poisson", 1, np.where(np.arange(N) == 5, np.nan, 1), ValueError, r"y must be finite in float64, got nan at .*5"),
    ("multinomial_log_loss", 3, LABELS + 2, ValueError, "y must hold classes 0 to 2, one per output; got 3"),
    ("multinomial_log_loss", 3, LABELS - 1, ValueError, "y must hold classes 0 to 2, one per output; got -1"),
    ("multinomial_log_loss", 3, LABELS + 0.5, ValueError, "y must hold classes 0 to 2, one per output; got (0|1).5"),
    ("multinomial_log_loss", 3, np.full(N, np.nan), ValueError, "y must be finite"),
    (
        "multinomial_log_loss",
        3,
        np.eye(3)[LABELS],
        ValueError,
        r"y must have shape \(20,\) of class indices .*\(20, 3\)",
    ),
    ("multinomial_log_loss", 3, LABELS[:, np.newaxis], ValueError, r"y must have shape \(20,\) of class .*\(20, 1\)"),
    ("multinomial_log_loss", 3, LABELS[:-1], ValueError, r"y must have shape \(20,\) of class indices to match X"),
    ("multinomial_log_loss", 3, np.array(["cat"] * N), TypeError, "y must be an array of real numbers"),
    ("multinomial_log_loss", 1, LABELS, ValueError, "y must hold classes 0 to 0, one per output; got 1"),
    ("log_loss", 1, LABELS + 1, ValueError, "y must hold labels 0 and 1 only, got 2"),
    ("multilabel_log_loss", 2, np.c_[LABELS, LABELS + 1], ValueError, "y must hold labels 0 and 1 only, got 2"),
    ("multilabel_log_loss", 2, LABELS, ValueError, r"y must have shape \(20, 2\) to match X, got \(20,\)"),
    (
        "squared_error",
        1,
        np.where(np.arange(N) == 5, np.inf, REALS),
        ValueError,
        r"y must be finite in float64, got inf",
    ),
    ("squared_error", 2, REALS, ValueError, r"y must have shape \(20, 2\) to match X, got \(20,\)"),
    ("squared_error", 1, np.c_[REALS, REALS], ValueError, r"y must have shape \(20,\) or \(20, 1\) to match X, got"),
    ("absolute_error", 1, REALS * 1j, TypeError, "y must be an array of real numbers, got dtype complex128"),
    ("huber", 1, None, TypeError, "y must be an array of real numbers"),
    ("quantile", 1, [[1.0], [2.0, 3.0]], ValueError, "y must be an array of numbers, got a ragged list"),
]


@pytest.mark.parametrize(("loss", "n_outputs", "y", "error", "message"), BAD_TARGETS)
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_targets_outside_the_domain_of_the_loss_are_refused_and_change_nothing(
    loss, n_outputs, y, error, message, optimizer
):
    model = MLP([2, 4, 3, n_outputs], loss=loss, seed=1)
    check_refused(model, error, message, y=y, optimizer=optimizer)
    with pytest.raises(error, match=message):
        model.loss_and_gradient(X, y)


def test_targets_that_float32_cannot_hold_are_refused_by_a_float32_model():
    model = MLP([2, 3, 1], loss="squared_error", dtype="float32")
    check_refused(model, ValueError, r"y must be finite in float32, got inf at index \(0,\)", y=np.full(N, 1e39))


# ---- the parameters of losses and optimizers


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LogLoss(1), ValueError, f"label_smoothing {BELOW_1}, got 1"),
        (lambda: LogLoss(label_smoothing=-0.1), ValueError, f"label_smoothing {BELOW_1}, got -0.1"),
        (lambda: MultilabelLogLoss("x"), TypeError, "label_smoothing must be a number, got 'x'"),
        (lambda: MultinomialLogLoss(1.0), ValueError, f"label_smoothing {BELOW_1}, got 1.0"),
        (lambda: Quantile(0), ValueError, "quantile must be over 0 and below 1, got 0"),
        (lambda: Quantile(1), ValueError, "quantile must be over 0 and below 1, got 1"),
        (lambda: Quantile(-0.5), ValueError, "quantile must be over 0 and below 1, got -0.5"),
        (lambda: Quantile(None), TypeError, "quantile must be a number, got None"),
        (lambda: Huber(0), ValueError, "delta must be finite and over 0, got 0"),
        (lambda: Huber(delta=-1), ValueError, "delta must be finite and over 0, got -1"),
        (lambda: Huber(np.inf), ValueError, "delta must be finite and over 0, got inf"),
        (lambda: SGD(momentum=1.1), ValueError, "momentum must be from 0 to 1, got 1.1"),
        (lambda: SGD(momentum=-0.1), ValueError, "momentum must be from 0 to 1, got -0.1"),
        (lambda: SGD(nesterov="yes"), TypeError, "nesterov must be True or False, got 'yes'"),
        (lambda: Adam(beta_1=1), ValueError, f"beta_1 {BELOW_1}, got 1"),
        (lambda: Adam(beta_2=-1), ValueError, f"beta_2 {BELOW_1}, got -1"),
        (lambda: Adam(epsilon=0), ValueError, "epsilon must be finite and over 0, got 0"),
        (lambda: Adam(epsilon_hat=1), TypeError, "epsilon_hat must be True or False, got 1"),
        (lambda: AdamW(weight_decay=-0.01), ValueError, "weight_decay must be finite and at least 0, got -0.01"),
        (lambda: AdamW(beta_1=2), ValueError, f"beta_1 {BELOW_1}, got 2"),
        (lambda: RMSprop(rho=1), ValueError, f"rho {BELOW_1}, got 1"),
        (lambda: RMSprop(epsilon=-1), ValueError, "epsilon must be finite and over 0, got -1"),
        (lambda: LBFGS(memory=0), ValueError, "memory must be at least 1, got 0"),
    ],
)
def test_parameters_of_losses_and_optimizers_out_of_range_are_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_losses_and_optimizers_cannot_be_changed_after_they_were_checked():
    for thing, name in ((Huber(), "delta"), (Adam(), "beta_1"), (Cosine(0.1, 3), "initial"), (LBFGS(), "memory")):
        with pytest.raises(AttributeError):
            setattr(thing, name, -1)
