"""Minibatch Adam on digits, and the sweep of each optimizer over many parameters, against the reference."""

import numpy as np
import pytest
from measure import OURS
from peers.minibatch import check, numpy_passes, ours
from training_workloads import TRAININGS, kernel_settings

from fastmlp import MLP, SGD, Adam, AdamW, RMSprop, reference
from fastmlp.training import TrainingState

TRAINERS = {OURS: ours, "NumPy": numpy_passes}
DIGITS = [workload for workload in TRAININGS if "digits" in workload.name]
OPTIMIZERS = {
    "sgd": SGD(),
    "momentum": SGD(momentum=0.9),
    "nesterov": SGD(momentum=0.9, nesterov=True),
    "adam": Adam(),
    "adamw": AdamW(),
    "rmsprop": RMSprop(),
}
SWEPT = (500, 500, 10)  # parameters for one example, so that the sweeps are most of the work
UPDATES, RATE = 20, 1e-3
RTOL = {"float64": 1e-9, "float32": 1e-3}


@pytest.mark.parametrize("contender", TRAINERS)
@pytest.mark.parametrize("workload", DIGITS, ids=lambda workload: workload.dtype)
def test_minibatches(benchmark, workload, contender):
    benchmark.group = f"{workload.name}, {workload.epochs} epochs with Adam, {workload.dtype}"
    train = TRAINERS[contender](workload)
    check(train, workload, contender)
    benchmark(train, workload.epochs, True)


def sweeps_of(optimizer, dtype):
    """Ours and the reference's trainings on one example, each as a call that returns the parameters."""
    model = MLP(SWEPT, loss="squared_error", dtype=dtype, seed=0)
    start, rng = model.parameters.copy(), np.random.default_rng(0)
    X, y = (rng.standard_normal((1, width)).astype(dtype) for width in (SWEPT[0], SWEPT[-1]))
    settings = kernel_settings(optimizer)

    def our_sweeps():
        model.parameters[:] = start
        model.training_state = TrainingState()
        model.train(X, y, epochs=UPDATES, optimizer=optimizer, learning_rate=RATE, report_every=UPDATES)
        return model.parameters

    def reference_sweeps():
        parameters = start.copy()
        moments = reference.new_moments(settings, len(start), dtype)
        network = SWEPT, model.plan.activations, settings, moments
        reference.train_minibatches(parameters, X.T, y.T, *network, [RATE] * UPDATES, UPDATES, loss="squared_error")
        return parameters

    return {OURS: our_sweeps, "NumPy": reference_sweeps}


@pytest.mark.parametrize("contender", [OURS, "NumPy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sweep(benchmark, name, dtype, contender):
    benchmark.group = f"{name}, {UPDATES} updates of 500-500-10 by one example, {dtype}"
    calls = sweeps_of(OPTIMIZERS[name], dtype)
    results = [call().astype(np.float64) for call in calls.values()]
    assert np.linalg.norm(results[0] - results[1]) <= RTOL[dtype] * np.linalg.norm(results[1])
    benchmark(calls[contender])
