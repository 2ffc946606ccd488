"""The gradient of a network beside central differences of the loss."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks, reference
from fastmlp.engine.examples import Examples
from fastmlp.engine.plan import Plan
from fastmlp.lab.diagnosis.subject import subject_of
from fastmlp.losses import Loss
from fastmlp.network import MLP

TOLERANCES = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-3}
LEAST = 1e-3  # of the largest derivative, and of the loss: smaller derivatives are measured against it
STEP = np.finfo(np.float64).eps ** (1 / 3)  # balances the rounding of the loss with the third derivative
SMALLER_STEPS = (1.0, 0.1, 0.01)  # tried in turn while a kink lies within a step
KINKED = ("relu", "leaky_relu", "selu")
KINKED_LOSSES = ("absolute_error", "quantile")


@dataclass(frozen=True)
class GradientCheck:
    """What :func:`gradient_check` found; of the worst parameter, where it is and both values.

    Attributes
    ----------
    passed : bool
        Whether the error of the worst parameter is within the tolerance.
    layer : int or None
        Its layer, from 1; None if no parameter could be checked.
    parameter : {"W", "b"} or None
    index : tuple of int
        Its place in the layer's W (fan_out, fan_in) or b (fan_out,).
    gradient, difference : float
        The derivative by :meth:`fastmlp.MLP.loss_and_gradient`, and the central difference.
    error : float
        Their difference over the larger of both; derivatives below a thousandth of the largest, or of the loss, are
        measured against that.
    tolerance : float
    n_checked : int
        Parameters that were compared.
    n_at_kinks : int
        Parameters left out since relu, leaky_relu, selu or the loss has a kink within the smallest step.
    """

    passed: bool
    layer: int | None
    parameter: str | None
    index: tuple[int, ...]
    gradient: float
    difference: float
    error: float
    tolerance: float
    n_checked: int
    n_at_kinks: int

    def __str__(self) -> str:
        kinks = f", {self.n_at_kinks} left out at kinks" if self.n_at_kinks else ""
        if self.layer is None:
            return f"no parameter was checked{kinks}"
        place = f"{self.parameter}[{', '.join(map(str, self.index))}] of layer {self.layer}"
        return (
            f"{'passed' if self.passed else 'FAILED'}: {self.n_checked} parameters checked{kinks}; "
            f"the worst is {place}, gradient {self.gradient:.9g}, central difference {self.difference:.9g}, "
            f"error {self.error:.2g} (tolerance {self.tolerance:g})"
        )


def gradient_check(network: Any, X: Any, y: Any, *, n_parameters: int | None = 1000, seed: Any = 0) -> GradientCheck:
    """Compare the gradient of a network with central differences of the NumPy reference's loss, in float64.

    Parameters
    ----------
    network : MLP, MLPClassifier or MLPRegressor
        Estimators must be fitted.
    X : array-like of shape (n_examples, n_features)
        Some tens of examples are enough.
    y : array-like of shape (n_examples,) or (n_examples, n_outputs)
    n_parameters : int, default=1000
        Most parameters that are checked, drawn from all; None checks every one.  Each takes two passes of NumPy.
    seed : None, int, RandomState or Generator, default=0
        Source of that draw.

    Returns
    -------
    GradientCheck

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As :func:`diagnose`, and if the loss or the gradient is not finite.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import gradient_check
    >>> found = gradient_check(MLP([2, 10, 5, 1], activation="tanh", seed=0), *circles(20, seed=1))
    >>> found.passed, found.n_checked
    (True, 91)
    """
    if n_parameters is not None:
        n_parameters = checks.integer("n_parameters", n_parameters, minimum=1)
    generator = checks.seed_of(seed)
    if y is None:
        raise TypeError("y must be targets, got None")
    subject = subject_of(network, X, y)
    mlp, examples = subject.network, subject.examples
    assert examples is not None
    loss, gradient = mlp.loss_and_gradient(subject.inputs, _targets_as_given(mlp.loss, examples))
    checks.check_finite("the gradient", gradient)
    total = len(gradient)
    chosen = np.arange(total)
    if n_parameters is not None and n_parameters < total:
        chosen = np.sort(generator.choice(total, n_parameters, replace=False))
    differences = _Differences(mlp, examples)
    with np.errstate(over="ignore", invalid="ignore"):  # a bounded activation may take an infinite sum
        found = np.array([differences.at(int(at)) for at in chosen])
    return _compared(mlp, gradient[chosen].astype(np.float64), found, chosen, loss)


def _compared(network: MLP, gradient: np.ndarray, found: np.ndarray, chosen: np.ndarray, loss: float) -> GradientCheck:
    tolerance = TOLERANCES[network.plan.dtype]
    is_known = ~np.isnan(found)
    n_at_kinks = int((~is_known).sum())
    if not is_known.any():
        return GradientCheck(True, None, None, (), math.nan, math.nan, 0.0, tolerance, 0, n_at_kinks)
    gradient, found, chosen = gradient[is_known], found[is_known], chosen[is_known]
    sizes = np.maximum(np.abs(gradient), np.abs(found))
    floor = max(LEAST * max(float(sizes.max()), abs(loss)), np.finfo(np.float64).tiny)
    errors = np.abs(gradient - found) / np.maximum(sizes, floor)
    worst = int(np.argmax(errors))
    layer, parameter, index = _place(network.plan, int(chosen[worst]))
    error = float(errors[worst])
    return GradientCheck(
        passed=error <= tolerance,
        layer=layer,
        parameter=parameter,
        index=index,
        gradient=float(gradient[worst]),
        difference=float(found[worst]),
        error=error,
        tolerance=tolerance,
        n_checked=len(found),
        n_at_kinks=n_at_kinks,
    )


def _place(plan: Plan, at: int) -> tuple[int, str, tuple[int, ...]]:
    """Return the layer, name and index of an entry of the flat vector."""
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(plan.layer_dims), start=1):
        if at < fan_in * fan_out:
            return layer, "W", divmod(at, fan_in)
        at -= fan_in * fan_out
        if at < fan_out:
            return layer, "b", (at,)
        at -= fan_out
    raise IndexError(at)


def _targets_as_given(loss: Loss, examples: Examples) -> np.ndarray:
    """Return checked targets in the form that :meth:`fastmlp.MLP.loss_and_gradient` takes."""
    return examples.targets[0] if loss.targets == "classes" else examples.targets.T


class _Differences:
    """Central differences of the reference's mean loss, in float64."""

    def __init__(self, network: MLP, examples: Examples) -> None:
        assert isinstance(examples.inputs, np.ndarray)
        self.plan, self.loss = network.plan, network.loss
        self.parameters = network.parameters.astype(np.float64)
        self.weights, self.biases = self.plan.split(self.parameters)
        self.inputs, self.targets = examples.inputs.T.astype(np.float64), examples.targets.astype(np.float64)
        self.kinked = [i for i, name in enumerate(self.plan.activations[:-1]) if name in KINKED]

    def at(self, place: int) -> float:
        """Return the difference by one parameter, NaN if there is a kink within every step."""
        value = self.parameters[place]
        step = STEP * max(1.0, abs(value))
        try:
            for factor in SMALLER_STEPS:
                sides = []
                for sign in (1, -1):
                    self.parameters[place] = value + sign * factor * step
                    sides.append((self.parameters[place], *self._loss()))
                (above, high, pattern_above), (below, low, pattern_below) = sides
                if all(np.array_equal(a, b) for a, b in zip(pattern_above, pattern_below, strict=True)):
                    return float((high - low) / (above - below))
        finally:
            self.parameters[place] = value
        return math.nan

    def _loss(self) -> tuple[float, list[np.ndarray]]:
        """Return the loss, and on which side of every kink each example is."""
        zs, _ = reference.forward(self.inputs, self.weights, self.biases, self.plan.activations)
        parameter = self.loss.label_smoothing or self.loss.parameter
        sides = [zs[i] > 0 for i in self.kinked]
        if self.loss.name in KINKED_LOSSES:
            sides.append(zs[-1] > self.targets)
        return reference.mean_loss(zs[-1], self.targets, self.loss.name, parameter), sides
