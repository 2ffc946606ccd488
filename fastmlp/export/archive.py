"""The contents of a saved model, and a model's parts from them.

All entries are numbers or text, objects as JSON; nothing needs pickle.  An entry or field that this version does not
know is refused.  A version that changes the meaning of a file gives it a new entry, so no earlier one misreads it.
"""

import dataclasses
import json
import re
from collections.abc import Collection
from typing import IO, Any

import numpy as np

import fastmlp
from fastmlp import checks
from fastmlp.engine.plan import Plan, hidden_activations, n_parameters
from fastmlp.export.npz import Entries
from fastmlp.losses import LOSSES, Loss
from fastmlp.optimizers import OPTIMIZERS, Optimizer
from fastmlp.schedules import Adaptive, Plateau
from fastmlp.training.state import COUNTS, TrainingState

FIRST_ENTRIES = ("parameters", "layer_dims", "activations", "loss")  # the first files of version 0.1.0 have no others
LATER_ENTRIES = ("loss_parameters", "optimizer", "moments", "progress")
MOST_TEXT = 2**14  # characters of an object
MOST_NAME = 40  # characters


def is_later(version: str | None) -> bool:
    """Whether a version of fastmlp is later than this one; None stands for those that wrote none."""
    return version is not None and _numbers(version) > _numbers(fastmlp.__version__)


def version_of(value: Any) -> str:
    """Return the version that a file or a pickle names; ValueError if it is none."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,6}(\.\d{1,6})*(\.?[a-z+][\w.+]{0,40})?", value, re.ASCII):
        raise ValueError(f"version must be one of fastmlp, got {checks.shown(value)}")
    return value


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.match(r"[\d.]*", version)[0].split(".") if number)  # type: ignore[index]


# ---- writing


def contents_of(model: Any) -> dict[str, np.ndarray]:
    """Return arrays by name."""
    state = model.training_state
    progress = {
        **{name: int(getattr(state, name)) for name in COUNTS},
        "seed": None if state.seed is None else int(state.seed),
        "adaptive": None if state.adaptive is None else _fields_of(Adaptive, state.adaptive),
        "plateau": _fields_of(Plateau, state.plateau),
    }
    optimizer = state.optimizer
    described = None if optimizer is None else {"name": optimizer.name, **_fields_of(type(optimizer), optimizer)}
    return {  # required entries last: a file that was cut short lacks these
        "version": np.array(fastmlp.__version__),
        "loss_parameters": np.array(json.dumps(_fields_of(type(model.loss), model.loss))),
        "optimizer": np.array(json.dumps(described)),
        "moments": state.moments,
        "progress": np.array(json.dumps(progress)),
        "parameters": model.parameters,
        "layer_dims": np.array(model.plan.layer_dims),
        "activations": np.array(model.plan.activations),
        "loss": np.array(model.loss.name),
    }


def _fields_of(cls: Any, instance: Any) -> dict[str, Any]:
    """The fields of a class, without those that a caller's subclass adds."""
    return {field.name: getattr(instance, field.name) for field in dataclasses.fields(cls)}


# ---- reading


def read(file: IO[bytes], name: str) -> tuple[Plan, Loss, np.ndarray, TrainingState]:
    """Read a plan, a loss, parameters and a training state from a file that can seek.

    Raises
    ------
    ValueError
        If the file holds no model that this version can read.  The error calls it ``name``.
    """
    version = None
    try:
        entries = Entries(file)
        version = version_of(_text(entries, "version")) if "version" in entries.names else None
        return _model(entries)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        if is_later(version):
            message = f"{name} was written by fastmlp {version}, this is fastmlp {fastmlp.__version__}"
            raise ValueError(message) from error
        raise ValueError(f"{name} is not a model saved by fastmlp: {error}") from error


def _model(entries: Entries) -> tuple[Plan, Loss, np.ndarray, TrainingState]:
    known = {"version", *FIRST_ENTRIES, *LATER_ENTRIES}
    needed = FIRST_ENTRIES if entries.names <= set(FIRST_ENTRIES) else (*FIRST_ENTRIES, *LATER_ENTRIES)
    _compare("it", entries.names, known, needed)
    loss_type = LOSSES[checks.choice("loss", _text(entries, "loss"), list(LOSSES))]
    is_first = "loss_parameters" not in entries.names
    loss = loss_type() if is_first else _made("loss_parameters", loss_type, _json(entries, "loss_parameters"))
    plan = _plan(entries)
    loss.check(plan.layer_dims[-1], plan.dtype)
    if loss.output != plan.activations[-1]:
        raise ValueError(f"the output activation of loss {loss.name!r} cannot be {plan.activations[-1]!r}")
    state = TrainingState() if is_first else _state(entries, plan)
    return plan, loss, _array(entries, "parameters", plan.dtype, (plan.n_parameters,)), state


def _plan(entries: Entries) -> Plan:
    """Read the layers, after the parameters' header has shown that there are parameters for all of them."""
    (_, dims_shape), (names_dtype, names_shape) = entries.header("layer_dims"), entries.header("activations")
    dtype, shape = entries.header("parameters")
    if len(dims_shape) != 1 or names_shape != (dims_shape[0] - 1,) or len(shape) != 1 or shape[0] < 2 * names_shape[0]:
        raise ValueError(f"{shape} parameters, {names_shape} activations and {dims_shape} layer_dims are no network")
    if names_dtype.kind != "U" or names_dtype.itemsize > MOST_NAME * 4:
        raise ValueError(f"activations must be names of at most {MOST_NAME} characters, got {names_dtype}")
    dims = checks.layer_dims_of(_array(entries, "layer_dims", np.dtype(np.int64), dims_shape).tolist())
    if shape != (n_parameters(dims),):
        raise ValueError(f"parameters must have shape ({n_parameters(dims)},) for layer_dims, got {shape}")
    *hidden, output = _texts(entries, "activations")
    return Plan(dims, (*hidden_activations(hidden, len(dims) - 2), output), checks.dtype_of(dtype))


def _state(entries: Entries, plan: Plan) -> TrainingState:
    state = TrainingState()
    described, progress = _json(entries, "optimizer"), _json(entries, "progress")
    if described is not None:
        state.optimizer = _optimizer(described)
        state.moments = _array(entries, "moments", plan.dtype, (state.optimizer.n_moments, plan.n_parameters))
    fields = {*COUNTS, "seed", "adaptive", "plateau"}
    _compare("progress", progress, fields, fields)
    for name in COUNTS:
        setattr(state, name, _count(name, progress[name]))
    state.seed = None if progress["seed"] is None else _count("seed", progress["seed"])
    state.adaptive = None if progress["adaptive"] is None else _made("adaptive", Adaptive, progress["adaptive"])
    state.plateau = _made("plateau", Plateau, progress["plateau"])
    return state


def _optimizer(described: Any) -> Optimizer:
    if not isinstance(described, dict) or "name" not in described:
        raise ValueError("optimizer must have a name")
    name = checks.choice("optimizer", described.pop("name"), list(OPTIMIZERS))
    return _made("optimizer", OPTIMIZERS[name], described)


def _made(name: str, cls: Any, described: Any) -> Any:
    """Make an object from its fields; those with a default may be missing."""
    fields = dataclasses.fields(cls)
    needed = [field.name for field in fields if field.default is dataclasses.MISSING]
    _compare(name, described, {field.name for field in fields}, needed)
    return cls(**described)


def _compare(what: str, found: Any, known: Collection[str], needed: Collection[str]) -> None:
    if not isinstance(found, (dict, set)):
        raise ValueError(f"{what} must have the fields {', '.join(sorted(known))}")
    missing, unknown = [name for name in needed if name not in found], sorted(set(found) - set(known))
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}")
    if unknown:
        raise ValueError(f"{what} has an unknown {unknown[0][:MOST_NAME]!r}")


def _count(name: str, value: Any) -> int:
    """An integer of at least 0; there is no largest."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{name} must be an integer of at least 0, got {value!r:.40}")
    return value


def _array(entries: Entries, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    found = entries.header(name)
    if found != (dtype, shape):
        raise ValueError(f"{name} must have shape {shape} and dtype {dtype}, got {found[1]} and {found[0]}")
    return entries.read(name)


def _json(entries: Entries, name: str) -> Any:
    text = _text(entries, name)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no JSON") from error


def _text(entries: Entries, name: str) -> str:
    dtype, shape = entries.header(name)
    if dtype.kind != "U" or shape != () or dtype.itemsize > 4 * MOST_TEXT:
        raise ValueError(f"{name} must be a text of at most {MOST_TEXT} characters, got shape {shape} and {dtype}")
    return _texts(entries, name)[0]


def _texts(entries: Entries, name: str) -> list[str]:
    array = entries.read(name)
    width = array.itemsize // 4
    try:
        text = array.tobytes().decode("utf-32-le")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is no text") from error
    return [text[at : at + width].rstrip("\0") for at in range(0, len(text), width)]
