"""The initializers by name."""

import dataclasses
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.initializers.base import Initializer
from fastmlp.initializers.baselines import Constant, Identity, Random, Zeros
from fastmlp.initializers.by_activation import Critical, Kumar, NguyenWidrow, RandomizedAsymmetric, Siren
from fastmlp.initializers.frameworks import Flax, Keras, PyTorch, ScikitLearn
from fastmlp.initializers.from_data import LSUV, DataInitializer, WithinLayer
from fastmlp.initializers.scaling import Glorot, He, LeCun, VarianceScaling
from fastmlp.initializers.structured import LooksLinear, Orthogonal, Sinusoidal, Sparse, ZerO

MOST_ROWS = 1000  # of the data that a model brings along; variances over them are within some percent of those of all

REGISTRY: dict[str, Initializer] = {
    initializer.name: initializer
    for initializer in (
        Zeros(),
        Constant(),
        Random(),
        He(),
        LeCun(),
        Glorot(),
        Glorot(distribution="uniform"),
        Orthogonal(),
        VarianceScaling(),
        He(distribution="uniform"),
        He(distribution="truncated_normal"),
        LeCun(distribution="uniform"),
        LeCun(distribution="truncated_normal"),
        Glorot(distribution="truncated_normal"),
        Sparse(),
        Identity(),
        LooksLinear(),
        Sinusoidal(),
        ZerO(),
        Siren(),
        NguyenWidrow(),
        Kumar(),
        Critical(),
        RandomizedAsymmetric(),
        LSUV(),
        WithinLayer(),
        PyTorch(),
        ScikitLearn(),
        Keras(),
        Flax(),
    )
}
ALIASES = {
    "xavier": "xavier_normal",
    "glorot_normal": "xavier_normal",
    "glorot_uniform": "xavier_uniform",
    "glorot_truncated": "xavier_truncated",
    "he_normal": "he",
    "kaiming_normal": "he",
    "kaiming_uniform": "he_uniform",
    "lecun_normal": "lecun",
    "ZerO": "hadamard",
}


def get(name: str, **parameters: Any) -> Initializer:
    """Return the initializer of a name or alias.

    Parameters
    ----------
    name : str
    **parameters
        Values of its parameters in place of the registered ones.

    Returns
    -------
    Initializer

    Raises
    ------
    TypeError, ValueError
        If there is none, or it has no such parameter; the message lists those that there are.

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.get("glorot_uniform").name
    'xavier_uniform'
    >>> initializers.get("orthogonal", gain=2.0)
    Orthogonal(gain=2.0)
    """
    registered = ALIASES.get(name, name) if isinstance(name, str) else name
    initializer = REGISTRY[checks.choice("initialization", registered, list(REGISTRY))]
    known = [field.name for field in dataclasses.fields(initializer) if field.name != "inputs"]
    for parameter in parameters:
        if parameter not in known:
            listed = f"must be {' or '.join(known)}" if known else "do not exist"
            raise ValueError(f"parameters of initialization {name} {listed}, got {parameter}")
    return dataclasses.replace(initializer, **parameters) if parameters else initializer


def bound_to(initialization: Any, X: Any) -> Any:
    """Return an initialization as it is, but one that needs data as one that looks at rows of X, at most 1,000.

    Parameters
    ----------
    initialization : str, Initializer, callable or sequence
        What :func:`draw` takes.
    X : array-like of shape (n_examples, n_features)
        See :meth:`DataInitializer.on`.

    Returns
    -------
    str, Initializer, callable or sequence

    Examples
    --------
    >>> from fastmlp import initializers
    >>> initializers.bound_to("he", [[0.0], [1.0]])
    'he'
    >>> initializers.bound_to("lsuv", [[0.0], [1.0]])
    LSUV(inputs=<X of shape (2, 1)>)
    """
    initializer = get(initialization) if isinstance(initialization, str) else initialization
    if isinstance(initializer, DataInitializer) and initializer.needs_data:
        rows = checks.matrix("X", X, np.float64)
        return initializer.on(rows[:: -(-len(rows) // MOST_ROWS)])
    return initialization
