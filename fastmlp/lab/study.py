"""The study: one network trained from several initializations on the same data."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import checks, training
from fastmlp.engine.examples import Examples, dense_inputs_of
from fastmlp.lab.diagnostics import Diagnostics, diagnose
from fastmlp.network import MLP
from fastmlp.training import History

MOSTLY = 0.5  # least share of units or outputs for which a symptom is reported


@dataclass(frozen=True)
class Run:
    """One training of the study.

    Attributes
    ----------
    initialization : str
    network : MLP
        After training.
    history : History
    seconds : float
        Duration of the training alone.
    train_accuracy, test_accuracy : float
        Shares of right labels after training, from 0 to 1.
    start, end : Diagnostics
        Measurements on the training examples, before and after training.
    diverged : bool
        Whether something in the training was not finite.
    """

    initialization: str
    network: MLP
    history: History
    seconds: float
    train_accuracy: float
    test_accuracy: float
    start: Diagnostics
    end: Diagnostics
    diverged: bool

    @property
    def what_happened(self) -> str:
        """The symptom that the measurements show, in a few words."""
        losses = self.history.losses
        if self.diverged:
            return "diverged: the loss is not finite"
        if self.history.ended.symptom == "loss grew":
            return "diverged: the loss ended over ten times its start"
        if self.start.symmetric and self.end.symmetric:
            return "symmetry not broken: hidden units stay identical"
        if self.start.saturated_outputs >= MOSTLY:
            low, high = self.start.smallest_logit, self.start.largest_logit
            return (
                f"weights too large: {self.start.saturated_outputs:.0%} of outputs saturated at the start, "
                f"logits {low:.4g} to {high:.4g}"
            )
        if self.end.dead_units >= MOSTLY:
            return f"dead units: {self.end.dead_units:.0%} of hidden units give one value for all examples"
        if len(losses) > 1 and losses[-1] >= losses[0]:
            return "does not learn: the loss has not fallen"
        dead = f", {self.end.dead_units:.0%} dead units" if self.end.dead_units else ""
        return f"learns: no symptom{dead}"


def run_study(
    layer_dims: Sequence[int],
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    initializations: Sequence[str] = ("zeros", "random", "he"),
    seed: int = 3,
    learning_rate: float = 0.01,
    epochs: int = 15000,
    report_every: int = 1000,
    dtype: str = "float64",
) -> list[Run]:
    """Train the same network from several initializations, by full-batch gradient descent.

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs.
    train, test : tuple
        X (n_examples, n_features) and y (n_examples,), labels 0 and 1.
    initializations : sequence of str, default=("zeros", "random", "he")
        Names from :data:`fastmlp.initializers.REGISTRY`.
    seed : int, default=3
        Seed of every initialization.
    learning_rate : float, default=0.01
        Over 0.
    epochs : int, default=15000
        Updates of each training.
    report_every : int, default=1000
        Epochs from one recorded loss to the next.
    dtype : {"float64", "float32"}, default="float64"
        Type of all computations.

    Returns
    -------
    list of Run
        In the order of ``initializations``.

    Raises
    ------
    TypeError, ValueError
        If an argument is out of range or the arrays do not fit together.

    Examples
    --------
    >>> from fastmlp.datasets import circles
    >>> from fastmlp.lab import run_study
    >>> runs = run_study([2, 10, 5, 1], circles(300, seed=1), circles(100, seed=2))
    >>> [run.test_accuracy for run in runs]
    [0.5, 0.86, 0.96]
    """
    if not checks.is_sequence(initializations) or not len(initializations):
        raise ValueError(f"initializations must be a list of at least one name, got {checks.shown(initializations)}")
    for name, data in (("train", train), ("test", test)):
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError(f"{name} must be a pair (X, y), got {checks.shown(data)}")
    networks = [MLP(layer_dims, initialization=name, dtype=dtype, seed=seed) for name in initializations]
    examples, test_examples = (_checked(networks[0], name, *data) for name, data in (("train", train), ("test", test)))
    options = training.TrainingOptions(learning_rate=learning_rate, epochs=epochs, report_every=report_every)
    runs = []
    for name, network in zip(initializations, networks, strict=True):
        start = diagnose(network, train[0])
        began = time.perf_counter()
        history = training.run(network, examples, options)
        seconds = time.perf_counter() - began
        runs.append(
            Run(
                initialization=name,
                network=network,
                history=history,
                seconds=seconds,
                train_accuracy=_accuracy(network, train[0], examples),
                test_accuracy=_accuracy(network, test[0], test_examples),
                start=start,
                end=diagnose(network, train[0]),
                diverged=history.ended.how == "diverged",
            )
        )
    return runs


def _checked(network: MLP, name: str, X: Any, y: Any) -> Examples:
    """Check X and y as a training would, before any training."""
    try:
        dense_inputs_of(X, network.plan.layer_dims[0], network.plan.dtype)
        return network.examples(X, y)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from error


def _accuracy(network: MLP, X: Any, examples: Examples) -> float:
    predictions = network.predict(X).reshape(examples.n_examples, -1)
    return float(np.mean(predictions == examples.targets.T))
