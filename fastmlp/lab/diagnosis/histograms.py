"""Histograms of each layer's arrays, in a second pass once means and variances are known."""

import numpy as np

from fastmlp.lab.diagnosis.layers import KINDS, blocks
from fastmlp.lab.diagnosis.subject import Subject

DEVIATIONS = 4.0  # reach of the bins on both sides of the mean
Histograms = dict[str, tuple[np.ndarray, np.ndarray]]


def histograms_of(subject: Subject, rows: np.ndarray, n_bins: int) -> Histograms:
    """Return counts (n_layers, n_bins) and edges (n_layers, n_bins + 1) by the name of what was counted.

    Bins reach four standard deviations to both sides of the mean; the first and the last also count what lies beyond.
    Values that are not finite are not counted, and a layer whose variance is not has no edges (NaN).
    """
    kinds = {kind: name for kind, name in KINDS.items() if kind != "dz" or subject.examples is not None}
    edges = {name: _edges(rows[f"{name}_mean"], rows[f"{name}_variance"], n_bins) for name in kinds.values()}
    counts = {name: np.zeros((len(rows), n_bins), np.int64) for name in kinds.values()}
    for _, _, arrays in blocks(subject):
        for kind, name in kinds.items():
            for i, part in enumerate(arrays):
                counts[name][i] += _counts(part[kind], edges[name][i])
    return {name: (counts[name], edges[name]) for name in edges}


def _edges(means: np.ndarray, variances: np.ndarray, n_bins: int) -> np.ndarray:
    reach = DEVIATIONS * np.sqrt(variances)
    reach[reach == 0] = 0.5
    reach = np.maximum(reach, n_bins * np.spacing(np.abs(means)))  # so that rounding makes no two edges equal
    return means[:, np.newaxis] + reach[:, np.newaxis] * np.linspace(-1, 1, n_bins + 1)


def _counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    if not np.isfinite(edges).all():
        return np.zeros(len(edges) - 1, np.int64)
    finite = values[np.isfinite(values)].astype(np.float64)
    return np.histogram(np.clip(finite, edges[0], edges[-1]), bins=len(edges) - 1, range=(edges[0], edges[-1]))[0]
