"""The page: its parts put together from the files in ``web`` and the engine."""

import base64
from pathlib import Path
from string import Template
from typing import Any

import fastmlp
from fastmlp import MLP, checks, files
from fastmlp.lab.playground.bundle import WEB, bundled
from fastmlp.lab.playground.facts import MOST_LAYERS, MOST_UNITS, N_CLASSES, facts, has_room_for
from fastmlp.lab.playground.link import fragment_of
from fastmlp.lab.sweep.comparison import Comparison
from fastmlp.text import json_of_script

ENGINE = Path(__file__).parent / "engine.wasm"
THEME = Path(__file__).parents[1] / "page" / "templates" / "theme.css"  # the colours are those of a report
MOST_CLASSES = max(N_CLASSES)


def write_playground(path: Any, *, network: MLP | None = None, comparison: Comparison | None = None) -> None:
    """Write the playground: one HTML page in which networks are trained, looked into and compared.

    The page holds the engine, compiled to WebAssembly, and needs nothing beside itself: no server, no internet, no
    installation.  Networks that it trains have the bits of the ``baseline`` kernels.

    Parameters
    ----------
    path : path or binary file
        A path is written whole or not at all.
    network : MLP, default=None
        A network that the page begins with and trains on: 2 features, 1 to 10 hidden layers of at most 128 units, and
        as loss the log-loss of one output or the multinomial log-loss of up to 5 classes.
    comparison : Comparison, default=None
        Runs whose settings the page begins with: the first configuration and seed, and up to six initializers that the
        page can draw.  A comparison does not know its examples, so those of the page are two circles.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, both are given, or the page cannot show the network or the comparison.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import io
    >>> from fastmlp import MLP
    >>> from fastmlp.lab import write_playground
    >>> page = io.BytesIO()
    >>> write_playground(page, network=MLP([2, 8, 1], seed=0))
    >>> b"<title>fastmlp playground</title>" in page.getvalue()
    True
    """
    fragment = ""
    if network is not None:
        check_network("network", network)
        fragment = _fragment_of(network)
    if comparison is not None:
        if not isinstance(comparison, Comparison):
            raise TypeError(f"comparison must be a Comparison or None, got {checks.shown(comparison)}")
        if network is not None:
            raise ValueError("network and comparison must not both be given: the page begins with one of them")
        fragment = fragment_of(comparison)
    text = page_of(facts(network, fragment))
    files.write_to("path", path, lambda file: file.write(text.encode()))


def check_network(name: str, network: Any) -> None:
    """Raise an error that names the argument unless the page can show the network."""
    if not isinstance(network, MLP):
        raise TypeError(f"{name} must be an MLP, got {checks.shown(network)}")
    dims, loss = network.plan.layer_dims, network.loss.name
    if dims[0] != 2:
        raise ValueError(f"{name} must have 2 features, which the page draws as a plane; got {dims[0]}")
    is_binary = loss == "log_loss" and dims[-1] == 1
    if not is_binary and not (loss == "multinomial_log_loss" and 2 <= dims[-1] <= MOST_CLASSES):
        raise ValueError(
            f"{name} must tell classes apart, by log_loss with 1 output or by multinomial_log_loss with 2 to "
            f"{MOST_CLASSES}; got {loss} with {dims[-1]}"
        )
    hidden = dims[1:-1]
    if not has_room_for(hidden):
        raise ValueError(
            f"{name} must have 1 to {MOST_LAYERS} hidden layers of at most {MOST_UNITS} units, got "
            f"{'-'.join(map(str, hidden)) or 'none'}"
        )
    checks.check_finite(f"the parameters of {name}", network.parameters)


def _fragment_of(network: MLP) -> str:
    """The settings that show a network as it is: as many classes as it has outputs."""
    n_classes = max(2, network.plan.layer_dims[-1])
    data = "circles" if network.loss.name == "log_loss" else f"blobs&classes={n_classes}"
    return f"data={data}&start=network"


def page_of(known: dict[str, Any]) -> str:
    """Return the page as text."""
    return Template(_read("page.html")).substitute(
        version=fastmlp.__version__,
        style="\n".join([THEME.read_text(encoding="utf-8"), _read("page.css"), _read("layers.css")]),
        facts=json_of_script(known),
        engine=base64.b64encode(ENGINE.read_bytes()).decode("ascii"),
        worker=bundled("worker.js"),
        main=bundled("main.js"),
    )


def _read(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")
