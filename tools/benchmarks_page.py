"""Write the page of benchmarks from what `nox -s bench` measured.

python tools/benchmarks_page.py [FOLDER]     FOLDER holds bench-<package>.json

Every ratio that a benchmark reports is listed with the work it belongs to; nothing is rounded up,
and a package without a file is said not to have been run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mi", "glmhmm", "circuit-inference", "tasks", "lifnet", "shared")
MORE = {
    "mi": "[What makes it fast](mi/speed.md), [the benchmark of distributions](mi/benchmark.md)",
    "glmhmm": "[How fast, how right](glmhmm/index.md#how-fast-how-right)",
    "circuit-inference": "[All figures](circuit-inference/figures.md)",
    "tasks": "[How fast](tasks/index.md#how-fast), [bounds of the tasks](tasks/bounds.md)",
    "lifnet": "[Speed](lifnet/speed.md)",
    "shared": "[Use a cluster](shared/use-a-cluster.md)",
}
NOT_RUN = """Not measured by a whole run for this version; runs at toy sizes are not shown. What
was measured earlier, with what it was measured against, stands on the package's own pages:"""
HEAD = """# Benchmarks

Every ratio that a package's `benchmarks/bench.py` reports, with the work that it belongs to. The
script says what is divided by what: times are the peer's over ours unless its name says otherwise,
so above 1 we are faster, below 1 slower.
`nox -s bench` measures them anew; `nox -s benchmarks_page` writes this page from its files.
"""


def described(content: Mapping[str, Any], *keys: str) -> str:
    """Return what a node says of the work: its size, its model."""
    parts = [f"{key} {content[key]}" for key in content if key.startswith("n_") or key in keys]
    return ", ".join(part for part in parts if len(part) < 40)


def ratios(content: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str, float, str]]:
    """Yield work, kind of ratio, ratio and spread of every ratio below a node."""
    if isinstance(content, list):
        for each in content:
            yield from ratios(each, path)
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        if key.startswith("ratio") and isinstance(value, int | float):
            work = " ".join(path) or "all"
            size = described(content, "task", "model", "name")
            spread = content.get(f"{key}_range") or content.get(f"{key}_spread") or ""
            shown = (
                " to ".join(f"{s:.3g}" for s in spread) if isinstance(spread, list) else str(spread)
            )
            yield f"{work} ({size})" if size else work, key, float(value), shown
        elif isinstance(value, Mapping | list):
            yield from ratios(value, (*path, key))


def section(package: str, file: Path) -> str:
    """Return a package's part of the page."""
    more = f"\n{MORE[package]}.\n" if package in MORE else ""
    if not file.is_file():
        return f"## {package}\n\n{NOT_RUN}\n{more}"
    content = json.loads(file.read_text("utf-8"))
    machine = (
        {**content, **content.get("machine", {})}
        if isinstance(content.get("machine"), dict)
        else content
    )
    known = [
        f"{k}: {machine[k]}"
        for k in ("machine", "cores", "n_cpu", "processor")
        if isinstance(machine.get(k), str | int)
    ]
    peers = [
        f"{k} {v}" for k, v in (content.get("versions") or machine.get("peers") or {}).items() if v
    ]
    rows = [
        f"| {work} | {kind.replace('_', ' ')} | {value:.3g} | {spread} |"
        for work, kind, value, spread in ratios(content)
    ]
    table = (
        "\n".join(["| work | what | ratio | spread |", "|---|---|---:|---|", *rows])
        if rows
        else "No ratios: nothing was compared."
    )
    return f"## {package}\n\n{'; '.join([*known, *peers])}\n\n{table}\n{more}"


def main(arguments: list[str]) -> int:
    """Write the page."""
    folder = Path(arguments[0]) if arguments else ROOT / "benchmark-results"
    parts = [section(package, folder / f"bench-{package}.json") for package in PACKAGES]
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join([HEAD, *parts]), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
