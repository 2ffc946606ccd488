"""What a fitted estimator can be written as, and read from."""

import os
from typing import IO, Any, Self

from sklearn.utils.validation import check_is_fitted

from fastmlp import files
from fastmlp.estimators import saving
from fastmlp.export import archive, c_source, npz
from fastmlp.network import MLP


class Exporting:
    """The exports of :class:`MLPClassifier` and :class:`MLPRegressor`."""

    _network: MLP

    def _exported_network(self) -> MLP:
        """Return the network whose outputs are the predictions; a linear map of them belongs into its last layer."""
        check_is_fitted(self)
        return self._network

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
        network = self._exported_network()
        c_source.write(path, network, prefix=prefix, dtype=dtype, classes=getattr(self, "classes_", None))
