"""A network as one C99 source file and its header, made from the files in templates/."""

import itertools
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

import fastmlp
from fastmlp import checks, files
from fastmlp.export.samples import Samples, rounding_errors

TEMPLATES = Path(__file__).parent / "templates"
REAL = {"float32": "float", "float64": "double"}
PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")
WIDTH = 116  # of the lines of numbers, beside their indentation
AT_ONCE = 4  # inputs: a unit's sum is read and written once for so many
SECTION = re.compile(r"^/\* section: (\w+)(?:\.(float\d\d))?(?:; needs: ([\w, ]+))? \*/\n", re.MULTILINE)


def write(path: Any, network: Any, *, prefix: str | None, dtype: Any, classes: Iterable[Any] | None = None) -> None:
    """Write ``path``, which ends in ``.c``, and the header beside it, each whole or not at all.

    Parameters
    ----------
    path : str, bytes or path
    network : MLP
    prefix : str or None
        Of the names in the header; None takes the file's name.
    dtype : {"float32", "float64"} or None
        Of all numbers; None takes the network's.
    classes : iterable, default=None
        Labels of the outputs, for a comment.
    """
    path = files.path_of("path", path, "a path")
    if path.suffix != ".c":
        raise ValueError(f"path must end in .c, got {str(path)!r}; the header goes beside it")
    if prefix is None and not PREFIX.fullmatch(path.stem):
        raise ValueError(f"prefix must be given where the file's name is no name in C, got {path.name!r}")
    prefix = path.stem if prefix is None else prefix
    source, header = source_and_header(network, prefix, dtype, path.with_suffix(".h").name, classes)
    files.write_whole(path.with_suffix(".h"), lambda file: file.write(header.encode()))
    files.write_whole(path, lambda file: file.write(source.encode()))


def source_and_header(
    network: Any, prefix: str, dtype: Any, header_name: str, classes: Iterable[Any] | None = None
) -> tuple[str, str]:
    """Return the texts of both files."""
    if not isinstance(prefix, str) or not PREFIX.fullmatch(prefix):
        raise ValueError(f"prefix must be a name in C of at most 41 ASCII letters, digits and _, got {prefix!r}")
    network = _in_dtype(network, network.plan.dtype if dtype is None else checks.dtype_of(dtype))
    plan, dims = network.plan, network.plan.layer_dims
    itemsize, scratch = plan.dtype.itemsize, _scratch(dims)
    functions, n_coefficients = _functions(plan)
    tests = _tests(network)
    n_tests, n_numbers = len(tests["inputs"]), sum(array.size for array in tests.values())
    named = {
        "version": fastmlp.__version__,
        "prefix": prefix,
        "PREFIX": prefix.upper(),
        "header_name": header_name,
        "real": REAL[plan.dtype.name],
        "n_inputs": dims[0],
        "n_outputs": dims[-1],
    }
    header = _template("network.h").substitute(
        named,
        description=f"{'-'.join(map(str, dims))}, {', '.join(plan.activations)}, {plan.dtype}",
        outputs=_described_outputs(network, classes),
        parameter_bytes=plan.n_parameters * itemsize,
        table_bytes=n_coefficients * itemsize,
        test_bytes=n_numbers * itemsize,
        scratch_bytes=sum(scratch) * itemsize,
        n_scratch=sum(scratch),
        null_scratch="" if sum(scratch) else ", or NULL",
        class_declaration=_class_declaration(network, prefix),
    )
    source = _template("network.c").substitute(
        named,
        functions=functions,
        softmax=_template("softmax.c").substitute(named) if plan.activations[-1] == "softmax" else "",
        layers="".join(_layer(*layer) for layer in _layers(network)),
        calls=_calls(dims, scratch),
        class_definition=_class_definition(network, prefix),
        n_tests=n_tests,
        **{f"test_{name}": _rows(array) for name, array in tests.items()},
    )
    return source, header


def _in_dtype(network: Any, dtype: np.dtype) -> Any:
    """The network, or a copy with rounded parameters."""
    checks.check_finite("parameters", network.parameters)
    if network.plan.dtype == dtype:
        return network
    *hidden, _ = network.plan.activations
    copy = type(network)(
        network.plan.layer_dims, activation=hidden, loss=network.loss, initialization="zeros", dtype=dtype
    )
    copy.parameters = network.parameters  # refuses those that the dtype cannot hold
    return copy


# ---- the functions that the activations need


@cache
def sections() -> dict[tuple[str, str], tuple[list[str], str]]:
    """Return the sections of functions.c by name and dtype ("" for both), with the names of those that they need."""
    pieces = SECTION.split(_read("functions.c"))[1:]
    return {
        (name, dtype or ""): ([n.strip() for n in (needs or "").split(",") if n.strip()], text.strip())
        for name, dtype, needs, text in zip(*[iter(pieces)] * 4, strict=True)
    }


def _functions(plan: Any) -> tuple[str, int]:
    """The sections that a network needs, in the order of the file, and the number of coefficients in them."""
    known, found = sections(), set()
    wanted = ["muladd", *plan.activations]
    wanted += ["exp", "max"] if "softmax" in plan.activations else []
    while wanted:
        name = wanted.pop()
        key = next((key for key in ((name, ""), (name, plan.dtype.name)) if key in known), None)
        if key is not None and key not in found:  # identity and softmax have no section
            found.add(key)
            wanted += known[key][0]
    texts = [text for key, (_, text) in known.items() if key in found]
    tables = re.findall(r"_coefficients\[\] = \{(.*?)\};", "\n".join(texts), re.DOTALL)
    return "\n\n".join(texts), sum(len(table.rstrip(", \n").split(",")) for table in tables)


# ---- the layers


def _layers(network: Any) -> Iterable[tuple[int, np.ndarray, np.ndarray, str]]:
    return zip(itertools.count(1), network.weights, network.biases, network.plan.activations)


def _layer(number: int, W: np.ndarray, b: np.ndarray, activation: str) -> str:
    fan_out, fan_in = W.shape
    apply = {
        "identity": "",
        "softmax": "    softmax(z);\n",
    }.get(activation, f"    for (int o = 0; o < {fan_out}; o++) z[o] = {activation}_of(z[o]);\n")
    return _template("layer.c").substitute(
        number=number,
        fan_in=fan_in,
        fan_out=fan_out,
        activation=activation,
        n_weights=W.size,
        weights=_numbers(W.T.ravel()),
        biases=_numbers(b),
        products=_products(fan_in, fan_out),
        apply=apply,
    )


def _products(fan_in: int, fan_out: int) -> str:
    """The loops over inputs: AT_ONCE in one step, then those that are left."""
    n_whole, n_left = fan_in // AT_ONCE * AT_ONCE, fan_in % AT_ONCE
    steps = ""
    if n_whole:
        step = _product(["i", *(f"i + {k}" for k in range(1, AT_ONCE))], fan_out)
        steps += f"    for (int i = 0; i < {n_whole}; i += {AT_ONCE}, w += {AT_ONCE * fan_out}) {{\n{step}    }}\n"
    if n_left:
        steps += f"    {{\n{_product([str(n_whole + k) for k in range(n_left)], fan_out)}    }}\n"
    return steps


def _product(inputs: list[str], fan_out: int) -> str:
    """Add the products of a few inputs to all units."""
    total = "z[o]"
    for k, at in enumerate(inputs):
        total = f"muladd(w[{f'{k * fan_out} + ' if k else ''}o], x[{at}], {total})"
    return f"        FOR_EACH_UNIT(int o = 0; o < {fan_out}; o++)\n            z[o] = {total};\n"


def _scratch(dims: tuple[int, ...]) -> tuple[int, int]:
    """Numbers in each of two arrays, which take turns as the outputs of the hidden layers."""
    hidden = dims[1:-1]
    return max(hidden[::2], default=0), max(hidden[1::2], default=0)


def _calls(dims: tuple[int, ...], scratch: tuple[int, int]) -> str:
    n_layers = len(dims) - 1
    arrays = ["inputs", *(("scratch", f"scratch + {scratch[0]}")[i % 2] for i in range(n_layers - 1)), "outputs"]
    calls = [f"    layer_{i}({x}, {z});" for i, (x, z) in enumerate(itertools.pairwise(arrays), 1)]
    return "\n".join(["    (void)scratch;", *calls] if n_layers == 1 else calls)


# ---- what the outputs mean


def _described_outputs(network: Any, classes: Iterable[Any] | None) -> str:
    """A sentence on the outputs, and a line for each class."""
    loss, labels = network.loss, [] if classes is None else [_comment(label) for label in classes]
    text = {
        "labels": "The outputs are the probabilities of label 1.",
        "classes": "The outputs are the probabilities of the classes.",
    }.get(loss.targets, "The outputs are the predicted values.")
    names = "".join(f"\n *   {i}  {label}" for i, label in enumerate(labels))
    return f"{text}{'  The classes:' if names else ''}{names}"


def _comment(label: Any) -> str:
    """A label as it can stand in a comment."""
    return (
        ascii(label.item() if isinstance(label, np.generic) else label).replace("*/", "*\\x2f").replace("/*", "/\\x2a")
    )


def _has_classes(network: Any) -> bool:
    """Whether one class follows from the outputs; several labels at once are none."""
    return network.loss.targets == "classes" or (network.loss.targets == "labels" and network.plan.layer_dims[-1] == 1)


def _class_declaration(network: Any, prefix: str) -> str:
    if not _has_classes(network):
        return ""
    rule = "the largest output" if network.loss.targets == "classes" else "1 if the output is over 0.5, else 0"
    return f"""
/* the index of the class that the outputs predict: {rule} */
int {prefix}_class(const {REAL[network.plan.dtype.name]} *outputs);
"""


def _class_definition(network: Any, prefix: str) -> str:
    if not _has_classes(network):
        return ""
    if network.loss.targets == "labels":
        return f"\nint {prefix}_class(const real *outputs) {{ return outputs[0] > (real)0.5; }}\n"
    return f"""
int {prefix}_class(const real *outputs)
{{
    int largest = 0;
    for (int o = 1; o < {network.plan.layer_dims[-1]}; o++)
        if (outputs[o] > outputs[largest])
            largest = o;
    return largest;
}}
"""


# ---- numbers and files


def _tests(network: Any) -> dict[str, np.ndarray]:
    """Inputs, outputs and how far others may be from these, of the samples that have outputs."""
    samples = Samples.of(network)
    largest = np.finfo(network.plan.dtype).max
    allowed = rounding_errors(network.plan, network.weights, network.biases, samples.inputs)
    usable = np.isfinite(samples.outputs).all(axis=1)
    if not usable.any():
        raise ValueError("parameters must give finite outputs for inputs of about 1; sums or exp overflow")
    arrays = {"inputs": samples.inputs, "outputs": samples.outputs, "tolerances": np.fmin(allowed, largest)}
    return {name: array[usable].astype(network.plan.dtype) for name, array in arrays.items()}


def _rows(array: np.ndarray) -> str:
    """A matrix, a row in braces."""
    return ",\n".join(f"    {{\n{_numbers(row)}\n    }}" for row in array)


def _numbers(array: np.ndarray) -> str:
    """Numbers with the digits that tell them apart, in lines."""
    suffix = "f" if array.dtype == np.float32 else ""
    lines, line = [], "   "
    for value in array:
        text = f" {value!s}{suffix},"
        if len(line) + len(text) > WIDTH:
            lines.append(line)
            line = "   "
        line += text
    return "\n".join([*lines, line])


def _template(name: str) -> Template:
    return Template(_read(name))


@cache
def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
