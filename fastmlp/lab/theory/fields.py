"""Mean field theory of one setting: the fixed point of the variance, and what happens to differences there."""

import functools
import itertools
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from fastmlp import checks
from fastmlp.lab.theory.activations import Activation, Array, activation_of
from fastmlp.lab.theory.correlation import Covariance
from fastmlp.lab.theory.critical import finite_second_moment
from fastmlp.lab.theory.gaussian import sample

LARGEST = 2.0**40  # variances beyond count as infinite
SMALLEST = 2.0**-40  # without biases, variances below count as 0
TOUCHING = 1e-8  # of the variance: a smaller drift per layer is a fixed point at any depth that is trained
SMALLEST_STD, LARGEST_STD = 1e-100, 1e100
EQUAL = 1e-9  # of 1: the rounding of a factor
FAR = 1e-4  # of 1: what a factor at the largest or smallest variance may differ from its limit


@dataclass(frozen=True)
class MeanField:
    """What :func:`mean_field` found.

    Attributes
    ----------
    activation : str
    weight_std, bias_std : float
        The setting.
    fixed_point : float
        The variance of the pre-activations that :meth:`variance_map` reaches from 1; 0 or inf where it falls or grows
        without end.  Where several attract, it is the first one on the way from 1, and need not be that of
        :func:`criticality`: with gelu's critical variances it is 3.035, below the half-stable 3.562.
    chi_1 : float
        The factor per layer of the squared difference between two similar inputs, and of the variance of gradients:
        weight_std^2 E phi'(z)^2 at the fixed point.  If that is inf, at a variance of 2**40.
    chi_parallel : float
        The factor per layer of a deviation of the variance from its fixed point, the slope of :meth:`variance_map`.
    fixed_correlation : float
        The correlation that two inputs approach with depth.
    variance_depth_scale, correlation_depth_scale : float
        Number of layers in which a deviation from the fixed variance, or correlation, shrinks by a factor e; inf if
        it is kept, NaN if it grows.
    """

    activation: str
    weight_std: float
    bias_std: float
    fixed_point: float
    chi_1: float
    chi_parallel: float
    fixed_correlation: float
    variance_depth_scale: float
    correlation_depth_scale: float
    _phi: Activation = field(repr=False, compare=False)
    _covariance: Covariance = field(repr=False, compare=False)

    def variance_map(self, q: ArrayLike) -> Array:
        """Return the variance of the next layer's pre-activations, weight_std^2 E phi(z)^2 + bias_std^2.

        Parameters
        ----------
        q : array_like
            Variances of one layer's pre-activations.

        Returns
        -------
        ndarray of the shape of q

        Raises
        ------
        ValueError
            If one is negative or not finite.
        """
        variances = checks.array_of("q", q, np.float64)
        checks.check_finite("q", variances)
        if (variances < 0).any():
            raise ValueError(f"q must be at least 0, got {variances.min():g}")
        moments = [second_moment(self._phi, float(variance)) for variance in variances.ravel()]
        return self.weight_std**2 * np.array(moments).reshape(variances.shape) + self.bias_std**2

    def correlation_map(self, c: ArrayLike) -> Array:
        """Return the correlation of two inputs in the next layer, at the fixed point of the variance.

        Parameters
        ----------
        c : array_like
            Correlations of two inputs' pre-activations in one layer.

        Returns
        -------
        ndarray of the shape of c

        Raises
        ------
        ValueError
            If one is not from -1 to 1.
        """
        correlations = checks.array_of("c", c, np.float64)
        if not (np.abs(correlations) <= 1).all():
            raise ValueError(f"c must be from -1 to 1, got {correlations[~(np.abs(correlations) <= 1)][0]:g}")
        products = np.array([self._covariance(float(one)) for one in correlations.ravel()])
        weight_variance, bias_variance = self.weight_std**2, self.bias_std**2
        kept = weight_variance * self._covariance.total + bias_variance
        return ((weight_variance * products + bias_variance) / kept).reshape(correlations.shape)


def mean_field(activation: object, weight_std: float, bias_std: float = 0.0) -> MeanField:
    """Return the mean field theory of a wide network: what it does to variances and correlations at depth.

    A layer is z = W phi(z before) + b, with W ~ N(0, weight_std^2 / fan_in) and b ~ N(0, bias_std^2).

    Parameters
    ----------
    activation : str or callable
        A hidden layer's activation by name, or a function on arrays.
    weight_std : float
        Over 0; PyTorch's default for linear layers is sqrt(1 / 3), He's sqrt(2).
    bias_std : float, default=0.0

    Returns
    -------
    MeanField

    Raises
    ------
    TypeError, ValueError
        If the activation is unknown, no function on arrays, or has no finite second moment; if a deviation is negative
        or not finite, or weight_std is 0.

    References
    ----------
    Poole et al. 2016, Exponential expressivity in deep neural networks through transient chaos, for the maps and chi_1.
    Schoenholz et al. 2017, Deep Information Propagation, section 3, for the depth scales.

    Examples
    --------
    >>> from fastmlp.lab.theory import mean_field
    >>> theory = mean_field("tanh", weight_std=1.7**0.5, bias_std=0.05**0.5)
    >>> round(theory.chi_1, 6), round(theory.correlation_depth_scale, 4)
    (0.986741, 74.9183)
    >>> theory.correlation_map([0.0, 1.0]).round(4)
    array([0.0938, 1.    ])
    """
    phi = activation_of(activation)
    weight_variance = variance_of("weight_std", checks.positive("weight_std", weight_std))
    bias_variance = variance_of("bias_std", checks.non_negative("bias_std", bias_std))
    finite_second_moment(phi, 1.0)
    fixed_point = fixed_variance(phi, weight_variance, bias_variance)
    found = sample(phi, min(max(fixed_point, SMALLEST if fixed_point == 0 else 0.0), LARGEST))
    covariance = Covariance(phi, found)
    if fixed_point == 0:
        chi_1 = chi_parallel = weight_variance * slope_square_at_zero(phi)
    else:
        chi_1, chi_parallel = weight_variance * found.slope_second_moment, weight_variance * found.growth
    kept = weight_variance * found.second_moment + bias_variance
    correlation = fixed_correlation(covariance, weight_variance / kept, EQUAL if 0 < fixed_point < math.inf else FAR)
    chi = chi_1 if correlation == 1 else weight_variance / kept * covariance.slope(correlation)
    return MeanField(
        phi.name,
        float(weight_std),
        float(bias_std),
        fixed_point,
        chi_1,
        chi_parallel,
        correlation,
        depth_scale(chi_parallel),
        depth_scale(chi),
        phi,
        covariance,
    )


def variance_of(name: str, deviation: float) -> float:
    """Return the square of a deviation that is 0 or of a size whose square float64 holds."""
    if deviation and not SMALLEST_STD <= deviation <= LARGEST_STD:
        raise ValueError(f"{name} must be from {SMALLEST_STD:g} to {LARGEST_STD:g}, got {checks.shown(deviation)}")
    return deviation**2


def slope_square_at_zero(phi: Activation) -> float:
    """Return the mean square of the slopes left and right of 0, to which E phi'(z)^2 tends as the variance vanishes."""
    left, right = phi.slopes_at_zero()
    return 0.5 * (left**2 + right**2)


def second_moment(phi: Activation, variance: float) -> float:
    """Return E phi(z)^2, z ~ N(0, variance), also for a variance of 0."""
    if variance == 0:
        return float(phi.values(np.zeros(1))[0]) ** 2
    return sample(phi, variance).second_moment


def depth_scale(factor: float) -> float:
    """Return -1 / log(factor), the number of layers after which a factor per layer has become 1 / e."""
    factor = abs(factor)
    if abs(factor - 1) <= EQUAL:
        return math.inf
    if factor == 0:
        return 0.0
    return -1 / math.log(factor) if factor < 1 else math.nan


def fixed_variance(phi: Activation, weight_variance: float, bias_variance: float) -> float:
    """Return the variance that q -> weight_variance E phi(z)^2 + bias_variance reaches from 1.

    From 1 in the direction of the first step, the fixed point is where the step changes its sign, or touches 0.  Points
    between which the step is under TOUCHING count as one, such as those of silu's critical variances at 14.3 and 14.6.
    """
    from scipy.optimize import brentq

    @functools.cache
    def drift(log_variance: float) -> tuple[float, float]:  # the step in units of the variance, and its slope
        variance = math.exp(log_variance)
        found = sample(phi, variance)
        second_moment = finite_second_moment(phi, variance, found)
        step = (weight_variance * second_moment + bias_variance) / variance - 1
        return step, weight_variance * found.growth - (step + 1)

    def step(log_variance: float) -> float:
        return drift(log_variance)[0]

    def slope(log_variance: float) -> float:
        return drift(log_variance)[1]

    first = step(0.0)
    if abs(first) <= EQUAL:
        return 1.0
    powers = np.append(np.arange(11), np.arange(16, math.log2(LARGEST) + 1, 6))
    if first > 0:
        places = math.log(2) * powers
    else:
        lowest = math.log(bias_variance or SMALLEST)  # the map never falls below the variance of the biases
        places = -math.log(2) * powers
        places = np.append(places[places > lowest], lowest)
    for before, here in itertools.pairwise(places):
        if slope(before) * slope(here) < 0 and min(abs(slope(before)), abs(slope(here))) > EQUAL:
            turn = brentq(slope, before, here, xtol=1e-14)
            if abs(step(turn)) <= TOUCHING:
                return math.exp(turn)
            here = turn if step(turn) * first < 0 else here
        if step(here) * first <= 0:
            return math.exp(brentq(step, before, here, xtol=1e-14))
    return math.inf if first > 0 else 0.0


def fixed_correlation(covariance: Covariance, factor: float, rounding: float) -> float:
    """Return the correlation that c -> 1 - factor (E phi^2 - E phi(u) phi(v)) reaches from 0.

    The map is convex on [0, 1] and keeps 1, which attracts unless its slope there is over 1.
    """
    from scipy.optimize import brentq

    def excess(c: float) -> float:  # over 0 where the map lies below c
        return factor * covariance.decline(c) - 1

    if excess(1.0) <= rounding:
        return 1.0
    if excess(0.0) >= -rounding:
        return 0.0
    near = next((1 - 10.0**-k for k in range(1, 13) if excess(1 - 10.0**-k) > 0), 1.0)
    return float(brentq(excess, 0.0, near, xtol=1e-13))
