"""What the classifier and the regressor share: a fit, from checked arguments to scikit-learn's attributes."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight

from fastmlp import checks, initializers, training
from fastmlp.arrays import shown
from fastmlp.engine.examples import Examples
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS, hidden_activations
from fastmlp.estimators import scales, solvers
from fastmlp.estimators.compatibility import CallbackSupportMixin
from fastmlp.estimators.display import LossCurveDisplay
from fastmlp.estimators.draws import Draws
from fastmlp.estimators.exporting import Exporting
from fastmlp.estimators.fitting import alone, unchanged_if_failed
from fastmlp.estimators.layers import FittedLayers
from fastmlp.estimators.validation import HeldOut, split
from fastmlp.estimators.warn import warn
from fastmlp.estimators.watching import Tasks, Watcher
from fastmlp.losses import Loss
from fastmlp.network import MLP
from fastmlp.optimizers import Optimizer
from fastmlp.schedules import Plateau, Schedule

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


class BaseMLP(Exporting, FittedLayers, CallbackSupportMixin, BaseEstimator, ABC):
    """Base class of :class:`MLPClassifier` and :class:`MLPRegressor`, which describe its parameters and attributes."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(HIDDEN_ACTIVATIONS)), list, tuple],
        "solver": [StrOptions(set(solvers.SOLVERS)), Optimizer],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), Schedule],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose", StrOptions({"bar"})],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "initialization": [str, callable, list, tuple],
        "l1": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
        "clip_value": [Interval(Real, 0, None, closed="neither"), None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "scoring": [str, callable, None],
        "resume_optimizer": ["boolean"],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    @alone
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> Self:
        """Fit the model to X and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels, or values to predict.
        sample_weight : array-like of shape (n_samples,), default=None
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Examples that are not trained on, scored after every epoch.  With ``early_stopping`` they decide when to
            stop, in place of a part of X and y.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If an argument or array is wrong, or training diverges; the parameters are then the last finite ones.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` epochs were made and no rule had ended the training.
        """
        return self._fit(X, y, sample_weight, validation_data, incremental=False)

    def _check_solver(self) -> bool:
        """AttributeError, so that ``partial_fit`` does not exist, for a solver that needs all examples at once."""
        if solvers.method_of(self) == "lbfgs":
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def loss_curve_display(self, *, ax: Any = None) -> LossCurveDisplay:
        """Draw the losses of all epochs, and the scores of examples held out.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        LossCurveDisplay
        """
        return LossCurveDisplay.from_estimator(self, ax=ax)

    # ---- what the two kinds of estimators do differently

    @abstractmethod
    def _validate_input(
        self, X: Any, y: Any, *, reset: bool, incremental: bool = True, is_held_out: bool = False
    ) -> tuple[Any, np.ndarray]:
        """Return X as float32 or float64, and y as an array of 2 dimensions, examples in rows."""

    @abstractmethod
    def _n_outputs_of(self, y: np.ndarray) -> int:
        """Return the number of outputs of a network for y of :meth:`_validate_input`."""

    @abstractmethod
    def _loss(self) -> Loss:
        """Return the loss of the network, for the y seen by :meth:`_validate_input`."""

    @abstractmethod
    def _targets_of(self, y: np.ndarray) -> np.ndarray:
        """Return y of :meth:`_validate_input` in the form that the kernels take."""

    @abstractmethod
    def _labels_of(self, y: np.ndarray) -> np.ndarray:
        """Return y of :meth:`_validate_input` in the form that the user gave."""

    @abstractmethod
    def _weights_of(self, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray | None:
        """Return the weights of the examples of y."""

    def _measure(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        """Note of the targets of a first fit what it needs; nothing here."""

    @abstractmethod
    def _score_of(self, outputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None) -> float:
        """Return scikit-learn's default score of outputs (n_outputs, n) and the kernels' targets (n_targets, n)."""

    # ---- one fit

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool) -> Self:
        hidden = hidden_layer_sizes_of(self.hidden_layer_sizes)
        is_first = not self.__sklearn_is_fitted__() or not (self.warm_start or incremental)
        tasks = Tasks.of(self, X, y, sample_weight, incremental)
        runs_foreign_code = bool(tasks or self.verbose or self.scoring or isinstance(self.learning_rate, Schedule))
        with unchanged_if_failed(self, not is_first and (not incremental or runs_foreign_code)):
            X, y = self._validate_input(X, y, reset=is_first, incremental=incremental)
            if sample_weight is not None:
                sample_weight = _check_sample_weight(sample_weight, X)
            draws = Draws(self.random_state)
            if is_first:
                self._measure(y, sample_weight)
                self._start(X, (X.shape[1], *hidden, self._n_outputs_of(y)), draws)
            else:
                self._go_on(hidden)
            if self.early_stopping and incremental and validation_data is None:
                raise ValueError("partial_fit does not support early_stopping=True")
            history = self._train(X, y, sample_weight, tasks, validation_data, draws, incremental)
        self._warn(history, X, incremental)
        return self

    def _start(self, X: Any, layer_dims: Sequence[int], draws: Draws) -> None:
        """Draw a new network and set the attributes of a model before its first epoch."""
        is_default = isinstance(self.initialization, str) and self.initialization == "glorot_uniform"
        initialization = "scikit-learn" if is_default else self.initialization
        self._network = MLP(
            layer_dims,
            activation=self.activation,
            loss=self._loss(),
            initialization=initializers.bound_to(initialization, X),
            dtype=X.dtype,
            seed=draws.random_state,
        )
        # the draws go on elsewhere, and a model keeps neither the caller's random state nor the caller's data
        self._network.seed, self._network.initialization = None, initialization
        self.n_iter_ = self.t_ = 0
        self.n_layers_, self.n_outputs_ = len(layer_dims), layer_dims[-1]
        self.out_activation_ = _out_activation_of(self._network.loss)
        self._stopping = Plateau()
        self.loss_curve_: list[float] = []
        self.validation_loss_curve_: list[float] | None = None
        stops_early = self.early_stopping and solvers.method_of(self) != "lbfgs"
        self.validation_scores_: list[float] | None = [] if stops_early else None
        self.best_validation_score_ = -math.inf if stops_early else None
        self.best_loss_ = None if stops_early else math.inf

    def _go_on(self, hidden: Sequence[int]) -> None:
        """Let a fit that goes on from a network follow the present activation and loss; its layers stay.

        As in scikit-learn, other widths in ``hidden_layer_sizes`` have no effect, and another number of them is an
        error.
        """
        network = self._network
        if len(hidden) + 2 != self.n_layers_:
            raise ValueError(
                f"hidden_layer_sizes must have {self.n_layers_ - 2} entries, as in the fit before, where warm_start or "
                f"partial_fit goes on from its layers; got {list(hidden)}"
            )
        plan, loss = network.plan, self._loss()
        if network.loss == loss and list(plan.activations[:-1]) == list(
            hidden_activations(self.activation, len(hidden))
        ):
            return
        self._network = MLP(
            plan.layer_dims, activation=self.activation, loss=loss, initialization="zeros", dtype=plan.dtype
        )
        self._network.parameters[:] = network.parameters
        self._network.training_state = network.training_state
        self.out_activation_ = _out_activation_of(loss)

    def _train(
        self,
        X: Any,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
        tasks: Tasks | None,
        validation_data: Any,
        draws: Draws,
        incremental: bool,
    ) -> training.History:
        network, held_out = self._network, None
        if validation_data is not None:
            held_out = HeldOut.given(self, validation_data)
        elif self.early_stopping and solvers.method_of(self) != "lbfgs":
            (X, y, sample_weight), theirs = split(self, X, y, sample_weight, draws.random_state)
            held_out = HeldOut(self, *theirs)
        if not incremental:
            self.__dict__.pop("_best_parameters", None)
        elif held_out is not None and self.early_stopping and "_best_parameters" not in self.__dict__:
            self._best_parameters = network.parameters.copy()  # those of the fit before, or of a loaded model
        examples = Examples.of(network, X, self._targets_of(y), self._weights_of(y, sample_weight))
        n = examples.n_examples
        draws.begin_orders(n)
        options = solvers.options_of(self, n, draws, held_out, incremental)
        solvers.continue_training(self, options, incremental)
        with Watcher(self, tasks, n, held_out, options.epochs) as watcher:
            history = training.run(
                network,
                examples,
                options,
                stopping=self._stopping,
                after_epoch=watcher.after_epoch,
                returns_when_interrupted=True,
            )
            if self.shuffle and solvers.method_of(self) != "lbfgs":
                draws.leave_after(history.ended.epoch)
            self._record(history, n, held_out, incremental)
            watcher.end(history.ended)
        return history

    def _record(self, history: training.History, n_examples: int, held_out: HeldOut | None, incremental: bool) -> None:
        """Set scikit-learn's attributes from what a training recorded."""
        self.n_iter_, losses = history.ended.epoch, history.losses.tolist()
        if not math.isnan(history.last_loss):
            self.loss_ = history.last_loss
        if held_out is not None:
            held_out.record(self, history)
            if incremental and self.early_stopping:
                self._keep_best(held_out, history)
        is_descent = solvers.method_of(self) != "lbfgs"
        if not is_descent:  # it reports the loss before each step
            losses = [*losses[1:], history.last_loss][: self.n_iter_]
        losses += [math.nan] * (self.n_iter_ - len(losses))  # of an epoch that made it infinite
        self.loss_curve_ += losses
        if self.best_loss_ is not None:
            self.best_loss_ = min([self.best_loss_, *losses])
        if is_descent:
            self.t_ += self.n_iter_ * n_examples
            solvers.note_plateau(self)

    def _keep_best(self, held_out: HeldOut, history: training.History) -> None:
        """Keep the parameters of the best score of all calls of partial_fit; put them back once the rule ends it."""
        parameters = self._network.parameters
        if held_out.scores[-1] == self.best_validation_score_:
            self._best_parameters = parameters.copy()
        elif history.ended.how == "stopped":
            parameters[:] = self._best_parameters

    def _warn(self, history: training.History, X: Any, incremental: bool) -> None:
        """Issue scikit-learn's warnings about how the training ended, and its error for one that diverged."""
        ended, why = history.ended, history.ended.why
        if isinstance(self.learning_rate, str):
            why = why.replace("learning_rate", "learning_rate_init")  # what estimators call the rate
        if ended.how == "interrupted":
            warn("Training interrupted by user.")
        elif ended.how == "diverged" and (incremental or not self.early_stopping):
            raise ValueError(f"{NOT_FINITE} Training diverged at {why}")
        elif ended.how == "diverged":
            warn(f"Training diverged at {why}", training.DivergenceWarning)
        elif not incremental:
            solvers.warn_if_not_converged(self, ended)
        if not incremental:
            scales.warn_if_unscaled(self, X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _out_activation_of(loss: Loss) -> str:
    """Return scikit-learn's name of the activation of the output."""
    return {"exponential": "exp"}.get(loss.output, loss.output)


def hidden_layer_sizes_of(hidden_layer_sizes: Any) -> list[int]:
    """Return the widths as a list; a single number is one layer."""
    if not hasattr(hidden_layer_sizes, "__iter__"):
        hidden_layer_sizes = [hidden_layer_sizes]
    widths = checks.items_of("hidden_layer_sizes", hidden_layer_sizes)
    if not all(isinstance(width, Integral) and not isinstance(width, bool) for width in widths):
        raise TypeError(f"hidden_layer_sizes must hold integers, got {shown(widths)}")
    if not all(width > 0 for width in widths):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {widths}.")
    if max(widths, default=0) > checks.MOST_UNITS:
        raise ValueError(f"hidden_layer_sizes must be at most {checks.MOST_UNITS} each, got {shown(max(widths))}")
    return widths
