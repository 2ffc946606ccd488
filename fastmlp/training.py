"""The full-batch training loop between compiled blocks of epochs: reports, callbacks, divergence."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmlp import _kernels


class DivergenceWarning(UserWarning):
    """Training met a loss or a parameter that is not finite, and went back to the last good one."""


@dataclass(frozen=True, eq=False)
class History:
    """What a training recorded.

    Attributes
    ----------
    epochs : ndarray of int64 (n_reports,)
        Epochs at which the loss was recorded, counted from 0 at the start of this training.
    losses : ndarray of float64 (n_reports,)
        The mean loss before the update of that epoch.
    """

    epochs: np.ndarray
    losses: np.ndarray


def full_batch(
    parameters: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    shape: tuple[tuple[int, ...], tuple[str, ...]],
    learning_rate: float,
    epochs: int,
    report_every: int,
    callback: Callable[[int, float], Any] | None,
    progress: bool,
) -> History:
    """Train ``parameters`` in place; ``shape`` is (layer_dims, activations), the rest as in :meth:`MLP.train`."""
    good, gradient = parameters.copy(), np.empty_like(parameters)
    reported: list[tuple[int, float]] = []
    loss, reached = 0.0, 0
    try:
        for epoch in _reports(epochs, report_every, progress):
            loss = _kernels.loss_and_gradient(gradient, parameters, inputs, targets, *shape)
            if not _is_finite(loss, parameters):
                break
            good[:] = parameters
            reported.append((epoch, loss))
            if callback is not None and callback(epoch, loss):
                break
            block = min(report_every, epochs - epoch)
            _kernels.gradient_descent(parameters, gradient, learning_rate)
            _kernels.train(parameters, inputs, targets, *shape, learning_rate, block - 1)
            reached = epoch + block
        else:
            if reached:  # no report has seen the parameters of the last update yet
                loss = _kernels.loss_and_gradient(gradient, parameters, inputs, targets, *shape)
    finally:
        diverged = not _is_finite(loss, parameters)
        if diverged:
            parameters[:] = good
    if diverged:
        _warn_of_divergence(reached, learning_rate, reported)
    return History(np.array([e for e, _ in reported], np.int64), np.array([v for _, v in reported], np.float64))


def _is_finite(loss: float, parameters: np.ndarray) -> bool:
    return bool(np.isfinite(loss)) and _kernels.first_not_finite((parameters,)) < 0


def _reports(epochs: int, report_every: int, progress: bool) -> Any:
    """The epochs at which to report, under a progress bar where one is wanted."""
    epochs_of_reports = range(0, epochs, report_every)
    return _with_progress(epochs_of_reports, epochs) if progress else epochs_of_reports


def _with_progress(epochs_of_reports: range, epochs: int) -> Iterator[int]:
    from tqdm.auto import tqdm

    with tqdm(total=epochs, unit="epoch") as bar:
        for epoch in epochs_of_reports:
            yield epoch
            bar.update(min(epochs_of_reports.step, epochs - epoch))


def _warn_of_divergence(reached: int, learning_rate: float, reported: list[tuple[int, float]]) -> None:
    last = f"those of epoch {reported[-1][0]}" if reported else "the initial ones"
    warnings.warn(
        f"training diverged by epoch {reached}: the loss or a parameter is not finite. The parameters are "
        f"{last}. Try a learning_rate below {learning_rate:g}, smaller initial weights or scaled inputs.",
        DivergenceWarning,
        stacklevel=4,
    )
