"""Measure what the map adds to an item: ``python bench.py --out bench-shared.json``."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib

from neuroloom import shared


def nothing(item: int) -> int:
    return item


def milliseconds(n: int, **options: Any) -> float:
    """Return the time per item of a map whose items do nothing."""
    begin = time.perf_counter()
    shared.map(nothing, range(n), progress=False, **options)
    return 1000 * (time.perf_counter() - begin) / n


def plain_joblib(n: int) -> float:
    begin = time.perf_counter()
    joblib.Parallel(2)(joblib.delayed(nothing)(i) for i in range(n))
    return 1000 * (time.perf_counter() - begin) / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    milliseconds(10, n_workers=2)  # workers are started
    rows: dict[str, list[float]] = {}
    for _ in range(options.repeats):  # interleaved
        for n in (10, 100, 1000):
            rows.setdefault(f"joblib loky, {n}", []).append(plain_joblib(n))
            rows.setdefault(f"loky, {n}", []).append(milliseconds(n, n_workers=2))
            rows.setdefault(f"serial, {n}", []).append(milliseconds(n))
            with tempfile.TemporaryDirectory() as folder:
                kept = {"n_workers": 2, "resume": Path(folder, "job")}
                rows.setdefault(f"loky, resume, {n}", []).append(milliseconds(n, **kept))
                rows.setdefault(f"read again, {n}", []).append(milliseconds(n, **kept))
            with tempfile.TemporaryDirectory() as folder:
                kept = {"n_workers": 2, "resume": Path(folder, "job"), "batch_size": 100}
                rows.setdefault(f"loky, resume, batches of 100, {n}", []).append(
                    milliseconds(n, **kept)
                )
    report = {
        "machine": platform.platform(),
        "cores": joblib.cpu_count(),
        "ms_per_item": {name: statistics.median(found) for name, found in rows.items()},
    }
    for name, value in report["ms_per_item"].items():
        print(f"{name:36s} {value:8.3f} ms")
    if options.out is not None:
        options.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
