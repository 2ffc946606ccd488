"""Examples held out of a fit: their scores and losses after every epoch."""

import copy
import math
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight

from fastmlp.arrays import read
from fastmlp.engine.examples import Examples
from fastmlp.training import History

TOO_SMALL = "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
Part = tuple[Any, np.ndarray, np.ndarray | None]


def split(
    estimator: Any, X: Any, y: np.ndarray, sample_weight: np.ndarray | None, random_state: np.random.RandomState
) -> tuple[Part, Part]:
    """Set aside a share ``validation_fraction`` of the examples, as scikit-learn does; return both parts."""
    is_stratified = is_classifier(estimator) and estimator.n_outputs_ == 1  # scikit-learn stratifies two classes only
    arrays = [X, y] if sample_weight is None else [X, y, sample_weight]
    parts = train_test_split(
        *arrays,
        random_state=random_state,
        test_size=estimator.validation_fraction,
        stratify=y if is_stratified else None,
    )
    if parts[1].shape[0] < 2:
        raise ValueError(TOO_SMALL)
    weights = parts[4:6] if sample_weight is not None else [None, None]
    return (parts[0], parts[2], weights[0]), (parts[1], parts[3], weights[1])


class HeldOut:
    """Examples held out of one fit, and what was measured on them.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Its network has the parameters that are scored.
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_outputs)
        Of the form that the estimator's ``_validate_input`` returns.
    sample_weight : ndarray of shape (n_samples,) or None

    Attributes
    ----------
    scores, losses : list of float
        One of each per epoch.
    """

    def __init__(self, estimator: Any, X: Any, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        self.estimator, self.network, self.scoring = estimator, estimator._network, estimator.scoring
        self.weight = sample_weight
        self.arrays = (X, estimator._targets_of(y), sample_weight)
        self.examples = Examples.of(self.network, *self.arrays)
        self.engine = self.network.engine(self.examples.n_examples, self.examples.data)
        shape = (self.network.plan.layer_dims[-1], self.examples.n_examples)
        self.outputs = np.empty(shape, self.network.plan.dtype)
        self.scores: list[float] = []
        self.losses: list[float] = []
        if self.scoring is None or self.scoring == "loss":
            return
        self.scorer, self.scorer_weights = get_scorer(self.scoring), {}
        takes_weights = "sample_weight" in signature(getattr(self.scorer, "_score_func", self.scorer)).parameters
        if sample_weight is not None and takes_weights:
            self.scorer_weights = {"sample_weight": sample_weight}
        self.scored = copy.copy(estimator)  # shares the network
        self.scored.__dict__.pop("feature_names_in_", None)  # X is an array by now: no warning in each epoch
        self.labels = estimator._labels_of(y)

    @classmethod
    def given(cls, estimator: Any, validation_data: Any) -> "HeldOut":
        """Check ``validation_data``, a tuple (X, y) or (X, y, sample_weight)."""
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise ValueError(
                "validation_data must be a tuple (X, y) or (X, y, sample_weight), got "
                f"{type(validation_data).__name__}"
                + (f" of {len(validation_data)}" if isinstance(validation_data, (tuple, list)) else "")
            )
        if estimator.scoring not in (None, "loss"):
            get_scorer(estimator.scoring)  # whose error does not concern validation_data
        try:
            X, y = estimator._validate_input(*validation_data[:2], reset=False, is_held_out=True)
            if estimator.early_stopping and X.shape[0] < 2:
                raise ValueError(f"early stopping needs at least 2 examples to score, got {X.shape[0]}")
            weight = validation_data[2] if len(validation_data) == 3 else None
            return cls(estimator, X, y, None if weight is None else _check_sample_weight(weight, X))
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from error

    def __call__(self, network: Any = None, X: Any = None, y: Any = None) -> float:
        """Measure loss and score of the present parameters; return the score, larger being better."""
        parameters, data = self.network.parameters, self.examples.data
        self.losses.append(self.engine.loss(parameters, data, self.outputs))
        if self.scoring == "loss":
            score = -self.losses[-1]
        elif self.scoring is not None:
            answer = self.scorer(self.scored, self.arrays[0], self.labels, **self.scorer_weights)
            score = read("what scoring returns", "a number", answer, lambda: float(answer))
        else:
            score = math.nan
            if np.isfinite(self.outputs).all():
                score = self.estimator._score_of(self.outputs, self.examples.targets, self.weight)
        self.scores.append(score)
        return score

    def record(self, estimator: Any, history: History) -> None:
        """Add what was measured to the estimator's attributes."""
        e = estimator
        if history.ended.how == "diverged":  # scikit-learn goes on and records what it then predicts
            self.scores.append(math.nan)
            self.losses.append(math.nan)
        for measured in (self.scores, self.losses):  # Ctrl-C may have come before the last
            measured += [math.nan] * (history.ended.epoch - len(measured))
        n_before = len(e.loss_curve_)  # fits before may have had no examples held out
        for name, measured in (("validation_scores_", self.scores), ("validation_loss_curve_", self.losses)):
            before = getattr(e, name) or []
            setattr(e, name, [*before, *[math.nan] * (n_before - len(before)), *measured])
        best = [score for score in self.scores if not math.isnan(score)]
        before = -math.inf if e.best_validation_score_ is None else e.best_validation_score_
        e.best_validation_score_ = max([*best, before])


def accuracy(outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None) -> float:
    """Return the share of examples with all labels right, as ``sklearn.metrics.accuracy_score`` does.

    Outputs (n_outputs, n) are probabilities; targets (n_targets, n) are those of the kernels.
    """
    if len(targets) == len(outputs):
        is_right = ((outputs > 0.5) == targets).all(axis=0)
    else:
        is_right = np.argmax(outputs, axis=0) == targets[0]
    if sample_weight is None:
        return int(np.count_nonzero(is_right)) / len(is_right)  # in a third of the time of an average
    return float(np.average(is_right, weights=sample_weight))


def r2(outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None) -> float:
    """Return the mean coefficient of determination over the outputs, as ``sklearn.metrics.r2_score`` does."""
    weight = 1.0 if sample_weight is None else sample_weight
    mean = np.average(targets, axis=1, weights=sample_weight)[:, np.newaxis]
    spread = (weight * (targets - mean) ** 2).sum(axis=1, dtype=np.float64)
    if not spread.all():  # a constant target: scikit-learn has rules for it
        return float(r2_score(targets.T, outputs.T, sample_weight=sample_weight))
    error = (weight * (targets - outputs) ** 2).sum(axis=1, dtype=np.float64)
    return float(np.average(1 - error / spread))
