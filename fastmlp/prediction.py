"""What a network predicts from its parameters, and the compiled passes that it takes."""

from typing import Any

import numpy as np

from fastmlp import _kernels, checks
from fastmlp.engine import overflow, threads
from fastmlp.engine.examples import Inputs, inputs_of, is_sparse
from fastmlp.engine.plan import Plan
from fastmlp.losses import Loss

MOST_TRANSPOSED = 1 << 20  # outputs between two looks for signals: a few milliseconds


class Predictor:
    """The predictions of an :class:`fastmlp.MLP`, which has the attributes below, and its compiled passes."""

    plan: Plan
    loss: Loss
    _parameters: np.ndarray
    _engine_of_one: _kernels.Engine | None

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels, classes or values, as the loss defines.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_examples, n_features)

        Returns
        -------
        ndarray of shape (n_examples,), or (n_examples, n_outputs) for several outputs
            With the log-loss and the multilabel log-loss, int64: 1 where the probability is over 0.5, else 0.
            With the multinomial log-loss, int64 of shape (n_examples,): the class of the largest logit.
            Otherwise values of the model's dtype, infinite where they are beyond its range.

        Raises
        ------
        TypeError, ValueError
            If X has the wrong type or shape, is empty or not finite, or a row is so large that sums overflow and it
            has no prediction.
        """
        inputs = inputs_of(X, self.plan.layer_dims[0], self.plan.dtype)
        predicted, is_lost = self.predictions_of(inputs)
        overflow.refuse_rows(inputs, self._parameters, is_lost)
        return predicted

    def predictions_of(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray | None]:
        """Return what :meth:`predict` does for checked inputs, and marks of the rows without a prediction."""
        is_classes = self.loss.targets == "classes"
        outputs, is_lost = self._outputs_of(inputs, probabilities=not is_classes, finite=is_classes)
        if is_classes:
            classes = np.argmax(outputs, axis=1) if outputs.ndim == 2 else np.zeros(len(outputs), np.int64)
            return classes, is_lost
        return (outputs > 0.5).astype(np.int64) if self.loss.targets == "labels" else outputs, is_lost

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probabilities of label 1, or of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_examples, n_features)

        Returns
        -------
        ndarray of shape (n_examples,), or (n_examples, n_outputs) for several outputs
            Of the model's dtype.

        Raises
        ------
        TypeError, ValueError
            As :meth:`predict`, and if the loss is none of the log-losses.
        """
        if self.loss.targets not in ("labels", "classes"):
            raise ValueError(f"predict_proba needs one of the log-losses, this model has {self.loss.name}; use predict")
        return self._outputs(X, probabilities=True)

    def predict_one(self, x: Any) -> np.ndarray:
        """Predict one example with the least overhead: probabilities with a log-loss, otherwise values.

        Parameters
        ----------
        x : array-like of shape (n_features,) or sparse matrix of shape (1, n_features)

        Returns
        -------
        ndarray of shape (n_outputs,)
            The same bits as a row of :meth:`predict_proba` or :meth:`predict`.

        Raises
        ------
        TypeError, ValueError
            If x has the wrong type or shape or is not finite, or has no prediction, as in :meth:`predict`.
        """
        engine = self._engine_of_one
        if engine is None:
            if hasattr(x, "tocsr"):  # an engine for dense examples would take memory for every feature
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
        checks.check_finite("parameters", self._parameters)
        outputs = engine.predict_one(self._parameters, array, True)
        if outputs is None:  # in use: this is a signal handler, or a thread, in the middle of another prediction
            outputs = self.engine(1).predict_one(self._parameters, array, True)
        assert outputs is not None
        return outputs

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute the last layer's raw outputs, which are logits with a log-loss.

        Parameters, shapes and errors are those of :meth:`predict`; the values have the model's dtype.
        """
        return self._outputs(X, probabilities=False)

    def engine(self, batch: int, data: _kernels.Data | None = None, **settings: Any) -> _kernels.Engine:
        """Make the compiled passes of this network.

        Parameters
        ----------
        batch : int
            Most examples of a batch.
        data : fastmlp._kernels.Data, default=None
            The data to be read. Where few entries are stored, the engine's first layer reads these alone.
        **settings
            ``dropout`` and ``n_threads`` of the engine.

        Returns
        -------
        fastmlp._kernels.Engine

        Raises
        ------
        MemoryError
            If there is no room for the scratch memory.
        ValueError
            If an environment variable of :mod:`fastmlp.engine.threads` is wrong.
        """
        threads.check_environment()
        plan, loss = self.plan, self.loss
        is_double = plan.dtype == np.float64
        engine = _kernels.Engine(
            is_double,
            plan.layer_dims,
            plan.activations,
            batch,
            loss.name,
            loss.parameter,
            loss.label_smoothing,
            **settings,
            sparse=data is not None and is_sparse(data),
        )
        engine.allocate()  # raises MemoryError here, before anything changes
        return engine

    def _outputs_of_sparse_row(self, x: Any) -> np.ndarray:
        shape = getattr(x, "shape", None)
        if shape != (1, self.plan.layer_dims[0]):
            raise ValueError(f"x must have shape (1, {self.plan.layer_dims[0]}) where it is sparse, got {shape}")
        return self._outputs(x, probabilities=True).reshape(-1)

    def _outputs(self, X: Any, probabilities: bool) -> np.ndarray:
        """Return the outputs of all rows of X; ValueError for NaN among them."""
        inputs = inputs_of(X, self.plan.layer_dims[0], self.plan.dtype)
        outputs, is_lost = self._outputs_of(inputs, probabilities)
        overflow.refuse_rows(inputs, self._parameters, is_lost)
        return outputs

    def _outputs_of(
        self, inputs: Inputs, probabilities: bool, finite: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the outputs of checked inputs, and marks of the rows that have NaN or, if ``finite``, infinities."""
        data = _kernels.Data(inputs)
        checks.check_finite("parameters", self._parameters)
        outputs = np.empty((self.plan.layer_dims[-1], data.n_examples), self.plan.dtype)
        self.engine(data.n_examples, data).predict(outputs, self._parameters, data, probabilities)
        is_lost = None  # if there are none
        if _kernels.first_not_finite((outputs,)) >= 0:
            is_lost = np.logical_or.reduce(~np.isfinite(outputs) if finite else np.isnan(outputs), axis=0)
        return outputs[0] if len(outputs) == 1 else _transposed(outputs), is_lost


def _transposed(outputs: np.ndarray) -> np.ndarray:
    """Return a copy (n_examples, n_outputs), made in blocks between which Python serves signals."""
    copy = np.empty(outputs.shape[::-1], outputs.dtype)
    at_once = max(16, MOST_TRANSPOSED // len(outputs))  # 16 floats are a cache line; whole rows of the copy, so that
    for at in range(0, len(copy), at_once):  # the system gives memory in the blocks, not all of it in the first
        copy[at : at + at_once] = outputs[:, at : at + at_once].T
    return copy
