"""The settings of the page as the fragment of its address, made from a comparison."""

import re
from typing import Any
from urllib.parse import urlencode

from fastmlp import initializers
from fastmlp.lab.data import N_TRAIN, NOISE, TRAIN_SEED
from fastmlp.lab.playground.facts import INITIALIZERS, MOST_LAYERS, MOST_STARTS, MOST_UNITS, has_room_for, optimizers
from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.lab.sweep.configuration import VARIED
from fastmlp.lab.sweep.names import parts_of
from fastmlp.losses import LogLoss

LOSSES = ("log_loss", repr(LogLoss()))  # labels of the one that the page trains two classes by


def fragment_of(comparison: Comparison, data: str | None = None) -> str:
    """Return the settings that train what a comparison did: its first configuration and first seed.

    Up to six initializers that the page can draw become its starts.  ``data`` is circles or moons as the commands draw
    them; a comparison does not know what its examples are.  The page trains in float64.  ValueError says what it cannot
    show.
    """
    if comparison.settings["loss"] not in LOSSES:
        raise ValueError(f"the page's networks are trained by log_loss, not by {comparison.settings['loss']}")
    first = comparison.configurations[0]
    dims = [int(width) for width in parts_of(first["layer_dims"])]
    settings: dict[str, Any] = {"layers": _layers(dims), "activation": _activation(first["activation"])}
    if first["optimizer"] not in optimizers():
        raise ValueError(f"the page has no optimizer {first['optimizer']}")
    if not isinstance(first["learning_rate"], float | int):
        raise ValueError(f"the page's learning rate is a number, not {first['learning_rate']}")
    settings |= {name: first[name] for name in ("optimizer", "learning_rate")}
    n = comparison.settings["n_examples"]
    settings["batch_size"] = 0 if first["batch_size"] >= n else first["batch_size"]
    settings["epochs"] = comparison.settings["epochs"]
    if data is not None:
        settings |= {"data": data, "n": N_TRAIN, "data_seed": TRAIN_SEED, "noise": NOISE}
    seed = int(comparison.runs["seed"][0]) if len(comparison) else 0
    alike = [found for found in comparison.configurations if all(found[name] == first[name] for name in VARIED)]
    starts = [start for start in map(_start, alike) if start is not None][:MOST_STARTS]
    if not starts:
        raise ValueError(f"the page draws none of the initializers; it has {', '.join(INITIALIZERS)}")
    return urlencode([*settings.items(), *(("start", f"{start}:{seed}") for start in starts)], safe=":")


def _layers(dims: list[int]) -> str:
    hidden = dims[1:-1]
    if dims[0] != 2 or dims[-1] != 1:
        raise ValueError(f"the page's networks have 2 features and 1 output, not {dims[0]} and {dims[-1]}")
    if not has_room_for(hidden):
        raise ValueError(f"the page's networks have 1 to {MOST_LAYERS} hidden layers of at most {MOST_UNITS} units")
    return "-".join(map(str, hidden))


def _activation(label: str) -> str:
    names = set(parts_of(label))
    if len(names) > 1:
        raise ValueError(f"the page's hidden layers have one activation, not {label}")
    return names.pop()


def _start(configuration: dict[str, Any]) -> str | None:
    """A start as the page writes it, name:scale; None where the page cannot draw it."""
    label = re.fullmatch(r"(\w+)(?:\((\w+)=([-+.\de]+)\))?", configuration["initializer"])
    if label is None:
        return None
    name, parameter, scale = initializers.ALIASES.get(label[1], label[1]), label[2], label[3] or ""
    return f"{name}:{scale}" if name in INITIALIZERS and parameter in (None, INITIALIZERS[name]) else None
