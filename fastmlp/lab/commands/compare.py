"""The command ``compare``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp import __version__, _kernels, checks
from fastmlp.files import write_whole
from fastmlp.lab.commands import options as shared
from fastmlp.lab.commands import starts
from fastmlp.lab.data import DRAWN, StudyData
from fastmlp.lab.pictures import loss_bands
from fastmlp.lab.pictures.style import MOST_LINES
from fastmlp.lab.report import finite
from fastmlp.lab.sweep import Comparison, compare_initializers
from fastmlp.optimizers import OPTIMIZERS
from fastmlp.text import printable, say

PICTURE = "initialization_comparison.png"
INTERRUPTED = 130  # the exit code of a process that Ctrl-C ended


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``compare`` to a parser."""
    add_sweep_options(parser)
    shared.add_output_option(parser, "the picture")
    shared.add_json_option(parser)
    shared.add_data_options(parser)


def add_sweep_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which runs to make."""
    shared.add_network_options(parser)
    shared.add_training_options(parser)
    parser.add_argument(
        "--seeds", type=_seeds, default=100, metavar="N|N,N", help="how many seeds (from 0 on), or which"
    )
    starts.add_init_option(parser)
    shared.add_activation_option(parser)
    parser.add_argument("--optimizer", choices=list(OPTIMIZERS), default="sgd", help="rule of the updates")
    parser.add_argument("--batch-size", type=int, metavar="N", help="examples per update; all of them if not given")
    parser.add_argument("--jobs", type=int, default=-1, metavar="N", help="runs at a time; -1 makes one per processor")
    parser.add_argument("--folder", metavar="FOLDER", help="where finished runs are kept; a second call makes the rest")


def run(options: argparse.Namespace) -> int:
    """Train, print the table or the JSON, draw the picture; return the exit code."""
    picture = shared.output_file(options, PICTURE)
    data = shared.load_data(options)
    found = sweep(options, data)
    say(as_json(found, data) if options.json else repr(found))
    is_drawn = bool(np.isfinite(found.losses).any())
    if is_drawn:
        draw(found, picture)
    if not options.json:
        if options.data not in DRAWN:
            say(f"\n{data.description()}")
        why_not = "has a finite loss" if len(found) else "is done"
        say(f"\nPicture: {printable(str(picture))}" if is_drawn else f"\nNo run {why_not}, so there is no picture.")
    return INTERRUPTED if found.n_missing else 0


def sweep(options: argparse.Namespace, data: StudyData) -> Comparison:
    """Make the runs that the options name."""
    return compare_initializers(
        *data.train,
        **arguments_of(options, data),
        seeds=options.seeds,
        X_test=data.test[0],
        y_test=data.test[1],
        n_jobs=options.jobs,
        folder=options.folder,
        progress=sys.stderr is not None and sys.stderr.isatty(),
    )


def arguments_of(options: argparse.Namespace, data: StudyData) -> dict[str, Any]:
    """Return the arguments that ``compare_initializers`` and ``boundary_frames`` share."""
    epochs = shared.epochs_of(options)
    if isinstance(options.seeds, int):
        checks.integer("--seeds", options.seeds, minimum=1)
    if options.batch_size is not None:
        checks.integer("--batch-size", options.batch_size, minimum=1)
    if options.jobs == 0:
        raise ValueError("--jobs must be a number of runs or -1, got 0")
    return {
        "layer_dims": [len(data.features), *options.layers, data.n_outputs],
        "initializers": options.init,
        "activation": options.activation,
        "loss": data.loss,
        "optimizer": options.optimizer,
        "learning_rate": None if options.optimizer == "lbfgs" else options.learning_rate,
        "epochs": epochs,
        "batch_size": options.batch_size,
        "dtype": options.dtype,
    }


def as_json(comparison: Comparison, data: StudyData) -> str:
    """Return the summary and all runs as JSON; a number that is not finite becomes null."""
    document = {
        "version": __version__,
        "isa": _kernels.current_isa(),
        "data": data.as_dict(),
        "settings": comparison.settings,
        "runs_missing": comparison.n_missing,
        "summary": shared.records(comparison.summary()),
        "runs": shared.records(comparison.runs),
        "epochs": comparison.epochs.tolist(),
        "losses": [[finite(loss) for loss in losses] for losses in comparison.losses.tolist()],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _seeds(text: str) -> int | list[int]:
    try:
        numbers = [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number or several parted by commas, got {text!r}") from None
    return numbers if "," in text else numbers[0]


def draw(comparison: Comparison, path: Path) -> None:
    """Draw the losses of all configurations; a picture holds only so many of them."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    n = min(len(comparison.configurations), MOST_LINES)
    loss_bands(comparison, configurations=range(n), ax=figure.add_subplot())
    write_whole(path, lambda file: figure.savefig(file, format="png", dpi=100))
