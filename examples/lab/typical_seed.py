"""The exercise over 100 seeds in place of one: was seed 3 typical?

The exercise trains a network from zeros, from large random weights and from He's, each drawn with seed 3, and compares
three losses. Here every start has 100 seeds, so that the difference between starts stands beside that between seeds.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fastmlp.datasets import circles
from fastmlp.lab import compare_initializers, pictures
from fastmlp.lab.pictures.style import COLORS

SEED = 3  # the exercise's


def main(folder, seeds=100, epochs=15000):
    """Write typical_seed.png; return the comparison and, by initializer, the share of seeds that are worse than 3."""
    X_test, y_test = circles(100, seed=2)
    found = compare_initializers(
        *circles(300, seed=1), [2, 10, 5, 1], seeds=seeds, epochs=epochs, X_test=X_test, y_test=y_test,
        n_jobs=-1, progress=False,
    )  # fmt: skip
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    bands, scores = figure.subplots(1, 2)
    pictures.loss_bands(found, ax=bands)
    worse = {}
    for i, name in enumerate(("zeros", "random", "he")):
        runs = found.runs[found.runs["initializer"] == name]
        is_seed = runs["seed"] == SEED
        worse[name] = float((runs["test_score"] < runs["test_score"][is_seed]).mean())
        spread = np.random.default_rng(0).uniform(-0.3, 0.3, len(runs))  # so that equal scores lie side by side
        scores.plot(i + spread, runs["test_score"], ".", color=COLORS[i], alpha=0.6)
        scores.plot(i, runs["test_score"][is_seed][0], "k*", markersize=13, label=f"seed {SEED}" if i == 2 else None)
    scores.set(xticks=range(3), xticklabels=worse, ylabel="test accuracy")
    scores.set_title(f"{seeds} seeds each", fontsize="medium")
    scores.legend(loc="lower right")
    scores.grid(axis="y", alpha=0.3)
    figure.savefig(folder / "typical_seed.png", dpi=100)
    return found, worse


if __name__ == "__main__":
    found, worse = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/lab"))
    print(found)
    print(found.paired("he", "random"))
    for name, share in worse.items():
        print(f"{name}: of all seeds, {share:.0%} have a lower test accuracy than seed {SEED}")
