"""The records of a text table with the lines of the file that they begin in."""

import codecs
import contextlib
import csv
import io
import itertools
import re
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from fastmlp.lab.values import SHEET_ERRORS

DELIMITERS = (";", "\t", "|", ",")  # a comma also stands inside of numbers and names, so the others come first
SAMPLE_LINES, SAMPLE_CHARACTERS = 100, 100_000
_SHEET_ERROR = re.compile(rf"({'|'.join(map(re.escape, SHEET_ERRORS))})\s*([^\w\s]|$)", re.IGNORECASE)


class Record(NamedTuple):
    """One row: the line of the file that it begins in, its text without the line end, and its number of values."""

    line: int
    text: str
    width: int


def lines_of(file: TextIO, path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their numbers; ValueError where one cannot be decoded."""
    number = 0
    try:
        for number, line in enumerate(file, start=1):
            if "\0" in line:
                raise ValueError(f"{path}, line {number}: must be text, got a NUL character")
            yield number, line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeError as error:
        reason = getattr(error, "reason", error)
        where = f"{path}, line {_first_undecodable(path, encoding)}"
        raise ValueError(f"{where}: must be in {encoding}: {reason}; pass --encoding") from None


def _first_undecodable(path: Path, encoding: str) -> int:
    """Return the line of the first byte that cannot be decoded; files are decoded many lines at a time."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    line = 1
    with contextlib.suppress(UnicodeError), path.open("rb") as file:
        for part in file:
            line += decoder.decode(part).count("\n")
    return line


def records_of(lines: Iterator[tuple[int, str]], path: Path, delimiter: str) -> Iterator[Record]:
    """Yield the records among lines; blank lines and comments, which begin with #, lie between records only."""
    for number, line in lines:
        if is_skipped(line):
            continue
        if '"' not in line:
            yield Record(number, line.rstrip("\n"), line.count(delimiter) + 1)
            continue
        taken = [line]

        def more(taken: list[str] = taken) -> Iterator[str]:
            for _, following in lines:
                taken.append(following)
                yield following
            taken.append("")  # the file has ended: perhaps within quotes

        cells = _parsed(itertools.chain([line], more()), path, number, delimiter)
        if taken[-1] == "":
            _parsed(iter(taken[:-1]), path, number, delimiter, strict=True)
        yield Record(number, "".join(taken).rstrip("\n"), len(cells))


def is_skipped(line: str) -> bool:
    """Whether a line is blank or a comment; an error of a spreadsheet in the first column begins none."""
    start = line.lstrip()
    return not start or (start[0] == "#" and not _SHEET_ERROR.match(start))


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter that a first line ``sep=;``, as Excel reads and writes it, is for; None for others."""
    declared = re.fullmatch('"?sep=([;,|:\\t ])"?', line.rstrip("\n"))
    return declared[1] if declared else None


def cells_of(text: str, delimiter: str) -> list[str]:
    """Return the values of a record's text, without the spaces around them that pandas ignores, too."""
    if '"' not in text:
        return [cell.strip(string.whitespace) for cell in text.split(delimiter)]
    lines = (part + "\n" for part in text.split("\n"))
    return [
        cell.strip(string.whitespace) for cell in next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    ]


def delimiter_of(lines: Sequence[str], decimal: str) -> str:
    """Return the delimiter by which most of the first records have as many values as the first of all."""
    sample = [line[:SAMPLE_CHARACTERS] for line in lines if not is_skipped(line)]
    best, most_agreeing = ",", 0.0
    for delimiter in DELIMITERS:
        if delimiter == decimal:
            continue
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=delimiter, skipinitialspace=True)]
        except csv.Error:  # an endless field
            continue
        agreeing = sum(width == widths[0] for width in widths) / len(widths) if widths and widths[0] > 1 else 0
        if agreeing > most_agreeing:
            best, most_agreeing = delimiter, agreeing
    return best


def _parsed(lines: Iterator[str], path: Path, number: int, delimiter: str, strict: bool = False) -> list[str]:
    try:
        return next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict))
    except csv.Error as error:
        if strict and "unexpected end" not in str(error):  # spaces after a closing quote, which are harmless
            return []
        what = "the quotes that begin here are never closed" if strict else str(error)
        raise ValueError(f"{path}, line {number}: {what}") from None
