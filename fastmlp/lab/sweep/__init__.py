"""Many runs: initializers compared over seeds and whatever else is varied."""

from fastmlp.lab.sweep.compare import compare_initializers
from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.lab.sweep.statistics import Paired

__all__ = ["Comparison", "Paired", "compare_initializers"]
