"""The command ``study``."""

import argparse

from fastmlp import checks
from fastmlp.lab import report
from fastmlp.lab.commands import options as shared
from fastmlp.lab.commands import starts
from fastmlp.lab.data import DRAWN
from fastmlp.lab.study import run_study
from fastmlp.text import printable, say

PICTURE = "initialization_study.png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``study`` to a parser."""
    shared.add_network_options(parser)
    shared.add_training_options(parser)
    parser.add_argument("--seed", type=int, default=3, metavar="N", help="seed of the initial weights")
    starts.add_init_option(parser)
    shared.add_output_option(parser, "the picture")
    shared.add_json_option(parser)
    shared.add_data_options(parser)


def run(options: argparse.Namespace) -> int:
    """Train, print the table or the JSON, draw the picture; return the exit code 0."""
    initializations = starts.all_drawn(options)
    epochs = shared.epochs_of(options)
    checks.seed_of(options.seed)
    picture = shared.output_file(options, PICTURE)
    data = shared.load_data(options)

    runs = run_study(
        [len(data.features), *options.layers, data.n_outputs],
        data.train,
        data.test,
        loss=data.loss,
        initializations=initializations,
        seed=options.seed,
        learning_rate=options.learning_rate,
        epochs=epochs,
        report_every=max(1, epochs // 15),
        dtype=options.dtype,
    )
    say(report.as_json(runs, picture, data) if options.json else report.table(runs))
    report.draw(runs, data, picture)
    if options.json:
        return 0
    last = max((int(run.history.epochs[-1]) for run in runs if len(run.history.epochs)), default=0)
    if options.data not in DRAWN:
        say(f"\n{data.description()}")
    say(f"\nFirst and last cost are those of iterations 0 and {last}. Picture: {printable(str(picture))}")
    return 0
