"""Four examples, and runs of a study that need no training."""

import numpy as np

from fastmlp import MLP, History
from fastmlp.lab import Measurements, Run
from fastmlp.lab.data import StudyData
from fastmlp.training import Ended

X = np.array([[1.0, 2.0], [-1.0, 0.5], [3.0, -2.0], [0.25, 0.25]])
Y = np.array([0, 1, 1, 0])
FINE = Measurements(symmetric=False, dead_units=0.0, saturated_outputs=0.0, smallest_logit=-1.0, largest_logit=1.0)
DATA = StudyData((X, Y), (X, Y), ["x1", "x2"], "label", ["0", "1"])


def run_of(start=FINE, end=FINE, losses=(0.7, 0.5), diverged=False, **measured):
    history = History(np.arange(len(losses)), np.array(losses), Ended("finished", len(losses), ""))
    return Run("he", MLP([2, 3, 1], seed=1), history, 0.0125, 0.9, 0.875, start, end, diverged, **measured)
