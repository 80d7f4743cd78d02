"""Spiking networks beside NEST, Brian2 and the seed, and time and memory against size.

All simulate the same arrays: the default clustered network, enlarged at fixed in-degree. The
processes stay and take turns, so that all meet the same machine; a figure is the median of the
rounds. A figure of n threads counts where CPU time / wall time says that n threads ran.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from peers import GROUPS, Worker, network_file, peers_python, seed_repository

# A run counts as one of n threads if CPU / wall is at least this much of n.
FULL = 0.9

BOTH = (1, 2)
CASES: dict[str, tuple[int, float, float, float, dict[str, tuple[int, ...]]]] = {
    # size relative to the default, step, delay, simulated seconds, threads of the peers
    "2k": (1, 5e-4, 5e-4, 2.0, {"nest": BOTH, "brian2": BOTH, "seed": BOTH}),
    "10k": (5, 5e-4, 5e-4, 2.0, {"nest": BOTH, "brian2": BOTH}),
    "10k-delay": (5, 1e-4, 1.5e-3, 0.5, {"nest": (2,), "brian2": (1,)}),
}


def simulators(peers: dict[str, tuple[int, ...]]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (name, python, options) of each simulator that can be had."""
    python, repository = peers_python(), seed_repository() if "seed" in peers else None
    rows: list[tuple[str, str, dict[str, Any]]] = []
    for t in BOTH:
        for dtype in ("float32", "float64"):
            rows.append((f"lifnet {t} {dtype}", sys.executable, {"n_threads": t, "dtype": dtype}))
        if python and t in peers.get("nest", ()):
            rows.append((f"nest {t} float64", python, {"n_threads": t, "dtype": "float64"}))
        if python and t in peers.get("brian2", ()):
            for dtype in ("float32", "float64"):
                rows.append((f"brian2 {t} {dtype}", python, {"n_threads": t, "dtype": dtype}))
        if repository and t in peers.get("seed", ()):
            options = {"n_threads": t, "dtype": "float64", "seed_repository": repository}
            rows.append((f"seed {t} float64", sys.executable, options))
    return rows


def compare(case: str, rounds: int, seconds: float | None = None) -> dict[str, Any]:
    """Return the cost of each simulator in a case, medians over `rounds` turns."""
    multiple, dt, delay, span, peers = CASES[case]
    span = seconds or span
    workers: dict[str, Worker] = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path, n, synapses = network_file(Path(folder), multiple)
        for name, python, options in simulators(peers):
            settings = {"dt": dt, "delay": delay, "seconds": span, "warm_up": 0.2, **options}
            try:
                workers[name] = Worker(python, name.split()[0], path, **settings)
            except RuntimeError as error:
                failed[name] = str(error)
                print(f"{name} failed: {error}", file=sys.stderr)
        answers: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
        for k in range(rounds):
            for name, worker in workers.items():
                answers[name].append(worker(span / 4 if name.startswith("seed") else span))
            print(case, "round", k, {n: round(a[-1]["wall_per_s"], 4) for n, a in answers.items()},
                  flush=True)  # fmt: skip
        for worker in workers.values():
            worker.close()
    rows = {}
    for name, taken in answers.items():
        threads = int(name.split()[1])
        rows[name] = {
            "wall_per_s": statistics.median(a["wall_per_s"] for a in taken),
            "cpu_per_s": statistics.median(a["cpu_per_s"] for a in taken),
            "all_wall_per_s": [round(a["wall_per_s"], 4) for a in taken],
            "cpu_per_wall": [round(a["cpu_per_wall"], 3) for a in taken],
            "counts": statistics.median(a["cpu_per_wall"] for a in taken) >= FULL * threads,
            "rates_hz": np.mean([a["rates_hz"] for a in taken], axis=0).round(3).tolist(),
            "peak_mb": taken[-1]["peak_mb"],
            "bytes_per_synapse": taken[-1]["bytes_per_synapse"],
            "build_s": workers[name].ready["build_s"],
        }
        shown = {k: rows[name][k] for k in ("wall_per_s", "cpu_per_wall", "rates_hz", "build_s")}
        print(case, name, shown, flush=True)
    return {
        "n_neurons": n, "n_synapses": synapses, "delta_t": dt, "delay": delay, "seconds": span,
        "rounds": rounds, "groups": GROUPS, "rows": rows, "failed": failed,
        "times_as_fast": ratios(rows, rounds, answers),
    }  # fmt: skip


def ratios(
    rows: dict[str, Any], rounds: int, answers: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Return how many times as long each peer takes as lifnet with as many threads.

    The median over the rounds of the ratio within a round, with the least and the largest.
    """
    out = {}
    for name, row in rows.items():
        if name.startswith("lifnet"):
            continue
        _, threads, precision = name.split()
        for dtype in ("float32", "float64"):
            mine = f"lifnet {threads} {dtype}"
            # Brian2 comes in both precisions: like goes with like.
            if mine not in rows or (name.startswith("brian2") and dtype != precision):
                continue
            each = [
                answers[name][k]["wall_per_s"] / answers[mine][k]["wall_per_s"]
                for k in range(rounds)
            ]
            out[f"{name} / {mine}"] = {
                "median": round(statistics.median(each), 3),
                "range": [round(min(each), 3), round(max(each), 3)],
                "counts": row["counts"] and rows[mine]["counts"],
            }
    return out


def scaling(multiples: tuple[int, ...] = (1, 2, 5, 10, 25)) -> list[dict[str, Any]]:
    """Return time and memory of lifnet, float32 and one thread, from 2,000 to 50,000 neurons.

    Time is CPU time, which one thread spends alike on a busy machine and on a quiet one.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for multiple in multiples:
            path, n, synapses = network_file(Path(folder), multiple)
            settings = {"dt": 5e-4, "delay": 5e-4, "warm_up": 0.1, "dtype": "float32"}
            worker = Worker(sys.executable, "lifnet", path, n_threads=1, **settings)
            answers = [worker(1.0) for _ in range(3)]
            worker.close()
            path.unlink()
            rows.append({
                "n_neurons": n, "n_synapses": synapses, "peak_mb": answers[-1]["peak_mb"],
                "build_s": worker.ready["build_s"],
                "bytes_per_synapse": answers[-1]["bytes_per_synapse"],
                "cpu_per_s": statistics.median(a["cpu_per_s"] for a in answers),
            })  # fmt: skip
            print(rows[-1], flush=True)
    return rows


def plot_scaling(rows: list[dict[str, Any]], path: Path) -> None:
    """Write a figure of time and memory against neurons and synapses."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    from neuroloom.shared import style

    with style():
        figure = Figure(figsize=(9, 3), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        neurons, synapses = ([r[k] for r in rows] for k in ("n_neurons", "n_synapses"))
        seconds = [r["cpu_per_s"] for r in rows]
        left.loglog(neurons, seconds, "o-")
        left.set(xlabel="neurons", ylabel="CPU seconds per simulated second")
        middle.loglog(synapses, seconds, "o-")
        middle.set(xlabel="synapses", ylabel="CPU seconds per simulated second")
        right.loglog(synapses, [r["peak_mb"] for r in rows], "o-", label="process, with reading")
        bare = [r["n_synapses"] * r["bytes_per_synapse"] / 1e6 for r in rows]
        right.loglog(synapses, bare, "s-", label="synapses alone")
        right.set(xlabel="synapses", ylabel="memory (MB)")
        right.legend()
        for ax in (left, middle, right):  # two decades: only the powers of ten have room
            ax.xaxis.set_minor_formatter(NullFormatter())
        figure.savefig(path, dpi=150)
