"""Loss and gradient of a network with a wide hidden layer and few inputs, activation by activation."""

import numpy as np
import pytest
from measure import OURS

from fastmlp import MLP, reference
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS

DIMS, N_EXAMPLES = (4, 256, 1), 1000
RTOL = {"float64": 1e-11, "float32": 1e-4}


def calls_of(activation, dtype):
    """Ours and the reference's, each as a call that returns the gradient."""
    model = MLP(DIMS, activation=activation, loss="squared_error", dtype=dtype, seed=0)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((N_EXAMPLES, DIMS[0])).astype(dtype), rng.standard_normal(N_EXAMPLES).astype(dtype)
    arguments = model.parameters, np.ascontiguousarray(X.T), y[np.newaxis], DIMS, model.plan.activations
    return {
        OURS: lambda: model.loss_and_gradient(X, y)[1],
        "NumPy": lambda: reference.loss_and_gradient(*arguments, loss="squared_error")[1],
    }


@pytest.mark.parametrize("contender", [OURS, "NumPy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_activation(benchmark, activation, dtype, contender):
    benchmark.group = f"loss_and_gradient of 4-256-1, {activation}, {dtype}"
    calls = calls_of(activation, dtype)
    results = [call() for call in calls.values()]
    assert np.linalg.norm(results[0] - results[1]) <= RTOL[dtype] * np.linalg.norm(results[1])
    benchmark(calls[contender])
