"""A classifier as C source: to_c writes it, a compiler makes a library of it, and its outputs are those of Python.

The regions in the picture are computed by the C function alone. The times of one row show what Python adds.
"""

import ctypes
import subprocess
import sys
import tempfile
import timeit
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from fastmlp import MLPClassifier
from fastmlp.plots import draw_decision_boundary

LOOP = """
#include "spirals.h"
void rows(const double *x, double *p, long n)
{
    double scratch[SPIRALS_N_SCRATCH];
    for (; n > 0; n--, x += SPIRALS_N_INPUTS, p += SPIRALS_N_OUTPUTS)
        spirals_predict(x, p, scratch);
}
"""


def compiled(model, folder):
    """Return the model's C code as a function of rows."""
    model.to_c(folder / "spirals.c")
    (folder / "loop.c").write_text(LOOP)
    command = ["cc", "-std=c99", "-O3", "-shared", "-fPIC", "spirals.c", "loop.c", "-o", "spirals.so"]
    subprocess.run(command, cwd=folder, check=True)
    rows = ctypes.CDLL(str(folder / "spirals.so")).rows

    def predict_proba(X):
        X, outputs = np.ascontiguousarray(X, np.float64), np.empty((len(X), len(model.classes_)))
        rows(X.ctypes, outputs.ctypes, ctypes.c_long(len(X)))
        return outputs

    return predict_proba


def main(folder):
    """Write exported_c.png; return the largest difference from predict_proba, and seconds of one row by each way."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    radius, y = np.sqrt(rng.uniform(0.02, 1, 600)), rng.integers(0, 3, 600)
    angle = 4 * radius + 2 * np.pi / 3 * y + rng.normal(0, 0.15, 600)  # an arm of a spiral for each class
    X = radius[:, np.newaxis] * np.c_[np.cos(angle), np.sin(angle)]
    model = MLPClassifier((16, 16), activation="tanh", solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    with tempfile.TemporaryDirectory() as scratch:
        in_c = compiled(model, Path(scratch))
    figure, ax = plt.subplots(figsize=(6, 5.6), layout="constrained")
    draw_decision_boundary(ax, lambda points: in_c(points).argmax(axis=1), X, y, margin=0.05)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", title="Classes computed by the exported C function", aspect="equal")
    figure.savefig(folder / "exported_c.png", dpi=110)
    plt.close(figure)
    many = rng.uniform(-1, 1, (10000, 2))
    calls = [lambda: model.predict_proba(X[:1]), lambda: model.predict_one(X[0])]
    seconds = [min(timeit.repeat(call, number=200)) / 200 for call in calls]
    seconds.append(min(timeit.repeat(lambda: in_c(many), number=1)) / len(many))
    return abs(in_c(many) - model.predict_proba(many)).max(), seconds


if __name__ == "__main__":
    results = difference, seconds = main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/gallery"))
    print(f"largest difference {difference:.1e}")
    print("one row, in ns: predict_proba {:,.0f}, predict_one {:,.0f}, C {:,.0f}".format(*np.multiply(seconds, 1e9)))
