"""Make the packages' pages lead somewhere, wherever the repository lies.

python tools/pages.py write ADDRESS REF    write it into READMEs, pyproject.toml and CITATION.cff
python tools/pages.py check WHEEL...       does every link of the built page lead somewhere

An index shows a README without the files beside it, so links to files are addresses there. They
name the branch ``main`` of the repository that CITATION.cff names; a link to a file beside the
README is turned into such an address too. The release writes the address it is made at, at its
commit REF, before it builds.
"""

from __future__ import annotations

import re
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

from release import PACKAGES, folder

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
# Any way to write a link, to look at: with a title, around a picture, by reference, as HTML.
TARGET = re.compile(
    r"\]\(\s*<?(?P<inline>[^)\s>]+)|^ {0,3}\[[^\]]+\]:\s*<?(?P<reference>[^\s>]+)"
    r"|<[^>]*\b(?:src|href)\s*=\s*[\"']?(?P<html>[^\"'\s>]+)",
    re.MULTILINE,
)
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^\[project\.urls\]\n.*?\n\n(?=\[)", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^repository-code: (?P<address>\S+)\n", re.MULTILINE)
LEADS = ("https://", "http://", "mailto:", "#")


def known() -> str:
    """Return the address that the files name today, or nothing."""
    found = CODE.search((ROOT / "CITATION.cff").read_text("utf-8"))
    return found["address"] if found else ""


def absolute(text: str, here: Path, old: str, address: str, ref: str) -> str:
    """Return a README with its links to files of the repository made addresses at ``ref``."""
    ours = re.compile(rf"{re.escape(old)}/(?:raw|tree|blob)/[^/]+/(?P<path>.+)") if old else None

    def replace(link: re.Match[str]) -> str:
        target = link["target"]
        written = ours.fullmatch(target) if ours else None
        if target.startswith(LEADS) and not written:
            return link[0]
        name, mark, part = (written["path"] if written else target).partition("#")
        path = ((ROOT if written else here) / name).resolve()
        if not path.exists() or not path.is_relative_to(ROOT):
            sys.exit(f"{here / 'README.md'}: expected a file of the repository, got {target}")
        kind = "raw" if link["picture"] else "tree" if path.is_dir() else "blob"
        found = f"{address}/{kind}/{ref}/{path.relative_to(ROOT).as_posix()}{mark}{part}"
        return f"{link['picture']}[{link['text']}]({found})"

    # What stands in a block of code is no link: x[0](y).
    parts = FENCE.split(text)
    return "".join(p if p.startswith("```") else LINK.sub(replace, p) for p in parts)


def urls(package: str, address: str, ref: str) -> str:
    """Return the table of a package's addresses."""
    where = folder(package).relative_to(ROOT).as_posix()
    return (
        "[project.urls]\n"
        f'Source = "{address}/tree/{ref}/{where}"\n'
        f'Documentation = "{address}/tree/{ref}/docs/{package}"\n'
        f'Changelog = "{address}/blob/{ref}/{where}/CHANGELOG.md"\n'
        f'Issues = "{address}/issues"\n\n'
    )


def write(address: str, ref: str) -> None:
    """Write the address into every file that names it, or into none."""
    address = address.rstrip("/")
    if not re.fullmatch(r"https://[\w.-]+(/[\w.-]+)+", address):
        sys.exit(f"expected an address like https://host/owner/repository, got {address}")
    if not re.fullmatch(r"[\w./-]+", ref):
        sys.exit(f"expected a commit, tag or branch, got {ref}")
    new, old = {}, known()
    for package in PACKAGES:
        readme, project = folder(package) / "README.md", folder(package) / "pyproject.toml"
        new[readme] = absolute(readme.read_text("utf-8"), folder(package), old, address, ref)
        settings = TABLE.sub("", project.read_text("utf-8"))
        before, name, after = settings.partition("[dependency-groups]")
        if not name:
            sys.exit(f"{project}: expected a table [dependency-groups]")
        new[project] = before + urls(package, address, ref) + name + after
    citation = ROOT / "CITATION.cff"
    new[citation] = CODE.sub("", citation.read_text("utf-8")) + f"repository-code: {address}\n"
    for path, text in new.items():
        path.write_text(text, "utf-8")


def faults(wheel: Path) -> list[str]:
    """Return what of a wheel's page leads nowhere."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        page = message_from_bytes(archive.read(name))
    text = page.get_payload(decode=True)
    assert isinstance(text, bytes)
    prose = "".join(p for p in FENCE.split(text.decode()) if not p.startswith("```"))
    found = [
        f"leads nowhere: {target}"
        for target in (link[link.lastgroup or 0] for link in TARGET.finditer(prose))
        if not target.startswith(LEADS)
    ]
    if not page.get_all("Project-URL"):
        found.append("names no address of the project")
    return found


def main(arguments: list[str]) -> int:
    """Do one of the two."""
    match arguments:
        case ["write", address, ref]:
            write(address, ref)
            return 0
        case ["check", _, *_]:
            wrong = 0
            for wheel in map(Path, arguments[1:]):
                problems = faults(wheel)
                wrong += bool(problems)
                print(f"{wheel.name}: {'; '.join(problems) or 'good'}")
            return int(wrong > 0)
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
