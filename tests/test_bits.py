"""The bits belong to the source and the instruction set: not to the run, the machine or the compiler."""

import hashlib
import itertools
import platform

import numpy as np
import pytest

from fastmlp import _kernels

LAYER_DIMS = (48, 128, 33, 7, 2)  # both gradient methods
ACTIVATIONS = ("relu", "tanh", "logistic", "logistic")
N_EXAMPLES = 777

HASHES = {
    ("neon", "float64"): "c938d46f2dca013a",  # "baseline" is NEON on aarch64
    ("neon", "float32"): "856e12ea5b8a8a53",
    ("baseline", "float64"): "6988872bb3241fe4",
    ("baseline", "float32"): "6eed847891e5802e",
    ("avx2", "float64"): "a93fee1ca4221790",
    ("avx2", "float32"): "daee8582b3926ece",
    ("avx512", "float64"): "c1bc93e748d4cf4f",
    ("avx512", "float32"): "d02d8a0d600578ae",
}


def exact_values(n, denominator):
    """n fractions from a linear congruential generator: exact in float32, equal on every machine."""
    state, values = 12345, np.empty(n)
    for i in range(n):
        state = (1103515245 * state + 12345) % 2**31
        values[i] = ((state >> 8) % 257 - 128) / denominator
    return values


def trained(dtype, offset=0):
    """Parameters after 60 epochs; `offset` moves every array in memory by that many elements."""

    def place(values):
        moved = np.empty(values.size + offset, dtype)[offset:].reshape(values.shape)
        moved[...] = values
        return moved

    n_parameters = sum((i + 1) * o for i, o in itertools.pairwise(LAYER_DIMS))
    inputs = place(exact_values(LAYER_DIMS[0] * N_EXAMPLES, 64).reshape(LAYER_DIMS[0], N_EXAMPLES))
    targets = place((inputs[:2] * inputs[2:4] > 0.5).astype(dtype))
    parameters = place(exact_values(n_parameters, 256))
    _kernels.train(parameters, inputs, targets, LAYER_DIMS, ACTIVATIONS, 0.5, 60)
    return parameters


def test_trained_parameters_have_the_recorded_bits(isa, dtype):
    vectors = "neon" if platform.machine() in ("aarch64", "arm64") else isa
    assert hashlib.sha256(trained(dtype).tobytes()).hexdigest()[:16] == HASHES[vectors, dtype.name]


@pytest.mark.parametrize("offset", [1, 3, 5])
def test_bits_do_not_depend_on_where_arrays_lie(offset, isa, dtype):
    np.testing.assert_array_equal(trained(dtype, offset), trained(dtype))


def test_training_moved_the_parameters(isa, dtype):
    """The hash would say nothing about parameters that never left their start."""
    n_parameters = len(trained(dtype))
    assert np.isfinite(trained(dtype)).all()
    assert (trained(dtype) != exact_values(n_parameters, 256).astype(dtype)).mean() > 0.9
