"""MLPRegressor: scikit-learn's, on the compiled engine."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.preprocessing import StandardScaler
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from fastmlp.estimators import inputs
from fastmlp.estimators.base import BaseMLP
from fastmlp.estimators.documentation import documented
from fastmlp.estimators.fitting import alone
from fastmlp.estimators.validation import r2
from fastmlp.losses import AbsoluteError, Huber, Loss, Poisson, Quantile, SquaredError, loss_of

LOSSES = {loss.name: loss for loss in (SquaredError, Poisson, AbsoluteError, Huber, Quantile)}


@documented
class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron that predicts numbers: scikit-learn's class, on compiled kernels and with more options.

    The arguments up to ``max_fun`` are scikit-learn's, and with the same ``random_state`` so are the losses, parameters
    and predictions, up to rounding.

    Parameters
    ----------
    loss : str or Loss, default="squared_error"
        "squared_error", "poisson", "absolute_error", "huber", "quantile", or an object of :mod:`fastmlp.losses` with
        its parameter, such as ``Quantile(0.9)``. Squared errors of several outputs are averaged in ``loss_``, as in
        scikit-learn; the gradient is that of their sum.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Widths of the hidden layers.
    activation : str or sequence of str, default="relu"
        Activation of the hidden layers, one for all or one for each, see :class:`fastmlp.MLP`.
    {parameters}
    target_scaling : "standard", default=None
        "standard" trains on targets of mean 0 and standard deviation 1, and scales predictions back; losses are those
        of the scaled targets.
    {more_parameters}

    Attributes
    ----------
    target_mean_, target_scale_ : ndarray of shape (n_outputs,)
        Mean and standard deviation of the targets, with ``target_scaling``; weighted where ``sample_weight`` is given.
    {attributes}

    See Also
    --------
    fastmlp.MLPClassifier : The same for classification.
    fastmlp.MLP : The network without scikit-learn's conventions.

    References
    ----------
    Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural networks.
    Kingma & Ba 2015, Adam: a method for stochastic optimization.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastmlp import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(target_scaling="standard", learning_rate_init=0.01, early_stopping=True, random_state=0)
    >>> model.fit(X, y).predict(X[:2]).shape, model.score(X, y) > 0.4
    ((2,), True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions(set(LOSSES)), *LOSSES.values()],
        "target_scaling": [StrOptions({"standard"}), None],
    }

    def __init__(
        self,
        loss: Any = "squared_error",
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
        target_scaling: str | None = None,
        l1: float = 0.0,
        dropout: Any = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        scoring: Any = None,
        resume_optimizer: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self.loss = loss
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
        self.target_scaling = target_scaling
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> Self:
        """Make one epoch over X and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            As in :meth:`fit`.

        Returns
        -------
        self : object
        """
        return self._fit(X, y, sample_weight, validation_data, incremental=True)

    def predict(self, X: Any) -> np.ndarray:
        """Predict values.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        outputs = self._outputs(X)
        if "target_scale_" in self.__dict__:
            outputs = (outputs * self.target_scale_ + self.target_mean_).astype(outputs.dtype, copy=False)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    # ---- what the base class asks for

    def _validate_input(
        self, X: Any, y: Any, *, reset: bool, incremental: bool = True, is_held_out: bool = False
    ) -> tuple[Any, np.ndarray]:
        X, y = inputs.checked(self, X, y, reset=reset, is_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y.reshape(-1, 1) if y.ndim == 1 else y

    def _measure(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        for name in ("target_mean_", "target_scale_"):
            self.__dict__.pop(name, None)
        if self.target_scaling is None:
            return
        if self._loss().targets == "counts":
            raise ValueError(f"target_scaling must be None with the loss poisson, got {self.target_scaling!r}")
        with np.errstate(over="ignore", invalid="ignore"):
            scaler = StandardScaler().fit(y.astype(np.float64), sample_weight=sample_weight)
        if not np.isfinite(scaler.scale_).all():
            raise ValueError("y must have a finite variance to be scaled, but its squares overflow")
        self.target_mean_, self.target_scale_ = scaler.mean_, scaler.scale_

    def _n_outputs_of(self, y: np.ndarray) -> int:
        return y.shape[1]

    def _loss(self) -> Loss:
        return loss_of(self.loss)

    def _targets_of(self, y: np.ndarray) -> np.ndarray:
        return (y - self.target_mean_) / self.target_scale_ if "target_scale_" in self.__dict__ else y

    def _labels_of(self, y: np.ndarray) -> np.ndarray:
        return y[:, 0] if y.shape[1] == 1 else y

    def _weights_of(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray | None:
        return sample_weight

    def _score_of(self, outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None) -> float:
        return r2(outputs, targets, sample_weight)
