"""Training epochs, loss and gradient, and prediction, against the NumPy reference."""

import numpy as np
import pytest
from measure import OURS
from peers import full_batch
from tables.seed_table import check
from workloads import FUNCTIONS, LARGE_F32, LARGE_F64, LAYER_DIMS, LEARNING_RATE, SEED, SEED_F32, SEED_F64

from fastmlp import MLP

TRAINERS = {OURS: full_batch.ours, "NumPy": full_batch.numpy_reference()}
WORKLOADS = (SEED_F64, SEED_F32, LARGE_F64, LARGE_F32)
RTOL = {"float64": 1e-12, "float32": 1e-5}


def name_of(workload):
    return f"{workload.n_examples}-{workload.dtype}"


@pytest.mark.parametrize("contender", TRAINERS)
@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
def test_training(benchmark, workload, contender):
    benchmark.group = f"training, {workload.epochs} epochs, {name_of(workload)}"
    check(TRAINERS[contender], workload, contender)
    benchmark(TRAINERS[contender], workload.start, *workload.data, LEARNING_RATE, workload.epochs)


@pytest.mark.parametrize("contender", [OURS, "NumPy"])
@pytest.mark.parametrize("workload", WORKLOADS, ids=name_of)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_function(benchmark, function, workload, contender):
    benchmark.group = f"{function}, {name_of(workload)}"
    model = MLP(LAYER_DIMS, seed=SEED, dtype=workload.dtype)
    results = [np.hstack(run(model, *workload.data)) for run in FUNCTIONS[function].values()]
    np.testing.assert_allclose(*results, rtol=0, atol=RTOL[workload.dtype] * np.abs(results[1]).max())
    benchmark(FUNCTIONS[function][contender], model, *workload.data)
