"""Checks of public arguments, made once before any work.

Each function returns the argument in the form that the kernels take, or raises a ValueError or TypeError that names the
argument, its value and what was expected.  The caller's arrays are never modified.
"""

import inspect
import itertools
import math
import numbers
import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastmlp import _kernels, arrays
from fastmlp.arrays import shown as shown

MOST_UNITS = 2**28  # per layer, so that no offset into memory overflows
LITTLE_MEMORY = 2**28  # bytes that need no look at how much there is
CHANGED = "something changed it while it was checked"
DTYPES = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}


def array_of(name: str, value: Any, dtype: Any) -> np.ndarray:
    """``value`` as an array of ``dtype``; conversion is refused where it would lose meaning."""
    if type(value) is np.ndarray and value.flags.aligned:
        if value.dtype == dtype:
            return value
        kind, size = value.dtype.kind, value.dtype.itemsize
        if kind in "iub" or (kind == "f" and size < np.dtype(dtype).itemsize):  # nothing can overflow
            return value.astype(dtype)
    if hasattr(value, "toarray"):
        raise TypeError(f"{name} must be dense, got {type(value).__name__}; pass {name}.toarray()")
    array = arrays.real_array(name, value, dtype)
    with np.errstate(over="ignore", under="ignore"):  # what does not fit becomes inf, which check_finite names
        array = array.astype(dtype, copy=False)
    return array if array.flags.aligned else array.copy()


def check_finite(name: str, array: np.ndarray, columns: Sequence[Any] = ()) -> None:
    """Refuse NaN and infinities, and say where the first one is, also by the names of a frame's columns."""
    if _kernels.first_not_finite((array,)) < 0:
        return
    at = first_place(~np.isfinite(array))
    if at is None:
        raise ValueError(f"{name} must be finite in {array.dtype}; {CHANGED}")
    column = f", column {shown(columns[at[1]])}" if len(columns) else ""
    raise ValueError(f"{name} must be finite in {array.dtype}, got {array[at]} at index {at}{column}")


def first_place(wrong: np.ndarray) -> tuple[int, ...] | None:
    """The index of the first True, or None: another thread may have changed the array since it was found wrong."""
    if not wrong.any():
        return None
    return tuple(int(i) for i in np.unravel_index(np.argmax(wrong), wrong.shape))


def matrix(name: str, value: Any, dtype: Any, *, n_rows: int | None = None, n_columns: int | None = None) -> np.ndarray:
    """``value`` as a C-contiguous, finite, non-empty matrix, of the shape given."""
    if n_rows is n_columns is None and _kernels.plain_and_finite([value]) and value.dtype == dtype:
        return value
    array = array_of(name, value, dtype)
    if array.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {array.ndim} in shape {array.shape}")
    if (n_rows is not None and array.shape[0] != n_rows) or (n_columns is not None and array.shape[1] != n_columns):
        expected = f"({'any' if n_rows is None else n_rows}, {'any' if n_columns is None else n_columns})"
        raise ValueError(f"{name} must have shape {expected}, got {array.shape}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    array = np.ascontiguousarray(array)
    check_finite(name, array)
    return array


def check_inputs_shape(shape: tuple[int, ...], n_features: int) -> None:
    """Refuse shapes of X that are not (n_examples, n_features), with at least one example."""
    if len(shape) != 2:
        raise ValueError(f"X must have 2 dimensions (n_examples, n_features), got shape {shape}")
    if shape[0] < 1 or shape[1] != n_features:
        raise ValueError(f"X must have shape (at least 1, {n_features}), got {shape}")


def labels(name: str, value: Any) -> np.ndarray:
    """``value`` as a C-contiguous array of 0 and 1, unrounded: a float32 would take 1 + 1e-12 for 1."""
    array = np.ascontiguousarray(array_of(name, value, value.dtype if is_real(value) else np.float64))
    if not _kernels.all_binary(array):
        at = first_place((array != 0) & (array != 1))
        got = CHANGED if at is None else f"got {float(array[at])!r}"
        raise ValueError(f"{name} must hold labels 0 and 1 only, {got}")
    return array


def is_real(value: Any) -> bool:
    """Whether ``value`` is an array of float32 or float64 already."""
    return type(value) is np.ndarray and value.dtype.name in DTYPES and value.dtype.isnative


def layer_dims_of(layer_dims: Any, name: str = "layer_dims") -> tuple[int, ...]:
    """Widths as a tuple of ints, at least two, each from 1 to 2**28."""
    if not is_sequence(layer_dims):
        raise TypeError(f"{name} must be a sequence of widths, got {type(layer_dims).__name__}")
    widths = items_of(name, layer_dims)
    if len(widths) < 2:
        raise ValueError(f"{name} must have at least 2 widths, inputs and outputs; got {shown(widths)}")
    dims = tuple(integer(f"{name}[{i}]", width, minimum=1) for i, width in enumerate(widths))
    if max(dims) > MOST_UNITS:
        raise ValueError(f"{name} must be at most {MOST_UNITS} each, got {max(dims)}")
    if 8 * sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(dims)) > sys.maxsize:
        raise ValueError(f"{name} must be of a size that memory can hold, got {shown(list(dims))}")
    return dims


def check_memory(name: str, n_bytes: int) -> None:
    """Raise MemoryError for more bytes than the machine has, before it swaps."""
    if n_bytes > LITTLE_MEMORY and hasattr(os, "sysconf"):
        has = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if n_bytes > has:
            raise MemoryError(f"{name} needs {n_bytes / 2**30:.3g} GiB of memory; this machine has {has / 2**30:.3g}")


def is_sequence(value: Any) -> bool:
    """Whether ``value`` is a sequence or an array with a length, and no text."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def items_of(name: str, value: Any) -> list[Any]:
    """The items of a sequence; an error that the sequence raises names the argument."""
    return arrays.read(name, "a sequence", value, lambda: list(value))


def integer(name: str, value: Any, *, minimum: int) -> int:
    """An int from ``minimum`` to what a machine word holds; a bool is refused."""
    if type(value) is not int and (isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral)):
        raise TypeError(f"{name} must be an integer, got {shown(value)}")
    number = value if type(value) is int else arrays.read(name, "an integer", value, lambda: int(value))
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {shown(number)}")
    if number > sys.maxsize:
        raise ValueError(f"{name} must be at most {sys.maxsize}, got {shown(number)}")
    return number


def number(name: str, value: Any) -> float:
    """A float, infinite where no float is as large; a bool is refused."""
    if type(value) is float:  # instances of numbers.Real are told slowly
        return value
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {shown(value)}")

    def converted() -> float:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf  # type: ignore[operator]

    return arrays.read(name, "a number", value, converted)


def finite(name: str, value: Any) -> float:
    """A float that is finite."""
    real = number(name, value)
    if not math.isfinite(real):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    return real


def check_held(name: str, value: float, dtype: Any) -> None:
    """Refuse a float that ``dtype``, unless it is None, cannot hold with all digits; it holds 0."""
    if dtype is None or value == 0 or 1e-30 < value < 1e30:
        return
    limits = np.finfo(dtype)
    if not float(limits.tiny) <= value <= float(limits.max):
        raise ValueError(f"{name} must be from {limits.tiny:.3g} to {limits.max:.3g} in {limits.dtype}, got {value}")


def positive(name: str, value: Any, dtype: Any = None) -> float:
    """A float over 0, finite, that ``dtype`` can hold."""
    if type(value) is float and 1e-30 < value < 1e30:
        return value
    real = number(name, value)
    if not 0 < real < math.inf:
        raise ValueError(f"{name} must be finite and over 0, got {shown(value)}")
    check_held(name, real, dtype)
    return real


def non_negative(name: str, value: Any, dtype: Any = None) -> float:
    """A float of at least 0, finite, that ``dtype`` can hold."""
    if type(value) is float and 1e-30 < value < 1e30:
        return value
    real = number(name, value)
    if not 0 <= real < math.inf:
        raise ValueError(f"{name} must be finite and at least 0, got {shown(value)}")
    check_held(name, real, dtype)
    return real


def open_fraction(name: str, value: Any, dtype: Any = None) -> float:
    """A float over 0 and below 1 that ``dtype`` can hold."""
    real = number(name, value)
    if not 0 < real < 1:
        raise ValueError(f"{name} must be over 0 and below 1, got {shown(value)}")
    check_held(name, real, dtype)
    return real


def fraction(name: str, value: Any, dtype: Any = None) -> float:
    """A float from 0 to below 1 that ``dtype`` can hold."""
    real = number(name, value)
    if not 0 <= real < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {shown(value)}")
    check_held(name, real, dtype)
    return real


def share(name: str, value: Any) -> float:
    """A float from 0 to 1."""
    real = number(name, value)
    if not 0 <= real <= 1:
        raise ValueError(f"{name} must be from 0 to 1, got {shown(value)}")
    return real


def decay_rate(name: str, value: Any, dtype: Any) -> float:
    """A float from 0 to below 1 that is below 1 also in ``dtype``: a mean that decays by 1 would forget nothing."""
    real = fraction(name, value, dtype)
    if np.dtype(dtype).type(real) == 1:
        raise ValueError(f"{name} must be below 1 in {np.dtype(dtype)}, got {shown(value)}")
    return real


def dropout_rates(name: str, value: Any, n: int) -> list[float]:
    """One probability for each of n hidden layers, from one for all or one for each."""
    if not is_sequence(value):
        return [_dropout_rate(name, value)] * n
    entries = items_of(name, value)
    if len(entries) != n:
        raise ValueError(f"{name} must have {n} entries, one per hidden layer; got {len(entries)}")
    return [_dropout_rate(f"{name}[{i}]", entry) for i, entry in enumerate(entries)]


def _dropout_rate(name: str, value: Any) -> float:
    """A probability that masks drawn from 24 bits can have."""
    real = fraction(name, value)
    if real != 0 and not 2**-24 <= real <= 1 - 2**-24:
        raise ValueError(f"{name} must be 0 or from 2**-24 to 1 - 2**-24, got {shown(value)}")
    return real


def settle(instance: Any, **values: Any) -> None:
    """Give the fields of a frozen dataclass their checked values, in plain Python types."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)


def boolean(name: str, value: Any) -> bool:
    """True or False, also NumPy's."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def function(name: str, value: Any, *parameters: str) -> None:
    """Refuse what cannot be called with the parameters, as far as its signature tells."""
    if not callable(value):
        raise TypeError(f"{name} must be callable, got {type(value).__name__}")
    try:
        signature = inspect.signature(value)
    except Exception:  # some compiled functions have none
        return
    try:
        signature.bind(*parameters)
    except TypeError as error:
        expected = f"{name}({', '.join(parameters)})"
        raise TypeError(f"{name} must be a function {expected}, got {name}{signature}: {error}") from None


def choice(name: str, value: Any, known: Sequence[str]) -> str:
    """One of the known names."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(known)}; got {shown(value)}")
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {shown(value)}")
    return value


def dtype_of(dtype: Any) -> np.dtype:
    """float32 or float64, by name or as a dtype."""
    try:
        found = np.dtype(dtype)
    except Exception as error:  # KeyError, ValueError and others, by what the dtype was to be made of
        raise TypeError(f"dtype must be float32 or float64, got {shown(dtype)}") from error
    if found.name not in DTYPES or not found.isnative:
        raise ValueError(f"dtype must be float32 or float64, got {shown(dtype)}")
    return found


def seed_of(seed: Any) -> np.random.RandomState | np.random.Generator:
    """A generator of one's own: an int seeds the legacy generator, None takes fresh entropy."""
    if isinstance(seed, (np.random.RandomState, np.random.Generator)):
        return seed
    return np.random.RandomState(None if seed is None else _seed_integer(seed))


def _seed_integer(seed: Any) -> int:
    number = integer("seed", seed, minimum=0)
    if number >= 2**32:
        raise ValueError(f"seed must be below 2**32, got {shown(number)}")
    return number


def seed_number(seed: Any, present: int | None) -> int:
    """A seed as a number: an int as it is, one drawn from a generator; None is the present one, or fresh."""
    if seed is None and present is not None:
        return present
    if isinstance(seed, numbers.Integral):
        return _seed_integer(seed)
    generator = seed_of(seed)
    draw = generator.integers if isinstance(generator, np.random.Generator) else generator.randint
    return int(draw(2**32, dtype=np.uint64))
