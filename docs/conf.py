import os
from importlib.metadata import version as installed_version

project = "neuroloom"
author = "The neuroloom developers"
copyright = "2026, the neuroloom developers"
version = release = installed_version("neuroloom-shared")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "**/.ipynb_checkpoints", "jupyter_execute"]
html_theme = "furo"
html_title = "neuroloom"

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True
# Pages have no widgets, and tqdm would say so on each that shows a progress bar.
os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_preprocess_types = False
nitpicky = True
# Types in docstrings are written for people: only names of our own have to lead somewhere.
nitpick_ignore_regex = [("py:.*", r"(?!neuroloom\.).*")]
# Shapes like (n_channels,) are no references, even where several classes have such an attribute.
suppress_warnings = ["ref.python"]
