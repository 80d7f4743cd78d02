"""Rehearse the release: serve the built distributions from this machine and install each by name.

Every distribution goes alone into a bare environment, as a user would install it; the first example
of its README has to print what the README says. What an installation brings (packages, megabytes,
time to import) goes into the table of docs/install.md and, with ``--out``, into a JSON file. The
table is written whole or not at all: ``--only`` some packages needs ``--no-table`` beside it.

python tools/rehearsal.py DIST [--no-table [--only PACKAGE …]] [--out FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["shared", "tasks", "glmhmm", "mi", "lifnet", "circuit-inference"]
PAGE = ROOT / "docs" / "install.md"
BEGIN, END = "<!-- rehearsal: begin -->", "<!-- rehearsal: end -->"
ENGINES = {"mi": "torch", "lifnet": "torch", "glmhmm": "jax"}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def readme(package: str) -> Path:
    """Return the README that is a package's page on the index."""
    return (ROOT if package == "shared" else ROOT / "packages") / package / "README.md"


def first_example(page: str) -> tuple[str, str]:
    """Return a page's first Python example, and what it prints if the next block says so."""
    blocks = [(kind, text) for kind, text in _BLOCK.findall(page)]
    at = next(i for i, (kind, _) in enumerate(blocks) if kind == "python")
    code = blocks[at][1]
    printed = blocks[at + 1][1] if "print(" in code and at + 1 < len(blocks) else ""
    return code, printed


_DECIMAL = r"-?\b\d+\.\d+\b"


def difference(code: str, printed: str, python: str, folder: str) -> str:
    """Run an example in an empty folder; return what is wrong with it, nothing if all is well."""
    command = [python, "-W", "error::DeprecationWarning:__main__", "-c", code]
    environment = {**os.environ, "MPLBACKEND": "agg", "PYTHONIOENCODING": "utf-8"}
    answer = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8"
    )
    if answer.returncode:
        return answer.stderr
    return "" if alike(answer.stdout, printed) else f"expected\n{printed}\ngot\n{answer.stdout}"


def alike(got: str, expected: str) -> bool:
    """Return whether two printed texts are the same but for what machines differ in.

    Processors sum in other orders, which training carries into the digits that are printed:
    decimal numbers may differ by .01 or 1 %, and p-values, which jump where ranks change places,
    by .05. Words and whole numbers may not.
    """
    texts = [" ".join(text.split()) for text in (got, expected)]
    words = [re.sub(_DECIMAL, "#", text) for text in texts]
    if words[0] != words[1]:
        return False
    here, there = (list(re.finditer(_DECIMAL, text)) for text in texts)
    for one, other in zip(here, there, strict=True):
        value = float(other[0])
        is_p = texts[1][: other.start()].endswith(" p = ")
        if abs(float(one[0]) - value) > (0.05 if is_p else 0.01 * max(1, abs(value))) + 1e-9:
            return False
    return True


@contextlib.contextmanager
def index(folder: Path) -> Iterator[str]:
    """Serve the distributions in a folder, and give the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)]
    # A name that is not here is no question for the index out there: pip asks that itself.
    server = subprocess.Popen(
        [*command, "--disable-fallback", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/simple/"
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), urllib.request.urlopen(address):
                break
            time.sleep(0.1)
        else:
            sys.exit("pypiserver does not answer")
        yield address
    finally:
        server.terminate()
        server.wait()


def seconds(python: str, code: str) -> float:
    """Return the CPU time of a process, the median of five; a first one compiles the bytecode."""
    times = []
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([python, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times[1:])


def rehearse(package: str, address: str, folder: str) -> dict[str, Any]:
    """Install a distribution by name, run its example, and return what it brought."""
    environment = Path(folder, package)
    python = str(environment / "bin" / "python")
    name, module = f"neuroloom-{package}", f"neuroloom.{package.replace('-', '_')}"
    subprocess.run(["uv", "venv", "--quiet", str(environment)], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", python, "--index", address, name]
    subprocess.run(install, check=True)
    listed = subprocess.run(
        ["uv", "pip", "list", "--quiet", "--format", "json", "--python", python],
        check=True,
        capture_output=True,
    )
    size = sum(p.stat().st_size for p in environment.rglob("*") if p.is_file())
    empty = Path(folder, f"{package}-example")
    empty.mkdir()
    wrong = difference(*first_example(readme(package).read_text("utf-8")), python, str(empty))
    bare = seconds(python, "pass")
    row = {
        "package": name,
        "packages": len(json.loads(listed.stdout)),
        "megabytes": round(size / 1e6),
        "import_s": seconds(python, f"import {module}") - bare,
        "wrong": wrong,
    }
    if package in ENGINES:
        row["engine"] = ENGINES[package]
        row["engine_s"] = seconds(python, f"import {ENGINES[package]}") - bare
    print(f"{name}: {'its example differs' if wrong else 'ready'}\n{wrong}", flush=True)
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table of Markdown."""
    lines = [
        "| distribution | packages | size on disk | import |",
        "|---|---:|---:|---:|",
    ]
    for row in rows:
        engine = f" ({row['engine']}: {row['engine_s']:.1f} s)" if "engine" in row else ""
        brought = f"{row['packages']} | {row['megabytes']:,} MB | {row['import_s']:.2f} s{engine}"
        lines.append(f"| {row['package']} | {brought} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Rehearse the packages asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dist", type=Path, help="folder with the built distributions")
    parser.add_argument("--only", nargs="+", choices=PACKAGES, default=PACKAGES)
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--no-table", action="store_true", help="leave docs/install.md as it is")
    options = parser.parse_args(arguments)
    if set(options.only) != set(PACKAGES) and not options.no_table:
        parser.error(
            "--only: expected --no-table beside it, as the table of docs/install.md needs every "
            f"package, got {', '.join(options.only)}"
        )
    with index(options.dist) as address, tempfile.TemporaryDirectory() as folder:
        rows = [rehearse(package, address, folder) for package in options.only]
    python = platform.python_version()
    if options.out:
        options.out.parent.mkdir(exist_ok=True)
        report = {"python": python, "platform": platform.platform(), "rows": rows}
        options.out.write_text(json.dumps(report, indent=2))
    if not options.no_table:
        page = PAGE.read_text("utf-8")
        before, rest = page.split(BEGIN)
        after = rest.split(END)[1]
        told = f"Python {python}, {platform.system()}, CPU build of torch:"
        PAGE.write_text(f"{before}{BEGIN}\n{told}\n\n{table(rows)}\n{END}{after}", "utf-8")
    return int(any(row["wrong"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
