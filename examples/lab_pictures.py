"""The pictures of the laboratory, one of each kind, as docs/guide/pictures.md shows them."""

import io
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from fastmlp import MLP, initializers
from fastmlp.datasets import circles
from fastmlp.lab import compare_initializers, diagnose, pictures, theory

LAYERS = [2, 10, 5, 1]
STARTS = ("zeros", "random", "he")
DEEP = [50, *[100] * 20, 1]
X, y = circles(300, seed=1)


def draw_losses(seeds, epochs):
    """Bands of the exercise's three starts."""
    found = compare_initializers(X, y, LAYERS, initializers=STARTS, seeds=seeds, epochs=epochs, progress=False)
    return pictures.loss_bands(found).figure


def draw_grid(seeds, epochs):
    """What the same networks decide after training."""
    models = {}
    for start in STARTS:
        drawn = [MLP(LAYERS, initialization=start, seed=seed) for seed in range(seeds)]
        options = {"epochs": epochs, "at": 2, "learning_rate": 0.01}
        models[start] = [pictures.take_snapshots(network, X, y, **options).network for network in drawn]
    return pictures.boundary_grid(models, X, y, columns=[f"seed {seed}" for seed in range(seeds)])


def draw_depth():
    """Forward and backward through 20 layers from two starts, on given axes."""
    rng = np.random.default_rng(0)
    inputs, labels = rng.standard_normal((300, DEEP[0])), rng.integers(0, 2, 300)
    measured = {start: diagnose(MLP(DEEP, initialization=start, seed=0), inputs, labels) for start in ("he", "lecun")}
    predicted = {
        "he": theory.predicted_variances(DEEP, "relu", weight_variance=2.0),
        "lecun": theory.predicted_variances(DEEP, "relu", weight_variance=1.0),
    }
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for ax, direction in zip(figure.subplots(1, 2), ("forward", "backward"), strict=True):
        pictures.variance_by_depth(measured, predicted, direction=direction, ax=ax)
    return figure


def draw_histograms():
    """The outputs of eight layers of tanh from weights a little too small."""
    start = initializers.get("variance_scaling", scale=0.5)
    network = MLP([50, *[100] * 8, 1], activation="tanh", initialization=start, seed=0)
    inputs = np.random.default_rng(0).standard_normal((300, 50))
    return pictures.histograms_by_layer(diagnose(network, inputs, histograms=40), "activation").figure


def draw_correlations(depth, n_scales):
    """The correlation of two examples over weight scale and depth, measured, beside the theory's critical line."""
    scales, bias_std = np.linspace(0.6, 2.4, n_scales).round(3), 0.05**0.5
    inputs = np.random.default_rng(0).standard_normal((50, 100))
    columns = []
    for scale in scales:
        start = initializers.get("variance_scaling", scale=float(scale**2))
        network = MLP([100] * depth + [1], activation="tanh", initialization=start, seed=0)
        for bias in network.biases:
            bias[:] = np.random.default_rng(1).normal(0, bias_std, bias.shape)
        columns.append(diagnose(network, inputs).layers["correlation"][:-1])
    fine = np.linspace(scales[0], scales[-1], 200)
    xi = [theory.mean_field("tanh", scale, bias_std).correlation_depth_scale for scale in fine]
    return pictures.heat_map(
        np.transpose(columns), scales, np.arange(1, depth), reach=(fine, 6 * np.array(xi)),
        labels=("weight_std", "layer", "correlation of two examples"),
        critical=theory.edge_of_chaos("tanh", bias_std), log=False,
    ).figure  # fmt: skip


def draw_sweep(depths, scales, epochs):
    """The final loss over weight scale and depth."""
    found = compare_initializers(
        X, y, [[2, *[20] * depth, 1] for depth in depths], initializers=[("variance_scaling", {"scale": scales})],
        seeds=3, activation="tanh", learning_rate=0.1, epochs=epochs, n_jobs=-1, progress=False,
    )  # fmt: skip
    critical = theory.edge_of_chaos("tanh") ** 2  # a scale is the variance of the weights times fan_in
    return pictures.sweep_map(found, "scale", critical=critical).figure


def draw_dead(epochs):
    """Dead units at a learning rate that is too large for one of two starts."""
    epochs = np.unique(np.linspace(0, epochs, 26, dtype=int)).tolist()
    networks = {start: MLP(LAYERS, initialization=start, seed=3) for start in ("he", "random")}
    traced = {name: diagnose(network, X, y, trace=epochs, learning_rate=0.1) for name, network in networks.items()}
    with pictures.theme("dark"):
        return pictures.dead_units(traced).figure


def draw_film(path, frames, epochs):
    """The boundary of seed 3 while it trains, small enough for a page."""
    network = MLP(LAYERS, initialization="he", seed=3)
    snapshots = pictures.take_snapshots(network, X, y, epochs=epochs, at=frames, learning_rate=0.1)
    ax = Figure(figsize=(3, 3), dpi=70, layout="constrained").subplots()
    pictures.boundary_animation(snapshots, X, y, path, ax=ax)


def save(figure, path):
    """Write a PNG of 256 colours, which is small."""
    png = io.BytesIO()
    figure.savefig(png, dpi=80)
    Image.open(png).convert("RGB").quantize(256).save(path, optimize=True)


def main(folder, seeds=100, epochs=15000, depth=30, n_scales=19, depths=(1, 2, 4, 8, 16), frames=28):
    """Write all pictures."""
    drawn = {
        "loss_bands": draw_losses(seeds, epochs),
        "boundary_grid": draw_grid(min(seeds, 4), epochs),
        "variance_by_depth": draw_depth(),
        "histograms_by_layer": draw_histograms(),
        "heat_map": draw_correlations(depth, n_scales),
        "sweep_map": draw_sweep(depths, np.geomspace(0.1, 10, 9).round(3).tolist(), epochs // 10),
        "dead_units": draw_dead(epochs // 15),
    }
    for name, figure in drawn.items():
        save(figure, folder / f"{name}.png")
    draw_film(folder / "boundary_animation.gif", frames, epochs // 5)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/lab"))
