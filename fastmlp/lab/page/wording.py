"""Numbers and names as the page writes them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.lab.sweep.configuration import VARIED
from fastmlp.text import shortened

MOST_NAME = 60  # characters of an initializer's label, and of every value behind it


def number(value: float) -> str:
    """Return four digits of a number, as the tables of a comparison do."""
    return "infinite" if math.isinf(value) else f"{value:.4g}"


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


def names_of(comparison: Comparison) -> list[str]:
    """Return a name for every configuration: the initializer's label, and the value of whatever else differs."""
    others = [name for name in VARIED if name in comparison.varied]
    return [
        ", ".join(
            [
                shortened(str(configuration["initializer"]), MOST_NAME),
                *(f"{other.replace('_', ' ')} {_value(configuration[other])}" for other in others),
            ]
        )
        for configuration in comparison.configurations
    ]


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else shortened(str(value), MOST_NAME)


def chosen_of(summary: np.ndarray, most: int) -> list[int]:
    """Return the configurations with runs, in their order: at most so many, those of the least median final loss."""
    ranked = [int(i) for i in np.argsort(summary["final_loss"], kind="stable") if summary["runs"][i]]
    return sorted(ranked[:most])
