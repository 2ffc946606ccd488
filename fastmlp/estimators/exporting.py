"""What a fitted estimator can be written as, and read from."""

import copy
import os
from typing import IO, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastmlp import files
from fastmlp.estimators import conversion, saving
from fastmlp.export import archive, c_source, npz, onnx_graph
from fastmlp.network import MLP


class Exporting:
    """The exports of :class:`MLPClassifier` and :class:`MLPRegressor`."""

    _network: MLP
    n_outputs_: int
    target_scale_: np.ndarray
    target_mean_: np.ndarray
    out_activation_: str

    def _exported_network(self, method: str) -> MLP:
        """Return the network whose outputs are the predictions: scaled targets are scaled back by its last layer."""
        check_is_fitted(self)
        self._network.occupancy.refuse_changing(method)
        if "target_scale_" not in self.__dict__:
            return self._network
        network = copy.deepcopy(self._network)
        scale, mean = self.target_scale_, self.target_mean_
        network.weights[-1][:] *= scale[:, np.newaxis]
        network.biases[-1][:] = network.biases[-1] * scale + mean
        return network

    def predict_one(self, x: Any) -> np.ndarray:
        """Predict one example with the least overhead: the probabilities of the classes, or values.

        Scikit-learn's checks are left out, with those of the names of features.

        Parameters
        ----------
        x : array-like of shape (n_features,) or sparse matrix of shape (1, n_features)
            An array of the dtype of the training data is read in place, and nothing but the result is allocated.

        Returns
        -------
        ndarray of shape (n_classes,) or (n_outputs,)
            A row of ``predict_proba``, or of ``predict`` with one value for each output.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        TypeError, ValueError
            As :meth:`fastmlp.MLP.predict_one`.

        Examples
        --------
        >>> from fastmlp import MLPClassifier
        >>> model = MLPClassifier((4,), solver="lbfgs", random_state=0).fit([[0.0], [1.0]], ["no", "yes"])
        >>> model.predict_one([1.0]).round(2)
        array([0., 1.])
        """
        try:
            network = self._network
        except AttributeError:
            check_is_fitted(self)
            raise
        is_binary = self.out_activation_ == "logistic" and self.n_outputs_ == 1
        engine = network._engine_of_one
        if engine is not None and "target_scale_" not in self.__dict__:
            outputs = engine.predict_one(network._parameters, x, True, is_binary)
            if outputs is not None:
                return outputs
        outputs = network.predict_one(x)
        if "target_scale_" in self.__dict__:
            return (outputs * self.target_scale_ + self.target_mean_).astype(outputs.dtype, copy=False)
        return np.array([1 - outputs[0], outputs[0]], outputs.dtype) if is_binary else outputs

    def save(self, file: str | bytes | os.PathLike[Any] | IO[bytes]) -> None:
        """Write the fitted model to a file in NumPy's ``.npz`` format, as :meth:`fastmlp.MLP.save` does.

        Beside the network, the state of its training and a few inputs with their outputs, the file holds the
        constructor's parameters, ``classes_`` and the other fitted attributes: numbers, strings, sequences and dicts of
        these, and objects of :mod:`fastmlp.optimizers`, :mod:`fastmlp.schedules` and :mod:`fastmlp.losses`.

        Parameters
        ----------
        file : str, path or binary file

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        OSError, TypeError, ValueError
            As :meth:`fastmlp.MLP.save`.

        Warns
        -----
        UserWarning
            If a parameter is none of these values, such as a function or a random state, and is left out.

        Examples
        --------
        >>> import io
        >>> from fastmlp import MLPClassifier
        >>> model = MLPClassifier((4,), solver="lbfgs", random_state=0).fit([[0.0], [1.0]], ["no", "yes"])
        >>> file = io.BytesIO()
        >>> model.save(file)
        >>> _ = file.seek(0)
        >>> MLPClassifier.load(file).predict([[1.0]])
        array(['yes'], dtype='<U3')
        """
        check_is_fitted(self)
        self._network.occupancy.refuse_changing("save")
        contents = saving.contents_of(self)
        files.write_to("file", file, lambda opened: npz.write(opened, contents))

    @classmethod
    def load(cls, file: str | bytes | os.PathLike[Any] | IO[bytes]) -> Self:
        """Read a model written by :meth:`save`; parameters that were left out have their defaults.

        Parameters
        ----------
        file : str, path or binary file
            An open file is read from its present position to its end and stays open.

        Returns
        -------
        estimator
            It predicts and trains on as the saved one.

        Raises
        ------
        OSError, MemoryError, TypeError, ValueError
            As :meth:`fastmlp.MLP.load`, and ValueError if the file holds a model of another kind.
        """
        with files.opened_for_reading("file", file) as (opened, name):
            estimator, contents = archive.read(opened, name, lambda entries: saving.estimator_in(entries, cls))
        estimator._network = MLP._from(contents, name)
        return estimator

    def to_c(self, path: str | bytes | os.PathLike[Any], *, prefix: str | None = None, dtype: Any = None) -> None:
        """Write the network as a C99 source file and its header, see :meth:`fastmlp.MLP.to_c`.

        The function ``<prefix>_predict`` computes the network's outputs: for two classes the probability of the second,
        otherwise a row of ``predict_proba`` or ``predict``.  ``<prefix>_class`` gives the index of the predicted class
        in ``classes_``, which a comment in the header lists.  Parameters and errors are those of
        :meth:`fastmlp.MLP.to_c`.
        """
        network = self._exported_network("to_c")
        c_source.write(path, network, prefix=prefix, dtype=dtype, classes=getattr(self, "classes_", None))

    def to_onnx(self, file: str | bytes | os.PathLike[Any] | IO[bytes]) -> None:
        """Write the fitted model as an ONNX model, which needs the package ``onnx`` (extra ``onnx``).

        Its input ``inputs`` has shape (n, n_features) and the dtype of the training data.  A regressor's output
        ``outputs`` has shape (n, n_outputs).  A classifier's are ``label``, what ``predict`` returns, as a plain tensor
        of numbers or strings, and ``probabilities``, what ``predict_proba`` returns.  Parameters and errors are those
        of :meth:`fastmlp.MLP.to_onnx`.
        """
        model = onnx_graph.serialized(self._exported_network("to_onnx"), getattr(self, "classes_", None))
        files.write_to("file", file, lambda opened: opened.write(model))

    @classmethod
    def from_sklearn(cls, estimator: Any) -> Self:
        """Return a model with the parameters, predictions and attributes of a fitted one of scikit-learn's.

        ``partial_fit`` and ``warm_start`` go on from its coefficients, with an optimizer that starts anew.

        Parameters
        ----------
        estimator : sklearn.neural_network.MLPClassifier or MLPRegressor
            Fitted, of the kind of this class.

        Returns
        -------
        estimator
            It shares nothing with the one given.

        Raises
        ------
        TypeError
            If it is of another kind.
        NotFittedError
            If it is not fitted.

        Examples
        --------
        >>> from sklearn import neural_network
        >>> from fastmlp import MLPRegressor
        >>> X, y = [[0.0], [1.0]], [1.0, 2.0]
        >>> theirs = neural_network.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0).fit(X, y)
        >>> bool(abs(MLPRegressor.from_sklearn(theirs).predict(X) - theirs.predict(X)).max() < 1e-12)
        True
        """
        return conversion.from_sklearn(cls, estimator)

    def to_sklearn(self) -> Any:
        """Return a fitted estimator of scikit-learn's that predicts, scores and trains on as this one.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            It shares nothing with this model; its optimizer starts anew.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If scikit-learn lacks the activation or loss, or the layers have different activations.

        Warns
        -----
        UserWarning
            If the model has parameters for training that scikit-learn lacks, such as dropout.
        """
        return conversion.to_sklearn(self, self._exported_network("to_sklearn"))
