"""The command ``study``."""

import argparse
import csv
import os
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import checks, initializers
from fastmlp.lab import report
from fastmlp.lab.study import run_study

DATA_SETS = ("circles", "moons")
PICTURE = "initialization_study.png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``study`` to a parser."""
    parser.add_argument("--layers", type=_widths, default=(10, 5), metavar="N,N", help="widths of the hidden layers")
    parser.add_argument("--iterations", type=int, default=15000, metavar="N", help="updates of each training")
    parser.add_argument("--learning-rate", type=float, default=0.01, metavar="RATE", help="step size")
    parser.add_argument("--seed", type=int, default=3, metavar="N", help="seed of the initial weights")
    parser.add_argument(
        "--init",
        type=lambda text: text.split(","),
        default=["zeros", "random", "he"],
        metavar="NAME,NAME",
        help=f"initializations to compare, of: {', '.join([*initializers.REGISTRY, *initializers.ALIASES])}",
    )
    parser.add_argument(
        "--data", default="circles", metavar="NAME|FILE", help="circles, moons, or a CSV file with a header line"
    )
    parser.add_argument("--target", metavar="COLUMN", help="the CSV file's column of labels, two distinct values")
    parser.add_argument("--dtype", choices=list(checks.DTYPES), default="float64", help="of all computations")
    parser.add_argument("--output", type=Path, default=Path(), metavar="FOLDER", help="where the picture goes")
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON in place of the table")


def _widths(text: str) -> tuple[int, ...]:
    try:
        widths = tuple(int(word) for word in text.split(",")) if text else ()
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be whole numbers parted by commas, got {text!r}") from None
    if any(width < 1 for width in widths):
        raise argparse.ArgumentTypeError(f"must be at least 1 each, got {text!r}")
    return widths


def run(options: argparse.Namespace) -> int:
    """Train, print the table or the JSON, draw the picture; return the exit code 0."""
    for name in options.init:
        initializers.get(name)
    epochs = checks.integer("--iterations", options.iterations, minimum=1)
    checks.positive("--learning-rate", options.learning_rate)
    checks.seed_of(options.seed)
    if not options.output.is_dir():
        raise ValueError(f"--output must be an existing folder, got {options.output}")
    picture = options.output / PICTURE
    if not os.access(options.output, os.W_OK) or (picture.exists() and not picture.is_file()):
        raise ValueError(f"--output must be a folder in which {PICTURE} can be written, got {options.output}")
    train, test = _load(options.data, options.target)

    runs = run_study(
        [train[0].shape[1], *options.layers, 1],
        train,
        test,
        initializations=options.init,
        seed=options.seed,
        learning_rate=options.learning_rate,
        epochs=epochs,
        report_every=max(1, epochs // 15),
        dtype=options.dtype,
    )
    if not options.json:
        print(report.table(runs), flush=True)
    report.draw(runs, *train, picture)
    if options.json:
        print(report.as_json(runs, picture))
    else:
        last = max((int(run.history.epochs[-1]) for run in runs if len(run.history.epochs)), default=0)
        print(f"\nFirst and last cost are those of iterations 0 and {last}. Picture: {picture}")
    return 0


def _load(data: str, target: str | None) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return (X, y) for training and for the test."""
    if data in DATA_SETS:
        if target is not None:
            raise ValueError(f"--target goes with a CSV file, not with --data {data}")
        from fastmlp import datasets

        generate = getattr(datasets, data)
        return generate(300, seed=1), generate(100, seed=2)
    path = Path(data)
    if not path.is_file():
        raise ValueError(f"--data must be {', '.join(DATA_SETS)} or a CSV file; there is no file {data}")
    X, y = _read_csv(path, target)
    from sklearn.model_selection import train_test_split

    if len(y) < 5:
        raise ValueError(f"{path} must have at least 5 rows, of which a quarter is the test; got {len(y)}")
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=1, stratify=y)
    return (X_train, y_train), (X_test, y_test)


def _read_csv(path: Path, target: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Read the features and the labels 0 and 1 of a CSV file with a header line."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a CSV file: {error}") from error
    if len(rows) < 2:
        raise ValueError(f"{path} must have a header line and at least one row")
    header = [name.strip() for name in rows[0]]
    if target is None:
        raise ValueError(f"--target must name the column of labels in {path}: one of {', '.join(header)}")
    if target not in header:
        raise ValueError(f"--target must be a column of {path}, one of {', '.join(header)}; got {target!r}")
    at = header.index(target)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise ValueError(f"{path}, row {number}: expected {len(header)} values, got {len(row)}")
    values = sorted({row[at].strip() for row in rows[1:]})
    if len(values) != 2:
        raise ValueError(f"--target: column {target!r} must have two distinct values, got {len(values)}")
    y = np.array([values.index(row[at].strip()) for row in rows[1:]])
    features = []
    for number, row in enumerate(rows[1:], start=2):
        try:
            features.append([float(value) for i, value in enumerate(row) if i != at])
        except ValueError as error:
            raise ValueError(f"{path}, row {number}: {error}") from None
    X = checks.matrix(f"the features in {path}", features, np.float64)
    if np.bincount(y).min() < 2:
        raise ValueError(f"--target: each value of column {target!r} must stand in at least two rows")
    return X, y
