"""Every registered initializer: what it tells of itself, its parameters, and that all of fastmlp takes it."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from initializing import NAMES, X, activation_for, drawable, drawn, flat

from fastmlp import MLP, MLPClassifier, initializers
from fastmlp.initializers import He, Initializer, Orthogonal, VarianceScaling
from fastmlp.lab import run_study

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "initializers.md"
PARAMETERS = {
    "zeros": {"bias": "constant", "bias_scale": 0.5},
    "constant": {"value": -1.0},
    "random": {"scale": 0.5},
    "variance_scaling": {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"},
    "he": {"scale": 3.0, "bias": "normal"},
    "lecun": {"distribution": "truncated_normal"},
    "xavier_normal": {"distribution": "uniform"},
    "orthogonal": {"gain": 2.0},
    "sparse": {"n_connections": 2, "scale": 3.0},
    "identity": {"gain": 0.5},
    "looks_linear": {"gain": 2.0},
    "siren": {"omega": 5.0},
    "nguyen_widrow": {"factor": 1.0},
    "randomized_asymmetric": {"sigma": 0.5},
    "within_layer": {"mean": 0.5},
    "kumar": {"bias": "uniform_fan_in"},
}


@pytest.mark.parametrize("name", NAMES)
def test_each_tells_formula_source_and_use_and_stands_in_the_guide(name):
    rule = initializers.REGISTRY[name]
    assert (rule.name, str(rule)) == (name, name)
    assert "W" in rule.formula or "weights" in rule.formula
    assert len(rule.source) > 10
    assert rule.when
    row = f"| `{name}` | `{rule.formula}` | {rule.source} | {rule.when} |"
    assert GUIDE.read_text(encoding="utf-8").count(row) == 1


def test_the_guide_s_table_has_no_other_rows_and_all_aliases():
    text = GUIDE.read_text(encoding="utf-8")
    assert sum(line.startswith("| `") for line in text.splitlines()) == len(NAMES)
    assert all(f"`{alias}`" in text for alias in initializers.ALIASES)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("xavier", "xavier_normal"),
        ("glorot_normal", "xavier_normal"),
        ("glorot_uniform", "xavier_uniform"),
        ("glorot_truncated", "xavier_truncated"),
        ("he_normal", "he"),
        ("kaiming_normal", "he"),
        ("kaiming_uniform", "he_uniform"),
        ("lecun_normal", "lecun"),
        ("ZerO", "hadamard"),
    ],
)
def test_the_field_s_names_are_aliases(alias, name):
    assert initializers.get(alias) is initializers.REGISTRY[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_representation_makes_an_equal_one(name):
    for rule in (initializers.REGISTRY[name], initializers.get(name, **PARAMETERS.get(name, {}))):
        assert eval(repr(rule), vars(initializers)) == rule


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_pickles_are_equal_and_draw_the_same(name):
    rule = drawable(name, **PARAMETERS.get(name, {}))
    for other in (copy.copy(rule), copy.deepcopy(rule), pickle.loads(pickle.dumps(rule))):
        assert other == rule
        assert hash(other) == hash(rule)
        layers = [one([4, 6, 2], 3, activation_for(name)) for one in (rule, other)]
        assert pickle.dumps(layers[0]) == pickle.dumps(layers[1])


def test_a_pickle_of_the_first_version_is_read():
    assert pickle.loads(b"cfastmlp.initializers\nget\n(Vhe\ntR.") == initializers.he


def test_a_text_tells_the_name_and_the_parameters_that_it_does_not_tell():
    assert str(Orthogonal(gain=2.0)) == "orthogonal(gain=2.0)"
    assert str(He(distribution="uniform")) == "he_uniform"
    assert str(He(scale=3, distribution="uniform")) == "he_uniform(scale=3.0)"
    assert repr(He(scale=3, distribution="uniform")) == "He(scale=3.0, distribution='uniform')"
    assert str(VarianceScaling(mode="fan_out")) == "variance_scaling(mode='fan_out')"


@pytest.mark.parametrize("name", PARAMETERS)
def test_get_replaces_parameters_and_leaves_the_registered_one(name):
    before = repr(initializers.REGISTRY[name])
    rule = initializers.get(name, **PARAMETERS[name])
    assert {key: getattr(rule, key) for key in PARAMETERS[name]} == PARAMETERS[name]
    assert rule != initializers.REGISTRY[name]
    assert repr(initializers.REGISTRY[name]) == before
    assert initializers.get(name) is initializers.REGISTRY[name]


def test_parameters_cannot_be_assigned():
    with pytest.raises(AttributeError):
        Orthogonal().gain = 2.0


# ---- draws


@pytest.mark.parametrize("name", NAMES)
def test_each_draws_finite_float64_arrays_of_the_right_shapes(name):
    weights, biases = drawn(name, dims=(4, 7, 6, 2))
    assert [w.shape for w in weights] == [(7, 4), (6, 7), (2, 6)]
    assert [b.shape for b in biases] == [(7,), (6,), (2,)]
    assert {array.dtype for array in weights + biases} == {np.dtype("float64")}
    assert np.isfinite(flat((weights, biases))).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_repeats_its_draws_and_the_global_state_is_untouched(name):
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    first, again, other = (flat(drawn(name, seed=seed)) for seed in (5, 5, 6))
    assert np.random.random() == expected
    assert first.tobytes() == again.tobytes()
    without_chance = ("zeros", "constant", "identity", "sinusoidal", "hadamard")
    assert (first.tobytes() == other.tobytes()) == (name in without_chance)


@pytest.mark.parametrize("generator", [np.random.RandomState, np.random.default_rng])
@pytest.mark.parametrize("name", NAMES)
def test_both_kinds_of_generators_are_drawn_from(name, generator):
    first, again = (flat(drawn(name, seed=generator(5))) for _ in range(2))
    assert first.tobytes() == again.tobytes()


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("kumar", "critical", "lsuv", "within_layer")])
def test_a_layer_drawn_alone_is_one_between_others(name):
    rule = initializers.REGISTRY[name]
    weights = rule.draw(np.random.RandomState(4), 6, 8)
    assert weights.shape == (8, 6)
    alike, _ = rule.layer(np.random.RandomState(4), initializers.Place(6, 8, 1, 3))
    assert weights.tobytes() == alike.tobytes()


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("looks_linear", "siren", "nguyen_widrow", "critical")])
def test_first_layers_do_not_depend_on_later_ones(name):
    short, long = drawn(name, dims=(4, 6, 6)), drawn(name, dims=(4, 6, 6, 9, 1))
    for kind in (0, 1):
        for one, other in zip(short[kind], long[kind], strict=False):
            np.testing.assert_array_equal(one, other)


# ---- callers


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_takes_each_with_its_own_activations(name, dtype):
    expected = flat(drawn(name))
    for initialization in (drawable(name), *([] if initializers.get(name).needs_data else [name])):
        model = MLP(
            [4, 6, 6, 2], activation=activation_for(name), loss="squared_error", initialization=initialization,
            dtype=dtype, seed=0,
        )  # fmt: skip
        np.testing.assert_array_equal(model.parameters, expected.astype(dtype))
        other = pickle.loads(pickle.dumps(model))
        assert other.initialization == initialization
        assert other.initialize().parameters.tobytes() == model.parameters.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_estimators_take_each_and_bind_data(name):
    expected = flat(drawn(name, dims=(4, 6, 6, 1)))
    model = MLPClassifier(
        (6, 6),
        initialization=name,
        activation=activation_for(name),
        random_state=0,
        max_iter=1,
        learning_rate_init=1e-12,
    )
    with pytest.warns(UserWarning):  # of one epoch, and features that are not scaled
        model.fit(X, np.arange(60) % 2)
    given = [np.c_[intercepts, coefs.T] for coefs, intercepts in zip(model.coefs_, model.intercepts_, strict=True)]
    found = flat(([g[:, 1:] for g in given], [g[:, 0] for g in given]))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max() + 1e-9)
    assert model._network.initialization == name


@pytest.mark.parametrize("name", ["lsuv", "within_layer", "looks_linear", "hadamard", "pytorch", "nguyen_widrow"])
def test_the_study_compares_them(name):
    y = (X[:, 0] > 3).astype(int)
    (run,) = run_study([4, 6, 1], (X, y), (X, y), initializations=[name], epochs=5, report_every=5)
    expected = drawn(name, dims=(4, 6, 1), seed=3)
    assert run.initialization == name
    np.testing.assert_allclose(
        run.history.losses[0], MLP([4, 6, 1], initialization=lambda dims: expected).loss_and_gradient(X, y)[0]
    )


def test_an_estimator_that_keeps_a_rule_of_data_does_not_keep_the_data():
    y = np.arange(60) % 2
    with pytest.warns(UserWarning):
        model = MLPClassifier((6,), initialization="lsuv", max_iter=1, random_state=0).fit(X, y)
    assert X[7].tobytes() not in pickle.dumps(model)


def test_no_more_than_a_thousand_rows_are_bound():
    many = np.random.default_rng(0).normal(size=(2500, 2))
    assert initializers.bound_to("lsuv", many) == initializers.get("lsuv").on(many[::3])
    assert initializers.bound_to("lsuv", many[:1000]) == initializers.get("lsuv").on(many[:1000])
    assert initializers.bound_to(["he"], many) == ["he"]
    bound = initializers.get("lsuv").on(many[:9])
    assert initializers.bound_to(bound, many) is bound


def test_entries_of_a_list_draw_weights_and_biases_with_their_place():
    rules = ["siren", initializers.get("he", bias="constant", bias_scale=0.3), "looks_linear"]
    weights, biases = initializers.draw(rules, [2, 50, 40, 1], seed=0, activations="relu")
    assert np.abs(weights[0]).max() > 14
    assert (biases[1] == 0.3).all()
    np.testing.assert_array_equal(weights[2][:, :20], -weights[2][:, 20:])


def test_a_class_of_one_s_own_is_an_initializer():
    class Eighths(initializers.WeightInitializer):
        name = "eighths"
        weight_formula = "W = 1 / 8"

        def weights(self, generator, place):
            return np.full((place.fan_out, place.fan_in), 1 / 8)

    model = MLP([2, 3, 1], initialization=Eighths(bias="constant", bias_scale=2.0))
    assert (model.weights[0] == 1 / 8).all()
    assert (model.biases[0] == 2).all()
    assert Eighths(bias="constant", bias_scale=2.0).formula == "W = 1 / 8, b = 2"
    assert isinstance(Eighths(), Initializer)


@pytest.mark.parametrize(
    ("weights", "biases", "message"),
    [
        (np.ones((2, 3)), np.ones(3), r"initialization of layer 1 must return shape \(3, 2\), got \(2, 3\)"),
        (np.ones((3, 2)), np.ones(2), r"initialization of layer 1 must return shape \(3,\), got \(2,\)"),
        (np.ones((3, 2)), [1, np.nan, 1], "initialization of layer 1 must be finite"),
        (np.ones((3, 2)), None, "initialization of layer 1 must be an array of real numbers"),
    ],
)
def test_what_a_class_of_one_s_own_draws_wrongly_is_named(weights, biases, message):
    class Own(Initializer):
        name = "own"

        def layer(self, generator, place):
            return weights, biases

    with pytest.raises((ValueError, TypeError), match=message):
        MLP([2, 3, 1], initialization=Own())


def test_what_a_class_of_one_s_own_draws_may_be_lists_and_transposed():
    class Own(Initializer):
        def layer(self, generator, place):
            return np.ones((place.fan_in, place.fan_out), int).T, [2] * place.fan_out

    weights, biases = Own()([2, 3])
    assert weights[0].flags.c_contiguous
    assert {weights[0].dtype, biases[0].dtype} == {np.dtype("float64")}
