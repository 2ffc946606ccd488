"""Rows that have no prediction, loss or gradient, because sums overflow, are refused by their place."""

import numpy as np
import pytest
import scipy.sparse

from fastmlp import MLP

NODATA = np.finfo(np.float32).min  # what rasters hold where nothing was measured
RNG = np.random.default_rng(3)
LOSSES = {"log_loss": 1, "multilabel_log_loss": 3, "multinomial_log_loss": 3, "squared_error": 2, "poisson": 1}


def raster(n, lost, form=np.asarray):
    rows = RNG.standard_normal((n, 8)).astype(np.float32)
    rows[lost] = NODATA
    return form(rows)


def network(loss, activation="relu"):
    return MLP([8, 30, LOSSES[loss]], activation=activation, loss=loss, dtype="float32", seed=0)


def calls(model):
    probabilities = [model.predict_proba] if model.loss.targets in ("labels", "classes") else []
    return [model.predict, model.decision_function, *probabilities]


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, scipy.sparse.csr_array], ids=["C", "F", "csr"])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_first_row_without_a_prediction_is_named_with_its_largest_entry(loss, form, isa):
    model, X = network(loss), raster(200, [17, 40, 199], form)
    lost = (
        r"X must have rows that give numbers in float32, but in row 17 and 2 more, whose largest entry is 3\.40282e\+38"
    )
    for call in calls(model):
        with pytest.raises(ValueError, match=lost):
            call(X)
        assert np.isfinite(call(X[:17])).all()
    with pytest.raises(
        ValueError, match=r"x must give numbers, but a sum overflows and an output is NaN: .* 3\.40282e"
    ):
        model.predict_one(raster(1, [0])[0])
    assert np.isfinite(model.predict_one(raster(1, [])[0])).all()


def test_a_single_lost_row_has_no_others_beside_it():
    with pytest.raises(ValueError, match="but in row 3, whose"):
        network("log_loss").predict(raster(5, [3]))


def test_a_class_is_not_guessed_from_logits_that_overflowed():
    """Two logits are infinite, and none is NaN: the first of them would win."""
    model = MLP([1, 3], activation=[], loss="multinomial_log_loss", initialization="zeros", dtype="float32")
    model.weights[0][:, 0] = 2, 3, -1
    for call in (model.predict, model.predict_proba):
        with pytest.raises(ValueError, match="but in row 1, whose"):
            call([[1.0], [3e38]])
    assert model.predict([[1.0], [-1.0]]).tolist() == [1, 2]


def test_values_that_overflow_to_infinity_are_answers():
    model = MLP([1, 1], activation=[], loss="poisson", initialization="zeros")
    model.weights[0][:] = 1.0
    assert model.predict([[1e4], [-1e4]]).tolist() == [np.inf, 0.0]
    assert model.predict_one([1e4]).tolist() == [np.inf]


def test_labels_of_infinite_logits_are_labels():
    model = MLP([1, 1], activation=[], initialization="zeros", dtype="float32")
    model.weights[0][:] = 2.0
    assert model.predict([[3e38], [-3e38]]).tolist() == [1, 0]
    assert model.predict_proba([[3e38], [-3e38]]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array], ids=["dense", "csr"])
def test_parameters_that_are_larger_than_the_row_are_to_blame(form):
    model = network("log_loss", "identity")
    model.weights[0][:], model.weights[1][0, 0] = NODATA, -1
    X, start = np.ones((4, 8), np.float32), "parameters must give numbers in float32, but in row 0 of X"
    for call in calls(model):
        with pytest.raises(ValueError, match=rf"{start} and 3 more, .*: the largest parameter is 3\.40282e\+38"):
            call(form(X))
    with pytest.raises(ValueError, match=f"{start}, whose largest entry is 1,"):
        model.loss_and_gradient(form(X), [0, 1, 0, 1])
    with pytest.raises(
        ValueError, match=r"parameters must give numbers, but a sum overflows .* x is 1, the largest par"
    ):
        model.predict_one(X[0])


# ---- loss_and_gradient


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, scipy.sparse.csr_array], ids=["C", "F", "csr"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("lost", [[0], [17, 40, 199], [199]], ids=str)
def test_the_first_row_without_a_loss_is_named(loss, form, lost):
    model, X = network(loss), raster(200, lost, form)
    shape = (200, LOSSES[loss]) if loss in ("multilabel_log_loss", "squared_error") else 200
    y = np.zeros(shape, int)
    for weight in (None, RNG.uniform(1, 2, 200)):
        with pytest.raises(
            ValueError, match=rf"X must have rows .* in row {lost[0]}, whose largest entry is 3\.40282e"
        ):
            model.loss_and_gradient(X, y, sample_weight=weight)


def test_a_gradient_that_overflows_behind_a_prediction_that_does_not_is_refused():
    """A hidden output is infinite, and the derivative of what follows is 0."""
    model = MLP([1, 1, 1, 1], activation=["relu", "tanh"], initialization="zeros")
    for weights in model.weights:
        weights[:] = 10.0
    X = [[1.0], [1e308]]
    assert model.predict(X).tolist() == [1, 1]
    with pytest.raises(ValueError, match="in row 1, whose largest entry is 1e"):
        model.loss_and_gradient(X, [0, 1])


def test_gradients_whose_sum_overflows_are_no_row_s_fault():
    model = MLP([1, 1], activation=[], loss="squared_error", initialization="zeros", dtype="float32")
    X, y = np.full((64, 1), 1e20, np.float32), np.where(np.arange(64) % 2, -1e30, 1e30)
    with pytest.raises(ValueError, match="X must give gradients whose sum over the rows is a number in float32"):
        model.loss_and_gradient(X, y)


def test_a_loss_beyond_the_range_is_infinite():
    model = MLP([1, 1], activation=[], loss="squared_error", initialization="zeros", dtype="float32")
    model.biases[0][:] = 1.0
    loss, gradient = model.loss_and_gradient([[0.0]], [3e38])
    assert loss == np.inf
    assert np.isfinite(gradient).all()
