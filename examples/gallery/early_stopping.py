"""A large network on few noisy examples: where early stopping ends a fit, and what further epochs do.

The training loss goes on falling while the network learns the noise; on examples held out, loss and score get worse.
With early_stopping=True the fit ends soon after the best epoch, and the model has the parameters of that epoch.
"""

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from fastmlp import MLPClassifier

EPOCHS = 300


def main(folder):
    """Write early_stopping.png; return of the fit without and with stopping the epochs, the best, and the test loss."""
    folder.mkdir(parents=True, exist_ok=True)
    X, y = make_moons(200, noise=0.35, random_state=0)
    held_out = make_moons(500, noise=0.35, random_state=1)
    X_test, y_test = make_moons(2000, noise=0.35, random_state=2)
    results = {}
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharex=True, sharey=True, layout="constrained")
    for ax, stops in zip(axes, (False, True), strict=True):
        model = MLPClassifier(
            (100, 100), alpha=0, learning_rate_init=0.003, max_iter=EPOCHS, random_state=0,
            early_stopping=stops, scoring="neg_brier_score", n_iter_no_change=30 if stops else EPOCHS, tol=0,
        )  # fmt: skip
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # all epochs without stopping
            model.fit(X, y, validation_data=held_out)
        best = 1 + int(np.argmax(model.validation_scores_))
        test_loss = log_loss(y_test, model.predict_proba(X_test))
        results[stops] = model.n_iter_, best, test_loss

        display = model.loss_curve_display(ax=ax)
        display.score_ax_.set(ylim=(-0.2, 0), ylabel="minus Brier's score")
        ax.axvline(best, color="black", linestyle=":")
        ax.annotate(f" best epoch: {best}", (best, 0.97), xycoords=("data", "axes fraction"), va="top")
        ax.set_title(f"early_stopping={stops}\n{model.n_iter_} epochs, test loss {test_loss:.2f}")
        ax.legend(handles=display.lines_, loc="upper right", bbox_to_anchor=(1, 0.9))
    figure.savefig(folder / "early_stopping.png", dpi=110)
    plt.close(figure)
    return results


if __name__ == "__main__":
    results = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/gallery"))
    for stops, (n_epochs, best, test_loss) in results.items():
        print(f"early_stopping={stops}: {n_epochs} epochs, the best {best}, test loss {test_loss:.3f}")
