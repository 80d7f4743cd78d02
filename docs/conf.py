import builtins
import os
from importlib.metadata import version as installed_version

from sphinx.addnodes import pending_xref

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
    "sphinx_design",
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
# Several packages have an error of one name, each beside the others in its own "Raises".
suppress_warnings = ["ref.python"]
html_static_path = ["_static"]
html_css_files = ["tables.css"]


def _text_where_no_type_is_meant(app, doctree):
    """Leave shapes as text: `n_channels` in a parameter's type is no attribute of some class."""
    for node in list(doctree.findall(pending_xref)):
        name = node["reftarget"]
        in_type = node["refdomain"] == "py" and node.get("refspecific") and "." not in name
        if in_type and name[:1].islower() and not hasattr(builtins, name):
            node.replace_self(node.children)


def setup(app):
    app.connect("doctree-read", _text_where_no_type_is_meant)
