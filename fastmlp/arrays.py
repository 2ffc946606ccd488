"""Arrays of real numbers from what people pass: frames, columns, arrays of objects, anything that NumPy can convert.

Nothing is imported for this.  Frames and columns are known by the methods that pandas, polars and pyarrow give them.
"""

import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

REAL = "fiub"  # kinds of dtype: floating, integer, unsigned, bool
MOST_SHOWN = 80  # characters of a value in a message
REMEDIES = {
    "c": "pass the real and imaginary parts as two arrays of numbers",
    "M": "pass numbers, e.g. the days since a first date",
    "m": "pass numbers, e.g. what division by numpy.timedelta64(1, 's') gives",
    "V": "pass numbers, e.g. what numpy.lib.recfunctions.structured_to_unstructured gives",
}


def shown(value: Any) -> str:
    """Return ``value`` for a message: one line, not too long, and no error where it cannot be printed."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an int of over 4300 digits, for one
        text = f"{type(value).__name__} that cannot be printed"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def real_array(name: str, value: Any, dtype: Any) -> np.ndarray:
    """Return ``value`` as an array of bool, integers or floats; a frame becomes one of ``dtype``.

    A TypeError names what is no real number, by its column or index, and what to do about it.
    """
    if type(value) is list and set(map(type, value)) == {float}:
        return np.array(value)  # the quick way
    if type(value) not in (np.ndarray, list, tuple):
        if _read(name, value, lambda: _is_one_array(value)):
            array = _read(name, value, lambda: np.asarray(value))
            if array.dtype.kind in REAL:
                return array
        columns = _read(name, value, lambda: columns_of(value))
        if columns is not None:
            return _of_frame(name, value, columns, dtype)
    return _converted(name, value)


def columns_of(value: Any) -> list[tuple[Any, Any]] | None:
    """Return the names and columns of a frame of pandas, polars or pyarrow, or None for anything else."""
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        return [(name, value.iloc[:, i]) for i, name in enumerate(value.columns)]
    if hasattr(value, "get_columns"):
        return list(zip(value.columns, value.get_columns(), strict=True))
    if hasattr(value, "column_names") and hasattr(value, "itercolumns"):
        return list(zip(value.column_names, value.itercolumns(), strict=True))
    return None


def _is_one_array(value: Any) -> bool:
    """Whether a frame of pandas has one dtype of NumPy's for all columns: it need not be read one by one."""
    dtypes = set(value.dtypes) if hasattr(value, "iloc") and hasattr(value, "columns") else ()
    return len(dtypes) == 1 and all(isinstance(dtype, np.dtype) and dtype.kind in REAL for dtype in dtypes)


def _of_frame(name: str, frame: Any, columns: list[tuple[Any, Any]], dtype: Any) -> np.ndarray:
    """Return the columns of a frame as an array (n_rows, n_columns)."""
    n_rows = _read(name, frame, lambda: len(frame))
    array = np.empty((n_rows, len(columns)), dtype)
    for i, (column_name, column) in enumerate(columns):
        label = f"column {shown(column_name)} of {name}"
        values = _converted(label, column, in_column=True)
        if values.shape != (n_rows,):
            raise ValueError(f"{label} must hold one number per row, got shape {values.shape}")
        with np.errstate(over="ignore", under="ignore"):
            array[:, i] = values
    return array


def _converted(label: str, value: Any, in_column: bool = False) -> np.ndarray:
    """Return an array or column as an array of real numbers."""
    must = f"{label} must {'hold' if in_column else 'be an array of'} real numbers"
    _refuse_missing(label, must, value)
    array = _read(label, value, lambda: np.asarray(value))
    kind = array.dtype.kind
    if kind in REAL:
        return array
    if array.ndim == 0:
        raise TypeError(f"{must}, got {shown(value)}{_remedy_for_no_array(label, value)}")
    if kind not in "OUST":
        remedy = f"; {REMEDIES[kind]}" if kind in REMEDIES else ""
        raise TypeError(f"{must}, got dtype {array.dtype} from {type(value).__name__}{remedy}")
    objects = _read(label, value, lambda: np.asarray(value, object))  # NumPy turns all of [1, "a"] into strings
    return _of_objects(label, must, objects)


def _of_objects(label: str, must: str, objects: np.ndarray) -> np.ndarray:
    """Return objects that are all real numbers as float64."""
    from decimal import Decimal

    items = objects.ravel().tolist()
    wrong = {kind for kind in set(map(type, items)) if not issubclass(kind, (numbers.Real, Decimal, np.bool_))}
    for i, item in enumerate(items if wrong else ()):
        if type(item) in wrong:
            at = i if objects.ndim == 1 else tuple(int(k) for k in np.unravel_index(i, objects.shape))
            got = f"str {shown(item)}" if isinstance(item, str) else shown(item)
            raise TypeError(f"{must}, got {got} at index {at}{_remedy(label, item)}")
    try:
        return np.array(items, np.float64).reshape(objects.shape)
    except MemoryError:
        raise
    except Exception as error:  # an int that no float can hold, a signalling NaN, an item's own
        why = " ".join(str(error).split())[:MOST_SHOWN]
        raise ValueError(f"{must} that float64 can hold: {why}") from error


def _remedy_for_no_array(label: str, value: Any) -> str:
    """Return what to do with a value that is no sequence."""
    if not label.isidentifier():  # a part of an argument, or what a function of the caller returned
        return ""
    if isinstance(value, Mapping):
        columns = f"list({label}.values())"
        return f"; pass numpy.column_stack({columns})" if label == "X" else f"; pass {columns}"
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return f"; pass list({label})"
    return f"; pass {label}.collect()" if hasattr(value, "collect") else ""


def _remedy(label: str, item: Any) -> str:
    """Return what to do with an item that is no number."""
    if item is None or type(item).__name__ in ("NAType", "NaTType"):
        return "; drop or fill what is missing"
    if isinstance(item, (str, bytes)):
        try:
            float(item)
        except ValueError:
            argument = label.split()[-1]
            if argument in ("y", "Y"):
                return f"; number the classes, e.g. classes, {argument} = numpy.unique({argument}, return_inverse=True)"
            return "; encode it, e.g. with sklearn.preprocessing.OneHotEncoder" if argument == "X" else "; pass numbers"
        return "; convert it, e.g. with astype(float)"
    if isinstance(item, Mapping):
        return "; give each key a column of its own, e.g. with sklearn.feature_extraction.DictVectorizer"
    if isinstance(item, (list, tuple, np.ndarray)):
        return "; give each entry a column of its own, e.g. with numpy.stack"
    if hasattr(item, "mid"):  # an interval of pandas
        return "; pass numbers, e.g. the middle of each interval, its attribute mid"
    if isinstance(item, complex):
        return f"; {REMEDIES['c']}"
    if hasattr(item, "strftime"):
        return f"; {REMEDIES['M']}"
    return f"; {REMEDIES['m']}" if hasattr(item, "total_seconds") else ""


def _refuse_missing(label: str, must: str, value: Any) -> None:
    """Refuse masked entries, whose values np.asarray would take, and columns that lack a value, which it makes NaN.

    NaN in a column of NumPy's own dtype is a number that is not finite, as in an array.
    """
    if isinstance(value, (list, tuple, np.ndarray)):
        parts = [value] if isinstance(value, np.ndarray) else value
        kinds = _read(label, value, lambda: set(map(type, parts)))
        may_be_masked = any(issubclass(kind, np.ma.MaskedArray) for kind in kinds)
        if may_be_masked and any(np.ma.is_masked(part) for part in parts):
            raise ValueError(f"{label} must not have masked entries")
        return
    is_missing = getattr(value, "is_null", None) or getattr(value, "isna", None)
    if is_missing is None or isinstance(getattr(value, "dtype", None), np.dtype) or not hasattr(value, "__len__"):
        return
    missing = _read(label, value, lambda: np.flatnonzero(np.asarray(is_missing())))
    if missing.size:
        raise ValueError(f"{must}, got a missing one at index {missing[0]}; drop or fill what is missing")


def _read(label: str, value: Any, reading: Callable[[], Any]) -> Any:
    """Return what ``reading`` answers about an array."""
    return read(label, "an array of numbers", value, reading)


def read(label: str, what: str, value: Any, reading: Callable[[], Any]) -> Any:
    """Return what ``reading`` answers; an error of the library that ``value`` comes from names the argument."""
    try:
        return reading()
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(value, (list, tuple)) and "inhomogeneous" in str(error):
            raise ValueError(f"{label} must be an array of numbers, got a ragged {type(value).__name__}") from error
        raised = f"{type(error).__name__}: {' '.join(str(error).split())[: 2 * MOST_SHOWN]}"
        raise ValueError(f"{label} must be {what}; reading the {type(value).__name__} raised {raised}") from error
