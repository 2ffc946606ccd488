"""Signals are served during long calls, and calls from several threads and processes do not disturb each other."""

import contextlib
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from networks import activations_of, random_network

from fastmlp import MLP, _kernels

NETWORKS = {
    "small": ((2, 10, 5, 1), 300),
    "wide": ((3000, 3000, 3000, 1), 2000),  # one product alone takes longer than the interval between polls
    "many examples": ((2, 10, 5, 1), 1_000_000),
}


@contextlib.contextmanager
def alarm_after(seconds):
    """Raise KeyboardInterrupt in the main thread, as Ctrl-C would."""

    def interrupt(signum, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", NETWORKS)
def test_training_is_interrupted_between_epochs(name, isa):
    layer_dims, n_examples = NETWORKS[name]
    parameters, inputs, targets = random_network(layer_dims, n_examples, "float32")
    start = parameters.copy()
    with alarm_after(0.3), pytest.raises(KeyboardInterrupt):
        _kernels.train(parameters, inputs, targets, layer_dims, activations_of(layer_dims), 1e-3, 10**9)
    assert np.isfinite(parameters).all()
    if name == "small":
        assert (parameters != start).any()


def test_prediction_is_interrupted():
    layer_dims = (3000, 3000, 3000, 1)
    parameters, inputs, _ = random_network(layer_dims, 2000, "float64")
    outputs = np.empty((1, inputs.shape[1]))
    with alarm_after(0.1), pytest.raises(KeyboardInterrupt):
        for _ in range(1000):
            _kernels.predict(outputs, parameters, inputs, layer_dims, activations_of(layer_dims), True)


def test_an_interrupted_model_keeps_the_last_finished_epoch():
    """Stepping on from the same start, one epoch at a time, passes by exactly where it stopped."""
    layer_dims, activations = (2, 3, 1), ("relu", "logistic")
    parameters, inputs, targets = random_network(layer_dims, 50, "float64")
    model = MLP(layer_dims, seed=1)
    model.parameters[:] = parameters
    with alarm_after(0.05), pytest.raises(KeyboardInterrupt):
        model.train(inputs.T, targets[0], learning_rate=1e-3, epochs=10**9, report_every=10**9)
    assert (model.parameters != parameters).any()
    for _ in range(10**6):
        _kernels.train(parameters, inputs, targets, layer_dims, activations, 1e-3, 1)
        if (parameters == model.parameters).all():
            break
    np.testing.assert_array_equal(parameters, model.parameters)


def train_one(seed):
    layer_dims = (4, 9, 2)
    parameters, inputs, targets = random_network(layer_dims, 400, "float64", seed)
    _kernels.train(parameters, inputs, targets, layer_dims, activations_of(layer_dims), 0.05, 300)
    return parameters


def test_ten_threads_give_the_bits_of_one():
    with ThreadPoolExecutor(10) as pool:
        together = list(pool.map(train_one, range(10)))
    for seed, parameters in enumerate(together):
        np.testing.assert_array_equal(parameters, train_one(seed))


def test_threads_share_inputs():
    layer_dims = (4, 9, 2)
    _, inputs, targets = random_network(layer_dims, 400, "float64")
    starts = [random_network(layer_dims, 1, "float64", seed)[0] for seed in range(4)]

    def train_from(start):
        parameters = start.copy()
        _kernels.train(parameters, inputs, targets, layer_dims, activations_of(layer_dims), 0.05, 300)
        return parameters

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(train_from, starts))
    for parameters, start in zip(together, starts, strict=True):
        np.testing.assert_array_equal(parameters, train_from(start))


def test_the_gil_is_released():
    """Another thread runs while this one is inside a single call: its time stamps lie within the call."""
    stamps, stop = [], threading.Event()

    def stamp():
        while not stop.wait(0.001):
            stamps.append(time.perf_counter())

    layer_dims = (64, 100, 10)
    arguments = random_network(layer_dims, 20_000, "float64")
    thread = threading.Thread(target=stamp)
    thread.start()
    try:
        start = time.perf_counter()
        _kernels.train(*arguments, layer_dims, activations_of(layer_dims), 0.01, 5)
        end = time.perf_counter()
    finally:
        stop.set()
        thread.join()
    margin = (end - start) / 4
    assert any(start + margin < at < end - margin for at in stamps)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_trains_as_its_parent():
    expected = train_one(0)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the child
        os.write(write, train_one(0).tobytes())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        got = np.frombuffer(pipe.read())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(got, expected)
