"""How to make the runs of a comparison again."""

import platform
from importlib.metadata import version
from typing import Any

import numpy as np

import fastmlp
from fastmlp import _kernels, initializers
from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.lab.sweep.configuration import VARIED
from fastmlp.lab.sweep.names import parts_of

KNOWN = (*VARIED, "initializer")


def call_of(comparison: Comparison) -> str:
    """Return the call of :func:`~fastmlp.lab.compare_initializers` as Python; the data are X and y.

    Objects of the caller's are written as their labels.
    """
    configurations, settings = comparison.configurations, comparison.settings
    choices = {name: list(dict.fromkeys(found[name] for found in configurations)) for name in VARIED}
    dims = [f"[{', '.join(parts_of(label))}]" for label in choices.pop("layer_dims")]
    arguments = {
        "initializers": f"[{', '.join(dict.fromkeys(map(_initializer, configurations)))}]",
        "seeds": _seeds(comparison.runs["seed"]),
        **({"X_test": "X_test", "y_test": "y_test"} if settings["n_test_examples"] else {}),
        "activation": _activations(choices["activation"]),
        "loss": settings["loss"],
        "optimizer": _one_or_list(list(map(_value, choices["optimizer"]))),
        "learning_rate": _one_or_list(list(map(_value, choices["learning_rate"]))),
        "batch_size": _one_or_list(list(map(_value, choices["batch_size"]))),
        "epochs": str(settings["epochs"]),
        "report_every": str(settings["report_every"]),
        "dtype": repr(settings["dtype"]),
    }
    lines = ["X", "y", _one_or_list(dims), *(f"{name}={value}" for name, value in arguments.items())]
    return "compare_initializers(\n" + "".join(f"    {line},\n" for line in lines) + ")"


def _one_or_list(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _initializer(configuration: dict[str, Any]) -> str:
    label = configuration["initializer"]
    parameters = {name: value for name, value in configuration.items() if name not in KNOWN}
    if parameters:
        return repr((label.partition("(")[0], parameters))
    return repr(label) if label in (*initializers.REGISTRY, *initializers.ALIASES) else label


def _activations(labels: list[str]) -> str:
    """A name or a list; one name for each layer is a tuple in a list."""
    found = [label if label == part else tuple(parts_of(label)) for label in labels for part in parts_of(label)[:1]]
    return repr(found if len(found) > 1 or isinstance(found[0], tuple) else found[0])


def _value(value: Any) -> str:
    """A number, a name in quotes, or the label of an object."""
    is_told = isinstance(value, str) and (value == "None" or not value.isidentifier())
    return value if is_told else repr(value)


def _seeds(column: np.ndarray) -> str:
    seeds = np.unique(column).tolist()
    if len(seeds) == seeds[-1] + 1 - seeds[0]:
        return f"range({seeds[0]}, {seeds[-1] + 1})"
    return str(seeds)


def versions() -> dict[str, str]:
    """Return what the page was written with."""
    return {
        "fastmlp": f"{fastmlp.__version__}, {_kernels.current_isa()} kernels",
        "Python": platform.python_version(),
        **{name: version(name.lower()) for name in ("NumPy", "SciPy", "matplotlib")},
        "machine": f"{platform.system()} {platform.machine()}",
    }
