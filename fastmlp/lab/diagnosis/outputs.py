"""What the raw outputs of a network look like beside the targets."""

import math

import numpy as np

from fastmlp.lab.diagnosis.thresholds import threshold


class Outputs:
    """Counts of saturated outputs, and the size of the targets of a regression, over blocks of examples."""

    def __init__(self, output: str, n_outputs: int) -> None:
        self.is_logistic = output == "logistic"
        self.is_softmax = output == "softmax" and n_outputs > 1
        self.is_log = output == "exponential"
        self.n = self.n_certain = self.n_wrong = 0
        self.target_squares = 0.0

    def add(self, logits: np.ndarray, targets: np.ndarray | None) -> None:
        """Take the raw outputs (n_outputs, n) of a block, and its targets if there are any."""
        if self.is_logistic or self.is_softmax:
            sizes, is_wrong = _logistic(logits, targets) if self.is_logistic else _softmax(logits, targets)
            self.n += sizes.size
            if targets is None:
                self.n_certain += int((sizes > threshold("certain_logit")).sum())
            self.n_wrong += int((is_wrong & (sizes > threshold("saturated_logit"))).sum())
        elif targets is not None:
            self.n += targets.size
            targets = np.log1p(targets) if self.is_log else targets
            self.target_squares += float(np.square(targets, dtype=np.float64).sum())

    @property
    def certain_share(self) -> float:
        """Share of outputs, with softmax of examples, that are saturated by far; 0 with targets."""
        return self.n_certain / self.n if self.n else 0.0

    @property
    def wrong_share(self) -> float:
        """Share of those that are saturated on the wrong side; 0 without targets."""
        return self.n_wrong / self.n if self.n else 0.0

    @property
    def target_size(self) -> float:
        """Root mean square of the targets of a regression, of counts that of log(1 + y); NaN without."""
        if self.is_logistic or self.is_softmax or not self.n:
            return math.nan
        return math.sqrt(self.target_squares / self.n)


def _logistic(logits: np.ndarray, targets: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the magnitude of each logit, and whether it is on the wrong side."""
    is_wrong = np.zeros(logits.shape, bool) if targets is None else (logits > 0) != (targets > 0.5)
    return np.abs(logits), is_wrong


def _softmax(logits: np.ndarray, targets: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the margin of the largest logit of each example, and whether it is that of a wrong class."""
    *_, second, first = np.partition(logits, [-2, -1], axis=0)
    is_wrong = np.zeros(logits.shape[1], bool) if targets is None else np.argmax(logits, axis=0) != targets[0]
    return first - second, is_wrong
