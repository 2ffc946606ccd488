"""The plan and arena that the notebook's functions keep between calls hold no values and serve one call at a time."""

import contextlib
import os
import sys
import threading
import warnings

import numpy as np
import pytest
from alarms import alarm
from forms import assert_same, flat

from fastmlp import _kernels
from fastmlp.notebook import (
    backward_propagation,
    compute_loss,
    forward_propagation,
    initialize_parameters_he,
    update_parameters,
)


def network(layer_dims, n_examples, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    parameters = {key: w.astype(dtype) for key, w in initialize_parameters_he(list(layer_dims)).items()}
    inputs = rng.normal(0, 1, (layer_dims[0], n_examples)).astype(dtype)
    return inputs, rng.integers(0, 2, (layer_dims[-1], n_examples)), parameters


def step(inputs, labels, parameters):
    """All that one iteration of a reader's loop returns."""
    aL, cache = forward_propagation(inputs, parameters)
    grads = backward_propagation(inputs, labels, cache)
    return cache, np.float64(compute_loss(aL, labels)), grads, update_parameters(parameters.copy(), grads, 0.25)


SHAPES = [((2, 10, 5, 1), 300), ((2, 10, 5, 1), 301), ((2, 10, 6, 1), 300), ((3, 10, 5, 1), 300), ((2, 10, 1), 300)]


def test_calls_of_other_shapes_dtypes_and_instruction_sets_between_change_no_bit():
    examples = [network(*shape, dtype) for shape in SHAPES for dtype in ("float64", "float32")]
    chosen = _kernels.current_isa()
    try:
        for isa in _kernels.available_isas():
            _kernels.select_isa(isa)
            alone = []
            for example in examples:
                _kernels.forward(np.ones((1, 1)), [np.ones((1, 1))], [np.ones((1, 1))], ("tanh",))  # fits none of them
                alone.append(step(*example))
            for i in np.random.default_rng(0).integers(len(examples), size=60):
                assert_same(step(*examples[i]), alone[i])
            for other in _kernels.available_isas():
                _kernels.select_isa(other)
                step(*examples[0])
                _kernels.select_isa(isa)
                assert_same(step(*examples[0]), alone[0])
    finally:
        _kernels.select_isa(chosen)


def test_a_call_that_overflowed_leaves_nothing_to_the_next():
    inputs, labels, parameters = network((2, 10, 5, 1), 300)
    expected = step(inputs, labels, parameters)
    huge = {key: 1e300 * (value + 1) for key, value in parameters.items()}
    _, cache = forward_propagation(1e200 * inputs, huge)
    assert not all(np.isfinite(array).all() for array in cache)
    assert_same(step(inputs, labels, parameters), expected)


def test_a_call_that_raised_leaves_nothing_to_the_next():
    inputs, labels, parameters = network((2, 10, 5, 1), 300)
    expected = step(inputs, labels, parameters)
    weights, biases = ([parameters[f"{kind}{layer}"] for layer in (1, 2, 3)] for kind in "Wb")
    for _ in range(3):
        with pytest.raises(ValueError, match="biases must have shape"):
            _kernels.forward(inputs, weights, biases[::-1], ("relu", "relu", "logistic"))
        assert_same(step(inputs, labels, parameters), expected)


def test_arrays_changed_in_place_are_read_anew():
    inputs, labels, parameters = network((2, 10, 5, 1), 300)
    step(inputs, labels, parameters)
    for array in (inputs, *parameters.values()):
        array += 0.125
    labels ^= 1
    got = step(inputs, labels, parameters)
    copies = {key: value.copy() for key, value in parameters.items()}
    assert_same(got, step(inputs.copy(), labels.copy(), copies))
    parameters["b2"][3] = np.nan
    with pytest.raises(ValueError, match="b2 must be finite"):
        forward_propagation(inputs, parameters)
    labels[0, 7] = 2
    with pytest.raises(ValueError, match="Y must hold labels"):
        backward_propagation(inputs, labels, got[0])


def test_two_threads_at_once_do_not_disturb_each_other():
    examples = [network((2, 10, 5, 1), 20_000, seed=seed) for seed in (1, 2)]
    expected = [step(*example) for example in examples]
    results = [[], []]

    def work(i):
        for _ in range(40):
            results[i].append(step(*examples[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for got, one in zip(results, expected, strict=True):
        assert len(got) == 40
        for result in got:
            assert_same(result, one)


def test_a_dict_emptied_by_another_thread_during_a_call_is_read_to_its_end():
    inputs, _, parameters = network((2, 10, 5, 1), 20_000)
    assert emptied_during(lambda named: forward_propagation(inputs, named), parameters, n_calls=30) > 0


def test_a_dict_with_other_entries_is_read_once():
    inputs, _, parameters = network((2, 10, 5, 1), 1)
    others = dict.fromkeys(map(str, range(500)))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that the other thread takes its turn while the keys are looked at
    try:
        assert emptied_during(lambda named: forward_propagation(inputs, named), others | parameters, n_calls=1000) > 0
    finally:
        sys.setswitchinterval(before)


def emptied_during(call, parameters, n_calls):
    """How many calls found their parameters while another thread emptied the dict; all give the same."""
    expected = call(parameters)
    current, stop, emptied = [{}], threading.Event(), 0

    def empty():
        while not stop.is_set():
            current[0].clear()

    thread = threading.Thread(target=empty)
    thread.start()
    try:
        for _ in range(n_calls):
            current[0] = named = {key: value if value is None else value.copy() for key, value in parameters.items()}
            with contextlib.suppress(ValueError):  # emptied before it was read
                assert_same(call(named), expected)
                emptied += not named
    finally:
        stop.set()
        thread.join()
    return emptied


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_computes_as_its_parent():
    example = network((2, 10, 5, 1), 300)
    expected = step(*example)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of others stay behind: the child needs none
        child = os.fork()
    if child == 0:  # pragma: no cover - runs in the child
        same = all(a.tobytes() == b.tobytes() for a, b in zip(flat(step(*example)), flat(expected), strict=True))
        os._exit(0 if same else 1)
    assert_same(step(*example), expected)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("call", ["forward", "backward"])
def test_a_signal_handler_may_call_the_function_it_interrupts(call):
    """Signals are served within a pass of more than 50 ms; the handler's network has the same shape."""
    examples = [network((256, 256, 256, 1), 12_000, seed=seed) for seed in (1, 2)]
    chosen, nested = _kernels.current_isa(), []
    _kernels.select_isa("baseline")  # the slowest
    try:
        if call == "forward":
            calls = [lambda e=e: forward_propagation(e[0], e[2])[1] for e in examples]
        else:
            caches = [forward_propagation(inputs, parameters)[1] for inputs, _, parameters in examples]
            calls = [lambda e=e, c=c: backward_propagation(*e[:2], c) for e, c in zip(examples, caches, strict=True)]
        expected = [one() for one in calls]
        with alarm(lambda: nested.append(calls[1]()), 0.01):
            got = calls[0]()
    finally:
        _kernels.select_isa(chosen)
    assert_same(got, expected[0])
    assert_same(tuple(nested), (expected[1],))
