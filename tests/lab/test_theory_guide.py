"""The table of activations in the guide is what the package computes; the package is a leaf."""

import ast
import math

from fastmlp.lab.theory import criticality, gain, mean_field
from fastmlp.reference.activation import DERIVATIVES

BEGIN, END = "<!-- activations: begin -->\n", "<!-- activations: end -->"
STARTS = {"PyTorch, 1/3": 1 / 3, "LeCun, Glorot, 1": 1.0, "He, 2": 2.0}  # variance of the weights times fan_in


def activation_table():
    """The guide's table, in Markdown."""
    head = ["activation", "kind", "weight std", "bias std", "gain", *(f"chi_1: {name}" for name in STARTS)]
    rows = [head, ["---", "---", *["---:"] * (len(head) - 2)]]
    for name in DERIVATIVES:
        point = criticality(name)
        critical = [
            "" if math.isnan(variance) else f"{math.sqrt(variance):.4f}"
            for variance in (point.weight_variance, point.bias_variance)
        ]
        chis = [f"{mean_field(name, math.sqrt(variance)).chi_1:.3f}" for variance in STARTS.values()]
        rows.append([f"`{name}`", point.kind, *critical, f"{gain(name):.4f}", *chis])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_the_table_of_activations_is_true(request):
    text = (request.config.rootpath / "docs" / "guide" / "theory.md").read_text(encoding="utf-8")
    assert BEGIN + activation_table() + END in text


def test_the_theory_imports_nothing_else_of_the_laboratory(request):
    known = ("fastmlp", "fastmlp.arrays", "fastmlp.checks", "fastmlp.reference.activation")
    for path in (request.config.rootpath / "fastmlp" / "lab" / "theory").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("fastmlp"):
                assert node.module in known or node.module.startswith("fastmlp.lab.theory."), (path.name, node.module)
                if node.module == "fastmlp":
                    assert {alias.name for alias in node.names} <= {"arrays", "checks"}
