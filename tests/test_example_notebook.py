"""The example runs, as a script and as a notebook, and shows what it says."""

import os
import runpy
import sys
from pathlib import Path

import pytest
import recording_backend
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def build_notebook():
    sys.path.insert(0, str(ROOT / "tools"))
    import build_notebook

    yield build_notebook
    sys.path.remove(str(ROOT / "tools"))


def test_the_script_runs_and_shows_its_pictures_one_by_one(capsys, monkeypatch):
    monkeypatch.setattr(plt, "show", recording_backend.record)
    recording_backend.shown.clear()
    runpy.run_path(str(EXAMPLES / "initialization.py"))
    examples = (["PathCollection"], "The training examples")
    costs = (["Line2D"], "Learning rate =0.01")
    zeros, random, he = (
        (["QuadContourSet", "PathCollection"], f"Model with {name} initialization")
        for name in ("zeros", "random", "he")
    )
    assert recording_backend.contents() == [[examples, costs], [zeros], [costs], [random], [costs], [he]]
    out = capsys.readouterr().out
    assert "Cost after iteration 0: 1773.5859549373" in out
    assert "Accuracy: 0.96" in out
    assert "All tests passed." in out


def test_the_notebook_has_the_script_s_cells(build_notebook):
    import nbformat

    kept = nbformat.read(EXAMPLES / "initialization.ipynb", as_version=4)
    made = build_notebook.notebook_of((EXAMPLES / "initialization.py").read_text())
    assert [(c.cell_type, c.source) for c in kept.cells] == [(c.cell_type, c.source) for c in made.cells]


def pictures(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def text(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


def test_the_notebook_executes_to_the_outputs_it_holds(build_notebook, monkeypatch):
    import nbformat

    monkeypatch.delenv("MPLBACKEND", raising=False)  # the notebook's kernel draws inline
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    kept = nbformat.read(EXAMPLES / "initialization.ipynb", as_version=4)
    fresh = nbformat.from_dict(kept)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    build_notebook.execute(fresh)
    assert pictures(fresh) == pictures(kept) == 7
    numbers = [line for line in text(kept).splitlines() if line.startswith(("Accuracy", "All tests"))]
    assert len(numbers) == 7
    assert [line for line in text(fresh).splitlines() if line.startswith(("Accuracy", "All tests"))] == numbers
