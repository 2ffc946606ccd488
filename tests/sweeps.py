"""A small sweep, and what two sweeps must have in common."""

import numpy as np

from fastmlp.datasets import circles
from fastmlp.lab import compare_initializers

X, y = circles(60, seed=1)
X_test, y_test = circles(30, seed=2)
FIELDS = ("first_loss", "final_loss", "train_score", "test_score", "outcome", "epoch", "reason", "seconds")


def small(layer_dims=(2, 6, 4, 1), **changes):
    """A sweep of a few milliseconds."""
    arguments = {
        "seeds": 3,
        "X_test": X_test,
        "y_test": y_test,
        "epochs": 30,
        "learning_rate": 0.1,
        "report_every": 10,
        "progress": False,
    }
    return compare_initializers(X, y, layer_dims, **{**arguments, **changes})


def assert_same_runs(found, expected, seed=None):
    """All but the seconds are equal, of all seeds or of one."""
    chosen = [slice(None) if seed is None else of.runs["seed"] == seed for of in (found, expected)]
    np.testing.assert_array_equal(found.losses[chosen[0]], expected.losses[chosen[1]])
    for name in ("initializer", "seed", *FIELDS[:-1]):
        np.testing.assert_array_equal(found.runs[name][chosen[0]], expected.runs[name][chosen[1]])
