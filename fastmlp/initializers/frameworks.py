"""What other frameworks draw for a dense layer if nothing is said, biases included."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastmlp.initializers.base import Generator, Initializer, Place, uniform
from fastmlp.initializers.scaling import Glorot, LeCun


@dataclass(frozen=True, repr=False)
class PyTorch(Initializer):
    """The start of ``torch.nn.Linear``, which is He's uniform rule with sqrt(5) for the slope of a leaky relu.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.get("pytorch").formula
    'W, b ~ U(-r, r), r = 1 / sqrt(fan_in)'
    """

    name: ClassVar[str] = "pytorch"
    source: ClassVar[str] = "torch.nn.Linear.reset_parameters"
    when: ClassVar[str] = "to compare; too small for deep networks of relu"
    formula: ClassVar[str] = "W, b ~ U(-r, r), r = 1 / sqrt(fan_in)"

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        bound = 1 / np.sqrt(place.fan_in)
        return uniform(generator, bound, (place.fan_out, place.fan_in)), uniform(generator, bound, place.fan_out)


@dataclass(frozen=True, repr=False)
class ScikitLearn(Initializer):
    """The start of ``sklearn.neural_network``: Glorot's bounds, for weights and biases, smaller for logistic units.

    The draws are scikit-learn's, number by number.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> weights, biases = initializers.get("scikit-learn")([2, 3, 1], seed=0, activations="logistic")
    >>> bool(abs(weights[0]).max() < (2 / 5) ** 0.5)
    True
    """

    name: ClassVar[str] = "scikit-learn"
    source: ClassVar[str] = "sklearn.neural_network.MLPClassifier; Glorot & Bengio 2010, eq. 16"
    when: ClassVar[str] = "to compare; the default of fastmlp's estimators"
    formula: ClassVar[str] = (
        "W, b ~ U(-r, r), r = sqrt(c / (fan_in + fan_out)), c = 2 if all hidden units are logistic, else 6"
    )

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        factor = 2.0 if set(place.hidden or ()) == {"logistic"} else 6.0
        bound = np.sqrt(factor / (place.fan_in + place.fan_out))
        weights = uniform(generator, bound, (place.fan_in, place.fan_out)).T  # scikit-learn's order
        return weights, uniform(generator, bound, place.fan_out)


@dataclass(frozen=True, repr=False)
class Keras(Initializer):
    """The start of ``keras.layers.Dense``: Glorot's uniform weights, biases of 0.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.get("keras").formula == initializers.get("glorot_uniform").formula
    True
    """

    name: ClassVar[str] = "keras"
    source: ClassVar[str] = "keras.layers.Dense; Glorot & Bengio 2010, eq. 16"
    when: ClassVar[str] = "to compare"
    formula: ClassVar[str] = Glorot(distribution="uniform").formula

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        return Glorot(distribution="uniform").layer(generator, place)


@dataclass(frozen=True, repr=False)
class Flax(Initializer):
    """The start of ``flax.linen.Dense``: LeCun's truncated normal weights, biases of 0.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.get("flax").formula
    'W ~ N(0, s^2) within 2 s, s = sqrt(1 / fan_in) / 0.87962566'
    """

    name: ClassVar[str] = "flax"
    source: ClassVar[str] = "flax.linen.Dense; LeCun et al. 1998, Efficient BackProp, eq. 16"
    when: ClassVar[str] = "to compare"
    formula: ClassVar[str] = LeCun(distribution="truncated_normal").formula

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        return LeCun(distribution="truncated_normal").layer(generator, place)
