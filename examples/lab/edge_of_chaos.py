"""The edge of chaos for tanh: which depths can be trained from which scale of the weights.

Mean field theory (Schoenholz et al. 2017) gives the depth over which a difference between two inputs fades or grows by
e, xi. Networks much deeper than xi cannot tell their inputs apart at the start, and do not train.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits

from fastmlp.lab import compare_initializers
from fastmlp.lab.theory import edge_of_chaos, mean_field

DEPTHS_OF_TRAINING = 6  # times xi: as far as Schoenholz et al. saw networks train


def main(folder, n_scales=20, n_depths=20, width=40, n_examples=400, epochs=15):
    """Write edge_of_chaos.png; return scales (weight variances), depths, accuracies and the depth scales of theory."""
    X, y = load_digits(return_X_y=True)
    X = (X[:n_examples] - X.mean()) / X.std()
    scales = np.linspace(0.5, 4.0, n_scales).round(3).tolist()
    depths = np.linspace(2, 80, n_depths).round().astype(int).tolist()
    found = compare_initializers(
        X, y[:n_examples], [[64, *[width] * depth, 10] for depth in depths],
        initializers=[("variance_scaling", {"scale": scales})], seeds=1, activation="tanh",
        loss="multinomial_log_loss", learning_rate=0.02, batch_size=20, epochs=epochs, n_jobs=-1, progress=False,
    )  # fmt: skip
    accuracies = found.runs["train_score"].reshape(n_scales, n_depths).T
    fine = np.linspace(scales[0], scales[-1], 200)
    xi = np.array([mean_field("tanh", np.sqrt(scale)).correlation_depth_scale for scale in fine])

    figure = Figure(figsize=(8, 4.8), layout="constrained")
    ax = figure.add_subplot()
    mesh = ax.pcolormesh(scales, depths, accuracies, shading="nearest", cmap="cividis", vmin=0, vmax=1)
    figure.colorbar(mesh, label="training accuracy")
    ax.plot(fine, DEPTHS_OF_TRAINING * xi, color="white", label=f"{DEPTHS_OF_TRAINING} xi of the theory")
    ax.axvline(edge_of_chaos("tanh") ** 2, color="white", linestyle="--", label="edge of chaos")
    ax.set(xlabel="variance of the weights times fan_in", ylabel="hidden layers", ylim=(0, depths[-1] + 2))
    ax.set_title(f"digits, tanh, {width} units a layer, {epochs} epochs of SGD", fontsize="medium")
    ax.legend(facecolor="0.3", labelcolor="white", loc="upper right")
    figure.savefig(folder / "edge_of_chaos.png", dpi=100)
    return scales, depths, accuracies, dict(zip(fine.tolist(), xi.tolist(), strict=True))


if __name__ == "__main__":
    scales, depths, accuracies, _ = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/lab"))
    for depth, row in zip(depths, accuracies, strict=True):
        is_trained = row > 0.5
        trained = [scale for scale, well in zip(scales, is_trained, strict=True) if well]
        print(f"{depth} layers: " + (f"over 50 % from {trained[0]:.2f} to {trained[-1]:.2f}" if trained else "none"))
