"""Tables of features and one target from text files.

pandas converts the values, a quarter of a megabyte of text at a time, so that memory holds little more than the
numbers.  The records are found here (``records.py``): an error then names the line of the file, and what is no number
is refused.
"""

import functools
import io
import itertools
import math
import mmap
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp.lab.encodings import encoding_of, refuse_other_formats
from fastmlp.lab.records import SAMPLE_LINES, Record, cells_of, delimiter_of, lines_of, records_of
from fastmlp.text import listed, shortened

BLOCK = 1 << 18  # characters that pandas converts at once
LEAST_ROWS = 64  # of a block: a call of pandas costs as much as a row of some thousand columns
MISSING = frozenset(["", "na", "n/a", "#n/a", "#na", "<na>", "nan", "+nan", "-nan", "null", "none", "nil", "?"])
INFINITE = frozenset(sign + word for sign in ("", "+", "-") for word in ("inf", "infinity"))
NO_VALUE = MISSING | INFINITE
BOOLEANS = frozenset(["true", "false"])
MOST_LABELS = 1000  # a target of numbers with more distinct ones must hold numbers to its end
LARGEST_EXACT = 2**53  # integers beyond it are names, which a float would confuse


@dataclass(frozen=True)
class Form:
    """How a table is written.

    Attributes
    ----------
    delimiter : str or None
        One character; None finds a semicolon, tab, bar or comma.
    decimal : str
        "." or ",".
    encoding : str or None
        None finds it.
    has_header : bool
        Whether the first record holds the names of the columns; otherwise these are "1", "2", ...
    """

    delimiter: str | None = None
    decimal: str = "."
    encoding: str | None = None
    has_header: bool = True

    def number(self, text: str) -> float | None:
        """Return the number that a value is, infinite where it is too large for one, or None."""
        if not _number_pattern(self.decimal).fullmatch(text):
            return None
        return float(text.replace(self.decimal, "."))


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
        delimiter = form.delimiter or delimiter_of([line for _, line in first], form.decimal)
        records = records_of(itertools.chain(first, lines), path, delimiter)
        names, records = _header(path, form, delimiter, records, _comment(first))
        at = _position(path, target, names, form)
        return _Reader(path, form, delimiter, records, names, at, dtype, task, drop_missing).table()


def _comment(lines: Sequence[tuple[int, str]]) -> str | None:
    """Return the comment that a table begins with, which may be its header: NumPy writes one so."""
    return next((line.lstrip()[1:] for _, line in lines[:1] if line.lstrip().startswith("#")), None)


def _header(
    path: Path, form: Form, delimiter: str, records: Iterator[Record], comment: str | None
) -> tuple[list[str], Iterator[Record]]:
    """Return the names of the columns and the records that follow."""
    first = next(records, None)
    if first is None:
        raise ValueError(f"{path} must have a header line and at least one row, it is empty")
    cells = [cell.strip() for cell in cells_of(first.text, delimiter)]
    if not form.has_header:
        return [str(i + 1) for i in range(len(cells))], itertools.chain([first], records)
    _check_names(f"{path}, line {first.line}", cells, form, comment is not None and comment.count(delimiter) + 1)
    return cells, records


def _position(path: Path, target: str | None, names: list[str], form: Form) -> int:
    """Return the place of the target among the columns."""
    if target is None:
        raise ValueError(f"--target must name the column of labels in {path}: one of {listed(names)}")
    if target.strip() not in names:
        hint = "" if len(names) > 1 else "; pass --delimiter if there should be several"
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

    def __init__(
        self,
        path: Path,
        form: Form,
        delimiter: str,
        records: Iterator[Record],
        names: list[str],
        at: int,
        dtype: np.dtype,
        task: str,
        drop_missing: bool,
    ) -> None:
        self.path, self.form, self.delimiter, self.records = path, form, delimiter, records
        self.names, self.at, self.dtype = names, at, dtype
        self.drop_missing, self.n_left_out = drop_missing, 0
        self.target = _Target(self, task)
        self.options = _options(delimiter, form.decimal, len(names), at)

    def table(self) -> Table:
        blocks = [block for records in self._blocks() if (block := self._converted(records)) is not None]
        if not blocks:
            left = f"; all {self.n_left_out} were left out by --drop-missing" if self.n_left_out else ""
            raise ValueError(f"{self.path} must have a header line and at least one row{left}")
        y, labels = self.target.values()
        features = [name for i, name in enumerate(self.names) if i != self.at]
        return Table(features, self.names[self.at], blocks, y, labels, self.n_left_out)

    def _blocks(self) -> Iterator[list[Record]]:
        """Yield lists of records of about BLOCK characters; ValueError for one with another number of values."""
        block: list[Record] = []
        size = 0
        for record in self.records:
            if record.width != len(self.names):
                raise ValueError(
                    f"{self.path}, line {record.line}: expected {len(self.names)} values, got {record.width}"
                )
            block.append(record)
            size += len(record.text)
            if size >= BLOCK and len(block) >= LEAST_ROWS:
                yield block
                block, size = [], 0
        if block:
            yield block

    def _converted(self, records: list[Record]) -> np.ndarray | None:
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
        self.target.add(records, labels)
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
        got = f"got {shortened(cell)!r}"
        lower = cell.strip().casefold()
        what = "the label" if i == self.at else "a value"
        if lower in MISSING:
            return f"{what} is missing, {got}; pass --drop-missing to leave such lines out"
        if lower in INFINITE:
            return f"{what} is not finite, {got}; pass --drop-missing to leave such lines out"
        if i == self.at:
            return None
        number = self.form.number(cell)
        if number is None:
            is_boolean = lower in BOOLEANS and all(row[i].casefold() in BOOLEANS | NO_VALUE for row in rows)
            return None if is_boolean else self.no_number(cell)
        with np.errstate(over="ignore"):
            return None if np.isfinite(self.dtype.type(number)) else f"a value must be finite in {self.dtype}, {got}"

    def no_number(self, cell: str) -> str:
        """Return what is wrong with a value that should be a number, with the remedy."""
        other = self.other_form(cell)
        remedy = f"; pass --decimal {other} if it parts the fraction" if other else ""
        return f"a value must be a number, got {shortened(cell)!r}{remedy}"

    def other_form(self, cell: str) -> str:
        """Return the decimal sign by which a value would be a number that it is not by the given one, or ""."""
        other = "," if self.form.decimal == "." else "."
        return other if other in cell and _number_pattern(other).fullmatch(cell) else ""


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
            if is_name and self.index is not None and (self.task == "classification" or not reader.other_form(label)):
                return None
            if number is None or not math.isfinite(number):
                flaw = reader.no_number(label) if number is None else f"too large: {shortened(label)!r}"
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


@functools.cache
def _number_pattern(decimal: str) -> re.Pattern[str]:
    """Return the pattern of what pandas takes for a number; a float of Python would also take 1_000."""
    point = re.escape(decimal)
    return re.compile(rf"[+-]?(\d+({point}\d*)?|{point}\d+)([eE][+-]?\d+)?", re.ASCII)


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
