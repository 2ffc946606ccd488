"""Inputs in every layout the engine reads give the same bits, whatever order their examples are taken in."""

import numpy as np
import pytest
from networks import OPTIMIZER, activations_of, engine_of, random_network

from fastmlp import _kernels

WIDTHS = (*range(1, 21), 100)


def eighths(rng, n_examples, n_features):
    """A third of them zeros; halves of them add up exactly."""
    return rng.integers(-16, 17, (n_examples, n_features)) / 8 * (rng.uniform(size=(n_examples, n_features)) < 0.67)


def column_major(inputs):
    return np.asfortranarray(inputs)


def strided_rows(inputs):
    wide = np.full((len(inputs), inputs.shape[1] + 3), np.nan, inputs.dtype)
    wide[:, 2:-1] = inputs
    return wide[:, 2:-1]


def every_second_row(inputs):
    tall = np.full((2 * len(inputs), inputs.shape[1]), np.nan, inputs.dtype)
    tall[::2] = inputs
    return tall[::2]


def strided_columns(inputs):
    return strided_rows(np.ascontiguousarray(inputs.T)).T


def every_second_column(inputs):
    return every_second_row(np.ascontiguousarray(inputs.T)).T


def reversed_rows(inputs):
    return np.ascontiguousarray(inputs[::-1])[::-1]


def reversed_columns(inputs):
    return np.ascontiguousarray(inputs.T[::-1])[::-1].T


def read_only(inputs):
    inputs = inputs.copy()
    inputs.flags.writeable = False
    return inputs


def csr_of(inputs, index_dtype, is_split=False):
    """The CSR matrix of ``inputs``; with every value in two halves, in falling order of columns, if split."""
    rows = [np.flatnonzero(row) for row in inputs]
    if is_split:
        columns = [np.concatenate([row, row])[::-1] for row in rows]
        values = [inputs[i, row] / 2 for i, row in enumerate(columns)]
    else:
        columns, values = rows, [inputs[i, row] for i, row in enumerate(rows)]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
    empty = np.empty(0)
    indices = np.concatenate([empty, *columns]).astype(index_dtype)
    return np.concatenate([empty, *values]).astype(inputs.dtype), indices, indptr.astype(index_dtype), inputs.shape[1]


LAYOUTS = {
    "column-major": column_major,
    "strided rows": strided_rows,
    "every second row": every_second_row,
    "strided columns": strided_columns,
    "every second column": every_second_column,
    "reversed rows": reversed_rows,
    "reversed columns": reversed_columns,
    "read-only": read_only,
    "CSR, int32": lambda inputs: csr_of(inputs, "int32"),
    "CSR, int64": lambda inputs: csr_of(inputs, "int64"),
    "CSR, duplicates": lambda inputs: csr_of(inputs, "int32", is_split=True),
}


class Passes:
    """What every pass makes of the same network and targets, from inputs in some layout."""

    def __init__(self, layer_dims, n_examples, batch, dtype):
        rng = np.random.default_rng(layer_dims[0])
        self.parameters, _, self.targets = random_network(layer_dims, n_examples, dtype)
        self.inputs = eighths(rng, n_examples, layer_dims[0]).astype(dtype)
        self.inputs[n_examples // 2] = 0  # an empty row
        self.weight = rng.uniform(0, 2, n_examples).astype(dtype)
        self.order = np.array([rng.permutation(n_examples) for _ in range(2)])
        self.layer_dims, self.batch = layer_dims, batch

    def __call__(self, inputs):
        n, dtype = len(self.inputs), self.parameters.dtype
        data = _kernels.Data(inputs, self.targets, self.weight)
        assert (data.n_examples, data.n_features) == self.inputs.shape
        activations = activations_of(self.layer_dims, "tanh")
        gradient, outputs = np.empty_like(self.parameters), np.empty((self.layer_dims[-1], n), dtype)
        whole = engine_of(dtype, self.layer_dims, activations, n)
        answers = [whole.loss_and_gradient(gradient, self.parameters, data), gradient, outputs]
        whole.predict(outputs, self.parameters, data, True)
        engine = engine_of(dtype, self.layer_dims, activations, self.batch)
        moments, rates = np.empty((0, len(gradient)), dtype), np.full(2 * -(-n // self.batch), 0.1)
        for order in (None, self.order):
            parameters, losses = self.parameters.copy(), np.empty(2)
            assert engine.train(parameters, data, OPTIMIZER, moments, rates, order, losses, 2) == "done"
            answers += [parameters, losses]
        return answers


def assert_every_layout_gives_the_same(passes):
    expected = passes(passes.inputs)
    assert all(np.isfinite(answer).all() for answer in expected)
    for name, layout in LAYOUTS.items():
        for got, answer in zip(passes(layout(passes.inputs)), expected, strict=True):
            np.testing.assert_array_equal(got, answer, err_msg=name)


@pytest.mark.parametrize("n_features", WIDTHS)
def test_every_layout_gives_the_same_bits(n_features, isa, dtype):
    assert_every_layout_gives_the_same(Passes((n_features, 5, 2), 53, 20, dtype))


@pytest.mark.parametrize("layer_dims", [(3, 4, 1), (20, 30, 2), (100, 64, 3), (17, 1)], ids=str)
def test_every_layout_gives_the_same_bits_over_several_tiles(layer_dims, isa, dtype):
    assert_every_layout_gives_the_same(Passes(layer_dims, 2500, 2100, dtype))


@pytest.mark.parametrize("n_examples", [1, 2, 3])
@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_every_layout_of_few_examples_gives_the_same_bits(n_features, n_examples, isa, dtype):
    assert_every_layout_gives_the_same(Passes((n_features, 3, 1), n_examples, n_examples, dtype))


@pytest.mark.parametrize("layer_dims", [(100, 64, 3), (160, 200, 7)], ids=str)
def test_rows_are_used_as_they_come_where_the_gradient_is_the_broadcast_one(layer_dims, isa, dtype):
    """Both ways to the broadcast gradient, through packed rows and through transposed columns, are taken."""
    methods = engine_of(dtype, layer_dims, activations_of(layer_dims), 53).describe()["gradient_methods"]
    assert methods[0] == "broadcast"
    assert_every_layout_gives_the_same(Passes(layer_dims, 53, 53, dtype))


def test_rows_that_repeat_in_memory_are_examples_too(isa, dtype):
    passes = Passes((4, 5, 2), 40, 16, dtype)
    one = passes.inputs[:1]
    passes.inputs = np.repeat(one, 40, axis=0)
    for got, expected in zip(passes(np.broadcast_to(one, (40, 4))), passes(passes.inputs), strict=True):
        np.testing.assert_array_equal(got, expected)
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(43, dtype=dtype) / 8, 4)
    passes.inputs = windows.copy()
    for got, expected in zip(passes(windows), passes(passes.inputs), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_one_example_may_lie_at_any_stride(isa, dtype):
    passes = Passes((5, 3, 1), 1, 1, dtype)
    passes.inputs[:] = np.arange(1, 6) / 8
    wide = np.full((3, 10), np.nan, dtype)
    wide[1, ::2] = passes.inputs
    for one in (wide[1:2, ::2], np.asfortranarray(wide)[1:2, ::2]):
        for got, expected in zip(passes(one), passes(passes.inputs), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_csr_without_entries_is_a_matrix_of_zeros(isa, dtype):
    passes = Passes((4, 5, 2), 40, 16, dtype)
    passes.inputs[:] = 0
    for index_dtype in ("int32", "int64"):
        sparse = csr_of(passes.inputs, index_dtype)
        assert len(sparse[0]) == 0
        for got, expected in zip(passes(sparse), passes(passes.inputs), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_an_order_is_the_data_in_that_order(isa, dtype):
    """Targets and weights move with their inputs."""
    passes = Passes((6, 5, 2), 53, 20, dtype)
    *_, expected, expected_losses = passes(passes.inputs)  # by the order
    engine = engine_of(dtype, passes.layer_dims, activations_of(passes.layer_dims, "tanh"), passes.batch)
    parameters, losses = passes.parameters.copy(), []
    for order in passes.order:
        data = _kernels.Data(passes.inputs[order], np.ascontiguousarray(passes.targets[:, order]), passes.weight[order])
        loss, moments = np.empty(1), np.empty((0, len(parameters)), dtype)
        assert engine.train(parameters, data, OPTIMIZER, moments, np.full(3, 0.1), None, loss, 1) == "done"
        losses.append(loss[0])
    np.testing.assert_array_equal(parameters, expected)
    np.testing.assert_array_equal(losses, expected_losses)


def test_data_are_read_where_they_lie(isa, dtype):
    """Nothing is copied: a change of the array is a change of the data."""
    passes = Passes((6, 5, 2), 53, 20, dtype)
    data = _kernels.Data(passes.inputs, passes.targets)
    engine = engine_of(dtype, passes.layer_dims, activations_of(passes.layer_dims), 53)
    gradient = np.empty_like(passes.parameters)
    before = engine.loss_and_gradient(gradient, passes.parameters, data)
    passes.inputs *= 2
    assert engine.loss_and_gradient(gradient, passes.parameters, data) != before


def test_one_prediction_has_the_bits_of_a_batch_of_one(isa, dtype):
    for n_features in WIDTHS:
        layer_dims = (n_features, 5, 2)
        parameters, inputs, _ = random_network(layer_dims, 1, dtype)
        engine = engine_of(dtype, layer_dims, activations_of(layer_dims), 1)
        for probabilities in (False, True):
            outputs = np.empty((2, 1), dtype)
            engine.predict(outputs, parameters, _kernels.Data(inputs.T), probabilities)
            one = engine.predict_one(parameters, np.ascontiguousarray(inputs[:, 0]), probabilities)
            np.testing.assert_array_equal(one, outputs[:, 0])
