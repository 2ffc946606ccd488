"""What could crash the process or corrupt memory, called on purpose: every call must raise or answer."""

import copy

import numpy as np
import pytest
from alarms import alarm
from networks import OPTIMIZER, activations_of, engine_of, kernel_loss_and_gradient, random_network

from fastmlp import MLP, _kernels
from fastmlp.lab import run_study
from fastmlp.lab.measurements import measure

Z = np.zeros
ONE = ("logistic",)


@pytest.mark.parametrize(
    "call",
    [
        lambda: _kernels.forward(Z((2, 5)), [Z((1, 2))], [], ONE),
        lambda: _kernels.forward(Z((2, 5)), [], [], ONE),
        lambda: _kernels.forward(None, [Z((1, 2))], [Z((1, 1))], ONE),
        lambda: _kernels.forward(Z((2, 5)), None, None, ONE),
        lambda: _kernels.backward(Z((2, 5)), Z((1, 5)), [Z((1, 2))], [], ONE),
        lambda: _kernels.backward(None, None, [Z((1, 2))], [Z((1, 5))], ONE),
        lambda: _kernels.cross_entropy(None, None),
        lambda: _kernels.cross_entropy(Z((1, 3)), Z((1, 2))),
        lambda: _kernels.first_not_finite((None,)),
        lambda: _kernels.first_not_finite((Z((2, 5), "i1"),)),
        lambda: _kernels.first_not_finite((Z(13)[::-1],)),
        lambda: _kernels.all_binary(None),
        lambda: _kernels.all_binary(Z((2, 5), bool)),
        lambda: _kernels.all_in_unit_interval(Z((2, 5), "f2")),
        lambda: _kernels.integer_labels(Z((2, 5), "i8"), Z((2, 5), "i1")),
        lambda: _kernels.integer_labels(Z((2, 5), "i8"), None),
        lambda: _kernels.elementwise("foo", Z(3), Z(3)),
    ],
)
def test_kernels_raise(call):
    with pytest.raises((TypeError, ValueError)):
        call()


def engine(layer_dims=(2, 3, 1), activations=("relu", "logistic"), batch=8, **options):
    return _kernels.Engine(True, layer_dims, activations, batch, **options)


@pytest.mark.parametrize(
    "call",
    [
        lambda: engine(layer_dims=(2, 2**62, 1)),
        lambda: engine(layer_dims=(2, "3", 1)),
        lambda: engine(layer_dims=None),
        lambda: engine(activations=("swish", "logistic")),
        lambda: engine(activations=([], "logistic")),
        lambda: engine(activations=(None, "logistic")),
        lambda: engine(activations=None),
        lambda: engine(batch=0),
        lambda: engine(batch=-1),
        lambda: engine(loss="hinge"),
        lambda: engine(loss=None),
        lambda: engine(loss_parameter="0.5"),
        lambda: engine(n_threads=0),
        lambda: engine(dropout=(1.0, 0)),
        lambda: engine(dropout=(np.nan, 0)),
        lambda: engine(dropout=(-0.1, 0)),
        lambda: engine(dropout=(0.1,)),
        lambda: engine().dropout_mask(1, 0, 0),
        lambda: engine().dropout_mask(-1, 0, 0),
        lambda: _kernels.Engine(),
    ],
)
def test_engines_raise(call):
    with pytest.raises((TypeError, ValueError)):
        call()


def test_more_scratch_than_there_is_memory_is_a_memory_error():
    for layer_dims in ((2**28, 2**28, 1), (2**28,) * 12):
        with pytest.raises(MemoryError):
            engine(layer_dims=layer_dims, activations=("relu",) * (len(layer_dims) - 1)).allocate()


def test_a_plan_can_be_described_where_its_memory_could_not_be_had():
    description = engine(layer_dims=(2**28, 1), activations=("logistic",)).describe()
    assert description["scratch_bytes"] > 8 * 2**28


def test_sparse_indices_that_change_after_the_check_are_not_followed():
    values, indices, indptr, n_features = csr()
    data = _kernels.Data((values, indices, indptr, n_features), Z((1, 2)))
    gradient, parameters = np.empty(3), np.zeros(3)
    one_layer = engine(layer_dims=(2, 1), activations=("logistic",))
    expected = one_layer.loss_and_gradient(gradient, parameters, data)
    indices[:], indptr[1:] = 2**30, 2**30
    assert one_layer.loss_and_gradient(gradient, parameters, data) == expected  # zero weights: features do not matter
    indices[:], indptr[:] = -5, -(2**30)
    assert one_layer.loss_and_gradient(gradient, parameters, data) == expected


def csr(values=(1.0, 2, 3), indices=(0, 1, 1), indptr=(0, 2, 3), n_features=2, index_dtype="int32"):
    return np.array(values), np.array(indices, index_dtype), np.array(indptr, index_dtype), n_features


X, Y = Z((8, 2)), Z((1, 8))


@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"indptr": (0, 2, 9)},
        {"indptr": (0, 3, 2)},
        {"indptr": (1, 2, 3)},
        {"indptr": (0, -1, 3)},
        {"indptr": (0,)},
        {"indptr": ()},
        {"indices": (0, 1, 2)},
        {"indices": (0, 1, -1)},
        {"indices": (0, 1)},
        {"values": (1.0, 2)},
        {"n_features": 0},
        {"n_features": -1},
    ],
    ids=str,
)
def test_data_refuses_broken_csr(wrong, index_dtype):
    assert _kernels.Data(csr(index_dtype=index_dtype)).n_examples == 2
    with pytest.raises(ValueError, match=r"CSR|at least one"):
        _kernels.Data(csr(**wrong, index_dtype=index_dtype))


@pytest.mark.parametrize(
    "arguments",
    [
        (None,),
        ([[1.0, 2]],),
        (Z(3),),
        (Z((2, 2, 2)),),
        (Z((3, 0)),),
        (Z((0, 3)),),
        (Z((3, 2), "f2"),),
        (Z((3, 2), ">f8"),),
        (Z((3, 2), int),),
        (Z((6, 4))[::2, ::2],),
        (Z((8, 2))[:, ::-1],),
        (X, Z(8)),
        (X, Z((1, 7))),
        (X, Z((1, 8), "f4")),
        (X, Z((1, 16))[:, ::2]),
        (X, [0] * 8),
        (X, Y, Z(7)),
        (X, Y, Z((1, 8))),
        (X, Y, Z(8, "f4")),
        (X, Y, Z(16)[::2]),
        (csr()[:3],),
        ((None, None, None, 2),),  # must be refused before a field of None is read
        ((*csr()[:2], None, 2),),
        ((*csr()[:3], None),),
        ((*csr()[:2], np.array([0, 2, 3], "int64"), 2),),
        ((Z((3, 1)), *csr()[1:]),),
        ((Z(3, int), *csr()[1:]),),
        (csr(index_dtype="uint32"),),
        (csr(index_dtype="int16"),),
    ],
)
def test_data_refuses_what_would_not_be_safe(arguments):
    with pytest.raises((TypeError, ValueError)):
        _kernels.Data(*arguments)


# the arguments of a training that is right, and what must not come in their place
TRAINING = {
    "parameters": Z(13),
    "data": _kernels.Data(X, Y),
    "optimizer": OPTIMIZER,
    "moments": Z((0, 13)),
    "learning_rates": Z(3),
    "order": Z((3, 8), np.intp),
    "losses": Z(3),
    "epochs": 3,
}
ADAM = OPTIMIZER | {"method": "adam"}
WRONG = [
    {"parameters": Z(12)},
    {"parameters": Z(26)[::2]},
    {"parameters": Z(13, "f4")},
    {"parameters": None},
    {"data": None},
    {"data": X},
    {"data": _kernels.Data(X)},
    {"data": _kernels.Data(Z((8, 3)), Y)},
    {"data": _kernels.Data(X, Z((2, 8)))},
    {"data": _kernels.Data(X, Z((0, 8)))},
    {"data": _kernels.Data(X.astype("f4"), Y.astype("f4"))},
    {"optimizer": None},
    {"optimizer": []},
    {"optimizer": OPTIMIZER | {"method": []}},
    {"optimizer": OPTIMIZER | {"momentum": "0.9"}},
    {"moments": None},
    {"moments": Z((1, 13))},
    {"moments": Z((0, 12))},
    {"moments": Z((0, 13), "f4")},
    {"optimizer": ADAM},
    {"optimizer": ADAM, "moments": Z((1, 13))},
    {"optimizer": ADAM, "moments": Z((2, 12))},
    {"optimizer": ADAM, "moments": Z((13, 2)).T},
    {"optimizer": OPTIMIZER | {"method": "rmsprop"}, "moments": Z((2, 13))},
    {"optimizer": OPTIMIZER | {"method": "momentum"}},
    {"learning_rates": None},
    {"learning_rates": Z(2)},
    {"learning_rates": Z(4)},
    {"learning_rates": Z(3, "f4")},
    {"learning_rates": Z(6)[::2]},
    {"order": np.full((3, 8), -1)},
    {"order": np.full((3, 8), 8)},
    {"order": np.full((3, 8), np.iinfo(np.intp).max)},
    {"order": Z((3, 7), np.intp)},
    {"order": Z((2, 8), np.intp)},
    {"order": Z(24, np.intp)},
    {"order": Z((3, 8), "i4")},
    {"order": Z((3, 16), np.intp)[:, ::2]},
    {"losses": Z(4)},
    {"losses": Z(3, "f4")},
    {"epochs": -1},
    {"epochs": 2},
    {"epochs": 2**62},
    {"epochs": 2**63 - 1},
    {"counts": {"updates": -1}},
    {"watch": {"stop": 3}},
]


@pytest.mark.parametrize("wrong", WRONG, ids=", ".join)
def test_training_refuses_what_would_not_be_safe(wrong):
    assert engine().train(**TRAINING)
    with pytest.raises((TypeError, ValueError)):
        engine().train(**TRAINING | wrong)


def test_unknown_and_missing_settings_of_an_optimizer_raise():
    for optimizer in ({}, OPTIMIZER | {"method": "lamb"}):
        with pytest.raises((KeyError, ValueError)):
            engine().train(**TRAINING | {"optimizer": optimizer})


def test_order_is_checked_in_every_epoch():
    for at in ((0, 0), (2, 7)):
        for index in (-1, 8):
            order = Z((3, 8), np.intp)
            order[at] = index
            with pytest.raises(ValueError, match="order must hold indices of the 8 examples"):
                engine().train(**TRAINING | {"order": order})


def test_a_training_of_no_epochs_moves_nothing():
    parameters = np.arange(13.0)
    counts = {"updates": 7}
    nothing = {"epochs": 0, "learning_rates": Z(0), "losses": Z(0), "order": Z((0, 8), np.intp), "counts": counts}
    assert engine().train(**TRAINING | nothing | {"parameters": parameters})
    np.testing.assert_array_equal(parameters, np.arange(13.0))
    assert counts == {"updates": 7}


@pytest.mark.parametrize(
    "call",
    [
        lambda: engine().loss_and_gradient(Z(12), Z(13), TRAINING["data"]),
        lambda: engine().loss_and_gradient(Z(13), Z(13, "f4"), TRAINING["data"]),
        lambda: engine().loss_and_gradient(Z(13), None, TRAINING["data"]),
        lambda: engine().loss_and_gradient(Z(13), Z(13), None),
        lambda: engine().loss_and_gradient(Z(13), Z(13), _kernels.Data(X)),
        lambda: engine(batch=7).loss_and_gradient(Z(13), Z(13), TRAINING["data"]),
        lambda: engine().predict(Z((1, 7)), Z(13), TRAINING["data"], True),
        lambda: engine().predict(Z((2, 8)), Z(13), TRAINING["data"], True),
        lambda: engine().predict(Z((1, 8), "f4"), Z(13), TRAINING["data"], True),
        lambda: engine().predict(Z((1, 8)), Z(12), TRAINING["data"], True),
        lambda: engine().predict(None, Z(13), TRAINING["data"], True),
        lambda: engine().predict(Z((1, 8)), Z(13), _kernels.Data(Z((8, 3))), True),
        lambda: engine().predict_one(Z(12), Z(2), True),
        lambda: engine().predict_one(Z(13, "f4"), Z(2), True),
        lambda: engine().predict_one(None, Z(2), True),
    ],
)
def test_passes_raise(call):
    with pytest.raises((TypeError, ValueError)):
        call()


def test_one_prediction_is_made_only_from_plain_arrays():
    for x in (None, [0.0, 0.0], Z(3), Z((1, 2)), Z(4)[::2], Z(2, "f4"), np.array([0, np.nan]), np.array([np.inf, 0])):
        assert engine().predict_one(Z(13), x, True) is None
    np.testing.assert_array_equal(engine().predict_one(Z(13), Z(2), True), [0.5])


def test_engines_and_data_cannot_be_copied():
    for thing in (engine(), TRAINING["data"]):
        with pytest.raises(TypeError, match="__cinit__"):
            copy.copy(thing)


def test_quick_checks_say_no():
    assert _kernels.plain_and_finite([]) is False
    assert _kernels.descended([], [], 0.1) is None
    assert _kernels.network_fits(None, [None], [None], False) is False
    assert _kernels.network_fits(Z((2, 5)), [Z(())], [Z(())], False) is False
    assert _kernels.network_fits(Z((2, 5)), [Z((1, 2))], [], False) is False


def test_a_study_refuses_bad_test_data_before_it_trains():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    for bad_X, bad_y in ((X, y + 5), (X[:, :1], y), (X, y[:-1])):
        with pytest.raises(ValueError, match="test: "):
            run_study([2, 3, 1], (X, y), (bad_X, bad_y), epochs=10**9)


def test_a_study_takes_a_column_of_labels():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    flat, column = (run_study([2, 3, 1], (X, labels), (X, labels), epochs=50) for labels in (y, y[:, np.newaxis]))
    assert [run.test_accuracy for run in flat] == [run.test_accuracy for run in column]


def test_measuring_logits_that_overflow():
    result = measure(MLP([2, 3, 1], initialization="random", seed=1), np.array([[5e306, 5e306], [1, 1]]))
    assert result.saturated_outputs == 1
    assert np.isfinite(result.smallest_logit)


def test_a_callback_that_rebinds_the_parameters_does_not_stop_the_training():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
    plain, rebound = MLP([2, 3, 1], seed=1), MLP([2, 3, 1], seed=1)

    def rebind(epoch, loss):
        rebound.parameters = rebound.parameters.copy()

    plain.train(X, y, learning_rate=0.1, epochs=50, report_every=10)
    rebound.train(X, y, learning_rate=0.1, epochs=50, report_every=10, callback=rebind)
    np.testing.assert_array_equal(plain.parameters, rebound.parameters)


def test_labels_are_checked_before_they_are_rounded():
    model = MLP([2, 1], dtype="float32")
    for nearly in (1 + 1e-12, 1e-60):
        with pytest.raises(ValueError, match="y must hold labels"):
            model.loss_and_gradient(np.ones((1, 2)), [nearly])


def test_numpy_that_raises_on_underflow_is_no_hindrance():
    with np.errstate(all="raise"):
        assert MLP([2, 1], dtype="float32", seed=0).predict_proba(np.full((3, 2), 1e-300)).shape == (3,)


def test_an_engine_in_use_refuses_a_second_call():
    """From the callback of a signal, while the first is on its way; the first goes on undisturbed."""
    layer_dims, n = (400, 400, 400, 1), 10_000  # some time longer than the interval between polls
    activations = activations_of(layer_dims)
    network = random_network(layer_dims, n, "float64")
    parameters, inputs, targets = network
    engine, data = engine_of("float64", layer_dims, activations, n), _kernels.Data(inputs.T, targets)
    expected, refused = kernel_loss_and_gradient(*network, layer_dims, activations), []

    def call_again():
        try:
            engine.loss(parameters, data)  # taken if the signal is served between two calls
        except RuntimeError as error:
            refused.append(str(error))

    for _ in range(20):
        gradient = np.empty_like(parameters)
        with alarm(call_again, 0.01):
            loss = engine.loss_and_gradient(gradient, parameters, data)
        assert loss == expected[0]
        np.testing.assert_array_equal(gradient, expected[1])
        if refused:
            break
    assert refused == ["the engine is in use by another call"]
