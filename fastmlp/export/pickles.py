"""What a pickled model holds, and the attributes of a model from it, also if another version of fastmlp made it."""

import dataclasses
import pickle
from typing import Any

import numpy as np

import fastmlp
from fastmlp.export.archive import is_later
from fastmlp.schedules import Plateau
from fastmlp.training import TrainingState

ATTRIBUTES = ("loss", "plan", "initialization", "seed", "training_state", "_parameters")


def state_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the state to pickle: an initialization that cannot be pickled is left out, with its seed."""
    state = {**attributes, "version": fastmlp.__version__}
    try:
        pickle.dumps((state["initialization"], state["seed"]))
    except MemoryError:
        raise
    except Exception:  # a local function, a lock and a generator each raise an error of another kind
        state.update(initialization=None, seed=None)
    return state


def attributes_of(state: dict[str, Any]) -> dict[str, Any]:
    """Return a model's attributes; ValueError for the state of a version whose attributes are other ones."""
    attributes = dict(state)
    version = attributes.pop("version", None)  # version 0.1.0 stored none at first
    missing = [name for name in ATTRIBUTES if name not in attributes]
    if is_later(version) or missing or not _is_whole(attributes["training_state"]):
        written = "0.1.0" if version is None else version
        raise ValueError(f"the model was pickled by fastmlp {written}, this is fastmlp {fastmlp.__version__}")
    attributes["_parameters"] = _own(attributes["_parameters"])
    attributes["training_state"].moments = _own(attributes["training_state"].moments)
    return attributes


def _is_whole(state: Any) -> bool:
    """Whether a training state has the fields of this version's."""
    return all(
        type(part) is cls and vars(part).keys() == {field.name for field in dataclasses.fields(cls)}
        for part, cls in ((state, TrainingState), (getattr(state, "plateau", None), Plateau))
    )


def _own(array: np.ndarray) -> np.ndarray:
    """The array, or a copy where joblib mapped a file or pickle gave a buffer that cannot be written to."""
    return array if type(array) is np.ndarray and array.flags.writeable else np.array(array)
