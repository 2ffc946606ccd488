"""The bits belong to the source and the instruction set: not to the run, the machine or the compiler.

``python tests/kernels/test_bits.py`` writes the hashes of this machine's instruction sets into the table below.
"""

import hashlib
import itertools
import platform
import re
from pathlib import Path

import numpy as np
import pytest
from networks import OPTIMIZER, engine_of

from fastmlp import _kernels

N_EXAMPLES = 777

# of full batches, of minibatches
HASHES = {
    ("neon", "float64"): ("6d195c30d6b3594e", "60c05c6eb9da6072"),  # "baseline" is NEON on aarch64
    ("neon", "float32"): ("7c5e4e970397f662", "ca81f41958311627"),
    ("baseline", "float64"): ("7fdf01bd928284ed", "0cdc6fc85ebbe613"),
    ("baseline", "float32"): ("1397e06d5a6d1329", "6414e1968bcd2bf9"),
    ("avx2", "float64"): ("a9bbb8e5b1300aca", "a758fc0384fbd5be"),
    ("avx2", "float32"): ("6b4bbff2b70c251c", "e5547a36d6566a1b"),
    ("avx512", "float64"): ("38f6be01a7efbb5f", "7c56c3699f1e3774"),
    ("avx512", "float32"): ("ca87cfcce3e08ae8", "2879451ece3676a5"),
}


def generated(n):
    """Integers of a linear congruential generator, equal on every machine."""
    state, values = 12345, np.empty(n, np.int64)
    for i in range(n):
        state = (1103515245 * state + 12345) % 2**31
        values[i] = state >> 8
    return values


def exact_values(n, denominator):
    """n fractions, exact in float32."""
    return (generated(n) % 257 - 128) / denominator


class Placed:
    """Copies of arrays in one dtype, each moved in memory by ``offset`` elements."""

    def __init__(self, dtype, offset):
        self.dtype, self.offset = dtype, offset

    def __call__(self, values):
        moved = np.empty(np.size(values) + self.offset, self.dtype)[self.offset :].reshape(np.shape(values))
        moved[...] = values
        return moved


def start_of(layer_dims):
    return exact_values(sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(layer_dims)), 256)


def full_batches(dtype, offset=0):
    """Parameters after 60 epochs of gradient descent on columns, through both gradient methods."""
    place, layer_dims, epochs = Placed(dtype, offset), (48, 128, 33, 7, 2), 60
    inputs = place(exact_values(48 * N_EXAMPLES, 64).reshape(48, N_EXAMPLES))
    targets, parameters = place(inputs[:2] * inputs[2:4] > 0.5), place(start_of(layer_dims))
    engine = engine_of(dtype, layer_dims, ("relu", "tanh", "logistic", "logistic"), N_EXAMPLES)
    data, moments = _kernels.Data(inputs.T, targets), np.empty((0, len(parameters)), dtype)
    assert engine.train(parameters, data, OPTIMIZER, moments, np.full(epochs, 0.5), None, np.empty(0), epochs) == "done"
    return parameters


def minibatches(dtype, offset=0):
    """Parameters after 10 epochs of Adam on weighted rows in random orders, with dropout, penalties and clipping."""
    place, layer_dims, epochs, batch = Placed(dtype, offset), (40, 64, 33, 9, 5), 10, 100
    rows = place(exact_values(N_EXAMPLES * 40, 64).reshape(N_EXAMPLES, 40))
    targets = place(rows[:, :5].argmax(axis=1)[np.newaxis])
    parameters, weight = place(start_of(layer_dims)), place(generated(N_EXAMPLES) % 8 / 4)
    order = generated(epochs * N_EXAMPLES).reshape(epochs, N_EXAMPLES).argsort(axis=1, kind="stable")
    engine = engine_of(
        dtype,
        layer_dims,
        ("gelu", "silu", "relu", "softmax"),
        batch,
        loss="multinomial_log_loss",
        loss_parameter=0.125,
        dropout=(0.25, 0.5, 0.125, 0),
    )
    optimizer = OPTIMIZER | {"method": "adam", "l1": 2**-12, "l2": 2**-9, "clip_value": 0.25, "clip_norm": 1.0}
    data, moments = _kernels.Data(rows, targets, weight), place(np.zeros((2, len(parameters))))
    rates = np.full(epochs * -(-N_EXAMPLES // batch), 2**-7)
    assert engine.train(parameters, data, optimizer, moments, rates, order, np.empty(epochs), epochs, seed=7) == "done"
    return parameters


TRAININGS = (full_batches, minibatches)


def key_of(isa, dtype):
    return "neon" if platform.machine() in ("aarch64", "arm64") else isa, np.dtype(dtype).name


def hash_of(parameters):
    return hashlib.sha256(parameters.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("training", TRAININGS)
def test_trained_parameters_have_the_recorded_bits(training, isa, dtype):
    assert hash_of(training(dtype)) == HASHES[key_of(isa, dtype)][TRAININGS.index(training)]


@pytest.mark.parametrize("offset", [1, 3, 5])
@pytest.mark.parametrize("training", TRAININGS)
def test_bits_do_not_depend_on_where_arrays_lie(training, offset, isa, dtype):
    np.testing.assert_array_equal(training(dtype, offset), training(dtype))


@pytest.mark.parametrize("training", TRAININGS)
def test_training_moved_the_parameters(training, isa, dtype):
    """The hash would say nothing about parameters that never left their start."""
    parameters = training(dtype)
    assert np.isfinite(parameters).all()
    assert (parameters != exact_values(len(parameters), 256).astype(dtype)).mean() > 0.9


def record():
    """Write the hashes of this machine's instruction sets into this file."""
    source = Path(__file__).read_text()
    for isa, dtype in itertools.product(_kernels.available_isas(), ("float64", "float32")):
        _kernels.select_isa(isa)
        key, hashes = key_of(isa, dtype), tuple(hash_of(training(dtype)) for training in TRAININGS)
        entry = str(key).replace("'", '"')
        source = re.sub(rf"{re.escape(entry)}: \(.*?\)", f"{entry}: {hashes}".replace("'", '"'), source)
    Path(__file__).write_text(source)


if __name__ == "__main__":
    record()
