"""Rules that look at data: they set the layers one after another so that the signals of X have the size they want."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from fastmlp import checks
from fastmlp.initializers.base import Generator, Initializer, Layers, Place
from fastmlp.initializers.structured import orthogonal_matrix
from fastmlp.reference.activation import ACTIVATIONS

SMALLEST_SPREAD = 1e-10  # of a unit's pre-activations, over their largest magnitude; below it they are rounding errors


class Inputs:
    """Examples that an initializer is bound to: a copy in float64, compared by its values.

    Parameters
    ----------
    X : array-like of shape (n_examples, n_features)
        At least 2 examples.
    """

    def __init__(self, X: Any) -> None:
        self.X = checks.matrix("X", X, np.float64).copy()
        if len(self.X) < 2:
            raise ValueError(f"X must have at least 2 examples, got {len(self.X)}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Inputs) and np.array_equal(self.X, other.X)

    def __hash__(self) -> int:
        return hash((self.X.shape, self.X.tobytes()))

    def __repr__(self) -> str:
        return f"<X of shape {self.X.shape}>"


@dataclass(frozen=True, repr=False)
class DataInitializer(Initializer):
    """Base class of the initializers that need data.

    Parameters
    ----------
    inputs : Inputs, default=None
        The examples that :meth:`on` binds; None draws nothing.
    """

    inputs: Inputs | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.inputs, (Inputs, type(None))):
            raise TypeError(f"inputs must come from on(X), got {checks.shown(self.inputs)}")

    @property
    def needs_data(self) -> bool:  # type: ignore[override]
        """Whether it must be bound to data by :meth:`on` before it can draw."""
        return self.inputs is None

    def on(self, X: Any) -> Self:
        """Return the same rule for the examples X, which it copies; some hundred examples are enough.

        Parameters
        ----------
        X : array-like of shape (n_examples, n_features)
            At least 2 examples, dense, finite.

        Returns
        -------
        Initializer

        Raises
        ------
        TypeError, ValueError
            If X is no such array.
        """
        return dataclasses.replace(self, inputs=Inputs(X))

    def network(self, generator: Generator, places: Sequence[Place]) -> Layers:
        """See :meth:`Initializer.network`."""
        if self.inputs is None:
            raise ValueError(
                f"initialization {self.name} needs data: pass fastmlp.initializers.get({self.name!r}).on(X)"
            )
        outputs = self.inputs.X
        if outputs.shape[1] != places[0].fan_in:
            raise ValueError(
                f"X of initialization {self.name} must have {places[0].fan_in} features as the network, "
                f"got shape {outputs.shape}"
            )
        checks.check_memory("layer_dims", 16 * sum(place.fan_in * place.fan_out for place in places))
        weights, biases = [], []
        for place in places:
            w = self.start(generator, place)
            with np.errstate(all="ignore"):  # what is not finite is refused below
                z = outputs @ w.T
                factors, b = self.normalization(z)
                largest = np.abs(z).max()
                is_usable = np.min(factors) > 0 and largest * SMALLEST_SPREAD * np.max(factors) < 1  # False for NaN
            if not is_usable:
                raise ValueError(
                    f"initialization {self.name} needs pre-activations that vary over X and are finite; the largest "
                    f"magnitude in layer {place.index + 1} is {largest:g}, the largest factor {np.max(factors):g}"
                )
            weights.append(w * np.reshape(factors, (-1, 1)))
            biases.append(b)
            if not place.is_last:
                outputs = ACTIVATIONS[self.known(place.activation)](z * factors + b)
        return weights, biases

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """Raise ValueError: no layer of it can be drawn alone."""
        raise ValueError(f"initialization {self.name} sets all layers of a network and cannot be that of one layer")

    def start(self, generator: Generator, place: Place) -> np.ndarray:
        """Draw the weights (fan_out, fan_in) that the data then scale."""
        raise NotImplementedError

    def normalization(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return factors of the weights and the biases (fan_out,) from pre-activations (n_examples, fan_out)."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class LSUV(DataInitializer):
    """Layer-sequential unit variance: orthogonal weights, scaled until each layer's pre-activations have variance 1.

    The variance is that over all examples and units of a layer. Without biases one division reaches it, so there is
    no tolerance and no number of trials.

    Parameters
    ----------
    inputs : Inputs, default=None
        What :meth:`DataInitializer.on` binds.

    References
    ----------
    Mishkin & Matas 2016, All you need is a good init, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLP, initializers
    >>> X = np.random.default_rng(0).normal(5, 100, (200, 3))
    >>> model = MLP([3, 20, 20, 1], initialization=initializers.get("lsuv").on(X), seed=0)
    >>> round(float(model.decision_function(X).var()), 12)
    1.0
    """

    name: ClassVar[str] = "lsuv"
    source: ClassVar[str] = "Mishkin & Matas 2016, All you need is a good init, algorithm 1"
    when: ClassVar[str] = "any activation, also inputs that are not scaled; data are at hand"
    formula: ClassVar[str] = "W orthogonal, over the deviation of the layer's pre-activations on X"

    def start(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`DataInitializer.start`."""
        return orthogonal_matrix(generator, place.fan_out, place.fan_in)

    def normalization(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`DataInitializer.normalization`."""
        return np.full(z.shape[1], 1 / z.std()), np.zeros(z.shape[1])


@dataclass(frozen=True, repr=False)
class WithinLayer(DataInitializer):
    """Within-layer normalization: each unit's pre-activations have variance 1 and the same mean on the data.

    Parameters
    ----------
    mean : float, default=0.0
        Mean of the pre-activations of all units; the authors' program has 0.1.
    inputs : Inputs, default=None
        What :meth:`DataInitializer.on` binds.

    References
    ----------
    Kraehenbuehl et al. 2016, Data-dependent initializations of convolutional neural networks, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLP, initializers
    >>> X = np.random.default_rng(0).normal(5, 100, (200, 3))
    >>> model = MLP([3, 20, 2], loss="squared_error", initialization=initializers.get("within_layer", mean=1.0).on(X))
    >>> model.predict(X).mean(axis=0).round(12), model.predict(X).var(axis=0).round(12)
    (array([1., 1.]), array([1., 1.]))
    """

    mean: float = 0.0
    name: ClassVar[str] = "within_layer"
    source: ClassVar[str] = (
        "Kraehenbuehl et al. 2016, Data-dependent initializations of convolutional neural networks, algorithm 1"
    )
    when: ClassVar[str] = "inputs that are not scaled or centred, units that would be dead; data are at hand"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.settle(self, mean=checks.finite("mean", self.mean))

    def start(self, generator: Generator, place: Place) -> np.ndarray:
        """See :meth:`DataInitializer.start`."""
        return generator.standard_normal((place.fan_out, place.fan_in))

    def normalization(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`DataInitializer.normalization`."""
        factors = 1 / z.std(axis=0)
        return factors, self.mean - z.mean(axis=0) * factors

    @property
    def formula(self) -> str:
        """See :class:`Initializer`."""
        return f"W ~ N(0, 1) over each unit's deviation on X, b so that each unit's mean on X is {self.mean:g}"
