"""Errors for rows of X whose sums overflow, so that their outputs or gradients are NaN."""

from typing import Any

import numpy as np

from fastmlp import _kernels
from fastmlp.engine.examples import Examples, Inputs


def refuse_rows(inputs: Inputs, parameters: np.ndarray, is_lost: np.ndarray | None) -> None:
    """Raise ValueError that names the first of the rows marked in ``is_lost`` (n_examples,), if there is one."""
    if is_lost is None or not is_lost.any():
        return
    rows = np.flatnonzero(is_lost)
    row, more = int(rows[0]), f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    if isinstance(inputs, tuple):
        values, _, indptr, _ = inputs
        entries = values[indptr[row] : indptr[row + 1]]
    else:
        entries = inputs[row]
    largest, weight = (float(np.abs(array).max(initial=0.0)) for array in (entries, parameters))
    if weight > largest:
        raise ValueError(
            f"parameters must give numbers in {parameters.dtype}, but in row {row} of X{more}, whose largest entry is "
            f"{largest:g}, a sum overflows: the largest parameter is {weight:g}. Train with a smaller learning_rate or "
            "clip_norm"
        )
    raise ValueError(
        f"X must have rows that give numbers in {parameters.dtype}, but in row {row}{more}, whose largest entry is "
        f"{largest:g}, a sum overflows. Leave such rows out, or scale X as in training"
    )


def refuse_examples(network: Any, examples: Examples) -> None:
    """Raise ValueError for examples whose loss or gradient is NaN, with the first row that is to blame."""
    first, end = 0, examples.n_examples
    while end - first > 1:
        middle = (first + end) // 2
        if _is_lost(network, examples.rows(first, middle)):
            end = middle
        else:
            first = middle
    if _is_lost(network, examples.rows(first, end)):
        refuse_rows(examples.inputs, network.parameters, np.arange(examples.n_examples) == first)
    entries = examples.inputs[0] if isinstance(examples.inputs, tuple) else examples.inputs
    largest, weight = (float(np.abs(array).max(initial=0.0)) for array in (entries, network.parameters))
    raise ValueError(
        f"{'parameters' if weight > largest else 'X'} must give gradients whose sum over the rows is a number in "
        f"{examples.dtype}, but it overflows: the largest entry of X is {largest:g}, the largest parameter {weight:g}"
    )


def _is_lost(network: Any, data: _kernels.Data) -> bool:
    gradient = np.empty_like(network.parameters)
    loss = network.engine(data.n_examples, data).loss_and_gradient(gradient, network.parameters, data)
    return has_nan(loss, gradient)


def has_nan(loss: float, gradient: np.ndarray) -> bool:
    """Return whether there is a NaN; infinities are beyond the range of the dtype."""
    return loss != loss or (_kernels.first_not_finite((gradient,)) >= 0 and bool(np.isnan(gradient).any()))
