"""MLP: the thin model class over the compiled kernels, with one flat vector of parameters."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from fastmlp import _kernels, checks, initializers
from fastmlp.files import write_whole
from fastmlp.plan import Plan, join_parameters
from fastmlp.training import History, full_batch

HIDDEN_ACTIVATIONS = ("relu", "tanh", "logistic", "identity")
LOSSES = {"log_loss": "logistic"}  # each with the activation that turns its logits into outputs
REPORTS = 100  # how many losses a training records where the caller names no interval


class MLP:
    """A multi-layer perceptron with sigmoid outputs, trained by full-batch gradient descent.

    Parameters
    ----------
    layer_dims : sequence of int
        Widths from the inputs to the outputs, at least two, each at least 1.
    activation : {"relu", "tanh", "logistic", "identity"} or sequence of these, default="relu"
        Of the hidden layers: one for all, or one for each.
    loss : {"log_loss"}, default="log_loss"
        Binary log-loss of the last layer's logits, summed over outputs, averaged over examples.
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
        loss: str = "log_loss",
        initialization: Any = "he",
        dtype: Any = "float64",
        seed: Any = None,
    ) -> None:
        dims = checks.layer_dims_of(layer_dims)
        self.loss = checks.choice("loss", loss, list(LOSSES))
        self.plan = Plan(dims, (*_hidden(activation, len(dims) - 2), LOSSES[loss]), checks.dtype_of(dtype))
        self.initialization = initialization
        self.seed = seed
        self._parameters = np.zeros(self.plan.n_parameters, self.plan.dtype)
        self.initialize()

    def __repr__(self) -> str:
        *hidden, _ = self.plan.activations
        dims, dtype = list(self.plan.layer_dims), self.plan.dtype.name
        return f"MLP({dims}, activation={hidden}, loss={self.loss!r}, dtype={dtype!r})"

    def initialize(self) -> "MLP":
        """Draw the parameters anew; with an int as seed, the same ones again.

        Returns
        -------
        MLP
            The model itself.

        Raises
        ------
        ValueError
            If the initialization returns layers of the wrong number, shape or values.
        """
        drawn = initializers.draw(self.initialization, self.plan.layer_dims, self.seed)
        self._assign("initialization", join_parameters(*drawn))
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

    def loss_and_gradient(self, X: Any, y: Any) -> tuple[float, np.ndarray]:
        """The mean loss and its gradient by the parameters.

        Parameters
        ----------
        X : array-like (n_examples, n_features)
        y : array-like (n_examples,) or (n_examples, n_outputs)
            Labels 0 and 1.

        Returns
        -------
        loss : float
        gradient : ndarray (n_parameters,)
            Laid out as ``parameters``; ``plan.split(gradient)`` gives each layer's dW and db.

        Raises
        ------
        TypeError, ValueError
            For arrays of the wrong type or shape, empty or not finite, or labels other than 0 and 1.
        """
        inputs = self._inputs(X)
        targets = self._targets(y, inputs.shape[1])
        checks.check_finite("parameters", self.parameters)
        gradient = np.empty_like(self.parameters)
        return self._loss_and_gradient(gradient, inputs, targets), gradient

    def train(
        self,
        X: Any,
        y: Any,
        *,
        learning_rate: float,
        epochs: int,
        report_every: int | None = None,
        callback: Callable[[int, float], Any] | None = None,
        progress: bool = False,
    ) -> History:
        """Full-batch gradient descent from the present parameters; call again to go on.

        Ctrl-C leaves the parameters of the last finished epoch in the model.  If the loss or a
        parameter stops being finite, training ends with a :class:`DivergenceWarning` and the
        parameters of the last report at which all was finite.

        Parameters
        ----------
        X : array-like (n_examples, n_features)
        y : array-like (n_examples,) or (n_examples, n_outputs)
            Labels 0 and 1.
        learning_rate : float
            Over 0.
        epochs : int
            Number of updates, at least 0.
        report_every : int, default=None
            Epochs from one recorded loss to the next; None records about 100 in all.
        callback : callable, default=None
            Called as ``callback(epoch, loss)`` at each report, before the update of that epoch; a
            true answer ends the training.
        progress : bool, default=False
            Show a progress bar.

        Returns
        -------
        History
            The losses reported, each of the parameters before the update of its epoch.

        Raises
        ------
        TypeError, ValueError
            For arguments out of range, arrays of the wrong type or shape, empty or not finite, or
            labels other than 0 and 1; the model is then unchanged.
        """
        inputs = self._inputs(X)
        targets = self._targets(y, inputs.shape[1])
        learning_rate = checks.positive("learning_rate", learning_rate, self.plan.dtype)
        epochs = checks.integer("epochs", epochs, minimum=0)
        if report_every is None:
            report_every = max(1, epochs // REPORTS)
        report_every = checks.integer("report_every", report_every, minimum=1)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, got {type(callback).__name__}")
        checks.check_finite("parameters", self.parameters)
        arguments = (inputs, targets, self._shape, learning_rate, epochs, report_every, callback, progress)
        return full_batch(self.parameters, *arguments)

    def predict(self, X: Any) -> np.ndarray:
        """Labels: 1 where the probability is over 0.5, strictly, else 0.

        Parameters
        ----------
        X : array-like (n_examples, n_features)

        Returns
        -------
        ndarray of int64 (n_examples,), or (n_examples, n_outputs) for several outputs

        Raises
        ------
        TypeError, ValueError
            For an array of the wrong type or shape, empty or not finite.
        """
        return (self.predict_proba(X) > 0.5).astype(np.int64)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of label 1; shapes and errors as in :meth:`predict`."""
        return self._outputs(X, probabilities=True)

    def decision_function(self, X: Any) -> np.ndarray:
        """The logits, whose sigmoid are the probabilities; shapes and errors as in :meth:`predict`."""
        return self._outputs(X, probabilities=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one ``.npz`` file, whole or not at all.

        The initialization and the seed are not kept: the file holds the parameters they led to.

        Parameters
        ----------
        path : str or path
            Written exactly there; an existing file is replaced and keeps its permissions.

        Raises
        ------
        OSError
            If it cannot be written, or exists and is not a regular file.
        """
        contents: dict[str, Any] = {
            "parameters": self.parameters,
            "layer_dims": np.array(self.plan.layer_dims),
            "activations": np.array(self.plan.activations),
            "loss": np.array(self.loss),
        }
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
            With the parameters, widths, activations, loss and dtype that were saved.

        Raises
        ------
        ValueError
            If the file is no such model; nothing in it is ever executed.
        OSError
            If it cannot be read.
        """
        with Path(path).open("rb") as file:
            try:
                return cls._read(file)
            except Exception as error:  # of whatever kind a damaged archive leads zipfile and NumPy to
                raise ValueError(f"{os.fspath(path)} is not a model saved by fastmlp: {error}") from error

    @classmethod
    def _read(cls, file: IO[bytes]) -> "MLP":
        archive = np.load(file, allow_pickle=False)
        contents = {name: archive[name] for name in ("parameters", "layer_dims", "activations", "loss")}
        *hidden, output = contents["activations"].tolist()
        loss = contents["loss"].item()
        dims = checks.layer_dims_of(contents["layer_dims"].tolist())
        plan = Plan(dims, (*_hidden(hidden, len(dims) - 2), output), checks.dtype_of(contents["parameters"].dtype))
        if LOSSES.get(loss) != output:
            raise ValueError(f"the output activation of loss {loss!r} cannot be {output!r}")
        if contents["parameters"].shape != (plan.n_parameters,):
            raise ValueError(f"parameters must have shape ({plan.n_parameters},), got {contents['parameters'].shape}")
        model = cls(dims, activation=hidden, loss=loss, initialization="zeros", dtype=plan.dtype)
        model.parameters[:] = contents["parameters"]
        return model

    @property
    def _shape(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        return self.plan.layer_dims, self.plan.activations

    def _loss_and_gradient(self, gradient: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> float:
        return _kernels.loss_and_gradient(gradient, self.parameters, inputs, targets, *self._shape)

    def _outputs(self, X: Any, probabilities: bool) -> np.ndarray:
        inputs = self._inputs(X)
        checks.check_finite("parameters", self.parameters)
        outputs = np.empty((self.plan.layer_dims[-1], inputs.shape[1]), self.plan.dtype)
        _kernels.predict(outputs, self.parameters, inputs, *self._shape, probabilities)
        return outputs[0] if len(outputs) == 1 else outputs.T

    def _inputs(self, X: Any) -> np.ndarray:
        """X, checked, as the kernels take it: (n_features, n_examples)."""
        array = checks.array_of("X", X, self.plan.dtype)
        if array.ndim != 2:
            raise ValueError(f"X must have 2 dimensions (n_examples, n_features), got shape {array.shape}")
        if array.shape[0] < 1 or array.shape[1] != self.plan.layer_dims[0]:
            raise ValueError(f"X must have shape (at least 1, {self.plan.layer_dims[0]}), got {array.shape}")
        inputs = np.ascontiguousarray(array.T)
        if _kernels.first_not_finite((inputs,)) >= 0:
            checks.check_finite("X", np.ascontiguousarray(array))  # which names the place in X, not in inputs
        return inputs

    def _targets(self, y: Any, n_examples: int) -> np.ndarray:
        """y, checked, as the kernels take it: (n_outputs, n_examples)."""
        array = checks.labels("y", y)
        n_outputs = self.plan.layer_dims[-1]
        if array.shape != (n_examples, n_outputs) and not (n_outputs == 1 and array.shape == (n_examples,)):
            one = f"({n_examples},) or " if n_outputs == 1 else ""
            raise ValueError(f"y must have shape {one}({n_examples}, {n_outputs}) to match X, got {array.shape}")
        return np.ascontiguousarray(array.reshape(n_examples, n_outputs).T, self.plan.dtype)


def _hidden(activation: str | Sequence[str], n_hidden: int) -> list[str]:
    """One activation name per hidden layer."""
    if isinstance(activation, str):
        return [checks.choice("activation", activation, HIDDEN_ACTIVATIONS)] * n_hidden
    if not isinstance(activation, Sequence):
        raise TypeError(f"activation must be a name or a sequence of names, got {type(activation).__name__}")
    if len(activation) != n_hidden:
        raise ValueError(f"activation must have {n_hidden} names, one per hidden layer; got {len(activation)}")
    return [checks.choice(f"activation[{i}]", name, HIDDEN_ACTIVATIONS) for i, name in enumerate(activation)]
