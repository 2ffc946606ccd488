"""The arguments of a sweep, checked before any run, and the product of those that are lists."""

import itertools
import json
import numbers
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fastmlp import checks, initializers
from fastmlp.engine.plan import hidden_activations
from fastmlp.lab.sweep.names import called, identity_of, label_of
from fastmlp.optimizers import Optimizer, optimizer_of
from fastmlp.schedules import Constant, Schedule, schedule_of
from fastmlp.training import TrainingOptions

VARIED = ("layer_dims", "activation", "optimizer", "learning_rate", "batch_size")
MOST_SEEDS = 2**32  # what the generators take


@dataclass(frozen=True, eq=False)
class Configuration:
    """What the runs of one configuration have in common, and those of others have not.

    Attributes
    ----------
    initializer : str
        The label of ``initialization``.
    initialization : str, Initializer or callable
        What :class:`fastmlp.MLP` takes.
    parameters : dict
        Those of the initializer that the caller gave, by name.
    layer_dims : tuple of int
    activation : str or tuple of str
    optimizer : Optimizer
    learning_rate : Schedule or None
    batch_size : int
        At most the number of examples.
    """

    initializer: str
    initialization: Any
    parameters: dict[str, Any]
    layer_dims: tuple[int, ...]
    activation: str | tuple[str, ...]
    optimizer: Optimizer
    learning_rate: Schedule | None
    batch_size: int

    def options(self, **settings: Any) -> TrainingOptions:
        """Return the options of a training on one thread."""
        return TrainingOptions(
            batch_size=self.batch_size,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            n_threads=1,
            **settings,
        )

    def describe(self) -> dict[str, Any]:
        """Return names and numbers for tables."""
        rate = self.learning_rate
        return {
            "initializer": self.initializer,
            "layer_dims": label_of(self.layer_dims),
            "activation": label_of(self.activation),
            "optimizer": label_of(self.optimizer),
            "learning_rate": rate.initial if type(rate) is Constant else label_of(rate),
            "batch_size": self.batch_size,
            **self.parameters,
        }

    def identity(self) -> dict[str, Any]:
        """Return what names the configuration also in later processes."""
        described = self.describe()
        return {
            **{name: described[name] for name in VARIED},
            "initializer": identity_of("initializers", self.initialization, self.initializer),
            "learning_rate": identity_of("learning_rate", self.learning_rate, label_of(self.learning_rate)),
        }

    def key(self) -> str:
        """Return :meth:`identity` as one text."""
        return json.dumps(self.identity(), sort_keys=True, default=str)


def seeds_of(seeds: Any) -> Sequence[int]:
    """Return different seeds: as they are, or 0, 1, ... for a number of them."""
    if not checks.is_sequence(seeds):
        if not isinstance(seeds, numbers.Integral):
            raise TypeError(f"seeds must be an integer or a sequence of integers, got {checks.shown(seeds)}")
        return range(checks.integer("seeds", seeds, minimum=1))
    found = [checks.integer(f"seeds[{i}]", seed, minimum=0) for i, seed in enumerate(checks.items_of("seeds", seeds))]
    if not found:
        raise ValueError("seeds must be a number or a sequence of at least one, got an empty one")
    if max(found) >= MOST_SEEDS:
        raise ValueError(f"seeds must be below 2**32, got {max(found)}")
    _refuse_repeated("seeds", map(label_of, found))
    return found


def configurations_of(
    n_examples: int,
    *,
    initializers: Any,
    layer_dims: Any,
    activation: Any,
    optimizer: Any,
    learning_rate: Any,
    batch_size: Any,
) -> list[Configuration]:
    """Return the product of all arguments that are lists."""

    def batch_size_of(name: str, value: Any) -> int:
        return n_examples if value is None else min(checks.integer(name, value, minimum=1), n_examples)

    choices = (
        _initializers(initializers),
        all_layer_dims(layer_dims),
        _alternatives("activation", activation, _activation),
        _alternatives("optimizer", optimizer, lambda name, value: optimizer_of(value)),
        _alternatives("learning_rate", learning_rate, _learning_rate),
        _alternatives("batch_size", batch_size, batch_size_of),
    )
    return [Configuration(*initializer, *others) for initializer, *others in itertools.product(*choices)]


def all_layer_dims(layer_dims: Any) -> list[tuple[int, ...]]:
    """Return the widths of every network: those given, or those of each list in a list."""
    if not checks.is_sequence(layer_dims):
        return [checks.layer_dims_of(layer_dims)]
    items = checks.items_of("layer_dims", layer_dims)
    n_lists = sum(map(checks.is_sequence, items))
    if n_lists == 0:
        return [checks.layer_dims_of(items)]
    if n_lists < len(items):
        raise ValueError(
            f"layer_dims must hold the widths of one network or a list of widths for each, got {checks.shown(items)}"
        )
    found = [checks.layer_dims_of(item, f"layer_dims[{i}]") for i, item in enumerate(items)]
    for i, dims in enumerate(found):
        if (dims[0], dims[-1]) != (found[0][0], found[0][-1]):
            raise ValueError(
                f"layer_dims must have the same inputs and outputs in all networks, got {found[0][0]} and "
                f"{found[0][-1]} in layer_dims[0], {dims[0]} and {dims[-1]} in layer_dims[{i}]"
            )
    _refuse_repeated("layer_dims", map(label_of, found))
    return found


def _alternatives(name: str, value: Any, convert: Callable[[str, Any], Any]) -> list[Any]:
    """Return the value, or each item of a list, converted; errors name the item."""
    if not checks.is_sequence(value):
        return [convert(name, value)]
    items = checks.items_of(name, value)
    if not items:
        raise ValueError(f"{name} must be one or a list of at least one, got an empty list")
    found = [convert(f"{name}[{i}]", item) for i, item in enumerate(items)]
    _refuse_repeated(name, map(label_of, found))
    return found


def _activation(name: str, value: Any) -> str | tuple[str, ...]:
    """A name for all hidden layers, or a tuple of one for each; whether they fit the layers is checked later."""
    if checks.is_sequence(value):
        return tuple(hidden_activations(checks.items_of(name, value), len(value)))
    hidden_activations(value, 1)
    return value


def _learning_rate(name: str, value: Any) -> Schedule | None:
    return None if value is None else schedule_of(name, value)


def _refuse_repeated(name: str, labels: Iterable[str]) -> None:
    for label, n in Counter(labels).items():
        if n > 1:
            raise ValueError(f"{name} must be different and have different names, got {label} {n} times")


# ---- initializers


def _initializers(entries: Any) -> list[tuple[str, Any, dict[str, Any]]]:
    """Return label, what draws, and the given parameters, for every entry and every combination of its parameters."""
    items = checks.items_of("initializers", entries) if checks.is_sequence(entries) else []
    if not items:
        raise ValueError(f"initializers must be a list of at least one, got {checks.shown(entries)}")
    found = [made for i, item in enumerate(items) for made in drawn_by(f"initializers[{i}]", item)]
    _refuse_repeated("initializers", [label for label, _, _ in found])
    return found


def drawn_by(name: str, entry: Any) -> list[tuple[str, Any, dict[str, Any]]]:
    """Return the same for one entry; errors begin with ``name``."""
    if isinstance(entry, str):
        checks.choice(name, entry, [*initializers.REGISTRY, *initializers.ALIASES])
        found = initializers.get(entry)
        return [(entry, found if getattr(found, "needs_data", False) else entry, {})]  # a name is drawn fastest
    if checks.is_sequence(entry):
        pair = checks.items_of(name, entry)
        if len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], dict):
            return _with_parameters(name, *pair)
    elif callable(entry) and not isinstance(entry, type):
        return [(label_of(entry), entry, {})]
    raise TypeError(
        f"{name} must be a name, an initializer, a function or a pair (name, {{parameter: values}}), "
        f"got {checks.shown(entry)}{'; call it' if isinstance(entry, type) else ''}"
    )


def _with_parameters(name: str, initializer: str, parameters: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The product of the lists of values."""
    checks.choice(name, initializer, [*initializers.REGISTRY, *initializers.ALIASES])
    for parameter in parameters:
        if not isinstance(parameter, str):
            raise TypeError(f"{name} must name its parameters by texts, got {checks.shown(parameter)}")
        if parameter in (*VARIED, "initializer", "seed"):
            raise ValueError(f"{name}: {initializer} has no parameter {parameter}")
    values = [_alternatives(f"{name}, {key}", value, lambda _, item: item) for key, value in parameters.items()]
    return [
        _with_values(name, initializer, dict(zip(parameters, combination, strict=True)))
        for combination in itertools.product(*values)
    ]


def _with_values(name: str, initializer: str, values: dict[str, Any]) -> tuple[str, Any, dict[str, Any]]:
    try:
        made = initializers.get(initializer, **values)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error
    settled = {key: getattr(made, key, value) for key, value in values.items()}
    shown = {key: value if isinstance(value, (int, float)) else label_of(value) for key, value in settled.items()}
    return called(initializer, [], shown), made, shown
