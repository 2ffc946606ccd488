"""Comparisons made by hand, for tests that need certain losses and outcomes."""

import numpy as np

from fastmlp.lab.sweep.comparison import Comparison

REST = {"layer_dims": "2-4-1", "activation": "relu", "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 10}
SETTINGS = {
    "loss": "LogLoss(label_smoothing=0.0)",
    "dtype": "float64",
    "epochs": 30,
    "n_examples": 10,
    "score": "accuracy",
}


def comparison_of(losses, *, outcomes=None, final=None, configurations=None, varied=(), epochs=None):
    """Return a comparison of losses (n_configurations, n_seeds, n_reports), all "learned" unless told otherwise."""
    losses = np.asarray(losses, float)
    n_configurations, n_seeds, n_reports = losses.shape
    flat = losses.reshape(-1, n_reports)
    if configurations is None:
        configurations = [{"initializer": f"start {i}"} for i in range(n_configurations)]
    configurations = [{**REST, **configuration} for configuration in configurations]
    of = np.repeat(np.arange(n_configurations), n_seeds)
    columns = {
        "initializer": np.array([configurations[i]["initializer"] for i in of]),
        "seed": np.tile(np.arange(n_seeds), n_configurations),
        **{name: np.array([configurations[i][name] for i in of]) for name in varied},
        "first_loss": flat[:, 0],
        "final_loss": flat[:, -1] if final is None else np.asarray(final, float).ravel(),
        "train_score": np.linspace(0, 1, len(flat)),
        "test_score": np.full(len(flat), np.nan),
        "outcome": np.full(len(flat), "learned", "U16") if outcomes is None else np.ravel(outcomes).astype("U16"),
        "epoch": np.full(len(flat), 20),
        "reason": np.full(len(flat), ""),
        "seconds": np.full(len(flat), 0.5),
        "configuration": of,
    }
    runs = np.empty(len(flat), [(name, array.dtype) for name, array in columns.items()])
    for name, array in columns.items():
        runs[name] = array
    return Comparison(runs, flat, np.arange(n_reports) * 10 if epochs is None else epochs, configurations, SETTINGS)
