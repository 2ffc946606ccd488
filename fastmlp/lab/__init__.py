"""The initialization study: train one network from several initializations, measure each, report the results."""

from fastmlp.lab.diagnostics import Diagnostics, diagnose
from fastmlp.lab.study import Run, run_study

__all__ = ["Diagnostics", "Run", "diagnose", "run_study"]
