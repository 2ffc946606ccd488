"""Weight initializers: one registry, each with its formula and its source.

An initializer is called as ``initializer(layer_dims, seed=None)`` and returns ``(weights, biases)``:
one float64 array (fan_out, fan_in) and one array of zeros (fan_out,) per layer.  Layers are drawn
one after another from a single generator, so the values of the first layers do not depend on the
later ones.  NumPy's global random state is never touched.

>>> weights, biases = he([2, 4, 1], seed=3)
>>> weights[0].shape, biases[0].shape
((4, 2), (4,))
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fastmlp import checks
from fastmlp.checks import array_of, layer_dims_of, seed_of

Generator = np.random.RandomState | np.random.Generator
Layers = tuple[list[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class Initializer:
    """A rule that draws the weights of one layer, named, with its formula and its source."""

    name: str
    formula: str
    source: str
    draw: Callable[[Generator, int, int], np.ndarray]

    def __call__(self, layer_dims: Sequence[int], seed: object = None) -> Layers:
        """Draw every layer.

        Parameters
        ----------
        layer_dims : sequence of int
            Widths from the inputs to the outputs, at least two.
        seed : None, int, RandomState or Generator, default=None
            An int seeds ``numpy.random.RandomState``, the generator of the published figures.

        Returns
        -------
        weights, biases : list of ndarray (fan_out, fan_in), list of ndarray (fan_out,)
        """
        dims = layer_dims_of(layer_dims)
        return draw_layers([self.draw] * (len(dims) - 1), dims, seed)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return get, (self.name,)  # the rules are lambdas, which pickle cannot take


def draw_layers(draws: Sequence[Callable[..., object]], layer_dims: Sequence[int], seed: object) -> Layers:
    """Draw one layer after another, each with its own rule ``draw(generator, fan_in, fan_out)``."""
    dims = layer_dims_of(layer_dims)
    generator = seed_of(seed)
    weights, biases = [], []
    for layer, (draw, fan_in, fan_out) in enumerate(zip(draws, dims[:-1], dims[1:], strict=True)):
        drawn = array_of(f"initialization of layer {layer + 1}", draw(generator, fan_in, fan_out), np.float64)
        if drawn.shape != (fan_out, fan_in):
            raise ValueError(
                f"initialization of layer {layer + 1} must return shape {(fan_out, fan_in)}, got {drawn.shape}"
            )
        weights.append(drawn)
        biases.append(np.zeros(fan_out))
    return weights, biases


def _normal(scale: Callable[[int, int], float]) -> Callable[[Generator, int, int], np.ndarray]:
    return lambda rng, fan_in, fan_out: rng.standard_normal((fan_out, fan_in)) * scale(fan_in, fan_out)


def _uniform(bound: Callable[[int, int], float]) -> Callable[[Generator, int, int], np.ndarray]:
    def draw(rng: Generator, fan_in: int, fan_out: int) -> np.ndarray:
        limit = bound(fan_in, fan_out)
        return rng.uniform(-limit, limit, (fan_out, fan_in))

    return draw


def _orthogonal(rng: Generator, fan_in: int, fan_out: int) -> np.ndarray:
    wide, narrow = max(fan_in, fan_out), min(fan_in, fan_out)
    q, r = np.linalg.qr(rng.standard_normal((wide, narrow)))
    q *= np.where(np.diag(r) < 0, -1, 1)  # without it QR's sign convention skews the distribution
    return q if fan_out >= fan_in else q.T


_GLOROT = "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks"

zeros = Initializer("zeros", "W = 0", "the baseline that cannot break symmetry", lambda rng, i, o: np.zeros((o, i)))
constant = Initializer(
    "constant", "W = 0.1", "a baseline: equal units stay equal", lambda rng, i, o: np.full((o, i), 0.1)
)
random = Initializer("random", "W ~ 10 N(0, 1)", "the exercise's too large start", _normal(lambda i, o: 10.0))
he = Initializer(
    "he",
    "W ~ N(0, 2 / fan_in)",
    "He et al. 2015, Delving Deep into Rectifiers, eq. 10",
    _normal(lambda i, o: np.sqrt(2.0 / i)),
)
lecun = Initializer(
    "lecun",
    "W ~ N(0, 1 / fan_in)",
    "LeCun et al. 1998, Efficient BackProp, eq. 16",
    _normal(lambda i, o: np.sqrt(1.0 / i)),
)
xavier_normal = Initializer(
    "xavier_normal",
    "W ~ N(0, 2 / (fan_in + fan_out))",
    f"{_GLOROT}, eq. 12",
    _normal(lambda i, o: np.sqrt(2.0 / (i + o))),
)
xavier_uniform = Initializer(
    "xavier_uniform",
    "W ~ U(-r, r), r = sqrt(6 / (fan_in + fan_out))",
    f"{_GLOROT}, eq. 16",
    _uniform(lambda i, o: np.sqrt(6.0 / (i + o))),
)
orthogonal = Initializer(
    "orthogonal",
    "W with orthonormal rows or columns, uniform over all such",
    "Saxe et al. 2014, Exact solutions to the nonlinear dynamics of learning in deep linear networks",
    _orthogonal,
)

REGISTRY = {
    initializer.name: initializer
    for initializer in (zeros, constant, random, he, lecun, xavier_normal, xavier_uniform, orthogonal)
}
ALIASES = {"xavier": "xavier_normal", "glorot_normal": "xavier_normal", "glorot_uniform": "xavier_uniform"}


def get(name: str) -> Initializer:
    """The initializer of that name or alias; a ValueError lists the known ones."""
    checks.choice("initialization", name, [*REGISTRY, *ALIASES])
    return REGISTRY[ALIASES.get(name, name)]


def draw(initialization: object, layer_dims: Sequence[int], seed: object = None) -> Layers:
    """Draw the layers that ``initialization`` describes.

    Parameters
    ----------
    initialization : str, callable or sequence
        A registered name; a function ``f(layer_dims, seed=...)`` that returns ``(weights, biases)``, a
        list of weights, or a dict ``W1, b1, W2, ...``; or a sequence with one entry per layer, each a
        name or a function ``draw(generator, fan_in, fan_out)`` that returns (fan_out, fan_in).
    layer_dims : sequence of int
        Widths from the inputs to the outputs.
    seed : None, int, RandomState or Generator, default=None

    Returns
    -------
    weights, biases : list of ndarray (fan_out, fan_in), list of ndarray (fan_out,)

    Raises
    ------
    ValueError
        For an unknown name, or layers of the wrong number, shape or values.
    TypeError
        For anything else than a name, a function or a sequence of these.
    """
    dims = layer_dims_of(layer_dims)
    if isinstance(initialization, str):
        return get(initialization)(dims, seed)
    if callable(initialization):
        return _checked(initialization(list(dims), seed=seed), dims)
    if isinstance(initialization, Sequence):
        if len(initialization) != len(dims) - 1:
            raise ValueError(
                f"initialization must have {len(dims) - 1} entries, one per layer; got {len(initialization)}"
            )
        draws = [get(entry).draw if isinstance(entry, str) else entry for entry in initialization]
        for entry in draws:
            if not callable(entry):
                raise TypeError(f"initialization must hold names or functions, got {type(entry).__name__}")
        return _checked(draw_layers(draws, dims, seed), dims)
    raise TypeError(
        f"initialization must be a name, a function or a sequence of these, got {type(initialization).__name__}"
    )


def _checked(drawn: object, dims: Sequence[int]) -> Layers:
    """What a user's function returned, as (weights, biases) of the right shapes and finite."""
    n_layers = len(dims) - 1
    if isinstance(drawn, dict):
        missing = [key for layer in range(1, n_layers + 1) for key in (f"W{layer}", f"b{layer}") if key not in drawn]
        if missing:
            raise ValueError(f"initialization returned a dict without {', '.join(missing)}")
        weights = [drawn[f"W{layer}"] for layer in range(1, n_layers + 1)]
        biases = [np.ravel(drawn[f"b{layer}"]) for layer in range(1, n_layers + 1)]
    elif isinstance(drawn, tuple) and len(drawn) == 2:
        weights, biases = drawn
    elif isinstance(drawn, Sequence):
        weights, biases = list(drawn), [np.zeros(width) for width in dims[1:]]
    else:
        raise TypeError(f"initialization must return weights, (weights, biases) or a dict, got {type(drawn).__name__}")
    if not all(isinstance(layers, Sequence) for layers in (weights, biases)):
        raise TypeError("initialization must return weights and biases as lists of arrays")
    if len(weights) != n_layers or len(biases) != n_layers:
        raise ValueError(f"initialization must return {n_layers} layers, got {len(weights)} and {len(biases)}")
    checked: list[list[np.ndarray]] = []
    for kind, arrays, shapes in (
        ("weights", weights, [(o, i) for i, o in itertools.pairwise(dims)]),
        ("biases", biases, [(o,) for o in dims[1:]]),
    ):
        checked.append([])
        for layer, (array, shape) in enumerate(zip(arrays, shapes, strict=True), start=1):
            name = f"initialization: {kind} of layer {layer}"
            values = array_of(name, array, np.float64)
            if values.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {values.shape}")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite")
            checked[-1].append(values)
    return checked[0], checked[1]
