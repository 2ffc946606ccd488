"""What the study trains on: training and test examples, with the loss that goes with the target."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import datasets
from fastmlp.lab import tables
from fastmlp.lab.scaling import Standardization, blocks_of
from fastmlp.lab.values import Form
from fastmlp.text import listed, shortened

DRAWN = ("circles", "moons")
NAMES = (*DRAWN, *datasets.SCIKIT_LEARN)
N_TRAIN, N_TEST, TRAIN_SEED, NOISE = 300, 100, 1, 0.05  # of the drawn ones; the test has the next seed
TASKS = ("auto", "classification", "regression")
MOST_CLASSES = 20  # of a target of whole numbers that is not said to be one or the other


@dataclass(eq=False)
class StudyData:
    """Examples for training and for the test.

    Attributes
    ----------
    train, test : tuple of ndarray
        X (n_examples, n_features) and y (n_examples,): class indices, or numbers.
    features : list of str
        Names of the features.
    target : str
    classes : list of str or None
        Names of the classes; None for a regression.
    n_left_out : int
        Rows of a file that were left out.
    is_standardized : bool
    """

    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    features: list[str]
    target: str
    classes: list[str] | None
    n_left_out: int = 0
    is_standardized: bool = False

    @property
    def loss(self) -> str:
        """The loss of a training: one output for two classes, softmax for more, squared error for numbers."""
        if self.classes is None:
            return "squared_error"
        return "log_loss" if len(self.classes) == 2 else "multinomial_log_loss"

    @property
    def n_outputs(self) -> int:
        """Outputs of a network."""
        return len(self.classes) if self.classes is not None and len(self.classes) > 2 else 1

    def description(self) -> str:
        """Return what was chosen, in a sentence."""
        n_train, n_test, n_features = len(self.train[0]), len(self.test[0]), len(self.features)
        target = f"{len(self.classes)} classes ({listed(self.classes, 10)})" if self.classes else "a regression"
        lines = "1 line was" if self.n_left_out == 1 else f"{self.n_left_out} lines were"
        left_out = f" {lines} left out for a missing or infinite value." if self.n_left_out else ""
        scale = ", standardized" if self.is_standardized else ""
        return (
            f"Target {shortened(self.target)}: {target}, loss {self.loss}. {n_features} features{scale}, "
            f"{n_train} training and {n_test} test examples.{left_out}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what was chosen, for JSON."""
        return {
            "target": self.target,
            "classes": self.classes,
            "features": self.features,
            "loss": self.loss,
            "train_examples": len(self.train[0]),
            "test_examples": len(self.test[0]),
            "lines_left_out": self.n_left_out,
            "standardized": self.is_standardized,
        }

    def standardize(self) -> None:
        """Standardize the features, and the target of a regression, in place by the training examples."""
        scaling = Standardization.of(self.train[0])
        for X, _ in (self.train, self.test):
            scaling.apply(X, out=X)
        if self.classes is None:
            scaling = Standardization.of(self.train[1][:, np.newaxis])
            for _, y in (self.train, self.test):
                scaling.apply(y[:, np.newaxis], out=y[:, np.newaxis])
        self.is_standardized = True

    def check_finite(self, dtype: np.dtype) -> None:
        """Refuse a target that ``dtype`` cannot hold, and features that it cannot hold once they are standardized."""
        for X, y in (self.train, self.test):
            columns = np.flatnonzero(~np.all([np.isfinite(rows).all(axis=0) for rows in blocks_of(X)], axis=0))
            with np.errstate(over="ignore"):
                for name, values in [(self.target, y), *((self.features[i], X[:, i]) for i in columns[:1])]:
                    wrong = values[~np.isfinite(values.astype(dtype))]
                    if len(wrong):
                        raise ValueError(f"column {shortened(name)!r} must be finite in {dtype}, {self._got(wrong[0])}")

    def _got(self, value: float) -> str:
        if self.is_standardized:
            return f"standardized, got {value:g}; leave the column out"
        return f"got {value:g}; pass --standardize or --dtype float64"


def by_name(name: str, dtype: np.dtype) -> StudyData:
    """Return drawn data (300 and 100 examples), or a data set of scikit-learn, a quarter of it for the test."""
    if name in DRAWN:
        draw = getattr(datasets, name)
        train, test = draw(N_TRAIN, TRAIN_SEED, noise=NOISE), draw(N_TEST, TRAIN_SEED + 1, noise=NOISE)
        return StudyData(train, test, ["x1", "x2"], "label", ["0", "1"])
    X, y, features, classes = datasets.from_scikit_learn(name)
    return _split([X.astype(dtype, copy=False)], y, features, "target", classes)


def from_file(
    path: Path, target: str | None, form: Form, *, task: str, drop_missing: bool, dtype: np.dtype
) -> StudyData:
    """Read a table, choose the task where it is "auto", and part the rows; a quarter is the test."""
    table = tables.read(path, target, form, task=task, drop_missing=drop_missing, dtype=dtype)
    column = f"column {shortened(table.target)!r}"
    y, classes = table.y, table.labels
    if classes is None:
        distinct = np.unique(y)
        is_classes = task == "classification" or (task == "auto" and _are_classes(distinct))
        if not is_classes and len(distinct) < 2:
            raise ValueError(f"--target: {column} must have two distinct values, got {len(distinct)}")
        if is_classes:
            y = table.y = np.searchsorted(distinct, y).astype(np.int32)  # also in the table: it frees the numbers
            classes = [_number_name(number) for number in distinct]
    if classes is not None:
        _check_classes(column, y, classes, can_be_numbers=table.labels is None)
    if len(y) < 5:
        raise ValueError(f"{path} must have at least 5 rows, of which a quarter is the test; got {len(y)}")
    return _split(table.blocks, y, table.features, table.target, classes, table.n_left_out)


def _are_classes(distinct: np.ndarray) -> bool:
    """Whether numbers are taken for classes: two of them, or a few whole ones."""
    return len(distinct) <= 2 or (len(distinct) <= MOST_CLASSES and bool((distinct == np.floor(distinct)).all()))


def _number_name(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(float(number))


def _check_classes(column: str, y: np.ndarray, classes: list[str], can_be_numbers: bool) -> None:
    remedy = "; pass --task regression if it is a quantity" if can_be_numbers else ""
    if len(classes) < 2:
        raise ValueError(f"--target: {column} must have at least two distinct values, got {len(classes)}")
    counts = np.bincount(y)
    if counts.min() < 2:
        lone = shortened(classes[int(counts.argmin())])
        raise ValueError(
            f"--target: each value of {column} must stand in at least two rows, {lone!r} stands in one{remedy}"
        )


def _split(
    blocks: list[np.ndarray],
    y: np.ndarray,
    features: list[str],
    target: str,
    classes: list[str] | None,
    n_left_out: int = 0,
) -> StudyData:
    """Part the rows.  The blocks are emptied on the way, so that memory holds the features once."""
    train, test = parted(y, is_classes=classes is not None)
    place = np.empty(len(y), np.int64)
    place[train] = np.arange(len(train))
    place[test] = np.arange(len(train), len(y))
    X = np.empty((len(y), len(features)), blocks[0].dtype)
    end = len(y)
    while blocks:
        block = blocks.pop()
        X[place[end - len(block) : end]] = block
        end -= len(block)
    n = len(train)
    return StudyData((X[:n], y[train]), (X[n:], y[test]), features, target, classes, n_left_out)


def parted(y: np.ndarray, is_classes: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the training and of the test, a quarter, both in a random order that is always the same.

    Of each class a quarter is in the test, rounded up or down; of every four rows in order of class it has one.
    """
    order = np.random.RandomState(1).permutation(len(y))
    by_class = order[np.argsort(y[order], kind="stable")] if is_classes else order
    in_test = np.zeros(len(y), bool)
    in_test[by_class[::4]] = True
    in_test = in_test[order]
    return order[~in_test], order[in_test]
