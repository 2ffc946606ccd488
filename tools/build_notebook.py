"""Turn examples/initialization.py, a script in "# %%" cells, into an executed notebook beside it.

Run ``python tools/build_notebook.py`` after changing the script.
"""

import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SCRIPT = Path(__file__).parent.parent / "examples" / "initialization.py"


def notebook_of(script):
    """An unexecuted notebook with the cells of a script."""
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for number, (kind, body) in enumerate(re.findall(r"^# %%( \[markdown\])?\n(.*?)(?=^# %%|\Z)", script, re.M | re.S)):
        text = re.sub(r"^# ?", "", body, flags=re.M) if kind else body
        make = nbformat.v4.new_markdown_cell if kind else nbformat.v4.new_code_cell
        notebook.cells.append(make(text.strip(), id=f"cell-{number}"))
    return notebook


def execute(notebook):
    """Run every cell in a fresh kernel, with pictures inline, and keep the outputs."""
    NotebookClient(notebook, timeout=120, kernel_name="python3", record_timing=False).execute()
    return notebook


def main():
    """Write the notebook."""
    notebook = execute(notebook_of(SCRIPT.read_text()))
    target = SCRIPT.with_suffix(".ipynb")
    target.write_text(nbformat.writes(notebook) + "\n")
    print(target)


if __name__ == "__main__":
    main()
