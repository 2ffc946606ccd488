"""The frameworks' default initializations on one task: ReLU networks of four depths learn the digits.

The same networks, data, optimizer and seeds; only the start differs. Between layers of equal width, PyTorch's default
has weights of the variance 1 / (3 fan_in), a sixth of He's: chi_1 = 1/6, and a difference between two inputs fades by
e in 0.56 layers.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from fastmlp.lab import compare_initializers
from fastmlp.lab.pictures.style import COLORS
from fastmlp.lab.theory import mean_field

DEPTHS = (1, 2, 4, 8)
STARTS = ("pytorch", "keras", "flax", "scikit-learn", "he")


def main(folder, seeds=10, epochs=30, width=64):
    """Write framework_defaults.png; return the comparison and theory's (chi_1, depth scale) of PyTorch's default."""
    X, y = load_digits(return_X_y=True)
    X = (X - X.mean()) / X.std()
    found = compare_initializers(
        X[:1200], y[:1200], [[64, *[width] * depth, 10] for depth in DEPTHS], initializers=STARTS, seeds=seeds,
        X_test=X[1200:], y_test=y[1200:], loss="multinomial_log_loss", learning_rate=0.02, batch_size=100,
        epochs=epochs, n_jobs=-1, progress=False,
    )  # fmt: skip
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    scores, losses = figure.subplots(1, 2)
    for i, name in enumerate(STARTS):
        test = found.runs["test_score"][found.runs["initializer"] == name].reshape(len(DEPTHS), seeds)
        low, middle, high = np.quantile(test, [0.05, 0.5, 0.95], axis=1)
        at = np.arange(len(DEPTHS)) + 0.08 * (i - 2)
        scores.errorbar(at, middle, (middle - low, high - middle), fmt="o-", color=COLORS[i], label=name, capsize=3)
        deepest = found.losses[(found.runs["initializer"] == name)][-seeds:]
        losses.plot(found.epochs, np.median(deepest, axis=0), color=COLORS[i], label=name)
    scores.set(xticks=range(len(DEPTHS)), xticklabels=DEPTHS, xlabel="hidden layers", ylabel="test accuracy")
    scores.set_title(f"median and 5-95 % of {seeds} seeds", fontsize="medium")
    scores.grid(axis="y", alpha=0.3)
    scores.legend(loc="lower left")
    losses.axhline(np.log(10), color="black", linestyle=":", label="all classes alike")
    losses.set(xlabel="epoch", ylabel="training loss, median", yscale="log")
    losses.set_title(f"{DEPTHS[-1]} hidden layers", fontsize="medium")
    losses.grid(alpha=0.3)
    losses.legend(loc="lower left")
    figure.savefig(folder / "framework_defaults.png", dpi=100)
    field = mean_field("relu", np.sqrt(1 / 3))
    return found, (field.chi_1, field.correlation_depth_scale)


if __name__ == "__main__":
    found, (chi_1, depth_scale) = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/lab"))
    print(found)
    print(f"PyTorch's default with ReLU: chi_1 = {chi_1:.4f}, depth scale {depth_scale:.2f} layers")
