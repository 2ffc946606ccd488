"""The laboratory: what a weight initialization does to a network, measured.

The names below are imported on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastmlp.lab.diagnosis import Diagnosis, GradientCheck, assert_healthy, diagnose, gradient_check
    from fastmlp.lab.measurements import Measurements
    from fastmlp.lab.page import BoundaryFrames, RunFrames, boundary_frames, write_report
    from fastmlp.lab.playground import write_playground
    from fastmlp.lab.study import Run, run_study
    from fastmlp.lab.suggestion import Suggestion, suggest_initialization
    from fastmlp.lab.sweep import Comparison, Paired, compare_initializers

_MODULE_OF = {
    name: module
    for module, names in {
        "diagnosis": ["Diagnosis", "GradientCheck", "assert_healthy", "diagnose", "gradient_check"],
        "measurements": ["Measurements"],
        "page": ["BoundaryFrames", "RunFrames", "boundary_frames", "write_report"],
        "playground": ["write_playground"],
        "study": ["Run", "run_study"],
        "suggestion": ["Suggestion", "suggest_initialization"],
        "sweep": ["Comparison", "Paired", "compare_initializers"],
    }.items()
    for name in names
}
_SUBMODULES = ["pictures", "theory"]

__all__ = [
    "BoundaryFrames",
    "Comparison",
    "Diagnosis",
    "GradientCheck",
    "Measurements",
    "Paired",
    "Run",
    "RunFrames",
    "Suggestion",
    "assert_healthy",
    "boundary_frames",
    "compare_initializers",
    "diagnose",
    "gradient_check",
    "pictures",
    "run_study",
    "suggest_initialization",
    "theory",
    "write_playground",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"fastmlp.lab.{name}")
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"fastmlp.lab.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'fastmlp.lab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
