"""The command ``diagnose``."""

import argparse
import json
from typing import Any

from fastmlp import MLP, __version__, _kernels, checks, initializers
from fastmlp.lab.commands import options as shared
from fastmlp.lab.commands import starts
from fastmlp.lab.data import DRAWN, StudyData
from fastmlp.lab.diagnosis import Diagnosis, diagnose
from fastmlp.lab.report import finite
from fastmlp.text import say


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``diagnose`` to a parser."""
    shared.add_network_options(parser)
    shared.add_activation_option(parser)
    starts.add_one_init_option(parser)
    parser.add_argument("--seed", type=int, default=3, metavar="N", help="seed of the initial weights")
    parser.add_argument("--network", metavar="FILE", help="one that MLP.save wrote, in place of the options above")
    parser.add_argument("--learning-rate", type=float, default=0.01, metavar="RATE", help="step size of an update")
    parser.add_argument(
        "--trace",
        type=shared.whole_numbers,
        metavar="N,N",
        help="also train a copy by full-batch gradient descent, and look into it after so many updates",
    )
    shared.add_json_option(parser)
    shared.add_data_options(parser)


def run(options: argparse.Namespace) -> int:
    """Look into the network and print what was found; return the exit code 0."""
    checks.positive("--learning-rate", options.learning_rate)
    checks.seed_of(options.seed)
    data = shared.load_data(options)
    network = _network(options, data)
    found = diagnose(network, *data.train, trace=options.trace, learning_rate=options.learning_rate)
    say(as_json(found, data) if options.json else f"{network!r}\n{found!r}")
    if not options.json and options.data not in DRAWN:
        say(f"\n{data.description()}")
    return 0


def as_json(found: Diagnosis, data: StudyData) -> str:
    """Return everything measured as JSON; a number that is not finite becomes null."""
    document = {"version": __version__, "isa": _kernels.current_isa(), "data": data.as_dict(), **_as_dict(found)}
    document["trace"] = [_as_dict(part) for part in found.trace]
    return json.dumps(document, indent=2, allow_nan=False)


def _as_dict(found: Diagnosis) -> dict[str, Any]:
    return {
        "epoch": found.epoch,
        "verdict": found.verdict,
        "layer": found.layer,
        "explanation": found.explanation,
        "cause": found.cause,
        "layers": shared.records(found.layers),
        "singular_values": [[finite(value) for value in values] for values in found.singular_values.tolist()],
    }


def _network(options: argparse.Namespace, data: StudyData) -> MLP:
    """Return the network of a file, or a new one for the data."""
    if options.network is not None:
        try:
            return MLP.load(options.network)
        except OSError as error:
            raise ValueError(f"--network: {options.network} cannot be read: {error.strerror}") from error
    initialization, *others = starts.all_drawn(options)
    if others:
        raise ValueError(f"--init must be one initializer, got {1 + len(others)}")
    return MLP(
        [len(data.features), *options.layers, data.n_outputs],
        activation=options.activation,
        loss=data.loss,
        initialization=initializers.bound_to(initialization, data.train[0]),
        dtype=options.dtype,
        seed=options.seed,
    )
