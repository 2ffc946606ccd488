"""Examples: checked once, used by many trainings."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse

from fastmlp import MLP
from fastmlp.training import TrainingOptions, run

RNG = np.random.default_rng(1)
X = RNG.standard_normal((30, 3))
Y = (X[:, 0] > 0).astype("int64")
WEIGHTS = RNG.uniform(0, 5, 30)


def network(dims=(3, 5, 1), **kwargs):
    return MLP(dims, **{"activation": "tanh", "seed": 1, **kwargs})


@pytest.mark.parametrize("inputs", [X, np.asfortranarray(X), X.tolist(), scipy.sparse.csr_array(X)], ids=type)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_many_trainings_share_what_was_checked_once(inputs, weights, monkeypatch):
    examples = network().examples(inputs, Y, sample_weight=weights)
    expected = [network(seed=seed) for seed in range(3)]
    for model in expected:
        model.train(inputs, Y, epochs=5, batch_size=7, seed=2, sample_weight=weights)

    def no_second_look(*arguments):
        raise AssertionError("X was looked at again")

    monkeypatch.setattr("fastmlp.engine.examples.inputs_of", no_second_look)
    for seed, same in enumerate(expected):
        model = network(seed=seed)
        run(model, examples, TrainingOptions(epochs=5, batch_size=7, seed=2))
        assert model.parameters.tobytes() == same.parameters.tobytes()


@pytest.mark.parametrize("scale", [1, 2.0**-60, 2.0**100, 1e-300, 1e300])
def test_the_sum_of_the_weights_is_that_of_those_given(scale):
    examples = network().examples(X, Y, sample_weight=WEIGHTS * scale)
    assert examples.total_weight == pytest.approx(WEIGHTS.sum() * scale, rel=1e-15)
    assert network().examples(X, Y).total_weight == 30


def test_the_sum_of_float32_weights_loses_no_small_one():
    weights = np.r_[1.0, np.full(29, 2.0**-25)]
    assert network(dtype="float32").examples(X, Y, sample_weight=weights).total_weight == 1 + 29 * 2.0**-25


def test_weights_too_large_for_a_sum_leave_no_penalty():
    examples = network().examples(X, Y, sample_weight=np.full(30, 1.7e308))
    assert examples.total_weight == np.inf
    model, plain = network(), network()
    run(model, examples, TrainingOptions(epochs=5, l2=1.0, penalty="sum"))
    plain.train(X, Y, epochs=5)
    np.testing.assert_allclose(model.parameters, plain.parameters, rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
@pytest.mark.parametrize("scale", [0.25, 1.0, 1024.0])
def test_a_penalty_of_the_sum_weighs_less_beside_heavier_examples(scale, optimizer):
    """l2 over the sum of the weights, as they were given, is an l2 of the mean."""
    weights = WEIGHTS * scale
    options = {"epochs": 8, "optimizer": optimizer, "sample_weight": weights}
    model, same = network(), network()
    model.train(X, Y, l2=3.0, penalty="sum", **options)
    same.train(X, Y, l2=3.0 / weights.sum(), **options)
    np.testing.assert_allclose(model.parameters, same.parameters, rtol=1e-6 if optimizer == "lbfgs" else 1e-12)


@pytest.mark.parametrize(
    "other",
    [
        lambda: network(dtype="float32"),
        lambda: network((4, 5, 1)),
        lambda: network((3, 5, 2), loss="multilabel_log_loss"),
        lambda: network(loss="squared_error"),
        lambda: network(loss="huber"),
    ],
)
def test_a_network_that_they_were_not_checked_for_is_refused(other):
    model = other()
    before = model.parameters.tobytes()
    with pytest.raises(ValueError, match="the examples were checked for LogLoss"):
        run(model, network().examples(X, Y), TrainingOptions(epochs=3))
    assert model.parameters.tobytes() == before


def test_a_network_of_other_hidden_layers_takes_them():
    model = network((3, 9, 2, 1), activation="relu")
    assert run(model, network().examples(X, Y), TrainingOptions(epochs=3)).ended.epoch == 3


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
@pytest.mark.parametrize("inputs", [X, np.asfortranarray(X), scipy.sparse.csr_array(X)], ids=type)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_copy_in_another_process_serves_as_well(inputs, weights, copied):
    examples, models = network().examples(inputs, Y, sample_weight=weights), [network(), network()]
    for model, one in zip(models, (examples, copied(examples)), strict=True):
        run(model, one, TrainingOptions(epochs=3, batch_size=7, seed=2, l2=0.1, penalty="sum"))
        assert one.total_weight == examples.total_weight
    assert models[0].parameters.tobytes() == models[1].parameters.tobytes()


@pytest.mark.parametrize("inputs", [X, np.asfortranarray(X), scipy.sparse.csr_array(X)], ids=type)
def test_a_copy_whose_arrays_were_sent_to_any_address_serves_as_well(inputs):
    """As clusters do, which send the arrays of a pickle beside it and hand over views of the message."""
    examples, buffers = network().examples(inputs, Y, sample_weight=WEIGHTS), []
    pickled = pickle.dumps(examples, protocol=5, buffer_callback=buffers.append)
    shifted = [memoryview(b"x" + bytes(buffer.raw()))[1:] for buffer in buffers]
    assert len(shifted) >= 3
    models = network(), network()
    for model, one in zip(models, (examples, pickle.loads(pickled, buffers=shifted)), strict=True):
        run(model, one, TrainingOptions(epochs=3, batch_size=7, seed=2))
    assert models[0].parameters.tobytes() == models[1].parameters.tobytes()


@pytest.mark.parametrize("options", [{}, {"batch_size": 7, "restore_best": True}, {"optimizer": "lbfgs"}], ids=str)
@pytest.mark.parametrize("changed", ["inputs", "targets"])
def test_arrays_that_their_owner_made_not_finite_end_a_training_with_finite_parameters(changed, options):
    inputs, targets = X.copy(), X[:, 1].copy()
    model = network(loss="squared_error")
    examples = model.examples(inputs, targets)
    {"inputs": inputs, "targets": targets}[changed][3] = np.nan
    assert run(model, examples, TrainingOptions(epochs=3, **options)).ended.how == "diverged"
    assert np.isfinite(model.parameters).all()


@pytest.mark.parametrize("inputs", [X, np.asfortranarray(X), scipy.sparse.csr_array(X)], ids=type)
@pytest.mark.parametrize(("start", "end"), [(0, 1), (0, 7), (3, 4), (11, 30), (0, 1000)])
def test_some_rows_are_those_examples(inputs, start, end):
    model = network()
    data = model.examples(inputs, Y, sample_weight=np.arange(30) + 1).rows(start, end)
    engine, outputs = model.engine(data.n_examples), np.empty((1, min(end, 30) - start))
    engine.predict(outputs, model.parameters, data, False)
    np.testing.assert_array_equal(outputs[0], model.decision_function(X[start:end]))
    expected, _ = model.loss_and_gradient(X[start:end], Y[start:end])
    assert engine.loss(model.parameters, data) == expected


def test_some_rows_of_a_sparse_matrix_are_as_sparse_as_they_are():
    matrix = scipy.sparse.csr_array(np.where(np.arange(30)[:, np.newaxis] < 10, 0.0, X))
    examples = network().examples(matrix, Y)
    assert [examples.rows(0, n).density for n in (10, 20, 30)] == [0, 0.5, pytest.approx(2 / 3)]


@pytest.mark.parametrize("place", [(0, 0), (4, 0), (4, 2), (29, 2)])
def test_an_entry_of_a_sparse_matrix_that_is_not_finite_is_named_by_its_place(place):
    wrong = X.copy()
    wrong[place] = -np.inf
    with pytest.raises(ValueError, match=rf"X must be finite in float64, got -inf at index \({place[0]}, {place[1]}\)"):
        network().examples(scipy.sparse.csr_array(wrong), Y)


def test_a_sparse_matrix_of_complex_numbers_is_refused_by_name():
    with pytest.raises(TypeError, match=r"^X must be an array of real numbers, got dtype complex128"):
        network().examples(scipy.sparse.csr_array(X * 1j), Y)


@pytest.mark.parametrize("row", [0, 1, 20_000, 32_768, 39_999])
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_not_finite_is_found_in_every_block_of_an_array_with_gaps(row, order):
    """Blocks of a megabyte are looked at one by one."""
    inputs = np.zeros((80_000, 8), order=order)[:40_000, :4]
    inputs[row, 3] = np.nan
    with pytest.raises(ValueError, match=rf"X must be finite in float64, got nan at index \({row}, 3\)"):
        network((4, 1), activation=[]).examples(inputs, np.zeros(40_000))
