"""The packages' commands with ``--dask``: computed on the cluster, and the same as here."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

distributed = pytest.importorskip("distributed", reason="needs neuroloom-shared[dask]")

# distributed leaves it to the garbage collector to close some of its sockets (2026-11, 2026.8).
pytestmark = [
    pytest.mark.dask,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local:
        yield local


def trials(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    stimulus = rng.normal(size=240)
    choice = (rng.random(240) < 1 / (1 + np.exp(-2 * stimulus))).astype(int)
    rows = [f"{s:.4f},{c},{i // 60}" for i, (s, c) in enumerate(zip(stimulus, choice, strict=True))]
    path = folder / "trials.csv"
    path.write_text("\n".join(["stimulus,choice,session", *rows]))
    return path


def config(folder: Path) -> Path:
    from neuroloom.lifnet import load_config, save_config

    short = load_config("2_cluster_mf").with_value("init_params.duration_sec", 0.1)
    return Path(save_config(short, folder / "short.yaml"))


def library(out: Path) -> Any:
    from neuroloom.circuit_inference import SimulationLibrary

    return SimulationLibrary.load(out).digest


def estimates(out: Path) -> Any:
    rows = json.loads(out.read_text())["rows"]
    return [{k: v for k, v in row.items() if "second" not in k} for row in rows]


def files(*names: str) -> Callable[[Path], Any]:
    return lambda out: [(out / name).read_bytes() for name in names]


COMMANDS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "circuit_inference": ("simulate gao -n 6 --duration 2 --quiet --seed 1 --out {out}", library),
    "glmhmm": (
        "fit {trials} --states 1-2 --no-history --starts 2 --folds 2 --quiet --out {out}",
        files("folds.csv", "cross-validation.csv"),
    ),
    "lifnet": (
        "run --config {config} --n-repeats 2 --seed 3 --no-plots "
        "--log-level error --save-dir {out}",
        files("data/spikes_0.npy", "data/spikes_1.npy"),
    ),
    "mi": (
        "benchmark --tasks 1v1-normal-0.75 --estimators gcmi cca --n-samples 300 --n-seeds 1 "
        "--no-progress --out {out}",
        estimates,
    ),
}


@pytest.mark.parametrize("package", COMMANDS)
def test_a_command_computes_on_the_cluster(package: str, cluster: Any, tmp_path: Path) -> None:
    line, result = COMMANDS[package]
    for mark, make in (("{trials}", trials), ("{config}", config)):
        if mark in line:
            line = line.replace(mark, str(make(tmp_path)))
    main = importlib.import_module(f"neuroloom.{package}.__main__").main
    found, before = [], len(cluster.scheduler.transition_log)
    for name, more in (("here.npz", []), ("there.npz", ["--dask", cluster.scheduler_address])):
        out = tmp_path / name
        assert main([*line.replace("{out}", str(out)).split(), *more]) == 0
        found.append(result(out))
        if not more:
            assert len(cluster.scheduler.transition_log) == before
    assert found[0] == found[1]
    assert len(cluster.scheduler.transition_log) > before
