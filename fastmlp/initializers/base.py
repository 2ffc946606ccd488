"""What all initializers share: the place of a layer, the biases, and the draw of a network layer after layer."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS

Generator = np.random.RandomState | np.random.Generator
Layers = tuple[list[np.ndarray], list[np.ndarray]]
BIASES = ("zeros", "constant", "normal", "uniform_fan_in")


@dataclass(frozen=True)
class Place:
    """What an initializer may know of the layer that it draws.

    Parameters
    ----------
    fan_in, fan_out : int
        Numbers of inputs and of units.
    index, n_layers : int, default=1, 3
        Place in the network, counted from 0, and number of layers. A layer drawn alone counts as one between others.
    hidden : tuple of str, default=None
        Activations of the hidden layers, or None where they are not known.
    """

    fan_in: int
    fan_out: int
    index: int = 1
    n_layers: int = 3
    hidden: tuple[str, ...] | None = None

    @property
    def is_first(self) -> bool:
        """Whether the layer reads the network's inputs."""
        return self.index == 0

    @property
    def is_last(self) -> bool:
        """Whether the layer computes the network's outputs."""
        return self.index == self.n_layers - 1

    @property
    def activation(self) -> str | None:
        """Activation of the layer's units; the output layer counts as one of the last hidden layer."""
        return self._hidden(self.index)

    @property
    def activation_before(self) -> str | None:
        """Activation that the layer's inputs come from; those of the first layer count as outputs of its own."""
        return self._hidden(self.index - 1)

    def _hidden(self, index: int) -> str | None:
        if self.hidden is None:
            return None
        if not self.hidden:
            return "identity"
        return self.hidden[min(max(index, 0), len(self.hidden) - 1)]


def places_of(layer_dims: Any, activations: Any) -> list[Place]:
    """Return the place of each layer, from widths and activations as :meth:`Initializer.__call__` takes them."""
    dims = checks.layer_dims_of(layer_dims)
    hidden = None if activations is None else _hidden_of(activations, len(dims) - 1)
    return [Place(*pair, index, len(dims) - 1, hidden) for index, pair in enumerate(itertools.pairwise(dims))]


def _hidden_of(activations: Any, n_layers: int) -> tuple[str, ...]:
    """Return the names of the hidden activations."""
    if isinstance(activations, str):
        return (checks.choice("activations", activations, HIDDEN_ACTIVATIONS),) * (n_layers - 1)
    names = checks.items_of("activations", activations) if checks.is_sequence(activations) else []
    if len(names) != n_layers:
        raise ValueError(
            f"activations must be a name or have {n_layers} names, one per layer; got {checks.shown(activations)}"
        )
    return tuple(checks.choice(f"activations[{i}]", name, HIDDEN_ACTIVATIONS) for i, name in enumerate(names[:-1]))


def draw_places(
    rules: Sequence[Callable[[Generator, Place], tuple[Any, Any]]], places: Sequence[Place], generator: Generator
) -> Layers:
    """Draw one layer after another, each by its own rule, and check what comes."""
    checks.check_memory("layer_dims", 16 * sum(place.fan_in * place.fan_out for place in places))  # and a copy
    weights: list[np.ndarray] = []
    biases: list[np.ndarray] = []
    for rule, place in zip(rules, places, strict=True):
        name = f"initialization of layer {place.index + 1}"
        w, b = rule(generator, place)
        weights.append(_drawn(name, w, (place.fan_out, place.fan_in)))
        biases.append(_drawn(name, b, (place.fan_out,)))
        if _kernels.first_not_finite((weights[-1], biases[-1])) >= 0:
            raise ValueError(f"{name} must be finite")
    return weights, biases


def _drawn(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return what a rule drew as an array of this shape."""
    array = np.ascontiguousarray(checks.array_of(name, values, np.float64))
    if array.shape != shape:
        raise ValueError(f"{name} must return shape {shape}, got {array.shape}")
    return array


@dataclass(frozen=True, repr=False)
class Initializer:
    """Base class of the initializers: rules that draw the weights and biases of a network.

    A rule of your own is a function, see :func:`draw`, or a subclass of :class:`WeightInitializer`.

    Attributes
    ----------
    name : str
        The name that :func:`get` and ``MLP(initialization=...)`` take.
    formula : str
        The distribution of the weights W and, where they are not zero, of the biases b.
    source : str
        The paper that the rule comes from.
    when : str
        What it is good for.
    needs_data : bool
        Whether it must be bound to data by ``on(X)`` before it can draw.

    Examples
    --------
    >>> from fastmlp.initializers import Orthogonal
    >>> Orthogonal(gain=2.0)
    Orthogonal(gain=2.0)
    >>> weights, biases = Orthogonal(gain=2.0)([3, 2, 1], seed=0)
    >>> (weights[0] @ weights[0].T).round(12)
    array([[4., 0.],
           [0., 4.]])
    """

    name: ClassVar[str]
    source: ClassVar[str]
    when: ClassVar[str]
    needs_data: ClassVar[bool] = False
    told_by_name: ClassVar[tuple[str, ...]] = ()  # parameters that the name already tells

    def __call__(self, layer_dims: Sequence[int], seed: object = None, activations: Any = None) -> Layers:
        """Draw every layer.

        Parameters
        ----------
        layer_dims : sequence of int
            Widths from the inputs to the outputs, at least two.
        seed : None, int, RandomState or Generator, default=None
            An int seeds ``numpy.random.RandomState``, the generator of the published figures.
        activations : str or sequence of str, default=None
            Activation of all hidden layers, or one name for each layer, that of the outputs included. An initializer
            that depends on the activation cannot draw without it.

        Returns
        -------
        weights, biases : list of ndarray of shape (fan_out, fan_in), list of ndarray of shape (fan_out,)
        """
        return self.network(checks.seed_of(seed), places_of(layer_dims, activations))

    def network(self, generator: Generator, places: Sequence[Place]) -> Layers:
        """Draw the layers of a network from one generator."""
        with np.errstate(over="ignore"):  # what is too large becomes inf, which is refused by name
            return draw_places([self.layer] * len(places), places, generator)

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """Draw the weights (fan_out, fan_in), then the biases (fan_out,) of one layer."""
        raise NotImplementedError

    def draw(self, generator: Generator, fan_in: int, fan_out: int) -> np.ndarray:
        """Draw the weights (fan_out, fan_in) of a layer alone, which counts as one between others."""
        return self.layer(generator, Place(fan_in, fan_out))[0]

    @property
    def formula(self) -> str:
        """The distribution of the weights W and, where they are not zero, of the biases b."""
        raise NotImplementedError

    def known(self, activation: str | None) -> str:
        """Return the activation, or raise a ValueError where the caller gave none."""
        if activation is None:
            raise ValueError(
                f"initialization {self.name} depends on the activations: pass activations, as MLP does by itself"
            )
        return activation

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_written(self._changed())})"

    def __str__(self) -> str:
        changed = {name: value for name, value in self._changed().items() if name not in self.told_by_name}
        return f"{self.name}({_written(changed)})" if changed else self.name

    def _changed(self) -> dict[str, Any]:
        """Return the parameters that differ from their defaults."""
        return {
            entry.name: getattr(self, entry.name)
            for entry in fields(self)
            if getattr(self, entry.name) != entry.default
        }


def _written(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in parameters.items())


@dataclass(frozen=True, repr=False)
class WeightInitializer(Initializer):
    """Base class of the rules for weights alone, which leave the biases to the caller.

    A subclass defines :meth:`weights` and ``weight_formula``, and the attributes of :class:`Initializer`.

    Parameters
    ----------
    bias : {"zeros", "constant", "normal", "uniform_fan_in"}, default="zeros"
        Distribution of the biases.
    bias_scale : float, default=1.0
        The value of constant biases, the standard deviation of normal ones, and c in the bounds
        ``c / sqrt(fan_in)`` of uniform ones.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> rule = initializers.get("he", bias="normal", bias_scale=0.1)
    >>> rule.formula
    'W ~ N(0, 2 / fan_in), b ~ N(0, 0.1^2)'
    """

    bias: str = field(default="zeros", kw_only=True)
    bias_scale: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        bias = checks.choice("bias", self.bias, BIASES)
        scale = (checks.finite if bias == "constant" else checks.positive)("bias_scale", self.bias_scale)
        if bias == "zeros" and scale != 1:
            raise ValueError(f"bias_scale must be 1 with bias='zeros', got {self.bias_scale}; name a bias with a scale")
        checks.settle(self, bias=bias, bias_scale=scale)

    def layer(self, generator: Generator, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Initializer.layer`."""
        return self.weights(generator, place), self.biases(generator, place)

    def weights(self, generator: Generator, place: Place) -> np.ndarray:
        """Draw the weights (fan_out, fan_in) of one layer."""
        raise NotImplementedError

    def biases(self, generator: Generator, place: Place) -> np.ndarray:
        """Draw the biases (fan_out,) of one layer; constant ones take nothing from the generator."""
        if self.bias == "normal":
            return generator.standard_normal(place.fan_out) * self.bias_scale
        if self.bias == "uniform_fan_in":
            return uniform(generator, self.bias_scale / place.fan_in**0.5, place.fan_out)
        if self.bias == "constant":
            return np.full(place.fan_out, self.bias_scale)
        return np.zeros(place.fan_out)

    @property
    def weight_formula(self) -> str:
        """The distribution of the weights W."""
        raise NotImplementedError

    @property
    def formula(self) -> str:
        """See :class:`Initializer`."""
        written = {
            "zeros": "",
            "constant": f", b = {self.bias_scale:g}",
            "normal": f", b ~ N(0, {self.bias_scale:g}^2)",
            "uniform_fan_in": f", b ~ U(-s, s), s = {self.bias_scale:g} / sqrt(fan_in)",
        }
        return self.weight_formula + written[self.bias]


def uniform(generator: Generator, bound: float, shape: int | tuple[int, int]) -> np.ndarray:
    """Draw from U(-bound, bound)."""
    return generator.uniform(-bound, bound, shape)
