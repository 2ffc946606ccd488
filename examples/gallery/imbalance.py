"""One example in thirty is positive: how class_weight="balanced" moves the decision boundary, and what that costs.

Without weights, the errors of a rare class hardly count, and a network that overlooks most of it has a high accuracy.
Balanced weights find more of the rare class, at the price of more false alarms.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay, balanced_accuracy_score, confusion_matrix

from fastmlp import MLPClassifier
from fastmlp.plots import draw_decision_boundary


def sample(n_often, n_rare, seed):
    """A cloud of the frequent class, and the rare one in an arc over it."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, n_rare)
    arc = 2.4 * np.c_[np.cos(angle), np.sin(angle)] + rng.normal(0, 0.4, (n_rare, 2))
    X = np.r_[rng.normal(0, 0.8, (n_often, 2)), arc]
    return X, np.repeat([0, 1], [n_often, n_rare])


def main(folder):
    """Write imbalance.png; return balanced accuracy and confusion matrix of each weighting."""
    folder.mkdir(parents=True, exist_ok=True)
    X, y = sample(1500, 50, seed=0)
    X_test, y_test = sample(1500, 50, seed=1)
    results = {}
    figure, axes = plt.subplots(2, 2, figsize=(8, 7.5), height_ratios=(3, 2), layout="constrained")
    for (above, below), weights in zip(axes.T, (None, "balanced"), strict=True):
        model = MLPClassifier((30,), class_weight=weights, alpha=0.1, max_iter=1000, random_state=0).fit(X, y)
        predicted = model.predict(X_test)
        score, confusion = balanced_accuracy_score(y_test, predicted), confusion_matrix(y_test, predicted)
        results[weights] = score, confusion

        names = ["frequent", "rare"]
        draw_decision_boundary(above, model.predict, X_test, y_test, margin=0.02)
        handles, _ = above.collections[-1].legend_elements()
        above.legend(handles, names, title="class", loc="lower left")
        above.set(title=f"class_weight={weights!r}\nbalanced accuracy {score:.2f}", xlabel="$x_1$", ylabel="$x_2$")
        ConfusionMatrixDisplay(confusion, display_labels=names).plot(ax=below, cmap="Blues", colorbar=False)
    figure.savefig(folder / "imbalance.png", dpi=110)
    plt.close(figure)
    return results


if __name__ == "__main__":
    results = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/gallery"))
    for weights, (score, confusion) in results.items():
        print(f"class_weight={weights!r}: balanced accuracy {score:.3f}, confusion {confusion.tolist()}")
