"""The command line ``python -m fastmlp`` or ``fastmlp``, which runs the study."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from fastmlp import __version__
from fastmlp.text import say, shortened

MOST_MESSAGE = 1000  # characters: an argument may have any length


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {shortened(message, MOST_MESSAGE)} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            say(message.removesuffix("\n"))
        else:
            super()._print_message(message, file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, default=None
        None takes those of the process.

    Returns
    -------
    int
        The exit code: 0, or 2 for bad arguments or files, or 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words.insert(0, "study")
    try:
        options = _build_parser().parse_args(words)
        options.words = words
        return int(options.run(options))
    except (ValueError, TypeError, OSError, ImportError, MemoryError) as error:
        print(f"fastmlp: error: {shortened(str(error), MOST_MESSAGE) or type(error).__name__}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("fastmlp: interrupted", file=sys.stderr)
        return 130


def _build_parser() -> argparse.ArgumentParser:
    # imported here, so that main reports a wrong FASTMLP_ISA, which is found at import
    from fastmlp.lab.commands import compare, diagnose, playground, report, study

    parser = _Parser(prog="fastmlp", description="Train and study small multi-layer perceptrons.")
    parser.add_argument("--version", action="version", version=f"fastmlp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for command, summary, description in (
        (
            study,
            "compare initializations of one seed (the default command)",
            "Train one network from several initializations, compare them in a table and draw them.",
        ),
        (
            compare,
            "compare initializations over many seeds",
            "Train networks from several initializations and many seeds each, and compare them with intervals.",
        ),
        (
            diagnose,
            "look into every layer of one network",
            "Measure every layer of a network, before or after training, and tell what is wrong with it.",
        ),
        (
            report,
            "write a comparison over many seeds as a web page",
            "Compare initializations over many seeds, and write findings, table, charts and films to one HTML file.",
        ),
        (
            playground,
            "write a web page in which networks train",
            "Write the playground, an HTML page that trains, compares and looks into networks, and open it.",
        ),
    ):
        name = command.__name__.rpartition(".")[2]
        options = commands.add_parser(
            name, help=summary, description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
        )
        command.add_options(options)
        options.set_defaults(run=command.run)
    return parser
