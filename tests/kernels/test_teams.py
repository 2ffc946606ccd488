"""The threads of a call: a process forked among them, fewer than asked for, and the floating-point mode of each."""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from alarms import alarm, interrupt
from forks import fork, forked
from networks import OPTIMIZER, activations_of, engine_of, random_network
from test_interrupts_threads import SHARINGS, Training

from fastmlp import _kernels

# ---- forks


class Fork:
    """A signal handler that forks, and ends the call when it runs again; in the child ``process`` is 0."""

    def __init__(self):
        self.process = None

    def __call__(self):
        if self.process is not None:
            raise KeyboardInterrupt
        self.process = -1  # on a slow machine the next signal comes before the fork ends: it must not fork again
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.process = fork()
        signal.setitimer(signal.ITIMER_REAL, 0.15)  # a child inherits no timer
        if self.process == 0:  # pragma: no cover - runs in the child
            resource.setrlimit(resource.RLIMIT_CPU, (30, 30))  # a child that hangs dies


FORKED = {
    "chunks": ((5, 10, 1), 6000, 3000),
    "rows": ((80, 200, 200, 1), 500, 500),
    "minibatches": ((2, 10, 5, 1), 300, 64),
}


def how_it_ends(training, handler):
    """What ends a call in which the handler forks."""
    try:
        with alarm(handler, 0.15, 0.15):
            training.train(10**5)
    except (RuntimeError, KeyboardInterrupt) as error:
        return repr(error)
    return "done"


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("name", FORKED)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_by_a_signal_handler_ends_the_call_with_a_whole_update(name, n_threads):
    """With one thread the child goes on.  The parent trains on in any case."""
    layer_dims, n_examples, batch = FORKED[name]
    training, handler = Training(layer_dims, n_examples, batch=batch, n_threads=n_threads), Fork()
    start, (read, write) = os.getpid(), os.pipe()
    training.train(2)
    message = how_it_ends(training, handler)
    if os.getpid() != start:  # pragma: no cover - runs in the child
        made = training.counts["updates"]
        again = Training(layer_dims, n_examples, batch=batch)
        again.make_updates(made)
        same = np.array_equal(again.parameters, training.parameters) and np.array_equal(again.moments, training.moments)
        training.train(1)
        os.write(write, f"{made >= 2} {same} {training.counts['updates'] - made} {message}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        made, same, more, error = pipe.read().split(" ", 3)
    os.waitpid(handler.process, 0)
    assert message == "KeyboardInterrupt()", "the parent has all its threads"
    assert (made, same, int(more)) == ("True", "True", -(-n_examples // batch))
    if n_threads == 1:
        assert error == "KeyboardInterrupt()"
    else:
        assert error.startswith("RuntimeError('this process was forked by a signal handler during a call on several")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads as Linux does")
def test_a_forked_child_makes_threads_of_its_own():
    """Exactly two: the parent's, some of which slept, are not in the child."""

    def threads_seen():
        training, seen = Training((80, 200, 200, 1), 500, n_threads=3), []
        with alarm(lambda: seen.append(len(list(Path("/proc/self/task").iterdir()))), 0.06, 0.06):
            while len(seen) < 3:
                training.train(20)
        return str(max(seen) - 1)

    assert int(threads_seen()) >= 2
    assert forked(threads_seen) == "2"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_by_another_thread_serves_signals():
    """Its main thread is the one that forked."""

    def train():
        training = Training((2, 10, 5, 1), 300)
        with pytest.raises(KeyboardInterrupt), alarm(interrupt, 0.1):
            training.train(10**5)
        return str(training.counts["updates"])

    with ThreadPoolExecutor(1) as pool:
        assert 0 < int(pool.submit(forked, train).result()) < 10**5


# ---- how many threads sleep between calls

MANY_CALLS = """
import os, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
sys.path[:0] = {path!r}
from test_interrupts_threads import Training

def train(barrier):
    training = Training((2, 10, 5, 1), 3000, n_threads=4)
    barrier.wait()
    training.train(100)

def call_from(n_callers):
    with ThreadPoolExecutor(n_callers) as pool:
        list(pool.map(train, [threading.Barrier(n_callers)] * n_callers))

def count():
    return len(os.listdir("/proc/self/task")) - before

before = 0
before = count()
for n_callers, least, most in ((1, 3, 3), (40, 3, 64), (40, 3, 64)):
    call_from(n_callers)
    while not least <= count() <= most:  # threads that ended may be listed for a moment
        time.sleep(0.01)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads as Linux does")
def test_a_bounded_number_of_threads_sleeps_between_calls():
    """At most 64 of the 120 that ran at once; the others end."""
    script = MANY_CALLS.format(path=[p for p in sys.path if p])
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


# ---- where the system makes no more threads

TRAIN_UNDER_A_LIMIT = """
import os, resource, sys
sys.path[:0] = {path!r}
from test_interrupts_threads import SHARINGS, Training
layer_dims, n_examples, batch, _ = SHARINGS["{name}"]
training = Training(layer_dims, n_examples, batch=batch, n_threads=4)
training.engine.allocate()
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
{limit}
training.train(1)
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
print(training.parameters.tobytes().hex())
"""
SPACE = """
pages = int(open("/proc/self/statm").read().split()[0])
room = pages * resource.getpagesize() + {more} * (1 << 20)
resource.setrlimit(resource.RLIMIT_AS, (room, hard))
"""
PROCESSES = """
resource.setrlimit(resource.RLIMIT_NPROC, ({more}, {more}))
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)  # root has no limit; a user of no other process has {more} threads
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="limits as Linux has them, without a sanitizer's own memory and threads",
)
@pytest.mark.parametrize("name", ["chunks", "rows"])
@pytest.mark.parametrize(
    "limit", [SPACE.format(more=n) for n in (4, 12, 20, 28)] + [PROCESSES.format(more=n) for n in (1, 2, 3)]
)
def test_fewer_threads_than_asked_for_give_the_same_bits(limit, name):
    layer_dims, n_examples, batch, _ = SHARINGS[name]
    training = Training(layer_dims, n_examples, batch=batch)
    training.train(1)
    script = TRAIN_UNDER_A_LIMIT.format(path=[p for p in sys.path if p], name=name, limit=limit)
    environment = {**os.environ, "FASTMLP_ISA": _kernels.current_isa()}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    np.testing.assert_array_equal(np.frombuffer(bytes.fromhex(run.stdout)), training.parameters)


# ---- the floating-point mode

MODES = r"""
#if defined(__x86_64__)
#include <xmmintrin.h>
unsigned mode(void) { return _mm_getcsr() & ~0x3fu; }
void set_mode(unsigned mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
unsigned mode(void) { unsigned long m; __asm__ volatile("mrs %0, fpcr" : "=r"(m)); return (unsigned)m; }
void set_mode(unsigned mode) { __asm__ volatile("msr fpcr, %0" : : "r"((unsigned long)mode)); }
#endif
"""
ON_X86 = {"flush to zero": 0x9FC0, "up": 0x5F80, "down": 0x3F80, "to zero": 0x7F80, "all": 0xDFC0}
ON_ARM = {"flush to zero": 1 << 24, "up": 1 << 22, "down": 2 << 22, "to zero": 3 << 22, "all": (1 << 24) | (3 << 22)}
OTHER_MODES = ON_X86 if os.uname().machine in ("x86_64", "AMD64") else ON_ARM


@pytest.fixture(scope="module")
def modes(tmp_path_factory):
    """A library that reads and sets the mode of a thread."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "the package was built with a C compiler, which this test needs too"
    folder = tmp_path_factory.mktemp("modes")
    source, library = folder / "modes.c", folder / "modes.so"
    source.write_text(MODES)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.mode.restype, loaded.set_mode.argtypes = ctypes.c_uint, [ctypes.c_uint]
    return loaded


def in_mode(mode, call, modes):
    """What a call answers in this mode of its thread, which it must leave as it is."""
    before = modes.mode()
    modes.set_mode(mode)
    try:
        answer = call()
        after = modes.mode()
    finally:
        modes.set_mode(before)
    assert after == mode
    return answer


def training_with(n_threads, dtype):
    """A call that trains on partly subnormal inputs, and the arrays that it writes to."""
    layer_dims, n = (20, 40, 30, 3), 1200
    parameters, inputs, targets = random_network(layer_dims, n, dtype)
    inputs[:10] *= np.finfo(dtype).tiny * 8
    parameters[:5] = np.finfo(dtype).smallest_subnormal
    data, moments, losses = _kernels.Data(inputs.T, targets), np.zeros((2, len(parameters)), dtype), np.empty(3)
    engine = engine_of(dtype, layer_dims, activations_of(layer_dims, "gelu"), n, n_threads=n_threads)
    settings = OPTIMIZER | {"method": "adam", "clip_norm": 1.0, "l2": 1e-3}
    arguments = parameters, data, settings, moments, np.full(3, 1e-3), None, losses, 3
    return lambda: engine.train(*arguments), [parameters, moments, losses]


def calls_of(dtype):
    """Calls of every entry of the kernels, on arguments with subnormal numbers; they compute nothing else."""
    dims, n, tiny = (3, 4, 2), 50, np.finfo(dtype).tiny
    parameters, inputs, targets = random_network(dims, n, dtype)
    inputs[0, :10], parameters[0] = tiny / 4, tiny / 8
    activations = activations_of(dims)
    engine, data = engine_of(dtype, dims, activations, n), _kernels.Data(inputs.T, targets)
    dropped = engine_of(dtype, dims, activations, n, dropout=(0.3, 0))
    x = np.concatenate([inputs.ravel(), np.array([tiny / 2, -tiny / 4, 0], dtype)])
    weights = [parameters[:12].reshape(4, 3).copy(), parameters[16:24].reshape(2, 4).copy()]
    biases = [parameters[12:16].reshape(4, 1).copy(), parameters[24:].reshape(2, 1).copy()]
    cache = _kernels.forward(inputs, weights, biases, activations)
    small, reverse, ones = np.full_like(parameters, tiny / 2), x[::-1].copy(), np.ones_like(inputs)
    thirds, nearly_binary = np.full_like(inputs, 0.3), np.array([0, 1, tiny / 2], dtype)
    draws, adam = np.full(1000, 1 - 2.0**-53), OPTIMIZER | {"method": "adam", "clip_norm": 1e-3}

    def written(call, *arrays):
        """The copies that a call writes to, and its answer."""
        arrays = [array.copy() for array in arrays]
        return [call(*arrays), *arrays]

    calls = {
        "layout": lambda: [
            engine_of(dtype, (i, i + 1, 3), activations, 100).describe()["gradient_methods"] for i in range(1, 99)
        ],
        "update": lambda: written(
            lambda p, m: engine.update(p, small, m, adam, 0.1), parameters, np.zeros((2, len(parameters)), dtype)
        ),
        "gradient_descent": lambda: written(lambda p: _kernels.gradient_descent(p, reverse, 0.3), x),
        "descended": lambda: _kernels.descended([x[None]], [reverse[None]], 0.3),
        "predict": lambda: written(lambda o: engine.predict(o, parameters, data, True), targets),
        "predict_one": lambda: engine.predict_one(parameters, inputs.T[0].copy(), True),
        "order": lambda: written(lambda o: _kernels.draw_order(o, draws), np.arange(1000)),
        "gradient": lambda: written(lambda g: engine.loss_and_gradient(g, parameters, data), parameters),
        "loss": lambda: engine.loss(parameters, data),
        "layers": lambda: [list(layer.values()) for layer in engine.layers(parameters, data)],
        "forward": lambda: _kernels.forward(inputs, weights, biases, activations),
        "backward": lambda: _kernels.backward(inputs, targets, weights, [cache[1], cache[5]], activations),
        "log_loss": lambda: _kernels.log_loss(inputs, ones),
        "cross_entropy": lambda: _kernels.cross_entropy(thirds, ones),
        "binary": lambda: _kernels.all_binary(nearly_binary),
        "dropout_mask": lambda: dropped.dropout_mask(0, 1, 1),
    }
    for name in _kernels.FUNCTIONS:
        calls[name] = lambda name=name: written(lambda out: _kernels.elementwise(name, x, out), x)
    return calls


def flat(answer):
    """All values of an answer as bytes."""
    if isinstance(answer, (list, tuple)):
        return b"".join(map(flat, answer))
    return answer.encode() if isinstance(answer, str) else np.asarray(answer).tobytes() if answer is not None else b""


@pytest.mark.parametrize("mode", OTHER_MODES)
def test_no_call_depends_on_the_caller_s_mode_and_each_leaves_it(mode, modes, isa, dtype):
    for name, call in calls_of(dtype).items():
        assert flat(in_mode(OTHER_MODES[mode], call, modes)) == flat(call()), name


@pytest.mark.parametrize("mode", OTHER_MODES)
@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_no_training_depends_on_the_mode_on_any_number_of_threads(n_threads, mode, modes, isa, dtype):
    call, arrays = training_with(n_threads, dtype)
    in_mode(OTHER_MODES[mode], call, modes)
    call, expected = training_with(1, dtype)
    call()
    for ours, theirs in zip(arrays, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_signal_handler_runs_in_the_caller_s_mode_and_may_change_it(n_threads, modes):
    up, down = OTHER_MODES["up"], OTHER_MODES["down"]
    training, seen, before = Training((80, 200, 200, 1), 500, n_threads=n_threads), [], modes.mode()

    def handler():
        seen.append(modes.mode())
        modes.set_mode(down)
        if len(seen) == 3:
            raise KeyboardInterrupt

    try:
        modes.set_mode(up)
        with pytest.raises(KeyboardInterrupt), alarm(handler, 0.06, 0.06):
            training.train(10**5)
        after = modes.mode()
    finally:
        modes.set_mode(before)
    assert seen == [up, down, down]
    assert after == down
    again = Training((80, 200, 200, 1), 500)
    again.make_updates(training.counts["updates"])
    np.testing.assert_array_equal(again.parameters, training.parameters)
