"""The notebook's single steps against the same formulas in plain NumPy."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from tolerances import relative_error, tolerance

from fastmlp import notebook
from fastmlp.notebook import (
    backward_propagation,
    compute_loss,
    forward_propagation,
    predict,
    predict_dec,
    update_parameters,
)

DEPTHS = [(3, 1), (2, 4, 1), (2, 10, 5, 1), (4, 6, 5, 3, 2)]


def example(dims, dtype="float64", m=25):
    rng = np.random.default_rng(len(dims))
    parameters = {}
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(dims), start=1):
        parameters[f"W{layer}"] = rng.normal(0, 1, (fan_out, fan_in)).astype(dtype)
        parameters[f"b{layer}"] = rng.normal(0, 0.5, (fan_out, 1)).astype(dtype)
    return rng.normal(0, 1, (dims[0], m)).astype(dtype), rng.integers(0, 2, (dims[-1], m)), parameters


def plain_forward(X, parameters):
    a, cache = X, []
    n_layers = len(parameters) // 2
    for layer in range(1, n_layers + 1):
        w, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
        z = w @ a + b
        a = 1 / (1 + np.exp(-z)) if layer == n_layers else np.maximum(0, z)
        cache += [z, a, w, b]
    return a, tuple(cache)


def plain_backward(X, Y, cache):
    m, n_layers, gradients = X.shape[1], len(cache) // 4, {}
    dz = 1 / m * (cache[-3] - Y)
    for layer in range(n_layers, 0, -1):
        a = cache[4 * layer - 7] if layer > 1 else X
        gradients[f"dz{layer}"] = dz
        gradients[f"dW{layer}"] = dz @ a.T
        gradients[f"db{layer}"] = dz.sum(axis=1, keepdims=True)
        if layer > 1:
            gradients[f"da{layer - 1}"] = cache[4 * layer - 2].T @ dz
            dz = gradients[f"da{layer - 1}"] * (a > 0)
    return gradients


# ---- the import lines


def test_one_import_line_stands_in_for_both_of_the_notebook():
    code = "from fastmlp.notebook import *; print(*sorted(name for name in dir() if not name.startswith('__')))"
    names = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert names == sorted(notebook.__all__)
    assert {
        *("sigmoid", "relu", "compute_loss", "forward_propagation", "backward_propagation", "update_parameters"),
        *("predict", "load_dataset", "plot_decision_boundary", "predict_dec", "model"),
        *(f"initialize_parameters_{name}{test}" for name in ("zeros", "random", "he") for test in ("", "_test")),
    } <= set(names)


# ---- forward


@pytest.mark.parametrize("dims", DEPTHS)
def test_forward_caches_z_a_w_b_of_every_layer(dims, isa, dtype):
    X, _, parameters = example(dims, dtype)
    aL, cache = forward_propagation(X, parameters)
    expected_aL, expected = plain_forward(X.astype("float64"), parameters)
    assert isinstance(cache, tuple)
    assert len(cache) == 4 * (len(dims) - 1)
    assert aL is cache[-3]
    assert aL.dtype == dtype
    assert aL.shape == (dims[-1], X.shape[1])
    for got, wanted in zip(cache, expected, strict=True):
        assert got.shape == wanted.shape
        assert relative_error(got, wanted) < tolerance("dense", dtype)
    np.testing.assert_allclose(aL, expected_aL, rtol=100 * tolerance("dense", dtype))


@pytest.mark.parametrize("dims", DEPTHS)
def test_the_cache_holds_the_very_weights_and_biases(dims):
    X, _, parameters = example(dims)
    _, cache = forward_propagation(X, parameters)
    for layer in range(1, len(dims)):
        assert cache[4 * layer - 2] is parameters[f"W{layer}"]
        assert cache[4 * layer - 1] is parameters[f"b{layer}"]


def test_the_order_of_the_keys_does_not_matter():
    X, _, parameters = example((2, 4, 3, 1))
    shuffled = dict(sorted(parameters.items(), reverse=True))
    assert forward_propagation(X, shuffled)[0].tobytes() == forward_propagation(X, parameters)[0].tobytes()


def test_parameters_of_two_dtypes_are_computed_in_the_wider():
    X, _, parameters = example((2, 4, 1))
    narrow = {key: value.astype("float32") for key, value in parameters.items()}
    aL, _ = forward_propagation(X, narrow)
    assert aL.dtype == np.float64
    wide = {key: value.astype("float64") for key, value in narrow.items()}
    assert aL.tobytes() == forward_propagation(X, wide)[0].tobytes()


# ---- backward


@pytest.mark.parametrize("dims", DEPTHS)
def test_backward_gives_every_gradient_in_the_notebook_s_order(dims, isa, dtype):
    X, Y, parameters = example(dims, dtype)
    _, cache = forward_propagation(X, parameters)
    gradients = backward_propagation(X, Y, cache)
    expected = plain_backward(X.astype("float64"), Y, [array.astype("float64") for array in cache])
    assert list(gradients) == list(expected)
    for key, value in expected.items():
        assert gradients[key].shape == value.shape
        assert gradients[key].dtype == dtype
        assert relative_error(gradients[key], value) < tolerance("step", dtype), key


def test_the_notebook_s_keys_of_three_layers():
    X, Y, parameters = example((2, 10, 5, 1))
    keys = list(backward_propagation(X, Y, forward_propagation(X, parameters)[1]))
    assert keys == ["dz3", "dW3", "db3", "da2", "dz2", "dW2", "db2", "da1", "dz1", "dW1", "db1"]


def test_the_derivative_of_relu_at_zero_is_zero():
    parameters = {"W1": np.zeros((2, 2)), "b1": np.zeros((2, 1)), "W2": np.ones((1, 2)), "b2": np.zeros((1, 1))}
    X, Y = np.ones((2, 3)), np.array([[0, 1, 1]])
    gradients = backward_propagation(X, Y, forward_propagation(X, parameters)[1])
    assert gradients["da1"].all()
    assert not gradients["dz1"].any()
    assert not gradients["dW1"].any()


def test_dz_of_the_last_layer_holds_one_over_m():
    X, Y, parameters = example((2, 4, 1))
    aL, cache = forward_propagation(X, parameters)
    np.testing.assert_allclose(backward_propagation(X, Y, cache)["dz2"], (aL - Y) / 25, rtol=1e-15)


def test_a_cache_may_come_from_plain_numpy():
    X, Y, parameters = example((2, 4, 3, 1))
    _, cache = plain_forward(X, parameters)
    for kind in (tuple, list):
        for key, value in backward_propagation(X, Y, kind(cache)).items():
            np.testing.assert_allclose(value, plain_backward(X, Y, cache)[key], rtol=1e-12, atol=1e-16)


def test_gradients_of_labels_between_0_and_1_are_those_of_the_loss(isa, dtype):
    X, _, parameters = example((2, 4, 3, 2), dtype)
    Y = np.random.default_rng(1).uniform(0, 1, (2, X.shape[1])).astype(dtype)
    _, cache = forward_propagation(X, parameters)
    gradients = backward_propagation(X, Y, cache)
    for key, value in plain_backward(X.astype("float64"), Y, [array.astype("float64") for array in cache]).items():
        assert relative_error(gradients[key], value) < tolerance("step", dtype), key
    wide = {key: value.astype("float64") for key, value in parameters.items()}
    for key, at in (("W1", (2, 1)), ("b2", (0, 0)), ("W3", (1, 2))):
        losses = []
        for step in (1e-6, -1e-6):
            moved = {**wide, key: wide[key].copy()}
            moved[key][at] += step
            losses.append(compute_loss(forward_propagation(X.astype("float64"), moved)[0], Y.astype("float64")))
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(float(gradients[f"d{key}"][at]), rel=1e-4)


# ---- update


@pytest.mark.parametrize("dims", DEPTHS)
def test_an_update_puts_new_arrays_in_the_same_dict(dims, isa, dtype):
    X, Y, parameters = example(dims, dtype)
    gradients = backward_propagation(X, Y, forward_propagation(X, parameters)[1])
    old = dict(parameters)
    bits = {key: value.tobytes() for key, value in old.items()}
    got = update_parameters(parameters, gradients, 0.3)
    assert got is parameters
    assert list(got) == list(old)
    for key, value in old.items():
        assert got[key] is not value
        assert not np.shares_memory(got[key], value)
        assert got[key].dtype == dtype
        assert value.tobytes() == bits[key]
        expected = value.astype("float64") - 0.3 * gradients["d" + key].astype("float64")
        assert relative_error(got[key], expected) < tolerance("step", dtype)


BAD_UPDATES = {
    "learning rate 0": (lambda p, g: (p, g, 0), ValueError, "learning_rate must be finite and over 0"),
    "learning rate as text": (lambda p, g: (p, g, "0.1"), TypeError, "learning_rate must be a number"),
    "a gradient missing": (
        lambda p, g: (p, {k: v for k, v in g.items() if k != "db2"}, 0.1),
        ValueError,
        "grads must have the key 'db2'",
    ),
    "a gradient of another shape": (
        lambda p, g: (p, {**g, "dW2": g["dW2"].T}, 0.1),
        ValueError,
        r"grads\['dW2'\] must have shape \(1, 4\), got \(4, 1\)",
    ),
    "a NaN in the last gradient": (
        lambda p, g: (p, {**g, "db2": np.array([[np.nan]])}, 0.1),
        ValueError,
        r"grads\['db2'\] must be finite",
    ),
    "text for a gradient": (
        lambda p, g: (p, {**g, "db2": np.array([["x"]])}, 0.1),
        TypeError,
        r"grads\['db2'\] must be an array of real numbers",
    ),
    "a list of gradients": (lambda p, g: (p, list(g), 0.1), TypeError, "grads must be a dict, got list"),
}


@pytest.mark.parametrize("bad", BAD_UPDATES)
def test_a_refused_update_leaves_the_dict_as_it_was(bad):
    arguments, error, message = BAD_UPDATES[bad]
    X, Y, parameters = example((2, 4, 1))
    gradients = backward_propagation(X, Y, forward_propagation(X, parameters)[1])
    before = {key: (id(value), value.tobytes()) for key, value in parameters.items()}
    with pytest.raises(error, match=message):
        update_parameters(*arguments(parameters, gradients))
    assert {key: (id(value), value.tobytes()) for key, value in parameters.items()} == before


def test_an_update_in_a_dict_with_wrong_keys_is_refused():
    with pytest.raises(ValueError, match=r"parameters must have the keys .*; b1 missing, got W1, c1"):
        update_parameters({"W1": np.ones((1, 1)), "c1": np.ones((1, 1))}, {}, 0.1)


# ---- dicts that hold more than parameters


class Unreadable:
    """A value that nothing may look at."""

    def __array__(self, *args, **kwargs):
        pytest.fail("a value that is no parameter was read")


OTHERS = {
    "costs": [0.7, 0.5],
    "learning_rate": 0.1,
    "W": None,
    "b": 3,
    "dW1": np.ones((9, 9)),
    "w1": "x",
    7: Unreadable(),
}


@pytest.mark.parametrize("n_others", [1, 2, len(OTHERS)])
@pytest.mark.parametrize("dims", [(3, 1), (2, 10, 5, 1)])
def test_other_entries_are_ignored_and_kept(dims, n_others, dtype, capsys):
    X, Y, parameters = example(dims, dtype)
    others = dict(list(OTHERS.items())[:n_others])
    more = {**others, **parameters}
    for one, other in zip(forward_propagation(X, more)[1], forward_propagation(X, parameters)[1], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(predict(X, Y, more), predict(X, Y, parameters))
    np.testing.assert_array_equal(predict_dec(more, X), predict_dec(parameters, X))
    gradients = backward_propagation(X, Y, forward_propagation(X, more)[1])
    assert update_parameters(more, {**others, **gradients}, 0.3) is more
    assert list(more) == [*others, *parameters]
    assert all(more[key] is others[key] for key in others)
    for key, value in update_parameters(parameters, gradients, 0.3).items():
        assert more[key].tobytes() == value.tobytes()


# ---- predictions


@pytest.mark.parametrize("dims", [(2, 4, 1), (2, 1)])
def test_predict_prints_the_accuracy_and_returns_labels(dims, capsys):
    X, Y, parameters = example(dims)
    aL, _ = forward_propagation(X, parameters)
    labels = predict(X, Y, parameters)
    assert capsys.readouterr().out == f"Accuracy: {np.mean((aL > 0.5) == Y)}\n"
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, aL > 0.5)


def test_one_half_is_label_0_and_the_accuracy_is_printed_as_0_5(capsys):
    parameters = notebook.initialize_parameters_zeros([2, 3, 1])
    np.testing.assert_array_equal(predict(np.ones((2, 4)), [[0, 1, 0, 1]], parameters), [[0, 0, 0, 0]])
    assert capsys.readouterr().out == "Accuracy: 0.5\n"
    assert not predict_dec(parameters, np.ones((2, 4))).any()


def test_predict_dec_is_the_boolean_decision():
    X, _, parameters = example((2, 4, 1))
    decisions = predict_dec(parameters, X)
    assert decisions.dtype == bool
    np.testing.assert_array_equal(decisions, forward_propagation(X, parameters)[0] > 0.5)
