"""Narrow ReLU networks of depth 30: how many are dead before training, what theory says, and what helps.

A unit of ReLU that is off for every example passes nothing on. Where all units of a layer are off, the network gives
one output for all examples and no gradient reaches the layers below: it was born dead (Lu et al. 2020).
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fastmlp import MLP
from fastmlp.datasets import circles
from fastmlp.lab import compare_initializers
from fastmlp.lab.pictures.style import COLORS
from fastmlp.lab.theory import born_dead_probability

WIDTHS = (2, 3, 4, 5, 6, 8, 10)
STARTS = (
    ("relu", "he"),
    ("relu", "orthogonal"),
    ("relu", "randomized_asymmetric"),
    ("relu", "looks_linear"),
    ("leaky_relu", "he"),
)
OUTCOMES = {"learned": COLORS[2], "constant": COLORS[4], "dead": COLORS[1], "diverged": COLORS[3]}


def main(folder, depth=30, n_networks=400, seeds=40, epochs=500):
    """Write dying_relu.png; return the shares of dead networks, measured and predicted, and those of the outcomes."""
    X, y = circles(300, seed=1)
    dims = {width: [2, *[width] * depth, 1] for width in WIDTHS}
    predicted = {width: born_dead_probability(dims[width]) for width in WIDTHS}
    for_one = {width: dead_share(dims[width], X[:1], n_networks) for width in WIDTHS}
    for_all = {width: dead_share(dims[width], X, n_networks) for width in WIDTHS}
    outcomes = {}
    for activation, name in STARTS:
        found = compare_initializers(
            X, y, dims[8], initializers=[name], activation=activation, seeds=seeds, epochs=epochs,
            optimizer="adam", learning_rate=0.003, n_jobs=-1, progress=False,
        )  # fmt: skip
        outcomes[activation, name] = {outcome: float((found.runs["outcome"] == outcome).mean()) for outcome in OUTCOMES}

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    left.plot(WIDTHS, predicted.values(), "k-", label="theory, one example")
    left.plot(WIDTHS, for_one.values(), "o", color=COLORS[0], label="measured, one example")
    left.plot(WIDTHS, for_all.values(), "s", color=COLORS[1], label="measured, all 300 examples")
    left.set(xlabel="width of the hidden layers", ylabel="share of dead networks", xticks=WIDTHS)
    left.set_title(f"He with ReLU at depth {depth}, before training", fontsize="medium")
    left.legend(loc="upper right", fontsize="small")
    left.grid(alpha=0.3)
    labels = [f"{name}\n{activation}" for activation, name in STARTS]
    at = np.zeros(len(STARTS))
    for outcome, color in OUTCOMES.items():
        shares = np.array([outcomes[start][outcome] for start in STARTS])
        right.barh(labels, shares, left=at, color=color, label=outcome)
        at += shares
    right.invert_yaxis()
    right.set(xlabel=f"share of {seeds} seeds", xlim=(0, 1))
    right.set_title(f"depth {depth}, width 8, after {epochs} epochs of Adam", fontsize="medium")
    right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=len(OUTCOMES), frameon=False)
    figure.savefig(folder / "dying_relu.png", dpi=100)
    return predicted, for_one, for_all, outcomes


def dead_share(dims, X, n_networks):
    """Share of He networks whose last hidden layer is off for all examples."""
    dead = 0
    for seed in range(n_networks):
        network = MLP(dims, initialization="he", loss="squared_error", seed=seed)
        dead += not np.any(network.predict(X) != network.biases[-1][0])  # only the bias of 0 reaches the output
    return dead / n_networks


if __name__ == "__main__":
    predicted, for_one, for_all, outcomes = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/lab"))
    for width in WIDTHS:
        print(f"width {width}: dead for one example {for_one[width]:.1%} (theory {predicted[width]:.1%}), "
              f"for all {for_all[width]:.1%}")  # fmt: skip
    for (activation, name), shares in outcomes.items():
        print(f"{name} with {activation}: " + ", ".join(f"{k} {share:.0%}" for k, share in shares.items() if share))
