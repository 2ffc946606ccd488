"""The edge of chaos: the weights for which small differences between inputs are kept."""

import itertools
import math
from collections.abc import Iterator

import numpy as np

from fastmlp import checks
from fastmlp.lab.theory.activations import Activation, activation_of
from fastmlp.lab.theory.critical import finite_second_moment, first_drift
from fastmlp.lab.theory.fields import fixed_variance, slope_square_at_zero, variance_of
from fastmlp.lab.theory.gaussian import sample

ROUNDING = 1e-14  # of chi_1, in units of 1
TINY_BIASES = 1e-20  # a variance of the biases below which rounding may hide where chi_1 passes 1, next to 0


def edge_of_chaos(activation: object, bias_std: float = 0.0) -> float:
    """Return the weight_std with chi_1 = 1: on the border between order and chaos, differences are kept.

    Parameters
    ----------
    activation : str or callable
        A hidden layer's activation by name, or a function on arrays.
    bias_std : float, default=0.0

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If the activation or bias_std cannot be used (see :func:`mean_field`); if chi_1 is 1 at no weight_std with a
        finite fixed point, with the reason.

    References
    ----------
    Schoenholz et al. 2017, Deep Information Propagation, section 3.
    Hayou, Doucet & Rousseau 2019, On the Impact of the Activation Function on Deep Neural Networks Training, for the
    activations whose edge is the one point (bias_std, weight_std) = (0, sqrt 2).

    Examples
    --------
    >>> from fastmlp.lab.theory import edge_of_chaos
    >>> round(edge_of_chaos("relu") ** 2, 6), round(edge_of_chaos("tanh", bias_std=0.05**0.5) ** 2, 6)
    (2.0, 1.760955)
    """
    phi = activation_of(activation)
    bias_variance = variance_of("bias_std", checks.non_negative("bias_std", bias_std))
    finite_second_moment(phi, 1.0)
    if phi.jump is not None:
        raise ValueError(f"activation must not jump, as {phi.name} does at z = {phi.jump:.6g}: chi_1 is infinite there")
    slope_square = slope_square_at_zero(phi)
    starts_at_zero = phi.values(np.zeros(1))[0] == 0 and slope_square > 0
    drift = first_drift(phi, slope_square) if starts_at_zero else math.inf
    if bias_variance == 0 and drift <= 0:
        return 1 / math.sqrt(slope_square)
    repelling, largest = "", 0.0
    for fixed_point, chi_1, is_edge in _fixed_points(phi, bias_variance):
        largest = max(largest, chi_1)
        if drift < 0 and bias_variance < TINY_BIASES and fixed_point > 1:
            return 1 / math.sqrt(slope_square)
        if not is_edge:
            continue
        found = sample(phi, fixed_point)
        weight_variance = (fixed_point - bias_variance) / found.second_moment
        if math.isclose(fixed_variance(phi, weight_variance, bias_variance), fixed_point, rel_tol=1e-6):
            return math.sqrt(weight_variance)
        repelling = (
            f"at weight_std {math.sqrt(weight_variance):.4g} it is 1 at the variance {fixed_point:.4g}, which the "
            f"variance leaves by a factor {weight_variance * found.growth:.4g} per layer"
        )
    where = f"activation {phi.name} has no edge of chaos at bias_std {math.sqrt(bias_variance):g}"
    raise ValueError(f"{where}: {repelling or _why_never_one(largest)}")


def _chi_1(phi: Activation, bias_variance: float, log_part: float) -> float:
    """Return chi_1 where q = bias_variance + exp(log_part) is a fixed point: that q decides the weight_std."""
    part = math.exp(log_part)
    found = sample(phi, bias_variance + part)
    return part * found.slope_second_moment / found.second_moment


def _fixed_points(phi: Activation, bias_variance: float) -> Iterator[tuple[float, float, bool]]:
    """Yield fixed points, the smallest first, with their chi_1 and whether it passes 1 there."""
    from scipy.optimize import brentq

    def excess(log_part: float) -> float:
        return _chi_1(phi, bias_variance, log_part) - 1

    places = np.log(2.0 ** np.arange(-40, 21))
    before = excess(places[0])
    for left, right in itertools.pairwise(places):
        here = excess(right)
        if before * here < 0 and min(abs(before), abs(here)) > ROUNDING:
            yield bias_variance + math.exp(brentq(excess, left, right, xtol=1e-14)), 1.0, True
        yield bias_variance + math.exp(right), here + 1, False
        before = here


def _why_never_one(largest: float) -> str:
    if largest < 1 + ROUNDING:
        return "chi_1 is under 1 at every finite fixed point, since biases or phi(0) add to the variance"
    return "chi_1 is over 1 at every fixed point over 0"
