"""The playground's look into a network under Node: that of `diagnose`, over several hundred networks."""

import itertools
import json

import numpy as np
import pytest
from in_node import in_node, needs_node
from networks import HIDDEN

from fastmlp import MLP
from fastmlp.datasets import circles
from fastmlp.lab import diagnose
from fastmlp.lab.diagnosis import verdict
from fastmlp.lab.playground.facts import facts

N_BINS = 31
FORWARD = ("preactivation_mean", "preactivation_variance", "activation_mean", "activation_variance", "correlation")
BACKWARD = ("gradient_mean", "gradient_variance", "weight_gradient_norm", "jacobian_norm")
SHARES = ("dead", "saturated", "distinct_units", "units")
LOOK = """
    const plain = (x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);
    return JSON.stringify(cases.map(({ network, parameters, X, y, initializer }) => {
        const model = engine.model(...network);
        model.parameters = parameters;
        model.setData(X, y);
        const look = module.lookInto(model, facts, { activations: network[1], initializer, y });
        const histograms = look.histograms.map(({ preactivation, gradient }) => [preactivation, gradient].map(
            ({ low, high, counts }) => ({ low, high, counts: Array.from(counts) })));
        model.free();
        return { ...look, histograms };
    }), (_, value) => plain(value));
"""


# ---- networks


def data_of(n_classes, n=120):
    if n_classes == 2:
        return circles(n, seed=1)
    rng = np.random.default_rng(4)
    y = rng.integers(0, n_classes, n)
    return rng.standard_normal((n, 2)) / 3 + np.c_[np.cos(2 * y), np.sin(2 * y)], y


def network_of(hidden, activation, n_classes=2, **kwargs):
    loss, n_outputs = ("log_loss", 1) if n_classes == 2 else ("multinomial_log_loss", n_classes)
    return MLP([2, *hidden, n_outputs], activation=activation, loss=loss, seed=2, **kwargs)


def starts():
    """Every activation with good and bad starts, shallow and deep, with two and three classes."""
    names = ("zeros", "constant", "random", "he", "lecun", "xavier_normal", "identity")
    for activation, n_classes in itertools.product(HIDDEN, (2, 3)):
        for name, hidden in itertools.product(names, ([], [10, 5], [20] * 10)):
            yield network_of(hidden, activation, n_classes, initialization=name), n_classes


def trained():
    for activation, n_classes in itertools.product(HIDDEN, (2, 3)):
        network = network_of([10, 5], activation, n_classes, initialization="he")
        network.train(*data_of(n_classes), epochs=300, learning_rate=0.3)
        yield network, n_classes


def damaged():
    """Parameters that no start has: too large, too small, not finite, dead units, equal ones, sure and wrong."""
    for activation, value in itertools.product(("relu", "tanh", "gelu"), (np.nan, np.inf, -np.inf, 1e200, 1e-200)):
        for layer in range(3):
            network = network_of([8, 6], activation)
            network.weights[layer][-1] = value
            yield network, 2
    for factor, activation in itertools.product((1e-3, 0.1, 3, 30, 1e3), ("relu", "identity", "logistic", "elu")):
        network = network_of([16] * 8, activation, initialization="he")
        for w in network.weights[:-1]:
            w *= factor
        yield network, 2
    for scale, n_classes in itertools.product((1, 30, 1e3), (2, 3)):
        network = network_of([12, 12], "relu", n_classes)
        network.weights[-1][:] *= scale
        yield network, n_classes
        network.biases[1][:11] = -1e3
        yield network, n_classes
    for part in range(4):  # equal in two of three, incoming weights, biases and outgoing weights, then in all
        network = network_of([6, 4], "tanh")
        arrays = network.weights[0], network.biases[0], network.weights[1].T
        for i, array in enumerate(arrays):
            array[:] = array[0] + 0.1 * (i == part) * np.arange(6).reshape(-1, *[1] * (array.ndim - 1))
        yield network, 2
    for hidden, factor in (([4], 1e160), ([4, 4], 1e4)):  # of the first, only gradients leave the range
        network = network_of(hidden, "relu")
        network.weights[0][:] /= factor
        network.weights[1][:] *= factor
        yield network, 2
    network = network_of([4], "relu")
    network.biases[0][2] = np.nan
    yield network, 2
    yield network_of([1, 1], "relu"), 2  # a unit alone has none that it is equal to


def described(network, n_classes):
    X, y = data_of(n_classes)
    return {
        "network": [list(network.plan.layer_dims), list(network.plan.activations), network.loss.name],
        "parameters": network.parameters.tolist(),
        "initializer": network.initialization,
        "X": X.ravel().tolist(),
        "y": y.tolist(),
    }


def looks_at(cases):
    given = [described(*case) for case in cases]
    return json.loads(in_node(LOOK, modules=("look.js",), cases=given, facts=facts()))


@needs_node
@pytest.mark.filterwarnings("ignore:training ended with a dead network")
@pytest.mark.parametrize("make", [starts, trained, damaged])
def test_a_look_is_that_of_diagnose(make, baseline):
    cases, verdicts = list(make()), set()
    for (network, n_classes), found in zip(cases, looks_at(cases), strict=True):
        X, y = data_of(n_classes)
        expected = diagnose(network, X, y, histograms=N_BINS)
        name = f"{network.plan.layer_dims}, {network.plan.activations[0]}, {network.initialization}"
        if expected.cause != "features":
            assert found["finding"] == {
                "verdict": expected.verdict,
                "layer": expected.layer,
                "text": expected.explanation,
            }, name
        check_layers(found["layers"], expected.layers, name)
        check_histograms(found["histograms"], expected, name)
        verdicts.add(expected.verdict)
    assert verdicts >= {starts: set(verdict.VERDICTS), trained: {"healthy"}, damaged: set(verdict.VERDICTS)}[make]


def check_layers(found, expected, name):
    assert [row["activation"] for row in found] == expected["activation"].tolist()
    # no verdict depends on Jacobians where slopes are those of NaN, or of tanh and logistic far from 0, where the
    # engine's have few right digits
    has_jacobians = np.isfinite(expected["preactivation_variance"]).all() and (expected["saturated"] < 0.5).all()
    for key in SHARES + FORWARD + BACKWARD:
        if key == "jacobian_norm" and not has_jacobians:
            continue
        values, wanted = np.array([float(row[key]) for row in found]), expected[key]
        # where a sum overflows, NumPy's may be NaN and the engine's infinite
        finite = np.isfinite(wanted)
        np.testing.assert_array_equal(np.isfinite(values), finite, err_msg=f"{name}: {key}")
        error, allowed = np.abs(values[finite] - wanted[finite]), 1e-9 * np.abs(wanted) + rounding(expected, key)
        assert (error <= allowed[finite]).all(), f"{name}: {key} {values} {wanted}"


def rounding(expected, key):
    """The rounding of a sum whose terms cancel."""
    kind = key.rpartition("_")[0]
    if key.endswith("_mean"):
        variances = expected[f"{kind}_variance"]
        return 1e-12 * np.sqrt(np.where(np.isfinite(variances), variances, 0))
    return 1e-28 * np.minimum(np.abs(expected[f"{kind}_mean"]), 1e9) ** 2 if key.endswith("_variance") else 1e-15


def check_histograms(found, expected, name):
    for kind, key in enumerate(("preactivation", "gradient")):
        counts, edges = expected.histograms[key]
        for layer, row in enumerate(found):
            ends = [float(row[kind]["low"]), float(row[kind]["high"])]
            wanted = edges[layer][[0, -1]]
            np.testing.assert_allclose(ends, np.where(np.isfinite(wanted), wanted, np.nan), 1e-9, 1e-12, err_msg=name)
            # a value on an edge may fall on its other side
            moved = np.abs(np.cumsum(row[kind]["counts"]) - np.cumsum(counts[layer])).sum()
            assert moved <= 0.01 * counts[layer].sum(), (name, key, layer)
