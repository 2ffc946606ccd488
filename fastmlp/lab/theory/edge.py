"""The edge of chaos: the weights for which small differences between inputs are kept."""

import math

import numpy as np

from fastmlp import checks
from fastmlp.lab.theory.activations import Activation, Array, activation_of
from fastmlp.lab.theory.critical import finite_second_moment, first_drift
from fastmlp.lab.theory.fields import EQUAL, fixed_variance, slope_square_at_zero, variance_of
from fastmlp.lab.theory.gaussian import sample


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
    if bias_variance == 0 and phi.values(np.zeros(1))[0] == 0:
        slope_square = slope_square_at_zero(phi)
        if slope_square > 0 and first_drift(phi, slope_square) <= 0:
            return 1 / math.sqrt(slope_square)
    repelling = ""
    places, chis = _chi_by_fixed_point(phi, bias_variance)
    for fixed_point in _at_one(phi, bias_variance, places, chis):
        found = sample(phi, fixed_point)
        weight_variance = (fixed_point - bias_variance) / found.second_moment
        if math.isclose(fixed_variance(phi, weight_variance, bias_variance), fixed_point, rel_tol=1e-6):
            return math.sqrt(weight_variance)
        repelling = (
            f"at weight_std {math.sqrt(weight_variance):.4g} it is 1 at the variance {fixed_point:.4g}, which the "
            f"variance leaves by a factor {weight_variance * found.growth:.4g} per layer"
        )
    where = f"activation {phi.name} has no edge of chaos at bias_std {math.sqrt(bias_variance):g}"
    raise ValueError(f"{where}: {repelling or _why_never_one(chis)}")


def _chi_1(phi: Activation, bias_variance: float, log_part: float) -> float:
    """Return chi_1 where q = bias_variance + exp(log_part) is a fixed point: that q decides the weight_std."""
    part = math.exp(log_part)
    found = sample(phi, bias_variance + part)
    return part * found.slope_second_moment / found.second_moment


def _chi_by_fixed_point(phi: Activation, bias_variance: float) -> tuple[Array, Array]:
    places = np.log(2.0 ** np.arange(-40, 21))
    return places, np.array([_chi_1(phi, bias_variance, place) for place in places])


def _at_one(phi: Activation, bias_variance: float, places: Array, chis: Array) -> list[float]:
    """Return the fixed points with chi_1 = 1."""
    from scipy.optimize import brentq

    excess = chis - 1
    significant = np.minimum(np.abs(excess[:-1]), np.abs(excess[1:])) > EQUAL
    crossings = np.nonzero((excess[:-1] * excess[1:] < 0) & significant)[0]
    return [
        bias_variance
        + math.exp(brentq(lambda place: _chi_1(phi, bias_variance, place) - 1, places[i], places[i + 1], xtol=1e-14))
        for i in crossings
    ]


def _why_never_one(chis: Array) -> str:
    if chis.max() < 1:
        gap = f"{1 - chis[-1]:.2g} below it where the weights add a variance of 2**20"
        return f"chi_1 is under 1 at every fixed point ({gap}), since biases or phi(0) add to the variance"
    return "chi_1 is over 1 at every fixed point over 0"
