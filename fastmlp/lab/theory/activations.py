"""Activations as the theory needs them: values, slopes, and the places between which both are smooth.

A function that the library does not know is approximated on panels, on each by the polynomial through its values at the
nodes of Gauss and Legendre.  A panel whose polynomial misses the function is halved.  Halving ends at the kinks and
jumps, which become edges between panels.  The slope of a function is that of its polynomials.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastmlp import arrays, checks
from fastmlp.reference.activation import ACTIVATIONS, DERIVATIVES

Array = np.ndarray[Any, Any]

NAMES = tuple(DERIVATIVES)  # those of hidden layers
N_NODES = 20  # per panel: exact for polynomials of degree 39
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(N_NODES)
_TO_COEFFICIENTS = np.linalg.inv(np.polynomial.legendre.legvander(NODES, N_NODES - 1))
_AT_ENDS = np.polynomial.legendre.legvander(np.array([-1.0, 1.0]), N_NODES - 1) @ _TO_COEFFICIENTS
_SLOPES = (
    np.polynomial.legendre.legval(NODES, np.polynomial.legendre.legder(np.eye(N_NODES))).T @ _TO_COEFFICIENTS
)  # at the nodes
_SLOPES_AT_ENDS = (
    np.polynomial.legendre.legval(np.array([-1.0, 1.0]), np.polynomial.legendre.legder(np.eye(N_NODES))).T
    @ _TO_COEFFICIENTS
)
_EDGES = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0])  # continued by doubling
ROUGH = 1e-10  # of the function's size: panels that miss more are halved
NARROW = 1e-6  # of the place, or of 1: the width of panels beside a kink
MOST_PANELS = 4096
TINY = 1e-30  # where the library's own slopes beside 0 are read


def panel_nodes(lower: Array, upper: Array) -> Array:
    """Return the nodes of each panel, of shape (..., N_NODES)."""
    return lower[..., None] + (upper - lower)[..., None] * (0.5 + 0.5 * NODES)


def _plain_edges(radius: float) -> Array:
    """Return edges from -radius to radius that resolve a function of scale 1 about 0, and lines far from it."""
    doublings = max(0, math.ceil(math.log2(radius / _EDGES[-1]))) if radius > _EDGES[-1] else 0
    positive = np.concatenate([_EDGES, _EDGES[-1] * 2.0 ** np.arange(1, doublings + 1)])
    positive = np.append(positive[positive < radius], radius)
    return np.concatenate([-positive[:0:-1], positive])


def _narrow_places(edges: Array) -> list[float]:
    """Return where panels are narrow, in each group of them the middle of the narrowest."""
    widths, middles = np.diff(edges), 0.5 * (edges[:-1] + edges[1:])
    narrow = np.nonzero(widths < NARROW * np.maximum(1, np.abs(middles)))[0]
    groups = np.split(narrow, np.nonzero(np.diff(narrow) > 1)[0] + 1) if len(narrow) else []
    return [float(middles[group[np.argmin(widths[group])]]) for group in groups]


class Activation:
    """An activation of the library, with its own derivative.

    Attributes
    ----------
    name : str
    kinks : sequence of float
        Places where the function or a derivative jumps, as far as it was looked at.
    jump : float or None
        The first place at which the function jumps.
    """

    kinks: Sequence[float] = (0.0,)
    jump: float | None = None

    def __init__(self, name: str) -> None:
        self.name = name
        self._function, self._derivative = ACTIVATIONS[name], DERIVATIVES[name]

    def __reduce__(self) -> tuple[Any, ...]:
        return Activation, (self.name,)  # pickle cannot store the functions, some of which are lambdas

    def values(self, z: Array) -> Array:
        """Return phi(z)."""
        with np.errstate(all="ignore"):
            return self._function(z)

    def slopes(self, z: Array, values: Array, widths: Array) -> Array:
        """Return phi'(z) at the nodes ``z`` (n_panels, N_NODES) of panels of the widths given."""
        with np.errstate(all="ignore"):
            return self._derivative(z)

    def edges(self, radius: float) -> Array:
        """Return edges of panels from -radius to radius, on each of which the function is smooth."""
        return _plain_edges(radius)

    def slopes_at_zero(self) -> tuple[float, float]:
        """Return the slopes left and right of 0."""
        left, right = self.slopes(np.array([-TINY, TINY]), np.empty(0), np.empty(0))
        return float(left), float(right)


class FunctionActivation(Activation):
    """An activation given as a function on arrays, whose derivative is found numerically."""

    def __init__(self, function: Callable[[Array], Array]) -> None:
        self.name = getattr(function, "__name__", type(function).__name__)
        self._function = function
        self._edges = np.empty(0)
        self.kinks = ()
        self._check()

    def __reduce__(self) -> tuple[Any, ...]:
        return FunctionActivation, (self._function,)

    def _check(self) -> None:
        """Refuse a function that does not act on the elements of an array."""
        z = np.linspace(-2.25, 2.75, 9)
        together = self.values(z)
        if not np.isfinite(together).all():
            at = z[~np.isfinite(together)][0]
            raise ValueError(f"activation must be finite, got {self.values(np.array([at]))[0]} at z = {at:g}")
        apart = np.concatenate([self.values(z[:4]), self.values(z[4:])])
        if not np.allclose(together, apart, rtol=1e-6, atol=1e-12):
            raise ValueError("activation must act on each element alone: its values depend on the rest of the array")

    def values(self, z: Array) -> Array:
        """Return phi(z), infinite where the function overflows."""
        flat = z.ravel()
        try:
            with np.errstate(all="ignore"):
                found = self._function(flat.copy())
        except Exception as error:
            raise TypeError(
                f"activation must be a function on arrays, such as np.tanh; called with {flat.size} numbers it raised "
                f"{type(error).__name__}: {error}"
            ) from error
        found = arrays.real_array("activation(z)", found, np.float64)
        if found.shape != flat.shape:
            raise ValueError(
                f"activation must return an array of the shape of its argument {flat.shape}, got {found.shape}"
            )
        found = np.asarray(found, np.float64)
        if np.isnan(found).any():
            raise ValueError(f"activation must return numbers, got nan at z = {flat[np.argmax(np.isnan(found))]:.6g}")
        return found.reshape(z.shape)

    def slopes(self, z: Array, values: Array, widths: Array) -> Array:
        """Return the slopes of the polynomials through the values."""
        return (values @ _SLOPES.T) * (2 / widths[:, None])

    def edges(self, radius: float) -> Array:
        """Return edges of panels, the function's kinks among them."""
        if not len(self._edges) or self._edges[-1] < radius:
            self._edges = self._found_edges(2.0 ** max(4, math.ceil(math.log2(radius))))
        inside = self._edges[np.abs(self._edges) < radius]
        return np.concatenate([[-radius], inside, [radius]])

    def slopes_at_zero(self) -> tuple[float, float]:
        """Return the slopes left and right of 0, of the polynomials there."""
        edges = self.edges(1.0)
        right = int(np.searchsorted(edges, 1e-9, side="right"))
        left = int(np.searchsorted(edges, -1e-9, side="left")) - 1
        slopes = []
        for lower, upper, end in ((edges[left], 0.0, 1), (0.0, edges[right], 0)):
            values = self.values(panel_nodes(np.array(lower), np.array(upper)))
            slopes.append(float(_SLOPES_AT_ENDS[end] @ values * 2 / (upper - lower)))
        return slopes[0], slopes[1]

    def _found_edges(self, radius: float) -> Array:
        size = float(np.abs(self.values(np.linspace(-1, 1, 41))).max())
        plain = _plain_edges(radius)
        between = _narrow_places(self._halved(plain, size))
        for kink in between:
            plain = plain[np.abs(plain - kink) > NARROW * max(1.0, abs(kink))]
        edges = self._halved(np.union1d(plain, between), size)
        self.kinks = sorted({*between, *self._kinks_at(edges, size)})
        for kink in self.kinks:
            self._find_jump(kink)
        return edges

    def _halved(self, edges: Array, size: float) -> Array:
        """Return edges of panels that were halved until each is smooth, or as narrow as rounding."""
        lower, upper = edges[:-1], edges[1:]
        found = [edges]
        while len(lower):
            rough = self._rough(lower, upper, size) & (upper - lower > 1e-12 * np.maximum(1, np.abs(upper)))
            lower, upper = lower[rough], upper[rough]
            if sum(map(len, found)) > MOST_PANELS:
                raise ValueError(
                    f"activation must be smooth to {ROUGH:g} but for a few kinks; {self.name} is not, near "
                    f"z = {lower[0]:.6g}"
                )
            middle = 0.5 * (lower + upper)
            found.append(middle)
            lower, upper = np.concatenate([lower, middle]), np.concatenate([middle, upper])
        return np.unique(np.concatenate(found))

    def _kinks_at(self, edges: Array, size: float) -> Array:
        """Return the edges of wide panels at which the slopes on both sides differ, or the values."""
        widths = np.diff(edges)
        values = self.values(panel_nodes(edges[:-1], edges[1:]))
        with np.errstate(invalid="ignore", over="ignore"):
            slopes = (values @ _SLOPES_AT_ENDS.T) * (2 / widths)[:, None]
            ends = values @ _AT_ENDS.T
            differ = np.logical_or(*(np.abs(of[1:, 0] - of[:-1, 1]) > NARROW * size for of in (slopes, ends)))
        return edges[1:-1][differ & (np.minimum(widths[1:], widths[:-1]) > NARROW)]

    def _rough(self, lower: Array, upper: Array, size: float) -> Array:
        """Return which panels' polynomials miss the function, by their last coefficients and at the ends."""
        values = self.values(panel_nodes(lower, upper))
        ends = self.values(np.stack([lower, upper], axis=-1))
        with np.errstate(invalid="ignore"):
            scale = np.maximum(np.abs(values).max(axis=-1), size)
            last = np.abs(values @ _TO_COEFFICIENTS[-3:].T).max(axis=-1)
            missed = np.abs(values @ _AT_ENDS.T - ends).max(axis=-1)
            return (last > ROUGH * scale) | (missed > ROUGH * scale)  # False where the values overflow

    def _find_jump(self, kink: float) -> None:
        step = 1e-7 * max(1.0, abs(kink))
        farther_left, left, right, farther_right = self.values(kink + step * np.array([-3.0, -1.0, 1.0, 3.0]))
        beside = abs(left - farther_left) + abs(farther_right - right)
        if self.jump is None and abs(right - left) > 1e-9 * max(abs(left), abs(right)) + 10 * beside:
            self.jump = round(kink, 9) + 0.0


def activation_of(activation: object) -> Activation:
    """Return the activation of a name or function; refuse others."""
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str):
        return Activation(checks.choice("activation", activation, NAMES))
    if callable(activation):
        return FunctionActivation(activation)
    raise TypeError(
        f"activation must be a function on arrays or one of {', '.join(NAMES)}; got {checks.shown(activation)}"
    )
