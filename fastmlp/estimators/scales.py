"""A word about inputs whose features have very different scales."""

from typing import Any

import numpy as np

from fastmlp.estimators.warn import warn

MOST_RATIO = 1e3  # of the largest magnitudes of two features


class UnscaledFeaturesWarning(UserWarning):
    """The magnitudes of two features differ by a factor over 1,000; one learning rate does not suit both."""


def warn_if_unscaled(estimator: Any, X: Any) -> None:
    """Issue :class:`UnscaledFeaturesWarning` if the magnitudes of the columns of X differ by over 1,000."""
    if not isinstance(X, np.ndarray):
        return  # sparse: scaled by columns it would no longer be
    peaks = np.maximum(X.max(axis=0), -X.min(axis=0))
    peaks_of_used = np.where(peaks > 0, peaks, np.inf)
    smallest, largest = int(np.argmin(peaks_of_used)), int(np.argmax(peaks))
    if not peaks[largest] > MOST_RATIO * peaks_of_used[smallest]:
        return
    with np.errstate(over="ignore"):
        ratio = peaks[largest] / peaks[smallest]
    names = getattr(estimator, "feature_names_in_", range(X.shape[1]))
    warn(
        f"the largest magnitudes of the features differ by a factor of {ratio:.2g}: "
        f"{peaks[largest]:.3g} in column {names[largest]}, {peaks[smallest]:.3g} in column {names[smallest]}. One "
        "learning rate does not suit both; standardize X, for example with "
        f"make_pipeline(StandardScaler(), {type(estimator).__name__}(...))",
        UnscaledFeaturesWarning,
    )
