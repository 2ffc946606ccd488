"""The notebook's initializers, and tests of a reader's own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp import checks, initializers
from fastmlp.notebook.layers import Parameters, as_dict


def initialize_parameters_zeros(layers_dims: Any) -> Parameters:
    """Make zero weights and biases; from these, training cannot break the symmetry of the units.

    Parameters
    ----------
    layers_dims : sequence of int
        Widths from the inputs to the outputs.

    Returns
    -------
    dict
        ``W1`` (fan_out, fan_in), ``b1`` (fan_out, 1), ``W2``, ...

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two widths, or a width is no integer of at least 1.

    Examples
    --------
    >>> from fastmlp import initialize_parameters_zeros
    >>> initialize_parameters_zeros([3, 2, 1])["W1"]
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """
    return _initial_parameters("zeros", layers_dims, seed=0)


def initialize_parameters_random(layers_dims: Any, seed: Any = 3) -> Parameters:
    """Draw weights from 10 N(0, 1), which is too large, and make zero biases.

    Parameters
    ----------
    layers_dims : sequence of int
        Widths from the inputs to the outputs.
    seed : None, int, RandomState or Generator, default=3
        The notebook's seed by default; NumPy's global random state is not used.

    Returns
    -------
    dict
        ``W1`` (fan_out, fan_in), ``b1`` (fan_out, 1), ``W2``, ...

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two widths, a width is no integer of at least 1, or the seed is wrong.

    Examples
    --------
    >>> from fastmlp import initialize_parameters_random
    >>> initialize_parameters_random([2, 4, 1])["W1"][0].round(8)
    array([17.88628473,  4.36509851])
    """
    return _initial_parameters("random", layers_dims, seed)


def initialize_parameters_he(layers_dims: Any, seed: Any = 3) -> Parameters:
    """Draw weights from N(0, 2 / fan_in) and make zero biases (He et al. 2015, eq. 10).

    Parameters
    ----------
    layers_dims : sequence of int
        Widths from the inputs to the outputs.
    seed : None, int, RandomState or Generator, default=3
        The notebook's seed by default; NumPy's global random state is not used.

    Returns
    -------
    dict
        ``W1`` (fan_out, fan_in), ``b1`` (fan_out, 1), ``W2``, ...

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two widths, a width is no integer of at least 1, or the seed is wrong.

    Examples
    --------
    >>> from fastmlp import initialize_parameters_he
    >>> initialize_parameters_he([2, 4, 1])["W1"][0].round(8)
    array([1.78862847, 0.43650985])
    """
    return _initial_parameters("he", layers_dims, seed)


def _initial_parameters(initialization: Any, layers_dims: Any, seed: Any) -> Parameters:
    dims = checks.layer_dims_of(layers_dims, "layers_dims")
    weights, biases = initializers.draw(initialization, dims, seed)
    return as_dict(weights, biases)


def initialize_parameters_zeros_test(target: Callable[..., Any]) -> None:
    """Test a reader's ``initialize_parameters_zeros``.

    Parameters
    ----------
    target : callable
        The reader's function; called as ``target(layers_dims)``.

    Raises
    ------
    AssertionError
        If the result is wrong; the message says what.

    Examples
    --------
    >>> from fastmlp.notebook import initialize_parameters_zeros, initialize_parameters_zeros_test
    >>> initialize_parameters_zeros_test(initialize_parameters_zeros)
    All tests passed.
    """
    _check_initialization(target, "zeros", [3, 2, 1])


def initialize_parameters_random_test(target: Callable[..., Any]) -> None:
    """Test a reader's ``initialize_parameters_random``.

    Parameters
    ----------
    target : callable
        The reader's function; called as ``target(layers_dims)``.

    Raises
    ------
    AssertionError
        If the result is wrong; the message says what.

    Examples
    --------
    >>> from fastmlp.notebook import initialize_parameters_random, initialize_parameters_random_test
    >>> initialize_parameters_random_test(initialize_parameters_random)
    All tests passed.
    """
    _check_initialization(target, "random", [3, 2, 1])


def initialize_parameters_he_test(target: Callable[..., Any]) -> None:
    """Test a reader's ``initialize_parameters_he``.

    Parameters
    ----------
    target : callable
        The reader's function; called as ``target(layers_dims)``.

    Raises
    ------
    AssertionError
        If the result is wrong; the message says what.

    Examples
    --------
    >>> from fastmlp.notebook import initialize_parameters_he, initialize_parameters_he_test
    >>> initialize_parameters_he_test(initialize_parameters_he)
    All tests passed.
    """
    _check_initialization(target, "he", [2, 4, 1])


def _check_initialization(target: Callable[..., Any], name: str, layers_dims: list[int]) -> None:
    expected = _initial_parameters(name, layers_dims, seed=3)
    got = target(list(layers_dims))
    if not isinstance(got, dict):
        raise AssertionError(f"the function must return a dict, not {type(got).__name__}")
    if set(got) != set(expected):
        raise AssertionError(f"the keys must be {', '.join(expected)}; got {', '.join(map(str, got))}")
    for key, value in expected.items():
        if not isinstance(got[key], np.ndarray):
            raise AssertionError(f"{key} must be a numpy array, not {type(got[key]).__name__}")
        if got[key].shape != value.shape:
            raise AssertionError(f"{key} must have shape {value.shape}, not {got[key].shape}")
        if got[key].dtype != value.dtype:
            raise AssertionError(f"{key} must have dtype {value.dtype}, not {got[key].dtype}")
        if not np.allclose(got[key], value, rtol=1e-7, atol=0):
            raise AssertionError(f"{key} has wrong values: expected\n{value}\ngot\n{got[key]}")
    print("All tests passed.")
