"""A look into one network: what its layers do with the examples, and what is wrong with it.

:func:`~fastmlp.lab.diagnose` measures every layer forward and backward and gives a verdict,
:func:`~fastmlp.lab.gradient_check` compares the gradient with central differences, and
:func:`~fastmlp.lab.assert_healthy` is for a test suite.  The thresholds of the verdicts stand
in :mod:`fastmlp.lab.diagnosis.thresholds`.
"""

from fastmlp.lab.diagnosis.gradients import GradientCheck, gradient_check
from fastmlp.lab.diagnosis.health import assert_healthy
from fastmlp.lab.diagnosis.look import diagnose
from fastmlp.lab.diagnosis.result import Diagnosis

__all__ = ["Diagnosis", "GradientCheck", "assert_healthy", "diagnose", "gradient_check"]
