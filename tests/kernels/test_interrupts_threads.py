"""Signals are served during long calls, and calls from several threads and processes do not disturb each other."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from alarms import alarm, interrupt
from forks import fork
from networks import (
    OPTIMIZER,
    activations_of,
    engine_of,
    kernel_loss_and_gradient,
    kernel_predict,
    kernel_train,
    random_network,
)

from fastmlp import MLP, _kernels
from fastmlp.training import TrainingOptions, run

NETWORKS = {
    "small": ((2, 10, 5, 1), 300),
    "wide": ((2000, 2000, 2000, 1), 1500),  # one product alone takes longer than the interval between polls
    "many examples": ((2, 10, 5, 1), 1_000_000),
}


class Training:
    """Minibatches of Adam with dropout, on an engine of its own."""

    def __init__(self, layer_dims, n_examples, dtype="float64", *, batch=None, layout="F", seed=0, n_threads=1):
        self.parameters, inputs, self.targets = random_network(layer_dims, n_examples, dtype, seed)
        self.inputs, self.batch = np.require(inputs.T, requirements=layout), batch or n_examples
        self.moments, self.order = np.zeros((2, len(self.parameters)), dtype), None
        self.counts = {"updates": 0}
        self.optimizer = OPTIMIZER | {"method": "adam", "clip_norm": 1.0}
        dropout = (0.25,) * (len(layer_dims) - 1)
        activations = activations_of(layer_dims, "gelu")
        self.engine = engine_of(dtype, layer_dims, activations, self.batch, dropout=dropout, n_threads=n_threads)

    def train(self, epochs, examples=slice(None)):
        """The losses of the epochs."""
        data = _kernels.Data(self.inputs[examples], np.ascontiguousarray(self.targets[:, examples]))
        rates, losses = np.full(epochs * -(-data.n_examples // self.batch), 1e-3), np.empty(epochs)
        arguments = (self.parameters, data, self.optimizer, self.moments, rates, self.order, losses, epochs)
        assert self.engine.train(*arguments, counts=self.counts, seed=5) == "done"
        return losses

    def make_updates(self, count):
        """So many updates from the start: whole epochs, then batch after batch."""
        epochs, rest = divmod(count, -(-len(self.inputs) // self.batch))
        self.train(epochs)
        for i in range(rest):
            self.train(1, slice(self.batch * i, self.batch * (i + 1)))


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_training_is_interrupted_between_updates(name, n_threads, isa):
    layer_dims, n_examples = NETWORKS[name]
    training = Training(layer_dims, n_examples, "float32", n_threads=n_threads)
    start = training.parameters.copy()
    with alarm(interrupt, 0.15, timers=(signal.ITIMER_PROF,)), pytest.raises(KeyboardInterrupt):
        training.train(10**6)
    assert np.isfinite(training.parameters).all()
    assert (training.parameters != start).any() == (training.counts["updates"] > 0)
    if name == "small":
        assert training.counts["updates"] > 0


def check_interruption(layer_dims, n_examples, batch, n_threads, seconds):
    """Parameters, moments and the count of updates belong together: going there afresh gives the same bits."""
    interrupted = Training(layer_dims, n_examples, batch=batch, n_threads=n_threads)
    with alarm(interrupt, seconds), pytest.raises(KeyboardInterrupt):
        interrupted.train(10**5)
    again = Training(layer_dims, n_examples, batch=batch)
    again.make_updates(interrupted.counts["updates"])
    np.testing.assert_array_equal(interrupted.parameters, again.parameters)
    np.testing.assert_array_equal(interrupted.moments, again.moments)
    return interrupted.counts["updates"]


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    ("layer_dims", "n_examples", "batch"),
    [((2, 10, 5, 1), 300, 64), ((5, 10, 1), 6000, 3000), ((80, 200, 200, 1), 500, 500)],
    ids=str,
)
def test_an_interrupted_training_is_that_of_its_last_update(layer_dims, n_examples, batch, n_threads):
    assert check_interruption(layer_dims, n_examples, batch, n_threads, seconds=0.15) > 0


def test_an_interruption_heard_of_at_any_barrier_leaves_a_true_count():
    """The caller's thread may serve the signal while it waits at any of them, also at that behind an update."""
    made = [
        check_interruption((2, 10, 5, 1), 300, batch=300, n_threads=2, seconds=0.052 + 0.001 * i) for i in range(25)
    ]
    assert max(made) > 0


def test_an_interrupted_engine_is_as_good_as_new():
    for n_threads in (1, 2):
        interrupted, fresh = (Training((5, 10, 1), 6000, n_threads=n_threads) for _ in range(2))
        with alarm(interrupt, 0.1), pytest.raises(KeyboardInterrupt):
            interrupted.train(10**5)
        interrupted.parameters[:], interrupted.moments[:] = fresh.parameters, fresh.moments
        interrupted.counts = fresh.counts.copy()
        np.testing.assert_array_equal(interrupted.train(3), fresh.train(3))
        np.testing.assert_array_equal(interrupted.parameters, fresh.parameters)


def test_prediction_is_interrupted():
    layer_dims, n_examples = NETWORKS["wide"]
    parameters, inputs, _ = random_network(layer_dims, n_examples, "float64")
    with alarm(interrupt, 0.1), pytest.raises(KeyboardInterrupt):
        for _ in range(1000):
            kernel_predict(parameters, inputs, layer_dims, activations_of(layer_dims), True)


def test_an_interrupted_model_keeps_the_last_finished_epoch():
    """Stepping on from the same start, one epoch at a time, passes by exactly where it stopped."""
    layer_dims, activations = (2, 3, 1), ("relu", "logistic")
    parameters, inputs, targets = random_network(layer_dims, 2000, "float64")
    model = MLP(layer_dims, seed=1)
    model.parameters[:] = parameters
    with alarm(interrupt, 0.05), pytest.raises(KeyboardInterrupt):
        model.train(inputs.T, targets[0], learning_rate=1e-3, epochs=10**9, report_every=10**9)
    assert (model.parameters != parameters).any()
    for _ in range(10**6):
        kernel_train(parameters, inputs, targets, layer_dims, activations, 1e-3, 1)
        if (parameters == model.parameters).all():
            break
    np.testing.assert_array_equal(parameters, model.parameters)


# ---- threads of one call

# name: (layer_dims, n_examples, batch, whether threads take chunks of tiles); else they share the rows of products.
# Over several tiles, no thread may pack the next while another still sums the first layer's gradient of the last.
SHARINGS = {
    "chunks": ((2, 10, 5, 1), 10_000, 10_000, True),
    "chunks and a short last batch": ((20, 30, 3), 5000, 3000, True),
    "rows": ((40, 200, 160, 10), 100, 100, False),
    "rows over several tiles": ((40, 200, 160, 3), 2100, 2100, False),
    "rows of a short last batch": ((7, 150, 250, 2), 60, 40, False),
    "rows fewer than threads": ((300, 1, 300, 150, 1), 20, 16, False),
    "one vector": ((3, 5, 2), 3, 2, False),
}


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("name", SHARINGS)
def test_the_bits_do_not_depend_on_the_number_of_threads(name, layout, isa, dtype):
    layer_dims, n_examples, batch, has_chunks = SHARINGS[name]
    answers = []
    for n_threads in (1, 2, 4):
        training = Training(layer_dims, n_examples, dtype, batch=batch, layout=layout, n_threads=n_threads)
        assert (training.engine.describe()["chunks"] > 1) == has_chunks
        losses = training.train(1)
        training.order = np.array([np.random.default_rng(0).permutation(n_examples)])
        losses = [*losses, *training.train(1)]
        answers.append((training.parameters, training.moments, losses))
    for answer in answers[1:]:
        for got, expected in zip(answer, answers[0], strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", SHARINGS)
def test_gradients_do_not_depend_on_the_number_of_threads(name, isa, dtype):
    layer_dims, n_examples, _, _ = SHARINGS[name]
    network = random_network(layer_dims, n_examples, dtype)
    activations = activations_of(layer_dims, "elu")
    expected = kernel_loss_and_gradient(*network, layer_dims, activations)
    for n_threads in (2, 3):
        got = kernel_loss_and_gradient(*network, layer_dims, activations, n_threads=n_threads)
        assert got[0] == expected[0]
        np.testing.assert_array_equal(got[1], expected[1])


@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
def test_threads_share_sparse_rows(index_dtype, isa, dtype):
    layer_dims, n = (50, 200, 150, 2), 1100
    parameters, inputs, targets = random_network(layer_dims, n, dtype)
    inputs[np.random.default_rng(0).uniform(size=inputs.shape) < 0.8] = 0
    rows, columns = np.nonzero(inputs.T)
    indptr = np.searchsorted(rows, np.arange(n + 1)).astype(index_dtype)
    sparse = _kernels.Data((inputs.T[rows, columns], columns.astype(index_dtype), indptr, 50), targets)
    activations = activations_of(layer_dims)
    expected = kernel_loss_and_gradient(parameters, inputs, targets, layer_dims, activations)
    for n_threads in (1, 2):
        engine, gradient = engine_of(dtype, layer_dims, activations, n, n_threads=n_threads), np.empty_like(parameters)
        assert engine.loss_and_gradient(gradient, parameters, sparse) == expected[0]
        np.testing.assert_array_equal(gradient, expected[1])


# ---- threads and processes of the caller


def train_one(seed, n_threads=1):
    training = Training((4, 9, 2), 1500, batch=600, seed=seed, n_threads=n_threads)
    training.train(20)
    return training.parameters


@pytest.mark.parametrize("n_threads", [1, 2])
def test_ten_threads_give_the_bits_of_one(n_threads):
    """Each with an engine of its own."""
    with ThreadPoolExecutor(10) as pool:
        together = list(pool.map(lambda seed: train_one(seed, n_threads), range(10)))
    for seed, parameters in enumerate(together):
        np.testing.assert_array_equal(parameters, train_one(seed))


def test_threads_share_inputs():
    layer_dims = (4, 9, 2)
    _, inputs, targets = random_network(layer_dims, 400, "float64")
    starts = [random_network(layer_dims, 1, "float64", seed)[0] for seed in range(4)]

    def train_from(start):
        parameters = start.copy()
        kernel_train(parameters, inputs, targets, layer_dims, activations_of(layer_dims), 0.05, 300)
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
        kernel_train(*arguments, layer_dims, activations_of(layer_dims), 0.01, 5)
        end = time.perf_counter()
    finally:
        stop.set()
        thread.join()
    margin = (end - start) / 4
    assert any(start + margin < at < end - margin for at in stamps)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_trains_as_its_parent(n_threads):
    """Also where the parent has run on several threads, none of which is in the child."""
    expected = train_one(0, n_threads)
    read, write = os.pipe()
    child = fork()
    if child == 0:  # pragma: no cover - runs in the child
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)  # a child that hangs dies
        os.write(write, train_one(0, n_threads).tobytes())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        got = np.frombuffer(pipe.read())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(got, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_parent_trains_on_after_its_child():
    expected = train_one(0, 2)
    child = fork()
    if child == 0:  # pragma: no cover - runs in the child
        os._exit(0)
    os.waitpid(child, 0)
    np.testing.assert_array_equal(train_one(0, 2), expected)


IDLE_CALLER = {  # networks whose rows or chunks are fewer than the threads: the caller's thread has none
    "one row for two threads": ((20_000, 1), 64, 2),
    "one tile for many threads": ((2, 10, 5, 1), 300, 16),
}


@pytest.mark.parametrize("name", IDLE_CALLER)
def test_a_signal_is_served_while_the_caller_s_thread_waits_for_others(name):
    layer_dims, n_examples, n_threads = IDLE_CALLER[name]
    parameters, inputs, targets = random_network(layer_dims, n_examples, "float64")
    engine = engine_of("float64", layer_dims, activations_of(layer_dims), n_examples, n_threads=n_threads)
    data, epochs, counts = _kernels.Data(inputs.T, targets), 200_000, {"updates": 0}  # some minutes of work
    moments, rates = np.empty((0, len(parameters))), np.full(epochs, 1e-9)
    with alarm(interrupt, 0.2), pytest.raises(KeyboardInterrupt):
        engine.train(parameters, data, OPTIMIZER, moments, rates, None, np.empty(0), epochs, counts)
    assert 0 < counts["updates"] < epochs


@pytest.mark.parametrize("n_threads", [2, 4])
def test_threads_that_share_weights_end_together_when_they_are_interrupted(n_threads):
    """Summing the weights takes most of the time, so that many interruptions come in the middle of it."""
    model = MLP([2, 3, 1], seed=0)
    examples = model.examples(np.ones((200_000, 2)), np.ones(200_000), sample_weight=np.ones(200_000))
    options = TrainingOptions(epochs=10**6, n_threads=n_threads, learning_rate=1e-9)
    for i in range(12):
        with alarm(interrupt, 0.06 + 0.003 * i), pytest.raises(KeyboardInterrupt):
            run(model, examples, options)


@pytest.mark.parametrize("n_threads", [2, 4])
def test_weights_that_another_thread_writes_to_do_not_part_the_threads(n_threads):
    model = MLP([2, 10, 5, 1], seed=0)
    examples = model.examples(np.ones((500, 2)), np.ones(500), sample_weight=np.ones(500))
    ended = threading.Event()

    def write():
        while not ended.is_set():
            examples.sample_weight[:] = 0
            examples.sample_weight[:] = 1

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            run(model, examples, TrainingOptions(epochs=3000, n_threads=n_threads, learning_rate=1e-9))
        finally:
            ended.set()
        writing.result()
    assert np.isfinite(model.parameters).all()
