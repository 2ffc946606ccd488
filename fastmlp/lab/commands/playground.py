"""The command ``playground``."""

import argparse
import webbrowser
from pathlib import Path

from fastmlp import MLP
from fastmlp.lab.playground.page import check_network, write_playground
from fastmlp.text import printable, say

PAGE = "fastmlp_playground.html"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``playground`` to a parser."""
    parser.add_argument("--output", type=Path, default=Path(PAGE), metavar="FILE", help="the page that is written")
    parser.add_argument("--no-open", action="store_true", help="do not open the page in a browser")
    parser.add_argument("--network", metavar="FILE", help="a network of MLP.save that the page begins with")


def run(options: argparse.Namespace) -> int:
    """Write the page and open it; return the exit code 0."""
    if options.output.is_dir() or not options.output.absolute().parent.is_dir():
        raise ValueError(f"--output must be a file in an existing folder, got {options.output}")
    network = None if options.network is None else _network(options.network)
    write_playground(options.output, network=network)
    say(f"Page: {printable(str(options.output))}")
    if not options.no_open and not webbrowser.open(options.output.resolve().as_uri()):
        say("There is no browser here to open it in.")
    return 0


def _network(path: str) -> MLP:
    try:
        network = MLP.load(path)
    except OSError as error:
        raise ValueError(f"--network: {path} cannot be read: {error.strerror}") from error
    check_network("--network", network)
    return network
