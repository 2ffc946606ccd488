"""Rules made for an activation: critical, Kumar's, Nguyen and Widrow's, SIREN, and one against dying rectifiers."""

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastmlp import checks
from fastmlp.initializers.base import Generator, Initializer, Place, WeightInitializer, uniform
from fastmlp.reference.activation import ACTIVATIONS, DERIVATIVES

NEAR_ZERO = 1e-8  # a kink at 0 shows in the derivatives on both sides


@functools.cache
def critical_point(activation: str) -> Any:
    """Return what the theory says of an activation; a search may take a second, and sweeps ask thousands of times."""
    from fastmlp.lab import theory

    return theory.criticality(activation)


def kumar_variance(activation: str) -> float:
    """Return the variance of Kumar's weights times fan_in; ValueError for an activation with a kink at 0."""
    below, above = DERIVATIVES[activation](np.array([-NEAR_ZERO, NEAR_ZERO]))
    if abs(above - below) > 1e-3:
        raise ValueError(
            f"initialization kumar needs an activation that is differentiable at 0, got {activation}; "
            "he or critical suit it"
        )
    at_zero = float(ACTIVATIONS[activation](np.zeros(1))[0])
    slope = float(below + above) / 2
    return 1 / (slope**2 * (1 + at_zero**2))


@dataclass(frozen=True, repr=False)
class Critical(Initializer):
    """The variances of weights and biases at which signals and gradients of the activation keep their size.

    ``fastmlp.lab.theory.criticality`` computes them, for the activation that a layer's inputs come from.

    Raises
    ------
    ValueError
        When drawing for an activation without a critical point, with the reason.

    References
    ----------
    Roberts, Yaida & Hanin 2022, The principles of deep learning theory, chapter 5.
    """

    name: ClassVar[str] = "critical"
    source: ClassVar[str] = "Roberts, Yaida & Hanin 2022, The principles of deep learning theory, chapter 5"
    when: ClassVar[str] = "deep networks of any activation that has a critical point"
    formula: ClassVar[str] = "W ~ N(0, C_W / fan_in), b ~ N(0, C_b), at the activation's critical point"

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        activation = self.known(place.activation_before)
        found = critical_point(activation)
        if found.kind == "none":
            raise ValueError(f"initialization critical does not exist for {activation}: {found.reason}")
        deviation = np.sqrt(found.weight_variance / place.fan_in)
        weights = generator.standard_normal((place.fan_out, place.fan_in)) * deviation
        if found.bias_variance == 0:
            return weights, np.zeros(place.fan_out)
        return weights, generator.standard_normal(place.fan_out) * np.sqrt(found.bias_variance)


@dataclass(frozen=True, repr=False)
class Kumar(WeightInitializer):
    """The variance at which units, linear about 0, give outputs of the variance of their inputs.

    It is ``1 / (fan_in g'(0)^2 (1 + g(0)^2))`` for an activation g. The standard deviation is 3.6 / sqrt(fan_in) for
    the logistic function and 1 / sqrt(fan_in) for tanh.

    Parameters
    ----------
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    Raises
    ------
    ValueError
        When drawing for an activation that has no derivative at 0.

    References
    ----------
    Kumar 2017, On weight initialization in deep neural networks, the strategy for activations differentiable at 0.

    Examples
    --------
    >>> from fastmlp.initializers import Kumar
    >>> (weights, _), _ = Kumar()([100, 1000, 1], seed=0, activations="logistic")
    >>> round(float(weights.std() * 100**0.5), 1)
    3.6
    """

    name: ClassVar[str] = "kumar"
    source: ClassVar[str] = "Kumar 2017, On weight initialization in deep neural networks, for g differentiable at 0"
    when: ClassVar[str] = "logistic and other smooth units that are not 0 at 0"
    weight_formula: ClassVar[str] = "W ~ N(0, 1 / (fan_in g'(0)^2 (1 + g(0)^2))), g the activation"

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        variance = kumar_variance(self.known(place.activation))
        return generator.standard_normal((place.fan_out, place.fan_in)) * np.sqrt(variance / place.fan_in)


@dataclass(frozen=True, repr=False)
class NguyenWidrow(Initializer):
    """Spreads the slopes of the units of a layer over its inputs, which should be within -1 and 1.

    A hidden unit's weights have the length ``0.7 fan_out^(1 / fan_in)`` and any direction, its bias lies evenly within
    that length. Both are doubled for logistic units, which are tanh units of half the argument. The output layer has
    weights and biases evenly within -0.5 and 0.5, as is usual with this rule.

    Parameters
    ----------
    factor : float, default=0.7
        Length of a unit's weights over that at which the slopes just touch, over 0. Below 1 they overlap.

    References
    ----------
    Nguyen & Widrow 1990, Improving the learning speed of 2-layer neural networks by choosing initial values of the
    adaptive weights; Fausett 1994, Fundamentals of neural networks, for the output layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.initializers import NguyenWidrow
    >>> weights, biases = NguyenWidrow()([2, 100, 1], seed=0)
    >>> np.linalg.norm(weights[0], axis=1)[:2].round(12)
    array([7., 7.])
    """

    factor: float = 0.7
    name: ClassVar[str] = "nguyen_widrow"
    source: ClassVar[str] = "Nguyen & Widrow 1990, Improving the learning speed of 2-layer neural networks"
    when: ClassVar[str] = "one hidden layer of tanh or logistic units over few inputs, which lie within -1 and 1"

    def __post_init__(self) -> None:
        checks.settle(self, factor=checks.positive("factor", self.factor))

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        weights = uniform(generator, 0.5, (place.fan_out, place.fan_in))
        if place.is_last:
            return weights, uniform(generator, 0.5, place.fan_out)
        length = self.factor * place.fan_out ** (1 / place.fan_in)
        if place.activation == "logistic":
            length *= 2
        weights *= length / np.linalg.norm(weights, axis=1, keepdims=True)
        return weights, uniform(generator, length, place.fan_out)

    @property
    def formula(self) -> str:
        """See :class:`Initializer`."""
        length = f"{self.factor:g} fan_out^(1 / fan_in)"
        return f"W[i] ~ U(-0.5, 0.5) brought to length s, b ~ U(-s, s), s = {length}; outputs W, b ~ U(-0.5, 0.5)"


@dataclass(frozen=True, repr=False)
class Siren(Initializer):
    """SIREN's rule for units sin(omega z), whose factor omega is part of the weights and biases here.

    Weights of the first layer lie evenly within ``omega / fan_in``, those of later hidden layers within
    ``sqrt(6 / fan_in)``, and biases within ``omega / sqrt(fan_in)``. The linear output layer, which has no omega, has
    the bounds of the others over omega. fastmlp has no sine units: with others the rule shows what it does to them.

    Parameters
    ----------
    omega : float, default=30.0
        Frequency of the first layer, over 0.

    References
    ----------
    Sitzmann et al. 2020, Implicit neural representations with periodic activation functions, section 3.2 and
    supplement 1.5; the biases are those of the authors' program.

    Examples
    --------
    >>> from fastmlp.initializers import Siren
    >>> weights, _ = Siren()([2, 64, 64, 1], seed=0)
    >>> bool(abs(weights[0]).max() <= 15)
    True
    """

    omega: float = 30.0
    name: ClassVar[str] = "siren"
    source: ClassVar[str] = (
        "Sitzmann et al. 2020, Implicit neural representations with periodic activation functions, section 3.2"
    )
    when: ClassVar[str] = "functions of few coordinates with fine detail, as images; made for sine units"

    def __post_init__(self) -> None:
        checks.settle(self, omega=checks.positive("omega", self.omega))

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        omega = 1.0 if place.is_last else self.omega  # what the layer's outputs are multiplied by
        bound = omega / place.fan_in if place.is_first else np.sqrt(6 / place.fan_in) * omega / self.omega
        weights = uniform(generator, bound, (place.fan_out, place.fan_in))
        return weights, uniform(generator, omega / np.sqrt(place.fan_in), place.fan_out)

    @property
    def formula(self) -> str:
        """See :class:`Initializer`."""
        first = f"W ~ U(-r, r), r = {self.omega:g} / fan_in in the first layer, sqrt(6 / fan_in) in others"
        return f"{first}, b ~ U(-s, s), s = {self.omega:g} / sqrt(fan_in); outputs: both over {self.omega:g}"


@dataclass(frozen=True, repr=False)
class RandomizedAsymmetric(Initializer):
    """Normal weights and biases, but one of each unit, chosen by chance, is positive: fewer units are born dead.

    Inputs that are never negative, as those of hidden layers of relu, meet a positive weight or bias. All layers are
    drawn alike, the first and the last included, as the function does that the authors print.

    Parameters
    ----------
    sigma : float, default=0.6007
        Standard deviation of the normal ones times sqrt(fan_in), over 0. The default is that of the authors, made so
        that the mean square of the signals does not grow.

    References
    ----------
    Lu, Shin, Su & Karniadakis 2020, Dying ReLU and initialization: theory and numerical examples.

    Examples
    --------
    >>> from fastmlp.initializers import RandomizedAsymmetric
    >>> weights, biases = RandomizedAsymmetric()([1, 2, 1], seed=0)
    >>> weights[0].shape, biases[0].shape
    ((2, 1), (2,))
    """

    sigma: float = 0.6007
    name: ClassVar[str] = "randomized_asymmetric"
    source: ClassVar[str] = (
        "Lu, Shin, Su & Karniadakis 2020, Dying ReLU and initialization: theory and numerical examples"
    )
    when: ClassVar[str] = "deep and narrow networks of relu, where with He many are born dead"

    def __post_init__(self) -> None:
        checks.settle(self, sigma=checks.positive("sigma", self.sigma))

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        n_units, n_parameters = place.fan_out, place.fan_in + 1
        both = generator.standard_normal((n_units, n_parameters)) * (self.sigma / np.sqrt(place.fan_in))
        chosen = (generator.uniform(size=n_units) * n_parameters).astype(int)
        both[np.arange(n_units), chosen] = generator.beta(2, 1, n_units)
        return both[:, :-1].copy(), both[:, -1].copy()

    @property
    def formula(self) -> str:
        """See :class:`Initializer`."""
        return f"W, b ~ N(0, {self.sigma:g}^2 / fan_in), but one of each unit's, chosen by chance, ~ Beta(2, 1)"
