"""One example at a time: a row of what the whole matrix gives, and nothing allocated but the result."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError

from fastmlp import MLPClassifier, MLPRegressor, _kernels

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def data(dtype="float64"):
    return np.random.default_rng(0).standard_normal((40, 5)).astype(dtype)


def fitted(kind, dtype):
    X = data(dtype)
    y = {"two": X[:, 0] > 0, "three": np.arange(40) % 3, "several": (X[:, :2] > 0).astype(int)}.get(kind)
    if y is not None:
        return MLPClassifier((8,), max_iter=4, random_state=0).fit(X, y)
    return MLPRegressor(hidden_layer_sizes=(8,), max_iter=4, random_state=0).fit(X, X[:, : int(kind)])


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("kind", ["two", "three", "several", "1", "2"])
def test_one_example_has_the_bits_of_its_row(kind, isa, dtype):
    model, X = fitted(kind, dtype), data(dtype)
    rows = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X).reshape(40, -1)
    for x, row in zip(X, rows, strict=True):
        one = model.predict_one(x)
        assert (one.dtype, one.shape) == (dtype, row.shape)
        assert one.tobytes() == row.tobytes()
    for form in (list, lambda x: x.astype(int) * 0 + x, lambda x: scipy.sparse.csr_matrix(x[np.newaxis])):
        np.testing.assert_allclose(model.predict_one(form(X[0])), rows[0], rtol=1e-6)
    with pytest.raises(ValueError, match=r"x must have shape \(5,\), got \(4,\)"):
        model.predict_one(X[0, :4])
    with pytest.raises(ValueError, match="x must be finite"):
        model.predict_one(X[0] * np.nan)


@pytest.mark.parametrize("kind", ["two", "three"])
def test_nothing_but_the_result_is_allocated(kind, dtype):
    model, x = fitted(kind, dtype), data(dtype)[0]
    model.predict_one(x)
    tracemalloc.start()
    result = model.predict_one(x)
    current, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak == current  # nothing was freed again
    assert current <= result.nbytes + 200  # the array object


def test_a_model_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        MLPClassifier().predict_one([1.0])


def test_only_a_single_output_has_a_rest():
    network = fitted("three", np.dtype("float64"))._network
    with pytest.raises(ValueError, match="with_rest needs a network with one output, this one has 3"):
        network.engine(1).predict_one(network.parameters, data()[0], True, True)
    assert _kernels.Engine is type(network.engine(1))
