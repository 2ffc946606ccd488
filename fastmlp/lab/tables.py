"""Tables of features and one target from text files.

pandas converts the values, a quarter of a megabyte of text at a time, so that memory holds little more than the
numbers.  The records are found here (``records.py``): an error then names the line of the file, and what is no number
is refused.
"""

import dataclasses
import io
import itertools
import math
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp.lab.encodings import encoding_of, refuse_other_formats
from fastmlp.lab.records import SAMPLE_LINES, Record, cells_of, declared_delimiter, delimiter_of, lines_of, records_of
from fastmlp.lab.values import BOOLEANS, NO_VALUE, Form, too_large, without_value
from fastmlp.text import listed, shortened

BLOCK = 1 << 18  # characters that pandas converts at once
LEAST_ROWS = 64  # of a block: a call of pandas costs as much as a row of some thousand columns
MOST_LABELS = 1000  # a target of numbers with more distinct ones must hold numbers to its end
LARGEST_EXACT = 2**53  # integers beyond it are names, which a float would confuse


@dataclass(eq=False)
class Table:
    """A table that was read.

    Attributes
    ----------
    features : list of str
        Names of the columns but the target's.
    target : str
    blocks : list of ndarray of shape (n_rows_of_block, n_features)
        The features, row after row.  Whoever copies them may empty the list on the way.
    y : ndarray of shape (n_rows,)
        Numbers, or indices into ``labels``.
    labels : list of str or None
        The distinct labels in order; None if all are numbers.
    n_left_out : int
        Rows that were left out since a value was missing.
    """

    features: list[str]
    target: str
    blocks: list[np.ndarray]
    y: np.ndarray
    labels: list[str] | None
    n_left_out: int


def read(path: Path, target: str | None, form: Form, *, task: str, drop_missing: bool, dtype: np.dtype) -> Table:
    """Read a table.

    Parameters
    ----------
    path : Path
    target : str or None
        Name of the target's column; None is an error that lists the names.
    form : Form
    task : {"auto", "classification", "regression"}
        A regression needs numbers.  A classification may have labels such as "1,5", which otherwise are taken for
        numbers of another form.
    drop_missing : bool
        Whether rows with a missing or infinite value are left out; otherwise they are errors.
    dtype : dtype
        Type of the features.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If the file is no such table; the message names the line and the column.
    """
    if form.encoding is not None:
        refuse_other_formats(path)
    encoding = form.encoding or encoding_of(path)
    with path.open(encoding=encoding) as file:
        lines = lines_of(file, path, encoding)
        first = list(itertools.islice(lines, SAMPLE_LINES))
        declared = declared_delimiter(first[0][1]) if first else None
        first = first[1:] if declared else first
        found = form.delimiter or declared or delimiter_of([line for _, line in first], form.decimal)
        form = dataclasses.replace(form, delimiter=found)
        records = records_of(itertools.chain(first, lines), path, found)
        names, records = _header(path, form, records, _comment(first))
        reader = _Reader(path, form, names, _position(path, target, names, form), dtype, drop_missing)
        return reader.table(records, task)


def _comment(lines: Sequence[tuple[int, str]]) -> str | None:
    """Return the comment that a table begins with, which may be its header: NumPy writes one so."""
    return next((line.lstrip()[1:] for _, line in lines[:1] if line.lstrip().startswith("#")), None)


def _header(
    path: Path, form: Form, records: Iterator[Record], comment: str | None
) -> tuple[list[str], Iterator[Record]]:
    """Return the names of the columns and the records that follow."""
    assert form.delimiter is not None
    first = next(records, None)
    if first is None:
        raise ValueError(f"{path} must have a header line and at least one row, it is empty")
    cells = [cell.strip() for cell in cells_of(first.text, form.delimiter)]
    if not form.has_header:
        return [str(i + 1) for i in range(len(cells))], itertools.chain([first], records)
    _check_names(f"{path}, line {first.line}", cells, form, comment is not None and comment.count(form.delimiter) + 1)
    return cells, records


def _position(path: Path, target: str | None, names: list[str], form: Form) -> int:
    """Return the place of the target among the columns."""
    if target is None:
        raise ValueError(f"--target must name the column of labels in {path}: one of {listed(names)}")
    if target.strip() not in names:
        hint = (
            "" if len(names) > 1 else "; pass --delimiter, or remove lines above the names, if there should be several"
        )
        if form.has_header and any(form.number(name) is not None for name in names):
            hint = "; pass --no-header if these are data"
        raise ValueError(
            f"--target must be a column of {path}, one of {listed(names)}; got {shortened(target)!r}{hint}"
        )
    if len(names) == 1:
        raise ValueError(f"{path} must have features beside the target, got one column; pass --delimiter if it has")
    return names.index(target.strip())


def _check_names(where: str, names: list[str], form: Form, width_of_comment: int) -> None:
    """Refuse a header that holds data, a column without a name and a name that stands twice."""
    numbers = [form.number(name) for name in names]
    fractions = [number is not None and not name.isdecimal() for name, number in zip(names, numbers, strict=True)]
    if None not in numbers or any(fractions):
        remedy = "pass --no-header if the file has none"
        if width_of_comment == len(names):
            remedy = f"remove the # before the names in line 1, or {remedy}"
        raise ValueError(f"{where}: a header must hold names, got the numbers of a row ({listed(names, 4)}); {remedy}")
    if "" in names and len(names) > 1:
        remedy = "name it, or leave it out (pandas writes its index without a name)"
        raise ValueError(f"{where}: column {names.index('') + 1} has no name; {remedy}")
    for i, name in enumerate(names):
        if name in names[:i]:
            places = f"columns {names.index(name) + 1} and {i + 1}"
            raise ValueError(f"{where}: each name must stand once, {places} are both {shortened(name)!r}")


class _Reader:
    """Converts the records of a table, block by block."""

    def __init__(self, path: Path, form: Form, names: list[str], at: int, dtype: np.dtype, drop_missing: bool) -> None:
        assert form.delimiter is not None
        self.path, self.form, self.delimiter, self.names, self.at = path, form, form.delimiter, names, at
        self.dtype, self.drop_missing, self.n_left_out = dtype, drop_missing, 0
        self.options = _options(form.delimiter, form.decimal, len(names), at)

    def table(self, records: Iterator[Record], task: str) -> Table:
        target = _Target(self, task)
        blocks = [X for block in self._blocks(records) if (X := self._converted(block, target)) is not None]
        if not blocks:
            left = f"; all {self.n_left_out} were left out by --drop-missing" if self.n_left_out else ""
            raise ValueError(f"{self.path} must have a header line and at least one row{left}")
        y, labels = target.values()
        features = [name for i, name in enumerate(self.names) if i != self.at]
        return Table(features, self.names[self.at], blocks, y, labels, self.n_left_out)

    def _blocks(self, records: Iterator[Record]) -> Iterator[list[Record]]:
        """Yield lists of records of about BLOCK characters; ValueError for one with another number of values."""
        block: list[Record] = []
        size = 0
        for record in records:
            if record.width != len(self.names):
                raise ValueError(f"{self.path}, line {record.line}: {self._other_width(record)}")
            block.append(record)
            size += len(record.text)
            if size >= BLOCK and len(block) >= LEAST_ROWS:
                yield block
                block, size = [], 0
        if block:
            yield block

    def _other_width(self, record: Record) -> str:
        """Return what is wrong with a record of another number of values than there are columns."""
        remedy = "remove the line if it is no row"
        if record.width > len(self.names):
            remedy = f"quote values with {self.delimiter!r} in them, or name every column"
        return f"expected {len(self.names)} values, got {record.width}; {remedy}"

    def _converted(self, records: list[Record], target: "_Target") -> np.ndarray | None:
        """Add the targets of a block and return its features; None if all its records are left out."""
        parsed = self._parsed(records)
        if parsed is None and self.drop_missing:
            n_records = len(records)
            records = [record for record in records if not self._lacks(record)]
            self.n_left_out += n_records - len(records)
            if not records:
                return None
            parsed = self._parsed(records)
        if parsed is None:
            raise ValueError(self._flaw_of(records))
        X, labels = parsed
        target.add(records, labels)
        return X

    def _parsed(self, records: list[Record]) -> tuple[np.ndarray, list[str]] | None:
        """Return features and labels, or None if a value is missing, infinite or no number."""
        import pandas as pd

        text = io.StringIO("\n".join(record.text for record in records))
        try:
            frame = pd.read_csv(text, **self.options)
        except ValueError:  # it names no line of the file: _flaw_of does
            return None
        labels = [str(label).strip() for label in frame.pop(self.at)]
        with np.errstate(over="ignore"):
            X = _copied(frame.to_numpy(), self.dtype)
        if not np.isfinite(X).all() or any(label.casefold() in NO_VALUE for label in labels):
            return None
        return X, labels

    def _lacks(self, record: Record) -> bool:
        """Whether a value of a record is missing or infinite."""
        return any(cell.strip().casefold() in NO_VALUE for cell in cells_of(record.text, self.delimiter))

    def _flaw_of(self, records: list[Record]) -> str:
        """Return the first flaw of a block that pandas cannot convert, with its place."""
        rows = [cells_of(record.text, self.delimiter) for record in records]
        for record, row in zip(records, rows, strict=True):
            for i, cell in enumerate(row):
                flaw = self._flaw(cell, i, rows)
                if flaw:
                    return f"{self.where(record, i)}: {flaw}"
        lines = f"lines {records[0].line} to {records[-1].line}"
        return f"{self.path}, {lines}: pandas cannot convert all values to numbers"

    def where(self, record: Record, i: int) -> str:
        """Return the place of a value in words."""
        return f"{self.path}, line {record.line}, column {shortened(self.names[i])!r}"

    def _flaw(self, cell: str, i: int, rows: list[list[str]]) -> str | None:
        """Return what is wrong with a value, or None."""
        is_label = i == self.at
        flaw = without_value(cell, "the label" if is_label else "a value")
        if flaw or is_label:
            return flaw
        number = self.form.number(cell)
        if number is None:
            is_boolean = cell.casefold() in BOOLEANS and all(row[i].casefold() in BOOLEANS | NO_VALUE for row in rows)
            return None if is_boolean else self.form.no_number(cell)
        with np.errstate(over="ignore"):
            return None if np.isfinite(self.dtype.type(number)) else too_large(cell, self.dtype)


class _Target:
    """The target's values: numbers as long as all are, and labels as long as these may be classes."""

    def __init__(self, reader: _Reader, task: str) -> None:
        self.reader, self.task = reader, task
        self.numbers: list[np.ndarray] | None = []
        self.codes: list[np.ndarray] = []
        self.index: dict[str, int] | None = None if task == "regression" else {}

    def add(self, records: list[Record], labels: list[str]) -> None:
        """Take the labels of a block of records."""
        if self.numbers is not None:
            numbers = self._numbers(records, labels)
            if numbers is None:
                self.numbers = None
            else:
                self.numbers.append(numbers)
        if self.index is not None:
            index = self.index
            self.codes.append(np.array([index.setdefault(label, len(index)) for label in labels], np.int32))
            if self.numbers is not None and len(index) > MOST_LABELS:
                self.index, self.codes = None, []

    def _numbers(self, records: list[Record], labels: list[str]) -> np.ndarray | None:
        """Return the labels as numbers, or None for classes that are words."""
        reader = self.reader
        numbers = np.empty(len(labels))
        for i, (record, label) in enumerate(zip(records, labels, strict=True)):
            number = reader.form.number(label)
            is_name = number is None or (abs(number) >= LARGEST_EXACT and label.lstrip("+-").isdecimal())
            if (
                is_name
                and self.index is not None
                and (self.task == "classification" or not reader.form.other_decimal(label))
            ):
                return None
            if number is None or not math.isfinite(number):
                flaw = (
                    reader.form.no_number(label, "pass --task classification")
                    if number is None
                    else too_large(label, numbers.dtype)
                )
                raise ValueError(f"{reader.where(record, reader.at)}: {flaw}")
            numbers[i] = number
        return numbers

    def values(self) -> tuple[np.ndarray, list[str] | None]:
        """Return the numbers and None, or indices and the labels in order."""
        if self.numbers is not None:
            return np.concatenate(self.numbers), None
        assert self.index is not None
        labels = sorted(self.index)
        rank = np.empty(len(labels), np.int32)
        rank[[self.index[label] for label in labels]] = np.arange(len(labels), dtype=np.int32)
        return rank[np.concatenate(self.codes)], labels


def _copied(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return a copy on pages of its own: they return to the system when it is freed, those of the heap may not."""
    copy = np.ndarray(values.shape, dtype, buffer=mmap.mmap(-1, max(1, values.size * dtype.itemsize)))
    copy[:] = values
    return copy


def _options(delimiter: str, decimal: str, n_columns: int, at: int) -> dict[str, Any]:
    """Return the arguments of ``pandas.read_csv`` for a block of records."""
    import pandas as pd

    exact = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)  # by default; the option is deprecated
    return {
        "sep": delimiter,
        "decimal": decimal,
        "header": None,
        "names": range(n_columns),
        "index_col": False,
        "dtype": {i: object if i == at else np.float64 for i in range(n_columns)},
        "na_filter": False,
        "skipinitialspace": True,
        "skip_blank_lines": False,
        "low_memory": False,
        "engine": "c",
        **({} if exact else {"float_precision": "round_trip"}),
    }
