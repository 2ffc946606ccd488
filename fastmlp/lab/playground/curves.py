"""Tables of what mean-field theory needs of every activation, for the page."""

import math
from typing import Any

import numpy as np

from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.lab.theory.activations import activation_of
from fastmlp.lab.theory.gaussian import sample

FIRST, LAST, STEP = -10.0, 14.0, 0.25  # log10 of the variances; cubic interpolation is then within 1e-4
DIGITS = 7  # of a logarithm


def curves() -> dict[str, Any]:
    """Return log10 of E phi(z)^2 and of E phi'(z)^2, z ~ N(0, q), on a grid of log10 q."""
    grid = np.arange(round((LAST - FIRST) / STEP) + 1) * STEP + FIRST
    found = {}
    for name in HIDDEN_ACTIVATIONS:
        samples = [sample(activation_of(name), 10.0**place) for place in grid.tolist()]
        found[name] = {
            "square": [round(math.log10(one.second_moment), DIGITS) for one in samples],
            "slopeSquare": [round(math.log10(one.slope_second_moment), DIGITS) for one in samples],
        }
    return {"first": FIRST, "step": STEP, "of": found}
