"""No allocation inside a pass, and scratch memory that does not grow with the examples."""

import os
import shutil
import subprocess
import sys

import pytest
from networks import activations_of, engine_of

SMALL, MANY = 300, 30_000

COUNT_ALLOCATIONS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
static long count;
long allocations(void) { return count; }
#define COUNTED(type, name, parameters, arguments)                 \
    type name parameters                                           \
    {                                                              \
        static type (*real) parameters;                            \
        if (!real)                                                 \
            real = (type(*) parameters)dlsym(RTLD_NEXT, #name);    \
        __sync_fetch_and_add(&count, 1);                           \
        return real arguments;                                     \
    }
COUNTED(void *, malloc, (size_t n), (n))
COUNTED(void *, calloc, (size_t n, size_t m), (n, m))
COUNTED(void *, realloc, (void *p, size_t n), (p, n))
COUNTED(int, posix_memalign, (void **p, size_t a, size_t n), (p, a, n))
COUNTED(void *, aligned_alloc, (size_t a, size_t n), (a, n))
"""

COUNT_IN_TRAINING = """
import ctypes, sys
sys.path[:0] = {path!r}
import numpy as np
from fastmlp import _kernels
from networks import OPTIMIZER, activations_of, engine_of, random_network

allocations = ctypes.CDLL(None).allocations
rates, order = np.full(10_000, 0.01), np.array([np.random.permutation(900) for _ in range(100)])
for layer_dims, n_examples, batch, options in (
    ((2, 10, 5, 1), 300, 300, {{}}),
    ((160, 64, 3), 900, 900, {{}}),
    ((20, 64, 3), 900, 64, {{"dropout": (0.5, 0)}}),
    ((20, 64, 3), 900, 64, {{"n_threads": 2}}),
    ((20, 64, 3), 900, 900, {{"n_threads": 2}}),
):
    parameters, inputs, targets = random_network(layer_dims, n_examples, "float64")
    moments = np.zeros((2, len(parameters)))
    for epochs in (1, 1, 100):
        updates = epochs * -(-n_examples // batch)
        arguments = OPTIMIZER | {{"method": "adam", "l2": 1e-3, "clip_norm": 1.0}}, moments, rates[:updates]
        epochs_order, losses = order[:epochs] if n_examples == 900 else None, np.empty(epochs)
        before = allocations()
        engine = engine_of("float64", layer_dims, activations_of(layer_dims), batch, **options)
        engine.train(parameters, _kernels.Data(inputs.T, targets), *arguments, epochs_order, losses, epochs)
        print(allocations() - before)
"""


@pytest.fixture(scope="module")
def counting_library(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "the package was built with a C compiler, which this test needs too"
    folder = tmp_path_factory.mktemp("count")
    source, library = folder / "count.c", folder / "count.so"
    source.write_text(COUNT_ALLOCATIONS)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", str(source), "-o", str(library), "-ldl"], check=True)
    return library


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts through the loader's LD_PRELOAD")
def test_epochs_allocate_nothing(counting_library):
    """An engine allocates its arena and a call little else: a hundred epochs as much as one."""
    script = COUNT_IN_TRAINING.format(path=[p for p in sys.path if p])
    environment = {"LD_PRELOAD": str(counting_library)}
    run = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    counts = [int(line) for line in run.stdout.split()]
    assert len(counts) == 15
    for warm, one, hundred in (counts[i : i + 3] for i in range(0, 15, 3)):
        assert 0 < one == hundred <= warm


@pytest.mark.parametrize("layer_dims", [(2, 10, 5, 1), (64, 100, 10)], ids=str)
def test_scratch_does_not_grow_with_the_examples(layer_dims, isa, dtype):
    engines = [engine_of(dtype, layer_dims, activations_of(layer_dims), n) for n in (1, SMALL, MANY, 10**6, 10**9)]
    one, small, *many = [engine.describe()["scratch_bytes"] for engine in engines]
    assert one <= small <= many[0]
    assert len(set(many)) == 1


PEAK_OF_TRAINING = """
import sys
sys.path[:0] = {path!r}
import numpy as np
from fastmlp import _kernels
from networks import activations_of, kernel_train, random_network

def peak():  # of this process alone: that of getrusage may be its parent's
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))

layer_dims = (2, 10, 5, 1)
parameters, inputs, targets = random_network(layer_dims, {n_examples}, "float64")
if {is_row_major}:
    inputs = np.ascontiguousarray(inputs.T).T
before = peak()
kernel_train(parameters, inputs, targets, layer_dims, activations_of(layer_dims), 0.01, 2)
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks as Linux counts them")
@pytest.mark.parametrize("is_row_major", [False, True])
def test_peak_memory_of_a_training_is_the_scratch(is_row_major):
    """Two million examples, 48 MB, raise the peak by no more than the arena's few hundred kilobytes."""
    path = [p for p in sys.path if p]
    script = PEAK_OF_TRAINING.format(path=path, n_examples=2_000_000, is_row_major=is_row_major)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 2048
