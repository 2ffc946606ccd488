"""The initialization laboratory: train from several starts, measure what each start does, report it."""

from fastmlp.lab.diagnostics import Diagnostics, diagnose
from fastmlp.lab.study import Run, run_study

__all__ = ["Diagnostics", "Run", "diagnose", "run_study"]
