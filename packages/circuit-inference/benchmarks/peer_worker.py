"""The peers' side of the benchmarks: runs in their environment, answers JSON on standard output."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np

STATE: dict[str, Any] = {}


def catch22(path: str, workers: int, rows: int | None = None) -> dict[str, Any]:
    """Time pycatch22 over joblib's processes, series handed over as lists (its fast way)."""
    from joblib import Parallel, delayed

    if path not in STATE:
        STATE[path] = [row.tolist() for row in np.load(path)]
    series = STATE[path][:rows]
    size = max(1, len(series) // (8 * workers))
    chunks = [series[i : i + size] for i in range(0, len(series), size)]
    started = time.perf_counter()
    parts = Parallel(n_jobs=workers)(delayed(_catch22_chunk)(chunk) for chunk in chunks)
    wall = time.perf_counter() - started
    values = [row for part, _ in parts for row in part]
    STATE["values"] = values
    return {"wall_s": wall, "cpu_s": sum(cpu for _, cpu in parts), "first": values[0]}


def _catch22_chunk(chunk: list[list[float]]) -> tuple[list[list[float]], float]:
    import pycatch22

    started = time.process_time()
    values = [pycatch22.catch22_all(x, catch24=False)["values"] for x in chunk]
    return values, time.process_time() - started


def specparam(path: str, low: float, high: float, rows: int) -> dict[str, Any]:
    """Time specparam's fit without peaks, one spectrum after another."""
    from specparam import SpectralModel

    with np.load(path) as file:
        freqs, power = file["freqs"], file["power"][:rows]
    model = SpectralModel(max_n_peaks=0, verbose=False)
    started = time.perf_counter()
    exponents = []
    for spectrum in power:
        model.fit(freqs, spectrum, [low, high])
        exponents.append(float(model.get_params("aperiodic")[-1]))
    return {"wall_s": time.perf_counter() - started, "exponents": exponents}


def hagen_build(threads: int, seed: int) -> dict[str, Any]:
    """Build the two-population network in NEST."""
    import nest

    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    dt = 2.0**-4
    nest.SetKernelStatus({"tics_per_ms": 16000, "resolution": dt})
    nest.local_num_threads = threads
    nest.rng_seed = seed
    started = time.perf_counter()
    sizes, capacity = {"E": 8192, "I": 1024}, {"E": 289.1, "I": 110.7}
    n_ext = {"E": 465, "I": 160}
    weights = {"EE": 1.589, "EI": 2.020, "IE": -23.84, "II": -8.441}  # from, to
    delays = {"EE": 2.520, "EI": 1.714, "IE": 1.585, "II": 1.149}
    cells = {
        name: nest.Create(
            "iaf_psc_exp",
            sizes[name],
            {
                "C_m": capacity[name],
                "tau_m": 10.0,
                "E_L": -65.0,
                "V_reset": -65.0,
                "V_th": -55.0,
                "t_ref": 2.0,
                "V_m": -70.0,
                "tau_syn_ex": 0.5,
                "tau_syn_in": 0.5,
            },
        )
        for name in sizes
    }
    for name, count in n_ext.items():
        noise = nest.Create("poisson_generator", params={"rate": 40.0 * count})
        nest.Connect(noise, cells[name], "all_to_all", {"weight": 29.89, "delay": 1.0})
    for pair, weight in weights.items():
        sign = (0.0, np.inf) if weight > 0 else (-np.inf, 0.0)
        delay = nest.random.normal(mean=delays[pair], std=0.5 * delays[pair])
        nest.Connect(
            cells[pair[0]],
            cells[pair[1]],
            {"rule": "pairwise_bernoulli", "p": 0.2, "allow_autapses": True},
            {
                "synapse_model": "static_synapse",
                "weight": nest.math.redraw(
                    nest.random.normal(mean=weight, std=0.1 * abs(weight)), *sign
                ),
                "delay": nest.math.redraw(delay, 0.3, np.inf),
            },
        )
    STATE["recorders"] = {}
    for name, population in cells.items():
        recorder = nest.Create("spike_recorder")
        nest.Connect(population, recorder)
        STATE["recorders"][name] = recorder
    built = time.perf_counter() - started
    nest.Simulate(200.0)
    STATE["before"] = {k: r.n_events for k, r in STATE["recorders"].items()}
    STATE["sizes"] = sizes
    return {"build_s": built, "n_connections": int(nest.num_connections)}


def hagen_run(seconds: float) -> dict[str, Any]:
    """Simulate the network on, and return the rates of this stretch."""
    import nest

    cpu, started = time.process_time(), time.perf_counter()
    nest.Simulate(1000.0 * seconds)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    rates = {}
    for name, recorder in STATE["recorders"].items():
        rates[name] = (recorder.n_events - STATE["before"][name]) / STATE["sizes"][name] / seconds
        STATE["before"][name] = recorder.n_events
    return {"wall_s": wall, "cpu_s": cpu, "rates_hz": rates}


def versions() -> dict[str, str]:
    """Return the versions of the peers."""
    from importlib.metadata import version

    names = ("ncpi", "pycatch22", "sbi", "specparam", "nest-simulator", "numpy", "scikit-learn")
    return {name: version(name) for name in names}


COMMANDS = {
    "catch22": catch22,
    "specparam": specparam,
    "hagen_build": hagen_build,
    "hagen_run": hagen_run,
    "versions": versions,
}


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the peers print goes to standard error
    for line in sys.stdin:
        request = json.loads(line)
        answer = COMMANDS[request.pop("command")](**request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
