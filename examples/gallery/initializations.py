"""Ten hidden layers, four initializations, twenty seeds of each: which one learns sooner, and how much seeds differ.

relu sets half of its inputs to zero, and only the variance of "he" makes up for that; from the other starts, ten layers
learn nothing for some epochs. With tanh they differ less. From zeros only the frequencies of the classes are learned.
"""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from fastmlp import MLPClassifier

STARTS = {"zeros": "0.4", "xavier_uniform": "C0", "orthogonal": "C2", "he": "C1"}
SEEDS, EPOCHS = 20, 20
X, y = load_digits(return_X_y=True)
X, y = X[:1000] / 16, y[:1000]


def losses(start, activation, seed):
    """Fit once; return the training loss of each epoch."""
    model = MLPClassifier(
        (30,) * 10, activation=activation, initialization=start, solver="sgd", learning_rate_init=0.01,
        batch_size=50, alpha=0, max_iter=EPOCHS, n_iter_no_change=EPOCHS, random_state=seed, n_threads=1,
    )  # fmt: skip
    return model.fit(X, y).loss_curve_


def main(folder):
    """Write initializations.png; return by activation and start the losses of all seeds, shape (seeds, epochs)."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = [(start, activation, seed) for activation in ("relu", "tanh") for start in STARTS for seed in range(SEEDS)]
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # too few epochs to converge
        # a fit releases the GIL, so threads are enough
        fitted = Parallel(n_jobs=-1, prefer="threads")(delayed(losses)(*run) for run in runs)
    results = {}
    for (start, activation, _), curve in zip(runs, fitted, strict=True):
        results.setdefault((activation, start), []).append(curve)

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
    epochs = np.arange(1, EPOCHS + 1)
    for ax, activation in zip(axes, ("relu", "tanh"), strict=True):
        for start, color in STARTS.items():
            low, median, high = np.quantile(results[activation, start], (0.1, 0.5, 0.9), axis=0)
            ax.fill_between(epochs, low, high, color=color, alpha=0.25, linewidth=0)
            ax.plot(epochs, median, color=color, label=start)
        ax.set(title=f"activation={activation!r}", xlabel="epoch", yscale="log", xticks=range(0, EPOCHS + 1, 5))
    axes[0].set_ylabel("training loss: median, 10 % to 90 %")
    axes[0].legend(title="initialization", loc="lower left")
    figure.savefig(folder / "initializations.png", dpi=110)
    plt.close(figure)
    return {key: np.array(curves) for key, curves in results.items()}


if __name__ == "__main__":
    results = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/gallery"))
    for (activation, start), curves in results.items():
        low, median, high = np.quantile(curves[:, -1], (0.1, 0.5, 0.9))
        print(f"{activation:4} {start:14} last loss {median:.3f} ({low:.3f} to {high:.3f})")
