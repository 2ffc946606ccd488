"""Plan: where the parameters of a network lie in one flat vector, and how a pass over it runs."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import _kernels, checks


def split_parameters(parameters: np.ndarray, layer_dims: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Views (weights, biases) of a flat vector that holds W (fan_out, fan_in), then b, layer after layer."""
    weights, biases, at = [], [], 0
    for fan_in, fan_out in itertools.pairwise(layer_dims):
        weights.append(parameters[at : at + fan_in * fan_out].reshape(fan_out, fan_in))
        at += fan_in * fan_out
        biases.append(parameters[at : at + fan_out])
        at += fan_out
    return weights, biases


HIDDEN_ACTIVATIONS = tuple(_kernels.DERIVATIVES)  # the others are for outputs only


def hidden_activations(activation: str | Sequence[str], n_hidden: int) -> list[str]:
    """One activation name per hidden layer, from one for all or one for each."""
    if isinstance(activation, str):
        return [checks.choice("activation", activation, HIDDEN_ACTIVATIONS)] * n_hidden
    if not isinstance(activation, Sequence):
        raise TypeError(f"activation must be a name or a sequence of names, got {type(activation).__name__}")
    if len(activation) != n_hidden:
        raise ValueError(f"activation must have {n_hidden} names, one per hidden layer; got {len(activation)}")
    return [checks.choice(f"activation[{i}]", name, HIDDEN_ACTIVATIONS) for i, name in enumerate(activation)]


def join_parameters(weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> np.ndarray:
    """The flat vector of which :func:`split_parameters` gives the views."""
    return np.concatenate([piece.ravel() for pair in zip(weights, biases, strict=True) for piece in pair])


@dataclass(frozen=True)
class Plan:
    """Layer widths, activations and dtype of a network; all else is derived from them.

    Parameters
    ----------
    layer_dims : tuple of int
        Widths from the inputs to the outputs.
    activations : tuple of str
        One per layer; the last turns logits into outputs.
    dtype : numpy.dtype
        float32 or float64.

    Raises
    ------
    TypeError, ValueError
        For widths, names or dtypes other than those above.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import Plan
    >>> plan = Plan((2, 10, 5, 1), ("relu", "relu", "logistic"), np.dtype("float64"))
    >>> plan.n_parameters
    91
    >>> plan.scratch_bytes(3_000) == plan.scratch_bytes(30_000)
    True
    """

    layer_dims: tuple[int, ...]
    activations: tuple[str, ...]
    dtype: np.dtype

    def __post_init__(self) -> None:
        dims = checks.layer_dims_of(self.layer_dims)
        if len(self.activations) != len(dims) - 1:
            raise ValueError(f"activations must have {len(dims) - 1} names, one per layer; got {len(self.activations)}")
        for i, name in enumerate(self.activations):
            known = HIDDEN_ACTIVATIONS if i < len(self.activations) - 1 else tuple(_kernels.ACTIVATIONS)
            checks.choice(f"activations[{i}]", name, known)
        checks.settle(self, layer_dims=dims, activations=tuple(self.activations), dtype=checks.dtype_of(self.dtype))

    @property
    def n_parameters(self) -> int:
        """Length of the flat parameter vector."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(self.layer_dims))

    def split(self, parameters: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Views (weights, biases) of a flat vector: W (fan_out, fan_in), b (fan_out,) per layer."""
        return split_parameters(parameters, self.layer_dims)

    def is_weight(self) -> np.ndarray:
        """Whether each parameter is a weight, not a bias: a vector of bool."""
        marks = np.zeros(self.n_parameters, bool)
        for weights in self.split(marks)[0]:
            weights[:] = True
        return marks

    def scratch_bytes(self, n_examples: int) -> int:
        """Bytes of scratch memory of a pass over ``n_examples`` on one thread; the same for all large numbers."""
        return int(self.describe(n_examples)["scratch_bytes"])

    def describe(self, n_examples: int) -> dict[str, Any]:
        """The instruction set, tile, chunks and gradient methods that a pass over ``n_examples`` uses."""
        return _kernels.Engine(self.dtype == np.float64, self.layer_dims, self.activations, n_examples).describe()
