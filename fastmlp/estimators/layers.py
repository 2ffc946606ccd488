"""The layers of a fitted estimator, in scikit-learn's shapes, and its raw predictions."""

from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from fastmlp import checks
from fastmlp.estimators import inputs
from fastmlp.network import MLP


class LayerViews(list[np.ndarray]):
    """One array per layer, each a view of the network's parameters; assigning to an entry writes to the network.

    Parameters
    ----------
    name : {"coefs_", "intercepts_"}
    views : list of ndarray
    """

    def __init__(self, name: str, views: list[np.ndarray]) -> None:
        super().__init__(views)
        self.name = name

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        if isinstance(index, slice):
            raise TypeError("layers can be assigned one by one, or all of them to coefs_ or intercepts_")
        view, name = self[index], f"{self.name}[{index}]"
        array = checks.array_of(name, value, view.dtype)
        if array.shape != view.shape:
            raise ValueError(f"{name} must have shape {view.shape}, got {array.shape}")
        view[...] = array

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy as a plain list: away from its network, it has nothing to write to."""
        return list, (list(self),)


class FittedLayers:
    """The parameters of an estimator and its raw predictions; the network is drawn by the first fit."""

    _network: MLP
    n_features_in_: int

    def __sklearn_is_fitted__(self) -> bool:
        return "_network" in self.__dict__

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights (fan_in, fan_out) of each layer: views of the parameters, to which arrays can be assigned."""
        return LayerViews("coefs_", [W.T for W in self._fitted("coefs_").weights])

    @coefs_.setter
    def coefs_(self, value: Sequence[Any]) -> None:
        self._assign("coefs_", self.coefs_, value)

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases (fan_out,) of each layer: views of the parameters, to which arrays can be assigned."""
        return LayerViews("intercepts_", self._fitted("intercepts_").biases)

    @intercepts_.setter
    def intercepts_(self, value: Sequence[Any]) -> None:
        self._assign("intercepts_", self.intercepts_, value)

    def _fitted(self, name: str) -> MLP:
        network = self.__dict__.get("_network")
        if network is None:
            raise AttributeError(f"{type(self).__name__} has {name} once it is fitted", name=name, obj=self)
        return network

    def _assign(self, name: str, views: list[np.ndarray], value: Sequence[Any]) -> None:
        self._network.occupancy.refuse_changing(f"assigning {name}")
        dtype = self._network.plan.dtype
        arrays = [checks.array_of(f"{name}[{i}]", array, dtype) for i, array in enumerate(checks.items_of(name, value))]
        shapes = [view.shape for view in views]
        if [array.shape for array in arrays] != shapes:
            raise ValueError(f"{name} must hold arrays of shapes {shapes}, got {[array.shape for array in arrays]}")
        for view, array in zip(views, arrays, strict=True):
            view[...] = array

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the network's outputs (n_samples, n_outputs): probabilities or values."""
        network = self.__dict__.get("_network")
        if network is None:
            check_is_fitted(self)
        assert network is not None
        is_known = inputs.is_plain(X) and X.shape[1] == self.n_features_in_ and "feature_names_in_" not in self.__dict__
        if not is_known:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        if X.dtype != network.plan.dtype:
            with np.errstate(over="ignore", invalid="ignore"):  # the check refuses what float32 does not hold
                X = check_array(X, accept_sparse=["csr", "csc"], dtype=network.plan.dtype, input_name="X")
        if X.shape[0] == 1 and isinstance(X, np.ndarray):
            return network.predict_one(X[0])[np.newaxis]
        outputs = network._outputs(X, True)
        return outputs[:, np.newaxis] if outputs.ndim == 1 else outputs
