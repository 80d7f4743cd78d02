"""Slow proofs of the spiking networks, one function each; `prove.py` runs them."""

from __future__ import annotations

import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from peers import (
    GROUPS,
    HERE,
    Worker,
    network_file,
    peers_python,
    seed_module,
    seed_repository,
)

from neuroloom.lifnet import CurrentInput, models
from neuroloom.lifnet._clustered._parameters import clustered_parameters
from neuroloom.lifnet._clustered._wiring import draw_wiring
from neuroloom.lifnet._config._load import load_config
from neuroloom.lifnet._engine import Cells, Connectivity, CountDrive, State, simulate

ORACLE_HZ = np.array([10.08929, 1.78790, 11.89270, 14.51154])
REFERENCE_HZ = {
    "hagen": {"E": 6.45, "I": 9.61},
    "microcircuit": (0.943, 3.026, 4.368, 5.882, 7.733, 8.664, 1.096, 7.851),
}


def default_network(seed: int):
    """Return cells, connectivity, drive and the group of each neuron of the default network."""
    parameters = clustered_parameters(load_config())
    wiring = draw_wiring(parameters, seed=seed)
    n, q = wiring.n_neurons, parameters.n_clusters
    cells = Cells.create(
        n, tau_membrane=0.02, tau_synaptic=0.005, tau_refractory=0.005,
        threshold=parameters.per_neuron(parameters.threshold),
    )  # fmt: skip
    mean = (parameters.mean_nu_ext * parameters.c_ext)[0, 0] * 5e-4
    drive = CountDrive.poisson([mean], np.zeros(n, int), np.full(n, parameters.j_ext[0, 0]))
    group = parameters.per_neuron(np.repeat([0, 1, 2, 3], [q, 1, q, 1])).astype(int)
    return cells, wiring, parameters, drive, group


def plain_step(parameters, wiring, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (steps, neurons) of the spikes of the defined step, written out in plain numpy.

    Nothing of the engine takes part but the random counts, shape (n_steps, n_neurons): dense
    weights, the exact solution between spikes, reset, refractory time, then what arrives.
    """
    n, dt, tau_m, tau_s, tau_ref = wiring.n_neurons, 5e-4, 0.02, 0.005, 0.005
    source = np.repeat(np.arange(n), np.diff(wiring.starts))
    weights = np.zeros((n, n))
    weights[wiring.targets, source] = wiring.weights(parameters)
    threshold = parameters.per_neuron(parameters.threshold)
    keep_v, keep_i = np.exp(-dt / tau_m), np.exp(-dt / tau_s)
    from_i = tau_m * tau_s / (tau_s - tau_m) * (keep_i - keep_v)
    v, i, wait = np.zeros(n), np.zeros(n), np.zeros(n, int)
    steps, who = [], []
    for t, count in enumerate(counts):
        refractory = wait > 0
        v = np.where(refractory, 0.0, keep_v * v + from_i * i)
        fired = np.flatnonzero(v >= threshold)
        v[fired] = 0.0
        wait[refractory] -= 1
        wait[fired] = round(tau_ref / dt)
        arriving = weights[:, fired].sum(axis=1) + parameters.j_ext[0, 0] * count
        i = keep_i * i + arriving / tau_s
        steps.append(np.full(len(fired), t))
        who.append(fired)
    return np.concatenate(steps), np.concatenate(who)


def seed_step(parameters, wiring, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the spikes of the seed's `LIFNet` with the same weights and counts."""
    repository = seed_repository()
    if repository is None:
        return None
    import torch

    n = wiring.n_neurons
    source = np.repeat(np.arange(n), np.diff(wiring.starts))
    weights = np.zeros((n, n))
    weights[wiring.targets, source] = wiring.weights(parameters)
    j = float(parameters.j_ext[0, 0]) * np.sqrt(n)
    external = np.zeros((len(counts), 4, n))
    external[:, 0] = counts
    zero = torch.zeros(n, dtype=torch.float64)
    still = torch.zeros((len(counts), n), dtype=torch.float64)
    dtype = torch.get_default_dtype()
    try:  # importing it makes float64 torch's default, which it needs
        module = seed_module(repository, "neuro_mod.core.spiking_net.core.lif_net")
        torch.set_default_dtype(torch.float64)
        net = module.LIFNet(
            torch.as_tensor(weights), [j, j, 0.0, 0.0], 0.02, 0.005, 0.005,
            torch.as_tensor(parameters.per_neuron(parameters.threshold)), 0.0, 5e-4,
        )  # fmt: skip
        _, _, spikes = net.forward(zero, zero.clone(), still, torch.as_tensor(external))
    finally:
        torch.set_default_dtype(dtype)
    return np.nonzero(spikes.numpy())


def exact(n_steps: int = 6000) -> dict:
    """Same spikes in float64 from kernel, torch, numpy and the seed; from one and two threads."""
    cells, wiring, parameters, drive, _ = default_network(1)
    connectivity = wiring.connectivity(parameters)
    options: dict[str, Any] = dict(n_steps=n_steps, delta_t=5e-4, drives=[drive], seed=3)
    kernel = simulate(cells, connectivity, **options)
    counts = drive.counts(3, n_steps)
    found: dict[str, Any] = {"plain numpy step": plain_step(parameters, wiring, counts)}
    for backend in ("numpy", "torch"):
        other = simulate(cells, connectivity, backend=backend, **options)
        found[f"{backend} path"] = other.spike_steps, other.spike_ids
    if (theirs := seed_step(parameters, wiring, counts)) is not None:
        found["the seed's LIFNet"] = theirs
    out: dict[str, Any] = {"n_steps": n_steps, "n_spikes": len(kernel.spike_ids)}
    for name, (steps, who) in found.items():
        out[f"{name} equal"] = bool(
            np.array_equal(kernel.spike_ids, who) and np.array_equal(kernel.spike_steps, steps)
        )
    for dtype in ("float32", "float64"):
        one, two = (
            simulate(cells, connectivity, n_threads=k, dtype=dtype, **options) for k in (1, 2)
        )
        out[f"2 threads equal, {dtype}"] = bool(
            np.array_equal(one.spike_ids, two.spike_ids)
            and np.array_equal(one.spike_steps, two.spike_steps)
            and np.array_equal(one.state.voltage, two.state.voltage)
        )
    return out


def rates() -> dict:
    """Population rates in float32 against the oracle: 3 connectivities, 3 noise seeds, 20 s.

    The oracle's network, like any that NEST can run, takes a spike one step to arrive. In the
    seed's own step it arrives at once, which moves the background's rate by 8 %.
    """
    out: dict[str, Any] = {"groups": GROUPS, "oracle_hz": ORACLE_HZ.tolist()}
    for name, delay_steps in (("delay of one step", 1), ("the seed's step", 0)):
        table = []
        for draw in (1, 2, 3):
            cells, wiring, parameters, drive, group = default_network(draw)
            connectivity = Connectivity.from_csr(
                wiring.starts, wiring.targets, wiring.weights(parameters), delay_steps=delay_steps
            )
            sizes = np.bincount(group)
            for noise in (1, 2, 3):
                run = simulate(
                    cells, connectivity, n_steps=42_000, delta_t=5e-4, drives=[drive],
                    dtype="float32", seed=100 * draw + noise,
                )  # fmt: skip
                late = run.spike_ids[run.spike_steps >= 2000]
                table.append(np.bincount(group[late], minlength=4) / sizes / 20.0)
        rows = np.array(table)
        mean, by_draw = rows.mean(axis=0), rows.reshape(3, 3, 4).mean(axis=1)
        off = mean / ORACLE_HZ - 1
        out[name] = {
            "mean_hz": mean.tolist(),
            "relative": off.tolist(),
            "se_over_draws_hz": (by_draw.std(axis=0, ddof=1) / np.sqrt(3)).tolist(),
            "within 2 4 2 4 %": bool((np.abs(off) < [0.02, 0.04, 0.02, 0.04]).all()),
        }
    return out


def peers() -> dict:
    """The same on NEST and Brian2, same connectivities; differences in pooled standard errors."""
    python = peers_python()
    if python is None:
        return {"skipped": "no environment with NEST and Brian2"}
    table: dict[str, list] = {"lifnet": [], "nest": [], "brian2": []}
    with tempfile.TemporaryDirectory() as folder:
        for draw in (1, 2, 3):
            path, _, _ = network_file(Path(folder), seed=draw)
            for name in table:
                dtype = "float32" if name == "lifnet" else "float64"
                worker = Worker(
                    sys.executable if name == "lifnet" else python, name, path, dt=5e-4,
                    delay=5e-4, seconds=20.0, warm_up=1.0, n_threads=1, dtype=dtype,
                )  # fmt: skip
                table[name].append([worker(20.0)["rates_hz"] for _ in range(3)])
                worker.close()
                print(draw, name, np.mean(table[name][-1], axis=0).round(3), flush=True)
    out: dict = {"groups": GROUPS}
    mean, se = {}, {}
    for name, rows in table.items():
        by_draw = np.array(rows)  # draw, noise, group
        mean[name] = by_draw.mean(axis=(0, 1))
        # Draws are the same arrays for all three: only the noise differs between simulators.
        se[name] = np.sqrt(by_draw.var(axis=1, ddof=1).mean(axis=0) / 9)
        out[name] = {"mean_hz": mean[name].tolist(), "se_hz": se[name].tolist()}
    for name in ("nest", "brian2"):
        z = (mean["lifnet"] - mean[name]) / np.hypot(se["lifnet"], se[name])
        out[f"z against {name}"] = z.tolist()
    return out


def theory() -> dict:
    """An unclustered asynchronous network against its self-consistent rate."""
    run = models.brunel_delta(g=5.0, eta=2.0, reset=10.0).simulate(3.0, seed=1)
    rate = run.rates_hz(after=0.5)
    return {"rates_hz": rate, "theory_hz": 37.95,
            "relative": {k: v / 37.95 - 1 for k, v in rate.items()}}  # fmt: skip


def window_counts(run, width: float = 0.1, start: float = 0.0) -> np.ndarray:
    """Return each neuron's spikes in windows of `width` seconds, shape (n_windows, n_neurons)."""
    per_window = round(width / run.delta_t)
    first = round(start / run.delta_t)
    n_windows = (run.n_steps - first) // per_window
    place = (run.spike_steps - first) // per_window
    keep = (run.spike_steps >= first) & (place < n_windows)
    counts = np.zeros((n_windows, run.n_neurons))
    np.add.at(counts, (place[keep], run.spike_ids[keep]), 1)
    return counts


def fano(counts: np.ndarray) -> np.ndarray:
    """Return variance over mean of counts along the first axis, NaN where nothing was counted."""
    mean = counts.mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(mean > 0, counts.var(axis=0, ddof=1) / mean, np.nan)


def litwin_kumar() -> dict:
    """Fano factors over 100 ms: uniform below 1, clustered above, smaller under stimulation.

    Over time for a scan of R_EE; over 20 trials that start from random voltages, with five of the
    fifty clusters stimulated from 1 s on, for those clusters' neurons.
    """
    out: dict[str, Any] = {"over time": {}}
    excitatory = slice(0, 4000)
    for r_ee in (1.0, 1.5, 2.0, 2.5, 3.0):
        built = models.litwin_kumar_doiron(r_ee=r_ee).build(seed=1)
        run = built.simulate(6.0, seed=2)
        clusters = list(run.rates_hz(after=1.0).values())
        out["over time"][f"R_EE {r_ee}"] = {
            "fano": float(np.nanmean(fano(window_counts(run, start=1.0)[:, excitatory]))),
            "rate_e_hz": float(np.mean(clusters[:-1])),
            "rate_i_hz": clusters[-1],
            "largest_cluster_rate_hz": float(max(clusters[:-1])),
        }
    hit = slice(0, 400)
    inputs = [CurrentInput(f"E{k + 1}", 0.07 / 15e-3, start=1.0) for k in range(5)]
    for r_ee in (1.0, 2.5):
        network = dataclasses.replace(models.litwin_kumar_doiron(r_ee=r_ee), inputs=inputs)
        built = network.build(seed=1)
        trials = []
        for k in range(20):
            voltage = np.random.default_rng(k).uniform(0, 1, network.n_neurons)
            state = State.rest(built.cells).with_voltage(voltage)
            trials.append(window_counts(built.simulate(1.6, state=state, seed=k)))
        across = np.array([[fano(np.array(trials)[:, w, hit])] for w in range(16)])[:, 0]
        mean = np.nanmean(across, axis=1)
        out[f"over trials, R_EE {r_ee}"] = {
            "fano spontaneous": float(mean[5:10].mean()),
            "fano stimulated": float(mean[11:16].mean()),
            "fano by window": mean.round(3).tolist(),
            "rate spontaneous": float(np.array(trials)[:, 5:10, hit].mean() / 0.1),
            "rate stimulated": float(np.array(trials)[:, 11:16, hit].mean() / 0.1),
        }
    return out


def beside_nest(model: str, seconds: float, after: float, draws: int) -> dict:
    """Return rates of our and NEST's networks, one draw each, and their difference."""
    make = {"hagen": models.hagen, "cavallari": models.cavallari}[model]
    ours, theirs, cost, cost_nest = [], [], [], []
    python = peers_python()
    for k in range(draws):
        built = make().build(seed=k + 1)
        started = time.process_time()
        run = built.simulate(seconds, seed=100 + k)
        cost.append((time.process_time() - started) / seconds)
        ours.append(list(run.rates_hz(after=after).values()))
        if python:
            command = [python, str(HERE / "nest_models.py"), model, str(seconds), str(after)]
            text = subprocess.run(
                [*command, str(k + 1), "2"], capture_output=True, text=True, check=True
            ).stdout
            answer = json.loads([line for line in text.splitlines() if line.startswith("{")][-1])
            theirs.append(list(answer["rates_hz"].values()))
            cost_nest.append(answer["cpu_per_s"])
        print(model, k, ours[-1], theirs[-1:] or "", cost[-1], cost_nest[-1:], flush=True)
    mine = np.array(ours)
    out = {
        "seconds": seconds, "after": after, "draws": draws, "order": ["E", "I"],
        "lifnet_hz": mine.mean(axis=0).tolist(),
        "lifnet_se": (mine.std(axis=0, ddof=1) / np.sqrt(draws)).tolist(),
        "lifnet_cpu_per_s": float(np.median(cost)),
    }  # fmt: skip
    if theirs:
        nest = np.array(theirs)
        se = nest.std(axis=0, ddof=1) / np.sqrt(draws)
        difference = mine.mean(axis=0) - nest.mean(axis=0)
        out |= {
            "nest_hz": nest.mean(axis=0).tolist(), "nest_se": se.tolist(),
            "z": (difference / np.hypot(se, out["lifnet_se"])).tolist(),
            "nest_cpu_per_s": float(np.median(cost_nest)),
            "speed": float(np.median(cost_nest) / np.median(cost)),
        }  # fmt: skip
    return out


def hagen() -> dict:
    """Rates of Hagen's network over 0.5 to 1 s, five draws."""
    return beside_nest("hagen", 1.0, 0.5, 5) | {"reference_hz": REFERENCE_HZ["hagen"]}


def cavallari() -> dict:
    """Rates of Cavallari's network, five draws of five seconds."""
    return beside_nest("cavallari", 5.0, 0.2, 5)


def microcircuit(seconds: float = 10.0) -> dict:
    """Rates, memory and speed of the full-scale microcircuit, two seeds."""
    rows, cost, built_in = [], [], []
    for seed in (1, 2):
        started = time.perf_counter()
        built = models.potjans_diesmann().build(seed=seed, n_threads=2)
        built_in.append(time.perf_counter() - started)
        first = built.simulate(1.0, n_threads=2, seed=10 + seed)
        wall, cpu = time.perf_counter(), time.process_time()
        run = built.simulate(seconds, n_threads=2, state=first.state, seed=20 + seed)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rows.append(list(run.rates_hz().values()))
        cost.append({"wall_per_s": wall / seconds, "cpu_per_wall": cpu / wall})
        n_synapses, n_bytes = built.connectivity.n_synapses, built.connectivity.nbytes
        del built, first  # the next network would lie beside this one
        print(seed, rows[-1], cost[-1], flush=True)
    mean = np.mean(rows, axis=0)
    reference = np.array(REFERENCE_HZ["microcircuit"])
    return {
        "populations": list(run.populations), "rates_hz": mean.tolist(), "by_seed": rows,
        "relative": (mean / reference - 1).tolist(),
        "within 15 %": bool((np.abs(mean / reference - 1) < 0.15).all()),
        "n_synapses": n_synapses,
        "bytes_per_synapse": n_bytes / n_synapses,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "build_s": built_in, "cost": cost,
    }  # fmt: skip


PROOFS = [exact, rates, theory, litwin_kumar, peers, hagen, microcircuit, cavallari]
