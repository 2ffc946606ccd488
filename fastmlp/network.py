"""MLP: the thin model class over the compiled kernels, with one flat vector of parameters."""

import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import _kernels, checks, initializers, training
from fastmlp.engine.examples import Examples, inputs_of, is_sparse
from fastmlp.engine.plan import Plan, hidden_activations, join_parameters
from fastmlp.export import archive
from fastmlp.files import write_whole
from fastmlp.losses import Loss, loss_of
from fastmlp.optimizers import Optimizer
from fastmlp.schedules import Schedule
from fastmlp.training import History, TrainingOptions, TrainingState


class MLP:
    """A multi-layer perceptron for classification or regression.

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs, at least two, each at least 1.
    activation : str or sequence of str, default="relu"
        Of the hidden layers, one for all or one for each: "relu", "tanh", "logistic", "identity",
        "leaky_relu" (slope 0.01), "elu", "selu", "gelu", "gelu_tanh", "silu" or "softplus".
    loss : str or Loss, default="log_loss"
        Of the last layer's raw outputs, and what is predicted from them: "log_loss" (sigmoid; 0 and 1),
        "multilabel_log_loss" (the same for several outputs), "multinomial_log_loss" (softmax; class
        indices), "squared_error", "absolute_error", "huber", "quantile" (any numbers), "poisson" (rates;
        numbers from 0 on); or an object of :mod:`fastmlp.losses` with its parameters.
    initialization : str, callable or sequence, default="he"
        See :func:`fastmlp.initializers.draw`.
    dtype : {"float64", "float32"}, default="float64"
        Of the parameters and of all computations.
    seed : None, int, RandomState or Generator, default=None
        Source of the initial weights.

    Attributes
    ----------
    parameters : ndarray (n_parameters,)
        All parameters in one vector: W (fan_out, fan_in), then b (fan_out,), layer after layer.
    weights, biases : list of ndarray
        Views of ``parameters``: writing to them changes the model.
    plan : Plan
        Widths, activations and dtype, and how passes run.
    loss : Loss
        With its parameters.
    training_state : TrainingState
        What :meth:`train` goes on from.

    Raises
    ------
    TypeError, ValueError
        For widths, names, dtypes or seeds other than those above.

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
        self.initialization = initialization
        self.seed = seed
        self._parameters = np.zeros(self.plan.n_parameters, self.plan.dtype)
        self._engine_of_one: _kernels.Engine | None = None
        self._training = threading.Lock()  # held by the one training that may run at a time
        self.initialize()

    def __repr__(self) -> str:
        *hidden, _ = self.plan.activations
        dims, dtype = list(self.plan.layer_dims), self.plan.dtype.name
        loss = repr(self.loss.name if self.loss == loss_of(self.loss.name) else self.loss)
        return f"MLP({dims}, activation={hidden}, loss={loss}, dtype={dtype!r})"

    def __getstate__(self) -> dict[str, Any]:
        """All but the engine and the lock, which are made anew."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_engine_of_one", "_training")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _engine_of_one=None, _training=threading.Lock())

    def initialize(self) -> "MLP":
        """Draw the parameters anew, and forget all training; with an int as seed, the same ones again.

        Returns
        -------
        MLP
            The model itself.

        Raises
        ------
        ValueError
            If the initialization returns layers of the wrong number, shape or values.
        """
        self._refuse_while_training("initialize")
        drawn = initializers.draw(self.initialization, self.plan.layer_dims, self.seed)
        self._assign("initialization", join_parameters(*drawn))
        self.training_state = TrainingState()
        return self

    @property
    def parameters(self) -> np.ndarray:
        """The flat vector (n_parameters,); an assignment is checked and copied into it."""
        return self._parameters

    @parameters.setter
    def parameters(self, value: Any) -> None:
        self._assign("parameters", value)

    def _assign(self, name: str, value: Any) -> None:
        array = np.ascontiguousarray(checks.array_of(name, value, self.plan.dtype))
        if array.shape != self._parameters.shape:
            raise ValueError(f"{name} must have shape {self._parameters.shape}, got {array.shape}")
        checks.check_finite(name, array)
        self._parameters[:] = array

    @property
    def weights(self) -> list[np.ndarray]:
        """Views (fan_out, fan_in) of the parameters, one per layer."""
        return self.plan.split(self.parameters)[0]

    @property
    def biases(self) -> list[np.ndarray]:
        """Views (fan_out,) of the parameters, one per layer."""
        return self.plan.split(self.parameters)[1]

    def loss_and_gradient(self, X: Any, y: Any, *, sample_weight: Any = None) -> tuple[float, np.ndarray]:
        """The mean loss and its gradient by the parameters.

        Parameters
        ----------
        X : array-like or sparse matrix (n_examples, n_features)
        y : array-like (n_examples,) or (n_examples, n_outputs)
            In the domain of the loss.
        sample_weight : array-like (n_examples,), default=None
            At least 0; the mean is weighted by it.

        Returns
        -------
        loss : float
        gradient : ndarray (n_parameters,)
            Laid out as ``parameters``; ``plan.split(gradient)`` gives each layer's dW and db.

        Raises
        ------
        TypeError, ValueError
            For arrays of the wrong type or shape, empty or not finite, or outside the domain of the loss.
        """
        examples = self.examples(X, y, sample_weight=sample_weight)
        checks.check_finite("parameters", self.parameters)
        gradient = np.empty_like(self.parameters)
        return self.engine(examples.n_examples, examples.data).loss_and_gradient(
            gradient, self.parameters, examples.data
        ), gradient

    def examples(self, X: Any, y: Any, *, sample_weight: Any = None) -> Examples:
        """X, y and weights checked once for any number of trainings of networks like this one.

        Parameters and errors are those of :meth:`loss_and_gradient`; see :func:`fastmlp.training.run`.

        Returns
        -------
        Examples
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
        """Train from the present parameters; call again to go on.

        A second call with the same optimizer (or none named) and the same learning rate continues its moments,
        the place in the schedule, the orders of the examples and the dropout: 5 epochs and 5 more give the same
        bits as 10 (not with L-BFGS, which starts anew).  Ctrl-C leaves the parameters of the last update in the
        model.  Where a gradient or a loss that was looked at is not finite, training ends with a
        :class:`DivergenceWarning` and the last finite parameters.

        Parameters
        ----------
        X : array-like or sparse matrix (n_examples, n_features)
            Dense arrays of the model's dtype in C or Fortran order and memory-mapped files are read in place.
        y : array-like (n_examples,) or (n_examples, n_outputs)
            In the domain of the loss.
        epochs : int
            Passes over the data, at least 0; of L-BFGS, its steps at most.
        batch_size : int, default=None
            Examples per update; None takes all of them.  The last batch of an epoch may be shorter.
        optimizer : str or optimizer, default=None
            "sgd", "adam", "adamw", "rmsprop", "lbfgs" or an object of :mod:`fastmlp.optimizers`; None goes
            on with the last one, at first "sgd".
        learning_rate : float or Schedule, default=None
            Over 0; None stands for 0.001, whatever it was before.  L-BFGS has none.
        shuffle : bool or callable, default=True
            Draw a new order of the examples for every epoch where there are several batches, see
            :func:`fastmlp.training.order_of`; or an order source, see :mod:`fastmlp.training.orders`.
        seed : None, int, RandomState or Generator, default=None
            Of orders and dropout; None goes on with the last one, at first a fresh one.
        sample_weight : array-like (n_examples,), default=None
            At least 0; the mean over each batch is weighted by it.
        l1, l2 : float, default=0.0
            Factors of the penalty l1 |W| + l2 / 2 W^2, over all weights W but no biases.
        penalty : {"mean", "sum"}, default="mean"
            What the penalty is added to in every batch: the mean of its losses, or their weighted sum before it
            is divided by the batch's weight, as in scikit-learn.  With "sum" the penalty is part of the losses
            reported, and an epoch's loss is the mean of its batches' by their numbers of examples.
        clip_value, clip_norm : float, default=None
            Largest magnitude of an entry, and largest norm, of the gradient with its penalties.
        dropout : float or sequence of float, default=0.0
            Probability, below 1, that an output of a hidden layer is 0 in an update (inverted dropout);
            one for all hidden layers, or one for each.
        n_iter_no_change : int, default=None
            End the training where more than so many epochs in a row fail to lower the best loss by ``tol``
            (with ``validation``, looks at that data), as in scikit-learn; None never does.  Each call begins
            the count anew.
        tol : float, default=1e-4
            At least 0.
        restore_best : bool, default=None
            Leave the parameters of the least loss in the model, not the last ones; None does so where there is
            validation data.  The optimizer's state stays that of the last update.
        validation : tuple (X, y) or (X, y, sample_weight), default=None
            Examples that are not trained on: their loss decides over the two arguments above.
        validation_every : int, default=1
            Epochs from one look at the validation data to the next.
        validation_score : callable, default=None
            Called as ``validation_score(model, X, y)`` with the validation data as they were given, in place of
            the loss; the larger its answer the better.
        n_threads : int, default=None
            See :mod:`fastmlp.engine.threads`; no result depends on it.
        report_every : int, default=None
            Epochs from one recorded loss to the next; None records about 100 in all.
        callback : callable, default=None
            Called as ``callback(epoch, loss)`` for each loss recorded; a true answer ends the training.  It may
            read and change the parameters, but not train or initialize the model.  With one batch per epoch
            (and L-BFGS) it is called before the epoch's update, and the loss is that of the parameters it sees.
            With several it is called after the epoch: the loss is the mean over its batches, each before its
            own update, which no single set of parameters has.  ``validation`` tells that of the present ones.
        progress : bool, default=False
            Show a progress bar.

        Returns
        -------
        History
            The losses recorded, and how the training ended.

        Warns
        -----
        DivergenceWarning
            Where something was not finite, or the loss ended over ten times its start.
        DeadNetworkWarning
            Where all units of a hidden layer give the same output for every example.

        Raises
        ------
        TypeError, ValueError
            For arguments out of range, arrays of the wrong type or shape, empty or not finite, or targets
            outside the domain of the loss; the model is then unchanged.
        RuntimeError
            From a callback of the model's own training, or from another thread meanwhile.
        """
        self._refuse_while_training("train")
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

    @contextlib.contextmanager
    def in_training(self) -> Iterator[None]:
        """Let nobody else train or initialize the model meanwhile; RuntimeError where somebody does."""
        if not self._training.acquire(blocking=False):
            raise RuntimeError("train was called while this model is training")
        try:
            yield
        finally:
            self._training.release()

    def _refuse_while_training(self, what: str) -> None:
        if self._training.locked():
            raise RuntimeError(f"{what} was called while this model is training")

    def predict(self, X: Any) -> np.ndarray:
        """What the model expects: labels, classes or values, by its loss.

        Parameters
        ----------
        X : array-like or sparse matrix (n_examples, n_features)

        Returns
        -------
        ndarray (n_examples,), or (n_examples, n_outputs) for several outputs
            Of a log-loss int64: 1 where the probability is over 0.5, strictly, else 0; of the multinomial
            one (n_examples,) the class of the largest logit.  Else values of the model's dtype.

        Raises
        ------
        TypeError, ValueError
            For an array of the wrong type or shape, empty or not finite.
        """
        if self.loss.targets == "labels":
            return (self._outputs(X, probabilities=True) > 0.5).astype(np.int64)
        if self.loss.targets == "classes":
            logits = self._outputs(X, probabilities=False)
            return np.argmax(logits, axis=1) if logits.ndim == 2 else np.zeros(len(logits), np.int64)
        return self._outputs(X, probabilities=True)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of label 1, or of each class; shapes and errors as in :meth:`predict`.

        Raises
        ------
        ValueError
            Also where the loss is none of the log-losses.
        """
        if self.loss.targets not in ("labels", "classes"):
            raise ValueError(f"predict_proba needs one of the log-losses, this model has {self.loss.name}; use predict")
        return self._outputs(X, probabilities=True)

    def predict_one(self, x: Any) -> np.ndarray:
        """Outputs for one example, by the shortest way: probabilities of a log-loss, else values.

        Parameters
        ----------
        x : array-like (n_features,) or sparse matrix (1, n_features)

        Returns
        -------
        ndarray (n_outputs,)
            The same bits as a row of :meth:`predict_proba` or :meth:`predict`.

        Raises
        ------
        TypeError, ValueError
            For an array of the wrong type or shape, or not finite.
        """
        engine = self._engine_of_one
        if engine is None:
            if hasattr(x, "tocsr"):  # before an engine is made that takes memory for every feature
                return self._outputs_of_sparse_row(x)
            engine = self._engine_of_one = self.engine(1)
        outputs = engine.predict_one(self._parameters, x, True)
        if outputs is not None:
            return outputs
        if hasattr(x, "tocsr"):
            return self._outputs_of_sparse_row(x)
        array = checks.array_of("x", x, self.plan.dtype)
        if array.shape != (self.plan.layer_dims[0],):
            raise ValueError(f"x must have shape ({self.plan.layer_dims[0]},), got {array.shape}")
        array = np.ascontiguousarray(array)
        checks.check_finite("x", array)
        checks.check_finite("parameters", self.parameters)
        outputs = engine.predict_one(self._parameters, array, True)
        assert outputs is not None
        return outputs

    def decision_function(self, X: Any) -> np.ndarray:
        """The last layer's raw outputs (logits of a log-loss); shapes and errors as in :meth:`predict`."""
        return self._outputs(X, probabilities=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and its training state to one ``.npz`` file, whole or not at all.

        The initialization and its seed are not kept: the file holds the parameters they led to.

        Parameters
        ----------
        path : str or path
            Written exactly there; an existing file is replaced and keeps its permissions.

        Raises
        ------
        OSError
            If it cannot be written, or exists and is not a regular file.
        """
        contents: dict[str, Any] = archive.contents_of(self)
        write_whole(Path(path), lambda file: np.savez(file, **contents))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "MLP":
        """Read a model written by :meth:`save`.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        MLP
            With the parameters, widths, activations, loss, dtype and training state that were saved.

        Raises
        ------
        ValueError
            If the file is no such model; nothing in it is ever executed.
        OSError
            If it cannot be read.
        """
        with Path(path).open("rb") as file:
            try:
                return archive.read(cls, file)
            except Exception as error:  # of whatever kind a damaged archive leads zipfile and NumPy to
                raise ValueError(f"{os.fspath(path)} is not a model saved by fastmlp: {error}") from error

    def engine(self, batch: int, data: _kernels.Data | None = None, **settings: Any) -> _kernels.Engine:
        """The compiled passes over batches of up to ``batch`` examples, with dropout and threads as settings.

        ``data`` says whether they are to read the stored entries of a sparse matrix alone.
        """
        plan, loss = self.plan, self.loss
        smoothing = loss.label_smoothing if loss.targets == "classes" else 0.0  # of others the targets are smoothed
        is_double = plan.dtype == np.float64
        engine = _kernels.Engine(
            is_double,
            plan.layer_dims,
            plan.activations,
            batch,
            loss.name,
            loss.parameter,
            smoothing,
            **settings,
            sparse=data is not None and is_sparse(data),
        )
        engine.allocate()  # here, before anything changes
        return engine

    def _outputs_of_sparse_row(self, x: Any) -> np.ndarray:
        if x.shape != (1, self.plan.layer_dims[0]):
            raise ValueError(f"x must have shape (1, {self.plan.layer_dims[0]}) where it is sparse, got {x.shape}")
        return self._outputs(x, probabilities=True).reshape(-1)

    def _outputs(self, X: Any, probabilities: bool) -> np.ndarray:
        data = _kernels.Data(inputs_of(X, self.plan.layer_dims[0], self.plan.dtype))
        checks.check_finite("parameters", self.parameters)
        outputs = np.empty((self.plan.layer_dims[-1], data.n_examples), self.plan.dtype)
        self.engine(data.n_examples, data).predict(outputs, self.parameters, data, probabilities)
        return outputs[0] if len(outputs) == 1 else np.ascontiguousarray(outputs.T)
