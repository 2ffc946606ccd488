"""What the page is told of fastmlp. What both sides must know all the same, such as rules, tests keep equal."""

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import fastmlp
from fastmlp import MLP, datasets, initializers
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.lab import words
from fastmlp.lab.diagnosis.layers import saturation_limits
from fastmlp.lab.diagnosis.thresholds import THRESHOLDS
from fastmlp.lab.diagnosis.verdict import FITTING
from fastmlp.lab.measurements import SATURATED_LOGIT
from fastmlp.lab.playground.curves import curves
from fastmlp.lab.scores import LEAST_GAIN
from fastmlp.lab.study import MOSTLY
from fastmlp.optimizers import OPTIMIZERS, SGD
from fastmlp.training.run import GROWN

INITIALIZERS = {  # those that the page can draw, each with the parameter that is its scale
    "zeros": None,
    "constant": "value",
    "random": "scale",
    "he": "scale",
    "he_uniform": "scale",
    "lecun": "scale",
    "lecun_uniform": "scale",
    "xavier_normal": "scale",
    "xavier_uniform": "scale",
    "identity": "gain",
}

SIZES = (50, 100, 200, 300, 500, 1000)  # of the data sets
N_CLASSES = (2, 3, 4, 5)  # of blobs and painted points
MOST_LAYERS, MOST_UNITS = 10, 128  # hidden layers and their units
MOST_STARTS = 6


def facts(network: MLP | None = None, fragment: str = "") -> dict[str, Any]:
    """Return what the page reads as JSON; ``fragment`` is the state that it begins with."""
    return {
        "version": fastmlp.__version__,
        "fragment": fragment,
        "sizes": SIZES,
        "nClasses": N_CLASSES,
        "most": {"layers": MOST_LAYERS, "units": MOST_UNITS, "starts": MOST_STARTS},
        "activations": list(HIDDEN_ACTIVATIONS),
        "optimizers": optimizers(),
        "initializers": {name: _initializer(name, scale) for name, scale in INITIALIZERS.items()},
        "thresholds": {name: threshold.value for name, threshold in THRESHOLDS.items()},
        "words": words.VERDICTS,
        "stories": words.STORIES,
        "fitting": FITTING,
        "study": {"saturatedLogit": SATURATED_LOGIT, "mostly": MOSTLY, "leastGain": LEAST_GAIN, "grown": GROWN},
        "saturation": {name: _limits(name) for name in HIDDEN_ACTIVATIONS},
        "curves": curves(),
        "points": _points(),
        "network": None if network is None else _network(network),
    }


def has_room_for(hidden: Sequence[int]) -> bool:
    """Whether the page's networks have so many hidden layers of so many units."""
    return 1 <= len(hidden) <= MOST_LAYERS and max(hidden) <= MOST_UNITS


def optimizers() -> dict[str, dict[str, Any]]:
    """Return the settings of the engine for each optimizer that it has, and for SGD with momentum."""
    found = {name: optimizer() for name, optimizer in OPTIMIZERS.items() if name != "lbfgs"}
    found |= {"momentum": SGD(momentum=0.9), "nesterov": SGD(momentum=0.9, nesterov=True)}
    return {name: optimizer.settings() for name, optimizer in found.items()}


def _initializer(name: str, scale: str | None) -> dict[str, Any]:
    rule = initializers.get(name)
    return {"formula": rule.formula, "when": rule.when, "scale": None if scale is None else getattr(rule, scale)}


def _limits(activation: str) -> list[float | None]:
    """The limits of saturation; JSON has no infinity."""
    return [limit if math.isfinite(limit) else None for limit in saturation_limits(activation)]


def _points() -> dict[str, dict[int, str]]:
    """The points of the data sets without noise: a browser's sines are not NumPy's."""
    makers = {"circles": datasets.circle_points, "moons": datasets.moon_points, "spirals": datasets.spiral_points}
    found = {name: {n: in_base64(make(n)[0]) for n in SIZES} for name, make in makers.items()}
    return {**found, "blobs": {n: in_base64(datasets.blob_centers(n)) for n in N_CLASSES}}


def _network(network: MLP) -> dict[str, Any]:
    return {
        "layerDims": list(network.plan.layer_dims),
        "activations": list(network.plan.activations),
        "loss": network.loss.name,
        "labelSmoothing": network.loss.label_smoothing,
        "parameters": in_base64(network.parameters),
    }


def in_base64(numbers: np.ndarray) -> str:
    """Return numbers as the page reads them: little-endian float64, in base64."""
    return base64.b64encode(np.ascontiguousarray(numbers, "<f8").tobytes()).decode("ascii")
