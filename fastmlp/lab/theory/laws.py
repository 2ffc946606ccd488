"""Exact laws of random networks: the length of a signal, dead networks, and the spectrum of the Jacobian."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.theory.activations import Array, activation_of
from fastmlp.lab.theory.edge import edge_of_chaos
from fastmlp.lab.theory.fields import LARGEST, SMALLEST, mean_field
from fastmlp.lab.theory.gaussian import Sample, sample


def born_dead_probability(layer_dims: Sequence[int]) -> float:
    """Return the probability that a ReLU network is dead at one input: all units of some hidden layer output 0.

    For weights symmetric about 0 and zero biases each unit is off with probability 1/2, so it is

        1 - prod (1 - 2^-n) over the widths n of the hidden layers.

    A network that is dead at one input may live at others.

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If a width is no integer of at least 1, or there are fewer than two.

    References
    ----------
    Lu, Shin, Su & Karniadakis 2020, Dying ReLU and Initialization: Theory and Numerical Examples, where it bounds the
    probability that the network is dead at all inputs of a set about 0.

    Examples
    --------
    >>> from fastmlp.lab.theory import born_dead_probability
    >>> round(born_dead_probability([1, *[2] * 10, 1]), 6)
    0.943686
    """
    hidden = np.array(checks.layer_dims_of(layer_dims)[1:-1], np.float64)
    return float(-np.expm1(np.log1p(-np.exp2(-hidden)).sum())) + 0.0  # no -0


@dataclass(frozen=True)
class LengthLaw:
    """What :func:`length_law` found, of M = (mean square of the last hidden layer) / (mean square of the inputs).

    Attributes
    ----------
    b : float
        5 sum 1/n over the hidden layers; log M is about N(-b/2, b), as layers grow in width and number.
    mean, variance : float
        Of log M, exact, among the networks in which no layer is dead.
    relative_variance : float
        Of M, whose mean is 1: prod (1 + 5/n) - 1, exact, with the dead ones.
    """

    b: float
    mean: float
    variance: float
    relative_variance: float


def length_law(layer_dims: Sequence[int]) -> LengthLaw:
    """Return the law of the length of a signal in ReLU networks with He's Gaussian weights and zero biases.

    A hidden layer of n units multiplies the mean square by (2 / n) times a chi-squared variable with as many degrees of
    freedom as units are on, binomial (n, 1/2), and no two layers' factors depend on each other.

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs.

    Returns
    -------
    LengthLaw

    Raises
    ------
    TypeError, ValueError
        If a width is no integer of at least 1, or there are fewer than two.

    References
    ----------
    Hanin & Rolnick 2018, How to Start Training: The Effect of Initialization and Architecture: the mean of M is kept,
    its variance grows with sum 1/n.
    Hanin & Nica 2020, Products of Many Large Random Matrices and Gradients in Deep Neural Networks, for the normal law
    of log M and b.

    Examples
    --------
    >>> from fastmlp.lab.theory import length_law
    >>> law = length_law([10, *[50] * 20, 1])
    >>> round(law.b, 6), round(law.mean, 4), round(law.variance, 4)
    (2.0, -1.0348, 2.1634)
    """
    hidden = checks.layer_dims_of(layer_dims)[1:-1]
    moments = {n: _log_factor(n) for n in set(hidden)}
    reciprocals = 1 / np.array(hidden, np.float64)
    with np.errstate(over="ignore"):  # infinite where no float is as large
        relative_variance = float(np.expm1(np.log1p(5 * reciprocals).sum()))
    return LengthLaw(
        b=float(5 * reciprocals.sum()),
        mean=sum((moments[n][0] for n in hidden), 0.0),
        variance=sum((moments[n][1] for n in hidden), 0.0),
        relative_variance=relative_variance,
    )


def _log_factor(n: int) -> tuple[float, float]:
    """Return mean and variance of log((2 / n) chi^2_k), k binomial (n, 1/2) and at least 1."""
    from scipy.special import polygamma, psi
    from scipy.stats import binom

    around = math.ceil(20 * math.sqrt(n))  # 40 standard deviations
    on = np.arange(max(1, n // 2 - around), min(n, n // 2 + around) + 1)
    shares = binom.pmf(on, n, 0.5)
    shares /= shares.sum()
    means = psi(on / 2) + math.log(4 / n)
    mean = float(shares @ means)
    return mean, float(shares @ (polygamma(1, on / 2) + (means - mean) ** 2))


@dataclass(frozen=True)
class JacobianSpectrum:
    """What :func:`jacobian_spectrum` found, of the eigenvalues of J J^T: the squares of J's singular values.

    Attributes
    ----------
    mean, variance : float
        Of the eigenvalues.
    largest : float
        The upper end of the spectrum.
    """

    mean: float
    variance: float
    largest: float


def jacobian_spectrum(
    activation: Any, depth: int, weight_std: float | None = None, bias_std: float = 0.0, *, weights: str = "gaussian"
) -> JacobianSpectrum:
    """Return the spectrum of the input-output Jacobian of a wide network of equal widths.

    J is the product of D W over the layers, D the diagonal matrix of phi'(z) at the fixed point of the variance.  The
    S-transform of J J^T is the product of the layers': S = (S_DD S_WW)^depth, with S_WW = 1 / weight_std^2 for
    orthogonal and 1 / (weight_std^2 (1 + z)) for Gaussian weights.  The mean is chi_1^depth, and the upper end is the
    least value over z > 0 of (1 + z) / (z S(z)).

    Parameters
    ----------
    activation : str or callable
        A hidden layer's activation by name, or a function on arrays.  Its slope must be bounded.
    depth : int
        Number of layers, each with its activation.
    weight_std : float, default=None
        None takes that of :func:`edge_of_chaos`.
    bias_std : float, default=0.0
    weights : {"gaussian", "orthogonal"}, default="gaussian"
        Orthogonal ones are scaled by weight_std.

    Returns
    -------
    JacobianSpectrum

    Raises
    ------
    TypeError, ValueError
        If an argument is not one of those above, or there is no edge of chaos.

    References
    ----------
    Pennington, Schoenholz & Ganguli 2017, Resurrecting the sigmoid in deep learning through dynamical isometry:
    the product of S-transforms, the upper ends (depth + 1)^(depth + 1) / depth^depth of Gaussian linear and
    depth^depth / (depth - 1)^(depth - 1) of orthogonal ReLU networks, and the variance.

    Examples
    --------
    >>> from fastmlp.lab.theory import jacobian_spectrum
    >>> round(jacobian_spectrum("identity", 4).largest, 6), round(5**5 / 4**4, 6)
    (12.207031, 12.207031)
    >>> round(jacobian_spectrum("relu", 4, weights="orthogonal").largest, 6), round(4**4 / 3**3, 6)
    (9.481481, 9.481481)
    """
    n = checks.integer("depth", depth, minimum=1)
    is_gaussian = checks.choice("weights", weights, ("gaussian", "orthogonal")) == "gaussian"
    phi = activation_of(activation)
    if weight_std is None:
        weight_std = edge_of_chaos(phi, bias_std)
    theory = mean_field(phi, weight_std, bias_std)
    found = sample(phi, min(max(theory.fixed_point, SMALLEST if theory.fixed_point == 0 else 0.0), LARGEST))
    if not np.isfinite(found.slopes).all():
        raise ValueError(f"activation must have slopes that are bounded; {phi.name} jumps")
    squares = found.slopes**2
    first, second = found.mean(squares), found.mean(squares**2)
    mean = (theory.weight_std**2 * first) ** n
    variance = mean**2 * n * (second / first**2 - 1 + is_gaussian)
    return JacobianSpectrum(mean, max(variance, 0.0), _largest(found, squares, n, theory.weight_std**2, is_gaussian))


def _largest(found: Sample, squares: Array, depth: int, weight_variance: float, is_gaussian: bool) -> float:
    """Return the upper end of the spectrum, by the point s > max phi'^2 with z = E phi'^2 / (s - phi'^2)."""
    from scipy.optimize import minimize_scalar

    top = squares.max()

    def log_eigenvalue(log_excess: float) -> float:
        s = top * (1 + math.exp(log_excess))
        z = found.mean(squares / (s - squares))
        log_layer = math.log(weight_variance * s * z) - (0 if is_gaussian else math.log1p(z))
        return math.log1p(z) - math.log(z) + depth * log_layer

    places = np.linspace(-20, 20, 81)
    at = int(np.argmin([log_eigenvalue(place) for place in places]))
    bounds = places[max(at - 1, 0)], places[min(at + 1, len(places) - 1)]
    return math.exp(minimize_scalar(log_eigenvalue, bounds=bounds, method="bounded", options={"xatol": 1e-10}).fun)
