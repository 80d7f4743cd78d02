"""What the reference needs beyond autosummary: tables of errors and old names, uses of names."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deprecated import deprecated
from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from public import PACKAGES, Public, distribution, public
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment.adapters.toctree import global_toctree_for_doc
from sphinx.ext.autosummary import autosummary_toc

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DOCS = HERE.parent
FENCE = re.compile(r"(?ms)^\s*(?:```|~~~)[^\n]*\n(.*?)^\s*(?:```|~~~)")
SIDEBARS: dict[str, str] = {}

# Words of docstrings that mean a class of another library. Other small words are no names.
WORDS = {
    **{name: name for name in ("bool", "bytes", "complex", "dict", "float", "int", "list", "str")},
    **{name: name for name in ("set", "slice", "tuple", "ValueError", "TypeError", "KeyError")},
    "ndarray": "numpy.ndarray",
    "array": "numpy.ndarray",
    "array_like": "numpy.typing.ArrayLike",
    "ArrayLike": "numpy.typing.ArrayLike",
    "Generator": "numpy.random.Generator",
    "SeedSequence": "numpy.random.SeedSequence",
    "RandomState": "numpy.random.RandomState",
    "DataFrame": "pandas.DataFrame",
    "Axes": "matplotlib.axes.Axes",
    "Figure": "matplotlib.figure.Figure",
    "Tensor": "torch.Tensor",
    "Module": "torch.nn.Module",
    "Path": "pathlib.Path",
    "sequence": "collections.abc.Sequence",
    "mapping": "collections.abc.Mapping",
    "iterable": "collections.abc.Iterable",
    "callable": "collections.abc.Callable",
}


def package_of(docname: str) -> str:
    """Return the package whose folder a page is in, or nothing."""
    first = docname.partition("/")[0]
    return first if first in PACKAGES else ""


@cache
def classes(package: str) -> dict[str, str]:
    """Return the full names of a package's classes and errors by their last part."""
    return {
        each.name.rpartition(".")[2]: each.name
        for each in reversed(public(package))
        if each.kind in ("class", "error")
    }


def full_name(word: str, package: str) -> str | None:
    """Return what a word in a parameter's type or under "Raises" names, if it names something."""
    for place in dict.fromkeys((package, "shared", *PACKAGES)) if word[:1].isupper() else ():
        if place and word in classes(place):
            return classes(place)[word]
    return WORDS.get(word)


def link_types(app: Sphinx, doctree: nodes.document) -> None:
    """Link the types of parameters; leave shapes, `n_channels` say, as text."""
    package = package_of(app.env.docname)
    for node in list(doctree.findall(pending_xref)):
        word = node["reftarget"]
        if node["refdomain"] != "py" or not node.get("refspecific") or "." in word:
            continue
        if target := full_name(word, package):
            node["reftarget"], node["reftype"] = target, "obj"
            del node["refspecific"]
        else:
            node.replace_self(node.children)


def skip_foreign(
    app: Sphinx, what: str, name: str, value: object, skip: bool, options: Any
) -> bool | None:
    """Leave out scikit-learn's routing of metadata, and private classes that are attributes."""
    foreign = str(getattr(value, "__module__", "")).startswith("sklearn")
    private = isinstance(value, type) and "._" in value.__module__ and what == "class"
    return True if foreign or private else None


def escape_stars(
    app: Sphinx, what: str, name: str, value: object, options: Any, lines: list[str]
) -> None:
    """Keep the star of a shape `(*grid, 2)` from beginning an emphasis."""
    lines[:] = [re.sub(r"(?<=\()\*(?=\w)", r"\*", x) if " : " in x else x for x in lines]


def keep_colons(
    app: Sphinx, what: str, name: str, value: object, options: Any, lines: list[str]
) -> None:
    """Keep what stands before a colon in a property's sentence from being taken for its type."""
    if what in {"attribute", "data", "property"} and lines and ": " in lines[0]:
        before, _, after = lines[0].partition(": ")
        lines[:1] = [f"{before}:", after]


def name_as_imported(app: Sphinx) -> None:
    """Give classes the names they are imported by: autodoc calls others aliases and stops there."""
    for package in PACKAGES:
        for each in public(package):
            if each.kind == "class" and isinstance(each.value, type):
                each.value.__name__ = each.name.rpartition(".")[2]


def name_thumbnails(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each thumbnail of the gallery the question that it answers as alternative text."""
    for image in doctree.findall(nodes.image):
        found = re.search(r"(examples/[\w-]+)/images/thumb/sphx_glr_(\w+)_thumb", image["uri"])
        page = f"{found[1]}/{found[2]}" if found else ""
        if page in app.env.titles and not image.get("alt"):
            image["alt"] = app.env.titles[page].astext()


def drop_toctrees(app: Sphinx, doctree: nodes.document) -> None:
    """Keep the hundreds of pages of the reference out of the sidebar of every page."""
    for node in list(doctree.findall(autosummary_toc)):
        node.parent.remove(node)


def sidebar(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Resolve the sidebar once for the pages of a folder of the reference: it is the same."""
    folder, api, _ = pagename.partition("/api/")
    if not api:
        return
    known = SIDEBARS

    def toctree(**options: Any) -> str:
        if folder not in known:
            found = global_toctree_for_doc(
                app.env, pagename, app.builder, tags=app.tags, **{"collapse": False, **options}
            )
            known[folder] = app.builder.render_partial(found)["fragment"] if found else ""
        return known[folder]

    context["toctree"] = toctree


@cache
def code_of_pages() -> dict[str, str]:
    """Return the code that every page shows, those of the gallery included."""
    pages = [p for p in DOCS.rglob("*.md") if "_build" not in p.parts and p.name != "reference.md"]
    code = {
        path.relative_to(DOCS).with_suffix("").as_posix(): "\n".join(
            FENCE.findall(path.read_text("utf-8"))
        )
        for path in sorted(pages)
    }
    scripts = sorted(DOCS.glob("gallery/*/*.py"))
    return code | {f"examples/{p.parent.name}/{p.stem}": p.read_text("utf-8") for p in scripts}


def pages_with(name: str, package: str) -> list[str]:
    """Return the pages of a package whose code uses a name."""
    use = re.compile(rf"(?:\.|import\b.*\b|^\s+|, ){re.escape(name)}\b", re.MULTILINE)
    ours = distribution(package).rpartition(".")[2]
    return [
        page
        for page, code in code_of_pages().items()
        if (page.startswith(f"{package}/") or re.search(rf"\b{ours}\b", code)) and use.search(code)
    ]


class Parsed(Directive):
    """A directive that is written as reStructuredText."""

    required_arguments = 1

    def lines(self) -> list[str]:
        """Return what stands in its place."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Parse the lines."""
        parent = nodes.container()
        source = self.state.document.current_source or "<generated>"
        text = StringList([*self.lines(), ""], source=source)
        self.state.nested_parse(text, self.content_offset, parent)
        return parent.children


class ShownIn(Parsed):
    """The pages whose code uses an object."""

    def lines(self) -> list[str]:
        """List the pages, or nothing."""
        name = self.arguments[0]
        package = name.split(".")[1].replace("_", "-")
        pages = pages_with(name.rpartition(".")[2], package)
        links = ", ".join(f":doc:`/{page}`" for page in pages)
        return ["", f"**Used in** {links}", ""] if links else []


def table(header: list[str], rows: list[list[str]], widths: str) -> list[str]:
    """Return a table's source."""
    out = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in [header, *rows]:
        for i, cell in enumerate(row):
            out.append(f"   {'* -' if i == 0 else '  -'} {cell}")
    return [*out, ""]


class DeprecatedNames(Parsed):
    """The old names of a package and their successors."""

    def lines(self) -> list[str]:
        """List the old names in a table."""
        package = self.arguments[0]
        own = {n for each in public(package) for n in (each.name,)}
        home = {n: each.name for each in public(package) for n in each.names}
        rows = [
            [f"``{old}``", f":py:obj:`{home[new]}`" if home.get(new) in own else f"``{new}``"]
            for old, new in deprecated(package).items()
        ]
        if not rows:
            return ["None in this version."]
        say = "These names work for one more version, with a ``DeprecationWarning``."
        return [say, "", *table(["Old name", "Use"], rows, "50 50")]


@cache
def remedies() -> dict[str, str]:
    """Return what to do about each error and warning, by its full name."""
    return tomllib.loads((HERE / "remedies.toml").read_text("utf-8"))["remedies"]


def errors(package: str) -> list[Public]:
    """Return the errors and warnings of a package."""
    return [each for each in public(package) if each.kind == "error"]


def first_sentence(value: object) -> str:
    """Return the first paragraph of a docstring."""
    text = (value.__doc__ or "").strip().partition("\n\n")[0]
    return re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", " ".join(text.split()))


class Errors(Parsed):
    """The errors and warnings of a package, each with its remedy."""

    def lines(self) -> list[str]:
        """List the errors in a table."""
        rows = [
            [f":py:obj:`~{each.name}`", first_sentence(each.value), remedies()[each.name]]
            for each in errors(self.arguments[0])
        ]
        return table(["Name", "Raised or warned when", "What to do"], rows, "25 35 40")


def show_unreleased(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put a package's fragments of the changelog where its marker stands in a page."""
    source[0] = re.sub(r"<!-- unreleased: ([\w-]+) -->", lambda m: unreleased(m[1]), source[0])


def unreleased(package: str) -> str:
    """Return the changes of a package that no version has yet, by kind, as folded Markdown."""
    folder = ROOT / "shared" if package == "shared" else ROOT / "packages" / package
    fragments = sorted((folder / "changelog.d").glob("*.*.md"))
    if not fragments:
        return "Nothing has changed since."
    lines = [f":::{{dropdown}} Not released yet: {len(fragments)} changes"]
    for kind in sorted({path.name.split(".")[-2] for path in fragments}):
        lines += ["", f"**{kind.capitalize()}**", ""]
        for path in fragments:
            if path.name.split(".")[-2] == kind:
                lines.append("* " + path.read_text("utf-8").strip().replace("\n", "\n  "))
    return "\n".join([*lines, ":::"])


class PackageVersions(Parsed):
    """The packages with their versions."""

    def lines(self) -> list[str]:
        """List the versions in a table."""
        rows = [
            [f"neuroloom-{package}", version(f"neuroloom-{package}"), f":doc:`/{package}/index`"]
            for package in PACKAGES
        ]
        return table(["Package", "Version", "Documentation"], rows, "40 20 40")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of it."""
    app.add_directive("shown-in", ShownIn)
    app.add_directive("deprecated-names", DeprecatedNames)
    app.add_directive("package-versions", PackageVersions)
    app.add_directive("errors-and-warnings", Errors)
    app.connect("builder-inited", name_as_imported)
    app.connect("source-read", show_unreleased)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("autodoc-process-docstring", escape_stars, priority=300)
    app.connect("autodoc-process-docstring", keep_colons, priority=300)
    app.connect("doctree-read", drop_toctrees, priority=100)
    app.connect("doctree-read", link_types)
    app.connect("doctree-resolved", name_thumbnails)
    app.connect("html-page-context", sidebar, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
