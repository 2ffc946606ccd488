"""The option ``--init``: initializers with their parameters, as in ``he, orthogonal(gain=2)``."""

import argparse
import ast
import re
from typing import Any

from fastmlp import checks, initializers
from fastmlp.lab.sweep.configuration import drawn_by

KNOWN = ", ".join([*initializers.REGISTRY, *initializers.ALIASES])


def add_init_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for the initializers to compare."""
    parser.add_argument(
        "--init",
        type=initializers_of,
        default="zeros,random,he",
        metavar="NAME,NAME(PARAMETER=VALUE)",
        help=f"initializers to compare, of: {KNOWN}; a list as a value, as in random(scale=[1,10]), makes several",
    )


def add_one_init_option(parser: argparse.ArgumentParser) -> None:
    """Add the option for a single initializer."""
    parser.add_argument(
        "--init",
        type=initializers_of,
        default="he",
        metavar="NAME|NAME(PARAMETER=VALUE)",
        help=f"initializer, one of: {KNOWN}",
    )


def initializers_of(text: str) -> list[Any]:
    """Return the entries of ``compare_initializers`` that a text names, as in "he, orthogonal(gain=2)"."""
    return [_entry(part.strip()) for part in re.split(r",(?![^(]*\))", text)]


def all_drawn(options: argparse.Namespace) -> list[Any]:
    """Return what :class:`fastmlp.MLP` takes, for every initializer of ``--init``."""
    return [initializer for entry in options.init for _, initializer, _ in drawn_by("--init", entry)]


def _entry(text: str) -> Any:
    """Return a name, or a pair of a name and parameters."""
    try:
        name, parameters = _parsed(text) if "(" in text else (text, None)
        checks.choice("initializer", name, [*initializers.REGISTRY, *initializers.ALIASES])
    except (SyntaxError, ValueError) as error:
        reason = error if isinstance(error, ValueError) else "it is no NAME(PARAMETER=VALUE)"
        raise argparse.ArgumentTypeError(f"{text!r}: {reason}") from None
    return name if parameters is None else (name, parameters)


def _parsed(text: str) -> tuple[str, dict[str, Any]]:
    name, _, rest = text.partition("(")
    call = ast.parse(f"f({rest}", mode="eval").body
    if not isinstance(call, ast.Call) or call.args or any(keyword.arg is None for keyword in call.keywords):
        raise SyntaxError
    try:
        return name.strip(), {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        raise ValueError("a value must be a number, a word in quotes, or a list of these") from None
