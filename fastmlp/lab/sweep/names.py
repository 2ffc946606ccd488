"""Names of what a caller chooses: labels for tables, and texts that tell in a later process whether it is the same."""

import dataclasses
import functools
import itertools
import re
import types
from collections.abc import Iterator, Sequence
from typing import Any

from fastmlp import checks
from fastmlp.initializers import REGISTRY, Initializer
from fastmlp.schedules import Constant

MANY = 4  # equal values in a row that are counted


def label_of(value: Any) -> str:
    """Return a short text: a name, with those parameters of an object that differ from their defaults."""
    if value is None or isinstance(value, (str, int, float)):
        return str(value)
    if type(value) is Constant:
        return str(value.initial)
    if isinstance(value, Initializer):
        return str(value)
    if isinstance(value, (tuple, list)):
        return "-".join(_runs(value))
    if isinstance(value, functools.partial):
        arguments = [label_of(argument) for argument in value.args]
        return called(label_of(value.func), arguments, value.keywords)
    if not dataclasses.is_dataclass(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return called(getattr(value, "name", type(value).__name__), [], parameters_of(value))


def _runs(values: Sequence[Any]) -> Iterator[str]:
    """The labels of values; many equal ones in a row, as the widths of a deep network, are "30x10", thirty tens."""
    for label, group in itertools.groupby(map(label_of, values)):
        n = len(list(group))
        yield from [f"{n}x{label}"] if n >= MANY else [label] * n


def parts_of(label: str) -> list[str]:
    """Return the parts of a label of :func:`label_of`, in which "4x10" stands for four tens."""
    parts = [re.fullmatch(r"(?:(\d+)x)?(.+)", part) for part in label.split("-")]
    return [part[2] for part in parts if part for _ in range(int(part[1] or 1))]


def parameters_of(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that have no default, or another value."""
    return {
        field.name: getattr(value, field.name)
        for field in dataclasses.fields(value)
        if getattr(value, field.name) != field.default
    }


def called(name: str, arguments: list[str], keywords: dict[str, Any]) -> str:
    """Return a name with its arguments in parentheses, if there are any."""
    texts = [*arguments, *(f"{key}={label_of(value)}" for key, value in keywords.items())]
    return f"{name}({', '.join(texts)})" if texts else name


def identity_of(name: str, value: Any, label: str) -> str:
    """Return a text that a later process finds again for the same value, and for no other.

    The label is one where it names all there is; for functions and objects of the caller's own classes, a hash of what
    they are made of follows it.

    Raises
    ------
    TypeError
        If the value cannot be pickled, which its hash needs.
    """
    if _is_told_by_label(value):
        return label
    import joblib

    try:
        return f"{label} {joblib.hash(_essence(value))}"
    except Exception as error:  # of any kind: what is pickled is the caller's
        raise TypeError(
            f"{name} must be something that pickle can store where a folder keeps the runs, got {checks.shown(value)}"
        ) from error


def _is_told_by_label(value: Any) -> bool:
    if value is None or isinstance(value, (str, bool, int, float)):
        return True
    if isinstance(value, Initializer) and REGISTRY.get(value.name) is value:
        return True
    is_ours = dataclasses.is_dataclass(value) and type(value).__module__.startswith("fastmlp.")
    return is_ours and all(_is_told_by_label(getattr(value, field.name)) for field in dataclasses.fields(value))


def _essence(value: Any) -> Any:
    """What a function is made of, so that a hash of it tells a changed one; anything else is returned as it is."""
    if isinstance(value, functools.partial):
        return _essence(value.func), value.args, value.keywords
    if not isinstance(value, types.FunctionType):
        return value
    cells = [_essence(cell.cell_contents) for cell in value.__closure__ or ()]
    return value.__module__, value.__qualname__, _code(value.__code__), value.__defaults__, value.__kwdefaults__, cells


def _code(code: types.CodeType) -> tuple[Any, ...]:
    constants = [_code(item) if isinstance(item, types.CodeType) else item for item in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_varnames
