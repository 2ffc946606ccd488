"""The documentation's settings: ``make docs`` builds it with Sphinx, warnings being errors."""

import ast
from pathlib import Path

from sphinx.addnodes import desc_signature

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


def add_anchors_of_backlinks(app, doctree):
    """Give every object the anchor that viewcode's pages link back to: in each module it takes one prefix for all."""
    present = {anchor for node in doctree.findall(desc_signature) for anchor in node["ids"]}
    for node in doctree.findall(desc_signature):
        anchor = f"fastmlp.{node.get('fullname')}"
        if node["ids"] and anchor not in present:
            node["ids"].append(anchor)
            present.add(anchor)


def leave_out_compiled_modules(app):
    """Take modules without a page of source, which are those without a source in Python, from viewcode's index."""
    app.env._viewcode_modules = {name: entry for name, entry in app.env._viewcode_modules.items() if entry}
    return []


def setup(app):
    signatures = stub_signatures()

    def process(app, what, name, obj, options, signature, return_annotation):
        return (signatures[name], None) if name in signatures and signature is not None else None

    app.connect("autodoc-process-signature", process, priority=400)  # before numpydoc
    app.connect("doctree-read", add_anchors_of_backlinks)
    app.connect("html-collect-pages", leave_out_compiled_modules, priority=400)  # before viewcode
