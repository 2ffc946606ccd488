"""Whether an initialization can keep signals alive to a given depth, and what helps where none can."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.lab.theory.activations import Activation, Array, activation_of
from fastmlp.lab.theory.critical import Criticality, criticality, gain
from fastmlp.lab.theory.fields import EQUAL, mean_field

LOST = 1e-3  # a signal that changes by this factor or its inverse is lost or explodes


@dataclass(frozen=True)
class Outlook:
    """What :func:`outlook` found.

    Attributes
    ----------
    critical : Criticality
    depth : int
    weight_std, bias_std : float
        The setting that was looked at.
    variance_factor, gradient_factor : float
        chi_parallel and chi_1 there: the factors per layer of a deviation of the variance, and of the gradients'
        variance.  At a critical point both are 1, at the variance that is kept.
    variance_change, gradient_change : float
        The same over the depth.
    nothing_helps : bool
        Whether no initialization keeps both: the activation has no critical point.
    remedies : tuple of str
        What would help, the likeliest first; empty where something helps.
    explanation : str
        All that in words.
    """

    critical: Criticality
    depth: int
    weight_std: float
    bias_std: float
    variance_factor: float
    gradient_factor: float
    variance_change: float
    gradient_change: float
    nothing_helps: bool
    remedies: tuple[str, ...]
    explanation: str


def outlook(activation: Any, depth: int, weight_std: float | None = None, bias_std: float = 0.0) -> Outlook:
    """Say whether some initialization keeps signals and gradients over a depth, or nothing helps.

    Parameters
    ----------
    activation : str or callable
        A hidden layer's activation by name, or a function on arrays.
    depth : int
        Number of hidden layers.
    weight_std, bias_std : float, default=None and 0.0
        The setting whose factors are told.  Without weight_std it is the critical point, or where there is none, the
        :func:`gain`, which keeps a variance of 1.

    Returns
    -------
    Outlook

    Raises
    ------
    TypeError, ValueError
        If the activation, depth or deviations cannot be used (see :func:`mean_field`).

    References
    ----------
    Roberts, Yaida & Hanin 2022, The Principles of Deep Learning Theory, section 5.3.2, No Criticality.

    Examples
    --------
    >>> from fastmlp.lab.theory import outlook
    >>> view = outlook("logistic", depth=10)
    >>> view.nothing_helps, round(view.gradient_factor, 4)
    (True, 0.1528)
    >>> view.remedies[0]
    'subtract its value at 0, 0.5: then it has a critical point (zero) at weight variance 16'
    """
    phi = activation_of(activation)
    layers = checks.integer("depth", depth, minimum=1)
    point = criticality(phi)
    nothing_helps = point.kind == "none"
    if weight_std is None and not nothing_helps:
        weight_std, bias_std = math.sqrt(point.weight_variance), math.sqrt(point.bias_variance)
        forward = backward = 1.0
    else:
        theory = mean_field(phi, gain(phi) if weight_std is None else weight_std, bias_std)
        weight_std, bias_std, forward, backward = theory.weight_std, theory.bias_std, theory.chi_parallel, theory.chi_1
    changes = _power(forward, layers), _power(backward, layers)
    remedies = _remedies(phi, forward, backward) if nothing_helps else ()
    explanation = (
        f"{_verdict(point)}. At weight variance {weight_std**2:.6g} and bias variance {bias_std**2:.6g} a deviation of "
        f"the variance changes by a factor {forward:.3g} per layer and {changes[0]:.3g} over {layers}, the variance of "
        f"gradients by {backward:.3g} and {changes[1]:.3g}."
    )
    if remedies:
        explanation += " What would help: " + "; ".join(remedies) + "."
    return Outlook(
        critical=point,
        depth=layers,
        weight_std=weight_std,
        bias_std=bias_std,
        variance_factor=forward,
        gradient_factor=backward,
        variance_change=changes[0],
        gradient_change=changes[1],
        nothing_helps=nothing_helps,
        remedies=remedies,
        explanation=explanation,
    )


def _power(factor: float, depth: int) -> float:
    try:
        return factor**depth
    except OverflowError:
        return math.inf


def _verdict(point: Criticality) -> str:
    if point.kind == "none":
        return f"No initialization of {point.activation} keeps both the variance and the gradients: {point.reason}"
    return f"{point.activation} has a critical point ({point.kind}): {point.reason}"


def _remedies(phi: Activation, forward: float, backward: float) -> tuple[str, ...]:
    start = float(phi.values(np.zeros(1))[0])
    remedies = []
    if phi.jump is None and start != 0:

        def shifted(z: Array) -> Array:
            return phi.values(z) - start

        point = criticality(shifted)
        if point.kind != "none":
            remedies.append(
                f"subtract its value at 0, {start:.6g}: then it has a critical point ({point.kind}) at weight variance "
                f"{point.weight_variance:.6g}"
            )
    remedies.append("an activation with a critical point, such as tanh, relu or gelu")
    changes = [abs(math.log(factor)) for factor in (forward, backward) if 0 < factor < math.inf]
    if changes and max(changes) > EQUAL:
        layers = math.floor(math.log(LOST) / -max(changes))
        remedies.append(
            f"at most {layers} hidden layers, over which neither changes by more than a factor {1 / LOST:g}"
        )
    remedies.append("residual connections or normalization, which change the factors themselves")
    return tuple(remedies)
