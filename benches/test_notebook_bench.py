"""The notebook's four functions and a reader's loop over them, against the same in plain NumPy."""

import numpy as np
import pytest
from layouts import as_dict
from measure import OURS
from peers import notebook_numpy
from tables.seed_table import check, loop_trainer
from workloads import LEARNING_RATE, NOTEBOOK

from fastmlp import notebook

MODULES = {OURS: notebook, "NumPy": notebook_numpy}


def calls_of(functions):
    """Each function bound to the arguments the first epoch gives it."""
    X, Y = NOTEBOOK.data
    parameters = as_dict(NOTEBOOK.start)
    a3, cache = functions.forward_propagation(X, parameters)
    grads = functions.backward_propagation(X, Y, cache)
    return {
        "forward_propagation": lambda: functions.forward_propagation(X, parameters),
        "compute_loss": lambda: functions.compute_loss(a3, Y),
        "backward_propagation": lambda: functions.backward_propagation(X, Y, cache),
        "update_parameters": lambda: functions.update_parameters(dict(parameters), grads, LEARNING_RATE),
    }


def arrays_of(result):
    """All numbers of a result, in order, as one vector."""
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (tuple, list)):
        return np.concatenate([arrays_of(item) for item in result])
    return np.ravel(result)


@pytest.mark.parametrize("contender", MODULES)
@pytest.mark.parametrize(
    "function", ["forward_propagation", "compute_loss", "backward_propagation", "update_parameters"]
)
def test_function(benchmark, function, contender):
    benchmark.group = f"notebook {function}"
    results = [arrays_of(calls_of(module)[function]()) for module in MODULES.values()]
    np.testing.assert_allclose(*results, rtol=1e-9, atol=1e-15)
    benchmark(calls_of(MODULES[contender])[function])


@pytest.mark.parametrize("contender", MODULES)
def test_loop(benchmark, contender):
    benchmark.group = f"notebook loop, {NOTEBOOK.epochs} epochs"
    train = loop_trainer(MODULES[contender])
    check(train, NOTEBOOK, contender)
    benchmark(train, NOTEBOOK.start, *NOTEBOOK.data, LEARNING_RATE, NOTEBOOK.epochs)
