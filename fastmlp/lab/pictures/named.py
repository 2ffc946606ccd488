"""One thing to draw, or several by name."""

from collections.abc import Mapping
from typing import Any

from fastmlp import checks
from fastmlp.lab.diagnosis import Diagnosis
from fastmlp.lab.pictures import style


def diagnoses_of(value: Any) -> dict[str, Diagnosis]:
    """Return diagnoses by name; a single one has the name ""."""
    found = dict(value) if isinstance(value, Mapping) else {"": value}
    if not found:
        raise ValueError("diagnosis must be at least one, got an empty mapping")
    for diagnosis in found.values():
        if not isinstance(diagnosis, Diagnosis):
            raise TypeError(f"diagnosis must be a Diagnosis or a mapping of them, got {checks.shown(diagnosis)}")
    if len(found) > style.MOST_LINES:
        raise ValueError(f"diagnosis must be at most {style.MOST_LINES}, which can be told apart; got {len(found)}")
    return {str(name): diagnosis for name, diagnosis in found.items()}
