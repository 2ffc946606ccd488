"""The command ``report``."""

import argparse
import shlex

from fastmlp.lab.commands import compare
from fastmlp.lab.commands import options as shared
from fastmlp.lab.data import DRAWN
from fastmlp.lab.page import boundary_frames, write_report
from fastmlp.lab.playground import write_playground
from fastmlp.lab.playground.link import fragment_of
from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.text import printable, say

PAGE, PLAYGROUND = "initialization_report.html", "initialization_playground.html"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``report`` to a parser."""
    compare.add_sweep_options(parser)
    parser.add_argument("--title", default="Initializations compared", metavar="TEXT", help="title of the page")
    shared.add_output_option(parser, "the page")
    shared.add_data_options(parser)


def run(options: argparse.Namespace) -> int:
    """Make the runs and write the page; return the exit code."""
    page = shared.output_file(options, PAGE)
    data = shared.load_data(options)
    found = compare.sweep(options, data)
    if not len(found):
        say("No run is done, so there is no page.")
        return compare.INTERRUPTED
    about = f"{options.data}, {len(data.train[0])} training and {len(data.test[0])} test examples"
    about = f"{about}." if options.data in DRAWN else data.description()
    frames, is_interrupted = None, bool(found.n_missing)
    if len(data.features) == 2 and not is_interrupted:
        seed = int(found.runs["seed"][0])
        try:
            frames = boundary_frames(*data.train, **compare.arguments_of(options, data), seed=seed)
        except ValueError as error:  # the plane cannot be shown; the runs are made, and the page is theirs
            about = f"{about} There are no films: {error}."
        except KeyboardInterrupt:
            is_interrupted = True
    playground = _playground(options, found)
    command = shlex.join(["fastmlp", *options.words])
    write_report(found, page, title=options.title, data=about, frames=frames, command=command, playground=playground)
    say(f"{found!r}\n\nPage: {printable(str(page))}")
    if playground is not None:
        say(f"Playground: {printable(str(options.output / PLAYGROUND))}")
    return compare.INTERRUPTED if is_interrupted else 0


def _playground(options: argparse.Namespace, found: Comparison) -> str | None:
    """Write the playground beside the page and return its address with these settings; None where it lacks them."""
    if options.data not in DRAWN or options.standardize:
        return None
    try:
        fragment = fragment_of(found, options.data)
    except ValueError:  # it has no such optimizer, or so wide a layer
        return None
    write_playground(shared.output_file(options, PLAYGROUND))
    return f"{PLAYGROUND}#{fragment}"
