import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from public import PACKAGES

project = "neuroloom"
author = "The neuroloom developers"
copyright = "2026, the neuroloom developers"
version = release = installed_version("neuroloom-shared")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "reference_pages",
]
exclude_patterns = [
    "_build",
    "_templates",
    "gallery",
    "**/sg_execution_times.rst",
    "**/.ipynb_checkpoints",
    "jupyter_execute",
]
templates_path = ["_templates"]
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "subsection_order": [f"gallery/{name}" for name in PACKAGES],
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": (),
    "image_scrapers": ("figures.legible",),
    "notebook_extensions": set(),  # MyST would take them for pages
    "download_all_examples": False,
    "abort_on_example_error": True,
    "show_signature": False,
    "thumbnail_size": (480, 360),
    "reset_modules": ("matplotlib", "figures.small"),
    "image_srcset": ["2x"],
    "min_reported_time": 8,
}
html_theme = "furo"
html_title = "neuroloom"

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_render_markdown_format = "myst"  # with tables
# Pages have no widgets, and tqdm would say so on each that shows a progress bar.
os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")

autosummary_imported_members = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_preprocess_types = False
nitpicky = True
# tools/inventories.py writes them: a build needs no network.
intersphinx_mapping = {
    name: (address, f"_inventories/{name}.inv")
    for name, address in {
        "python": "https://docs.python.org/3/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "matplotlib": "https://matplotlib.org/stable/",
        "torch": "https://docs.pytorch.org/docs/stable/",
        "gymnasium": "https://gymnasium.farama.org/",
        "xarray": "https://docs.xarray.dev/en/stable/",
        "sklearn": "https://scikit-learn.org/stable/",
    }.items()
}
# Types in docstrings are written for people: only names of our own have to lead somewhere.
nitpick_ignore_regex = [("py:.*", r"(?!neuroloom\.).*")]
# Several packages have an error of one name, each beside the others in its own "Raises".
suppress_warnings = ["ref.python"]
html_static_path = ["_static"]
html_css_files = ["tables.css"]
