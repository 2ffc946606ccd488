"""The arguments of a diagnosis, checked before any work."""

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.engine.examples import Examples, dense_inputs_of
from fastmlp.lab.scaling import Standardization
from fastmlp.network import MLP


@dataclass(frozen=True, eq=False)
class Subject:
    """A network with the examples that it is diagnosed on.

    Attributes
    ----------
    network : MLP
    inputs : ndarray of shape (n_examples, n_features)
    examples : Examples or None
        The same with targets, if there are any.
    """

    network: MLP
    inputs: np.ndarray
    examples: Examples | None = None

    def rows(self, start: int, end: int) -> _kernels.Data:
        """Return the examples from ``start`` to before ``end``, with their targets if there are any."""
        if self.examples is None:
            return _kernels.Data(self.inputs[start:end])
        return self.examples.rows(start, end)

    def some(self, step: int, scaling: Standardization) -> "Subject":
        """Return every ``step``-th example, with standardized features."""
        inputs = scaling.apply(np.ascontiguousarray(self.inputs[::step]))
        if self.examples is None:
            return replace(self, inputs=inputs)
        targets = np.ascontiguousarray(self.examples.targets[:, ::step])
        return replace(self, inputs=inputs, examples=replace(self.examples, inputs=inputs, targets=targets))


def subject_of(network: Any, X: Any, y: Any) -> Subject:
    """Check a network or fitted estimator, X and y.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; the error names it.
    RuntimeError
        If the network is in training, except in its own callback.
    """
    mlp = network_of(network)
    mlp.occupancy.refuse_changing("diagnosing")
    if y is not None and mlp is not network:
        X, y = network._validate_input(X, y, reset=False, is_held_out=True)
        y = network._targets_of(y)
    inputs = dense_inputs_of(X, mlp.plan.layer_dims[0], mlp.plan.dtype)
    if len(inputs) < 2:
        raise ValueError("X must have at least 2 examples: whether a unit is dead shows between examples; got 1")
    if (inputs[1] == inputs[0]).all() and (inputs == inputs[0]).all():
        raise ValueError(f"X must hold different examples, got {len(inputs)} that are all the same")
    return Subject(mlp, inputs, None if y is None else mlp.examples(inputs, y))


def network_of(network: Any) -> MLP:
    """Return an MLP as it is, and that of a fitted estimator."""
    if isinstance(network, MLP):
        return network
    estimators = sys.modules.get("fastmlp.estimators.base")  # not imported for the sake of a check
    if estimators is None or not isinstance(network, estimators.BaseMLP):
        raise TypeError(f"network must be an MLP, MLPClassifier or MLPRegressor, got {checks.shown(network)}")
    inner = vars(network).get("_network")
    if inner is None:
        raise ValueError(f"network must be fitted: call fit of the {type(network).__name__} first")
    return inner
