"""The layout of a network's parameters in one flat vector."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import _kernels, checks


def split_parameters(parameters: np.ndarray, layer_dims: Sequence[int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Split a flat vector that holds W (fan_out, fan_in), then b (fan_out,), layer after layer.

    Parameters
    ----------
    parameters : ndarray of shape (n_parameters,)
    layer_dims : sequence of int
        Widths from the inputs to the outputs.

    Returns
    -------
    weights, biases : list of ndarray
        Views of ``parameters``, of shape (fan_out, fan_in) and (fan_out,).

    Raises
    ------
    TypeError, ValueError
        If a width is wrong, or ``parameters`` is no array of their number of parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.engine.plan import split_parameters
    >>> split_parameters(np.arange(3.0), [2, 1])
    ([array([[0., 1.]])], [array([2.])])
    """
    return _split(parameters, checks.layer_dims_of(layer_dims))


def _split(parameters: np.ndarray, layer_dims: tuple[int, ...]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    if not isinstance(parameters, np.ndarray):
        raise TypeError(f"parameters must be an array, got {type(parameters).__name__}")
    if parameters.shape != (n_parameters(layer_dims),):
        raise ValueError(f"parameters must have shape ({n_parameters(layer_dims)},), got {parameters.shape}")
    weights, biases, at = [], [], 0
    for fan_in, fan_out in itertools.pairwise(layer_dims):
        weights.append(parameters[at : at + fan_in * fan_out].reshape(fan_out, fan_in))
        at += fan_in * fan_out
        biases.append(parameters[at : at + fan_out])
        at += fan_out
    return weights, biases


def n_parameters(layer_dims: tuple[int, ...]) -> int:
    """Return the number of parameters of a network of these widths."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(layer_dims))


HIDDEN_ACTIVATIONS = tuple(_kernels.DERIVATIVES)  # the others are for outputs only


def hidden_activations(activation: str | Sequence[str], n_hidden: int) -> list[str]:
    """Return one activation name per hidden layer, from one for all or one for each."""
    if isinstance(activation, str):
        return [checks.choice("activation", activation, HIDDEN_ACTIVATIONS)] * n_hidden
    if not isinstance(activation, Sequence):
        raise TypeError(f"activation must be a name or a sequence of names, got {type(activation).__name__}")
    names = checks.items_of("activation", activation)
    if len(names) != n_hidden:
        raise ValueError(f"activation must have {n_hidden} names, one per hidden layer; got {len(names)}")
    return [checks.choice(f"activation[{i}]", name, HIDDEN_ACTIVATIONS) for i, name in enumerate(names)]


def join_parameters(weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> np.ndarray:
    """Join the arrays of all layers to a flat vector, the inverse of :func:`split_parameters`.

    Parameters
    ----------
    weights : sequence of ndarray of shape (fan_out, fan_in)
    biases : sequence of ndarray of shape (fan_out,)

    Returns
    -------
    ndarray of shape (n_parameters,)
        A copy.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not go from layer to layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.engine.plan import join_parameters
    >>> join_parameters([np.ones((1, 2))], [np.zeros(1)])
    array([1., 1., 0.])
    """
    for name, layers in (("weights", weights), ("biases", biases)):
        if not isinstance(layers, (list, tuple)) or not all(isinstance(layer, np.ndarray) for layer in layers):
            raise TypeError(f"{name} must be a list of arrays, got {checks.shown(layers)}")
    if not len(weights) == len(biases) > 0:
        raise ValueError(f"weights and biases must have an array per layer, got {len(weights)} and {len(biases)}")
    width = None
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        if w.ndim != 2 or width not in (None, w.shape[1]):
            raise ValueError(f"weights[{layer}] must have shape (fan_out, {width or 'fan_in'}), got {w.shape}")
        width = w.shape[0]
        if b.shape != (width,):
            raise ValueError(f"biases[{layer}] must have shape ({width},) to match weights[{layer}], got {b.shape}")
    return np.concatenate([piece.ravel() for pair in zip(weights, biases, strict=True) for piece in pair])


@dataclass(frozen=True)
class Plan:
    """Layer widths, activations and dtype of a network.

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
        If a width, name or dtype is not one of those above.

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
        if not isinstance(self.activations, (list, tuple)):
            raise TypeError(f"activations must be a list of names, got {checks.shown(self.activations)}")
        if len(self.activations) != len(dims) - 1:
            raise ValueError(f"activations must have {len(dims) - 1} names, one per layer; got {len(self.activations)}")
        for i, name in enumerate(self.activations):
            known = HIDDEN_ACTIVATIONS if i < len(self.activations) - 1 else tuple(_kernels.ACTIVATIONS)
            checks.choice(f"activations[{i}]", name, known)
        checks.settle(self, layer_dims=dims, activations=tuple(self.activations), dtype=checks.dtype_of(self.dtype))

    @property
    def n_parameters(self) -> int:
        """Length of the flat parameter vector."""
        return n_parameters(self.layer_dims)

    def split(self, parameters: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Split a flat vector into views (weights, biases); see :func:`~fastmlp.engine.plan.split_parameters`."""
        return _split(parameters, self.layer_dims)

    def is_weight(self) -> np.ndarray:
        """Return an ndarray of bool (n_parameters,): True for weights, False for biases."""
        marks = np.zeros(self.n_parameters, bool)
        for weights in self.split(marks)[0]:
            weights[:] = True
        return marks

    def scratch_bytes(self, n_examples: int) -> int:
        """Return the bytes of scratch memory of a pass over ``n_examples`` on one thread.

        They do not grow with the number of examples once a pass has several tiles.
        """
        return int(self.describe(n_examples)["scratch_bytes"])

    def describe(self, n_examples: int) -> dict[str, Any]:
        """Return a dict of the instruction set, tile, chunks and gradient methods of a pass over ``n_examples``."""
        n = checks.integer("n_examples", n_examples, minimum=1)
        return _kernels.Engine(self.dtype == np.float64, self.layer_dims, self.activations, n).describe()
