"""One example through 2-10-5-1 in float64: what a caller waits for who has no more than one at a time."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from measure import OURS, Contender, Options, Times, repeated
from report import Result, cell, markdown_table
from workloads import LAYER_DIMS, SEED

from fastmlp import MLP

WORKLOAD = "one row through 2-10-5-1, float64"
ESTIMATOR = "MLPClassifier.predict_one"
CALLS = {OURS: 3000, ESTIMATOR: 3000, "NumPy": 1000, "NumPy, fastest": 1000, "scikit-learn": 50}
RTOL = 1e-12


def terse(model: MLP) -> Callable[[np.ndarray], np.ndarray]:
    """As one would write it."""
    (W1, W2, W3), (b1, b2, b3) = ([a.copy() for a in arrays] for arrays in (model.weights, model.biases))

    def probability(x):
        a = np.maximum(W2 @ np.maximum(W1 @ x + b1, 0) + b2, 0)
        return 1 / (1 + np.exp(-(W3 @ a + b3)))

    return probability


def fastest(model: MLP) -> Callable[[np.ndarray], float]:
    """Bound methods, arrays made once, additions in place, and the last exponential on a Python number."""
    W1, W2, W3 = (w.copy().dot for w in model.weights)
    b1, b2, _ = (b.copy() for b in model.biases)
    b3 = float(model.biases[2][0])
    a1, a2, zeros1, zeros2 = np.empty_like(b1), np.empty_like(b2), np.zeros_like(b1), np.zeros_like(b2)
    add, maximum, exp = np.add, np.maximum, math.exp

    def probability(x):
        maximum(add(W1(x, a1), b1, out=a1), zeros1, out=a1)
        maximum(add(W2(a1, a2), b2, out=a2), zeros2, out=a2)
        return 1 / (1 + exp(-b3 - W3(a2)[0]))

    return probability


def _classifier(model: MLP) -> Any:
    """scikit-learn's classifier with the same parameters."""
    from sklearn.neural_network import MLPClassifier

    classifier = MLPClassifier(LAYER_DIMS[1:-1], max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one iteration cannot converge
        classifier.fit(np.zeros((2, LAYER_DIMS[0])), [0, 1])
    classifier.coefs_, classifier.intercepts_ = [w.T.copy() for w in model.weights], [b.copy() for b in model.biases]
    return classifier


def scikit_learn(model: MLP) -> Callable[[np.ndarray], np.ndarray]:
    """predict_proba of a matrix of one row."""
    classifier = _classifier(model)
    return lambda x: classifier.predict_proba(x[np.newaxis])[:, 1]


def estimator(model: MLP) -> Callable[[np.ndarray], np.ndarray]:
    """The probability of label 1 from the estimator with the same parameters; it computes that of label 0 too."""
    from fastmlp import MLPClassifier

    classifier = MLPClassifier.from_sklearn(_classifier(model))
    return classifier.predict_one


def calls_of(x: np.ndarray) -> dict[str, Callable[[], object]]:
    """Every contender's call, all with the same answer."""
    model = MLP(LAYER_DIMS, seed=SEED)
    functions = {
        OURS: model.predict_one,
        ESTIMATOR: estimator(model),
        "NumPy": terse(model),
        "NumPy, fastest": fastest(model),
        "scikit-learn": scikit_learn(model),
    }
    wanted = model.predict_proba(x[np.newaxis])
    for name, function in functions.items():
        np.testing.assert_allclose(np.ravel(function(x))[-1:], wanted, rtol=RTOL, err_msg=name)
    return {name: (lambda function=function: function(x)) for name, function in functions.items()}


def measure(options: Options) -> Result:
    """Microseconds per call, and ratios."""
    calls = calls_of(np.array([0.3, -0.4]))
    contenders = [Contender(WORKLOAD, name, repeated(calls[name], n), n) for name, n in CALLS.items()]
    times = Times(contenders, options.rounds)
    rows = [[name, f"{times.best(WORKLOAD, name) * 1e6:.2f}", cell(times.ratio(WORKLOAD, name))] for name in CALLS]
    caption = (
        f"**One row** through 2-10-5-1 in float64, {times.rounds} rounds: `predict_one` of a network and of a "
        "classifier, which gives both probabilities; NumPy in two forms (as one would write it; and the fastest found, "
        "with `out=` and arrays made once), `predict_proba` of scikit-learn."
    )
    text = markdown_table(["contender", "us per call", "time / ours"], rows, n_texts=1)
    return Result(
        f"{caption}\n\n{text}",
        {WORKLOAD: times.ratios(WORKLOAD, [name for name in CALLS if name not in (OURS, ESTIMATOR)])},
    )
