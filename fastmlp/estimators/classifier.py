"""MLPClassifier: scikit-learn's, on the compiled engine."""

import math
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils import column_or_1d, compute_class_weight, compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call

from fastmlp.checks import shown
from fastmlp.estimators import inputs
from fastmlp.estimators.base import BaseMLP
from fastmlp.estimators.documentation import documented
from fastmlp.estimators.fitting import alone
from fastmlp.estimators.inputs import is_plain_labels
from fastmlp.estimators.labels import Labels
from fastmlp.estimators.validation import accuracy
from fastmlp.losses import LogLoss, Loss, MultilabelLogLoss, MultinomialLogLoss

LOSSES = {"binary": LogLoss, "multiclass": MultinomialLogLoss, "multilabel-indicator": MultilabelLogLoss}


@documented
class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron that classifies: scikit-learn's class, on compiled kernels and with more options.

    The arguments up to ``max_fun`` are scikit-learn's, and with the same ``random_state`` so are the losses, parameters
    and predictions, up to rounding. Two classes and several labels at once have logistic outputs, more classes softmax.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Widths of the hidden layers.
    activation : str or sequence of str, default="relu"
        Activation of the hidden layers, one for all or one for each, see :class:`fastmlp.MLP`.
    {parameters}
    class_weight : dict or "balanced", default=None
        Weights of the classes; "balanced" gives ``n_samples / (n_classes * n_samples_of_class)``, in ``partial_fit``
        with the numbers of that call. A class that the dict lacks has the weight 1.
    label_smoothing : float, default=0.0
        Share of each target that is spread over all classes, see :mod:`fastmlp.losses`.
    {more_parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, in ascending order.
    {attributes}

    See Also
    --------
    fastmlp.MLPRegressor : The same for regression.
    fastmlp.MLP : The network without scikit-learn's conventions.

    References
    ----------
    Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
    Kingma & Ba 2015, Adam: a method for stochastic optimization.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastmlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(max_iter=1000, random_state=0).fit(X, y)
    >>> model.predict(X[:2]), round(model.score(X, y), 2)
    (array([0, 0]), 0.98)
    """

    classes_: np.ndarray
    _labels: Labels

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        initialization: Any = "glorot_uniform",
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        l1: float = 0.0,
        dropout: Any = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        scoring: Any = None,
        resume_optimizer: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.initialization = initialization
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.l1 = l1
        self.dropout = dropout
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.scoring = scoring
        self.resume_optimizer = resume_optimizer
        self.n_threads = n_threads

    @available_if(lambda estimator: estimator._check_solver())
    @alone
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Make one epoch over X and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All classes that any call will see; needed in the first call.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            As in :meth:`fit`.

        Returns
        -------
        self : object
        """
        is_fitted = self.__sklearn_is_fitted__()
        if classes is not None and not is_fitted:
            if np.size(classes) == 0:
                raise ValueError("classes must hold at least one label, got none")
            self.__dict__.pop("classes_", None)  # of a first call that failed, which may have named the wrong ones
        if _check_partial_fit_first_call(self, classes) or not is_fitted:
            self._labels = Labels.among(self.classes_, y)
        return self._fit(X, y, sample_weight, validation_data, incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The class of the largest probability; for several labels at once, those with a probability over 0.5.
        """
        outputs = self._outputs(X)
        if self._labels.kind == "multiclass":
            return self.classes_[np.argmax(outputs, axis=1)]
        if self._labels.kind == "binary" and len(self.classes_) == 1:
            return np.repeat(self.classes_, len(outputs))
        return self._labels.decode(outputs > 0.5)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; for several labels at once, the probability of each.
        """
        outputs = self._outputs(X)
        if self.n_outputs_ > 1:
            return outputs
        probabilities = np.empty((len(outputs), 2), outputs.dtype)
        probabilities[:, 1] = outputs[:, 0]
        np.subtract(1, outputs[:, 0], out=probabilities[:, 0])
        return probabilities

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithm of the probability of each class: -inf where the probability rounds to 0.

        Parameters and shape are those of :meth:`predict_proba`.
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    # ---- what the base class asks for

    def _validate_input(
        self, X: Any, y: Any, *, reset: bool, incremental: bool = True, is_held_out: bool = False
    ) -> tuple[Any, np.ndarray]:
        X, y = inputs.checked(self, X, y, reset=reset, is_numeric=False)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._labels = Labels.in_(y)
            self.classes_ = self._labels.classes
            encoded = self._labels.encode(y)
        else:
            are_all_needed = self.warm_start and not is_held_out
            encoded = self._labels.encode(y) if is_plain_labels(y) else None
            if encoded is None or are_all_needed:
                self._labels.check(y, are_all_needed)
                encoded = self._labels.encode(y)
        assert encoded is not None
        return X, encoded

    def _n_outputs_of(self, y: np.ndarray) -> int:
        return self._labels.n_outputs

    def _loss(self) -> Loss:
        return LOSSES[self._labels.kind](float(self.label_smoothing))

    def _targets_of(self, y: np.ndarray) -> np.ndarray:
        return y[:, 0] if self._labels.kind == "multiclass" else y

    def _labels_of(self, y: np.ndarray) -> np.ndarray:
        return self._labels.decode(y)

    def _weights_of(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray | None:
        if self.class_weight is None:
            return sample_weight
        if isinstance(self.class_weight, dict):
            _check_class_weight(self.class_weight)
        if isinstance(self.class_weight, dict) and self._labels.binarizer is None:  # y may lack classes of the dict
            weights = compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_)
            of_classes = weights[y[:, 0].astype(np.intp)]
        else:
            of_classes = compute_sample_weight(self.class_weight, self._labels_of(y))
        if not of_classes.any():
            raise ValueError(f"class_weight must give a weight over 0 to a class of y, got {shown(self.class_weight)}")
        return of_classes if sample_weight is None else of_classes * sample_weight

    def _score_of(self, outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None) -> float:
        if len(self.classes_) == 1:  # which is predicted whatever the outputs are
            return 1.0
        return accuracy(outputs, targets, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _check_class_weight(class_weight: dict[Any, Any]) -> None:
    for label, weight in class_weight.items():
        if not (isinstance(weight, Real) and 0 <= float(weight) < math.inf):
            raise ValueError(
                f"class_weight must hold finite numbers of at least 0, got {shown(weight)} for class {shown(label)}"
            )
