"""The laboratory: what a weight initialization does to a network, measured.

The names below are imported on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastmlp.lab.diagnosis import Diagnosis, GradientCheck, assert_healthy, diagnose, gradient_check
    from fastmlp.lab.measurements import Measurements
    from fastmlp.lab.page import BoundaryFrames, RunFrames, boundary_frames, write_report
    from fastmlp.lab.study import Run, run_study
    from fastmlp.lab.sweep import Comparison, Paired, compare_initializers

_MODULE_OF = {
    "BoundaryFrames": "page",
    "Comparison": "sweep",
    "Diagnosis": "diagnosis",
    "GradientCheck": "diagnosis",
    "Measurements": "measurements",
    "Paired": "sweep",
    "Run": "study",
    "RunFrames": "page",
    "assert_healthy": "diagnosis",
    "boundary_frames": "page",
    "compare_initializers": "sweep",
    "diagnose": "diagnosis",
    "gradient_check": "diagnosis",
    "run_study": "study",
    "write_report": "page",
}

__all__ = [
    "BoundaryFrames",
    "Comparison",
    "Diagnosis",
    "GradientCheck",
    "Measurements",
    "Paired",
    "Run",
    "RunFrames",
    "assert_healthy",
    "boundary_frames",
    "compare_initializers",
    "diagnose",
    "gradient_check",
    "run_study",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        value = getattr(importlib.import_module(f"fastmlp.lab.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'fastmlp.lab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
