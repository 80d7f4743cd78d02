"""The microcircuit in one simulator, in a process of its own.

``python microcircuit_worker.py SIMULATOR MODEL.json '{"seed": 1, "n_threads": 2, …}'`` builds the
network of `MODEL.json` (as `microcircuit.py` writes it), warms up, says so, and then answers every
line ``SECONDS [FILE]`` on its input with a line of JSON: wall and CPU seconds of simulating that
long, and the rates of the populations. Spikes go into FILE: steps since the stretch began, neurons.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np


class Lifnet:
    def __init__(self, model, options):
        from neuroloom.lifnet import models

        self.options = options
        network = models.potjans_diesmann(scale=model["scale"])
        self.built = network.build(seed=options["seed"], n_threads=options["n_threads"])
        self.state = None
        self.n_synapses = self.built.n_synapses

    def run(self, seconds):
        run = self.built.simulate(
            seconds, n_threads=self.options["n_threads"], state=self.state,
            seed=1000 + self.options["seed"],
        )  # fmt: skip
        self.state = run.state
        return run

    def spikes(self, run):
        return np.asarray(run.spike_steps), np.asarray(run.spike_ids)


class Nest:
    def __init__(self, model, options):
        import nest

        self.nest, self.dt = nest, model["delta_t"] * 1e3
        nest.set_verbosity("M_ERROR")
        nest.ResetKernel()
        nest.SetKernelStatus({
            "resolution": self.dt, "local_num_threads": options["n_threads"],
            "rng_seed": options["seed"], "print_time": False,
        })  # fmt: skip
        cells = {}
        for one in model["populations"]:
            cells[one["name"]] = nest.Create(
                "iaf_psc_exp", one["size"],
                params={
                    "C_m": one["capacitance"] * 1e3, "tau_m": one["tau_membrane"] * 1e3,
                    "tau_syn_ex": one["tau_synaptic"] * 1e3,
                    "tau_syn_in": one["tau_synaptic"] * 1e3,
                    "E_L": one["resting"], "V_th": one["threshold"], "V_reset": one["reset"],
                    "t_ref": one["tau_refractory"] * 1e3, "I_e": one["bias"],
                    "V_m": nest.random.normal(*one["initial_voltage"]),
                },
            )  # fmt: skip
        # 134 million synapses of a kind are the most that a thread holds.
        self.n_synapses = sum(one["number"] for one in model["projections"])
        kinds = [
            f"synapse_{k}" for k in range(1 + self.n_synapses // (options["n_threads"] * 10**8))
        ]
        for kind in kinds:
            nest.CopyModel("static_synapse", kind)
        held = [0] * len(kinds)
        for one in model["projections"]:
            kind = int(np.argmin(held))
            held[kind] += one["number"]
            mean, sd = one["weight"]
            low, high = (0.0, np.inf) if mean > 0 else (-np.inf, 0.0)
            nest.Connect(
                cells[one["pre"]], cells[one["post"]],
                {"rule": "fixed_total_number", "N": one["number"]},
                {
                    "synapse_model": kinds[kind],
                    "weight": nest.math.redraw(nest.random.normal(mean, sd), low, high),
                    "delay": nest.math.redraw(
                        nest.random.normal(one["delay"][0] * 1e3, one["delay"][1] * 1e3),
                        self.dt, np.inf,
                    ),
                },
            )  # fmt: skip
        for one in model["inputs"]:
            source = nest.Create("poisson_generator", params={"rate": one["rate_hz"]})
            nest.Connect(
                source, cells[one["post"]], "all_to_all", {"weight": one["weight"], "delay": 1.5}
            )
        self.recorder = nest.Create("spike_recorder")
        for population in cells.values():
            nest.Connect(population, self.recorder)
        nest.Prepare()

    def run(self, seconds):
        before = self.recorder.n_events, self.nest.biological_time
        self.nest.Run(seconds * 1e3)
        return before

    def spikes(self, before):
        seen, started = before
        events = self.recorder.events
        # A spike of the first step is stamped with that step's end.
        steps = np.rint((events["times"][seen:] - started) / self.dt).astype(int) - 1
        return steps, np.asarray(events["senders"][seen:]) - 1


def peak_gb():
    """Return the most memory that this process has held."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


def main():
    simulator, options = sys.argv[1], json.loads(sys.argv[3])
    model = json.loads(Path(sys.argv[2]).read_text())
    edges = np.cumsum([0] + [one["size"] for one in model["populations"]])
    started = time.perf_counter()
    worker = {"lifnet": Lifnet, "nest": Nest}[simulator](model, options)
    build = time.perf_counter() - started
    worker.run(options["warm_up"])
    print(
        json.dumps(
            {"ready": True, "build_s": build, "n_synapses": worker.n_synapses, "gb": peak_gb()}
        ),
        flush=True,
    )
    for line in sys.stdin:
        asked = line.split()
        seconds = float(asked[0])
        wall, cpu = time.perf_counter(), time.process_time()
        found = worker.run(seconds)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        steps, ids = worker.spikes(found)
        if len(asked) > 1:
            np.savez(asked[1], steps=steps, ids=ids)
        counts = np.histogram(ids, edges)[0]
        answer = {
            "wall_per_s": wall / seconds,
            "cpu_per_s": cpu / seconds,
            "load": os.getloadavg()[0],
            "rates_hz": (counts / np.diff(edges) / seconds).tolist(),
            "peak_gb": peak_gb(),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
