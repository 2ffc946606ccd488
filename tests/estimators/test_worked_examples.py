"""Twins, by public attributes, of the tests of scikit-learn's networks that touch private ones."""

import itertools
import re
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.preprocessing import MinMaxScaler

from fastmlp import MLPClassifier

X, y = load_digits(n_class=2, return_X_y=True)
X, y = MinMaxScaler().fit_transform(X[:100]), y[:100]
SMALL = np.array([[3.0, 2], [1, 6], [5, 6], [-2, -4]]), np.array([1, 1, 1, 0])


def starting_from(coefs, intercepts):
    """An initialization that returns these layers."""
    return lambda layer_dims, seed: ([W.T for W in coefs], intercepts)


def fitted(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return model.fit(X, y)


def test_fit():
    """The step that scikit-learn's test works out by hand."""
    coefs = [np.array([[0.1, 0.2], [0.3, 0.1], [0.5, 0]]), np.array([[0.1], [0.2]])]
    model = MLPClassifier(
        hidden_layer_sizes=2, activation="logistic", solver="sgd", learning_rate_init=0.1, alpha=0.1, momentum=0,
        initialization=starting_from(coefs, [np.array([0.1, 0.1]), np.array([1.0])]),
    )  # fmt: skip
    model.partial_fit(np.array([[0.6, 0.8, 0.7]]), [0], classes=[0, 1])
    for array, expected in [
        (model.coefs_[0], [[0.098, 0.195756], [0.2956664, 0.096008], [0.4939998, -0.002244]]),
        (model.coefs_[1], [[0.04706], [0.154089]]),
        (model.intercepts_[0], [0.098333, 0.09626]),
        (model.intercepts_[1], [0.9235]),
    ]:
        np.testing.assert_allclose(array, expected, atol=1e-3)
    assert model.predict_proba([[0.6, 0.8, 0.7]])[0, 1] == pytest.approx(0.739, abs=1e-3)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("n_labels", [2, 3])
def test_gradient(n_labels, activation):
    """A step of rate 1 is the gradient of ``loss_``, by central differences."""
    rng = np.random.RandomState(42)
    X, y = rng.rand(5, 10), 1 + np.mod(np.arange(5) + 1, n_labels)
    arrays = fitted(MLPClassifier(4, activation, max_iter=1, random_state=1), X, y)
    start = [np.array(array) for array in arrays.coefs_ + arrays.intercepts_]

    def step_from(arrays):
        layers = starting_from(arrays[:2], arrays[2:])
        model = MLPClassifier(
            4, activation, solver="sgd", learning_rate_init=1.0, momentum=0, alpha=0.1, max_iter=1,
            initialization=layers,
        )  # fmt: skip
        return fitted(model, X, y)

    moved = step_from(start)
    for number, array in enumerate(moved.coefs_ + moved.intercepts_):
        for place in itertools.islice(np.ndindex(array.shape), 8):
            losses = []
            for change in (1e-5, -1e-5):
                shifted = [a.copy() for a in start]
                shifted[number][place] += change
                losses.append(step_from(shifted).loss_)
            slope = (losses[0] - losses[1]) / 2e-5
            assert start[number][place] - array[place] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("learning_rate", ["invscaling", "constant"])
def test_learning_rate_warmstart(learning_rate):
    """After two fits of one epoch over 4 examples the rate is that of 8 examples."""
    options = {"solver": "sgd", "hidden_layer_sizes": 4, "momentum": 0, "power_t": 0.25, "learning_rate_init": 0.01}
    model = MLPClassifier(**options, learning_rate=learning_rate, max_iter=1, warm_start=True, random_state=0)
    fitted(fitted(model, *SMALL), *SMALL)
    layers = starting_from([W.copy() for W in model.coefs_], [b.copy() for b in model.intercepts_])
    rate = 0.01 if learning_rate == "constant" else 0.01 / (8 + 1) ** 0.25
    expected = MLPClassifier(**{**options, "learning_rate_init": rate}, initialization=layers)
    expected.partial_fit(*SMALL, classes=[0, 1])
    for array, other in zip(model.partial_fit(*SMALL).coefs_, expected.coefs_, strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-12)


def test_adaptive_learning_rate(capsys):
    model = MLPClassifier(tol=0.5, max_iter=3000, solver="sgd", learning_rate="adaptive", verbose=True)
    model.fit([[3, 2], [1, 6]], [1, 0])
    assert model.n_iter_ < model.max_iter
    lines = capsys.readouterr().out
    assert lines.endswith("Learning rate too small. Stopping.\n")
    rates = [float(rate) for rate in re.findall(r"Setting learning rate to ([\d.]+)", lines)]
    np.testing.assert_allclose(rates, [0.001 / 5**k for k in range(1, 6)], atol=1e-6)


def epochs_without_progress(model):
    """How many epochs at the end have failed to improve on the best loss before them by ``tol``."""
    losses = np.array(model.loss_curve_)
    best_before = np.minimum.accumulate(np.r_[np.inf, losses])[:-1]
    fails = losses > best_before - model.tol
    return len(fails) - 1 - int(np.flatnonzero(~fails)[-1])


@pytest.mark.parametrize("n_iter_no_change", [2, 5, 10, 50, 100])
def test_n_iter_no_change(n_iter_no_change):
    model = MLPClassifier(tol=0.01, max_iter=3000, solver="sgd", n_iter_no_change=n_iter_no_change)
    model.fit(X, y)
    assert epochs_without_progress(model) == n_iter_no_change + 1
    assert model.n_iter_ < model.max_iter


def test_n_iter_no_change_inf():
    model = fitted(MLPClassifier(tol=1e9, max_iter=3000, solver="sgd", n_iter_no_change=np.inf), X, y)
    assert model.n_iter_ == model.max_iter
    assert epochs_without_progress(model) == model.n_iter_ - 1
