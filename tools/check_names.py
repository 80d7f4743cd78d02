"""Check that the built site shows every public name.

python tools/check_names.py [docs/_build/html]

Every object in an `__all__` has an entry of its own in the site's inventory, every error a remedy,
every name at a package's top a place in the code of a page, an example or the gallery, and every
deprecated name still works, with a warning.
"""

from __future__ import annotations

import importlib
import re
import sys
import warnings
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_extensions"))

from deprecated import deprecated  # noqa: E402
from public import PACKAGES, Public, distribution, public  # noqa: E402
from reference_pages import FENCE, remedies  # noqa: E402


def described(site: Path) -> set[str]:
    """Return the names that the site has an entry for."""
    content = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(content).decode().splitlines()
    return {line.split()[0] for line in lines if " py:" in line}


def shown_code(package: str) -> str:
    """Return the code of a package's pages and examples, and of what leads through several."""
    folder = ROOT / "shared" if package == "shared" else ROOT / "packages" / package
    pages = [*DOCS.glob(f"{package}/*.md"), *DOCS.glob("*.md"), folder / "README.md"]
    scripts = [*DOCS.glob("gallery/*/*.py"), *folder.glob("examples/**/*.py")]
    texts = ["\n".join(FENCE.findall(page.read_text("utf-8"))) for page in pages]
    reference = DOCS / package / "reference.md"
    texts = [t for page, t in zip(pages, texts, strict=True) if page != reference]
    return "\n".join([*texts, *(script.read_text("utf-8") for script in scripts)])


def faults(package: str, entries: set[str]) -> list[str]:
    """Return what the site lacks of a package."""
    found = []
    code = shown_code(package)
    for each in public(package):
        found += faults_of(each, entries, code)
    for old in deprecated(package):
        if old.startswith(f"{distribution(package)}.") and not warns(old):
            found.append(f"{old}: listed as deprecated, and gives no warning")
    return found


def faults_of(each: Public, entries: set[str], code: str) -> list[str]:
    """Return what the site lacks of one object."""
    found = []
    if not entries.intersection(each.names):
        found.append(f"{each.name}: no page; add it to a list in docs/{each.package}/reference.md")
    if each.kind == "error":
        if each.name not in remedies():
            found.append(f"{each.name}: no remedy in docs/_extensions/remedies.toml")
    # ncpi's own names are reachable at the top and not in `__all__`: they are shown by its scripts.
    elif listed(each) and not re.search(rf"\b{each.name.rpartition('.')[2]}\b", code):
        found.append(f"{each.name}: no code shows it")
    return found


def listed(each: Public) -> bool:
    """Return whether an object is in the `__all__` of its package's top."""
    top = importlib.import_module(distribution(each.package))
    return any(name in {f"{top.__name__}.{n}" for n in top.__all__} for name in each.names)


def warns(name: str) -> bool:
    """Return whether a deprecated name is there and says that it is old."""
    module, _, last = name.rpartition(".")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(importlib.import_module(module), last)
    return any(issubclass(each.category, DeprecationWarning) for each in caught)


def main(arguments: list[str]) -> int:
    """Check all packages."""
    site = Path(arguments[0]) if arguments else DOCS / "_build" / "html"
    entries = described(site)
    found = [each for package in PACKAGES for each in faults(package, entries)]
    print(*found, sep="\n")
    print(f"{len(entries)} entries; {len(found)} faults")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
