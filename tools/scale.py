"""Run long jobs on every backend, kill and resume them, and compare the bits: ``nox -s scale``.

A package adds a job in one line of `JOBS`. Prints a table and writes JSON::

    python tools/scale.py [--only shared] [--out benchmark-results/scale.json]
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from neuroloom import shared
from neuroloom.shared.jobs import fingerprint

Run = Callable[[str | None], Any]  # folder to resume from, or None → result


def draw(item: int, stream: shared.Seed) -> dict[str, Any]:
    """Return sums whose order BLAS chooses by its number of threads."""
    time.sleep(0.02)
    values = stream.generator().standard_normal((150, 150 + item))
    return {"product": values @ values.T, "index": item}


def table(item: int, stream: shared.Seed) -> Any:
    """Return a table with an index of its own."""
    import pandas as pd

    time.sleep(0.02)
    values = stream.generator().random(3)
    return pd.DataFrame({"x": values}, index=pd.Index(["a", "b", "c"], name=f"unit{item}"))


def at(item: int, big: np.ndarray) -> float:
    """Return one of many shared numbers."""
    return float(big[item])


def _draws(folder: str | None) -> Any:
    return shared.map(draw, range(16), seed=1, resume=folder, progress=False)


def _tables(folder: str | None) -> Any:
    return shared.map(table, range(16), seed=2, resume=folder, progress=False)


def _library(folder: str | None) -> Any:
    from neuroloom.circuit_inference import gao_library

    options = {"duration_s": 1.0, "progress": False, "seed": 1, "n_workers": None}
    made = gao_library(24, **options, folder=folder)
    return made.theta, dict(made.signals), list(made.reasons)


JOBS: dict[str, dict[str, Run]] = {
    "shared": {"map of products": _draws, "map of tables": _tables},
    "circuit-inference": {"gao_library": _library},
}


@contextlib.contextmanager
def _dask() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster), joblib.parallel_config("dask"):
        yield


@contextlib.contextmanager
def _ray() -> Iterator[Any]:
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    register_ray()
    try:
        with joblib.parallel_config("ray", n_jobs=2):
            yield
    finally:
        ray.shutdown()


BACKENDS: dict[str, Callable[[], Any]] = {
    "serial": lambda: joblib.parallel_config("loky", n_jobs=1),
    "loky 2": lambda: joblib.parallel_config("loky", n_jobs=2),
    "threads 2": lambda: joblib.parallel_config("threading", n_jobs=2),
    "dask 2": _dask,
    "ray 2": _ray,
}


def compare(jobs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return, for each job and backend, whether the bits are those of the serial run."""
    rows: list[dict[str, Any]] = []
    expected: dict[tuple[str, str], str] = {}
    for backend, open_backend in BACKENDS.items():
        try:
            context = open_backend()
            with context:
                for package, name in jobs:
                    begin = time.perf_counter()
                    digest = fingerprint(JOBS[package][name](None))
                    seconds = time.perf_counter() - begin
                    same = digest == expected.setdefault((package, name), digest)
                    rows.append(_row(package, name, backend, same, seconds))
        except ImportError as error:
            rows += [_row(p, n, backend, f"not installed: {error.name}", 0.0) for p, n in jobs]
        except Exception as error:  # ray raises a bare one where its processes do not start
            if backend != "ray 2":
                raise
            rows += [_row(p, n, backend, f"failed: {error}"[:60], 0.0) for p, n in jobs]
    for package, name in jobs:
        same = killed_and_resumed(package, name) == expected[package, name]
        rows.append(_row(package, name, "killed, resumed", same, 0.0))
    return rows


def killed_and_resumed(package: str, name: str) -> str:
    """Return the digest of a job that was killed with SIGKILL when a few parts were kept."""
    command = [sys.executable, __file__, "--child", package, name]
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder, "job")
        first = subprocess.Popen([*command, str(where)], start_new_session=True)
        while first.poll() is None and len(list(where.rglob("item*.npz"))) < 4:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        done = subprocess.run([*command, str(where)], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def bytes_moved() -> dict[str, Any]:
    """Return how often 100 MB that all items share cross the network to two dask workers."""
    big = np.random.default_rng(0).random(100 * 2**17)
    try:
        with _dask():
            before = _received()
            shared.map(functools.partial(at, big=big), range(40), progress=False)
            moved = _received() - before
    except ImportError as error:
        return {"backend": "dask 2", "moved": f"not installed: {error.name}"}
    # Client to scheduler to the first worker, and from there to the second: three hops.
    return {"backend": "dask 2", "shared_mb": 100, "n_items": 40, "received_mb": moved / 2**20}


def _received() -> int:
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return sum(int(line.split(":")[1].split()[0]) for line in lines)


def _row(package: str, job: str, backend: str, same: bool | str, seconds: float) -> dict[str, Any]:
    row = {"package": package, "job": job, "backend": backend, "same_bits": same}
    print(f"{package:18s} {job:18s} {backend:16s} {same!s:28s} {seconds:6.1f} s", flush=True)
    return {**row, "seconds": round(seconds, 3)}


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(JOBS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.child:
        package, name, folder = options.child
        print(fingerprint(JOBS[package][name](folder)))
        return 0
    chosen = [(p, name) for p in options.only or JOBS for name in JOBS[p]]
    report = {"bits": compare(chosen), "bytes": bytes_moved()}
    print(report["bytes"])
    if options.out is not None:
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(json.dumps(report, indent=1))
    bad = [row for row in report["bits"] if row["same_bits"] is not True]
    return int(any(not str(row["same_bits"]).startswith("not installed") for row in bad))


if __name__ == "__main__":
    sys.exit(main())
