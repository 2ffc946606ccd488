"""Values of estimators as JSON and arrays, and back: numbers, strings, sequences and dicts of these, and the choices of
fastmlp such as optimizers and schedules."""

import dataclasses
from typing import Any

import numpy as np

from fastmlp import losses, optimizers, schedules

CHOICES = {
    kind.__name__: kind
    for module in (losses, optimizers, schedules)
    for kind in vars(module).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and not kind.__name__.startswith("_")
}


def described(value: Any) -> Any:
    """Return what JSON can hold of a value; TypeError if it is of another kind."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (list, np.ndarray)):
        return [described(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [described(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[described(key), described(item)] for key, item in value.items()]}
    if CHOICES.get(type(value).__name__) is type(value):
        fields = {field.name: described(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"object": type(value).__name__, "fields": fields}
    raise TypeError(f"no plain value: {type(value).__name__}")


def value_of(description: Any) -> Any:
    """Return the value that :func:`described` took; any error for a description that it does not make."""
    if isinstance(description, list):
        return [value_of(item) for item in description]
    if not isinstance(description, dict):
        return description
    if "tuple" in description:
        return tuple(value_of(item) for item in description["tuple"])
    if "dict" in description:
        return {value_of(key): value_of(item) for key, item in description["dict"]}
    fields = {name: value_of(item) for name, item in description["fields"].items()}
    return CHOICES[description["object"]](**fields)


def stored(array: np.ndarray) -> tuple[np.ndarray, str]:
    """Return the array in a dtype that files have, and the name of its own dtype; TypeError for other objects."""
    kind, name = array.dtype.kind, array.dtype.name
    if kind in "bi" or (kind == "u" and array.dtype.itemsize < 8):
        return array.astype("<i8"), name
    if kind == "f" and array.dtype.itemsize <= 8:
        return array.astype("<f8"), name
    if kind == "U":
        return array.astype(f"<U{max(1, array.dtype.itemsize // 4)}"), "str"
    if kind in "OT" and all(isinstance(item, str) for item in array.flat):
        return stored(array.astype(str))[0], "object"
    raise TypeError(f"no array of numbers or text: {array.dtype}")


def array_of(array: np.ndarray, name: str) -> np.ndarray:
    """Return the array that :func:`stored` took."""
    if name not in ("str", "object") and np.dtype(name).kind not in "biuf":
        raise ValueError(f"a dtype of numbers or text was expected, got {name:.40}")
    return array if name == "str" else array.astype(name)
