"""MLP outside training: construction, parameters, loss and gradient, predictions, and what it accepts."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse
from forms import FORMS, LABEL_FORMS, content, eighths
from tolerances import relative_error, tolerance

from fastmlp import MLP, Huber, initializers, reference

X = eighths(0, (20, 2))
Y = (X[:, 0] > X[:, 1]).astype("int64")
HIDDEN = (
    *("identity", "relu", "tanh", "logistic", "leaky_relu", "elu"),
    *("selu", "gelu", "gelu_tanh", "silu", "softplus"),
)
LOSSES = (
    *("log_loss", "multinomial_log_loss", "multilabel_log_loss", "squared_error"),
    *("absolute_error", "huber", "quantile", "poisson"),
)


def network(*args, seed=1, **kwargs):
    return MLP(*(args or ([2, 4, 3, 1],)), seed=seed, **kwargs)


# ---- construction


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"layer_dims": 3}, TypeError, "layer_dims must be a sequence of widths, got int"),
        ({"layer_dims": "21"}, TypeError, "layer_dims must be a sequence of widths, got str"),
        ({"layer_dims": [2]}, ValueError, "layer_dims must have at least 2 widths"),
        ({"layer_dims": [2, 0, 1]}, ValueError, r"layer_dims\[1\] must be at least 1, got 0"),
        ({"layer_dims": [2, 1.5]}, TypeError, r"layer_dims\[1\] must be an integer, got 1.5"),
        ({"layer_dims": [True, 1]}, TypeError, r"layer_dims\[0\] must be an integer, got True"),
        ({"activation": "swish"}, ValueError, f"activation must be one of {', '.join(HIDDEN)}; got 'swish'"),
        ({"activation": None}, TypeError, "activation must be a name or a sequence of names, got NoneType"),
        ({"activation": ["relu"]}, ValueError, "activation must have 2 names, one per hidden layer; got 1"),
        ({"activation": ["relu", 3]}, TypeError, r"activation\[1\] must be one of identity, relu.*got 3"),
        ({"loss": "hinge"}, ValueError, f"loss must be one of {', '.join(LOSSES)}; got 'hinge'"),
        ({"loss": Huber}, TypeError, "loss must be one of .*; got <class .*Huber"),
        ({"loss": None}, TypeError, f"loss must be one of {', '.join(LOSSES)}; got None"),
        ({"dtype": "float16"}, ValueError, "dtype must be float32 or float64, got 'float16'"),
        ({"dtype": "no dtype"}, TypeError, "dtype must be float32 or float64, got 'no dtype'"),
        ({"dtype": ">f8"}, ValueError, "dtype must be float32 or float64"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 2**32}, ValueError, r"seed must be below 2\*\*32"),
        ({"seed": 1.0}, TypeError, "seed must be an integer, got 1.0"),
        ({"initialization": "best"}, ValueError, "initialization must be one of zeros.*got 'best'"),
    ],
)
def test_constructor_refuses(kwargs, error, message):
    with pytest.raises(error, match=message):
        MLP(**{"layer_dims": [2, 4, 3, 1], **kwargs})


@pytest.mark.parametrize("dims", [[2, 4, 1], (2, 4, 1), np.array([2, 4, 1]), range(3, 0, -1)])
def test_widths_may_be_any_sequence_of_integers(dims):
    assert network(dims).plan.layer_dims == tuple(int(width) for width in dims)


def test_too_wide_a_network_is_an_error_that_names_layer_dims():
    with pytest.raises((ValueError, MemoryError), match="layer_dims"):
        MLP([2, 10**18, 1])


@pytest.mark.parametrize(
    ("loss", "text"), [("log_loss", "'log_loss'"), (Huber(), "'huber'"), (Huber(0.5), "Huber(delta=0.5)")]
)
def test_repr_names_widths_activations_loss_and_dtype(loss, text):
    model = network(activation=["relu", "tanh"], loss=loss, dtype="float32")
    assert repr(model) == f"MLP([2, 4, 3, 1], activation=['relu', 'tanh'], loss={text}, dtype='float32')"


def test_a_loss_by_name_is_the_object_with_its_default_parameters():
    assert network(loss="huber").loss == Huber(1.0)
    assert network(loss=Huber(0.25)).loss == Huber(0.25)


@pytest.mark.parametrize("seed", [0, 3, np.int64(3), 2**32 - 1])
def test_initialize_draws_the_same_parameters_again(seed):
    model = network(seed=seed)
    first = model.parameters.tobytes()
    model.train(X, Y, learning_rate=0.1, epochs=3)
    assert model.parameters.tobytes() != first
    assert model.initialize() is model
    assert model.parameters.tobytes() == first


def test_without_a_seed_every_network_starts_elsewhere():
    assert not np.array_equal(network(seed=None).parameters, network(seed=None).parameters)


def test_weights_and_biases_are_views_of_the_parameters(dtype):
    model = network(dtype=dtype)
    assert [w.shape for w in model.weights] == [(4, 2), (3, 4), (1, 3)]
    assert [b.shape for b in model.biases] == [(4,), (3,), (1,)]
    pieces = [piece.ravel() for pair in zip(model.weights, model.biases, strict=True) for piece in pair]
    np.testing.assert_array_equal(np.concatenate(pieces), model.parameters)
    assert model.parameters.dtype == dtype
    model.weights[1][2, 3] = 7
    model.biases[2][0] = -5
    assert (model.parameters == 7).sum() == (model.parameters == -5).sum() == 1


def test_initialize_and_assignment_write_into_the_vector_that_views_share():
    model = network()
    vector, first = model.parameters, model.weights[0]
    vector[:] = 0
    model.initialize()
    assert model.parameters is vector
    assert first.any()
    model.parameters = np.ones(len(vector))
    assert model.parameters is vector
    assert (first == 1).all()


@pytest.mark.parametrize("bad", [None, "text", [1.0], np.ones((2, 2)), np.full(91, np.nan), np.full(91, 1j)])
def test_parameters_that_do_not_fit_are_refused_and_nothing_changes(bad):
    model = network((2, 10, 5, 1))
    before = model.parameters.tobytes()
    with pytest.raises((TypeError, ValueError), match="parameters"):
        model.parameters = bad
    assert model.parameters.tobytes() == before


def test_initial_weights_that_float32_cannot_hold_are_refused():
    with pytest.raises(ValueError, match="initialization must be finite in float32"):
        MLP([2, 1], initialization=lambda dims, seed: [np.full((1, 2), 1e300)], dtype="float32")


# ---- loss and gradient


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity", ["tanh", "relu"]])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_loss_and_gradient_are_the_reference_s(activation, n_outputs, isa, dtype):
    model = network([2, 4, 3, n_outputs], activation=activation, dtype=dtype)
    targets = np.random.default_rng(1).integers(0, 2, (20, n_outputs))
    loss, gradient = model.loss_and_gradient(X, targets)
    expected_loss, expected = reference.loss_and_gradient(
        model.parameters.astype("float64"), X.T, targets.T, model.plan.layer_dims, model.plan.activations
    )
    assert isinstance(loss, float)
    assert gradient.dtype == dtype
    assert loss == pytest.approx(expected_loss, rel=tolerance("mean loss", dtype))
    assert relative_error(gradient, expected) < tolerance("step", dtype)


def test_without_a_hidden_layer_the_model_is_logistic_regression():
    model = network([2, 1], activation=[])
    p = 1 / (1 + np.exp(-(X @ model.weights[0][0] + model.biases[0][0])))
    loss, gradient = model.loss_and_gradient(X, Y)
    assert loss == pytest.approx(-np.mean(np.log(np.where(Y == 1, p, 1 - p))), rel=1e-14)
    np.testing.assert_allclose(gradient, [*((p - Y) @ X / 20), np.mean(p - Y)], rtol=1e-12)


def test_one_activation_for_all_hidden_layers_is_the_same_as_one_for_each():
    one, each = network(activation="tanh"), network(activation=["tanh", "tanh"])
    assert one.loss_and_gradient(X, Y)[1].tobytes() == each.loss_and_gradient(X, Y)[1].tobytes()


# ---- predictions


@pytest.mark.parametrize(("n_outputs", "shape"), [(1, (20,)), (3, (20, 3))])
def test_predictions_have_one_row_per_example(n_outputs, shape, dtype):
    model = network([2, 4, n_outputs], dtype=dtype)
    labels, probabilities, logits = model.predict(X), model.predict_proba(X), model.decision_function(X)
    assert labels.shape == probabilities.shape == logits.shape == shape
    assert labels.dtype == np.int64
    assert probabilities.dtype == logits.dtype == dtype
    np.testing.assert_array_equal(labels, probabilities > 0.5)
    np.testing.assert_allclose(probabilities, reference.sigmoid(logits), rtol=1e-6)
    zs, _ = reference.forward(X.T, model.weights, model.biases, model.plan.activations)
    np.testing.assert_allclose(logits.reshape(20, -1), zs[-1].T, rtol=1e-4, atol=1e-5)


def test_a_probability_of_exactly_one_half_is_label_0():
    model = network(initialization="zeros")
    assert (model.predict_proba(X) == 0.5).all()
    assert not model.predict(X).any()


# ---- what comes in


def results(model, inputs, targets):
    loss, gradient = model.loss_and_gradient(inputs, targets)
    fresh = copy.deepcopy(model)
    history = fresh.train(inputs, targets, learning_rate=0.1, epochs=5)
    arrays = (gradient, fresh.parameters, history.losses, model.predict(inputs), model.predict_proba(inputs))
    return [loss, *(array.tobytes() for array in arrays), model.decision_function(inputs).tobytes()]


@pytest.mark.parametrize("form", FORMS)
def test_inputs_in_any_form_give_the_same_bits_and_stay_as_they_are(form, dtype):
    model = network(dtype=dtype)
    inputs = FORMS[form](X)
    before = content(inputs)
    assert results(model, inputs, Y) == results(model, X, Y)
    assert content(inputs) == before


@pytest.mark.parametrize("kind", ["bool", "int8", "uint8", "int64", ">i2"])
def test_integer_inputs_are_taken_as_numbers(kind):
    inputs = (X > 0).astype(kind)
    assert results(network(), inputs, Y) == results(network(), (X > 0).astype("float64"), Y)


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("form", LABEL_FORMS)
def test_labels_in_any_form_give_the_same_bits_and_stay_as_they_are(form, column):
    labels = LABEL_FORMS[form](Y[:, np.newaxis] if column else Y)
    before = content(labels)
    assert results(network(), X, labels) == results(network(), X, Y)
    assert content(labels) == before


SPARSE_WITH_NAN = scipy.sparse.csr_array(X)
SPARSE_WITH_NAN[3, 1] = np.nan
BAD_X = {
    "one dimension": (X[0], ValueError, r"X must have 2 dimensions .*got shape \(2,\)"),
    "three dimensions": (X[np.newaxis], ValueError, "X must have 2 dimensions"),
    "a scalar": (1.0, ValueError, "X must have 2 dimensions"),
    "transposed": (X.T, ValueError, r"X must have shape \(at least 1, 2\), got \(2, 20\)"),
    "empty": (X[:0], ValueError, r"X must have shape .*got \(0, 2\)"),
    "NaN": (np.where(X[3, 1] == X, np.nan, X), ValueError, "X must be finite in float64, got nan at index"),
    "infinity": (np.where(X[3, 1] == X, -np.inf, X), ValueError, "X must be finite in float64, got -inf at index"),
    "ragged": ([[1, 2], [3]], ValueError, "X must be an array of numbers, got a ragged list"),
    "text": ([["a", "b"]], TypeError, "X must be an array of real numbers"),
    "complex": (X + 1j, TypeError, "X must be an array of real numbers, got dtype complex128"),
    "objects": (X.astype(str).astype(object), TypeError, "X must be an array of real numbers, got str "),
    "None": (None, TypeError, "X must be an array of real numbers"),
    "dates": (X.astype("datetime64[s]"), TypeError, "X must be an array of real numbers"),
    "sparse and transposed": (scipy.sparse.csr_array(X.T), ValueError, r"X must have shape .*got \(2, 20\)"),
    "sparse and empty": (scipy.sparse.csr_array((0, 2)), ValueError, r"X must have shape .*got \(0, 2\)"),
    "sparse and complex": (
        scipy.sparse.csr_array(X + 1j),
        TypeError,
        "X must be .* real numbers, got dtype complex128",
    ),
    "sparse with NaN": (SPARSE_WITH_NAN, ValueError, r"X must be finite in float64, got nan at index \(3, 1\)"),
    "masked": (np.ma.masked_array(X, mask=X > 1), ValueError, "X must not have masked entries"),
}
BAD_Y = {
    "too short": (Y[:-1], ValueError, r"y must have shape \(20,\) or \(20, 1\) to match X, got \(19,\)"),
    "a row": (Y[np.newaxis], ValueError, r"y must have shape .*got \(1, 20\)"),
    "two columns": (np.c_[Y, Y], ValueError, r"y must have shape .*got \(20, 2\)"),
    "label 2": (Y + 1, ValueError, "y must hold labels 0 and 1 only, got 2"),
    "label -1": (2 * Y - 1, ValueError, "y must hold labels 0 and 1 only, got -1"),
    "one half": (Y / 2, ValueError, "y must hold labels 0 and 1 only, got 0.5"),
    "NaN": (np.where(Y == 1, np.nan, 0), ValueError, "y must hold labels 0 and 1 only, got nan"),
    "text": (Y.astype(str), TypeError, "y must be an array of real numbers"),
    "sparse": (scipy.sparse.csr_array(Y[np.newaxis]), TypeError, r"y must be dense, got csr_array; pass y.toarray\(\)"),
    "None": (None, TypeError, "y must be an array of real numbers"),
    "ragged": ([[1], [0, 1]], ValueError, "y must be an array of numbers, got a ragged list"),
}


@pytest.mark.parametrize("bad", BAD_X)
@pytest.mark.parametrize(
    "call",
    [
        lambda model, X: model.predict(X),
        lambda model, X: model.predict_proba(X),
        lambda model, X: model.decision_function(X),
        lambda model, X: model.loss_and_gradient(X, Y),
        lambda model, X: model.train(X, Y, learning_rate=0.1, epochs=3),
    ],
    ids=["predict", "predict_proba", "decision_function", "loss_and_gradient", "train"],
)
def test_bad_inputs_are_refused_by_name_and_the_model_stays_as_it_is(call, bad):
    value, error, message = BAD_X[bad]
    model = network()
    before = model.parameters.tobytes()
    with pytest.raises(error, match=message):
        call(model, value)
    assert model.parameters.tobytes() == before


@pytest.mark.parametrize("bad", BAD_Y)
@pytest.mark.parametrize("call", ["loss_and_gradient", "train"])
def test_bad_labels_are_refused_by_name_and_the_model_stays_as_it_is(call, bad):
    value, error, message = BAD_Y[bad]
    model = network()
    before = model.parameters.tobytes()
    kwargs = {"learning_rate": 0.1, "epochs": 3} if call == "train" else {}
    with pytest.raises(error, match=message):
        getattr(model, call)(X, value, **kwargs)
    assert model.parameters.tobytes() == before


def test_values_beyond_float32_are_refused_by_a_float32_model():
    with pytest.raises(ValueError, match=r"X must be finite in float32, got inf at index \(0, 0\)"):
        network(dtype="float32").predict(X + 1e39)


# ---- copies and the world outside


@pytest.mark.parametrize("initialization", ["he", initializers.he, ["he", "xavier", "zeros"]])
def test_a_pickled_and_a_copied_model_are_the_same_and_independent(initialization, dtype):
    model = network(initialization=initialization, activation=["tanh", "relu"], dtype=dtype)
    model.train(X, Y, learning_rate=0.1, epochs=5)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert repr(other) == repr(model)
        assert other.parameters.tobytes() == model.parameters.tobytes()
        other.train(X, Y, learning_rate=0.1, epochs=5)
        assert other.parameters.tobytes() != model.parameters.tobytes()
        assert other.initialize().parameters.tobytes() == copy.deepcopy(model).initialize().parameters.tobytes()


def test_a_model_that_predicted_one_example_is_pickled_and_copied_like_any_other():
    model = network()
    expected = model.predict_one(X[0]).tobytes()
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.copy(model)):
        assert other.predict_one(X[0]).tobytes() == expected


def test_numpy_s_global_random_state_is_untouched():
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    for seed in (None, 3):
        network(seed=seed, activation="tanh").train(X, Y, learning_rate=0.1, epochs=2)
    assert np.random.random() == expected
