"""The documentation's settings: ``make docs`` builds it with Sphinx, warnings being errors."""

import ast
from pathlib import Path

import fastmlp

project = "fastmlp"
author = copyright = "The fastmlp developers"
version = release = fastmlp.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode", "numpydoc", "myst_parser"]
exclude_patterns = ["_build"]
nitpicky = True
default_role = "py:obj"
smartquotes = False  # "relu" in a docstring is a string of Python

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_typehints = "none"  # the docstrings name types and shapes
autodoc_member_order = "bysource"
autosummary_generate = False  # the tables link to objects of the same page
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = f"fastmlp {version}"
html_copy_source = False


def stub_signatures():
    """Signatures of the compiled methods from their stub; the methods themselves show those of Cython's dispatchers."""
    stub = Path(__file__).parent.parent / "fastmlp" / "_kernels.pyi"
    signatures = {}
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            for method in (member for member in node.body if isinstance(member, ast.FunctionDef)):
                arguments = method.args
                arguments.args = arguments.args[1:]  # self
                for argument in (*arguments.args, *arguments.kwonlyargs):
                    argument.annotation = None
                signatures[f"fastmlp._kernels.{node.name}.{method.name}"] = f"({ast.unparse(arguments)})"
    return signatures


def setup(app):
    signatures = stub_signatures()

    def process(app, what, name, obj, options, signature, return_annotation):
        return (signatures[name], None) if name in signatures and signature is not None else None

    app.connect("autodoc-process-signature", process, priority=400)  # before numpydoc
