"""Whatever loops over data polls: it looks at the clock often enough, and ends where it is told to.

A library that is loaded first replaces the C library's ``timespec_get``.  Its clock jumps by a second whenever it is
read, so that signals are served at every look, and it counts the looks.  Nothing here depends on the machine's speed.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fastmlp import _kernels

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts through the loader's LD_PRELOAD")

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static long looks, interrupted_look;
/* The number of looks since the last call; the look with this number, from 1 on, then sends an interrupt. */
long count_looks(long interrupt)
{
    const long n = looks;
    looks = 0;
    interrupted_look = interrupt;
    return n;
}
int timespec_get(struct timespec *now, int base)
{
    static long seconds = 1000;
    *now = (struct timespec){.tv_sec = seconds++};
    if (++looks == interrupted_look)
        ((void (*)(void))dlsym(RTLD_DEFAULT, "PyErr_SetInterrupt"))();
    return base;
}
"""

# name: (what runs, the least number of looks).  A look is due after 4 million operations; poll.h says what an element
# costs: 16 for a copy or a check, 64 for an exponential, 256 for one from a random place.  No number is reached if the
# loop that the case is named after counts nothing.
COPY, FUNCTION, GATHER = 16 / 4e6, 64 / 4e6, 256 / 4e6
CASES = {
    "finite": ("_kernels.first_not_finite((reals,))", 1e6 * COPY),
    "binary": ("_kernels.all_binary(ones)", 1e6 * COPY),
    "unit interval": ("_kernels.all_in_unit_interval(ones)", 1e6 * COPY),
    "labels": ("_kernels.integer_labels(np.ones((1, 10**6), np.int64), reals[None])", 1e6 * COPY),
    "exp": ("_kernels.elementwise('exp', reals, np.empty_like(reals))", 1e6 * FUNCTION),
    "log-loss": ("_kernels.log_loss(reals[None], ones[None])", 1e6 * FUNCTION),
    "cross-entropy": ("_kernels.cross_entropy(ones[None] / 2, ones[None])", 1e6 * FUNCTION),
    "order drawn": ("_kernels.draw_order(np.empty(10**6, np.intp), np.full(10**6, 0.5))", 1e6 * (GATHER + COPY)),
    "dropout mask, rows": ("engine((1, 10**5, 1), 8, dropout=(0.5, 0)).dropout_mask(0, 1, 1)", 8e5 * FUNCTION),
    "dropout mask, one row": ("engine((1, 1, 1), 10**6, dropout=(0.5, 0)).dropout_mask(0, 1, 1)", 1e6 * FUNCTION),
    "norm": ("update((1000, 1000), clip_norm=1.0)", 1e6 * COPY),
    "csr, many rows": ("csr(10**6, 10**6, 1)", 3e6 * COPY),
    "csr, one row": ("csr(1, 10**6, 10**6)", 2e6 * COPY),
    "csr, empty rows": ("csr(10**6, 1, 0)", 2e6 * COPY),
    "order checked": ("bad_order()", 1e6 * COPY),
    "weights": ("train((1, 1), 10**6, weights=True, epochs=1)", 1e6 * (GATHER + 3 * COPY + FUNCTION)),
    "gradient checked": ("train((1000, 1000), 1, epochs=10)", 1e7 * COPY + 10),
    "penalty": ("train((1000, 1000), 1, epochs=10, penalizes_sum=True, l2=0.1, report=True)", 1e7 * 2 * COPY + 10),
    "norm in training": ("train((1000, 1000), 1, epochs=10, clip_norm=1.0)", 1e7 * 2 * COPY + 10),
    "no weight": ("train((1000, 1000), 1, epochs=10, no_weight=True)", 1e7 * 2 * COPY),
    "softmax": ("predict((1, 4000), 800, 'multinomial_log_loss')", 32e5 * (COPY + 0.6 * FUNCTION)),
    "sigmoids": ("predict((1, 10**5), 16, 'log_loss')", 16e5 * (COPY + FUNCTION)),
    "outputs copied": ("predict((1, 10**5), 16, 'log_loss', probabilities=False)", 16e5 * 2 * COPY),
    "gelu": ("predict((1, 10**5, 1), 16, 'squared_error', 'gelu')", 16e5 * FUNCTION),
    "multinomial loss": ("gradient((1, 4000), 800, 'multinomial_log_loss')", 32e5 * 0.6 * FUNCTION),
    "pointwise loss": ("gradient((1, 10**5), 16, 'huber')", 16e5 * (FUNCTION + 2.2 * COPY)),
    "dropout": ("train((1, 10**5, 1), 16, epochs=1, dropout=(0.5, 0))", 16e5 * FUNCTION),
    "columns packed": ("predict((10**5, 1), 16, 'squared_error')", 16e5 * COPY),
    "long rows packed": ("predict((10**5, 1), 16, 'squared_error', layout='C')", 16e5 * COPY),
    "columns gathered": ("train((10**5, 1), 16, epochs=1, order=1)", 16e5 * GATHER),
    "csr packed": ("sparse_gradient((10**5, 1), 16, False)", 16e5 * 2 * COPY),
    "csr summed by rows": ("sparse_gradient((10**6, 32), 4, True)", 32e6 * COPY),
    "csr without entries": ("sparse_gradient((1, 10**5), 16, True, entries=0)", 16e5 * (FUNCTION + 3.5 * COPY)),
    "inputs transposed": ("gradient((10**5, 1), 16, 'squared_error')", 16e5 * 2 * COPY),
    "layers": ("layers((1, 10**5, 1), 16)", 16e5 * (2 * FUNCTION + 4 * COPY)),
    "layers of outputs": ("layers((1, 10**5), 16)", 16e5 * (2 * FUNCTION + 4 * COPY)),
    "backward": ("backward((1, 10**5, 1), 16)", 16e5 * (FUNCTION + 3 * COPY)),
    "backward from outputs": ("backward((1, 10**5), 16)", 16e5 * 4 * COPY),
}

SCRIPT = """
import ctypes, json, sys
sys.path[:0] = {path!r}
import numpy as np
from fastmlp import _kernels
from networks import OPTIMIZER, activations_of, engine_of, random_network

count_looks = ctypes.CDLL(None).count_looks
count_looks.restype, count_looks.argtypes = ctypes.c_long, [ctypes.c_long]
dtype = "float64"
reals, ones = np.linspace(-1, 1, 10**6), np.ones(10**6)

def engine(dims, n, hidden="relu", loss="log_loss", **options):
    return engine_of(dtype, dims, activations_of(dims, hidden, loss), n, loss=loss, **options)

def data_of(dims, n, loss, layout="F"):
    parameters, inputs, targets = random_network(dims, n, dtype, loss=loss)
    return parameters, _kernels.Data(np.require(inputs.T, requirements=layout), targets)

def predict(dims, n, loss, hidden="relu", layout="F", probabilities=True):
    parameters, data = data_of(dims, n, loss, layout)
    outputs, e = np.empty((dims[-1], n)), engine(dims, n, hidden, loss)
    return lambda: e.predict(outputs, parameters, data, probabilities)

def gradient(dims, n, loss, hidden="relu"):
    parameters, data = data_of(dims, n, loss)
    e = engine(dims, n, hidden, loss)
    return lambda: e.loss_and_gradient(np.empty_like(parameters), parameters, data)

def layers(dims, n):
    parameters, data = data_of(dims, n, "log_loss")
    e = engine(dims, n, "tanh")
    return lambda: e.layers(parameters, data)

def backward(dims, n):
    parameters, inputs, targets = random_network(dims, n, dtype)
    weights = [np.ones((b, a)) for a, b in zip(dims, dims[1:])]
    outputs = [np.full((b, n), 0.5) for b in dims[1:]]
    return lambda: _kernels.backward(inputs, targets, weights, outputs, activations_of(dims))

def train(
    dims, n, epochs, order=0, weights=False, no_weight=False, dropout=(), penalizes_sum=False, report=False, **settings
):
    parameters, inputs, targets = random_network(dims, n, dtype, loss="squared_error")
    weight = np.zeros(n) if no_weight else np.ones(n) if weights else None
    data, e = _kernels.Data(inputs.T, targets, weight), engine(dims, n, loss="squared_error", dropout=dropout)
    orders = np.array([np.arange(n)] * epochs) * int(order) if order else None
    arguments = OPTIMIZER | settings, np.empty((0, len(parameters))), np.full(epochs, 1e-9), orders
    losses = np.empty(epochs if report else 0)
    return lambda: e.train(parameters, data, *arguments, losses, epochs, penalizes_sum=penalizes_sum)

def bad_order():
    call = train((1, 1), 10**6, epochs=1, order=-1)
    def refused():
        try:
            call()
        except ValueError:
            pass
    return refused

def update(dims, **settings):
    parameters, _ = data_of(dims, 1, "log_loss")
    e = engine(dims, 1)
    return lambda: e.update(parameters, parameters.copy(), np.empty((0, len(parameters))), OPTIMIZER | settings, 1e-9)

def csr(n, n_features, entries):
    columns = np.tile(np.arange(entries), n)
    return lambda: _kernels.Data((np.ones(n * entries), columns, np.arange(n + 1) * entries, n_features))

def sparse_gradient(dims, n, sparse, entries=1):
    parameters, _, targets = random_network(dims, n, dtype)
    columns, indptr = np.zeros(n * entries, np.int64), np.arange(n + 1) * entries
    data, e = _kernels.Data((np.ones(n * entries), columns, indptr, dims[0]), targets), engine(dims, n, sparse=sparse)
    return lambda: e.loss_and_gradient(np.empty_like(parameters), parameters, data)

answers = {{}}
_kernels.select_isa({isa!r})
for name, text in {texts!r}.items():
    call = eval("lambda: " + text)
    if not text.startswith(("_kernels", "engine")):  # what makes the arrays and returns the call
        call = call()
    count_looks(0)
    call()
    looks, ends = count_looks(2), False
    try:
        call()
    except KeyboardInterrupt:
        ends = True
    answers[name] = looks, ends, count_looks(0)
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Variables that load the clock into a new process."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "the package was built with a C compiler, which this test needs too"
    folder = tmp_path_factory.mktemp("clock")
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(library), "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": f"{os.environ.get('LD_PRELOAD', '')} {library}".strip()}


def output_of(script, environment):
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module", params=_kernels.available_isas())
def answers(environment, request):
    """For every case, the looks of a call, whether another ended where it was told to, and its looks."""
    texts = {name: text for name, (text, _) in CASES.items()}
    path = [p for p in sys.path if p]
    return output_of(SCRIPT.format(path=path, isa=request.param, texts=texts), environment)


@pytest.mark.parametrize("name", CASES)
def test_a_loop_over_data_polls_and_ends_where_it_is_told_to(name, answers):
    looks, ends, looks_until_end = answers[name]
    assert looks > 0.95 * CASES[name][1] - 1
    assert ends
    assert looks_until_end == 2


STATES = """
import ctypes, json, sys
sys.path[:0] = {path!r}
import numpy as np
from fastmlp import MLP
from test_interrupts_threads import Training

count_looks = ctypes.CDLL(None).count_looks
count_looks.restype, count_looks.argtypes = ctypes.c_long, [ctypes.c_long]
model = MLP([2, 3, 1], seed=1)
count_looks(2)
try:
    model.train(np.ones((2000, 2)), np.ones(2000), epochs=10**5)
except KeyboardInterrupt:  # also from the first call of a process, before Cython has looked up what it caches
    assert model.training_state.updates > 0
else:
    raise AssertionError
counts = []
for n_threads in (1, 2):
    for look in range(2, 14):
        training = Training((30, 400, 1), 500, batch=100, n_threads=n_threads)
        count_looks(look)
        try:
            training.train(6)
        except KeyboardInterrupt:
            made = training.counts["updates"]
            again = Training((30, 400, 1), 500, batch=100)
            again.make_updates(made)
            assert (again.parameters == training.parameters).all() and (again.moments == training.moments).all()
            counts.append(made)
print(json.dumps(counts))
"""


def test_an_interruption_at_any_look_leaves_a_whole_update(environment):
    path = [str(Path(__file__).parent), *[p for p in sys.path if p]]
    counts = output_of(STATES.format(path=path), environment)
    assert len(counts) > 12, "most looks come before the end"
    assert len(set(counts)) > 3
