"""MLP: the thin model class over the compiled kernels, with one flat vector of parameters."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastmlp import _kernels, checks, initializers, training
from fastmlp.engine import overflow
from fastmlp.engine.examples import Examples
from fastmlp.engine.plan import Plan, hidden_activations, join_parameters
from fastmlp.export.exportable import Exportable
from fastmlp.export.persistent import Persistent
from fastmlp.losses import Loss, loss_of
from fastmlp.optimizers import Optimizer
from fastmlp.prediction import Predictor
from fastmlp.schedules import Schedule
from fastmlp.training import History, TrainingOptions, TrainingState
from fastmlp.training.occupancy import Occupancy


class MLP(Predictor, Persistent, Exportable):
    """A multi-layer perceptron for classification or regression.

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs: at least two, each at least 1.
    activation : str or sequence of str, default="relu"
        Activation of the hidden layers, one for all or one for each: "relu", "tanh", "logistic", "identity",
        "leaky_relu" (slope 0.01), "elu", "selu", "gelu", "gelu_tanh", "silu" or "softplus".
    loss : str or Loss, default="log_loss"
        Loss of the last layer's raw outputs, which also decides what the model predicts. A name, or an object
        of :mod:`fastmlp.losses` with its parameters:

        - "log_loss": sigmoid outputs; targets 0 and 1
        - "multilabel_log_loss": the same for several outputs
        - "multinomial_log_loss": softmax outputs; targets are class indices
        - "squared_error", "absolute_error", "huber", "quantile": real targets
        - "poisson": outputs are rates; targets are numbers of at least 0
    initialization : str, callable or sequence, default="he"
        Rule for the initial weights, see :func:`fastmlp.initializers.draw`.
    dtype : {"float64", "float32"}, default="float64"
        Type of the parameters and of all computations.
    seed : None, int, RandomState or Generator, default=None
        Source of the initial weights.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
        All parameters in one vector: W (fan_out, fan_in), then b (fan_out,), layer after layer.
    weights, biases : list of ndarray
        Views of ``parameters``: writing to them changes the model.
    plan : Plan
        Widths, activations and dtype.
    loss : Loss
        The loss with its parameters.
    training_state : TrainingState
        Where :meth:`train` continues.

    Raises
    ------
    TypeError, ValueError
        If a width, name, dtype or seed is not one of those above.

    Notes
    -----
    While a model trains, another call of :meth:`train` or :meth:`initialize` is refused by a RuntimeError, in any
    thread.  So are :meth:`save`, :meth:`to_c`, :meth:`to_onnx`, pickling, copying and assigning ``parameters``, except
    in the training's own callback and ``validation_score``.  Predictions, losses and gradients may run at the same
    time, any number of them; they read the parameters as they come, which in the middle of an update are partly old and
    partly new.  In a process that was forked by another thread meanwhile, the model predicts, but all else is refused
    until it is initialized.

    References
    ----------
    Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLP
    >>> X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> model = MLP([2, 8, 1], activation="tanh", seed=1)
    >>> history = model.train(X, y, learning_rate=0.5, epochs=2000)
    >>> model.predict(X)
    array([0, 1, 1, 0])
    """

    def __init__(
        self,
        layer_dims: Sequence[int],
        *,
        activation: str | Sequence[str] = "relu",
        loss: str | Loss = "log_loss",
        initialization: Any = "he",
        dtype: Any = "float64",
        seed: Any = None,
    ) -> None:
        dims = checks.layer_dims_of(layer_dims)
        self.loss = loss_of(loss)
        self.plan = Plan(
            dims, (*hidden_activations(activation, len(dims) - 2), self.loss.output), checks.dtype_of(dtype)
        )
        self.loss.check(dims[-1], self.plan.dtype)
        self.initialization = initialization
        self.seed = seed
        checks.check_memory("layer_dims", 3 * 8 * self.plan.n_parameters)  # drawn, joined, in the dtype asked for
        self._parameters = np.zeros(self.plan.n_parameters, self.plan.dtype)
        self._engine_of_one: _kernels.Engine | None = None
        self.occupancy = Occupancy()
        self.initialize()

    def __repr__(self) -> str:
        *hidden, _ = self.plan.activations
        dims, dtype = list(self.plan.layer_dims), self.plan.dtype.name
        loss = repr(self.loss.name if self.loss == loss_of(self.loss.name) else self.loss)
        return f"MLP({dims}, activation={hidden}, loss={loss}, dtype={dtype!r})"

    def initialize(self) -> "MLP":
        """Draw new parameters and forget all training; an int as seed draws the same ones again.

        Returns
        -------
        MLP
            The model itself.

        Raises
        ------
        ValueError
            If the initialization returns layers of the wrong number, shape or values.
        TypeError
            If the model comes from a pickle that left out an initialization which could not be pickled.
        """
        if self.initialization is None:
            raise TypeError(
                "initialization must be a name, a function or a sequence of these, got None; a pickle leaves out what "
                "cannot be pickled: assign model.initialization"
            )
        with self.occupancy.training("initialize"):
            drawn = initializers.draw(self.initialization, self.plan.layer_dims, self.seed, self.plan.activations)
            self._assign("initialization", join_parameters(*drawn))
            self.training_state = TrainingState()
        return self

    @property
    def parameters(self) -> np.ndarray:
        """All parameters, an ndarray of shape (n_parameters,); an assigned array is checked and copied into it."""
        return self._parameters

    @parameters.setter
    def parameters(self, value: Any) -> None:
        self.occupancy.refuse_changing("assigning parameters")
        self._assign("parameters", value)

    def _assign(self, name: str, value: Any) -> None:
        array = np.ascontiguousarray(checks.array_of(name, value, self.plan.dtype))
        if array.shape != self._parameters.shape:
            raise ValueError(f"{name} must have shape {self._parameters.shape}, got {array.shape}")
        checks.check_finite(name, array)
        self._parameters[:] = array

    @property
    def weights(self) -> list[np.ndarray]:
        """Views of the parameters of shape (fan_out, fan_in), one per layer."""
        return self.plan.split(self.parameters)[0]

    @property
    def biases(self) -> list[np.ndarray]:
        """Views of the parameters of shape (fan_out,), one per layer."""
        return self.plan.split(self.parameters)[1]

    def loss_and_gradient(self, X: Any, y: Any, *, sample_weight: Any = None) -> tuple[float, np.ndarray]:
        """Compute the mean loss and its gradient with respect to the parameters.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_examples, n_features)
        y : array-like of shape (n_examples,) or (n_examples, n_outputs)
            Targets in the domain of the loss.
        sample_weight : array-like of shape (n_examples,), default=None
            Weights of the mean, each at least 0 and not all 0; None weighs all examples alike.

        Returns
        -------
        loss : float
        gradient : ndarray of shape (n_parameters,)
            Has the layout of ``parameters``; ``plan.split(gradient)`` gives each layer's dW and db.  Loss and gradient
            are infinite where they are beyond the range of the dtype.

        Raises
        ------
        TypeError, ValueError
            If an array has the wrong type or shape, is empty or not finite, targets lie outside the domain of the
            loss, or sums overflow so that the loss or the gradient would be NaN.

        Examples
        --------
        >>> from fastmlp import MLP
        >>> loss, gradient = MLP([1, 1], initialization="zeros").loss_and_gradient([[2.0]], [1])
        >>> round(loss, 4), gradient
        (0.6931, array([-1. , -0.5]))
        """
        examples = self.examples(X, y, sample_weight=sample_weight)
        checks.check_finite("parameters", self.parameters)
        gradient = np.empty_like(self.parameters)
        engine = self.engine(examples.n_examples, examples.data)
        loss = engine.loss_and_gradient(gradient, self.parameters, examples.data)
        if overflow.has_nan(loss, gradient):
            overflow.refuse_examples(self, examples)
        return loss, gradient

    def examples(self, X: Any, y: Any, *, sample_weight: Any = None) -> Examples:
        """Check X, y and weights once, for any number of trainings of networks like this one.

        Parameters and errors are those of :meth:`loss_and_gradient`. :func:`fastmlp.training.run` trains on the
        result.

        Returns
        -------
        Examples

        Examples
        --------
        >>> from fastmlp import MLP
        >>> MLP([2, 3, 1]).examples([[0.0, 1.0], [1.0, 0.0]], [0, 1]).n_examples
        2
        """
        return Examples.of(self, X, y, sample_weight)

    def train(
        self,
        X: Any,
        y: Any,
        *,
        epochs: int,
        batch_size: int | None = None,
        optimizer: str | Optimizer | None = None,
        learning_rate: float | Schedule | None = None,
        shuffle: bool | Callable[[int, np.ndarray], object] = True,
        seed: Any = None,
        sample_weight: Any = None,
        l1: float = 0.0,
        l2: float = 0.0,
        penalty: str = "mean",
        clip_value: float | None = None,
        clip_norm: float | None = None,
        dropout: float | Sequence[float] = 0.0,
        n_iter_no_change: int | None = None,
        tol: float = 1e-4,
        restore_best: bool | None = None,
        validation: tuple[Any, ...] | None = None,
        validation_every: int = 1,
        validation_score: Callable[..., float] | None = None,
        n_threads: int | None = None,
        report_every: int | None = None,
        callback: Callable[[int, float], Any] | None = None,
        progress: bool = False,
    ) -> History:
        """Train from the present parameters; call again to continue.

        A second call with the same optimizer (or none named) and the same learning rate continues its moments, the
        place in the schedule, the orders of the examples and the dropout: 5 epochs and 5 more give the same bits as
        10.  L-BFGS starts anew in each call.  Ctrl-C leaves the parameters of the last update in the model.  If a
        gradient, or a loss that was computed, is not finite, training ends with a
        :class:`~fastmlp.training.DivergenceWarning` and finite parameters.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_examples, n_features)
            Dense arrays of the model's dtype in C or Fortran order and memory-mapped files are read in place.
        y : array-like of shape (n_examples,) or (n_examples, n_outputs)
            Targets in the domain of the loss.
        epochs : int
            Passes over the data, at least 0.  With L-BFGS, the most steps.
        batch_size : int, default=None
            Examples per update; None takes all of them.  The last batch of an epoch may be shorter.
        optimizer : str or optimizer, default=None
            "sgd", "adam", "adamw", "rmsprop", "lbfgs" or an object of :mod:`fastmlp.optimizers`; None continues
            with the last one, at first "sgd".
        learning_rate : float or Schedule, default=None
            A number over 0, or an object of :mod:`fastmlp.schedules`; None stands for 0.001, whatever it was
            before.  L-BFGS takes none.
        shuffle : bool or callable, default=True
            Whether to draw a new order of the examples for every epoch of several batches, see
            :func:`fastmlp.training.order_of`; or an order source, see :mod:`fastmlp.training.orders`.
        seed : None, int, RandomState or Generator, default=None
            Source of the orders and of dropout; None continues with the last one, at first a fresh one.
        sample_weight : array-like of shape (n_examples,), default=None
            Weights of the mean over each batch, each at least 0 and not all 0.
        l1, l2 : float, default=0.0
            Factors of the penalty ``l1 |W| + l2 / 2 W^2``, summed over all weights W but no biases.
        penalty : {"mean", "sum"}, default="mean"
            What the penalty is added to in every batch: the mean of the losses, or their weighted sum before it
            is divided by the batch's weight, as in scikit-learn.  With "sum" the reported losses include the
            penalty, squared errors are averaged over the outputs, and an epoch's loss is the mean over its batches
            by their numbers of examples.
        clip_value, clip_norm : float, default=None
            Largest magnitude of an entry, and largest norm, of the gradient with its penalties.
        dropout : float or sequence of float, default=0.0
            Probability, 0 or from 2**-24 to 1 - 2**-24, that an output of a hidden layer is 0 in an update (inverted
            dropout); one for all hidden layers, or one for each.
        n_iter_no_change : int, default=None
            End the training once the loss has failed to fall by ``tol`` below the best one for more than this
            number of epochs in a row, as in scikit-learn; None never does.  With ``validation``, the rule counts
            evaluations of the validation data.  Each call starts the count anew.
        tol : float, default=1e-4
            Least improvement that counts for ``n_iter_no_change``; at least 0.
        restore_best : bool, default=None
            Whether the model keeps the parameters of the least loss instead of the last ones (with several
            batches per epoch, those after the epoch of the least loss); None does so if there is validation data.
            The optimizer's state stays that of the last update.
        validation : tuple (X, y) or (X, y, sample_weight), default=None
            Examples that are not trained on.  Their loss replaces the training loss in ``n_iter_no_change`` and
            ``restore_best``.
        validation_every : int, default=1
            Epochs from one evaluation of the validation data to the next; the last epoch has one too.
        validation_score : callable, default=None
            Called as ``validation_score(model, X, y)`` with the validation data as they were given, in place of
            the loss; larger is better.
        n_threads : int, default=None
            See :mod:`fastmlp.engine.threads`; no result depends on it.
        report_every : int, default=None
            Epochs from one recorded loss to the next; None records about 100 in all.
        callback : callable, default=None
            Called as ``callback(epoch, loss)`` for each loss recorded; if it returns a true value, training ends.
            It may read and change the parameters, from which the training goes on (L-BFGS without the curvature that
            it knew), but not train or initialize the model.  With one batch per epoch, and with L-BFGS, it is called
            before the epoch's update, and the loss is that of the parameters it sees.  With several batches it is
            called after the epoch, and the loss is the mean over the batches, each measured before its own update; no
            single set of parameters has that loss.  Pass ``validation`` to measure the present parameters.
        progress : bool, default=False
            Show a progress bar.

        Returns
        -------
        History
            The recorded losses, and how the training ended.

        Warns
        -----
        DivergenceWarning
            If a gradient, loss or update was not finite, or the loss ended over ten times that of the start.
        DeadNetworkWarning
            If every unit of some hidden layer gives the same output for all examples.

        Raises
        ------
        TypeError, ValueError
            If an argument is out of range, an array has the wrong type or shape, is empty or not finite, or targets
            lie outside the domain of the loss; the model is then unchanged.
        RuntimeError
            If the model is in training already: in its own callback, or in another thread.

        Examples
        --------
        >>> from fastmlp import MLP, load_dataset
        >>> X, Y, _, _ = load_dataset(is_plot=False)
        >>> model = MLP([2, 10, 5, 1], seed=3)
        >>> history = model.train(X.T, Y[0], epochs=200, batch_size=32, optimizer="adam", learning_rate=0.01, seed=0)
        >>> history.ended.how, bool(history.losses[-1] < 0.1)
        ('finished', True)
        """
        self.occupancy.refuse_training("train")
        examples = self.examples(X, y, sample_weight=sample_weight)
        options = TrainingOptions(
            epochs=epochs,
            batch_size=batch_size,
            optimizer=optimizer,
            learning_rate=learning_rate,
            shuffle=shuffle,
            seed=seed,
            l1=l1,
            l2=l2,
            penalty=penalty,
            clip_value=clip_value,
            clip_norm=clip_norm,
            dropout=dropout,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            restore_best=restore_best,
            validation=validation,
            validation_every=validation_every,
            validation_score=validation_score,
            n_threads=n_threads,
            report_every=report_every,
            callback=callback,
            progress=progress,
        )
        history = training.run(self, examples, options)
        warning = history.ended.warning()
        if warning is not None:
            warnings.warn(warning, stacklevel=2)
        return history
