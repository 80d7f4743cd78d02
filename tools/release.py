"""What a release needs to know about the six distributions.

python tools/release.py pending           JSON list of packages whose version is not on the index
python tools/release.py next              those that can go now: the core alone while it is pending
python tools/release.py changed BASE      JSON list of packages that changed since the commit BASE
python tools/release.py check PACKAGE     is it ready: version, tag, changelog, licence, ranges
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
RUN = 'run python tools/run.py -s "changelog(<package>)"'
# A change in one of these concerns every package.
COMMON = ("shared/", "pyproject.toml", "noxfile.py", "constraints.txt", "tools/", ".github/")


def folder(package: str) -> Path:
    """Return the folder of a package."""
    return ROOT / "shared" if package == "shared" else ROOT / "packages" / package


def version(package: str) -> str:
    """Return the version in a package's `_version.py`."""
    path = folder(package) / "src/neuroloom" / package.replace("-", "_") / "_version.py"
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+)"$', path.read_text("utf-8"), re.MULTILINE)
    if found is None:
        sys.exit(f'{path}: expected a line __version__ = "X.Y.Z" with three numbers')
    return found[1]


def on_index(package: str) -> bool:
    """Return whether this version can be had from the index; without a clear answer, stop."""
    wanted = f"neuroloom-{package}=={version(package)}"
    pip = [sys.executable, "-m", "pip", "download", "-vv", "--no-deps", "--dest"]
    answer = subprocess.run(
        [*pip, str(ROOT / ".nox" / "index"), wanted], capture_output=True, text=True
    )
    said = answer.stdout + answer.stderr
    if answer.returncode == 0:
        stem = re.escape(wanted.replace("-", "_").replace("==", "-"))
        kinds = r"(-py3-none-any\.whl|\.tar\.gz)"
        if len(set(re.findall(rf"Found link \S*/{stem}{kinds}[#\s]", said))) == 2:
            return True
        sys.exit(
            f"{wanted} is out in part, expected its wheel and its sdist: let the failed jobs of "
            "its release run again, or raise its version"
        )
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


HEADING = re.compile(r"^#+ .*?(?<![\w.])(\d+(?:\.\d+)+)(?![\w.]).*$", re.MULTILINE)


def newest_heading(package: str) -> tuple[str, bool]:
    """Return the version in the changelog's first heading that has one, and if it says anything."""
    changelog = (folder(package) / "CHANGELOG.md").read_text("utf-8")
    found = HEADING.search(changelog)
    if found is None:
        return "", False
    below = HEADING.split(changelog[found.end() :], maxsplit=1)[0].splitlines()
    return found[1], any(line.strip() and not line.startswith("#") for line in below)


def is_ours(requirement: str) -> bool:
    """Return whether a requirement names one of our distributions, in any spelling."""
    return re.match(r"\s*neuroloom[-_.]", requirement, re.IGNORECASE) is not None


def range_faults(package: str) -> list[str]:
    """Return what is wrong with the versions of our other distributions that a package asks for."""
    project = tomllib.loads((folder(package) / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project.get("optional-dependencies", {}).values()
    asked = [*project["dependencies"], *(line for lines in extras for line in lines)]
    found = []
    for line in filter(is_ours, asked):
        name = re.split(r"[^\w.-]", line)[0]
        other = name.removeprefix("neuroloom-")
        if other not in PACKAGES:
            found.append(f"{line}: there is no {name}")
            continue
        major, minor, patch = map(int, version(other).split("."))
        span = rf"{name}(\[[\w,-]+\])?>={major}\.{minor}(\.(\d+))?,<{major}\.{minor + 1}"
        match = re.fullmatch(span, line)
        if match is None or int(match[3] or 0) > patch:
            wanted = f"{name}>={major}.{minor},<{major}.{minor + 1}"
            found.append(f"expected {wanted} (or from a patch up to {patch} on), got {line}")
    core = list(filter(is_ours, project["dependencies"]))
    if package != "shared" and len(core) != 1:
        found.append(f"expected neuroloom-shared alone among the dependencies, got {core}")
    return found


def faults(package: str) -> list[str]:
    """Return what stands between a package and its release."""
    number, found = version(package), []
    newest, says_something = newest_heading(package)
    if newest != number:
        told = f"its newest is {newest}" if newest else "it has none"
        found.append(f"CHANGELOG.md's newest heading is not {number} ({told}): {RUN}")
    elif not says_something:
        found.append(f"CHANGELOG.md says nothing under {number}: {RUN}")
    # Fragments of any kind: towncrier takes what has no or another ending, too.
    waiting = sorted(
        path.name
        for path in (folder(package) / "changelog.d").rglob("*")
        if path.is_file() and not path.name.startswith(".")
    )
    if waiting:
        found.append(f"fragments are not in CHANGELOG.md yet: {RUN}: {waiting}")
    if not (folder(package) / "LICENSE").is_file():
        found.append("LICENSE is missing")
    tags = subprocess.run(
        ["git", "tag", "--list", tag(package)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    if tags.stdout.strip():
        found.append(f"the tag {tag(package)} exists already, raise the version")
    return found + range_faults(package)


def tag(package: str) -> str:
    """Return the tag of a package's version."""
    return f"neuroloom-{package}-v{version(package)}"


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
            print(tag(package))
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
