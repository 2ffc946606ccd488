"""X and y with scikit-learn's checks, which plain arrays do without: they take longer than a small network's epoch."""

from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from fastmlp import _kernels, checks
from fastmlp.engine.examples import has_contiguous_axis, is_finite

PLAIN_LABELS = "biuU"  # kinds of NumPy dtypes


def checked(estimator: Any, X: Any, y: Any, *, reset: bool, is_numeric: bool) -> tuple[Any, np.ndarray]:
    """Return X as an array or CSR or CSC matrix of float32 or float64, and y as an array; scikit-learn's errors."""
    is_plain_y = is_plain_targets(y) if is_numeric else is_plain_labels(y)
    if is_plain_y and is_plain(X) and len(X) == len(y) and _has_known_features(estimator, X, reset):
        return X, y
    return validate_data(
        estimator,
        X,
        y,
        accept_sparse=["csr", "csc"],
        multi_output=True,
        y_numeric=is_numeric,
        dtype=(np.float64, np.float32),
        reset=reset,
    )


def is_plain(X: Any) -> bool:
    """Whether X is a finite, not empty matrix that the kernels read as it is."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.size > 0
        and checks.is_real(X)
        and X.flags.aligned
        and has_contiguous_axis(X)
        and is_finite(X)
    )


def is_plain_labels(y: Any) -> bool:
    """Whether y holds one label per example: an integer, a boolean or a text."""
    return type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in PLAIN_LABELS and y.dtype.isnative


def is_plain_targets(y: Any) -> bool:
    """Whether y holds one finite number per example, or several."""
    return (
        type(y) is np.ndarray
        and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] > 1))
        and checks.is_real(y)
        and y.flags.c_contiguous
        and y.flags.aligned
        and _kernels.first_not_finite((y,)) < 0
    )


def _has_known_features(estimator: Any, X: np.ndarray, reset: bool) -> bool:
    """Whether X has the features of the fit before; with ``reset``, note those of X for the fits to come."""
    if reset:
        estimator.n_features_in_ = X.shape[1]
        estimator.__dict__.pop("feature_names_in_", None)
        return True
    return "feature_names_in_" not in estimator.__dict__ and estimator.n_features_in_ == X.shape[1]
