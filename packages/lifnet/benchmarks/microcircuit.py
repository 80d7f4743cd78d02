"""The microcircuit of Potjans & Diesmann side by side with NEST.

``python microcircuit.py speed [SCALE] [SECONDS] [TURNS] [THREADS]`` builds both networks, lets them
take turns, and prints build time, memory, wall and CPU time per simulated second, and rates.

``python microcircuit.py statistics FOLDER SCALE SECONDS SEED [SEED …]`` writes a summary of each
simulator and seed, unless FOLDER has it: histograms over neurons of rates and of the coefficients
of variation of intervals, and over pairs of correlations of counts in 2 ms (200 neurons a
population), after the first second. ``python microcircuit.py compare FOLDER`` prints how far the
simulators lie apart (Kolmogorov-Smirnov) beside how far NEST's seeds do.

Recipe: van Albada et al., "Performance comparison of the digital neuromorphic hardware SpiNNaker
and the neural network simulation software NEST for a full-scale cortical microcircuit model",
Front Neurosci 12 (2018) 291.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers import HERE, Worker, peers_python

from neuroloom.lifnet import Network, models

WORKER = HERE / "microcircuit_worker.py"
SIMULATORS = ("lifnet", "nest")
MEASURES = ("rate", "cv", "correlation")
_WIDTH = {"rate": 1.0, "cv": 1e-3, "correlation": 2e-4}  # rates are counted, so exact
_WARM_UP, _BIN, _SAMPLE = 1.0, 2e-3, 200


def described(scale: float) -> dict[str, Any]:
    """Return the model in plain numbers: seconds, mV, pA, nF, Hz."""
    network: Network = models.potjans_diesmann(scale=scale)
    populations = [
        {
            "name": one.name, "size": one.size, "capacitance": one.capacitance,
            "tau_membrane": one.tau_membrane, "tau_refractory": one.tau_refractory,
            "tau_synaptic": one.synapses["exc"].tau, "threshold": one.threshold,
            "reset": one.reset, "resting": one.resting, "bias": one.bias,
            "initial_voltage": [one.initial_voltage.mean, one.initial_voltage.sd],
        }
        for one in network.populations
    ]  # fmt: skip
    projections = [
        {
            "pre": one.pre, "post": one.post, "number": one.rule.n,
            "weight": [one.weight.mean, one.weight.sd], "delay": [one.delay.mean, one.delay.sd],
        }
        for one in network.projections
    ]  # fmt: skip
    inputs = [
        {"post": one.post, "rate_hz": one.rate_hz * one.n_sources, "weight": one.weight}
        for one in network.inputs
    ]
    return {
        "scale": scale, "delta_t": network.delta_t,
        "populations": populations, "projections": projections, "inputs": inputs,
    }  # fmt: skip


def started(simulator: str, model: Path, seed: int, n_threads: int, warm_up: float) -> Worker:
    """Return a simulator's process, ready with the network."""
    python = sys.executable if simulator == "lifnet" else peers_python()
    if python is None:
        raise SystemExit("no environment with NEST")
    return Worker(
        python, simulator, model, script=WORKER, seed=seed, n_threads=n_threads, warm_up=warm_up
    )


def written(folder: str, scale: float) -> Path:
    """Write the model into a file."""
    path = Path(folder) / "model.json"
    path.write_text(json.dumps(described(scale)))
    return path


def speed(
    scale: float = 1.0, seconds: float = 0.3, turns: int = 3, n_threads: int = 2
) -> dict[str, Any]:
    """Build both, and let them take turns."""
    out: dict[str, Any] = {"scale": scale, "seconds": seconds, "threads": n_threads}
    with tempfile.TemporaryDirectory() as folder:
        model = written(folder, scale)
        workers = {name: started(name, model, 1, n_threads, 0.1) for name in reversed(SIMULATORS)}
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
        for _ in range(turns):
            for name, worker in workers.items():
                rows[name].append(worker(seconds))
                print(name, rows[name][-1], file=sys.stderr, flush=True)
        for name, worker in workers.items():
            worker.close()
            cost = [row["wall_per_s"] for row in rows[name]]
            out[name] = {
                "build_s": worker.ready["build_s"], "n_synapses": worker.ready["n_synapses"],
                "peak_gb": rows[name][-1]["peak_gb"],
                "wall_per_s": float(np.median(cost)), "all": cost,
                "cpu_per_s": [row["cpu_per_s"] for row in rows[name]],
                "load": [row["load"] for row in rows[name]],
                "rates_hz": np.mean([row["rates_hz"] for row in rows[name]], axis=0).tolist(),
            }  # fmt: skip
    out["NEST takes, wall"] = out["nest"]["wall_per_s"] / out["lifnet"]["wall_per_s"]
    cpu = {name: float(np.median(out[name]["cpu_per_s"])) for name in SIMULATORS}
    out["NEST takes, CPU"] = cpu["nest"] / cpu["lifnet"]
    return out


def summary(
    steps: NDArray[np.int64], ids: NDArray[np.int64], model: dict[str, Any], seconds: float
) -> dict[str, dict[str, list[list[int]]]]:
    """Return the histograms of each population: places and counts."""
    out = {}
    first, delta_t = 0, model["delta_t"]
    order = np.lexsort((steps, ids))
    steps, ids = steps[order], ids[order]
    for one in model["populations"]:
        last = first + one["size"]
        inside = slice(*np.searchsorted(ids, [first, last]))
        mine, who = steps[inside], ids[inside] - first
        counts = np.bincount(who, minlength=one["size"])
        sample = who < _SAMPLE
        per_bin = round(_BIN / delta_t)
        binned = np.zeros((min(_SAMPLE, one["size"]), round(seconds / delta_t) // per_bin))
        np.add.at(binned, (who[sample], mine[sample] // per_bin), 1)
        binned = binned[binned.any(axis=1)]
        pairs = np.atleast_2d(np.corrcoef(binned))[np.triu_indices(len(binned), 1)]
        found = {"rate": counts, "cv": _variation(mine, who, counts), "correlation": pairs}
        out[one["name"]] = {
            name: [part.tolist() for part in _histogram(values, _WIDTH[name])]
            for name, values in found.items()
        }
        first = last
    return out


def _variation(
    steps: NDArray[np.int64], who: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the coefficient of variation of the intervals of neurons that have at least two."""
    same = np.diff(who) == 0
    interval, owner = np.diff(steps)[same].astype(float), who[1:][same]
    n = np.bincount(owner, minlength=len(counts))
    keep = n >= 2
    mean = np.bincount(owner, interval, len(counts))[keep] / n[keep]
    square = np.bincount(owner, interval**2, len(counts))[keep] / n[keep]
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0)) / mean)


def _histogram(values: NDArray[Any], width: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    places, counts = np.unique(np.rint(values / width).astype(int), return_counts=True)
    return places, counts


def statistics(folder: Path, scale: float, seconds: float, seeds: list[int]) -> None:
    """Write the summaries of both simulators that `folder` does not have."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in itertools.product(seeds, SIMULATORS):
        path = folder / f"{name}-{scale:g}-{seconds:g}s-{seed}.json"
        if path.exists():
            continue
        with tempfile.TemporaryDirectory() as temporary:
            model = written(temporary, scale)
            worker = started(name, model, seed, 1, _WARM_UP)
            answer = worker(f"{seconds} {temporary}/spikes.npz")
            worker.close()
            with np.load(f"{temporary}/spikes.npz") as file:
                found = summary(file["steps"], file["ids"], json.loads(model.read_text()), seconds)
        told = {"simulator": name, "scale": scale, "seconds": seconds, "seed": seed}
        path.write_text(json.dumps(told | answer | {"populations": found}))
        print(path.name, answer, flush=True)


def distance(one: list[list[int]], other: list[list[int]]) -> float:
    """Return the largest difference of two cumulated histograms."""
    places = np.union1d(one[0], other[0])
    curves = []
    for at, counts in (one, other):
        table = np.zeros(len(places))
        table[np.searchsorted(places, at)] = counts
        curves.append(np.cumsum(table) / table.sum())
    return float(np.abs(curves[0] - curves[1]).max())


def compare(folder: Path) -> dict[str, Any]:
    """Return distances between the simulators beside those between NEST's seeds."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in SIMULATORS}
    for path in sorted(folder.glob("*.json")):
        run = json.loads(path.read_text())
        if "simulator" in run:
            runs[run["simulator"]].append(run)
    if not runs["lifnet"] or len(runs["nest"]) < 3:
        raise SystemExit(f"{folder}: expected a run of lifnet and three of NEST at least")
    first = runs["nest"][0]
    out: dict[str, Any] = {
        "scale": first["scale"], "seconds": first["seconds"],
        "seeds": {name: len(rows) for name, rows in runs.items()}, "cells": {},
        "without data": [],
    }  # fmt: skip
    for population, measure in itertools.product(first["populations"], MEASURES):
        mine, theirs = (
            [run["populations"][population][measure] for run in runs[name]] for name in SIMULATORS
        )
        if not all(counts for _, counts in [*mine, *theirs]):
            out["without data"].append(f"{population} {measure}")
            continue
        across = [distance(a, b) for a, b in itertools.product(mine, theirs)]
        among = [distance(a, b) for a, b in itertools.combinations(theirs, 2)]
        out["cells"][f"{population} {measure}"] = {
            "across": float(np.mean(across)), "nest": float(np.mean(among)),
            "nest_sd": float(np.std(among, ddof=1)), "nest_max": float(np.max(among)),
        }  # fmt: skip
    cells = out["cells"].values()
    out["on average"] = {
        "across": float(np.mean([cell["across"] for cell in cells])),
        "nest": float(np.mean([cell["nest"] for cell in cells])),
        "nest + SD": float(np.mean([cell["nest"] + cell["nest_sd"] for cell in cells])),
        "cells above NEST's mean + SD": [
            name for name, c in out["cells"].items() if c["across"] > c["nest"] + c["nest_sd"]
        ],
        "cells above NEST's largest": [
            name for name, c in out["cells"].items() if c["across"] > c["nest_max"]
        ],
    }
    return out


def main() -> None:
    what, *rest = sys.argv[1:]
    if what == "speed":
        kinds = (float, float, int, int)
        answer = speed(*[kind(text) for kind, text in zip(kinds, rest, strict=False)])
        print(json.dumps(answer, indent=1))
    elif what == "statistics":
        statistics(Path(rest[0]), float(rest[1]), float(rest[2]), [int(seed) for seed in rest[3:]])
    else:
        print(json.dumps(compare(Path(rest[0])), indent=1))


if __name__ == "__main__":
    main()
