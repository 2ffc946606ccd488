"""Text from files, paths and arguments, made fit for one line of a terminal, and written to one; JSON in a page."""

import json
import os
import sys
from typing import Any


def printable(text: str) -> str:
    """Return ``text`` with line ends, control characters and lone surrogates written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shortened(text: str, most: int = 40) -> str:
    """Return ``text`` printable and cut to at most ``most`` characters."""
    text = printable(text[: most + 1])
    return text if len(text) <= most else text[: most - 3] + "..."


def listed(words: list[str], most: int = 12) -> str:
    """Return the first words, each shortened, parted by commas; say how many are left out."""
    shown = ", ".join(shortened(word) for word in words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def reason_of(error: BaseException, most: int) -> str:
    """Return the class and the text of an exception, shortened; the class alone where its text cannot be had."""
    try:
        return shortened(f"{type(error).__name__}: {error}", most)
    except Exception:  # of any kind: the exception may be of a caller's class
        return shortened(type(error).__name__, most)


def percent(share: float) -> str:
    """Return a share in whole percent, with more digits where that would be 0 or 100 and the share is neither."""
    text = f"{share:.0%}"
    return f"{100 * share:.3g}%" if text in ("0%", "100%") and 0 < share < 1 else text


def json_of_script(value: Any) -> str:
    """Return JSON that cannot end the script of an HTML page that holds it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def say(text: str) -> None:
    """Print to the standard output; characters that its encoding lacks are escaped.

    Where nobody reads the output any more, as after ``| head``, this and all further text is dropped.
    """
    out = sys.stdout
    if out is None:  # closed by the caller of the process
        return
    encoding = getattr(out, "encoding", None) or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
    except OSError as error:
        raise OSError(f"the standard output cannot be written: {error.strerror}") from error
