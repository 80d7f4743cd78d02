"""Check built wheels and source archives: what must be inside is, what must not be is not.

python tools/artefacts.py dist/*
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path


def members(path: Path) -> list[str]:
    """Return the names of the files in a wheel or source archive."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.namelist()
    with tarfile.open(path) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def content(path: Path, member: str) -> str:
    """Return the text of one file in a wheel or source archive."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(member).decode()
    with tarfile.open(path) as archive:
        file = archive.extractfile(f"{path.name.removesuffix('.tar.gz')}/{member}")
        return "" if file is None else file.read().decode()


def faults(path: Path) -> list[str]:
    """Return what is wrong with one artefact."""
    names = members(path)
    module = path.name.removeprefix("neuroloom_").partition("-")[0]
    root = "" if path.suffix == ".whl" else "src/"
    found = []
    if any(name.endswith(f"{root}neuroloom/__init__.py") for name in names):
        found.append("holds neuroloom/__init__.py, which would hide every sibling package")
    for needed in ("__init__.py", "_version.py", "py.typed"):
        if f"{root}neuroloom/{module}/{needed}" not in names:
            found.append(f"lacks neuroloom/{module}/{needed}")
    # The index goes by the name, the tag and whoever asks the package by this file.
    number = path.name.removesuffix(".tar.gz").split("-")[1]
    file = f"{root}neuroloom/{module}/_version.py"
    if file in names:
        inside = re.search(r'^__version__ = "(.+)"$', content(path, file), re.MULTILINE)
        if inside is None or inside[1] != number:
            told = inside[1] if inside else "none"
            found.append(f"is named {number}, but the version in its _version.py is {told}")
    if not any(name.endswith("LICENSE") for name in names):
        found.append("lacks its LICENSE")
    portions = {
        n.split("/")[len(root.split("/"))] for n in names if n.startswith(f"{root}neuroloom/")
    }
    if portions - {module, ""}:
        found.append(f"holds other packages too: {sorted(portions - {module, ''})}")
    if path.suffix == ".gz" and not any(name.startswith("tests/") for name in names):
        found.append("lacks its tests")
    return found


def main(arguments: list[str]) -> int:
    """Print each artefact's faults; return 1 if there are any."""
    wrong = 0
    for path in map(Path, arguments):
        problems = faults(path)
        wrong += bool(problems)
        print(f"{path.name}: {'; '.join(problems) or 'good'}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
