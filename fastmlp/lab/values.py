"""What a cell of a text table holds: a number, nothing, or something that is refused, with the remedy."""

import functools
import re
from dataclasses import dataclass

import numpy as np

from fastmlp.text import shortened

SHEET_ERRORS = ("#n/a n/a", "#n/a", "#na", "#ref!", "#div/0!", "#value!", "#num!", "#name?", "#null!")  # spreadsheets'
MISSING = frozenset(
    ["", "na", "n/a", "<na>", "null", "none", "nil", "nat", "?", ".", "\\n"]  # \N is MySQL's, a point SAS's
    + [sign + word for sign in ("", "+", "-") for word in ("nan", "nan(ind)", "1.#qnan", "1.#ind")]
    + list(SHEET_ERRORS)
)
INFINITE = frozenset(sign + word for sign in ("", "+", "-") for word in ("inf", "infinity", "1.#inf"))
NO_VALUE = MISSING | INFINITE
BOOLEANS = frozenset(["true", "false"])
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}([,.' \u00a0\u202f]\d{3})+([.,]\d*)?", re.ASCII)  # digits in threes


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

    def other_decimal(self, cell: str) -> str:
        """Return the decimal sign by which a value would be a number that it is not by the given one, or ""."""
        other = "," if self.decimal == "." else "."
        return other if other in cell and _number_pattern(other).fullmatch(cell) else ""

    def no_number(self, cell: str, otherwise: str = "leave the column out") -> str:
        """Return what is wrong with a value that should be a number, with the remedy."""
        other = self.other_decimal(cell)
        remedies = [f"pass --decimal {other} if it parts the fraction"] if other else []
        if GROUPED.fullmatch(cell):
            remedies.append("remove what groups the digits")
        remedy = " or ".join(remedies) or f"write it as a number, or {otherwise}"
        return f"a value must be a number, got {shortened(cell)!r}; {remedy}"


def without_value(cell: str, what: str) -> str | None:
    """Return what is wrong with a value that is missing or infinite, or None."""
    word = cell.strip().casefold()
    if word not in NO_VALUE:
        return None
    lack = "missing" if word in MISSING else "not finite"
    return f"{what} is {lack}, got {shortened(cell)!r}; pass --drop-missing to leave such lines out"


def too_large(cell: str, dtype: np.dtype) -> str:
    """Return what is wrong with a number that ``dtype`` cannot hold."""
    remedy = "leave the line out" if dtype == np.float64 else "pass --dtype float64 or leave the line out"
    return f"a value must be finite in {dtype}, got {shortened(cell)!r}; {remedy}"


@functools.cache
def _number_pattern(decimal: str) -> re.Pattern[str]:
    """Return the pattern of what pandas takes for a number; a float of Python would also take 1_000."""
    point = re.escape(decimal)
    return re.compile(rf"[+-]?(\d+({point}\d*)?|{point}\d+)([eE][+-]?\d+)?", re.ASCII)
