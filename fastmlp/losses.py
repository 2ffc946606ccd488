"""The losses: what each computes from the logits, its targets and its outputs.

Every loss is a mean over examples (weighted by ``sample_weight``) of a sum over outputs, and is finite
wherever its exact value is.  A name stands for the loss with its default parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastmlp import checks


@dataclass(frozen=True)
class Loss:
    """What all losses have: a name, the activation of their outputs, and the domain of their targets.

    Attributes
    ----------
    name : str
        As ``MLP(loss=...)`` takes it.
    output : str
        The activation that turns logits into what :meth:`MLP.predict_proba` or :meth:`MLP.predict` returns.
    targets : {"labels", "classes", "reals", "counts"}
        0 and 1; class indices; any finite numbers; numbers of at least 0.
    parameter : float
        The one number the kernels need, 0 where there is none.
    label_smoothing : float
        Share of the target spread over all classes, from 0 to below 1; of the log-losses only.
    """

    name: ClassVar[str]
    output: ClassVar[str]
    targets: ClassVar[str]
    parameter: ClassVar[float] = 0.0
    label_smoothing: ClassVar[float] = 0.0


@dataclass(frozen=True)
class _Smoothed(Loss):
    label_smoothing: float = 0.0  # type: ignore[misc]

    def __post_init__(self) -> None:
        checks.settle(self, label_smoothing=checks.fraction("label_smoothing", self.label_smoothing))


@dataclass(frozen=True)
class LogLoss(_Smoothed):
    """Binary log-loss of sigmoid outputs, from logits: softplus(z) - z y.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Targets become ``y (1 - label_smoothing) + label_smoothing / 2``.

    References
    ----------
    Szegedy et al. 2016, Rethinking the Inception Architecture, section 7 (label smoothing).

    Examples
    --------
    >>> from fastmlp import MLP, LogLoss
    >>> MLP([2, 3, 1], loss=LogLoss(label_smoothing=0.1)).loss.label_smoothing
    0.1
    """

    name: ClassVar[str] = "log_loss"
    output: ClassVar[str] = "logistic"
    targets: ClassVar[str] = "labels"


@dataclass(frozen=True)
class MultilabelLogLoss(LogLoss):
    """The binary log-loss summed over several outputs, each a label of its own; parameters as :class:`LogLoss`."""

    name: ClassVar[str] = "multilabel_log_loss"


@dataclass(frozen=True)
class MultinomialLogLoss(_Smoothed):
    """Log-loss of softmax outputs over exclusive classes, from logits: log sum exp(z) - z[y].

    Parameters
    ----------
    label_smoothing : float, default=0.0
        The target of class k becomes ``(1 - label_smoothing) (k == y) + label_smoothing / n_classes``.

    References
    ----------
    Szegedy et al. 2016, Rethinking the Inception Architecture, section 7 (label smoothing).
    """

    name: ClassVar[str] = "multinomial_log_loss"
    output: ClassVar[str] = "softmax"
    targets: ClassVar[str] = "classes"


@dataclass(frozen=True)
class SquaredError(Loss):
    """Half the squared error, (z - y)^2 / 2, summed over outputs."""

    name: ClassVar[str] = "squared_error"
    output: ClassVar[str] = "identity"
    targets: ClassVar[str] = "reals"


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """The absolute error, |z - y|; its derivative at 0 is taken as 0."""

    name: ClassVar[str] = "absolute_error"
    output: ClassVar[str] = "identity"
    targets: ClassVar[str] = "reals"


@dataclass(frozen=True)
class Huber(Loss):
    """Half the squared error up to ``delta``, from there on linear: delta (|z - y| - delta / 2).

    Parameters
    ----------
    delta : float, default=1.0
        Over 0.

    References
    ----------
    Huber 1964, Robust estimation of a location parameter.
    """

    delta: float = 1.0
    name: ClassVar[str] = "huber"
    output: ClassVar[str] = "identity"
    targets: ClassVar[str] = "reals"

    def __post_init__(self) -> None:
        checks.settle(self, delta=checks.positive("delta", self.delta))

    @property
    def parameter(self) -> float:  # type: ignore[override]
        """Delta."""
        return self.delta


@dataclass(frozen=True)
class Quantile(Loss):
    """The pinball loss, whose minimum is a quantile: max(q (y - z), (q - 1) (y - z)).

    Parameters
    ----------
    quantile : float, default=0.5
        Between 0 and 1, both excluded.

    References
    ----------
    Koenker & Bassett 1978, Regression quantiles.
    """

    quantile: float = 0.5
    name: ClassVar[str] = "quantile"
    output: ClassVar[str] = "identity"
    targets: ClassVar[str] = "reals"

    def __post_init__(self) -> None:
        checks.settle(self, quantile=checks.open_fraction("quantile", self.quantile))

    @property
    def parameter(self) -> float:  # type: ignore[override]
        """The quantile."""
        return self.quantile


@dataclass(frozen=True)
class Poisson(Loss):
    """Half the Poisson deviance of the rate exp(z): y log(y / exp(z)) - y + exp(z)."""

    name: ClassVar[str] = "poisson"
    output: ClassVar[str] = "exponential"
    targets: ClassVar[str] = "counts"


LOSSES: dict[str, type[Loss]] = {
    loss.name: loss
    for loss in (
        LogLoss,
        MultinomialLogLoss,
        MultilabelLogLoss,
        SquaredError,
        AbsoluteError,
        Huber,
        Quantile,
        Poisson,
    )
}


def loss_of(loss: Any) -> Loss:
    """A loss object as it is, a name with the default parameters."""
    if type(loss) in LOSSES.values():
        return loss
    return LOSSES[checks.choice("loss", loss, list(LOSSES))]()


# ---- targets, in the form the kernels take: C-contiguous (n_targets, n_examples)


def targets_of(loss: Loss, y: Any, n_examples: int, n_outputs: int, dtype: np.dtype) -> np.ndarray:
    """``y``, checked against the domain of the loss and smoothed where the kernels do not do it."""
    if loss.targets == "classes":
        return _classes(y, n_examples, n_outputs, dtype)
    array = _DOMAINS[loss.targets](y, dtype)
    if array.shape != (n_examples, n_outputs) and not (n_outputs == 1 and array.shape == (n_examples,)):
        one = f"({n_examples},) or " if n_outputs == 1 else ""
        raise ValueError(f"y must have shape {one}({n_examples}, {n_outputs}) to match X, got {array.shape}")
    targets = np.ascontiguousarray(array.reshape(n_examples, n_outputs).T, dtype)
    if loss.label_smoothing:
        targets = (targets * (1 - loss.label_smoothing) + loss.label_smoothing / 2).astype(dtype, copy=False)
    return targets


def _labels(y: Any, dtype: np.dtype) -> np.ndarray:
    return checks.labels("y", y)


def _reals(y: Any, dtype: np.dtype) -> np.ndarray:
    array = np.ascontiguousarray(checks.array_of("y", y, dtype))
    checks.check_finite("y", array)
    return array


def _counts(y: Any, dtype: np.dtype) -> np.ndarray:
    array = _reals(y, dtype)
    if array.size and array.min() < 0:
        raise ValueError(f"y must be at least 0 for the loss poisson, got {float(array.min())!r}")
    return array


_DOMAINS: dict[str, Callable[[Any, np.dtype], np.ndarray]] = {"labels": _labels, "reals": _reals, "counts": _counts}


def _classes(y: Any, n_examples: int, n_outputs: int, dtype: np.dtype) -> np.ndarray:
    """One row of class indices, in the dtype of the network."""
    array = _reals(y, np.dtype(np.float64))
    if array.shape != (n_examples,):
        raise ValueError(f"y must have shape ({n_examples},) of class indices to match X, got {array.shape}")
    wrong = array[(array < 0) | (array >= n_outputs) | (array != np.floor(array))]
    if wrong.size:
        raise ValueError(f"y must hold classes 0 to {n_outputs - 1}, one per output; got {float(wrong[0]):g}")
    return np.ascontiguousarray(array[np.newaxis], dtype)
