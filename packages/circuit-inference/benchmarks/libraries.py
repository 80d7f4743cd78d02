"""Generate the libraries of spiking networks that proofs and worked examples read.

    python benchmarks/libraries.py --folder FOLDER [--only MODEL ...] [--workers N] [--factor F]

Writes ``FOLDER/MODEL/library.npz`` per model. A killed run goes on where it was when called again.
Large libraries are made in parts with seeds of their own and joined.

Signals are 1 s (full size) or 2 s (an eighth of the size) instead of the 10 s that the field uses,
after 0.3 s of transient: the currents' spectra from 5 Hz on and the rates are settled by then, and
all libraries together cost about half an hour of one core. ``--factor`` makes them longer.

Parameters come from a box inside the models' priors in which most networks fire: of draws from the
whole prior of the two-population model two in three are silent or above 50 Hz and teach nothing.
The gate on the intervals' coefficient of variation is off, because a second holds too few intervals
per neuron to judge it; what it measures stays in the library.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from neuroloom.circuit_inference import Prior, SimulationLibrary
from neuroloom.circuit_inference.simulate import Gates, network_library

# model: (simulations per part, parts, seconds)
PLAN = {
    "hagen_eighth": (500, 4, 2.0),
    "cavallari_eighth": (300, 1, 2.0),
    "hagen": (110, 2, 1.0),
    "cavallari": (110, 1, 1.0),
    "four_area": (10, 1, 1.0),
}

HAGEN = Prior.box(
    {
        "J_EE": (0.5, 2.5, "pA"),
        "J_IE": (1.0, 4.0, "pA"),
        "J_EI": (-40.0, -10.0, "pA"),
        "J_II": (-40.0, -2.0, "pA"),
        "tau_syn_E": (0.4, 0.8, "ms"),
        "tau_syn_I": (0.3, 3.0, "ms"),
        "J_ext": (25.0, 40.0, "pA"),
    }
)
CAVALLARI = Prior.box(
    {
        "g_EE": (0.05, 0.25, "nS"),
        "g_IE": (0.15, 0.4, "nS"),
        "g_EI": (1.5, 4.0, "nS"),
        "g_II": (1.0, 4.0, "nS"),
        "v_0": (2.0, 4.5, "Hz"),
    }
)


def generate(model: str, folder: Path, *, factor: float, workers: int, toy: bool) -> dict:
    """Make one library, write it, and return what it cost and which gates it failed."""
    per_part, n_parts, seconds = PLAN[model]
    if toy:
        per_part, n_parts = 2, 1
    home = folder / model
    target = home / "library.npz"
    started, cpu = time.perf_counter(), time.process_time()
    parts = []
    for part in range(n_parts):
        parts.append(
            network_library(
                model,
                per_part,
                duration_s=seconds * factor,
                transient_s=0.3,
                gates=Gates(cv=None),
                prior=CAVALLARI if model.startswith("cavallari") else HAGEN,
                folder=home / f"part-{part}",
                batch_size=1 if model == "four_area" else 4,
                n_workers=workers,
                seed=part,
            )
        )
        library = SimulationLibrary.join(*parts)
        library.save(target)
    report = {
        "model": model,
        "n_sims": len(library),
        "seconds_each": library.duration_s,
        "gates": library.gate_report(),
        "wall_s": time.perf_counter() - started,
        "cpu_s_of_this_process": time.process_time() - cpu,
        "digest": library.digest,
    }
    (home / "report.json").write_text(json.dumps(report, indent=1))
    return report


def main() -> None:
    """Read the command line and make the libraries that it asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=list(PLAN), choices=list(PLAN))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--factor", type=float, default=1.0, help="longer simulations")
    parser.add_argument("--toy", action="store_true", help="two simulations each")
    options = parser.parse_args()
    for model in options.only:
        report = generate(
            model,
            options.folder,
            factor=options.factor,
            workers=options.workers,
            toy=options.toy,
        )
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
