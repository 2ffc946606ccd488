"""Statistics of runs: quantiles with infinities, bootstrap intervals, paired differences."""

import math
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1999  # of a bootstrap: the ends of the interval are the 50th values from either end
MOST_RESAMPLED = 1 << 20  # values that a bootstrap draws at a time
CONFIDENCE = 0.95
FEWEST = 2  # values that an interval or a test needs


def quantiles(values: np.ndarray, shares: list[float]) -> np.ndarray:
    """Return quantiles of the values that are not NaN, linear between two of them; NaN if there are none.

    Values may be infinite, where ``np.quantile`` gives NaN even for a quantile that is one of the finite values.
    """
    values = np.sort(values[~np.isnan(values)])
    if not len(values):
        return np.full(len(shares), math.nan)
    places = np.round(np.multiply(shares, len(values) - 1), 9)  # 0.95 x 20 is the place 19, whatever its last bit
    low, high = values[np.floor(places).astype(int)], values[np.ceil(places).astype(int)]
    with np.errstate(invalid="ignore"):
        between = low + (high - low) * (places % 1)
    return np.where(low == high, low, between)


def mean_with_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of the values that are not NaN with the ends of its bootstrap interval.

    The interval is the percentile one of Efron 1979, from a generator with a fixed seed; NaN for fewer than 2 values
    and for a mean that is not finite.
    """
    values = values[~np.isnan(values)]
    with np.errstate(over="ignore"):  # a loss may be large beyond all reason, and finite
        mean = float(values.mean()) if len(values) else math.nan
        if len(values) < FEWEST or not math.isfinite(mean):
            return mean, math.nan, math.nan
        if (values == values[0]).all():
            return mean, mean, mean
        low, high = _bootstrap(values)
    return mean, low, high


def _bootstrap(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the interval of the mean."""
    from scipy.stats import bootstrap

    found = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, MOST_RESAMPLED // len(values)),
        confidence_level=CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


@dataclass(frozen=True, eq=False)
class Paired:
    """Two initializers compared over the same seeds.

    Attributes
    ----------
    a, b : str
    measure : str
        The column that is compared.
    n_pairs : int
        Pairs of runs that differ in the initializer alone, both with a finite value.
    n_left_out : int
        Pairs in which a value is not finite.
    n_seeds : int
        Seeds of those pairs.
    difference, low, high : float
        The mean of ``differences``, and its bootstrap 95 % interval.
    a_is_less, b_is_less : int
        Seeds with which that value is the smaller one.
    p_value : float
        Of Wilcoxon's signed-rank test; 1 if no seed differs.
    differences : ndarray of shape (n_seeds,)
        a less b for each seed, ascending; where more than the initializer was varied, the mean over the pairs of the
        seed.  Runs with the same seed have their draws in common, so that only seeds count as independent.
    """

    a: str
    b: str
    measure: str
    n_pairs: int
    n_left_out: int
    n_seeds: int
    difference: float
    low: float
    high: float
    a_is_less: int
    b_is_less: int
    p_value: float
    differences: np.ndarray

    def __repr__(self) -> str:
        left_out = f" ({self.n_left_out} not finite, left out)" if self.n_left_out else ""
        of_seeds = f" of {self.n_seeds} seeds" if self.n_pairs > self.n_seeds else ""
        return (
            f"{self.measure} of {self.a} less that of {self.b}, {self.n_pairs} pairs{of_seeds}{left_out}: "
            f"{self.difference:.4g}, 95 % interval {self.low:.4g} to {self.high:.4g}; {self.a} is less in "
            f"{self.a_is_less}, {self.b} in {self.b_is_less}; Wilcoxon p = {self.p_value:.2g}"
        )


def paired(a: str, b: str, measure: str, of_a: np.ndarray, of_b: np.ndarray, seeds: np.ndarray) -> Paired:
    """Compare values of pairs of runs, each with its seed; ValueError for fewer than 2 seeds with finite values."""
    is_finite = np.isfinite(of_a) & np.isfinite(of_b)
    known, of_seed = np.unique(seeds[is_finite], return_inverse=True)
    sums = np.bincount(of_seed, of_a[is_finite] - of_b[is_finite], len(known))
    differences = sums / np.bincount(of_seed, minlength=len(known))
    if len(differences) < FEWEST:
        raise ValueError(
            f"paired needs at least {FEWEST} seeds for which both runs have a finite {measure}, "
            f"got {len(differences)} of {len(np.unique(seeds))} for {a} and {b}"
        )
    return Paired(
        a,
        b,
        measure,
        int(is_finite.sum()),
        int((~is_finite).sum()),
        len(differences),
        *mean_with_interval(differences),
        int((differences < 0).sum()),
        int((differences > 0).sum()),
        _wilcoxon(differences),
        differences,
    )


def _wilcoxon(differences: np.ndarray) -> float:
    if not differences.any():
        return 1.0
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue)
