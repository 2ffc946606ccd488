"""What a pickled model holds, and the attributes of a model from it, also if another version of fastmlp made it."""

import pickle
from typing import Any

import numpy as np

import fastmlp
from fastmlp import checks
from fastmlp.engine.plan import Plan
from fastmlp.export.archive import is_later, version_of
from fastmlp.losses import Loss
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


def attributes_of(state: Any) -> dict[str, Any]:
    """Return a model's attributes; ValueError for the state of a version with attributes that this one does not know.

    Fields that the training state of an earlier version did not have get their defaults.
    """
    if not isinstance(state, dict):
        raise ValueError(f"the state of a pickled model must be a dict, got {checks.shown(state)}")
    attributes = dict(state)
    version = attributes.pop("version", None)  # version 0.1.0 stored none at first
    if version != fastmlp.__version__ and version is not None and is_later(version_of(version)):
        raise ValueError(_versions(version))
    try:
        return _up_to_date(attributes)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{_versions(version)}: {error}") from error


def _versions(version: Any) -> str:
    return f"the model was pickled by fastmlp {version or '0.1.0'}, this is fastmlp {fastmlp.__version__}"


def _up_to_date(attributes: dict[str, Any]) -> dict[str, Any]:
    lacking = [name for name in ATTRIBUTES if name not in attributes]
    if lacking:
        raise ValueError(f"it lacks {', '.join(lacking)}")
    plan, parameters = attributes["plan"], _own(attributes["_parameters"])
    if not isinstance(plan, Plan) or not isinstance(attributes["loss"], Loss):
        raise TypeError(f"plan and loss are {checks.shown(plan)} and {checks.shown(attributes['loss'])}")
    if (parameters.shape, parameters.dtype) != ((plan.n_parameters,), plan.dtype):
        raise ValueError(f"parameters have shape {parameters.shape} and dtype {parameters.dtype}")
    state = attributes["training_state"]
    fields = {**vars(state), "plateau": Plateau(**vars(state.plateau)), "moments": _own(state.moments)}
    return {**attributes, "training_state": TrainingState(**fields), "_parameters": parameters}


def _own(array: np.ndarray) -> np.ndarray:
    """The array, or a copy where joblib mapped a file or pickle gave a buffer that cannot be written to."""
    return array if type(array) is np.ndarray and array.flags.writeable else np.array(array)
