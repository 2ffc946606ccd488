"""Comparisons made from the final losses of their runs, for tests of what is said of them."""

import numpy as np

from fastmlp.lab import Comparison
from fastmlp.lab.sweep.comparison import table

SETTINGS = {
    "loss": "LogLoss(label_smoothing=0.0)",
    "dtype": "float64",
    "epochs": 100,
    "report_every": 10,
    "n_examples": 50,
    "n_test_examples": 0,
    "score": "accuracy",
}
CONFIGURATION = {
    "layer_dims": "2-4-1",
    "activation": "relu",
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "batch_size": 50,
}


def comparison_of(finals, outcomes=None, *, scores=None, reasons=None, varied=(), losses=None, n_missing=0, **settings):
    """A comparison of ``finals``, a list of final losses, by seed, for each initializer.

    ``outcomes`` and ``reasons`` are by initializer and seed where they are not "learned" and empty; ``scores`` are
    test scores like ``finals``; ``varied`` holds what else configurations differ in, a dict for each.
    """
    rows = [(c, seed) for c, name in enumerate(finals) for seed in range(len(finals[name]))]
    names = list(finals)

    def look(found, default):
        return [(found or {}).get((names[c], seed), default) for c, seed in rows]

    final = np.array([finals[names[c]][seed] for c, seed in rows], float)
    columns = {"initializer": [names[c].partition("|")[0] for c, _ in rows], "seed": np.array([s for _, s in rows])}
    for key in {key: None for values in varied for key in values}:
        columns[key] = np.array([varied[c][key] for c, _ in rows])
    columns |= {"first_loss": np.ones(len(rows)), "final_loss": final, "train_score": np.full(len(rows), 0.5)}
    columns["test_score"] = [scores[names[c]][seed] if scores else np.nan for c, seed in rows]
    columns |= {"outcome": look(outcomes, "learned"), "epoch": np.full(len(rows), 90), "reason": look(reasons, "")}
    columns |= {"seconds": np.full(len(rows), 0.25), "configuration": np.array([c for c, _ in rows])}
    if losses is None:
        losses = np.linspace(np.ones(len(rows)), np.where(np.isfinite(final), final, np.nan), 10).T
    epochs = np.arange(0, 10 * losses.shape[1], 10)
    configurations = [
        {"initializer": name.partition("|")[0], **CONFIGURATION, **(varied[c] if varied else {})}
        for c, name in enumerate(names)
    ]
    return Comparison(table(columns), losses, epochs, configurations, SETTINGS | settings, n_missing)
