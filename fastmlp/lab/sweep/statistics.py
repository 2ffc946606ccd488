"""Statistics of runs: quantiles with infinities, bootstrap intervals, paired differences."""

import math
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1999  # of a bootstrap: the ends of the interval are the 50th values from either end
MOST_RESAMPLED = 1 << 20  # values that a bootstrap draws at a time
CONFIDENCE = 0.95
FEWEST = 2  # values that an interval or a test needs


def quantiles(values: np.ndarray, shares: list[float]) -> np.ndarray:
    """Return quantiles of values that may be infinite, without NaN; NaN if there are none."""
    values = values[~np.isnan(values)]
    if not len(values):
        return np.full(len(shares), math.nan)
    with np.errstate(invalid="ignore"):
        found = np.quantile(values, shares)
    return np.where(np.isnan(found), math.inf, found)  # inf - inf, between two infinite values


def mean_with_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of the values that are not NaN with the ends of its bootstrap interval.

    The interval is the percentile one of Efron 1979, from a generator with a fixed seed; NaN for fewer than 2 values
    and for a mean that is not finite.
    """
    values = values[~np.isnan(values)]
    mean = float(values.mean()) if len(values) else math.nan
    if len(values) < FEWEST or not math.isfinite(mean):
        return mean, math.nan, math.nan
    if (values == values[0]).all():
        return mean, mean, mean
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
    return mean, float(found.low), float(found.high)


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
    difference, low, high : float
        The mean of a less b, and its bootstrap 95 % interval.
    a_is_less, b_is_less : int
        Pairs in which that value is the smaller one.
    p_value : float
        Of Wilcoxon's signed-rank test; 1 if no pair differs.
    differences : ndarray of shape (n_pairs,)
    """

    a: str
    b: str
    measure: str
    n_pairs: int
    n_left_out: int
    difference: float
    low: float
    high: float
    a_is_less: int
    b_is_less: int
    p_value: float
    differences: np.ndarray

    def __repr__(self) -> str:
        left_out = f" ({self.n_left_out} not finite, left out)" if self.n_left_out else ""
        return (
            f"{self.measure} of {self.a} less that of {self.b}, {self.n_pairs} pairs{left_out}: {self.difference:.4g}, "
            f"95 % interval {self.low:.4g} to {self.high:.4g}; {self.a} is less in {self.a_is_less}, {self.b} in "
            f"{self.b_is_less}; Wilcoxon p = {self.p_value:.2g}"
        )


def paired(a: str, b: str, measure: str, of_a: np.ndarray, of_b: np.ndarray) -> Paired:
    """Compare values of the same seeds; ValueError for fewer than 2 pairs with finite values."""
    is_finite = np.isfinite(of_a) & np.isfinite(of_b)
    differences = of_a[is_finite] - of_b[is_finite]
    if len(differences) < FEWEST:
        raise ValueError(
            f"paired needs at least {FEWEST} seeds for which both runs have a finite {measure}, "
            f"got {len(differences)} of {len(of_a)} for {a} and {b}"
        )
    return Paired(
        a,
        b,
        measure,
        len(differences),
        int((~is_finite).sum()),
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
