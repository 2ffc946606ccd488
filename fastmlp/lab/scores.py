"""How well a network predicts: accuracy for classes, R^2 for a regression, and the loss beside that of a constant."""

import math
from collections.abc import Iterator

import numpy as np

from fastmlp import training
from fastmlp.engine.examples import Examples
from fastmlp.lab.measurements import predictions
from fastmlp.lab.scaling import blocks_of
from fastmlp.losses import Loss
from fastmlp.network import MLP

ROWS = 4096  # examples that are predicted at a time
LEAST_GAIN = 0.01  # share by which a run that learned has less loss than the best constant (squared error: R^2)


def is_regression(loss: Loss) -> bool:
    """Whether the targets of a loss are numbers: they are scored by R^2."""
    return loss.targets in ("reals", "counts")


def score(network: MLP, examples: Examples) -> float:
    """Return the share of right labels or, for a regression, R^2."""
    return r2(network, examples) if is_regression(network.loss) else accuracy(network, examples)


def accuracy(network: MLP, examples: Examples) -> float:
    """Return the share of examples all of whose labels are right."""
    right = sum(int((predicted == targets).all(axis=1).sum()) for predicted, targets in _by_rows(network, examples))
    return right / examples.n_examples


def r2(network: MLP, examples: Examples) -> float:
    """Return 1 less the squared errors over those of each output's mean; NaN where all targets are the same."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        mean = examples.targets.mean(axis=1, dtype=np.float64)
        pairs = [
            (np.square(targets - predicted.astype(np.float64)).sum(), np.square(targets - mean).sum())
            for predicted, targets in _by_rows(network, examples)
        ]
        errors, spread = np.sum(pairs, axis=0)
        return float(1 - errors / spread) if spread > 0 else math.nan


def _by_rows(network: MLP, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield predictions and targets (n_rows, n_targets), some rows at a time."""
    assert isinstance(examples.inputs, np.ndarray)
    start = 0
    for rows in blocks_of(examples.inputs, ROWS * examples.inputs.shape[1]):
        yield predictions(network, rows), examples.targets[:, start : start + len(rows)].T
        start += len(rows)


def is_no_better(loss: float, constant_loss: float) -> bool:
    """Whether a loss is not clearly lower than that of the best constant; NaN is not."""
    return not loss <= (1 - LEAST_GAIN) * constant_loss


def loss_of_constant(examples: Examples) -> float:
    """Return the least loss of predictions that are the same for all examples, by training biases alone."""
    loss, targets, dtype = examples.loss, examples.targets, examples.dtype
    network = MLP([1, examples.n_outputs], activation=(), loss=loss, initialization="zeros", dtype=dtype)
    if loss.targets == "reals":  # the best constant of the losses with a kink, where L-BFGS cannot find it
        quantile = loss.parameter if loss.name == "quantile" else 0.5
        network.biases[0][:] = np.quantile(targets, quantile, axis=1, method="inverted_cdf")
    alike = Examples(np.zeros((examples.n_examples, 1), dtype), targets, None, loss, dtype, examples.n_outputs)
    history = training.run(network, alike, training.TrainingOptions(epochs=100, optimizer="lbfgs", report_every=1))
    return float(np.fmin.reduce([*history.losses, history.last_loss], initial=math.inf))
