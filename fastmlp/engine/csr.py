"""Sparse matrices in the CSR form that the kernels read, from any form of SciPy's, with damaged ones refused."""

import itertools
import sys
from typing import Any

import numpy as np

from fastmlp import _kernels, checks

CSR = tuple[np.ndarray, np.ndarray, np.ndarray, int]


def csr_inputs_of(X: Any, n_features: int, dtype: np.dtype) -> CSR:
    """Return values, column indices, row pointers and width of a SciPy sparse matrix, columns ascending per row."""
    shape = getattr(X, "shape", None)
    checks.check_inputs_shape(shape if isinstance(shape, tuple) else (), n_features)
    matrix = _csr_of(X, dtype)
    indptr, indices = (_index_of(matrix, name) for name in ("indptr", "indices"))
    values = checks.array_of("X", getattr(matrix, "data", None), dtype)
    if len(indptr) != X.shape[0] + 1:
        raise ValueError(f"X in CSR form must have an indptr of {X.shape[0] + 1} entries, got {len(indptr)}")
    stored = int(indptr[-1])  # the arrays may be longer
    if values.ndim != 1 or not 0 <= stored <= min(len(values), len(indices)):
        lengths = f"data of shape {values.shape} and {len(indices)} indices"
        raise ValueError(f"X in CSR form must have the {stored} entries that its indptr ends with, got {lengths}")
    index_type = np.result_type(indices, indptr, np.int32)
    values = np.ascontiguousarray(values[:stored])
    indices, indptr = (np.ascontiguousarray(a, index_type) for a in (indices[:stored], indptr))
    if not _kernels.Data((values, indices, indptr, n_features)).is_canonical_csr:
        values, indices, indptr = _in_order(type(matrix), matrix.shape, values, indices, indptr)
    if _kernels.first_not_finite((values,)) >= 0:
        at = checks.first_place(~np.isfinite(values))
        if at is None:
            raise ValueError(f"X must be finite in {dtype}; {checks.CHANGED}")
        row = int(np.searchsorted(indptr, at[0], side="right")) - 1
        raise ValueError(f"X must be finite in {dtype}, got {values[at]} at index {(row, int(indices[at]))}")
    return values, indices, indptr, n_features


def _csr_of(X: Any, dtype: np.dtype) -> Any:
    """Return X in CSR form, X itself if it has that form.

    Values are converted before: SciPy adds entries of the same place in the dtype of the values, in which a sum of
    small integers can wrap around.
    """
    scipy_sparse = sys.modules.get("scipy.sparse")
    is_scipy = scipy_sparse is not None and scipy_sparse.issparse(X)
    if is_scipy and X.format == "csr":
        return X
    has_values = is_scipy and X.format in ("csc", "bsr", "dia", "coo")
    values = checks.array_of("X", X.data, dtype) if has_values else None
    try:
        return (_checked_copy(X, values, scipy_sparse) if is_scipy else X).tocsr()
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"X must be a sparse matrix that can be converted to CSR form: {error}") from error


def _checked_copy(X: Any, values: np.ndarray | None, scipy_sparse: Any) -> Any:
    """Return the same matrix with these values, if it has an array of them, and indices of its own that lie within it.

    SciPy's conversions follow the indices wherever they point, also those that another thread has just written.
    """
    if X.format in ("csc", "bsr"):
        indices, indptr = (_index_of(X, name).copy() for name in ("indices", "indptr"))
        if (indptr[1:] < indptr[:-1]).any():
            raise ValueError("indptr must not fall")
        copy = type(X)((values, indices, indptr), shape=X.shape)
        copy.check_format(full_check=True)
        return copy
    if X.format == "dia":
        return type(X)((values, _index_of(X, "offsets").copy()), shape=X.shape)
    if X.format == "lil":
        data, columns = ([list(row) for row in lists] for lists in (X.data, X.rows))
        rows = np.repeat(np.arange(len(columns)), [len(row) for row in columns])
        all_data, all_columns = (list(itertools.chain.from_iterable(lists)) for lists in (data, columns))
        coords = (rows, np.array(all_columns, int))
        return scipy_sparse.coo_array((np.array(all_data, X.dtype), coords), shape=X.shape)
    if X.format == "coo":
        return type(X)((values, tuple(_index_of(X, name).copy() for name in ("row", "col"))), shape=X.shape)
    return X


def _index_of(matrix: Any, name: str) -> np.ndarray:
    array = getattr(matrix, name, None)
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in "iu":
        what = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"X in sparse form must have an array of integers as {name}, got {what}")
    return array


def _in_order(
    form: Any, shape: tuple[int, int], values: np.ndarray, indices: np.ndarray, indptr: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the entries in the order of their columns, and those of the same place added, on a copy."""
    values, indices, indptr = values.copy(), indices.copy(), indptr.copy()
    _kernels.Data((values, indices, indptr, shape[1]))  # once more: SciPy follows these
    matrix = form((values, indices, indptr), shape=shape)
    matrix.sum_duplicates()
    return matrix.data, matrix.indices, matrix.indptr
