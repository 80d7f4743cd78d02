"""What a release needs to know about the six distributions.

python tools/release.py pending           JSON list of packages whose version is not on the index
python tools/release.py next              those that can go now: the core alone while it is pending
python tools/release.py changed BASE      JSON list of packages that changed since the commit BASE
python tools/release.py check PACKAGE     is the package ready: version, changelog, licence, range
python tools/release.py tag PACKAGE       the tag of its version, neuroloom-mi-v0.2.0
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["shared", "tasks", "glmhmm", "mi", "lifnet", "circuit-inference"]
# A change in one of these concerns every package.
COMMON = ("shared/", "pyproject.toml", "noxfile.py", "constraints.txt", "tools/", ".github/")


def folder(package: str) -> Path:
    """Return the folder of a package."""
    return ROOT / "shared" if package == "shared" else ROOT / "packages" / package


def version(package: str) -> str:
    """Return the version in a package's `_version.py`."""
    path = folder(package) / "src/neuroloom" / package.replace("-", "_") / "_version.py"
    found = re.search(r'^__version__ = "([^"]+)"$', path.read_text(), re.MULTILINE)
    if found is None:
        sys.exit(f'{path}: expected a line __version__ = "X.Y.Z"')
    return found[1]


def on_index(package: str) -> bool:
    """Return whether this version can be had from the index; without a clear answer, stop."""
    wanted = f"neuroloom-{package}=={version(package)}"
    pip = [sys.executable, "-m", "pip", "download", "-vv", "--no-deps", "--dest"]
    answer = subprocess.run(
        [*pip, str(ROOT / ".nox" / "index"), wanted], capture_output=True, text=True
    )
    if answer.returncode == 0:
        return True
    said = answer.stdout + answer.stderr
    # pip says "No matching distribution" of an index that is down as well: only a page that was
    # read, or that the index says it does not have, tells that nothing is published.
    pages = [line for line in said.splitlines() if "Getting page http" in line]
    unread = [
        line
        for line in said.splitlines()
        if ("Could not fetch URL" in line and ": 404 Client Error" not in line)
        or "Skipping page" in line
    ]
    if "No matching distribution" in said and pages and not unread:
        return False
    told = unread or answer.stderr.strip().splitlines()[-3:]
    sys.exit("\n".join([f"the index gave no clear answer about {wanted}:", *told]))


def pending() -> list[str]:
    """Return the packages whose version is not on the index."""
    return [package for package in PACKAGES if not on_index(package)]


def changed(base: str) -> list[str]:
    """Return the packages that a change since `base` concerns, all where `base` is unknown."""
    known = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
    )
    if known.returncode != 0:
        print(f"commit {base!r} is not in this history: every package is taken", file=sys.stderr)
        return PACKAGES
    # A move concerns both places, and without -z git writes names that are not ASCII in quotes.
    diff = ["git", "diff", "--name-only", "--no-renames", "-z", f"{base}...HEAD"]
    answer = subprocess.run(diff, cwd=ROOT, capture_output=True, check=True)
    names = [os.fsdecode(name) for name in answer.stdout.split(b"\0") if name]
    if any(name.startswith(COMMON) for name in names):
        return PACKAGES
    return [p for p in PACKAGES if any(n.startswith(f"packages/{p}/") for n in names)]


def faults(package: str) -> list[str]:
    """Return what stands between a package and its release."""
    project = tomllib.loads((folder(package) / "pyproject.toml").read_text())["project"]
    number, found = version(package), []
    if not re.fullmatch(r"\d+\.\d+\.\d+", number):
        found.append(f"version {number} is not X.Y.Z")
    changelog = (folder(package) / "CHANGELOG.md").read_text()
    waiting = sorted(p.name for p in (folder(package) / "changelog.d").glob("*.md"))
    entry = rf"^#+ .*(?<![\w.]){re.escape(number)}(?![\w.])"
    if not re.search(entry, changelog, re.MULTILINE):
        found.append(f"CHANGELOG.md has no heading for {number}, run towncrier")
    if waiting:
        found.append(f"fragments are not in CHANGELOG.md yet, run towncrier: {waiting}")
    if not (folder(package) / "LICENSE").is_file():
        found.append("LICENSE is missing")
    own = [d for d in project["dependencies"] if d.startswith("neuroloom-")]
    minor = ".".join(version("shared").split(".")[:2])
    upper = f"{minor.split('.')[0]}.{int(minor.split('.')[1]) + 1}"
    if package != "shared" and own != [f"neuroloom-shared>={minor},<{upper}"]:
        found.append(f"expected neuroloom-shared>={minor},<{upper} alone, got {own}")
    return found


def main(arguments: list[str]) -> int:
    """Answer one of the questions above."""
    match arguments:
        case ["pending"]:
            print(json.dumps(pending()))
        case ["next"]:
            # The others are tested on the core that people get, so that has to be there first.
            waiting = pending()
            print(json.dumps(["shared"] if "shared" in waiting else waiting))
        case ["changed", base]:
            print(json.dumps(changed(base)))
        case ["tag", package] if package in PACKAGES:
            print(f"neuroloom-{package}-v{version(package)}")
        case ["check", package] if package in PACKAGES:
            problems = faults(package)
            print(f"neuroloom-{package} {version(package)}: {'; '.join(problems) or 'ready'}")
            return int(bool(problems))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
