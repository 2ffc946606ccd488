"""Noise that grows with x: three quantile regressions give a band that is wide where predictions are uncertain.

Quantile(q) makes a network predict the value below which a share q of the targets lies, so between the predictions of
0.05 and 0.95 there should be nine tenths of new examples, wherever x is.
"""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning

from fastmlp import Cosine, MLPRegressor, Quantile

QUANTILES = 0.05, 0.5, 0.95
EPOCHS = 150


def mean_and_deviation(x):
    """Return mean and standard deviation of y at x."""
    return np.sin(x) + 0.2 * x, 0.1 + 0.08 * x


def scaled(x):
    """Return x as a feature between -1 and 1."""
    return x[:, np.newaxis] / 5 - 1


def sample(n, seed):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 10, n))  # for the lines of the picture
    return x, rng.normal(*mean_and_deviation(x))


def main(folder):
    """Write quantile_bands.png; return the share of new examples in the band, over all x and over each fifth of x."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y = sample(3000, seed=0)
    new_x, new_y = sample(20000, seed=1)
    models = [
        MLPRegressor(
            Quantile(q), (40, 40), activation="silu", target_scaling="standard", batch_size=50, max_iter=EPOCHS,
            learning_rate=Cosine(0.005, epochs=EPOCHS), n_iter_no_change=EPOCHS, random_state=0,
        )
        for q in QUANTILES
    ]  # fmt: skip
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # the schedule decides when to end
        low, median, high = (model.fit(scaled(x), y).predict(scaled(new_x)) for model in models)
    inside = (low < new_y) & (new_y < high)
    fifths = [inside[(new_x >= a) & (new_x < a + 2)].mean() for a in range(0, 10, 2)]

    figure, ax = plt.subplots(figsize=(8, 4.6), layout="constrained")
    ax.scatter(x, y, s=3, color="0.6", label="training examples")
    ax.fill_between(new_x, low, high, color="C0", alpha=0.25, label="between Quantile(0.05) and Quantile(0.95)")
    ax.plot(new_x, median, color="C0", label="Quantile(0.5)")
    true = [norm.ppf(q, *mean_and_deviation(new_x)) for q in QUANTILES]
    ax.plot(new_x, np.transpose(true), "k--", linewidth=1, label=["true quantiles", None, None])
    ax.set(xlabel="x", ylabel="y", title=f"{inside.mean():.1%} of {len(new_y):,} new examples lie in the band")
    ax.legend(loc="upper left")
    figure.savefig(folder / "quantile_bands.png", dpi=110)
    plt.close(figure)
    return inside.mean(), fifths


if __name__ == "__main__":
    results = coverage, fifths = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/gallery"))
    print(f"in the band: {coverage:.1%} of all, by fifths of x", *(f"{share:.1%}" for share in fifths))
