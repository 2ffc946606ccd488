"""A comparison in a ``.npz`` file of numbers and texts."""

import json
from typing import IO, Any

import numpy as np

import fastmlp
from fastmlp import files
from fastmlp.export import archive, npz
from fastmlp.export.npz import Entries
from fastmlp.lab.sweep.configuration import VARIED

NUMBERS = {"seed": "i", "epoch": "i", "configuration": "i"}
NUMBERS |= dict.fromkeys(("first_loss", "final_loss", "train_score", "test_score", "seconds"), "f")
TEXTS = ("initializer", "outcome", "reason")
SETTINGS = ("epochs", "n_examples", "dtype", "score")  # those that a table shows
ENTRIES = ("version", "settings", "configurations", "columns", "losses", "epochs", "n_missing")


def save(comparison: Any, file: Any) -> None:
    """Write a comparison."""
    runs = comparison.runs
    arrays = {
        "version": np.array(fastmlp.__version__),
        "settings": np.array(json.dumps(comparison.settings)),
        "configurations": np.array([json.dumps(configuration) for configuration in comparison.configurations]),
        "columns": np.array(runs.dtype.names),
        "losses": comparison.losses,
        "epochs": comparison.epochs,
        "n_missing": np.array(comparison.n_missing),
        **{f"runs.{name}": np.ascontiguousarray(runs[name]) for name in runs.dtype.names},
    }
    files.write_to("file", file, lambda opened: npz.write(opened, arrays))


def load(file: Any) -> tuple[Any, ...]:
    """Return the arguments of a Comparison."""
    with files.opened_for_reading("file", file) as (opened, name):
        return _read(opened, name)


def _read(opened: IO[bytes], name: str) -> tuple[Any, ...]:
    version = None
    try:
        entries = Entries(opened)
        version = archive.version_of(archive.text_in(entries, "version")) if "version" in entries.names else None
        return _parts(entries)
    except (MemoryError, OSError):
        raise
    except Exception as error:
        if archive.is_later(version):
            message = f"{name} was written by fastmlp {version}, this is fastmlp {fastmlp.__version__}"
            raise ValueError(message) from error
        raise ValueError(f"{name} is not a comparison saved by fastmlp: {error}") from error


def _parts(entries: Entries) -> tuple[Any, ...]:
    archive.compare("it", {name for name in entries.names if not name.startswith("runs.")}, ENTRIES, ENTRIES)
    columns = archive.texts_in(entries, "columns")
    needed = {*NUMBERS, *TEXTS}
    archive.compare("it", entries.names - set(ENTRIES), {f"runs.{name}" for name in columns}, ())
    archive.compare("runs", set(columns), columns, needed)
    (n,) = entries.header("runs.seed")[1]
    runs = _runs(entries, columns, n)
    epochs = entries.read("epochs")
    configurations = [json.loads(text) for text in archive.texts_in(entries, "configurations")]
    losses = archive.array_in(entries, "losses", np.dtype(np.float64), (n, len(epochs)))
    if not configurations or not all(
        isinstance(c, dict) and {"initializer", *VARIED} <= set(c) for c in configurations
    ):
        raise ValueError(f"configurations must be objects with initializer, {', '.join(VARIED)}; at least one")
    if n and not 0 <= runs["configuration"].min() <= runs["configuration"].max() < len(configurations):
        raise ValueError(f"configuration must be from 0 to {len(configurations) - 1}")
    settings = archive.json_in(entries, "settings")
    archive.compare("settings", settings, {*SETTINGS, *settings}, SETTINGS)
    return runs, losses, epochs, configurations, settings, int(entries.read("n_missing"))


def _runs(entries: Entries, columns: list[str], n: int) -> np.ndarray:
    arrays = {}
    for name in columns:
        dtype, shape = entries.header(f"runs.{name}")
        if shape != (n,) or dtype.kind not in NUMBERS.get(name, "U" if name in TEXTS else "fiU"):
            raise ValueError(f"runs.{name} must have shape ({n},), got {shape} and {dtype}")
        if dtype.kind == "U":
            arrays[name] = np.array(archive.texts_in(entries, f"runs.{name}"), dtype)
        else:
            arrays[name] = entries.read(f"runs.{name}")
    runs = np.empty(n, [(name, array.dtype) for name, array in arrays.items()])
    for name, array in arrays.items():
        runs[name] = array
    return runs
