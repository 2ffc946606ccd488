"""The documentation's settings: ``make docs`` builds it with Sphinx, warnings being errors."""

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
