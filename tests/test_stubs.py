"""The stubs of the compiled module name every function, class and table it has, once, with its arguments."""

import ast
import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

from fastmlp import _kernels

PACKAGE = Path(__file__).parent.parent / "fastmlp"
SOURCES = "".join(path.read_text() for path in sorted([PACKAGE / "_kernels.pyx", *PACKAGE.glob("_*.pxi")]))
STUBS = ast.parse((PACKAGE / "_kernels.pyi").read_text()).body
CLASSES = {node.name: node for node in STUBS if isinstance(node, ast.ClassDef)}


def functions_of(nodes):
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}


def is_property(function):
    return any(getattr(decorator, "id", None) == "property" for decorator in function.decorator_list)


def arguments_of(function):
    """Names and defaults, as text, without self."""
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    defaults = [ast.unparse(value) for value in function.args.defaults]
    return list(zip(names, [None] * (len(names) - len(defaults)) + defaults, strict=True))


def arguments_of_compiled(function):
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, None if p.default is p.empty else repr(p.default)) for p in parameters if p.name != "self"]


def arguments_of_constructor(name):
    """Those of ``__cinit__`` in the source, for a compiled class has no signature."""
    text = SOURCES[re.search(rf"^cdef class {name}\b", SOURCES, re.M).start() :]
    (arguments,) = re.search(r"def __cinit__\(self, ([^)]*(?:\(\)[^)]*)?)\):", text).groups()
    declarations = [re.sub(r"\s+", " ", declaration) for declaration in arguments.split(",")]
    pairs = [re.sub(" not None", "", declaration).strip().partition("=") for declaration in declarations]
    return [(left.split()[-1], right.replace('"', "'") if equals else None) for left, equals, right in pairs]


def test_no_function_is_defined_twice():
    names = Counter(re.findall(r"^(?:def|cdef [\w. *]+?) ?(\w+)\(", SOURCES, re.M))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_function_is_stubbed_with_its_arguments():
    stubs = functions_of(STUBS)
    assert sorted(stubs) == sorted(re.findall(r"^def (\w+)\(", SOURCES, re.M))
    for name, stub in stubs.items():
        assert arguments_of(stub) == arguments_of_compiled(getattr(_kernels, name)), name


def test_every_class_is_stubbed_but_the_one_that_python_never_sees():
    assert {*CLASSES, "LayerArrays"} == set(re.findall(r"^cdef class (\w+)", SOURCES, re.M))


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_and_attribute_is_stubbed(name):
    compiled, stubs = getattr(_kernels, name), functions_of(CLASSES[name].body)
    assert {*stubs} - {"__init__"} == {member for member in vars(compiled) if not member.startswith("_")}
    for method, stub in stubs.items():
        if method == "__init__":
            assert arguments_of(stub) == arguments_of_constructor(name)
        elif is_property(stub):
            assert not callable(vars(compiled)[method])
        else:
            assert arguments_of(stub) == arguments_of_compiled(vars(compiled)[method]), method


def test_classes_inherit_as_their_stubs_say():
    for name, node in CLASSES.items():
        (base,) = getattr(_kernels, name).__bases__
        assert base.__name__ == (node.bases[0].id if node.bases else "object")


def test_every_table_is_stubbed_with_its_type():
    tables = {name: value for name, value in vars(_kernels).items() if name.isupper()}
    stubs = {node.target.id: ast.unparse(node.annotation) for node in STUBS if isinstance(node, ast.AnnAssign)}
    assert sorted(stubs) == sorted(tables)
    for name, value in tables.items():
        (kind,) = {type(item).__name__ for item in value.values()}
        assert stubs[name] == f"dict[str, {kind}]"
