"""Means over a normal pre-activation, z ~ N(0, q), by panels of Gauss-Legendre nodes between kinks."""

import math
from dataclasses import dataclass

import numpy as np

from fastmlp.lab.theory.activations import NODE_WEIGHTS, Activation, Array, panel_nodes

REACH = 12.0  # standard deviations: beyond lies 4e-33 of the mass
FAR_REACH = 38.0  # the density underflows beyond
NEGLIGIBLE = 1e-13  # share of a second moment at the rim


@dataclass(frozen=True)
class Sample:
    """An activation at the nodes of a quadrature for z = sqrt(q) x, x ~ N(0, 1).

    Attributes
    ----------
    variance : float
        q.
    x, weights, values, slopes : ndarray of shape (n,)
        Nodes, their weights (density included), phi(z) and phi'(z).
    """

    variance: float
    x: Array
    weights: Array
    values: Array
    slopes: Array

    def mean(self, function: Array) -> float:
        """Return the mean of a function given at the nodes, infinite where it overflows."""
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            mean = float(self.weights @ function)
        return math.inf if math.isnan(mean) else mean

    @property
    def second_moment(self) -> float:
        """E phi(z)^2."""
        with np.errstate(over="ignore", under="ignore"):
            return self.mean(self.values**2)

    @property
    def slope_second_moment(self) -> float:
        """E phi'(z)^2."""
        with np.errstate(over="ignore", under="ignore"):
            return self.mean(self.slopes**2)

    @property
    def growth(self) -> float:
        """The derivative of E phi(z)^2 by q, E phi(z)^2 (x^2 - 1) / (2 q)."""
        with np.errstate(over="ignore", under="ignore"):
            return self.mean(self.values**2 * (self.x**2 - 1)) / (2 * self.variance)


def sample(activation: Activation, variance: float) -> Sample:
    """Return the activation under N(0, variance), farther out where its second moment needs that."""
    found = _sample(activation, variance, REACH)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mass = found.weights * found.values**2
        rim = mass[np.abs(found.x) > REACH - 1].sum()
        if not rim <= NEGLIGIBLE * mass.sum():
            found = _sample(activation, variance, FAR_REACH)
            mass = found.weights * found.values**2
            if not mass[np.abs(found.x) > FAR_REACH - 1].sum() <= NEGLIGIBLE * mass.sum():
                found.values[:] = math.inf  # no finite second moment
    return found


def _sample(activation: Activation, variance: float, reach: float) -> Sample:
    deviation = math.sqrt(variance)
    edges = activation.edges(reach * deviation) / deviation
    edges = np.union1d(edges, np.arange(-reach, reach + 1))
    edges = edges[np.append(True, np.diff(edges) > 1e-13)]
    widths = np.diff(edges)
    x = panel_nodes(edges[:-1], edges[1:])
    values = activation.values(deviation * x)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        slopes = activation.slopes(deviation * x, values, deviation * widths)
        weights = np.exp(-0.5 * x * x) * (widths[:, None] * NODE_WEIGHTS) / (2 * math.sqrt(2 * math.pi))
    if activation.jump is not None:
        slopes = np.full_like(slopes, math.inf)
    return Sample(variance, x.ravel(), weights.ravel(), values.ravel(), slopes.ravel())
