"""The contents of a saved model, and a model's parts from them.

All entries are numbers or text, objects as JSON; nothing needs pickle.  An entry or field that this version does not
know is refused.  A version that changes the meaning of a file gives it a new entry, so no earlier one misreads it.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Collection
from typing import IO, Any, NamedTuple, TypeVar

import numpy as np

import fastmlp
from fastmlp import checks
from fastmlp.engine.plan import Plan, hidden_activations, n_parameters
from fastmlp.export.npz import Entries
from fastmlp.export.samples import Samples
from fastmlp.losses import LOSSES, Loss
from fastmlp.optimizers import OPTIMIZERS, Optimizer
from fastmlp.schedules import Adaptive, Plateau
from fastmlp.training.state import COUNTS, TrainingState

FIRST_ENTRIES = ("parameters", "layer_dims", "activations", "loss")  # the first files of version 0.1.0 have no others
LATER_ENTRIES = ("loss_parameters", "optimizer", "moments", "progress")
ESTIMATOR_ENTRY = "estimator"  # of the files of fastmlp.estimators
SAMPLE_ENTRIES = ("sample_inputs", "sample_outputs")  # not in the first files of version 0.1.0 either
MOST_TEXT = 2**14  # characters of an object
MOST_NAME = 40  # characters
Made = TypeVar("Made")


class Contents(NamedTuple):
    """The parts of a network; files of the first versions hold no samples."""

    plan: Plan
    loss: Loss
    parameters: np.ndarray
    training_state: TrainingState
    samples: Samples | None


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
        "adaptive": None if state.adaptive is None else fields_of(Adaptive, state.adaptive),
        "plateau": fields_of(Plateau, state.plateau),
    }
    optimizer = state.optimizer
    described = None if optimizer is None else {"name": optimizer.name, **fields_of(type(optimizer), optimizer)}
    samples = Samples.of(model)
    return {  # required entries last: a file that was cut short lacks these
        "version": np.array(fastmlp.__version__),
        "loss_parameters": np.array(json.dumps(fields_of(type(model.loss), model.loss))),
        "optimizer": np.array(json.dumps(described)),
        "moments": state.moments,
        "progress": np.array(json.dumps(progress)),
        "sample_inputs": samples.inputs,
        "sample_outputs": samples.outputs,
        "parameters": model.parameters,
        "layer_dims": np.array(model.plan.layer_dims),
        "activations": np.array(model.plan.activations),
        "loss": np.array(model.loss.name),
    }


def fields_of(cls: Any, instance: Any) -> dict[str, Any]:
    """The fields of a class, without those that a caller's subclass adds."""
    return {field.name: getattr(instance, field.name) for field in dataclasses.fields(cls)}


# ---- reading


def read(file: IO[bytes], name: str, make: Callable[[Entries], Made]) -> Made:
    """Return what ``make`` makes of the entries of a file that can seek.

    Raises
    ------
    ValueError
        If ``make`` raises an error: the file holds nothing that this version can read.  The error calls it ``name``.
    """
    version = None
    try:
        entries = Entries(file)
        version = version_of(text_in(entries, "version")) if "version" in entries.names else None
        return make(entries)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        if is_later(version):
            message = f"{name} was written by fastmlp {version}, this is fastmlp {fastmlp.__version__}"
            raise ValueError(message) from error
        raise ValueError(f"{name} is not a model saved by fastmlp: {error}") from error


def network_in(entries: Entries, others: Collection[str] = ()) -> Contents:
    """Read the parts of a network from a file that may have other entries too."""
    found = entries.names - set(others)
    if ESTIMATOR_ENTRY in found:
        raise ValueError("it holds an estimator; MLPClassifier.load or MLPRegressor.load reads it")
    known = {"version", *FIRST_ENTRIES, *LATER_ENTRIES, *SAMPLE_ENTRIES}
    needed = FIRST_ENTRIES if found <= set(FIRST_ENTRIES) else (*FIRST_ENTRIES, *LATER_ENTRIES)
    compare("it", found, known, needed)
    loss_type = LOSSES[checks.choice("loss", text_in(entries, "loss"), list(LOSSES))]
    is_first = "loss_parameters" not in entries.names
    loss = loss_type() if is_first else made("loss_parameters", loss_type, json_in(entries, "loss_parameters"))
    plan = _plan(entries)
    loss.check(plan.layer_dims[-1], plan.dtype)
    if loss.output != plan.activations[-1]:
        raise ValueError(f"the output activation of loss {loss.name!r} cannot be {plan.activations[-1]!r}")
    state = TrainingState() if is_first else _state(entries, plan)
    parameters = array_in(entries, "parameters", plan.dtype, (plan.n_parameters,))
    return Contents(plan, loss, parameters, state, _samples(entries, plan))


def _samples(entries: Entries, plan: Plan) -> Samples | None:
    if not entries.names & set(SAMPLE_ENTRIES):
        return None
    compare("it", entries.names & set(SAMPLE_ENTRIES), SAMPLE_ENTRIES, SAMPLE_ENTRIES)
    n = max((1, *entries.header("sample_inputs")[1][:1]))
    shapes = (n, plan.layer_dims[0]), (n, plan.layer_dims[-1])
    return Samples(*(array_in(entries, name, plan.dtype, of) for name, of in zip(SAMPLE_ENTRIES, shapes, strict=True)))


def _plan(entries: Entries) -> Plan:
    """Read the layers, after the parameters' header has shown that there are parameters for all of them."""
    (_, dims_shape), (names_dtype, names_shape) = entries.header("layer_dims"), entries.header("activations")
    dtype, shape = entries.header("parameters")
    if len(dims_shape) != 1 or names_shape != (dims_shape[0] - 1,) or len(shape) != 1 or shape[0] < 2 * names_shape[0]:
        raise ValueError(f"{shape} parameters, {names_shape} activations and {dims_shape} layer_dims are no network")
    if names_dtype.kind != "U" or names_dtype.itemsize > MOST_NAME * 4:
        raise ValueError(f"activations must be names of at most {MOST_NAME} characters, got {names_dtype}")
    dims = checks.layer_dims_of(array_in(entries, "layer_dims", np.dtype(np.int64), dims_shape).tolist())
    if shape != (n_parameters(dims),):
        raise ValueError(f"parameters must have shape ({n_parameters(dims)},) for layer_dims, got {shape}")
    *hidden, output = texts_in(entries, "activations")
    return Plan(dims, (*hidden_activations(hidden, len(dims) - 2), output), checks.dtype_of(dtype))


def _state(entries: Entries, plan: Plan) -> TrainingState:
    state = TrainingState()
    described, progress = json_in(entries, "optimizer"), json_in(entries, "progress")
    if described is not None:
        state.optimizer = _optimizer(described)
        state.moments = array_in(entries, "moments", plan.dtype, (state.optimizer.n_moments, plan.n_parameters))
    fields = {*COUNTS, "seed", "adaptive", "plateau"}
    compare("progress", progress, fields, fields)
    for name in COUNTS:
        setattr(state, name, _count(name, progress[name]))
    state.seed = None if progress["seed"] is None else _count("seed", progress["seed"])
    state.adaptive = None if progress["adaptive"] is None else made("adaptive", Adaptive, progress["adaptive"])
    state.plateau = made("plateau", Plateau, progress["plateau"])
    return state


def _optimizer(described: Any) -> Optimizer:
    if not isinstance(described, dict) or "name" not in described:
        raise ValueError("optimizer must have a name")
    name = checks.choice("optimizer", described.pop("name"), list(OPTIMIZERS))
    return made("optimizer", OPTIMIZERS[name], described)


def made(name: str, cls: Any, described: Any) -> Any:
    """Make an object from its fields; those with a default may be missing."""
    fields = dataclasses.fields(cls)
    needed = [field.name for field in fields if field.default is dataclasses.MISSING]
    compare(name, described, {field.name for field in fields}, needed)
    return cls(**described)


def compare(what: str, found: Any, known: Collection[str], needed: Collection[str]) -> None:
    """Refuse names that are missing and those that are unknown."""
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


def array_in(entries: Entries, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Read an array that must have this dtype and shape."""
    found = entries.header(name)
    if found != (dtype, shape):
        raise ValueError(f"{name} must have shape {shape} and dtype {dtype}, got {found[1]} and {found[0]}")
    return entries.read(name)


def json_in(entries: Entries, name: str, most: int = MOST_TEXT) -> Any:
    """Read an object from its JSON."""
    text = text_in(entries, name, most)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no JSON") from error


def text_in(entries: Entries, name: str, most: int = MOST_TEXT) -> str:
    """Read a text of at most so many characters."""
    dtype, shape = entries.header(name)
    if dtype.kind != "U" or shape != () or dtype.itemsize > 4 * most:
        raise ValueError(f"{name} must be a text of at most {most} characters, got shape {shape} and {dtype}")
    return texts_in(entries, name)[0]


def texts_in(entries: Entries, name: str) -> list[str]:
    """Read an array of texts."""
    array = entries.read(name)
    width = array.itemsize // 4
    try:
        text = array.tobytes().decode("utf-32-le")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is no text") from error
    return [text[at : at + width].rstrip("\0") for at in range(0, len(text), width)]
