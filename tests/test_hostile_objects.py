"""Arguments whose own methods raise or lie: each is refused by the argument's name, as other wrong values are."""

from collections.abc import Sequence

import numpy as np
import pytest
import scipy.sparse

from fastmlp import MLP, Adam, notebook
from fastmlp.lab import run_study
from fastmlp.training import TrainingOptions, run

X, Y = np.eye(2), np.array([0, 1])


def raises(*_):
    raise LookupError("nothing\nhere")


class Items(Sequence):
    """A sequence with a length or items that cannot be had."""

    def __init__(self, length, items):
        self.length, self.items = length, items

    def __len__(self):
        return self.length()

    def __getitem__(self, i):
        return self.items(i)


class Integer(int):
    __int__ = __index__ = raises


class Float(float):
    __float__ = raises


class Deaf(np.ndarray):
    """An array that NumPy's functions do not take."""

    __array_function__ = __array_ufunc__ = raises


SEQUENCES = {
    "no length": Items(raises, lambda i: [2, 3, 1][i]),
    "a negative length": Items(lambda: -1, raises),
    "no items": Items(lambda: 3, raises),
    "a view of two dimensions": memoryview(np.ones((2, 2))),
}


@pytest.mark.parametrize("kind", SEQUENCES)
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("layer_dims", lambda value: MLP(value)),
        ("activation", lambda value: MLP([2, 3, 1], activation=value)),
        ("initialization", lambda value: MLP([2, 3, 1], initialization=value)),
        ("dropout", lambda value: MLP([2, 3, 1]).train(X, Y, epochs=1, dropout=value)),
        ("layers_dims", lambda value: notebook.initialize_parameters_he(value)),
        ("initializations", lambda value: run_study([2, 1], (X, Y), (X, Y), initializations=value)),
    ],
)
def test_a_sequence_that_cannot_be_read_is_refused_by_name(name, call, kind):
    with pytest.raises(ValueError, match=rf"^{name} must be a sequence; reading the \w+ raised \w+: [^\n]*$"):
        call(SEQUENCES[kind])


@pytest.mark.parametrize("name", ["epochs", "batch_size", "report_every", "n_threads", "seed"])
def test_an_integer_that_cannot_be_had_is_refused_by_name(name):
    message = f"^{name} must be an integer; reading the Integer raised LookupError: nothing here$"
    with pytest.raises(ValueError, match=message):
        MLP([2, 1]).train(X, Y, **{"epochs": 1, name: Integer(1)})


@pytest.mark.parametrize("name", ["learning_rate", "l1", "l2", "clip_norm", "tol", "dropout"])
def test_a_number_that_cannot_be_had_is_refused_by_name(name):
    message = f"^{name} must be a number; reading the Float raised LookupError: nothing here$"
    with pytest.raises(ValueError, match=message):
        MLP([2, 3, 1]).train(X, Y, epochs=1, **{name: Float(0.5)})
    with pytest.raises(ValueError, match=r"^epsilon must be a number; reading the Float raised LookupError"):
        Adam(epsilon=Float(0.5))


@pytest.mark.parametrize("function", [notebook.relu, notebook.sigmoid])
def test_elementwise_functions_take_arrays_of_any_subclass(function):
    x = np.array([[-1.0, 2.0], [0.5, -3.0]])
    np.testing.assert_array_equal(function(x.view(Deaf)), function(x))


def test_gradients_that_are_a_sparse_matrix_are_refused():
    """It is a dict, too, but of other keys."""
    one = np.ones((1, 1))
    with pytest.raises(ValueError, match=r"^grads must have the key"):
        notebook.update_parameters({"W1": one, "b1": one}, scipy.sparse.dok_matrix((2, 2)), 0.1)


def test_what_only_looks_sparse_or_like_a_network_is_refused():
    class Anything:
        def __getattr__(self, name):
            if name == "shape":
                raise AttributeError(name)
            return self

    with pytest.raises(ValueError, match=r"^x must have shape \(1, 2\) where it is sparse, got None"):
        MLP([2, 1]).predict_one(Anything())
    with pytest.raises(TypeError, match=r"^network must be an MLP, got "):
        run(Anything(), MLP([2, 1]).examples(X, Y), TrainingOptions(epochs=1))


def test_the_entries_of_an_initialization_are_called_with_what_they_take():
    from fastmlp import initializers

    mixed = MLP([2, 3, 1], initialization=[initializers.he, "zeros"], seed=1)
    np.testing.assert_array_equal(mixed.weights[0], MLP([2, 3, 1], seed=1).weights[0])
    assert not mixed.weights[1].any()
    message = r"^initialization must hold names or functions f\(generator, fan_in, fan_out\), got f\(layers_dims"
    with pytest.raises(TypeError, match=message):
        MLP([2, 3, 1], initialization=["he", notebook.initialize_parameters_zeros])
