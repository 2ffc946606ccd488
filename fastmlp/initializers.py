"""Weight initializers, each with its formula and its source.

An initializer is called as ``initializer(layer_dims, seed=None)`` and returns ``(weights, biases)``: one float64 array
(fan_out, fan_in) and one array of zeros (fan_out,) per layer.  Layers are drawn one after another from a single
generator, so the values of the first layers do not depend on later ones.  NumPy's global random state is not used.

================= ============================================= ============================
name              weights                                       source
================= ============================================= ============================
zeros             0                                             baseline: symmetry is kept
constant          0.1                                           baseline: symmetry is kept
random            10 N(0, 1)                                    the exercise's too large start
he                N(0, 2 / fan_in)                              He et al. 2015, eq. 10
lecun             N(0, 1 / fan_in)                              LeCun et al. 1998, eq. 16
xavier_normal     N(0, 2 / (fan_in + fan_out))                  Glorot & Bengio 2010, eq. 12
xavier_uniform    U(-r, r), r = sqrt(6 / (fan_in + fan_out))    Glorot & Bengio 2010, eq. 16
orthogonal        orthonormal rows or columns                   Saxe et al. 2014
================= ============================================= ============================

>>> from fastmlp.initializers import he
>>> weights, biases = he([2, 4, 1], seed=3)
>>> weights[0].shape, biases[0].shape
((4, 2), (4,))
"""

import functools
import inspect
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fastmlp import checks
from fastmlp.checks import array_of, check_memory, items_of, layer_dims_of, seed_of, shown

Generator = np.random.RandomState | np.random.Generator
Layers = tuple[list[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class Initializer:
    """A rule that draws the weights of one layer.

    Attributes
    ----------
    name : str
    formula : str
        The distribution of the weights W.
    source : str
        The paper that the rule comes from.
    draw : callable
        ``draw(generator, fan_in, fan_out)`` returns an array (fan_out, fan_in).

    Examples
    --------
    >>> from fastmlp.initializers import he
    >>> he.formula
    'W ~ N(0, 2 / fan_in)'
    """

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
        weights, biases : list of ndarray of shape (fan_out, fan_in), list of ndarray of shape (fan_out,)
        """
        dims = layer_dims_of(layer_dims)
        return draw_layers([self.draw] * (len(dims) - 1), dims, seed)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return get, (self.name,)  # pickle cannot store the rules, which are lambdas


def draw_layers(draws: Sequence[Callable[..., object]], layer_dims: Sequence[int], seed: object) -> Layers:
    """Draw one layer after another, each with its own rule.

    Parameters
    ----------
    draws : sequence of callable
        A rule ``draw(generator, fan_in, fan_out)`` for each layer, which returns an array (fan_out, fan_in).
    layer_dims : sequence of int
        Widths from the inputs to the outputs, at least two.
    seed : None, int, RandomState or Generator

    Returns
    -------
    weights, biases : list of ndarray
        Of shape (fan_out, fan_in) and (fan_out,).

    Raises
    ------
    ValueError
        If a rule returns an array of another shape.
    """
    dims = layer_dims_of(layer_dims)
    if not isinstance(draws, Sequence) or isinstance(draws, str) or len(draws) != len(dims) - 1:
        raise ValueError(f"draws must be {len(dims) - 1} functions, one per layer; got {shown(draws)}")
    for layer, draw in enumerate(draws):
        if not callable(draw):
            raise TypeError(f"draws[{layer}] must be a function, got {shown(draw)}")
    check_memory("layer_dims", 16 * sum(fan_in * fan_out for fan_in, fan_out in itertools.pairwise(dims)))  # and a copy
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
    q *= np.where(np.diag(r) < 0, -1, 1)  # otherwise QR's sign convention skews the distribution
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
    """Return the initializer of a name or alias.

    Parameters
    ----------
    name : str

    Returns
    -------
    Initializer

    Raises
    ------
    TypeError, ValueError
        If there is none; the message lists the known names.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.get("glorot_uniform").name
    'xavier_uniform'
    """
    checks.choice("initialization", name, [*REGISTRY, *ALIASES])
    return REGISTRY[ALIASES.get(name, name)]


def draw(initialization: object, layer_dims: Sequence[int], seed: object = None) -> Layers:
    """Draw the layers that ``initialization`` describes.

    Parameters
    ----------
    initialization : str, callable or sequence
        One of:

        - a name or alias
        - a function ``f(layer_dims)`` or ``f(layer_dims, seed=...)`` that returns ``(weights, biases)``, a list of
          weights, or a dict ``W1``, ``b1``, ``W2``, ...; it gets ``seed`` as it is, if it takes that keyword
        - a sequence with one entry per layer, each a name, an initializer of this module or a function
          ``draw(generator, fan_in, fan_out)`` that returns an array (fan_out, fan_in)
    layer_dims : sequence of int
        Widths from the inputs to the outputs.
    seed : None, int, RandomState or Generator, default=None

    Returns
    -------
    weights, biases : list of ndarray of shape (fan_out, fan_in), list of ndarray of shape (fan_out,)

    Raises
    ------
    ValueError
        If a name is unknown, or the layers have the wrong number, shape or values.
    TypeError
        If ``initialization`` is no name, function or sequence of these.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> weights, biases = initializers.draw(["he", lambda rng, fan_in, fan_out: rng.uniform(size=(fan_out, fan_in))],
    ...                                     [2, 4, 1], seed=0)
    >>> weights[1].shape
    (1, 4)
    """
    dims = layer_dims_of(layer_dims)
    if isinstance(initialization, str):
        return get(initialization)(dims, seed)
    if callable(initialization):
        return _checked(_called(initialization, dims, seed), dims)
    if isinstance(initialization, Sequence):
        entries = items_of("initialization", initialization)
        if len(entries) != len(dims) - 1:
            raise ValueError(f"initialization must have {len(dims) - 1} entries, one per layer; got {len(entries)}")
        return _checked(draw_layers([_draw_of(entry) for entry in entries], dims, seed), dims)
    raise TypeError(
        f"initialization must be a name, a function or a sequence of these, got {type(initialization).__name__}"
    )


def layer_keys(keys: Iterable[object]) -> set[str]:
    """Return those of the keys of a dict that name a layer's parameters: W or b and a number."""
    return {key for key in keys if isinstance(key, str) and re.fullmatch("[Wb][0-9]+", key)}


def _draw_of(entry: object) -> Callable[..., object]:
    """The function of an entry that draws one layer."""
    rule = get(entry) if isinstance(entry, str) else entry
    if isinstance(rule, Initializer):
        return rule.draw
    if not callable(rule):
        raise TypeError(f"initialization must hold names or functions, got {type(rule).__name__}")
    try:
        signature = inspect.signature(rule)
    except (TypeError, ValueError):  # some compiled functions have none
        return rule
    try:
        signature.bind(None, 1, 1)
    except TypeError as error:
        raise TypeError(
            f"initialization must hold names or functions f(generator, fan_in, fan_out), got f{signature}: {error}"
        ) from None
    return rule


def _called(function: Callable[..., object], dims: Sequence[int], seed: object) -> object:
    """What a user's function returns, called with what it takes."""
    arguments = {"seed": seed}
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some compiled functions have none
        return function(list(dims), **arguments)
    has_own_seed = isinstance(function, functools.partial) and "seed" in function.keywords
    if has_own_seed or not any(_takes_seed(parameter) for parameter in signature.parameters.values()):
        arguments = {}
    try:
        signature.bind(dims, **arguments)
    except TypeError as error:
        raise TypeError(
            f"initialization must be a function f(layer_dims) or f(layer_dims, seed=...), got f{signature}: {error}"
        ) from None
    return function(list(dims), **arguments)


def _takes_seed(parameter: inspect.Parameter) -> bool:
    by_name = parameter.name == "seed" and parameter.kind is not parameter.POSITIONAL_ONLY
    return by_name or parameter.kind is parameter.VAR_KEYWORD


def _checked(drawn: object, dims: Sequence[int]) -> Layers:
    """What a user's function returned, as (weights, biases) of the right shapes and finite."""
    n_layers = len(dims) - 1
    if isinstance(drawn, dict):
        expected = [key for layer in range(1, n_layers + 1) for key in (f"W{layer}", f"b{layer}")]
        missing = [key for key in expected if key not in drawn]
        if missing:
            raise ValueError(f"initialization returned a dict without {', '.join(missing)}")
        others = layer_keys(drawn) - set(expected)
        if others:
            raise ValueError(
                f"initialization returned a dict with {', '.join(sorted(others))} beside {n_layers} layers"
            )
        weights, biases = [drawn[key] for key in expected[::2]], [drawn[key] for key in expected[1::2]]
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
            if kind == "biases" and values.ndim == 2 and 1 in values.shape:
                values = values.ravel()  # a column, as in the notebook
            if values.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {values.shape}")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite")
            checked[-1].append(values)
    return checked[0], checked[1]
