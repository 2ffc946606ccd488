"""Fitted estimators of scikit-learn made ours, and ours made scikit-learn's."""

import copy
import warnings
from typing import Any

from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fastmlp.engine.plan import join_parameters
from fastmlp.estimators.labels import Labels
from fastmlp.estimators.saving import ATTRIBUTE
from fastmlp.losses import Poisson, SquaredError
from fastmlp.network import MLP
from fastmlp.schedules import Plateau

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")  # of scikit-learn
CHOICES = {  # of parameters that have more values here
    "solver": ("lbfgs", "sgd", "adam"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
    "loss": ("squared_error", "poisson"),
    "verbose": (False, True),
}
THEIR_NAMES = {SquaredError(): "squared_error", Poisson(): "poisson"}  # of losses given as objects


def from_sklearn(cls: type, estimator: Any) -> Any:
    """Return a fitted model of ours, see :meth:`MLPClassifier.from_sklearn`."""
    model = cls()
    kind = _their_kind(model)
    if not isinstance(estimator, kind):
        raise TypeError(
            f"estimator must be a fitted {kind.__module__.split('.')[0]} {kind.__name__}, got {estimator!r:.80}"
        )
    check_is_fitted(estimator)
    model.set_params(**estimator.get_params(deep=False))
    for name, value in _fitted_attributes(estimator).items():
        setattr(model, name, copy.deepcopy(value))
    if is_classifier(model):
        model._labels = Labels.of_binarizer(copy.deepcopy(estimator._label_binarizer))
    widths = [len(estimator.coefs_[0]), *(len(b) for b in estimator.intercepts_)]
    model._network = MLP(
        widths,
        activation=estimator.activation,
        loss=model._loss(),
        initialization="zeros",
        dtype=estimator.coefs_[0].dtype,
    )
    model._network.parameters = join_parameters([W.T for W in estimator.coefs_], list(estimator.intercepts_))
    best = getattr(estimator, "best_loss_", None)
    model._stopping = Plateau() if best is None else Plateau(best=best, n_stalled=estimator._no_improvement_count)
    return model


def to_sklearn(model: Any, network: MLP) -> Any:
    """Return a fitted estimator of scikit-learn's, see :meth:`MLPClassifier.to_sklearn`."""
    hidden = set(network.plan.activations[:-1])
    if len(hidden) > 1 or not hidden <= set(ACTIVATIONS):
        raise ValueError(
            f"activation must be one of {', '.join(ACTIVATIONS)} in all layers for scikit-learn, "
            f"got {model.activation!r}"
        )
    estimator = _their_kind(model)()
    parameters, lost = _their_parameters(model, estimator)
    estimator.set_params(**parameters)
    if network.loss.output == "exponential" and getattr(estimator, "loss", None) != "poisson":
        raise ValueError("loss poisson needs scikit-learn 1.7 or newer")
    if lost:
        warnings.warn(f"scikit-learn would train on without {', '.join(sorted(lost))}", stacklevel=3)
    for name, value in _fitted_attributes(model).items():
        setattr(estimator, name, copy.deepcopy(value))
    estimator.coefs_ = [W.T.copy() for W in network.weights]
    estimator.intercepts_ = [b.copy() for b in network.biases]
    estimator._best_coefs = [W.copy() for W in estimator.coefs_]
    estimator._best_intercepts = [b.copy() for b in estimator.intercepts_]
    estimator._no_improvement_count = model._stopping.n_stalled
    estimator._random_state = check_random_state(copy.deepcopy(model.random_state))
    if is_classifier(model):
        estimator._label_binarizer = copy.deepcopy(model._labels.to_binarizer())
    return estimator


def _their_kind(model: Any) -> Any:
    return neural_network.MLPClassifier if is_classifier(model) else neural_network.MLPRegressor


def _fitted_attributes(estimator: Any) -> dict[str, Any]:
    """The public attributes of a fit, without the parameters of the layers."""
    return {
        name: value
        for name, value in vars(estimator).items()
        if ATTRIBUTE.fullmatch(name) and name not in ("coefs_", "intercepts_")
    }


def _their_parameters(model: Any, estimator: Any) -> tuple[dict[str, Any], list[str]]:
    """scikit-learn's parameters, and the names of those that it cannot have or has with fewer values."""
    theirs, defaults = estimator.get_params(deep=False), type(model)().get_params(deep=False)
    parameters, lost = {}, []
    for name, value in model.get_params(deep=False).items():
        value = THEIR_NAMES.get(value, value) if name == "loss" and not isinstance(value, str) else value
        if name not in theirs:
            lost += [name] if value is not defaults[name] and value != defaults[name] and name != "n_threads" else []
        elif name == "activation":
            parameters[name] = value if isinstance(value, str) else next(iter(value), "relu")
        elif name in CHOICES and not any(value is choice or value == choice for choice in CHOICES[name]):
            lost += [name] if name != "verbose" else []
        else:
            parameters[name] = value
    return parameters, lost
