"""The stubs of the compiled module name every function it has, once, with its arguments."""

import ast
import inspect
import re
from collections import Counter
from pathlib import Path

from fastmlp import _kernels

PACKAGE = Path(__file__).parent.parent / "fastmlp"


def sources():
    return "".join((PACKAGE / name).read_text() for name in ("_kernels.pyx", "_array_checks.pxi"))


def test_no_function_is_defined_twice():
    names = Counter(re.findall(r"^(?:def|cdef [\w. *]+?) ?(\w+)\(", sources(), re.M))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_function_is_stubbed_with_its_arguments():
    stubs = {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.parse((PACKAGE / "_kernels.pyi").read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert sorted(stubs) == sorted(re.findall(r"^def (\w+)\(", sources(), re.M))
    for name, arguments in stubs.items():
        assert list(inspect.signature(getattr(_kernels, name)).parameters) == arguments, name
