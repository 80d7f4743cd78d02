"""Write the page of benchmarks from what `nox -s bench` measured.

python tools/benchmarks_page.py [FOLDER]     FOLDER holds bench-<package>.json, or the parts of a
                                             run as bench-<package>.<part>.json

Every ratio that a benchmark reports is listed with the work it belongs to; nothing is rounded up,
and a package without a file is said not to have been run.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mi", "glmhmm", "circuit-inference", "tasks", "lifnet", "shared")
MORE = {
    "mi": "[What makes it fast](mi/speed.md), [the benchmark of distributions](mi/benchmark.md)",
    "glmhmm": "[Speed and accuracy](glmhmm/index.md#speed-and-accuracy)",
    "circuit-inference": "[All figures](circuit-inference/figures.md)",
    "tasks": "[Speed](tasks/index.md#speed), [bounds of the tasks](tasks/bounds.md)",
    "lifnet": "[Speed](lifnet/speed.md)",
    "shared": "[Use a cluster](shared/use-a-cluster.md)",
}
NOT_RUN = """No complete run of this version exists yet; runs at toy sizes are not shown. For
earlier measurements and what they compare, see the package's own pages:"""
HEAD = """# Benchmarks

How fast each package is compared with its peers: every ratio that a package's `benchmarks/bench.py`
reports, with the work measured. Ratios are the peer's time over ours unless their name says
otherwise, so above 1 we are faster, below 1 slower. Where our CPU time is well below the wall time,
the machine was busy with other work, and the ratio by CPU time is the one to read.
`nox -s bench` repeats the measurements; `nox -s benchmarks_page` writes this page from its files.
"""


def described(content: Mapping[str, Any], *keys: str) -> str:
    """Return what a node says of the work: its size, its model."""
    parts = [f"{key} {content[key]}" for key in content if key.startswith("n_") or key in keys]
    return ", ".join(part for part in parts if len(part) < 40)


@dataclass(frozen=True)
class Row:
    """A ratio that a benchmark reports."""

    part: str
    work: str
    kind: str
    ratio: float
    spread: str
    by_cpu: float | None = None
    cpu_per_wall: float | None = None


def ratios(content: Any, path: tuple[str, ...] = ()) -> Iterator[Row]:
    """Yield every ratio below a node: ``ratio…`` of the node, or ``<side>_ratio`` of one side."""
    if isinstance(content, list):
        for each in content:
            yield from ratios(each, path)
    if not isinstance(content, Mapping):
        return
    for key, value in content.items():
        if key == "summary":  # of what follows anyway
            continue
        if key.startswith("ratio") and isinstance(value, int | float):
            spread = content.get(f"{key}_range") or content.get(f"{key}_spread") or ""
            shown = (
                " to ".join(f"{s:.3g}" for s in spread) if isinstance(spread, list) else str(spread)
            )
            yield Row(path[0] if path else "all", work_of(content, path), key, float(value), shown)
        elif key.endswith("_ratio") and isinstance(value, int | float):
            side = key.removesuffix("_ratio")
            yield Row(
                path[0] if path else "all", work_of(content, path), side, float(value), "",
                content.get(f"{key}_by_cpu"), content.get(f"{side}_cpu_per_wall"),
            )  # fmt: skip
        elif isinstance(value, Mapping | list):
            yield from ratios(value, (*path, key))


def work_of(content: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """Return what was done: the names on the way, and what the node says of its size."""
    size = described(content, "task", "model", "name")
    work = " ".join(path) or "all"
    return f"{work} ({size})" if size else work


def refusals(content: Any) -> int:
    """Return how many works the peer could not do."""
    if not isinstance(content, Mapping):
        return 0
    return ("peer_error" in content) + sum(refusals(value) for value in content.values())


def number(value: float | None) -> str:
    """Return a number as the tables show it, or nothing."""
    return "" if value is None else f"{value:.3g}"


def tables(rows: list[Row]) -> str:
    """Return the medians of all parts, what is slower than the peer, and all rows, folded."""
    if not rows:
        return "No ratios: nothing was compared."
    head = ["| part | side | benchmarks | median | lowest |", "|---|---|---:|---:|---:|"]
    for part, kind in dict.fromkeys((row.part, row.kind) for row in rows):
        some = [row.ratio for row in rows if (row.part, row.kind) == (part, kind)]
        head.append(
            f"| {part} | {kind.replace('_', ' ')} | {len(some)} "
            f"| {number(statistics.median(some))} | {number(min(some))} |"
        )
    slower = [f"{row.work}, {row.kind}: {number(row.ratio)}" for row in rows if row.ratio < 1]
    lines = [
        "| work | side | ratio | spread | by CPU time | our CPU over wall |",
        "|---|---|---:|---|---:|---:|",
        *(
            f"| {row.work} | {row.kind.replace('_', ' ')} | {number(row.ratio)} | {row.spread} "
            f"| {number(row.by_cpu)} | {number(row.cpu_per_wall)} |"
            for row in rows
        ),
    ]
    said = f"Slower than the peer: {'; '.join(slower)}." if slower else "Nothing is slower."
    folded = "\n".join([":::{dropdown} Every ratio", *lines, ":::"])
    return "\n\n".join(["\n".join(head), said, folded])


def section(package: str, folder: Path) -> str:
    """Return a package's part of the page."""
    more = f"\n{MORE[package]}.\n" if package in MORE else ""
    files = sorted(folder.glob(f"bench-{package}.json")) + sorted(
        folder.glob(f"bench-{package}.*.json")
    )
    if not files:
        return f"## {package}\n\n{NOT_RUN}\n{more}"
    content: dict[str, Any] = {}
    for file in files:
        content |= json.loads(file.read_text("utf-8"))
    machine = (
        {**content, **content.get("machine", {})}
        if isinstance(content.get("machine"), dict)
        else content
    )
    known = [
        f"{k}: {machine[k]}"
        for k in ("date", "machine", "cores", "n_cpu", "processor")
        if isinstance(machine.get(k), str | int)
    ]
    peers = [
        f"{k} {v}" for k, v in (content.get("versions") or machine.get("peers") or {}).items() if v
    ]
    cannot = refusals({k: v for k, v in content.items() if k != "summary"})
    parts = [
        f"## {package}",
        f"{'; '.join([*known, *peers])}.",
        *([content["note"]] if "note" in content else []),
        tables(list(ratios(content))),
        *([f"The peer cannot do {cannot} of these benchmarks."] if cannot else []),
    ]
    return "\n\n".join(parts) + f"\n{more}"


def main(arguments: list[str]) -> int:
    """Write the page."""
    folder = Path(arguments[0]) if arguments else ROOT / "benchmark-results"
    parts = [section(package, folder) for package in PACKAGES]
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join([HEAD, *parts]), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
