"""Means of phi(u) phi(v) over two normal pre-activations of variance q and correlation c.

With a_n the coefficients of phi(sqrt(q) x) in the orthonormal Hermite polynomials, E phi(u) phi(v) = sum a_n^2 c^n.
What the first terms leave of E phi^2 bounds the error.  Where that is too large, near c = 1 for a function with kinks,
panels between the kinks take the place of the series.
"""

import math

import numpy as np

from fastmlp.lab.theory.activations import NODE_WEIGHTS, Activation, Array, panel_nodes
from fastmlp.lab.theory.gaussian import REACH, Sample

N_TERMS = 256
ENOUGH = 1e-10  # of E phi^2: the largest error of the series
_OUTER_EDGES = np.array([-8.0, -3.0, 0.0, 3.0, 8.0])


def hermite_coefficients(found: Sample) -> Array:
    """Return a_n = E phi(sqrt(q) x) h_n(x) for n < N_TERMS, h_n orthonormal."""
    coefficients = np.empty(N_TERMS)
    before, here = np.zeros_like(found.x), found.weights * found.values
    for n in range(N_TERMS):
        coefficients[n] = here.sum()
        before, here = here, (found.x * here - math.sqrt(n) * before) / math.sqrt(n + 1)
    return coefficients


class Covariance:
    """E phi(u) phi(v) as a function of the correlation c, and its derivative q E phi'(u) phi'(v).

    Parameters
    ----------
    activation : Activation
    found : Sample
        The activation under N(0, q).
    """

    def __init__(self, activation: Activation, found: Sample) -> None:
        self._activation, self._variance = activation, found.variance
        self.total = found.second_moment
        self.total_slope = found.variance * found.slope_second_moment
        with np.errstate(under="ignore"):
            squares = hermite_coefficients(found) ** 2
        last = np.nonzero(squares > 1e-20 * self.total)[0]
        self._squares = squares[: last[-1] + 1 if len(last) else 1]
        rest = self.total - self._squares.sum()
        self._rest = rest if rest > 1e-14 * self.total else 0.0

    def _series_holds(self, c: float, factor: float) -> bool:
        return self._rest * factor * abs(c) ** (N_TERMS - 1) <= ENOUGH * self.total

    def __call__(self, c: float) -> float:
        """Return E phi(u) phi(v)."""
        if c == 1:
            return self.total
        if self._series_holds(c, 1):
            return float(np.polynomial.polynomial.polyval(c, self._squares))
        return self._by_panels(c)

    def slope(self, c: float) -> float:
        """Return the derivative by c."""
        if c == 1:
            return self.total_slope
        if self._series_holds(c, N_TERMS / max(1 - abs(c), 1e-300)):
            n = np.arange(1, len(self._squares))
            return float(np.polynomial.polynomial.polyval(c, n * self._squares[1:])) if len(n) else 0.0
        return self._by_panels(c, is_slope=True)

    def decline(self, c: float) -> float:
        """Return (E phi^2 - E phi(u) phi(v)) / (1 - c), without cancellation where the series holds."""
        if c == 1:
            return self.total_slope
        if c > 0 and self._series_holds(c, 1 / (1 - c)):
            n = np.arange(len(self._squares))
            return float((-np.expm1(n * math.log(c)) @ self._squares + self._rest) / (1 - c))
        return (self.total - self(c)) / (1 - c)

    def _by_panels(self, c: float, is_slope: bool = False) -> float:
        """Integrate over x, then y, with u = sqrt(q) (a x + b y) and v = sign(c) sqrt(q) (a x - b y).

        The mean over x is smooth in y but where a kink of phi(u) meets one of phi(v).
        """
        sign, b = math.copysign(1.0, c), math.sqrt(max(1 - abs(c), 1e-300) / 2)
        kinks = np.array(self._activation.kinks)
        meetings = (kinks[:, None] - sign * kinks).ravel() / (2 * b * math.sqrt(self._variance))
        edges = np.union1d(_OUTER_EDGES, meetings[np.abs(meetings) < _OUTER_EDGES[-1]])
        edges = edges[np.append(True, np.diff(edges) > 1e-13)]
        y = panel_nodes(edges[:-1], edges[1:])
        density = np.exp(-0.5 * y * y) * (np.diff(edges)[:, None] * NODE_WEIGHTS) / (2 * math.sqrt(2 * math.pi))
        return sum(self._row(c, is_slope, *panel) for panel in zip(y, density, strict=True))

    def _row(self, c: float, is_slope: bool, outer: Array, outer_weights: Array) -> float:
        """Return the part of some nodes y, whose weights hold their density."""
        activation, sign, deviation = self._activation, math.copysign(1.0, c), math.sqrt(self._variance)
        a, b, y = math.sqrt((1 + abs(c)) / 2), math.sqrt((1 - abs(c)) / 2), outer[:, None]
        edges = activation.edges(REACH * deviation) / deviation
        lines = [(edges - b * y) / a, (sign * edges + b * y) / a, np.arange(-REACH, REACH + 1) + 0 * y]
        bounds = np.sort(np.concatenate(lines, axis=1).clip(-REACH, REACH), axis=1)
        lower, upper = bounds[:, :-1].ravel(), bounds[:, 1:].ravel()
        wide = upper - lower > 1e-13
        lower, upper, rows = lower[wide], upper[wide], np.nonzero(wide.reshape(len(outer), -1))[0]
        x, y = panel_nodes(lower, upper), y[rows]
        u, v = deviation * (a * x + b * y), sign * deviation * (a * x - b * y)
        at_u, at_v = activation.values(u), activation.values(v)
        weights = np.exp(-0.5 * x * x) * ((upper - lower) * outer_weights[rows])[:, None] * NODE_WEIGHTS
        weights /= 2 * math.sqrt(2 * math.pi)
        if is_slope and activation.jump is not None:  # by Stein's identity, in x and in y
            weights = weights * ((x * x - 1) / (4 * a * a) - (y * y - 1) / (4 * b * b)) * sign
        elif is_slope:
            widths = a * deviation * (upper - lower)
            at_u, at_v = activation.slopes(u, at_u, widths), activation.slopes(v, at_v, sign * widths)
            weights = weights * self._variance
        return float((weights * at_u * at_v).sum())
