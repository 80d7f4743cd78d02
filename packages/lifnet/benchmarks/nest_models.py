"""Hagen's and Cavallari's networks in NEST; ``python nest_models.py MODEL SECONDS AFTER SEED``.

Prints one line of JSON with the rates of both populations after the first AFTER seconds.
"""

from __future__ import annotations

import json
import math
import sys
import time

import nest
import numpy as np

DT = 2.0**-4


def hagen():
    sizes = {"E": 8192, "I": 1024}
    cells = {
        kind: nest.Create(
            "iaf_psc_exp", size,
            params={
                "C_m": capacitance, "tau_m": 10.0, "E_L": -65.0, "V_reset": -65.0, "V_th": -55.0,
                "t_ref": 2.0, "V_m": -70.0, "tau_syn_ex": 0.5, "tau_syn_in": 0.5, "I_e": 0.0,
            },
        )
        for (kind, size), capacitance in zip(sizes.items(), (289.1, 110.7), strict=True)
    }  # fmt: skip
    weights = {"EE": 1.589, "EI": 2.020, "IE": -23.84, "II": -8.441}
    delays = {"EE": 2.520, "EI": 1.714, "IE": 1.585, "II": 1.149}
    for pair, j in weights.items():
        low, high = (0.0, np.inf) if j > 0 else (-np.inf, 0.0)
        d = delays[pair]
        nest.Connect(
            cells[pair[0]], cells[pair[1]],
            {"rule": "pairwise_bernoulli", "p": 0.2},
            {
                "weight": nest.math.redraw(nest.random.normal(j, 0.1 * abs(j)), low, high),
                "delay": nest.math.redraw(nest.random.normal(d, 0.5 * d), 0.3, np.inf),
            },
        )  # fmt: skip
    for kind, sources in (("E", 465), ("I", 160)):
        drive = nest.Create("poisson_generator", params={"rate": 40.0 * sources})
        nest.Connect(drive, cells[kind], syn_spec={"weight": 29.89, "delay": 1.0})
    return cells


def cavallari(seconds, seed):
    kinds = {
        "E": dict(n=4000, t_ref=2.0, g=25.0, c=500.0, rise=0.4, decay=2.0),
        "I": dict(n=1000, t_ref=1.0, g=20.0, c=200.0, rise=0.2, decay=1.0),
    }

    def peak(tau_m, rise, decay):
        return tau_m / decay * (rise / decay) ** (rise / (decay - rise))

    cells, factor = {}, {}
    for kind, k in kinds.items():
        tau_m = k["c"] / k["g"]
        factor["E" + kind] = peak(tau_m, k["rise"], k["decay"])
        factor["I" + kind] = peak(tau_m, 0.25, 5.0)
        cells[kind] = nest.Create(
            "iaf_cond_beta", k["n"],
            params={
                "V_th": -52.0, "V_reset": -59.0, "E_L": -70.0, "V_m": -70.0, "E_ex": 0.0,
                "E_in": -80.0, "t_ref": k["t_ref"], "g_L": k["g"], "C_m": k["c"],
                "tau_rise_ex": k["rise"], "tau_decay_ex": k["decay"],
                "tau_rise_in": 0.25, "tau_decay_in": 5.0,
            },
        )  # fmt: skip
    for pair, weight in {"EE": 0.178, "EI": 0.233, "IE": -2.01, "II": -2.70}.items():
        nest.Connect(
            cells[pair[0]], cells[pair[1]],
            {"rule": "pairwise_bernoulli", "p": 0.2, "allow_autapses": False},
            {"weight": weight * factor[pair], "delay": 1.0},
        )  # fmt: skip
    steps = round(seconds * 1e3 / DT)
    keep = math.exp(-DT / 16.0)
    kicks = np.random.default_rng(seed).standard_normal(steps) * 0.4 * math.sqrt(1 - keep**2)
    process = np.zeros(steps)
    for t in range(1, steps):
        process[t] = keep * process[t - 1] + kicks[t]
    cortex = nest.Create(
        "inhomogeneous_poisson_generator",
        params={
            "rate_times": ((np.arange(steps) + 1) * DT).tolist(),
            "rate_values": (800.0 * np.maximum(process, 0)).tolist(),
        },
    )
    thalamus = nest.Create("poisson_generator", params={"rate": 1200.0})
    for kind, th, cc in (("E", 0.234, 0.187), ("I", 0.317, 0.254)):
        nest.Connect(
            thalamus, cells[kind], syn_spec={"weight": th * factor["E" + kind], "delay": 1.0}
        )
        nest.Connect(
            cortex, cells[kind], syn_spec={"weight": cc * factor["E" + kind], "delay": 1.0}
        )
    return cells


def main():
    model, seconds, after, seed = sys.argv[1], *map(float, sys.argv[2:4]), int(sys.argv[4])
    threads = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    # DT is no multiple of the usual tic, a thousandth of a millisecond.
    nest.SetKernelStatus({"tics_per_ms": 1600, "resolution": DT})
    nest.SetKernelStatus({"rng_seed": seed, "local_num_threads": threads})
    cells = hagen() if model == "hagen" else cavallari(seconds, seed)
    recorders = {kind: nest.Create("spike_recorder", params={"start": after * 1e3})
                 for kind in cells}  # fmt: skip
    for kind, neurons in cells.items():
        nest.Connect(neurons, recorders[kind])
    nest.Prepare()
    wall, cpu = time.perf_counter(), time.process_time()
    nest.Run(seconds * 1e3)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rates = {
        kind: recorders[kind].n_events / len(cells[kind]) / (seconds - after) for kind in cells
    }
    print(json.dumps({"rates_hz": rates, "wall_per_s": wall / seconds, "cpu_per_s": cpu / seconds}))


if __name__ == "__main__":
    main()
