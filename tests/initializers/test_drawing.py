"""Initializers: their formulas, the published figures, seeds, and what users may pass in their place."""

import functools
import inspect
import itertools
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from fastmlp import MLP, initializers, notebook

FIGURES = json.loads((Path(__file__).parent.parent / "figures" / "seed_study.json").read_text())["initializers"]
NAMES = ["zeros", "constant", "random", "he", "lecun", "xavier_normal", "xavier_uniform", "orthogonal"]
DIMS = [5, 7, 3, 1]


def test_the_first_names_are_attributes_too():
    assert list(initializers.REGISTRY)[:8] == NAMES
    for name in NAMES:
        assert getattr(initializers, name) is initializers.REGISTRY[name]


# ---- values


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_float64_matrices_and_biases_are_zero(name):
    weights, biases = initializers.REGISTRY[name](DIMS, seed=0)
    assert [w.shape for w in weights] == [(7, 5), (3, 7), (1, 3)]
    assert [b.shape for b in biases] == [(7,), (3,), (1,)]
    assert {array.dtype for array in weights + biases} == {np.dtype("float64")}
    assert not np.concatenate(biases).any()


@pytest.mark.parametrize(("name", "value"), [("zeros", 0.0), ("constant", 0.1)])
def test_constant_starts_draw_nothing(name, value):
    (weights,), _ = initializers.REGISTRY[name]([4, 3])
    assert (weights == value).all()


@pytest.mark.parametrize(
    ("name", "deviation"),
    [("random", 10), ("he", (2 / 300) ** 0.5), ("lecun", (1 / 300) ** 0.5), ("xavier_normal", (2 / 500) ** 0.5)],
)
def test_normal_starts_have_the_deviation_of_their_formula(name, deviation):
    (weights,), _ = initializers.REGISTRY[name]([300, 200], seed=0)
    assert weights.std() == pytest.approx(deviation, rel=0.01)
    assert abs(weights.mean()) < 0.01 * deviation
    assert stats.kstest(weights.ravel() / deviation, "norm").pvalue > 0.01


def test_xavier_uniform_fills_its_interval_evenly():
    (weights,), _ = initializers.xavier_uniform([300, 200], seed=0)
    bound = (6 / 500) ** 0.5
    assert 0.999 * bound < np.abs(weights).max() <= bound
    assert stats.kstest(weights.ravel() / bound, "uniform", args=(-1, 2)).pvalue > 0.01


@pytest.mark.parametrize(("fan_in", "fan_out"), [(20, 8), (8, 20), (9, 9), (1, 5), (5, 1)])
def test_orthogonal_has_orthonormal_rows_or_columns(fan_in, fan_out):
    (weights,), _ = initializers.orthogonal([fan_in, fan_out], seed=0)
    product = weights @ weights.T if fan_out <= fan_in else weights.T @ weights
    np.testing.assert_allclose(product, np.eye(min(fan_in, fan_out)), atol=1e-14)


def test_orthogonal_prefers_no_sign():
    rng = np.random.default_rng(0)
    diagonals = [np.diag(initializers.orthogonal([4, 4], seed=rng)[0][0]) for _ in range(500)]
    np.testing.assert_allclose(np.mean(diagonals, axis=0), 0, atol=0.1)


@pytest.mark.parametrize("name", ["zeros", "random", "he"])
def test_the_published_values_come_out_to_every_printed_digit(name):
    figures = FIGURES[name]
    weights, _ = initializers.REGISTRY[name](figures["dims"], seed=3)
    for layer, drawn in enumerate(weights, start=1):
        np.testing.assert_array_equal(drawn.round(8), figures[f"W{layer}"])


def test_he_is_the_legacy_generator_s_standard_normal():
    rng = np.random.RandomState(3)
    weights, _ = initializers.he(DIMS, seed=3)
    for fan_in, drawn in zip(DIMS, weights, strict=False):
        np.testing.assert_array_equal(drawn, rng.standard_normal(drawn.shape) * np.sqrt(2 / fan_in))


@pytest.mark.parametrize("name", NAMES)
def test_first_layers_do_not_depend_on_later_ones(name):
    short, _ = initializers.REGISTRY[name]([5, 7, 3], seed=2)
    long, _ = initializers.REGISTRY[name]([5, 7, 3, 9, 1], seed=2)
    for one, other in zip(short, long, strict=False):
        np.testing.assert_array_equal(one, other)


# ---- seeds


@pytest.mark.parametrize("seed", [0, 7, np.int32(7), 2**32 - 1])
def test_an_integer_seed_repeats_its_values(seed):
    assert initializers.he(DIMS, seed)[0][0].tobytes() == initializers.he(DIMS, seed)[0][0].tobytes()


def test_no_seed_gives_other_values_every_time():
    assert initializers.he(DIMS)[0][0].tobytes() != initializers.he(DIMS)[0][0].tobytes()


@pytest.mark.parametrize("generator", [np.random.RandomState, np.random.default_rng])
def test_a_generator_is_drawn_from_as_it_is(generator):
    shared, alike = generator(5), generator(5)
    first, second = (initializers.he(DIMS, shared)[0][0] for _ in range(2))
    assert first.tobytes() == initializers.he(DIMS, alike)[0][0].tobytes()
    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        (-1, ValueError, "seed must be at least 0, got -1"),
        (2**32, ValueError, r"seed must be below 2\*\*32, got 4294967296"),
        (0.5, TypeError, "seed must be an integer, got 0.5"),
        ("3", TypeError, "seed must be an integer, got '3'"),
        (True, TypeError, "seed must be an integer, got True"),
        ([1, 2], TypeError, "seed must be an integer"),
    ],
)
@pytest.mark.parametrize("name", ["zeros", "he"])
def test_a_bad_seed_is_refused(name, seed, error, message):
    with pytest.raises(error, match=message):
        initializers.draw(name, DIMS, seed)


@pytest.mark.parametrize("seed", [None, 3, np.random.default_rng(1)], ids=["None", "int", "Generator"])
@pytest.mark.parametrize("name", NAMES)
def test_the_global_random_state_is_untouched(name, seed):
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    initializers.draw(name, DIMS, seed)
    assert np.random.random() == expected


# ---- names, lists and functions


@pytest.mark.parametrize(("alias", "name"), list(initializers.ALIASES.items()))
def test_an_alias_is_the_same_initializer(alias, name):
    assert initializers.get(alias) is initializers.get(name) is initializers.REGISTRY[name]


@pytest.mark.parametrize("name", ["kaiming", "", "HE", 3, None])
def test_an_unknown_name_lists_the_known_ones(name):
    known = f"one of {', '.join(initializers.REGISTRY)}; got"
    with pytest.raises((ValueError, TypeError), match=known):
        initializers.get(name)


def test_each_layer_may_have_its_own_rule():
    weights, _ = initializers.draw(["he", lambda rng, i, o: np.full((o, i), 0.5), "zeros"], DIMS, seed=3)
    np.testing.assert_array_equal(weights[0], initializers.he(DIMS, seed=3)[0][0])
    assert (weights[1] == 0.5).all()
    assert not weights[2].any()


def test_layers_of_a_list_share_one_generator():
    listed, _ = initializers.draw(["he", "he", "he"], DIMS, seed=3)
    for one, other in zip(listed, initializers.he(DIMS, seed=3)[0], strict=True):
        np.testing.assert_array_equal(one, other)


def drawn_in_eighths(dims):
    weights = [np.arange(o * i).reshape(o, i) / 8 for i, o in itertools.pairwise(dims)]
    return weights, [np.full(o, 0.25) for o in dims[1:]]


def as_columns(dims):
    layers = enumerate(zip(*drawn_in_eighths(dims), strict=True), start=1)
    return {key: value for n, (w, b) in layers for key, value in ((f"W{n}", w), (f"b{n}", b[:, np.newaxis]))}


@pytest.mark.parametrize(
    ("function", "bias"),
    [
        (lambda dims, seed: drawn_in_eighths(dims), 0.25),
        (lambda dims, seed: drawn_in_eighths(dims)[0], 0),
        (lambda dims, seed: as_columns(dims), 0.25),
        (lambda dims, seed: [w.tolist() for w in drawn_in_eighths(dims)[0]], 0),
        (initializers.constant, 0),
    ],
    ids=["pair", "weights only", "dict", "nested lists", "registered"],
)
def test_a_function_may_return_any_of_the_documented_forms(function, bias):
    model = MLP(DIMS, initialization=function)
    expected = 0.1 if function is initializers.constant else drawn_in_eighths(DIMS)[0][0]
    np.testing.assert_array_equal(model.weights[0], np.broadcast_to(expected, (7, 5)))
    assert (np.concatenate(model.biases) == bias).all()


def test_a_function_gets_the_widths_as_a_list_and_the_seed_as_it_was_given():
    seen = []
    initializers.draw(lambda dims, seed: seen.append((dims, seed)) or drawn_in_eighths(dims), tuple(DIMS), seed=9)
    assert seen == [(DIMS, 9)]


def only_keywords(*, layer_dims, seed):
    return drawn_in_eighths(layer_dims)


class Rule:
    """A callable object."""

    def __init__(self, *args):
        pass

    def __call__(self, dims, *, seed=None):
        return drawn_in_eighths(dims) if seed == 9 else None

    def without_seed(self, dims):
        return drawn_in_eighths(dims)


TAKING = {
    "the widths": lambda dims: drawn_in_eighths(dims),
    "widths and other numbers": lambda dims, gain=1.0, *, bias=0: drawn_in_eighths(dims) if gain == 1 else None,
    "any number of arguments": lambda *args: drawn_in_eighths(*args),
    "any keyword": lambda dims, **options: drawn_in_eighths(dims) if options == {"seed": 9} else None,
    "a seed that must be given": lambda dims, seed: drawn_in_eighths(dims) if seed == 9 else None,
    "a seed by name only": lambda dims, *, seed: drawn_in_eighths(dims) if seed == 9 else None,
    "a seed by place only": lambda dims, seed=4, /: drawn_in_eighths(dims) if seed == 4 else None,
    "a seed of its own": functools.partial(lambda dims, seed: drawn_in_eighths(dims) if seed == 5 else None, seed=5),
    "a partial function's seed": functools.partial(
        lambda gain, dims, seed: drawn_in_eighths(dims) if seed == 9 else None, 1.0
    ),
    "an object": Rule(),
    "a method": Rule().without_seed,
}


@pytest.mark.parametrize("taking", TAKING)
def test_a_function_is_called_with_what_it_takes(taking):
    weights, _ = initializers.draw(TAKING[taking], DIMS, seed=9)
    np.testing.assert_array_equal(weights[0], drawn_in_eighths(DIMS)[0][0])


def test_a_function_without_a_signature_gets_a_seed():
    class Unreadable(Rule):
        __signature__ = "none"

    with pytest.raises((TypeError, ValueError)):
        inspect.signature(Unreadable())
    assert initializers.draw(Unreadable(), DIMS, seed=9)[0][0][0, 1] == 1 / 8


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: None, "too many positional arguments"),
        (lambda fan_in, fan_out: None, "missing a required argument: 'fan_out'"),
        (lambda rng, fan_in, fan_out: None, "missing a required argument: 'fan_in'"),
        (only_keywords, "too many positional arguments"),
    ],
)
def test_a_function_that_takes_something_else_is_refused_and_not_called(function, message):
    with pytest.raises(
        TypeError, match=rf"initialization must be a function f\(layer_dims\) or .*, got f\(.*{message}"
    ):
        MLP(DIMS, initialization=function)


def test_an_error_within_a_function_is_its_own():
    with pytest.raises(TypeError, match=r"^mine$"):
        initializers.draw(lambda dims, seed: (_ for _ in ()).throw(TypeError("mine")), DIMS)


@pytest.mark.parametrize("name", ["zeros", "random", "he"])
def test_the_notebook_s_functions_are_initializations_of_every_model(name):
    function = getattr(notebook, f"initialize_parameters_{name}")
    model, expected = MLP(DIMS, initialization=function, seed=8), MLP(DIMS, initialization=name, seed=8)
    assert model.parameters.tobytes() == expected.parameters.tobytes()
    copy = pickle.loads(pickle.dumps(model))
    assert copy.initialize().parameters.tobytes() == expected.parameters.tobytes()


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (1, -1)])
@pytest.mark.parametrize("form", [dict, tuple])
def test_biases_may_be_columns_or_rows(form, shape):
    weights, biases = drawn_in_eighths(DIMS)
    shaped = [(b + np.arange(len(b))).reshape(shape) for b in biases]
    named = {f"{kind}{n}": a for kind, arrays in (("W", weights), ("b", shaped)) for n, a in enumerate(arrays, start=1)}
    model = MLP(DIMS, initialization=lambda dims: (weights, shaped) if form is tuple else named)
    np.testing.assert_array_equal(model.biases[0], np.arange(7) + 0.25)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (None, TypeError, "initialization must return weights, .weights, biases. or a dict, got NoneType"),
        ([np.ones((7, 5))], ValueError, "initialization must return 3 layers, got 1 and 3"),
        ((None, None), (TypeError, ValueError), "initialization"),
        (
            [np.ones((7, 5)), np.ones((7, 3)), np.ones((1, 3))],
            ValueError,
            r"initialization: weights of layer 2 must have shape \(3, 7\), got \(7, 3\)",
        ),
        (
            (drawn_in_eighths(DIMS)[0], [np.ones(7), np.ones(3), np.ones(2)]),
            ValueError,
            r"initialization: biases of layer 3 must have shape \(1,\), got \(2,\)",
        ),
        (
            [np.ones((7, 5)), np.full((3, 7), np.nan), np.ones((1, 3))],
            ValueError,
            "initialization: weights of layer 2 must be finite",
        ),
        ({"W1": np.ones((7, 5)), "b1": np.ones(7)}, ValueError, "initialization returned a dict without W2, b2, W3"),
        (
            {**as_columns(DIMS), "W4": 1, "b4": 1},
            ValueError,
            "initialization returned a dict with W4, b4 beside 3 layers",
        ),
        ({**as_columns(DIMS), "W0": 1}, ValueError, "initialization returned a dict with W0 beside 3 layers"),
        (
            {**as_columns(DIMS), "b2": [[1, 2], [3]]},
            ValueError,
            "initialization: biases of layer 2 must be an array of numbers, got a ragged list",
        ),
        (
            {**as_columns(DIMS), "b2": None},
            TypeError,
            "initialization: biases of layer 2 must be an array of real numbers",
        ),
        (
            {**as_columns([5, 4, 3, 1]), "W1": np.ones((7, 5)), "W2": np.ones((3, 7)), "b1": np.ones((7, 7))},
            ValueError,
            r"initialization: biases of layer 1 must have shape \(7,\), got \(7, 7\)",
        ),
        ([np.full((7, 5), "a"), np.ones((3, 7)), np.ones((1, 3))], (TypeError, ValueError), "initialization"),
        ([np.full((7, 5), 1j), np.ones((3, 7)), np.ones((1, 3))], (TypeError, ValueError), "initialization"),
    ],
)
def test_what_a_function_returns_wrongly_is_named(returned, error, message):
    with pytest.raises(error, match=message):
        initializers.draw(lambda dims, seed: returned, DIMS)


@pytest.mark.parametrize(
    ("initialization", "error", "message"),
    [
        (None, TypeError, "initialization must be a name, a function or a sequence of these, got NoneType"),
        (3, TypeError, "initialization must be a name, a function or a sequence of these, got int"),
        (["he", "he"], ValueError, "initialization must have 3 entries, one per layer; got 2"),
        (["he", 3, "he"], TypeError, "initialization must hold names or functions, got int"),
        (["he", "best", "he"], ValueError, "initialization must be one of .*got 'best'"),
        (
            ["he", lambda rng, i, o: np.ones((i, o)), "he"],
            ValueError,
            r"layer 2 must return shape \(3, 7\), got \(7, 3",
        ),
        (["he", "he", lambda rng, i, o: np.full((o, i), np.inf)], ValueError, "layer 3 must be finite"),
        (["he", "he", lambda rng, i, o: np.full((o, i), "a")], (TypeError, ValueError), "initialization of layer 3"),
    ],
)
def test_what_is_no_initialization_is_refused(initialization, error, message):
    with pytest.raises(error, match=message):
        initializers.draw(initialization, DIMS)


@pytest.mark.parametrize("dims", [5, None, [5], "57", [5, 0]])
@pytest.mark.parametrize("function", [initializers.he, lambda dims: initializers.draw("he", dims)], ids=["he", "draw"])
def test_bad_widths_are_refused_by_name(function, dims):
    with pytest.raises((TypeError, ValueError), match="layer_dims"):
        function(dims)


@pytest.mark.parametrize("name", NAMES)
def test_an_initializer_can_be_pickled(name):
    assert pickle.loads(pickle.dumps(initializers.REGISTRY[name]))([2, 1], seed=1)[0][0].shape == (1, 2)
