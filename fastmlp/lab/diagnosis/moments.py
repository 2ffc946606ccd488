"""Means and variances of units over examples, block by block."""

import numpy as np


class Moments:
    """The moments of a layer's units over examples that come in blocks (n_units, n).

    Sums are of differences from the mean of the first block, so that the variance keeps its digits where it is small
    beside the mean.
    """

    def __init__(self, block: np.ndarray) -> None:
        self.shift = block.mean(axis=1, keepdims=True)
        self.first = block[:, :1].copy()
        self.n = 0
        self.sums = np.zeros((2, len(block)))
        self.is_constant = np.ones(len(block), bool)

    def add(self, block: np.ndarray) -> None:
        """Take one block more."""
        difference = block - self.shift
        squares = np.einsum("ij,ij->i", difference, difference)
        self.sums += difference @ np.ones(block.shape[1], block.dtype), squares
        self.n += block.shape[1]
        # the mean of a constant is off by rounding, so few other units pass
        rounding = 64 * np.finfo(block.dtype).eps * np.abs(self.shift[:, 0])
        self.is_constant &= squares <= block.shape[1] * np.square(rounding)
        if self.is_constant.any():
            units = np.flatnonzero(self.is_constant)
            self.is_constant[units] = (block[units] == self.first[units]).all(axis=1)

    def means(self) -> np.ndarray:
        """Return the mean of each unit."""
        return self.shift[:, 0] + self.sums[0] / self.n

    def variances(self) -> np.ndarray:
        """Return the variance of each unit over the examples."""
        return self.sums[1] / self.n - np.square(self.sums[0] / self.n)

    def of_layer(self) -> tuple[float, float]:
        """Return the mean and the variance over all units and examples."""
        means = self.means()
        return float(means.mean()), float(self.variances().mean() + means.var())
