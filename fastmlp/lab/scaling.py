"""Features and targets brought to mean 0 and standard deviation 1, without a copy of all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 17  # values


@dataclass(frozen=True, eq=False)
class Standardization:
    """Mean and standard deviation of each column, of values divided by the column's largest magnitude.

    Without that division the sums of squares would overflow or vanish.  A constant column has a deviation of exactly 0.

    Attributes
    ----------
    peak, mean, deviation : ndarray of float64 of shape (n_columns,)
    """

    peak: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray) -> "Standardization":
        """Measure a matrix of finite values."""
        peak = np.maximum(X.max(axis=0), -X.min(axis=0)).astype(np.float64)
        peak[peak == 0] = 1.0
        mean = sum(((rows / peak).sum(axis=0) for rows in blocks_of(X)), np.zeros(len(peak))) / len(X)
        squares = sum((np.square(rows / peak - mean).sum(axis=0) for rows in blocks_of(X)), np.zeros(len(peak)))
        return cls(peak, mean, np.sqrt(squares / len(X)))

    def apply(self, X: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return ``(X - mean) / deviation``, constant columns 0; ``out`` may be X."""
        out = np.empty_like(X) if out is None else out
        factor = np.divide(1.0, self.deviation, out=np.zeros_like(self.deviation), where=self.deviation > 0)
        with np.errstate(over="ignore", invalid="ignore"):  # test values far beyond the training's: checked later
            for rows, target in zip(blocks_of(X), blocks_of(out), strict=True):
                target[:] = (rows / self.peak - self.mean) * factor
        return out

    def scales(self) -> np.ndarray:
        """Return the root mean square of each column."""
        with np.errstate(over="ignore"):
            return self.peak * np.hypot(self.mean, self.deviation)

    def scale(self) -> float:
        """Return the largest root mean square of a column."""
        return float(self.scales().max())


def blocks_of(X: np.ndarray, values: int = BLOCK) -> Iterator[np.ndarray]:
    """Yield views of consecutive rows with about so many values each."""
    n = max(1, values // max(1, X.shape[1]))
    return (X[start : start + n] for start in range(0, len(X), n))
