"""The playground's data sets under Node: those of fastmlp.datasets, bit for bit, and its theory that of lab.theory."""

import itertools
import math

import numpy as np
import pytest
from in_node import HAS_GLIBCS_FUSED_LOG, in_node, needs_node

from fastmlp import datasets, initializers
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.lab.playground.facts import INITIALIZERS, SIZES, facts
from fastmlp.lab.theory import predicted_variances

SEEDS = [0, 1, 2**32 - 2, *range(2, 19)]
STATE = {"noise": 0.05, "classes": 2, "points": []}
DRAWN = """
return states.map((state) => {
    const { X, y, nClasses } = module.examplesOf(engine, state, facts, isTest);
    return [Array.from(X), Array.from(y), nClasses];
});
"""
pytestmark = needs_node


def drawn(states, is_test=False):
    given = [{**STATE, **state} for state in states]
    found = in_node(DRAWN, modules=["data.js"], states=given, facts=facts(), isTest=is_test)
    return [(np.reshape(X, (-1, 2)), np.array(y), n) for X, y, n in found]


def check_equal(found, expected):
    if HAS_GLIBCS_FUSED_LOG:
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("name", ["circles", "moons", "spirals", "xor"])
@pytest.mark.parametrize("noise", [0, 0.05, 0.7])
def test_the_data_sets_have_the_bits_of_the_desktop_s(name, noise):
    cases = [*((n, 1) for n in SIZES), *((50, seed) for seed in SEEDS)]
    found = drawn([{"data": name, "n": n, "noise": noise, "data_seed": seed} for n, seed in cases])
    for (n, seed), (X, y, n_classes) in zip(cases, found, strict=True):
        expected_X, expected_y = getattr(datasets, name)(n, seed, noise=noise)
        check_equal(X, expected_X)
        np.testing.assert_array_equal(y, expected_y)
        assert n_classes == 2


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5])
def test_blobs_have_the_bits_of_the_desktop_s(n_classes):
    cases = list(itertools.product((50, 300), SEEDS))
    states = [{"data": "blobs", "n": n, "noise": 0.2, "data_seed": seed, "classes": n_classes} for n, seed in cases]
    for (n, seed), (X, y, found) in zip(cases, drawn(states), strict=True):
        expected_X, expected_y = datasets.blobs(n, seed, n_classes=n_classes, noise=0.2)
        check_equal(X, expected_X)
        np.testing.assert_array_equal(y, expected_y)
        assert found == n_classes


def test_the_examples_of_the_test_are_100_of_the_next_seed():
    ((X, y, _),) = drawn([{"data": "circles", "n": 300, "data_seed": 1}], is_test=True)
    expected = datasets.circles(100, seed=2)
    check_equal(X, expected[0])
    np.testing.assert_array_equal(y, expected[1])


def test_painted_points_are_as_they_were_painted():
    points = [[0.5, -1, 0], [0, 0.25, 2]]
    for is_test in (False, True):
        ((X, y, n_classes),) = drawn([{"data": "painted", "points": points, "classes": 3}], is_test)
        assert X.tolist() == [[0.5, -1], [0, 0.25]]
        assert (y.tolist(), n_classes) == ([0, 2], 3)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "there are no points yet"),
        ([[0, 0, 0]], "there is one point"),
        ([[0, 0, 0], [1, 1, 2]], "there is a point of class 2, but the classes are 0 to 1"),
    ],
)
def test_too_few_points_and_classes_get_a_sentence(points, message):
    state = {**STATE, "data": "painted", "points": points}
    script = "try { module.examplesOf(engine, state, {}); } catch (error) { return error.message; }"
    assert in_node(script, modules=["data.js"], state=state).startswith(message)


# ---- theory


@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_variances_are_those_that_lab_theory_predicts(activation):
    layers = [[2, 10, 5, 1], [2, *[30] * 10, 3], [2, 128, 1]]
    cases = list(itertools.product(layers, [0.01, 0.5, 1, 2, 100], [1e-9, 0.3, 1e7]))
    found = in_node(
        """
        return cases.map(([dims, weight, input]) =>
            module.predictedVariances(dims, activation, dims.slice(1).map(() => weight), input, curves));
        """,
        modules=["theory.js"],
        cases=cases,
        activation=activation,
        curves=facts()["curves"],
    )
    for (dims, weight, square), predicted in zip(cases, found, strict=True):
        expected = predicted_variances(dims, activation, weight, input_variance=square)
        for name in ("forward", "backward"):  # both are products over the layers, with the table's errors
            np.testing.assert_allclose(
                np.array(predicted[name], float), expected[name], rtol=3e-3, err_msg=f"{name} {dims} {weight} {square}"
            )


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_variance_of_weights_is_that_of_the_draws(name):
    script = "return [null, 0.7].map((scale) => module.weightVarianceOf(name, scale, 300, 200));"
    found = in_node(script, modules=["theory.js"], name=name)
    if name in ("zeros", "constant", "identity"):
        assert found == [None, None]
        return
    for scale, variance in zip([None, 0.7], found, strict=True):
        rule = initializers.get(name) if scale is None else initializers.get(name, scale=scale)
        weights = rule.draw(np.random.RandomState(0), 300, 200)
        assert variance == pytest.approx(300 * np.square(weights).mean(), rel=0.03)
        assert not math.isnan(variance)
