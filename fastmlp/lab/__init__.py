"""The laboratory: networks trained from several initializations, measured and compared.

Each public name is imported on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastmlp.lab.diagnostics import Diagnostics, diagnose
    from fastmlp.lab.page import BoundaryFrames, RunFrames, boundary_frames, write_report
    from fastmlp.lab.study import Run, run_study
    from fastmlp.lab.sweep import Comparison, Paired, compare_initializers

_MODULE_OF = {
    "Diagnostics": "diagnostics",
    "diagnose": "diagnostics",
    "Run": "study",
    "run_study": "study",
    "Comparison": "sweep",
    "Paired": "sweep",
    "compare_initializers": "sweep",
    "BoundaryFrames": "page",
    "RunFrames": "page",
    "boundary_frames": "page",
    "write_report": "page",
}

__all__ = [
    "BoundaryFrames",
    "Comparison",
    "Diagnostics",
    "Paired",
    "Run",
    "RunFrames",
    "boundary_frames",
    "compare_initializers",
    "diagnose",
    "run_study",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'fastmlp.lab' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"fastmlp.lab.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
