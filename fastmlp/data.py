"""X and sample weights, checked and in a form the kernels read in place.

Dense arrays of the network's dtype, in C or Fortran order, also with gaps between rows, and memory-mapped
files are read where they lie; all else is converted once.  CSR matrices stay sparse: where few entries are stored,
the first layer's products are sums over these alone, else each tile is made dense.  Both give the same bits.
"""

from typing import Any

import numpy as np

from fastmlp import _kernels, checks

MOST_DENSITY_OF_SPARSE = 0.03  # up to which products over stored entries alone are faster; see docs/benchmarks.md

Inputs = np.ndarray | tuple[np.ndarray, np.ndarray, np.ndarray, int]


def inputs_of(X: Any, n_features: int, dtype: np.dtype) -> Inputs:
    """X (n_examples, n_features) as :class:`_kernels.Data` takes it."""
    return _sparse(X, n_features, dtype) if hasattr(X, "tocsr") else dense_inputs_of(X, n_features, dtype)


def dense_inputs_of(X: Any, n_features: int, dtype: np.dtype) -> np.ndarray:
    """The same of dense X alone, as an array (n_examples, n_features)."""
    array = checks.array_of("X", X, dtype)
    _check_shape(array.ndim, array.shape, n_features)
    if not _has_contiguous_axis(array):
        array = np.ascontiguousarray(array)
    _check_finite(array)
    return array


def n_examples_of(inputs: Inputs) -> int:
    """How many examples there are."""
    return len(inputs[2]) - 1 if isinstance(inputs, tuple) else len(inputs)


def is_sparse(data: _kernels.Data) -> bool:
    """Whether passes should read the stored entries alone."""
    return data.is_canonical_csr and data.density <= MOST_DENSITY_OF_SPARSE


def sample_weight_of(sample_weight: Any, n_examples: int, dtype: np.dtype) -> np.ndarray | None:
    """Weights (n_examples,), at least 0 and not all 0, or None."""
    if sample_weight is None:
        return None
    array = checks.array_of("sample_weight", sample_weight, np.float64)
    if array.shape != (n_examples,):
        raise ValueError(f"sample_weight must have shape ({n_examples},) to match X, got {array.shape}")
    array = np.ascontiguousarray(array)
    checks.check_finite("sample_weight", array)
    if array.min() < 0:
        at = int(np.argmax(array < 0))
        raise ValueError(f"sample_weight must be at least 0, got {array[at]} at index {at}")
    if array.max() == 0:
        raise ValueError("sample_weight must have a sum over 0, got 0.0")
    return np.ldexp(array, -np.frexp(array.max())[1]).astype(dtype)  # so that no sum of them overflows


def _check_shape(ndim: int, shape: tuple[int, ...], n_features: int) -> None:
    if ndim != 2:
        raise ValueError(f"X must have 2 dimensions (n_examples, n_features), got shape {shape}")
    if shape[0] < 1 or shape[1] != n_features:
        raise ValueError(f"X must have shape (at least 1, {n_features}), got {shape}")


def _has_contiguous_axis(array: np.ndarray) -> bool:
    """Whether examples, or features, lie next to each other, and the other stride is whole elements forward."""
    size, (across, along) = array.itemsize, array.strides
    return size in (across, along) and across > 0 and along > 0 and across % size == 0 and along % size == 0


def _check_finite(array: np.ndarray) -> None:
    """Refuse NaN and infinities without a copy of the whole."""
    flat = array if array.strides[1] == array.itemsize else array.T
    blocks = (flat,) if flat.flags.c_contiguous else (np.ascontiguousarray(rows) for rows in _row_blocks(flat))
    if _kernels.first_not_finite(blocks) >= 0:
        checks.check_finite("X", np.ascontiguousarray(array))  # which names the place


def _row_blocks(array: np.ndarray) -> list[np.ndarray]:
    """Views of about a megabyte each."""
    rows = max(1, (1 << 20) // (array.shape[1] * array.itemsize))
    return [array[start : start + rows] for start in range(0, len(array), rows)]


def _sparse(X: Any, n_features: int, dtype: np.dtype) -> Inputs:
    """The values, column indices and row pointers of a SciPy sparse matrix or array, columns ascending in each row."""
    matrix = X.tocsr()
    _check_shape(matrix.ndim, matrix.shape, n_features)
    stored = int(matrix.indptr[-1])  # there may be room for more
    values = np.ascontiguousarray(checks.array_of("X", matrix.data[:stored], dtype))
    index_type = np.result_type(matrix.indices, matrix.indptr)
    indices, indptr = (np.ascontiguousarray(a, index_type) for a in (matrix.indices[:stored], matrix.indptr))
    if not _kernels.Data((values, indices, indptr, n_features)).is_canonical_csr:
        matrix = type(matrix)((values, indices, indptr), shape=matrix.shape, copy=True)
        matrix.sum_duplicates()
        values, indices, indptr = matrix.data, matrix.indices, matrix.indptr
    if _kernels.first_not_finite((values,)) >= 0:
        at = int(np.argmax(~np.isfinite(values)))
        row = int(np.searchsorted(indptr, at, side="right")) - 1
        raise ValueError(f"X must be finite in {dtype}, got {values[at]} at index {(row, int(indices[at]))}")
    return values, indices, indptr, n_features
