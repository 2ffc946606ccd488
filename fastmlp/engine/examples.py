"""X, y and sample weights, checked once, in the form that the kernels read.

Memory-mapped files and dense arrays of the network's dtype, in C or Fortran order, also with gaps between rows, are
read in place.  Other arrays are converted once.  CSR matrices stay sparse: if at most 3 % of the entries are stored,
the first layer's products are sums over these entries alone; otherwise each tile is made dense.  Both ways give the
same bits.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from fastmlp import _kernels, arrays, checks
from fastmlp.engine.csr import CSR, csr_inputs_of
from fastmlp.losses import Loss, targets_of

MOST_DENSITY_OF_SPARSE = 0.03  # products over the stored entries are faster up to here; see docs/benchmarks.md

Inputs = np.ndarray | CSR


@dataclass(frozen=True, eq=False)
class Examples:
    """X, y and sample weights, checked for networks of certain widths, loss and dtype.

    :meth:`fastmlp.MLP.examples` makes them.  Any number of trainings can share them, also at the same time.  Arrays
    that need no conversion are not copied: writing to them changes the examples without a check.

    Attributes
    ----------
    inputs : ndarray or tuple
        X (n_examples, n_features), or the values, indices, row pointers and number of columns of a CSR matrix.
    targets : ndarray of shape (n_targets, n_examples)
        y in the dtype of the network.
    sample_weight : ndarray (n_examples,) or None
        The weights in float64.  The kernels divide each batch's by a power of 2, so that a factor that all have in
        common changes nothing.
    loss : Loss
        The loss that the targets were checked for.
    dtype : numpy.dtype
    n_outputs : int
        Outputs of the networks that the examples are for.
    data : fastmlp._kernels.Data
        The examples as the kernels read them.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp import MLP
    >>> network = MLP([2, 4, 1], seed=0)
    >>> examples = network.examples([[0.0, 1.0], [1.0, 0.0]], [0, 1], sample_weight=[1.0, 3.0])
    >>> examples.n_examples, examples.total_weight
    (2, 4.0)
    """

    inputs: Inputs
    targets: np.ndarray
    sample_weight: np.ndarray | None
    loss: Loss
    dtype: np.dtype
    n_outputs: int
    data: _kernels.Data = field(init=False, repr=False)

    def __post_init__(self) -> None:
        checks.settle(self, data=_kernels.Data(self.inputs, self.targets, self.sample_weight))

    def __reduce__(self) -> tuple[Any, ...]:
        """All but ``data``, which is made anew."""
        return _unpickled, tuple(getattr(self, f.name) for f in fields(self) if f.init)

    @classmethod
    def of(cls, network: Any, X: Any, y: Any, sample_weight: Any = None) -> "Examples":
        """Check X, y and weights for a network; shapes and errors are those of :meth:`fastmlp.MLP.train`."""
        dims, dtype = network.plan.layer_dims, network.plan.dtype
        inputs = inputs_of(X, dims[0], dtype)
        n = n_examples_of(inputs)
        targets = targets_of(network.loss, y, n, dims[-1], dtype)
        return cls(inputs, targets, sample_weight_of(sample_weight, n), network.loss, dtype, dims[-1])

    @property
    def n_examples(self) -> int:
        """Number of examples."""
        return self.data.n_examples

    @property
    def total_weight(self) -> float:
        """The sum of the sample weights as given, infinite where a float cannot hold it; without any, n_examples."""
        if self.sample_weight is None:
            return float(self.n_examples)
        with np.errstate(over="ignore"):
            return float(self.sample_weight.sum())

    def check_for(self, network: Any) -> None:
        """Raise ValueError for a network of another loss, dtype or widths than the examples were checked for."""
        plan, n_features = network.plan, self.data.n_features
        n_inputs, n_outputs = plan.layer_dims[0], plan.layer_dims[-1]
        if (self.loss, self.dtype, n_features, self.n_outputs) != (network.loss, plan.dtype, n_inputs, n_outputs):
            own = f"{self.loss} in {self.dtype} with {n_features} features and {self.n_outputs} outputs"
            other = f"{network.loss} in {plan.dtype} with {n_inputs} and {n_outputs}"
            raise ValueError(f"the examples were checked for {own}; the network has {other}")

    def rows(self, start: int, end: int, with_targets: bool = True) -> _kernels.Data:
        """Return the examples from ``start`` to before ``end``, as many of them as there are, without weights."""
        end = min(end, self.n_examples)
        targets = np.ascontiguousarray(self.targets[:, start:end]) if with_targets else None
        if isinstance(self.inputs, tuple):
            values, indices, indptr, n_features = self.inputs
            stored = slice(int(indptr[start]), int(indptr[end]))
            indptr = indptr[start : end + 1] - indptr[start]
            return _kernels.Data((values[stored], indices[stored], indptr, n_features), targets)
        return _kernels.Data(self.inputs[start:end], targets)


def _unpickled(*values: Any) -> Examples:
    """Make examples of aligned arrays: those that a cluster sends lie in its messages at any address."""
    return Examples(*map(_aligned, values))


def _aligned(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_aligned, value))
    return value.copy(order="K") if isinstance(value, np.ndarray) and not value.flags.aligned else value


def inputs_of(X: Any, n_features: int, dtype: np.dtype) -> Inputs:
    """Return X (n_examples, n_features) in the form that ``_kernels.Data`` takes."""
    return csr_inputs_of(X, n_features, dtype) if hasattr(X, "tocsr") else dense_inputs_of(X, n_features, dtype)


def dense_inputs_of(X: Any, n_features: int, dtype: np.dtype) -> np.ndarray:
    """Return dense X as an array (n_examples, n_features); a sparse X is refused."""
    array = checks.array_of("X", X, dtype)
    checks.check_inputs_shape(array.shape, n_features)
    if not has_contiguous_axis(array):
        array = np.ascontiguousarray(array)
    _check_finite(array, X)
    return array


def n_examples_of(inputs: Inputs) -> int:
    """Return the number of examples."""
    return len(inputs[2]) - 1 if isinstance(inputs, tuple) else len(inputs)


def is_sparse(data: _kernels.Data) -> bool:
    """Return whether passes should read the stored entries alone."""
    return data.is_canonical_csr and data.density <= MOST_DENSITY_OF_SPARSE


def sample_weight_of(sample_weight: Any, n_examples: int) -> np.ndarray | None:
    """Return checked weights (n_examples,), or None."""
    if sample_weight is None:
        return None
    array = checks.array_of("sample_weight", sample_weight, np.float64)
    if array.shape != (n_examples,):
        raise ValueError(f"sample_weight must have shape ({n_examples},) to match X, got {array.shape}")
    array = np.array(array, order="C")  # a copy of our own, which nothing changes between the checks
    checks.check_finite("sample_weight", array)
    if array.min() < 0:
        at = int(np.argmax(array < 0))
        raise ValueError(f"sample_weight must be at least 0, got {array[at]} at index {at}")
    if array.max() == 0:
        raise ValueError("sample_weight must have a sum over 0, got 0.0")
    return array


def has_contiguous_axis(array: np.ndarray) -> bool:
    """Whether the kernels read a matrix in place: one stride is an element, the other a positive number of elements."""
    size, (across, along) = array.itemsize, array.strides
    return size in (across, along) and across > 0 and along > 0 and across % size == 0 and along % size == 0


def _check_finite(array: np.ndarray, X: Any) -> None:
    """Raise ValueError for NaN and infinities, without a copy of the whole array; ``X`` may be a frame."""
    if not is_finite(array):
        columns = [] if type(X) is np.ndarray else arrays.columns_of(X) or []
        checks.check_finite("X", np.ascontiguousarray(array), [name for name, _ in columns])
        raise ValueError(f"X must be finite in {array.dtype}; {checks.CHANGED}")


def is_finite(array: np.ndarray) -> bool:
    """Whether a matrix with a contiguous axis holds no NaN and no infinity, without a copy of the whole."""
    flat = array if array.strides[1] == array.itemsize else array.T
    blocks = (flat,) if flat.flags.c_contiguous else (np.ascontiguousarray(rows) for rows in _row_blocks(flat))
    return _kernels.first_not_finite(blocks) < 0


def _row_blocks(array: np.ndarray) -> list[np.ndarray]:
    """Views of about a megabyte each."""
    rows = max(1, (1 << 20) // (array.shape[1] * array.itemsize))
    return [array[start : start + rows] for start in range(0, len(array), rows)]
