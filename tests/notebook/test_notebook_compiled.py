"""The notebook's compiled calls: what they take as it is, and what they leave to Python."""

import collections
import tracemalloc

import numpy as np
import pytest
from forms import assert_same, content, eighths, flat

from fastmlp import _kernels
from fastmlp.notebook import (
    backward_propagation,
    compute_loss,
    forward_propagation,
    update_parameters,
)

# every value is a multiple of 1/8, so that no form rounds it
X = eighths(0, (2, 12))
Y = (X[:1] > X[1:]).astype("int64")
PARAMETERS = {"W1": eighths(1, (3, 2)), "b1": eighths(2, (3, 1)), "W2": eighths(3, (1, 3)), "b2": eighths(4, (1, 1))}
GRADIENTS = {f"d{key}": eighths(5, value.shape) for key, value in PARAMETERS.items()}
A = (abs(eighths(6, (1, 12))) + 0.125) / 4
Z1 = eighths(7, (3, 12))
CACHE = (Z1, np.maximum(Z1, 0), PARAMETERS["W1"], PARAMETERS["b1"], A, A, PARAMETERS["W2"], PARAMETERS["b2"])
CACHE_USED = {1: "a1", 2: "W1", 5: "a2", 6: "W2"}  # of the cache, what backward_propagation reads

PLAIN = {
    "forward": (X, PARAMETERS),
    "loss": (A, Y),
    "backward": (X, Y, CACHE),
    "update": (PARAMETERS, GRADIENTS, 0.25),
}
COMPILED = {
    "forward": _kernels.notebook_forward,
    "loss": _kernels.notebook_loss,
    "backward": _kernels.notebook_backward,
    "update": _kernels.notebook_update,
}
PUBLIC = {
    "forward": forward_propagation,
    "loss": compute_loss,
    "backward": backward_propagation,
    "update": update_parameters,
}


class Subclass(dict):
    pass


def copied(arguments):
    """Dicts copied, since an update writes to them; arrays are nobody's to write to."""
    return tuple(value.copy() if isinstance(value, dict) else value for value in arguments)


def with_each(call, change):
    """The call's arguments once for every array in them, and its name, with that array changed."""
    for i, argument in enumerate(PLAIN[call]):
        if isinstance(argument, np.ndarray):
            items = [(None, argument)]
        elif isinstance(argument, dict):
            items = argument.items()
        else:
            items = [(at, argument[at]) for at in CACHE_USED] if isinstance(argument, tuple) else []
        for key, array in items:
            if key is None:
                new, name = change(array), {"loss": ("a3", "Y"), "forward": "X", "backward": "XY"}[call][i]
            elif isinstance(argument, dict):
                new, name = {**argument, key: change(array)}, key
            else:
                new, name = (*argument[:key], change(array), *argument[key + 1 :]), CACHE_USED[key]
            yield name, (*PLAIN[call][:i], new, *PLAIN[call][i + 1 :])


# ---- what is taken as it is


@pytest.mark.parametrize("call", PLAIN)
def test_plain_arguments_are_taken(call, isa):
    assert_same(COMPILED[call](*copied(PLAIN[call])), PUBLIC[call](*copied(PLAIN[call])))


def test_float32_is_taken():
    narrow = {key: value.astype("float32") for key, value in PARAMETERS.items()}
    aL, cache = _kernels.notebook_forward(X.astype("float32"), narrow)
    gradients = _kernels.notebook_backward(X.astype("float32"), Y, cache)
    updated = _kernels.notebook_update(narrow, gradients, 0.25)
    assert {array.dtype for array in flat((aL, cache, gradients, updated))} == {np.dtype("float32")}
    assert isinstance(_kernels.notebook_loss(aL, Y.astype("float32")), float)


@pytest.mark.parametrize("labels", [Y.astype("float64"), abs(eighths(8, (1, 12))) / 2], ids=["0 and 1", "between"])
@pytest.mark.parametrize("call", ["loss", "backward"])
def test_labels_of_the_dtype_of_the_outputs_are_taken(call, labels):
    arguments = [value if value is not Y else labels for value in PLAIN[call]]
    as_lists = [value if value is not labels else labels.tolist() for value in arguments]
    assert_same(COMPILED[call](*arguments), PUBLIC[call](*as_lists))


@pytest.mark.parametrize("n_more", [1, 2, 200_000])
def test_a_dict_with_other_entries_is_left_to_python_and_costs_no_memory(n_more):
    parameters = {**dict.fromkeys(range(n_more)), **PARAMETERS}
    tracemalloc.start()
    try:
        assert _kernels.notebook_forward(X, parameters) is None
        assert _kernels.notebook_update(parameters, GRADIENTS, 0.25) is None
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("call", PLAIN)
def test_read_only_arrays_are_taken_and_no_array_is_changed(call):
    def frozen(array):
        array = array.copy()
        array.flags.writeable = False
        return array

    for name, arguments in with_each(call, frozen):
        before = [content(array) for argument in arguments if not np.isscalar(argument) for array in flat(argument)]
        given = copied(arguments)
        assert COMPILED[call](*given) is not None, name
        after = [content(array) for argument in arguments if not np.isscalar(argument) for array in flat(argument)]
        assert before == after


def test_the_order_of_the_keys_and_other_gradients_do_not_matter():
    shuffled = dict(reversed(PARAMETERS.items()))
    assert_same(_kernels.notebook_forward(X, shuffled), forward_propagation(X, PARAMETERS))
    grads = {"dz2": None, **dict(reversed(GRADIENTS.items())), 5: "five"}
    updated = _kernels.notebook_update(shuffled, grads, 0.25)
    assert updated is shuffled
    assert list(updated) == list(reversed(PARAMETERS))
    assert_same({key: updated[key] for key in PARAMETERS}, update_parameters(PARAMETERS.copy(), GRADIENTS, 0.25))


def test_results_are_new_arrays_that_own_their_memory():
    _, cache = forward_propagation(X, PARAMETERS)
    made = [*cache[0::4], *cache[1::4], *flat(backward_propagation(X, Y, cache))]
    made += flat(update_parameters(PARAMETERS.copy(), GRADIENTS, 0.25))
    assert all(array.flags.owndata and array.flags.writeable and array.flags.c_contiguous for array in made)
    given = [X, Y, *cache[2::4], *cache[3::4], *GRADIENTS.values()]
    assert not any(np.may_share_memory(one, other) for one in made for other in given)


# ---- what is left to Python: it converts, or says what is wrong

CONVERTED = {
    "list": lambda a: a.tolist(),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "int32": lambda a: (8 * a).astype("int32"),
    "longdouble": lambda a: a.astype("longdouble"),
    "subclass": lambda a: a.view(np.memmap),
}


@pytest.mark.parametrize("form", CONVERTED)
@pytest.mark.parametrize("call", PLAIN)
def test_arrays_to_convert_are_left_to_python(call, form):
    for name, arguments in with_each(call, CONVERTED[form]):
        assert COMPILED[call](*copied(arguments)) is None, name


@pytest.mark.parametrize("call", PLAIN)
def test_arrays_in_fortran_order_give_the_same(call):
    for name, arguments in with_each(call, np.asfortranarray):
        is_vector = name not in ("X", "W1", "a1", "dW1")  # then both orders are one
        assert (COMPILED[call](*copied(arguments)) is not None) == is_vector, name
        assert_same(PUBLIC[call](*copied(arguments)), PUBLIC[call](*copied(PLAIN[call])))


@pytest.mark.parametrize("call", ["forward", "backward", "update"])
def test_float32_among_float64_is_computed_in_float64(call):
    for name, arguments in with_each(call, lambda a: a.astype("float32")):
        assert COMPILED[call](*copied(arguments)) is None, name
        assert_same(PUBLIC[call](*copied(arguments)), PUBLIC[call](*copied(PLAIN[call])))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("call", PLAIN)
def test_an_array_that_is_not_finite_is_refused_by_name(call, value):
    def broken(array):
        array = array.astype("float64")
        array[-1, -1] = value
        return array

    for name, arguments in with_each(call, broken):
        given = copied(arguments)
        assert COMPILED[call](*given) is None, name
        with pytest.raises(ValueError, match=f"{name}.* must (be finite|hold labels|hold probabilities)"):
            PUBLIC[call](*given)
        assert all(one is other for a, b in zip(given, arguments, strict=True) for one, other in zip_values(a, b))


def zip_values(one, other):
    return zip(one.values(), other.values(), strict=True) if isinstance(one, dict) else [(True, True)]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32"])
@pytest.mark.parametrize("call", ["loss", "backward"])
def test_labels_of_other_dtypes_are_left_to_python(call, dtype):
    arguments = [value if value is not Y else Y.astype(dtype) for value in PLAIN[call]]
    assert COMPILED[call](*arguments) is None
    assert_same(PUBLIC[call](*arguments), PUBLIC[call](*PLAIN[call]))


BAD_LABELS = [Y + 1, Y - 1, Y * 1.5, Y / -2, Y[0], Y.T, Y[:, 1:].copy(), Y[:, 1:] / 1, None, "labels"]


@pytest.mark.parametrize("labels", BAD_LABELS, ids=map(str, range(len(BAD_LABELS))))
@pytest.mark.parametrize("call", ["loss", "backward"])
def test_bad_labels_are_left_to_python(call, labels):
    arguments = [value if value is not Y else labels for value in PLAIN[call]]
    assert COMPILED[call](*arguments) is None
    with pytest.raises((TypeError, ValueError), match="Y must"):
        PUBLIC[call](*arguments)


@pytest.mark.parametrize("kind", [collections.OrderedDict, Subclass, lambda d: collections.defaultdict(list, d)])
def test_other_dicts_give_the_same(kind):
    parameters, grads = kind(PARAMETERS), kind(GRADIENTS)
    assert _kernels.notebook_forward(X, parameters) is None
    assert _kernels.notebook_update(parameters, GRADIENTS, 0.25) is None
    assert _kernels.notebook_update(PARAMETERS.copy(), grads, 0.25) is None
    assert_same(forward_propagation(X, parameters), forward_propagation(X, PARAMETERS))
    updated = update_parameters(parameters, grads, 0.25)
    assert updated is parameters
    assert_same(dict(updated), update_parameters(PARAMETERS.copy(), GRADIENTS, 0.25))


def test_a_list_is_as_good_a_cache_as_a_tuple():
    assert _kernels.notebook_backward(X, Y, list(CACHE)) is None
    assert_same(backward_propagation(X, Y, list(CACHE)), backward_propagation(X, Y, CACHE))


BAD_PARAMETERS = {
    "none": {},
    "odd": {"W1": X},
    "one missing": {key: PARAMETERS[key] for key in ("W1", "b1", "W2")},
    "one of a higher layer": {**{key: PARAMETERS[key] for key in ("W1", "b1", "W2")}, "b3": PARAMETERS["b2"]},
    "two more": {**PARAMETERS, "W4": X, "b4": X},
    "counted from 0": {"W0": X, "b0": X, **PARAMETERS},
    "bytes": {key.encode(): value for key, value in PARAMETERS.items()},
    "None": {**PARAMETERS, "b1": None},
    "a scalar": {**PARAMETERS, "b1": np.float64(1)},
    "no dimension": {**PARAMETERS, "W1": np.array(1.0)},
    "no dict": list(PARAMETERS.items()),
}


@pytest.mark.parametrize("bad", BAD_PARAMETERS)
def test_bad_parameters_are_left_to_python(bad):
    parameters = BAD_PARAMETERS[bad]
    grads = {**GRADIENTS, "dW4": X, "db4": X}
    for compiled, public, arguments in (
        (_kernels.notebook_forward, forward_propagation, (X, parameters)),
        (_kernels.notebook_update, update_parameters, (parameters, grads, 0.25)),
    ):
        assert compiled(*arguments) is None
        with pytest.raises((TypeError, ValueError), match=r"^(parameters|b1|W1) must"):
            public(*arguments)


@pytest.mark.parametrize("missing", GRADIENTS)
def test_a_missing_gradient_is_left_to_python(missing):
    grads = {key: value for key, value in GRADIENTS.items() if key != missing}
    parameters = PARAMETERS.copy()
    for kind in (dict, lambda d: collections.defaultdict(list, d)):
        assert _kernels.notebook_update(parameters, kind(grads), 0.25) is None
    with pytest.raises(ValueError, match=f"grads must have the key '{missing}'"):
        update_parameters(parameters, grads, 0.25)
    assert all(parameters[key] is PARAMETERS[key] for key in PARAMETERS)


@pytest.mark.parametrize(
    ("key", "shape"), [("W1", (3, 4)), ("W2", (1, 2)), ("b1", (1, 3)), ("b1", (3, 2)), ("b2", (2, 1)), ("W2", (0, 3))]
)
def test_layers_that_do_not_chain_up_are_left_to_python(key, shape):
    parameters = {**PARAMETERS, key: np.ones(shape)}
    assert _kernels.notebook_forward(X, parameters) is None
    with pytest.raises(ValueError, match=f"{key} must"):
        forward_propagation(X, parameters)


@pytest.mark.parametrize(
    ("at", "shape"), [(1, (3, 11)), (1, (2, 12)), (2, (3, 3)), (5, (1, 11)), (5, (2, 12)), (6, (1, 4))]
)
def test_a_cache_that_does_not_chain_up_is_left_to_python(at, shape):
    cache = (*CACHE[:at], np.ones(shape), *CACHE[at + 1 :])
    assert _kernels.notebook_backward(X, Y, cache) is None
    with pytest.raises(ValueError, match=f"{CACHE_USED[at]} must"):
        backward_propagation(X, Y, cache)


@pytest.mark.parametrize("cache", [None, (), CACHE[:5], CACHE[:2], (None,) * 4, (None,) * 8])
def test_what_is_no_cache_is_left_to_python(cache):
    assert _kernels.notebook_backward(X, Y, cache) is None
    with pytest.raises((TypeError, ValueError), match=r"^(cache|W1|a1) must"):
        backward_propagation(X, Y, cache)


@pytest.mark.parametrize(
    "rate", [0.0, -0.25, np.nan, np.inf, 1e40, 1e-40, 1, np.float64(0.25), True, None, "0.25"], ids=repr
)
def test_unusual_learning_rates_are_left_to_python(rate):
    parameters = PARAMETERS.copy()
    assert _kernels.notebook_update(parameters, GRADIENTS, rate) is None
    assert all(parameters[key] is PARAMETERS[key] for key in PARAMETERS)


@pytest.mark.parametrize("a", [-0.125, 1.125, np.nan])
def test_what_is_no_probability_is_left_to_python(a):
    for at in range(A.size):
        outputs = A.copy()
        outputs[0, at] = a
        assert _kernels.notebook_loss(outputs, Y) is None
