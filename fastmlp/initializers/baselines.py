"""Starts to compare with: zeros, one constant, weights of a given size, the identity."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastmlp import checks
from fastmlp.initializers.base import Generator, Place, WeightInitializer


@dataclass(frozen=True, repr=False)
class Zeros(WeightInitializer):
    """All weights are 0, and the units of a layer stay equal for ever.

    Parameters
    ----------
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    Examples
    --------
    >>> from fastmlp.initializers import Zeros
    >>> Zeros()([2, 1])
    ([array([[0., 0.]])], [array([0.])])
    """

    name: ClassVar[str] = "zeros"
    source: ClassVar[str] = "the baseline that cannot break symmetry"
    when: ClassVar[str] = "never to learn with: to see what symmetry does"
    weight_formula: ClassVar[str] = "W = 0"

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        return np.zeros((place.fan_out, place.fan_in))


@dataclass(frozen=True, repr=False)
class Constant(WeightInitializer):
    """All weights are the same number, and the units of a layer stay equal for ever.

    Parameters
    ----------
    value : float, default=0.1
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    Examples
    --------
    >>> from fastmlp.initializers import Constant
    >>> Constant(0.5)([2, 1])
    ([array([[0.5, 0.5]])], [array([0.])])
    """

    value: float = 0.1
    name: ClassVar[str] = "constant"
    source: ClassVar[str] = "a baseline: equal units stay equal"
    when: ClassVar[str] = "never to learn with: signals pass, and symmetry is kept all the same"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(self, value=checks.finite("value", self.value))

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        return np.full((place.fan_out, place.fan_in), self.value)

    @property
    def weight_formula(self) -> str:
        """See :class:`WeightInitializer`."""
        return f"W = {self.value:g}"


@dataclass(frozen=True, repr=False)
class Random(WeightInitializer):
    """Normal weights of one size, whatever the widths.

    Parameters
    ----------
    scale : float, default=10.0
        Standard deviation, over 0.
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    Examples
    --------
    >>> from fastmlp.initializers import Random
    >>> Random(scale=0.01).formula
    'W ~ 0.01 N(0, 1)'
    """

    scale: float = 10.0
    name: ClassVar[str] = "random"
    source: ClassVar[str] = "the exercise's too large start"
    when: ClassVar[str] = "to see what too large weights do, or with a small scale too small ones"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(self, scale=checks.positive("scale", self.scale))

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        return generator.standard_normal((place.fan_out, place.fan_in)) * self.scale

    @property
    def weight_formula(self) -> str:
        """See :class:`WeightInitializer`."""
        return f"W ~ {self.scale:g} N(0, 1)"


@dataclass(frozen=True, repr=False)
class Identity(WeightInitializer):
    """Each unit passes on one input; the units, or inputs, that are left over get weights of 0.

    Parameters
    ----------
    gain : float, default=1.0
        The weights on the diagonal, over 0.
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    References
    ----------
    Le, Jaitly & Hinton 2015, A simple way to initialize recurrent networks of rectified linear units.

    Examples
    --------
    >>> from fastmlp.initializers import Identity
    >>> Identity()([2, 3])[0]
    [array([[1., 0.],
           [0., 1.],
           [0., 0.]])]
    """

    gain: float = 1.0
    name: ClassVar[str] = "identity"
    source: ClassVar[str] = (
        "Le, Jaitly & Hinton 2015, A simple way to initialize recurrent networks of rectified linear units"
    )
    when: ClassVar[str] = "deep layers of equal widths; where the width grows, units without weights are left"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(self, gain=checks.positive("gain", self.gain))

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        return np.eye(place.fan_out, place.fan_in) * self.gain

    @property
    def weight_formula(self) -> str:
        """See :class:`WeightInitializer`."""
        return "W[i, i] = 1, all others 0" if self.gain == 1 else f"W[i, i] = {self.gain:g}, all others 0"
