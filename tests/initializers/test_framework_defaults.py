"""The starts of other frameworks, against their definitions and, where it is installed, the framework itself."""

import numpy as np
import pytest
from initializing import one
from scipy import stats
from sklearn.neural_network import MLPClassifier as Theirs

from fastmlp import MLP, initializers

FAN_IN, FAN_OUT = 300, 200


def check_uniform(values, bound):
    assert 0.98 * bound < np.abs(values).max() <= bound
    assert stats.kstest(values.ravel(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01


def test_pytorch_s_bounds():
    weights, biases = one(initializers.get("pytorch"), FAN_IN, FAN_OUT)
    check_uniform(weights, 1 / 300**0.5)
    check_uniform(biases, 1 / 300**0.5)


def test_pytorch_itself_draws_from_the_same_distributions():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.Linear(FAN_IN, FAN_OUT, dtype=torch.float64)
    weights, biases = one(initializers.get("pytorch"), FAN_IN, FAN_OUT)
    assert stats.ks_2samp(weights.ravel(), theirs.weight.detach().numpy().ravel()).pvalue > 0.01
    assert stats.ks_2samp(biases, theirs.bias.detach().numpy()).pvalue > 0.01
    assert theirs.weight.abs().max() <= 1 / FAN_IN**0.5


@pytest.mark.parametrize(("activation", "factor"), [("relu", 6), ("tanh", 6), ("logistic", 2), (None, 6)])
def test_scikit_learn_s_bounds(activation, factor):
    rule = initializers.get("scikit-learn")
    weights, biases = rule([FAN_IN, FAN_OUT, 3], 0, activation)
    check_uniform(weights[0], (factor / 500) ** 0.5)
    check_uniform(biases[0], (factor / 500) ** 0.5)
    check_uniform(weights[1], (factor / 203) ** 0.5)


def test_scikit_learn_s_factor_is_that_of_logistic_units_only_if_all_are():
    rule = initializers.get("scikit-learn")
    weights, _ = rule([2, 50, 50, 1], 0, ["logistic", "relu", "logistic"])
    assert np.abs(weights[1]).max() > (2 / 100) ** 0.5
    weights, _ = rule([2, 1], 0, ["logistic"])
    assert one(rule, 2, 1)[0].tobytes() == weights[0].tobytes()


@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_scikit_learn_itself_draws_the_same_numbers(activation):
    X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 2
    theirs = Theirs((7, 5), activation=activation, random_state=3, solver="sgd", learning_rate_init=1e-300)
    theirs.partial_fit(X, y, classes=[0, 1])
    model = MLP([4, 7, 5, 1], activation=activation, initialization="scikit-learn", seed=3)
    for ours, coefs in zip(model.weights, theirs.coefs_, strict=True):
        np.testing.assert_array_equal(ours, coefs.T)
    for ours, intercepts in zip(model.biases, theirs.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, intercepts)


def test_keras_s_bounds():
    weights, biases = one(initializers.get("keras"), FAN_IN, FAN_OUT)
    check_uniform(weights, (6 / 500) ** 0.5)
    assert not biases.any()


def test_flax_s_truncated_normal():
    weights, biases = one(initializers.get("flax"), FAN_IN, FAN_OUT)
    correction = stats.truncnorm(-2, 2).std()
    scale = 300**-0.5 / correction
    assert np.abs(weights).max() <= 2 * scale
    assert weights.std() == pytest.approx(300**-0.5, rel=0.01)
    assert stats.kstest(weights.ravel(), stats.truncnorm(-2, 2, scale=scale).cdf).pvalue > 0.01
    assert not biases.any()
