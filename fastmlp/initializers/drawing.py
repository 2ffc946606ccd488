"""Layers from what a user passes: a name, an initializer, a function, or one of these for each layer."""

import functools
import inspect
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from fastmlp.checks import array_of, items_of, layer_dims_of, seed_of, shown
from fastmlp.initializers.base import Generator, Initializer, Layers, Place, draw_places, places_of
from fastmlp.initializers.registry import get


def draw_layers(
    draws: Sequence[Callable[..., Any]], layer_dims: Sequence[int], seed: object, activations: Any = None
) -> Layers:
    """Draw one layer after another, each with its own rule.

    Parameters
    ----------
    draws : sequence of callable
        A rule for each layer: an initializer, or a function ``draw(generator, fan_in, fan_out)`` that returns weights
        (fan_out, fan_in) and leaves the biases at 0.
    layer_dims : sequence of int
        Widths from the inputs to the outputs, at least two.
    seed : None, int, RandomState or Generator
    activations : str or sequence of str, default=None
        See :meth:`Initializer.__call__`.

    Returns
    -------
    weights, biases : list of ndarray
        Of shape (fan_out, fan_in) and (fan_out,).

    Raises
    ------
    ValueError
        If a rule returns an array of another shape, or what is not finite.
    """
    places = places_of(layer_dims, activations)
    if not isinstance(draws, Sequence) or isinstance(draws, str) or len(draws) != len(places):
        raise ValueError(f"draws must be {len(places)} functions, one per layer; got {shown(draws)}")
    for layer, draw in enumerate(draws):
        if not callable(draw):
            raise TypeError(f"draws[{layer}] must be a function, got {shown(draw)}")
    return draw_places([_rule_of(draw) for draw in draws], places, seed_of(seed))


def _rule_of(draw: Callable[..., Any]) -> Callable[[Generator, Place], tuple[Any, Any]]:
    """The rule for a place of an initializer, or of a function for weights alone."""
    if isinstance(draw, Initializer):
        return draw.layer
    return lambda generator, place: (draw(generator, place.fan_in, place.fan_out), np.zeros(place.fan_out))


def draw(initialization: object, layer_dims: Sequence[int], seed: object = None, activations: Any = None) -> Layers:
    """Draw the layers that ``initialization`` describes.

    Parameters
    ----------
    initialization : str, callable or sequence
        One of:

        - a name or alias, or an initializer with its parameters
        - a function ``f(layer_dims)`` or ``f(layer_dims, seed=...)`` that returns ``(weights, biases)``, a list of
          weights, or a dict ``W1``, ``b1``, ``W2``, ...; it gets ``seed`` as it is, if it takes that keyword
        - a sequence with one entry per layer, each a name, an initializer or a function
          ``draw(generator, fan_in, fan_out)`` that returns an array (fan_out, fan_in)
    layer_dims : sequence of int
        Widths from the inputs to the outputs.
    seed : None, int, RandomState or Generator, default=None
    activations : str or sequence of str, default=None
        Activation of all hidden layers, or one name for each layer, that of the outputs included. Some initializers
        depend on them; :class:`fastmlp.MLP` passes its own.

    Returns
    -------
    weights, biases : list of ndarray of shape (fan_out, fan_in), list of ndarray of shape (fan_out,)

    Raises
    ------
    ValueError
        If a name is unknown, an initializer lacks its activations or data, or the layers have the wrong number, shape
        or values.
    TypeError
        If ``initialization`` is no name, function or sequence of these.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> weights, biases = initializers.draw(["he", lambda rng, fan_in, fan_out: rng.uniform(size=(fan_out, fan_in))],
    ...                                     [2, 4, 1], seed=0)
    >>> weights[1].shape
    (1, 4)
    """
    if isinstance(initialization, str):
        initialization = get(initialization)
    if isinstance(initialization, Initializer):
        return initialization(layer_dims, seed, activations)
    dims = layer_dims_of(layer_dims)
    if callable(initialization):
        return _checked(_called(initialization, dims, seed), dims)
    if isinstance(initialization, Sequence):
        entries = items_of("initialization", initialization)
        if len(entries) != len(dims) - 1:
            raise ValueError(f"initialization must have {len(dims) - 1} entries, one per layer; got {len(entries)}")
        return draw_layers([_draw_of(entry) for entry in entries], dims, seed, activations)
    raise TypeError(
        f"initialization must be a name, a function or a sequence of these, got {type(initialization).__name__}"
    )


def layer_keys(keys: Iterable[object]) -> set[str]:
    """Return those of the keys of a dict that name a layer's parameters: W or b and a number."""
    return {key for key in keys if isinstance(key, str) and re.fullmatch("[Wb][0-9]+", key)}


def _draw_of(entry: object) -> Callable[..., object]:
    """The initializer or function of an entry that draws one layer."""
    rule = get(entry) if isinstance(entry, str) else entry
    if isinstance(rule, Initializer):
        return rule
    if not callable(rule):
        raise TypeError(f"initialization must hold names or functions, got {type(rule).__name__}")
    try:
        signature = inspect.signature(rule)
    except (TypeError, ValueError):  # some compiled functions have none
        return rule
    try:
        signature.bind(None, 1, 1)
    except TypeError as error:
        raise TypeError(
            f"initialization must hold names or functions f(generator, fan_in, fan_out), got f{signature}: {error}"
        ) from None
    return rule


def _called(function: Callable[..., object], dims: Sequence[int], seed: object) -> object:
    """What a user's function returns, called with what it takes."""
    arguments = {"seed": seed}
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some compiled functions have none
        return function(list(dims), **arguments)
    has_own_seed = isinstance(function, functools.partial) and "seed" in function.keywords
    if has_own_seed or not any(_takes_seed(parameter) for parameter in signature.parameters.values()):
        arguments = {}
    try:
        signature.bind(dims, **arguments)
    except TypeError as error:
        raise TypeError(
            f"initialization must be a function f(layer_dims) or f(layer_dims, seed=...), got f{signature}: {error}"
        ) from None
    return function(list(dims), **arguments)


def _takes_seed(parameter: inspect.Parameter) -> bool:
    by_name = parameter.name == "seed" and parameter.kind is not parameter.POSITIONAL_ONLY
    return by_name or parameter.kind is parameter.VAR_KEYWORD


def _checked(drawn: object, dims: Sequence[int]) -> Layers:
    """What a user's function returned, as (weights, biases) of the right shapes and finite."""
    n_layers = len(dims) - 1
    if isinstance(drawn, dict):
        expected = [key for layer in range(1, n_layers + 1) for key in (f"W{layer}", f"b{layer}")]
        missing = [key for key in expected if key not in drawn]
        if missing:
            raise ValueError(f"initialization returned a dict without {', '.join(missing)}")
        others = layer_keys(drawn) - set(expected)
        if others:
            raise ValueError(
                f"initialization returned a dict with {', '.join(sorted(others))} beside {n_layers} layers"
            )
        weights, biases = [drawn[key] for key in expected[::2]], [drawn[key] for key in expected[1::2]]
    elif isinstance(drawn, tuple) and len(drawn) == 2:
        weights, biases = drawn
    elif isinstance(drawn, Sequence):
        weights, biases = list(drawn), [np.zeros(width) for width in dims[1:]]
    else:
        raise TypeError(f"initialization must return weights, (weights, biases) or a dict, got {type(drawn).__name__}")
    if not all(isinstance(layers, Sequence) for layers in (weights, biases)):
        raise TypeError("initialization must return weights and biases as lists of arrays")
    if len(weights) != n_layers or len(biases) != n_layers:
        raise ValueError(f"initialization must return {n_layers} layers, got {len(weights)} and {len(biases)}")
    checked: list[list[np.ndarray]] = []
    for kind, arrays, shapes in (
        ("weights", weights, [(o, i) for i, o in itertools.pairwise(dims)]),
        ("biases", biases, [(o,) for o in dims[1:]]),
    ):
        checked.append([])
        for layer, (array, shape) in enumerate(zip(arrays, shapes, strict=True), start=1):
            name = f"initialization: {kind} of layer {layer}"
            values = array_of(name, array, np.float64)
            if kind == "biases" and values.ndim == 2 and 1 in values.shape:
                values = values.ravel()  # a column, as in the notebook
            if values.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {values.shape}")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite")
            checked[-1].append(values)
    return checked[0], checked[1]
