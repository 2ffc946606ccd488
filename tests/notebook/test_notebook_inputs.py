"""What the notebook's functions accept, always with the same bits, and what they refuse, by name."""

import numpy as np
import pytest
import scipy.sparse
from forms import FORMS, LABEL_FORMS, content, eighths

from fastmlp.notebook import (
    backward_propagation,
    compute_loss,
    forward_propagation,
    initialize_parameters_he,
    log_loss,
    model,
    predict,
    predict_dec,
    relu,
    sigmoid,
    update_parameters,
)

# every value is a multiple of 1/8, so that no form rounds it
X = eighths(0, (2, 12))
Y = (X[:1] > X[1:]).astype("int64")
PARAMETERS = {"W1": eighths(1, (3, 2)), "b1": eighths(2, (3, 1)), "W2": eighths(3, (1, 3)), "b2": eighths(4, (1, 1))}
GRADIENTS = {f"d{key}": eighths(5, value.shape) for key, value in PARAMETERS.items()}
Z1, Z2 = eighths(6, (3, 12)), eighths(7, (1, 12))
CACHE = (Z1, np.maximum(Z1, 0), PARAMETERS["W1"], PARAMETERS["b1"], Z2, abs(Z2) / 2, PARAMETERS["W2"], PARAMETERS["b2"])

# each call with its arrays in whatever form ``f`` gives them, and labels ``y``
CALLS = {
    "forward_propagation": lambda f, y: forward_propagation(f(X), each(f, PARAMETERS))[1],
    "backward_propagation": lambda f, y: backward_propagation(f(X), y, tuple(map(f, CACHE))),
    "update_parameters": lambda f, y: update_parameters(each(f, PARAMETERS), each(f, GRADIENTS), 0.25),
    "compute_loss": lambda f, y: compute_loss(f(abs(Z2) / 2), y),
    "log_loss": lambda f, y: log_loss(f(Z2), y),
    "predict": lambda f, y: predict(f(X), y, each(f, PARAMETERS)),
    "predict_dec": lambda f, y: predict_dec(each(f, PARAMETERS), f(X)),
    "model": lambda f, y: model(f(X), y, num_iterations=3, print_cost=False),
    "sigmoid": lambda f, y: sigmoid(f(X)),
    "relu": lambda f, y: relu(f(X)),
}
TAKE_SOFT_LABELS = ["backward_propagation", "compute_loss", "log_loss"]
TAKE_LABELS = [*TAKE_SOFT_LABELS, "predict", "model"]
LABELS = {"compute_loss": (abs(Z2) >= 1).astype("int64")}  # there a wrong certainty would give inf


def each(form, arrays):
    return {key: form(value) for key, value in arrays.items()}


def flat(result):
    """The arrays of a result, whatever its kind."""
    if isinstance(result, dict):
        result = tuple(result.values())
    return [np.asarray(array, "float64") for array in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("call", CALLS)
def test_inputs_in_any_form_give_the_same_result_and_stay_as_they_are(call, form):
    given = []

    def in_form(array):
        value = FORMS[form](array)
        given.append((value, content(value)))
        return value

    labels = LABELS.get(call, Y)
    got, expected = (flat(CALLS[call](f, labels)) for f in (in_form, lambda array: array))
    for one, other in zip(got, expected, strict=True):
        if form == "float32":  # computed in float32 where all is
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
        else:
            np.testing.assert_array_equal(one, other)
    for value, before in given:
        assert content(value) == before


@pytest.mark.parametrize("form", LABEL_FORMS)
@pytest.mark.parametrize("call", TAKE_LABELS)
def test_labels_in_any_form_give_the_same_bits_and_stay_as_they_are(call, form):
    plain = LABELS.get(call, Y)
    labels = LABEL_FORMS[form](plain)
    before = content(labels)
    for one, other in zip(*(flat(CALLS[call](np.copy, y)) for y in (labels, plain)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert content(labels) == before


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("call", TAKE_SOFT_LABELS)
def test_labels_between_0_and_1_in_any_form_give_the_same_bits_and_stay_as_they_are(call, form):
    plain = abs(eighths(8, (1, 12))) / 2
    labels = FORMS[form](plain)
    before = content(labels)
    inner = {"compute_loss": lambda array: np.clip(array, 0.125, 0.875)}.get(call, np.copy)  # 0 and 1 would give inf
    for one, other in zip(*(flat(CALLS[call](inner, y)) for y in (labels, plain)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert content(labels) == before


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64"])
def test_integers_are_taken_as_numbers(kind):
    ones = {key: np.ones(value.shape, kind) for key, value in PARAMETERS.items()}
    expected = {key: np.ones(value.shape) for key, value in PARAMETERS.items()}
    got = forward_propagation((X > 0).astype(kind), ones)[0]
    np.testing.assert_array_equal(got, forward_propagation((X > 0).astype("float64"), expected)[0])


# ---- refusals

BAD_MATRICES = {
    "one dimension": (np.ones(2), ValueError, "must have 2 dimensions, got 1 in shape"),
    "three dimensions": (np.ones((2, 12, 1)), ValueError, "must have 2 dimensions, got 3"),
    "no examples": (np.ones((2, 0)), ValueError, "must not be empty"),
    "NaN": (np.where(X[1, 2] == X, np.nan, X), ValueError, r"must be finite in float64, got nan at index"),
    "infinity": (np.where(X[1, 2] == X, np.inf, X), ValueError, "must be finite in float64, got inf at index"),
    "ragged": ([[1, 2], [3]], ValueError, "must be an array of numbers, got a ragged list"),
    "text": ([["a"]], TypeError, "must be an array of real numbers"),
    "complex": (X * 1j, TypeError, "must be an array of real numbers, got dtype complex128"),
    "None": (None, TypeError, "must be an array of real numbers"),
    "sparse": (scipy.sparse.csr_array(X), TypeError, "must be dense"),
    "masked": (np.ma.masked_array(X, mask=X > 1), ValueError, "must not have masked entries"),
}
TAKE_X = {
    "forward_propagation": lambda x: forward_propagation(x, PARAMETERS),
    "backward_propagation": lambda x: backward_propagation(x, Y, CACHE),
    "predict": lambda x: predict(x, Y, PARAMETERS),
    "predict_dec": lambda x: predict_dec(PARAMETERS, x),
    "model": lambda x: model(x, Y, print_cost=False),
}


@pytest.mark.parametrize("bad", BAD_MATRICES)
@pytest.mark.parametrize("call", TAKE_X)
def test_a_bad_x_is_refused_by_name(call, bad):
    value, error, message = BAD_MATRICES[bad]
    with pytest.raises(error, match=f"X {message}"):
        TAKE_X[call](value)


@pytest.mark.parametrize("bad", BAD_MATRICES)
@pytest.mark.parametrize("key", ["W1", "b2"])
def test_a_bad_parameter_is_refused_by_its_key(key, bad):
    value, error, message = BAD_MATRICES[bad]
    with pytest.raises(error, match=f"{key} {message}"):
        forward_propagation(X, {**PARAMETERS, key: value})


@pytest.mark.parametrize("bad", BAD_MATRICES)
@pytest.mark.parametrize(("name", "call"), [("a3", compute_loss), ("z", log_loss)])
def test_bad_outputs_are_refused_by_name(name, call, bad):
    value, error, message = BAD_MATRICES[bad]
    with pytest.raises(error, match=f"{name} {message}"):
        call(value, Y)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (Y[0], ValueError, r"must have shape \(1, 12\) to match (X|a3|z), got \(12,\); pass [Yy].reshape\(1, -1\)$"),
        (Y.T, ValueError, r"must have shape \(1, 12\) to match (X|a3|z), got \(12, 1\); pass [Yy].T$"),
        (Y[:, :-1], ValueError, r"must have shape \(1, 12\).*got \(1, 11\)$"),
        (Y + 1, ValueError, "must hold labels (0 and 1 only|from 0 to 1), got 2"),
        (Y - 1, ValueError, "must hold labels (0 and 1 only|from 0 to 1), got -1"),
        (Y * (1 + 1e-12), ValueError, "must hold labels (0 and 1 only|from 0 to 1), got 1.000000000001"),
        (np.where(Y == 1, np.nan, 0), ValueError, "must hold labels (0 and 1 only|from 0 to 1), got nan"),
        (Y.astype(str), TypeError, "must be an array of real numbers"),
        (None, TypeError, "must be an array of real numbers"),
        ([[1, 0], [1]], ValueError, "must be an array of numbers, got a ragged list"),
    ],
)
@pytest.mark.parametrize("call", TAKE_LABELS)
def test_bad_labels_are_refused_by_name(call, labels, error, message):
    with pytest.raises(error, match=f"[Yy] {message}"):
        CALLS[call](np.copy, labels)


@pytest.mark.parametrize("call", ["predict", "model"])
def test_labels_between_0_and_1_are_refused_where_they_are_counted_or_trained_on(call):
    with pytest.raises(ValueError, match=r"[Yy] must hold labels 0 and 1 only, got 0\.5"):
        CALLS[call](np.copy, Y / 2)


ROWS = {
    **{call: lambda x, call=call: TAKE_X[call](x) for call in TAKE_X if call != "model"},
    "model": lambda x: model(x, Y, print_cost=False),
    "model, labels in rows": lambda x: model(x, Y.T, print_cost=False),
    "model, labels in one dimension": lambda x: model(x, Y[0], print_cost=False),
}


@pytest.mark.parametrize("call", ROWS)
def test_examples_in_rows_are_said_to_be_so(call):
    for rows in (X.T, X.T.tolist(), X.T.astype("float32"), np.ascontiguousarray(X.T)):
        message = r"X must have shape \((2, m|features, 12)\).*, got \(12, 2\); examples lie in columns, pass X\.T$"
        with pytest.raises(ValueError, match=message):
            ROWS[call](rows)


@pytest.mark.parametrize(("name", "call"), [("a3", compute_loss), ("z", log_loss)])
def test_outputs_in_rows_are_said_to_be_so(name, call):
    """With the labels turned instead, the losses of 12 outputs would be added up."""
    message = rf"{name} must have shape \(1, 12\) to match Y, got \(12, 1\); examples lie in columns, pass {name}\.T$"
    for labels in (Y, Y / 2):
        with pytest.raises(ValueError, match=message):
            call(np.full((12, 1), 0.5), labels)
    with pytest.raises(ValueError, match=rf"Y must have shape \(2, 12\) to match {name}, got \(12, 2\); pass Y\.T$"):
        call(np.full((2, 12), 0.5), np.ones((12, 2)))


def test_other_widths_are_not_said_to_be_rows():
    for call in ROWS.keys() - {"backward_propagation"} - {call for call in ROWS if "model" in call}:
        with pytest.raises(ValueError, match=r"W1 must have shape \(fan_out, 3\) to match X, got \(3, 2\)$"):
            ROWS[call](np.ones((3, 12)))
    with pytest.raises(ValueError, match=r"Y must have shape \(1, 11\) to match X, got \(1, 12\)$"):
        model(X[:, :-1], Y)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        (None, TypeError, "parameters must be a dict, got NoneType"),
        (list(PARAMETERS.values()), TypeError, "parameters must be a dict, got list"),
        ({}, ValueError, "parameters must have the keys W1, b1, W2, b2, ... of all layers; W1, b1 missing, got none"),
        ({"W1": X}, ValueError, "; b1 missing, got W1$"),
        ({"costs": [], **PARAMETERS, "W4": X, "b4": X}, ValueError, "; W3, b3 missing, got costs, W1, .*, W4, b4$"),
        ({key: PARAMETERS[key] for key in ("W1", "b1", "b2")}, ValueError, "; W2 missing, got W1, b1, b2"),
        ({"W0": X, "b0": X, **PARAMETERS}, ValueError, "; W3, b3 missing, got W0, b0, W1"),
        ({**PARAMETERS, f"W{10**30}": X}, ValueError, "; W3, b3 missing, got W1"),
        (
            {**PARAMETERS, "W1": np.ones((3, 4))},
            ValueError,
            r"W1 must have shape \(fan_out, 2\) to match X, got \(3, 4\)",
        ),
        (
            {**PARAMETERS, "W2": np.ones((1, 2))},
            ValueError,
            r"W2 must have shape \(fan_out, 3\) to match W1, got \(1, 2\)",
        ),
        ({**PARAMETERS, "b1": np.ones((1, 3))}, ValueError, r"b1 must have shape \(3, 1\), got \(1, 3\)"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_by_key(parameters, error, message):
    for call in (forward_propagation, lambda x, p: predict(x, Y, p), lambda x, p: predict_dec(p, x)):
        with pytest.raises(error, match=message):
            call(X, parameters)


@pytest.mark.parametrize("cache", [None, (), CACHE[:5], CACHE[:2], np.ones(8), {"a": 1}])
def test_what_is_no_cache_is_refused(cache):
    with pytest.raises(ValueError, match=r"cache must be the tuple \(z1, a1, W1, b1, z2, ...\)"):
        backward_propagation(X, Y, cache)


@pytest.mark.parametrize(("at", "message"), [(1, "a1 must have shape"), (2, "W1 must have"), (6, "W2 must have shape")])
def test_a_cache_of_other_shapes_is_refused_by_name(at, message):
    with pytest.raises(ValueError, match=message):
        backward_propagation(X, Y, (*CACHE[:at], np.ones((4, 5)), *CACHE[at + 1 :]))


@pytest.mark.parametrize("a", [[[-0.1]], [[1.5]], [[np.nextafter(1, 2)]]])
def test_probabilities_outside_0_to_1_are_refused(a):
    with pytest.raises(ValueError, match=r"^a3 must hold probabilities in \[0, 1\], got values from"):
        compute_loss(a, [[1]])


def test_labels_may_be_left_to_the_wider_type():
    """Rounded to float32, these labels would be 1, and the loss 0 in place of inf and 1e-8 of the logits."""
    labels = np.full((1, 4), 1 - 1e-10)
    assert compute_loss(np.ones((1, 4), "float32"), labels) == np.inf
    assert log_loss(np.full((1, 4), 100, "float32"), labels) == pytest.approx(1e-8, rel=1e-6)


@pytest.mark.parametrize("function", [sigmoid, relu])
@pytest.mark.parametrize("x", ["1", None, 1j, [[1], [1, 2]], [object()]])
def test_elementwise_functions_refuse_what_is_no_number(function, x):
    with pytest.raises((TypeError, ValueError), match="x must be an array of"):
        function(x)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"learning_rate": 0}, ValueError, "learning_rate must be finite and over 0, got 0"),
        ({"learning_rate": None}, TypeError, "learning_rate must be a number, got None"),
        ({"num_iterations": -1}, ValueError, "num_iterations must be at least 0, got -1"),
        ({"num_iterations": 1.5}, TypeError, "num_iterations must be an integer, got 1.5"),
        ({"initialization": "best"}, ValueError, "initialization must be one of zeros, constant, random, he.*'best'"),
        ({"initialization": None}, TypeError, "initialization must be a name"),
    ],
)
def test_arguments_of_model_out_of_range_are_refused(kwargs, error, message):
    with pytest.raises(error, match=message):
        model(X, Y, print_cost=False, **kwargs)


@pytest.mark.parametrize("dims", [None, 5, [2], [2, 0], "21"])
def test_widths_that_are_none_are_refused(dims):
    with pytest.raises((TypeError, ValueError), match=r"layers?_dims"):
        initialize_parameters_he(dims)
