"""Generate the libraries of spiking networks that proofs and worked examples read.

    python benchmarks/libraries.py --folder FOLDER [--only MODEL ...] [--workers N] [--factor F]

Writes ``FOLDER/MODEL/library.npz`` per model. A killed run goes on where it was when called again.
Large libraries are made in parts with seeds of their own and joined.

Signals are 1 s (full size) or 2 s (an eighth of the size) instead of the 10 s that the field uses,
after 0.3 s of transient: the currents' spectra from 5 Hz on and the rates are settled by then, and
all six libraries together cost about half an hour of one core. ``--factor`` makes them longer.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from neuroloom.circuit_inference import SimulationLibrary
from neuroloom.circuit_inference.simulate import network_library

# model: (simulations per part, parts, seconds)
PLAN = {
    "hagen_eighth": (500, 4, 2.0),
    "cavallari_eighth": (300, 1, 2.0),
    "hagen": (110, 2, 1.0),
    "cavallari": (110, 1, 1.0),
    "four_area": (10, 1, 1.0),
}


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
