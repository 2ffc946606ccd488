"""Where an activation keeps the variance and the differences of its inputs at any depth."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from fastmlp.lab.theory.activations import Activation, activation_of
from fastmlp.lab.theory.gaussian import Sample, sample

_SEARCHED = 2.0 ** np.arange(-20, 11)  # variances; beyond, relu-like activations differ from relu by rounding alone
_SIGNIFICANT = 1e-9


@dataclass(frozen=True)
class Criticality:
    """What :func:`criticality` found.

    Attributes
    ----------
    activation : str
    kind : {"scale-invariant", "zero", "half-stable", "none"}
    fixed_point : float
        The variance of the pre-activations that is kept; NaN where every one is ("scale-invariant") or none.  A
        half-stable one is left on one side: see ``fixed_point`` of :class:`MeanField`, which starts from 1.
    weight_variance, bias_variance : float
        Of the weights, times fan_in, and of the biases; NaN for "none".
    reason : str
        Why it is of that kind.
    """

    activation: str
    kind: str
    fixed_point: float
    weight_variance: float
    bias_variance: float
    reason: str


def gain(activation: object) -> float:
    """Return 1 / sqrt(E phi(z)^2) for z ~ N(0, 1).

    Weights of standard deviation gain / sqrt(fan_in) keep pre-activations of variance 1 at that variance.

    Parameters
    ----------
    activation : str or callable
        A hidden layer's activation by name, or a function on arrays.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If the activation is unknown, no function on arrays, or has no finite second moment.

    References
    ----------
    Klambauer et al. 2017, Self-Normalizing Neural Networks, whose activation has the gain 1.

    Examples
    --------
    >>> from fastmlp.lab.theory import gain
    >>> round(gain("tanh"), 6), round(gain("relu") ** 2, 6)
    (1.592537, 2.0)
    """
    phi = activation_of(activation)
    return 1 / math.sqrt(finite_second_moment(phi, 1.0))


def finite_second_moment(phi: Activation, variance: float, found: Sample | None = None) -> float:
    """Return E phi(z)^2; refuse an activation for which it is 0 or infinite."""
    moment = (found or sample(phi, variance)).second_moment
    if not 0 < moment < math.inf:
        raise ValueError(
            f"activation must have a second moment that is finite in float64 and over 0; E phi(z)^2 of {phi.name} is "
            f"{moment:g} at variance {variance:g}"
        )
    return moment


def criticality(activation: object) -> Criticality:
    """Return the variances of weights and biases at which signals neither grow nor shrink with depth.

    With K the variance of the pre-activations, weights of variance C_W / fan_in and biases of variance C_b, a layer
    changes small differences along and across an input by the factors

        chi_parallel = C_W dg/dK,  chi_perpendicular = C_W E phi'(z)^2,  with g(K) = E phi(z)^2, z ~ N(0, K).

    Both are 1 at a critical point, where K = C_b + C_W g(K).  It lies at every K for piecewise linear activations
    ("scale-invariant"), at K = 0 where that attracts ("zero"), or at a K that attracts from one side ("half-stable").

    Parameters
    ----------
    activation : str or callable
        A hidden layer's activation by name, or a function on arrays.

    Returns
    -------
    Criticality

    Raises
    ------
    TypeError, ValueError
        If the activation is unknown, no function on arrays, or has no finite second moment.

    References
    ----------
    Roberts, Yaida & Hanin 2022, The Principles of Deep Learning Theory, section 5.1 for the factors, sections 5.2 and
    5.3 for the kinds.

    Examples
    --------
    >>> from fastmlp.lab.theory import criticality
    >>> point = criticality("gelu")
    >>> point.kind, round(point.fixed_point, 6), round(point.weight_variance, 6), round(point.bias_variance, 6)
    ('half-stable', 3.561553, 1.983058, 0.172922)
    """
    phi = activation_of(activation)
    finite_second_moment(phi, 1.0)
    if phi.jump is not None:
        return _none(phi, f"it jumps at z = {phi.jump:.6g}, so differences grow without bound in one layer")
    start = float(phi.values(np.zeros(1))[0])
    left, right = phi.slopes_at_zero()
    slope_square = 0.5 * (left**2 + right**2)
    if abs(start) <= 1e-12 and slope_square > 0:
        drift = first_drift(phi, slope_square)
        at_zero = (1 / slope_square, 0.0)
        if drift == 0:
            return Criticality(
                phi.name,
                "scale-invariant",
                math.nan,
                *at_zero,
                "it is a line on each side of 0, so every variance is kept",
            )
        if drift < 0:
            reason = "it is flatter than its tangents at 0, so the variance falls to 0, by a power of the depth"
            return Criticality(phi.name, "zero", 0.0, *at_zero, reason)
    for fixed_point in _equal_factors(phi):
        found = sample(phi, fixed_point)
        weight_variance = 1 / found.slope_second_moment
        bias_variance = fixed_point - weight_variance * found.second_moment
        if bias_variance >= 0:
            reason = "both factors are 1 at one variance, which attracts from one side"
            return Criticality(phi.name, "half-stable", fixed_point, weight_variance, bias_variance, reason)
    if abs(start) > 1e-12:
        return _none(phi, f"phi(0) = {start:.6g}, so 0 is no fixed point, and the two factors are 1 at no other one")
    return _none(phi, "0 repels or the slope at 0 vanishes, and the two factors are 1 at no other fixed point")


def _none(phi: Activation, reason: str) -> Criticality:
    return Criticality(phi.name, "none", math.nan, math.nan, math.nan, reason)


def first_drift(phi: Activation, slope_square: float) -> float:
    """Return by how much a small variance changes where its factor is 1 at zero, 0 where all are kept."""
    for variance in 2.0 ** np.arange(-24, 21):
        drift = sample(phi, variance).second_moment / (slope_square * variance) - 1
        if abs(drift) > 1e-8:
            return drift
    return 0.0


def _equal_factors(phi: Activation) -> list[float]:
    """Return the variances at which chi_parallel equals chi_perpendicular."""
    from scipy.optimize import brentq

    def excess(log_variance: float) -> float:
        found = sample(phi, math.exp(log_variance))
        if not math.isfinite(found.second_moment):
            return math.nan
        return found.growth / found.slope_second_moment - 1

    places = [math.log(variance) for variance in _SEARCHED]
    values = [excess(place) for place in places]
    return [
        math.exp(brentq(excess, lower, upper, xtol=1e-13))
        for (lower, at_lower), (upper, at_upper) in itertools.pairwise(zip(places, values, strict=True))
        if at_lower * at_upper < 0 and min(abs(at_lower), abs(at_upper)) > _SIGNIFICANT
    ]
