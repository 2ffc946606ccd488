"""Options that the commands share: the data, the network, its training, and where results go."""

import argparse
import codecs
import os
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import checks
from fastmlp.engine.plan import HIDDEN_ACTIVATIONS
from fastmlp.lab.data import NAMES, TASKS, StudyData, by_name, from_file
from fastmlp.lab.report import finite
from fastmlp.lab.values import Form

NO_FILES = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")  # encodings of other things


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a network."""
    parser.add_argument("--layers", type=_widths, default="10,5", metavar="N,N", help="widths of the hidden layers")
    parser.add_argument("--dtype", choices=list(checks.DTYPES), default="float64", help="of all computations")


def add_activation_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for the activation of the hidden layers."""
    parser.add_argument("--activation", choices=HIDDEN_ACTIVATIONS, default="relu", help="of the hidden layers")


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a training by gradient descent."""
    parser.add_argument("--iterations", type=int, default=15000, metavar="N", help="updates of each training")
    parser.add_argument("--learning-rate", type=float, default=0.01, metavar="RATE", help="step size")


def add_output_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option for the folder that ``what`` is written to."""
    parser.add_argument("--output", type=Path, default=Path(), metavar="FOLDER", help=f"where {what} goes")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for JSON."""
    parser.add_argument("--json", action="store_true", help="print all measurements as JSON in place of the table")


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the data."""
    parser.add_argument(
        "--data", default="circles", metavar="NAME|FILE", help=f"{', '.join(NAMES)}, or a text file with a table"
    )
    parser.add_argument(
        "--standardize",
        action="store_true",
        help="bring the features, and the target of a regression, to mean 0 and standard deviation 1 by those of the "
        "training part; constant columns become 0",
    )
    table = parser.add_argument_group("tables from files")
    of_files = [
        table.add_argument("--target", metavar="COLUMN", help="name of the column to predict"),
        table.add_argument(
            "--task",
            choices=TASKS,
            default="auto",
            help="auto takes words, two values and up to 20 whole numbers for classes, other numbers for a regression",
        ),
        table.add_argument(
            "--delimiter", type=_delimiter, metavar="CHARACTER", help="between values; found if not given"
        ),
        table.add_argument("--decimal", choices=(".", ","), default=".", help="what parts the fraction of a number"),
        table.add_argument(
            "--encoding", type=_encoding, metavar="NAME", help="such as utf-8, cp1252; found if not given"
        ),
        table.add_argument(
            "--no-header", action="store_true", help="the first line is a row; columns are then named 1, 2, ..."
        ),
        table.add_argument(
            "--drop-missing", action="store_true", help="leave out lines with a missing or infinite value"
        ),
    ]
    parser.set_defaults(of_files=of_files)


def _widths(text: str) -> tuple[int, ...]:
    widths = tuple(whole_numbers(text)) if text else ()
    if any(width < 1 for width in widths):
        raise argparse.ArgumentTypeError(f"must be at least 1 each, got {text!r}")
    return widths


def whole_numbers(text: str) -> list[int]:
    """Return the numbers of an argument, parted by commas."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be whole numbers parted by commas, got {text!r}") from None


def _delimiter(text: str) -> str:
    character = {"\\t": "\t", "tab": "\t"}.get(text, text)
    if len(character) != 1 or not character.isascii() or character.isalnum() or character in '"\r\n\0#+-.':
        raise argparse.ArgumentTypeError(f"must be one character such as ; or tab, got {text!r}")
    return character


def _encoding(text: str) -> str:
    try:
        "".encode(text)  # LookupError also for the codecs that are no encodings of text
        name = codecs.lookup(text).name
    except (LookupError, ValueError):
        name = ""
    if not name or name in NO_FILES:
        raise argparse.ArgumentTypeError(f"must be a text encoding of Python such as cp1252, got {text!r}")
    return name


def load_data(options: argparse.Namespace) -> StudyData:
    """Return the data that the options name, standardized if they say so, and checked for their dtype."""
    data = _load(options)
    if options.standardize:
        data.standardize()
    data.check_finite(checks.dtype_of(options.dtype))
    return data


def epochs_of(options: argparse.Namespace) -> int:
    """Check the options of the training; return its number of updates."""
    epochs = checks.integer("--iterations", options.iterations, minimum=1)
    checks.positive("--learning-rate", options.learning_rate)
    return epochs


def output_file(options: argparse.Namespace, name: str) -> Path:
    """Return the path of a file in the folder of --output, in which it can be written."""
    if not options.output.is_dir():
        raise ValueError(f"--output must be an existing folder, got {options.output}")
    path = Path(options.output / name)
    if not _can_be_written(path):
        raise ValueError(f"--output must be a folder in which {name} can be written, got {options.output}")
    return path


def records(table: np.ndarray) -> list[dict[str, Any]]:
    """Return the rows of a structured array for JSON."""
    names = table.dtype.names or ()
    return [{name: finite(value) for name, value in zip(names, row, strict=True)} for row in table.tolist()]


def _can_be_written(file: Path) -> bool:
    """Whether a file, or what it links to, can be replaced or made."""
    target = Path(os.path.realpath(file))
    return os.access(target.parent, os.W_OK) and (target.is_file() or not target.exists())


def _load(options: argparse.Namespace) -> StudyData:
    """Return the data that --data names."""
    dtype = checks.dtype_of(options.dtype)
    if options.data in NAMES:
        for option in options.of_files:
            if getattr(options, option.dest) != option.default:
                raise ValueError(f"{option.option_strings[0]} goes with a file, not with --data {options.data}")
        return by_name(options.data, dtype)
    path = Path(options.data)
    if not path.is_file():
        raise ValueError(f"--data must be {', '.join(NAMES)} or a file; {_why_no_file(path)}")
    form = Form(options.delimiter, options.decimal, options.encoding, not options.no_header)
    if form.delimiter == form.decimal:
        raise ValueError(f"--delimiter must differ from --decimal, got {form.delimiter!r} for both")
    try:
        return from_file(path, options.target, form, task=options.task, drop_missing=options.drop_missing, dtype=dtype)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error


def _why_no_file(path: Path) -> str:
    """Return why a path is not that of a file that can be read more than once, with the remedy."""
    if path.is_dir():
        return f"{path} is a folder"
    if path.exists():
        return f"{path} is a pipe or a device: write what it gives to a file first"
    return f"there is no file {path}" + (": download it first" if path.parts and path.parts[0].endswith(":") else "")
