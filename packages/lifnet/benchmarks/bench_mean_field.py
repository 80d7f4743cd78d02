"""Fixed points of the shipped mean fields, beside the seed's solver on the same starts."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
from peers import seed_module, seed_repository

from neuroloom.lifnet import LIFMeanField, load_config
from neuroloom.lifnet.clustered import clustered_parameters

CONFIGS = {"38 populations": "default_mf_params", "6 populations": "2_cluster_mf"}


def mean_field(n_starts: int = 10) -> dict[str, Any]:
    """Return milliseconds per solve from random starts, medians, and whether both agree."""
    repository = seed_repository()
    out: dict[str, Any] = {}
    for name, config in CONFIGS.items():
        parameters = clustered_parameters(load_config(config))
        ours = LIFMeanField.from_parameters(parameters)
        theirs = None
        if repository:
            module = seed_module(repository, "neuro_mod.core.mean_field.core.lif_mean_field")
            eq = ours.equations
            # Its arrays hold one row of afferents; all of ours come from E cells.
            theirs = module.LIFMeanField(
                parameters.n_clusters, ours.c_matrix, ours.j_matrix,
                np.atleast_2d(ours.j_ext)[0], np.atleast_2d(ours.c_ext)[0],
                np.atleast_2d(ours.nu_ext)[0], eq.tau_membrane, eq.tau_synaptic, eq.threshold,
                eq.reset_voltage, eq.tau_refractory,
            )  # fmt: skip
        starts = np.random.default_rng(3).uniform(0, 10, (n_starts, ours.equations.n_pops))
        ours.solve_rates(starts[0])  # compiles
        times: dict[str, list[float]] = {"lifnet": [], "seed": []}
        solved = {"lifnet": 0, "seed": 0}
        worst = 0.0
        for start in starts:
            ends = {}
            for who, field in (("lifnet", ours), ("seed", theirs)):
                if field is None:
                    continue
                began = time.perf_counter()
                ends[who] = field.solve_rates(start)
                times[who].append((time.perf_counter() - began) * 1e3)
                solved[who] += bool(ends[who].success)
            # Either solver's root has to satisfy our equations.
            for end in ends.values():
                if end.success:
                    worst = max(worst, float(np.abs(end.x - ours.equations.phi(end.x)).max()))
        row: dict[str, Any] = {
            "populations": ours.equations.n_pops,
            "starts": n_starts,
            "lifnet_ms": statistics.median(times["lifnet"]),
            "lifnet_slowest_ms": max(times["lifnet"]),
            "solved": solved,
            "largest_residual_hz": worst,
        }
        if times["seed"]:
            row["seed_ms"] = statistics.median(times["seed"])
            row["times_as_fast"] = statistics.median(
                b / a for a, b in zip(times["lifnet"], times["seed"], strict=True)
            )
        out[name] = row
        print(name, row, flush=True)
    return out
