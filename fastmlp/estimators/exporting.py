"""What a fitted estimator can be written as, and read from."""

import os
from typing import Any

from sklearn.utils.validation import check_is_fitted

from fastmlp.export import c_source
from fastmlp.network import MLP


class Exporting:
    """The exports of :class:`MLPClassifier` and :class:`MLPRegressor`."""

    _network: MLP

    def _exported_network(self) -> MLP:
        """Return the network whose outputs are the predictions; a linear map of them belongs into its last layer."""
        check_is_fitted(self)
        return self._network

    def to_c(self, path: str | bytes | os.PathLike[Any], *, prefix: str | None = None, dtype: Any = None) -> None:
        """Write the network as a C99 source file and its header, see :meth:`fastmlp.MLP.to_c`.

        The function ``<prefix>_predict`` computes the network's outputs: for two classes the probability of the second,
        otherwise a row of ``predict_proba`` or ``predict``.  ``<prefix>_class`` gives the index of the predicted class
        in ``classes_``, which a comment in the header lists.  Parameters and errors are those of
        :meth:`fastmlp.MLP.to_c`.
        """
        network = self._exported_network()
        c_source.write(path, network, prefix=prefix, dtype=dtype, classes=getattr(self, "classes_", None))
