"""The contents of a saved estimator: those of its network, its parameters and its attributes."""

import json
import re
import warnings
from typing import Any, TypeVar

import numpy as np
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer

from fastmlp.estimators import plain
from fastmlp.estimators.labels import Labels
from fastmlp.export import archive
from fastmlp.export.npz import Entries
from fastmlp.schedules import Plateau

ENTRY = archive.ESTIMATOR_ENTRY  # the description
ARRAY = "attribute_"  # what the names of arrays start with
MOST_TEXT = 2**20  # characters of the description
FIELDS = ("kind", "parameters", "attributes", "arrays", "stopping", "labels")
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]*_")
Estimator = TypeVar("Estimator")


# ---- writing


def contents_of(estimator: Any) -> dict[str, np.ndarray]:
    """Return arrays by name; a warning names the parameters and attributes that are left out."""
    parameters, left_out = {}, []
    for name, value in estimator.get_params(deep=False).items():
        try:
            parameters[name] = plain.described(value)
        except TypeError:
            left_out.append(f"{name}={value!r:.40}")
    attributes, dtypes, arrays = {}, {}, {}
    for name, value in vars(estimator).items():
        if name in parameters or not ATTRIBUTE.fullmatch(name):
            continue
        try:
            if isinstance(value, (list, np.ndarray)):
                array, dtype = plain.stored(np.asarray(value))
                arrays[ARRAY + name], dtypes[name] = array, "list" if isinstance(value, list) else dtype
            else:
                attributes[name] = plain.described(value)
        except TypeError:
            left_out.append(f"{name}={value!r:.40}")
    binarizer = estimator._labels.to_binarizer() if is_classifier(estimator) else None
    description = {
        "kind": _kind(estimator),
        "parameters": parameters,
        "attributes": attributes,
        "arrays": dtypes,
        "stopping": archive.fields_of(Plateau, estimator._stopping),
        "labels": None if binarizer is None else [binarizer.y_type_, binarizer.sparse_input_],
    }
    if left_out:
        warnings.warn(f"save leaves out {', '.join(left_out)}; a loaded model has the default", stacklevel=3)
    text = np.array(json.dumps(description))
    if text.dtype.itemsize > 4 * MOST_TEXT:
        raise ValueError(f"the parameters must be a text of at most {MOST_TEXT} characters, got {text.dtype}")
    return {ENTRY: text, **arrays, **archive.contents_of(estimator._network)}


def _kind(estimator: Any) -> str:
    return "classifier" if is_classifier(estimator) else "regressor"


# ---- reading


def estimator_in(entries: Entries, cls: type[Estimator]) -> tuple[Estimator, archive.Contents]:
    """Read an estimator of a class, without its network, and the parts of the network."""
    if ENTRY not in entries.names:
        raise ValueError("it holds no estimator; fastmlp.MLP.load reads networks")
    description = archive.json_in(entries, ENTRY, MOST_TEXT)
    archive.compare(ENTRY, description, FIELDS, FIELDS)
    if description["kind"] != _kind(cls()):
        raise ValueError(f"it holds a {description['kind']:.40}, not a {_kind(cls())}")
    arrays = description["arrays"]
    names = [ARRAY + name for name in arrays]
    contents = archive.network_in(entries, [ENTRY, *names])
    parameters = {name: plain.value_of(value) for name, value in description["parameters"].items()}
    archive.compare("parameters", parameters, cls._get_param_names(), ())  # type: ignore[attr-defined]
    estimator = cls(**parameters)
    attributes = {name: plain.value_of(value) for name, value in description["attributes"].items()}
    for name, dtype in arrays.items():
        array = entries.read(ARRAY + name)
        attributes[name] = array.tolist() if dtype == "list" else plain.array_of(array, dtype)
    for name, value in attributes.items():
        if not ATTRIBUTE.fullmatch(name) or hasattr(cls, name):
            raise ValueError(f"{name[:40]!r} is no attribute of a fitted model")
        setattr(estimator, name, value)
    estimator._stopping = Plateau(**description["stopping"])  # type: ignore[attr-defined]
    if description["labels"] is not None:
        binarizer = LabelBinarizer()
        binarizer.y_type_, binarizer.sparse_input_ = description["labels"]
        binarizer.classes_ = estimator.classes_  # type: ignore[attr-defined]
        estimator._labels = Labels.of_binarizer(binarizer)  # type: ignore[attr-defined]
    return estimator, contents
