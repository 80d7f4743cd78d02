"""The peer: where NeuralMI 1.0.0 comes from, and the processes that run either side's jobs.

NeuralMI is not on the package index. It is cloned from its repository at the commit of its release
1.0.0, and its requirements go into an environment of their own, both made under ``.nox/peers`` when
they are first needed. What is there already can be named instead: NEUROLOOM_PEER_MI a checkout,
NEUROLOOM_PEER_MI_PYTHON a Python with the requirements.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from neuroloom.shared.testing import python_with

REPOSITORY = "https://github.com/eslam-abdelaleem/NeuralMI"
RELEASE = "3bdbf3f"
NEEDS = ["torch", "numpy", "pandas", "scipy", "statsmodels", "seaborn", "matplotlib", "tqdm"]
FOLDER = Path(__file__).resolve().parents[3] / ".nox" / "peers"

CLIENT = r"""
import contextlib, io, json, os, sys, time, warnings
warnings.simplefilter("ignore")
import torch
torch.set_num_threads(1)
sys.path.insert(0, os.environ["BENCH_FOLDER"])
import bench
jobs = {"peer": bench.peer_jobs, "ours": bench.our_jobs}[os.environ["BENCH_SIDE"]]()
print("READY", flush=True)
for line in sys.stdin:
    name = line.strip()
    start, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        answer = jobs[name]()
    print("DONE " + json.dumps([time.perf_counter() - start, time.process_time() - cpu, answer]),
          flush=True)
"""


def checkout(folder: Path = FOLDER) -> str:
    """Return a folder with the peer's source."""
    target = folder / "neuralmi"
    if not (target / "neural_mi").is_dir():
        shutil.rmtree(target, ignore_errors=True)
        git = ["git", "-C", str(target)]
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", REPOSITORY, target], check=True)
        # Only the package: its recordings are large.
        subprocess.run([*git, "checkout", "--quiet", RELEASE, "--", "neural_mi"], check=True)
    return str(target)


def python(folder: Path = FOLDER) -> str:
    """Return a Python with the peer's requirements."""
    return python_with(folder / "neuralmi-env", NEEDS)


class Side:
    """A process that runs jobs by name and says how long they took."""

    def __init__(self, side: str, executable: str, data: Path, path: str | None = None) -> None:
        threads = {k: "1" for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        env = {
            **os.environ,
            **threads,
            "BENCH_SIDE": side,
            "BENCH_DATA": str(data),
            "BENCH_FOLDER": str(Path(__file__).resolve().parent),
            "MPLBACKEND": "agg",
        }
        if path is not None:
            env["PYTHONPATH"] = path
        self.name = side
        self.process = subprocess.Popen(
            [executable, "-c", CLIENT], stdin=-1, stdout=-1, text=True, env=env
        )
        self._wait("READY")

    def _wait(self, word: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(word):
                return line[len(word) :]
        raise RuntimeError(f"the process of {self.name} ended: {self.process.wait()}")

    def run(self, job: str) -> tuple[float, float, float]:
        """Return wall and CPU seconds of a job, and its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        wall, cpu, answer = json.loads(self._wait("DONE "))
        return wall, cpu, answer


def sides(data: Path, *, alone: bool = False) -> dict[str, Side]:
    """Return a process per side; ours only where the peer cannot be had, saying so."""
    found = {"ours": Side("ours", sys.executable, data)}
    if not alone:
        try:
            path = os.environ.get("NEUROLOOM_PEER_MI") or checkout()
            executable = os.environ.get("NEUROLOOM_PEER_MI_PYTHON") or python()
            found["peer"] = Side("peer", executable, data, path)
        except (OSError, subprocess.CalledProcessError, RuntimeError) as error:
            print(f"the peer is left out: {error}", file=sys.stderr)
    return found
