"""Losses, computed from the last layer's raw outputs z and the targets y.

Every loss is a sum over outputs, averaged over examples (weighted by ``sample_weight``), and is finite
wherever the dtype holds its exact value.  ``MLP(loss=...)`` takes an object, or a name for the object with default
parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastmlp import checks


@dataclass(frozen=True)
class Loss:
    """Base class of the losses: a name, the activation of the outputs and the domain of the targets.

    Attributes
    ----------
    name : str
        The name that ``MLP(loss=...)`` takes.
    output : str
        The activation that turns z into the result of :meth:`fastmlp.MLP.predict_proba` or
        :meth:`fastmlp.MLP.predict`.
    targets : {"labels", "classes", "reals", "counts"}
        Labels 0 and 1; class indices; finite numbers; numbers of at least 0.
    parameter : float
        The number that the kernels need, such as Huber's delta; 0 if there is none.
    label_smoothing : float
        Share of the target spread over all classes, from 0 to below 1; always 0 but for the log-losses.
    """

    name: ClassVar[str]
    output: ClassVar[str]
    targets: ClassVar[str]
    parameter: ClassVar[float] = 0.0
    label_smoothing: ClassVar[float] = 0.0

    def check(self, n_outputs: int, dtype: np.dtype) -> None:
        """Raise ValueError for parameters and numbers of outputs that ``dtype`` cannot hold."""


@dataclass(frozen=True)
class _Smoothed(Loss):
    label_smoothing: float = 0.0  # type: ignore[misc]

    def __post_init__(self) -> None:
        checks.settle(self, label_smoothing=checks.fraction("label_smoothing", self.label_smoothing))

    def check(self, n_outputs: int, dtype: np.dtype) -> None:
        """See :meth:`Loss.check`."""
        checks.fraction("label_smoothing", self.label_smoothing, dtype)


@dataclass(frozen=True)
class LogLoss(_Smoothed):
    """Binary log-loss of sigmoid outputs: ``softplus(z) - z y``.

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
    """Binary log-loss summed over several outputs, each with its own label 0 or 1.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        As in :class:`LogLoss`.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> MLP([4, 8, 3], loss="multilabel_log_loss", seed=0).predict([[0.0, 1.0, 2.0, 3.0]]).shape
    (1, 3)
    """

    name: ClassVar[str] = "multilabel_log_loss"


@dataclass(frozen=True)
class MultinomialLogLoss(_Smoothed):
    """Log-loss of softmax outputs over exclusive classes: ``log sum exp(z) - z[y]``.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        The target of class k becomes ``(1 - label_smoothing) (k == y) + label_smoothing / n_classes``.

    References
    ----------
    Szegedy et al. 2016, Rethinking the Inception Architecture, section 7 (label smoothing).

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLP, MultinomialLogLoss
    >>> model = MLP([2, 8, 3], loss=MultinomialLogLoss(label_smoothing=0.1), seed=0)
    >>> model.predict_proba(np.eye(2)).shape, model.predict(np.eye(2)).shape
    ((2, 3), (2,))
    """

    name: ClassVar[str] = "multinomial_log_loss"
    output: ClassVar[str] = "softmax"
    targets: ClassVar[str] = "classes"

    def check(self, n_outputs: int, dtype: np.dtype) -> None:
        """See :meth:`Loss.check`: the targets are class indices in the dtype of the network."""
        super().check(n_outputs, dtype)
        most = 2 ** (np.finfo(dtype).nmant + 1)  # larger classes would share a number
        if n_outputs > most:
            raise ValueError(f"{self.name} must have at most {most} classes in {dtype}, got {n_outputs}; use float64")


@dataclass(frozen=True)
class SquaredError(Loss):
    """Half the squared error, ``(z - y)^2 / 2``, summed over outputs.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> MLP([1, 1], loss="squared_error", initialization="zeros").loss_and_gradient([[1.0]], [2.0])[0]
    2.0
    """

    name: ClassVar[str] = "squared_error"
    output: ClassVar[str] = "identity"
    targets: ClassVar[str] = "reals"


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """Absolute error, ``|z - y|``, summed over outputs; its derivative at 0 is taken as 0.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> MLP([1, 1], loss="absolute_error", initialization="zeros").loss_and_gradient([[1.0]], [2.0])[0]
    2.0
    """

    name: ClassVar[str] = "absolute_error"
    output: ClassVar[str] = "identity"
    targets: ClassVar[str] = "reals"


@dataclass(frozen=True)
class Huber(Loss):
    """Half the squared error up to an error of ``delta``, then linear: ``delta (|z - y| - delta / 2)``.

    Parameters
    ----------
    delta : float, default=1.0
        Error up to which the loss is quadratic; over 0.

    References
    ----------
    Huber 1964, Robust estimation of a location parameter.

    Examples
    --------
    >>> from fastmlp import MLP, Huber
    >>> MLP([1, 1], loss=Huber(delta=0.5), initialization="zeros").loss_and_gradient([[1.0]], [2.0])[0]
    0.875
    """

    delta: float = 1.0
    name: ClassVar[str] = "huber"
    output: ClassVar[str] = "identity"
    targets: ClassVar[str] = "reals"

    def __post_init__(self) -> None:
        checks.settle(self, delta=checks.positive("delta", self.delta))

    def check(self, n_outputs: int, dtype: np.dtype) -> None:
        """See :meth:`Loss.check`."""
        checks.positive("delta", self.delta, dtype)

    @property
    def parameter(self) -> float:  # type: ignore[override]
        """The error up to which the loss is quadratic."""
        return self.delta


@dataclass(frozen=True)
class Quantile(Loss):
    """Pinball loss, which a quantile of y minimizes: ``max(q (y - z), (q - 1) (y - z))``.

    Parameters
    ----------
    quantile : float, default=0.5
        The quantile q, between 0 and 1, both excluded.

    References
    ----------
    Koenker & Bassett 1978, Regression quantiles.

    Examples
    --------
    >>> from fastmlp import MLP, Quantile
    >>> MLP([1, 1], loss=Quantile(0.75), initialization="zeros").loss_and_gradient([[1.0]], [2.0])[0]
    1.5
    """

    quantile: float = 0.5
    name: ClassVar[str] = "quantile"
    output: ClassVar[str] = "identity"
    targets: ClassVar[str] = "reals"

    def __post_init__(self) -> None:
        checks.settle(self, quantile=checks.open_fraction("quantile", self.quantile))

    def check(self, n_outputs: int, dtype: np.dtype) -> None:
        """See :meth:`Loss.check`."""
        checks.open_fraction("quantile", self.quantile, dtype)

    @property
    def parameter(self) -> float:  # type: ignore[override]
        """The quantile."""
        return self.quantile


@dataclass(frozen=True)
class Poisson(Loss):
    """Half the Poisson deviance of the rate exp(z): ``y log(y / exp(z)) - y + exp(z)``.

    Examples
    --------
    >>> from fastmlp import MLP
    >>> MLP([1, 1], loss="poisson", initialization="zeros").predict([[1.0]])
    array([1.])
    """

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
    """Return a loss object as it is, and for a name the loss with its default parameters."""
    if type(loss) in LOSSES.values():
        return loss
    return LOSSES[checks.choice("loss", loss, list(LOSSES))]()


# ---- targets, in the form the kernels take: C-contiguous (n_targets, n_examples)


def targets_of(loss: Loss, y: Any, n_examples: int, n_outputs: int, dtype: np.dtype) -> np.ndarray:
    """Check ``y`` against the domain of the loss."""
    if loss.targets == "classes":
        return _classes(y, n_examples, n_outputs, dtype)
    array = _DOMAINS[loss.targets](y, dtype)
    if array.shape != (n_examples, n_outputs) and not (n_outputs == 1 and array.shape == (n_examples,)):
        one = f"({n_examples},) or " if n_outputs == 1 else ""
        raise ValueError(f"y must have shape {one}({n_examples}, {n_outputs}) to match X, got {array.shape}")
    return np.ascontiguousarray(array.reshape(n_examples, n_outputs).T, dtype)


def _labels(y: Any, dtype: np.dtype) -> np.ndarray:
    return checks.labels("y", y)


def _reals(y: Any, dtype: np.dtype) -> np.ndarray:
    array = np.ascontiguousarray(checks.array_of("y", y, dtype))
    checks.check_finite("y", array)
    return array


def _counts(y: Any, dtype: np.dtype) -> np.ndarray:
    array = _reals(y, dtype)
    least = float(array.min()) if array.size else 0.0
    if least < 0:
        raise ValueError(f"y must be at least 0 for the loss poisson, got {least!r}")
    return array


_DOMAINS: dict[str, Callable[[Any, np.dtype], np.ndarray]] = {"labels": _labels, "reals": _reals, "counts": _counts}


def _classes(y: Any, n_examples: int, n_outputs: int, dtype: np.dtype) -> np.ndarray:
    """One row of class indices, in the dtype of the network, which can hold them; see MultinomialLogLoss.check."""
    array = _reals(y, np.dtype(np.float64))
    if array.shape != (n_examples,):
        raise ValueError(f"y must have shape ({n_examples},) of class indices to match X, got {array.shape}")
    wrong = array[(array < 0) | (array >= n_outputs) | (array != np.floor(array))]
    if wrong.size:
        raise ValueError(f"y must hold classes 0 to {n_outputs - 1}, one per output; got {float(wrong[0]):g}")
    return np.ascontiguousarray(array[np.newaxis], dtype)
