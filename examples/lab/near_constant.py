"""A (20, 20) logistic network that predicts about the same value for every input, and why.

With scikit-learn's arguments and its default start the network barely learns a plain regression (its issue 31235).
Theory and a look into the layers agree on the cause: chi_1 is about 0.02, so each layer keeps a seventh of a
difference.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fastmlp import MLP
from fastmlp.lab import compare_initializers, diagnose
from fastmlp.lab.pictures.style import COLORS
from fastmlp.lab.theory import mean_field

DIMS = [1, 20, 20, 1]
STARTS = ("scikit-learn", "kumar")


def main(folder, seeds=20, epochs=200):
    """Write near_constant.png; return theory's chi_1, the diagnosis by start, and the comparison."""
    X = np.linspace(-2, 2, 200)[:, np.newaxis]
    y = np.sin(2 * X[:, 0])
    found = compare_initializers(
        X, y, DIMS, initializers=STARTS, activation="logistic", loss="squared_error", optimizer="adam",
        learning_rate=0.001, batch_size=20, epochs=epochs, seeds=seeds, report_every=1, n_jobs=-1, progress=False,
    )  # fmt: skip
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    curves, losses = figure.subplots(1, 2)
    curves.plot(X[:, 0], y, "k:", label="target")
    looks = {}
    for i, name in enumerate(STARTS):
        network = MLP(DIMS, activation="logistic", loss="squared_error", initialization=name, seed=0)
        looks[name] = diagnose(network, X, y)
        network.train(X, y, epochs=epochs, batch_size=20, optimizer="adam", learning_rate=0.001, seed=0)
        curves.plot(X[:, 0], network.predict(X), color=COLORS[i], label=name)
        bands = np.quantile(found.losses[found.runs["initializer"] == name], [0.05, 0.5, 0.95], axis=0)
        losses.fill_between(found.epochs, bands[0], bands[2], color=COLORS[i], alpha=0.2)
        losses.plot(found.epochs, bands[1], color=COLORS[i], label=name)
    curves.set(xlabel="x", ylabel="prediction")
    curves.set_title(f"seed 0 after {epochs} epochs of Adam", fontsize="medium")
    curves.legend()
    losses.set(xlabel="epoch", ylabel="training loss", yscale="log")
    losses.set_title(f"median and 5-95 % of {seeds} seeds", fontsize="medium")
    losses.legend()
    for ax in (curves, losses):
        ax.grid(alpha=0.3)
    figure.savefig(folder / "near_constant.png", dpi=100)
    weight_variance = 20 * (2 / (20 + 20)) / 3  # of U(-r, r), r^2 = 2 / (fan_in + fan_out), times fan_in
    return mean_field("logistic", np.sqrt(weight_variance)).chi_1, looks, found


if __name__ == "__main__":
    chi_1, looks, found = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/lab"))
    print(found)
    for name, look in looks.items():
        print(f"\n{name}\n{look}")
    print(f"\nscikit-learn's start between layers of 20 units: chi_1 = {chi_1:.4f}")
