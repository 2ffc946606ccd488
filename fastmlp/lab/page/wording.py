"""Numbers and names as the page writes them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.lab.sweep.configuration import VARIED
from fastmlp.text import shortened

PARTED = " · "  # between the initializer and the values in a short name
MOST_NAME = 60  # characters of an initializer's label, and of every value behind it


def number(value: float) -> str:
    """Return four digits of a number, as the tables of a comparison do, or what it is in words."""
    if math.isfinite(value):
        return f"{value:.4g}"
    return "none" if math.isnan(value) else "infinite" if value > 0 else "minus infinite"


def percent(share: float) -> str:
    """Return a share in percent, with one decimal where it is not whole."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def between(low: float, high: float, text: Callable[[float], str] = number) -> str:
    """Return both ends of an interval."""
    return f"{text(low)} to {text(high)}"


def counted(n: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(names: list[str]) -> str:
    """Return names joined as in a sentence."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def varied_of(comparison: Comparison) -> list[str]:
    """Return what a configuration is named by beside its initializer, in words."""
    return [name.replace("_", " ") for name in VARIED if name in comparison.varied]


def names_of(comparison: Comparison, *, short: bool = False) -> list[str]:
    """Return a name for every configuration: the label of the initializer, and the value of whatever else differs.

    A short name says the values alone, without what they are, behind ``PARTED``.
    """
    others, names = varied_of(comparison), []
    for configuration in comparison.configurations:
        name = label_of(configuration["initializer"])
        values = [_value(configuration[other.replace(" ", "_")]) for other in others]
        told = values if short else [f"{other} {value}" for other, value in zip(others, values, strict=True)]
        if told:
            name += (PARTED if short else ", ") + ", ".join(told)
        names.append(name)
    return [name if names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(names, 1)]


def label_of(initializer: str) -> str:
    """Return the label of an initializer as it is written in a sentence."""
    return shortened(initializer, MOST_NAME)


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else shortened(str(value), MOST_NAME)


def chosen_of(summary: np.ndarray, most: int) -> list[int]:
    """Return the configurations with runs, in their order: at most so many, those of the least median final loss."""
    ranked = [int(i) for i in np.argsort(summary["final_loss"], kind="stable") if summary["runs"][i]]
    return sorted(ranked[:most])
