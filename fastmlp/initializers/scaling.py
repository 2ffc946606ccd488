"""Variance scaling: weights whose variance is a number over a layer's width; Glorot's, He's and LeCun's rules."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastmlp import checks
from fastmlp.initializers.base import Generator, Place, WeightInitializer, uniform

MODES = {"fan_in": "fan_in", "fan_out": "fan_out", "fan_avg": "(fan_in + fan_out)"}  # the last for twice the scale
DISTRIBUTIONS = ("normal", "truncated_normal", "uniform")
SHARE_BELOW = 0.022750131948179209  # of a standard normal, below -2
TRUNCATED_DEVIATION = 0.87962566103423978  # of a standard normal cut off at -2 and 2


@dataclass(frozen=True, repr=False)
class VarianceScaling(WeightInitializer):
    """Weights of mean 0 and variance ``scale / fan``, from one of three distributions.

    Parameters
    ----------
    scale : float, default=1.0
        Variance of the weights times ``fan``, over 0.
    mode : {"fan_in", "fan_out", "fan_avg"}, default="fan_in"
        What ``fan`` is: the number of inputs keeps the variance of the signals, the number of units that of the
        gradients, and the mean of both is a compromise.
    distribution : {"normal", "truncated_normal", "uniform"}, default="normal"
        The truncated normal has no values beyond twice the deviation before truncation, which is
        ``sqrt(scale / fan) / 0.87962566103423978``: divided by the deviation of a standard normal cut off at 2, so that
        its variance is ``scale / fan`` as for the others.
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    References
    ----------
    Glorot & Bengio 2010, eq. 10 to 12; He et al. 2015, eq. 10 and 14.

    Examples
    --------
    >>> from fastmlp.initializers import VarianceScaling
    >>> VarianceScaling(scale=1 / 3, distribution="uniform").formula
    'W ~ U(-r, r), r = sqrt(1 / fan_in)'
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "normal"
    name: ClassVar[str] = "variance_scaling"
    when: ClassVar[str] = "to vary the scale, the width that counts, or the distribution"
    sources: ClassVar[dict[str, str]] = dict.fromkeys(
        DISTRIBUTIONS, "Glorot & Bengio 2010, eq. 10 to 12; He et al. 2015, eq. 10 and 14"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(
            self,
            scale=checks.positive("scale", self.scale),
            mode=checks.choice("mode", self.mode, list(MODES)),
            distribution=checks.choice("distribution", self.distribution, DISTRIBUTIONS),
        )

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`WeightInitializer.weights`."""
        shape = (place.fan_out, place.fan_in)
        fan = {"fan_in": place.fan_in, "fan_out": place.fan_out, "fan_avg": sum(shape)}[self.mode]
        if self.distribution == "uniform":
            return uniform(generator, np.sqrt(3 * self._scale_of_fan / fan), shape)
        deviation = np.sqrt(self._scale_of_fan / fan)
        if self.distribution == "normal":
            return generator.standard_normal(shape) * deviation
        return _truncated_normal(generator, shape) * (deviation / TRUNCATED_DEVIATION)

    @property
    def _scale_of_fan(self) -> float:
        """The scale, for fan_avg that of the sum of both widths."""
        return self.scale * (2 if self.mode == "fan_avg" else 1)

    @property
    def source(self) -> str:  # type: ignore[override]
        """The paper, with the equation of the distribution."""
        return self.sources[self.distribution]

    @property
    def weight_formula(self) -> str:
        """See :class:`WeightInitializer`."""
        if self.distribution == "uniform":
            return f"W ~ U(-r, r), r = sqrt({3 * self._scale_of_fan:.6g} / {MODES[self.mode]})"
        variance = f"{self._scale_of_fan:.6g} / {MODES[self.mode]}"
        if self.distribution == "normal":
            return f"W ~ N(0, {variance})"
        return f"W ~ N(0, s^2) within 2 s, s = sqrt({variance}) / {TRUNCATED_DEVIATION:.8f}"


def _truncated_normal(generator: Generator, shape: tuple[int, int]) -> np.ndarray:
    """Draw from a standard normal within -2 and 2, of standard deviation 0.8796."""
    from scipy.special import ndtri

    return np.clip(ndtri(generator.uniform(SHARE_BELOW, 1 - SHARE_BELOW, shape)), -2, 2)


class _Family(VarianceScaling):
    """A rule with names of its own for each distribution."""

    names: ClassVar[dict[str, str]]
    told_by_name: ClassVar[tuple[str, ...]] = ("distribution",)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The registered name of the distribution."""
        return self.names[self.distribution]


@dataclass(frozen=True, repr=False)
class He(_Family):
    """He's rule for rectifiers: variance 2 / fan_in keeps the mean square of the signals from layer to layer.

    Parameters
    ----------
    scale, mode, distribution : float, str, str, default=2.0, "fan_in", "normal"
        See :class:`VarianceScaling`.
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    References
    ----------
    He et al. 2015, Delving Deep into Rectifiers, eq. 10.

    Examples
    --------
    >>> from fastmlp.initializers import He
    >>> str(He()), str(He(distribution="uniform"))
    ('he', 'he_uniform')
    """

    scale: float = 2.0
    mode: str = "fan_in"
    distribution: str = "normal"
    when: ClassVar[str] = "relu and leaky_relu; elu, gelu and silu in networks of a few layers"
    names: ClassVar[dict[str, str]] = {"normal": "he", "truncated_normal": "he_truncated", "uniform": "he_uniform"}
    sources: ClassVar[dict[str, str]] = dict.fromkeys(
        DISTRIBUTIONS, "He et al. 2015, Delving Deep into Rectifiers, eq. 10"
    )


@dataclass(frozen=True, repr=False)
class LeCun(_Family):
    """LeCun's rule: variance 1 / fan_in keeps the variance of the signals where units are linear near 0.

    Parameters
    ----------
    scale, mode, distribution : float, str, str, default=1.0, "fan_in", "normal"
        See :class:`VarianceScaling`.
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    References
    ----------
    LeCun et al. 1998, Efficient BackProp, eq. 16; Klambauer et al. 2017, Self-normalizing neural networks.

    Examples
    --------
    >>> from fastmlp.initializers import LeCun
    >>> LeCun().formula
    'W ~ N(0, 1 / fan_in)'
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "normal"
    when: ClassVar[str] = "selu, whose fixed point it is; tanh in networks of a few layers"
    names: ClassVar[dict[str, str]] = {
        "normal": "lecun",
        "truncated_normal": "lecun_truncated",
        "uniform": "lecun_uniform",
    }
    sources: ClassVar[dict[str, str]] = dict.fromkeys(DISTRIBUTIONS, "LeCun et al. 1998, Efficient BackProp, eq. 16")


_GLOROT = "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks"


@dataclass(frozen=True, repr=False)
class Glorot(_Family):
    """Glorot's rule, also named xavier: variance 2 / (fan_in + fan_out), between what signals and gradients need.

    Parameters
    ----------
    scale, mode, distribution : float, str, str, default=1.0, "fan_avg", "normal"
        See :class:`VarianceScaling`.
    bias, bias_scale : str, float
        See :class:`WeightInitializer`.

    References
    ----------
    Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, eq. 12 and 16.

    Examples
    --------
    >>> from fastmlp.initializers import Glorot
    >>> Glorot(distribution="uniform").formula
    'W ~ U(-r, r), r = sqrt(6 / (fan_in + fan_out))'
    """

    scale: float = 1.0
    mode: str = "fan_avg"
    distribution: str = "normal"
    when: ClassVar[str] = "tanh and other units that are linear near 0, widths that differ"
    names: ClassVar[dict[str, str]] = {
        "normal": "xavier_normal",
        "truncated_normal": "xavier_truncated",
        "uniform": "xavier_uniform",
    }
    sources: ClassVar[dict[str, str]] = {
        "normal": f"{_GLOROT}, eq. 12",
        "truncated_normal": f"{_GLOROT}, eq. 12",
        "uniform": f"{_GLOROT}, eq. 16",
    }
