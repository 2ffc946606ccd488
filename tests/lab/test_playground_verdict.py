"""The playground's look into layers, verdicts and stories under Node: those of the laboratory, in the same words."""

import math

import numpy as np
import pytest
from in_node import in_node, needs_node

from fastmlp import MLP
from fastmlp.datasets import blobs, circles
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.lab import diagnose, run_study
from fastmlp.lab.playground.facts import facts
from fastmlp.text import percent

pytestmark = needs_node
STATISTICS = [
    "preactivation_mean", "preactivation_variance", "activation_mean", "activation_variance", "gradient_mean",
    "gradient_variance", "weight_gradient_norm", "dead", "saturated", "distinct_units", "jacobian_norm",
]  # fmt: skip
LOOK = """
return cases.map(({ network, parameters, X, y, initializer }) => {
    const model = engine.model(...network);
    model.setData(X, y);
    model.parameters = parameters.map((x) => (x === null ? NaN : x));
    const look = module.lookInto(model, facts, { activations: network[1], initializer, y });
    model.free();
    const countsOf = ({ preactivation, gradient }) => [preactivation, gradient].map(({ counts }) => Array.from(counts));
    return { ...look, histograms: look.histograms.map(countsOf) };
});
"""


def network(hidden, activation, initialization, n_classes=2, **options):
    dims = [2, *hidden, 1 if n_classes == 2 else n_classes]
    loss = "log_loss" if n_classes == 2 else "multinomial_log_loss"
    return MLP(dims, activation=activation, initialization=initialization, loss=loss, seed=3, **options)


def with_parameters(model, change):
    change(model)
    return model


def trained(model, epochs, rate):
    model.train(*circles(100, seed=1), epochs=epochs, learning_rate=rate)
    return model


def networks():
    """Networks of every verdict, and of every activation."""
    for activation in HIDDEN_ACTIVATIONS:
        for initialization in ("he", "xavier_normal", "random"):
            yield network([10, 5], activation, initialization)
        yield network([8] * 10, activation, "lecun")
    yield from (network([10, 5], "relu", name) for name in ("zeros", "constant", "identity", "lecun_uniform"))
    yield network([10, 5], "tanh", "he", n_classes=3)
    yield network([10, 5], "relu", "random", n_classes=5)
    yield network([1], "relu", "he")
    yield network([128, 128], "tanh", "xavier_normal")
    yield network([10] * 10, "relu", "random")
    yield network([10] * 4, "relu", "xavier_uniform")
    yield trained(network([10, 5], "relu", "he"), 3000, 0.05)
    for value in (math.nan, math.inf, 1e200, 1e-200, -1e5):
        yield with_parameters(network([10, 5], "tanh", "he"), lambda m, v=value: m.weights[1].__setitem__((0, 0), v))
        yield with_parameters(network([10, 5], "relu", "he"), lambda m, v=value: m.biases[0].__setitem__(slice(3), v))
    yield with_parameters(network([10, 5], "relu", "he"), lambda m: m.biases[0].__setitem__(slice(None), -9.0))
    yield with_parameters(network([10, 5], "relu", "he"), lambda m: m.weights[2].__imul__(1e4))
    yield with_parameters(network([10, 5], "relu", "he"), lambda m: m.weights[0].__setitem__(slice(4), 1.0))


@pytest.fixture(scope="module")
def looks():
    """Pairs of what the laboratory and what the page found."""
    cases, expected = [], []
    for model in networks():
        n_classes = max(2, model.plan.layer_dims[-1])
        X, y = circles(130, seed=1) if n_classes == 2 else blobs(90, 1, n_classes=n_classes)
        with np.errstate(all="ignore"):
            expected.append((model, diagnose(model, X, y, histograms=30)))
        options = {"lossParameter": 0, "labelSmoothing": 0}
        cases.append(
            {
                "network": [list(model.plan.layer_dims), list(model.plan.activations), model.loss.name, options],
                "parameters": [x if math.isfinite(x) else (None if math.isnan(x) else 1e999) for x in model.parameters],
                "X": X.ravel().tolist(),
                "y": y.tolist(),
                "initializer": str(model.initialization),
            }
        )
    found = in_node(LOOK, modules=["look.js"], cases=cases, facts=facts())
    return list(zip(expected, found, strict=True))


def test_verdicts_are_those_of_diagnose_in_the_same_words(looks):
    for (model, look), found in looks:
        finding = found["finding"]
        assert (finding["verdict"], finding["layer"], finding["text"]) == (
            look.verdict,
            look.layer,
            look.explanation,
        ), model
    verdicts = {look.verdict for (_, look), _ in looks}
    assert verdicts == {"healthy", "symmetric", "dead", "vanishing", "exploding", "saturated"}


def test_statistics_are_those_of_diagnose(looks):
    for (model, look), found in looks:
        for name in STATISTICS:
            measured = np.array([row[name] for row in found["layers"]], float)  # null is NaN or infinite
            expected = look.layers[name].astype(float)
            if model.plan.activations[-1] == "softmax" and name.startswith("activation"):
                measured, expected = measured[:-1], expected[:-1]
            if name in ("jacobian_norm", "dead") and not np.isfinite(look.layers["preactivation_variance"]).all():
                continue  # the page has no slopes at infinity, and NumPy no means there: the network explodes before
            is_finite = np.isfinite(expected) & (np.abs(expected) < 1e150)
            message = f"{name} of {model}"
            np.testing.assert_allclose(measured[is_finite], expected[is_finite], rtol=1e-7, atol=1e-12, err_msg=message)


def test_histograms_are_those_of_diagnose(looks):
    for (_, look), found in looks:
        for i, name in enumerate(("preactivation", "gradient")):
            counts = [layer[i] for layer in found["histograms"]]
            # a value at an edge may fall to either side of it
            assert np.abs(np.array(counts) - look.histograms[name][0]).sum() <= 4


# ---- formats


def numbers():
    rng = np.random.default_rng(0)
    found = [*(rng.standard_normal(500) * 10.0 ** rng.integers(-320, 308, 500)), *rng.integers(0, 10**6, 200)]
    found += [0.0005, 99.95, 999.5, 9995, 0.00012345, 1e-5, 1e5, 123456, 0.5, 2.5, 1e300, 5e-324, 0, 1, 100, 1000, 0.1]
    return [float(x) for x in found]


@pytest.mark.parametrize("digits", [2, 3, 4])
def test_numbers_are_written_as_python_writes_them(digits):
    script = "return numbers.map((x) => module.significant(x, digits));"
    found = in_node(script, modules=["formats.js"], numbers=numbers(), digits=digits)
    assert found == [f"{x:.{digits}g}" for x in numbers()]


def test_numbers_that_are_not_finite_are_named():
    script = "return [NaN, Infinity, -Infinity].map((x) => module.significant(x, 3));"
    assert in_node(script, modules=["formats.js"]) == ["nan", "inf", "-inf"]


def test_shares_are_written_as_python_writes_them():
    shares = [0.0, 1.0, 0.5, 0.005, 0.015, 0.025, 0.995, 0.9999, 1e-9, *np.random.default_rng(0).random(500).tolist()]
    shares += [k / 200 for k in range(201)]
    found = in_node("return shares.map(module.percent);", modules=["formats.js"], shares=shares)
    assert found == [percent(share) for share in shares]


# ---- stories

STORY = """
return starts.map(([initializer, scale]) => {
    const state = { ...given, starts: [{ initializer, scale, seed: 3 }] };
    const runs = new module.Runs(engine, state, facts);
    while (!runs.isOver) runs.advance(1000);
    return runs.stories()[0];
});
"""
STATE = {
    "data": "circles", "n": 300, "noise": 0.05, "classes": 2, "data_seed": 1, "points": [], "activation": "relu",
    "optimizer": "sgd", "batch_size": 0,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:training")
@pytest.mark.parametrize(
    ("layers", "epochs", "rate"), [([10, 5], 15000, 0.01), ([10, 5], 3000, 3.0), ([10] * 5, 500, 1e4), ([10], 1, 1e-9)]
)
def test_what_happened_is_told_in_the_words_of_the_study(layers, epochs, rate):
    names = ["zeros", "random", "he", "constant"]
    runs = run_study(
        [2, *layers, 1], circles(300, 1), circles(100, 2), initializations=names, epochs=epochs, learning_rate=rate
    )
    given = {**STATE, "layers": layers, "epochs": epochs, "learning_rate": rate}
    starts = [[name, None] for name in names]
    found = in_node(STORY, modules=["runs.js"], starts=starts, given=given, facts=facts())
    for run, story in zip(runs, found, strict=True):
        assert story == run.what_happened, run.initialization
