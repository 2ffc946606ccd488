"""The page: its parts put together from the files in ``web`` and the engine."""

import base64
import json
from pathlib import Path
from string import Template
from typing import Any

import fastmlp
from fastmlp import MLP, checks, files
from fastmlp.lab.playground.bundle import WEB, bundled
from fastmlp.lab.playground.facts import facts

ENGINE = Path(__file__).parent / "engine.wasm"
MOST_LAYERS, MOST_UNITS, MOST_CLASSES = 10, 128, 5  # hidden layers and their units, as the page's own networks have


def write_playground(path: Any, *, network: MLP | None = None, fragment: str = "") -> None:
    """Write the playground: one HTML page in which networks are trained, looked into and compared.

    The page holds the engine, compiled to WebAssembly, and needs nothing beside itself: no server, no internet, no
    installation.  Networks that it trains have the bits of the ``baseline`` kernels.

    Parameters
    ----------
    path : path or binary file
        A path is written whole or not at all.
    network : MLP, default=None
        A network that the page begins with and trains on: 2 features, at most 10 hidden layers of 128 units, and as
        loss the log-loss of one output or the multinomial log-loss of up to 5 classes.
    fragment : str, default=""
        The settings that the page begins with: what stands behind the # in the address of a page.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or the page cannot show the network.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import io
    >>> from fastmlp.lab import write_playground
    >>> page = io.BytesIO()
    >>> write_playground(page, fragment="data=moons&layers=8-8&start=he::3")
    >>> b"<title>fastmlp playground</title>" in page.getvalue()
    True
    """
    if not isinstance(fragment, str):
        raise TypeError(f"fragment must be a str, got {checks.shown(fragment)}")
    if network is not None:
        check_network("network", network)
        fragment = fragment or _fragment_of(network)
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
    if not 1 <= len(hidden) <= MOST_LAYERS or max(hidden) > MOST_UNITS:
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
        style=_read("page.css"),
        facts=json.dumps(known, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        engine=base64.b64encode(ENGINE.read_bytes()).decode("ascii"),
        worker=bundled("worker.js"),
        main=bundled("main.js"),
    )


def _read(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")
