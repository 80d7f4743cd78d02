"""Speed and memory beside NEST 3.10, Brian2 2.9 (C++ standalone) and the seed.

``python bench.py --out FILE.json`` writes the figures and, beside them, FILE.png with time and
memory against size. ``--only`` picks parts, whose results are added to the file; ``--toy`` runs
each part for a fraction of a second, to see that it works. `peers.py` says where the peers come
from.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

from bench_mean_field import mean_field
from bench_spiking import CASES, compare, plot_scaling, scaling

PARTS = [*CASES, "mean-field", "scaling"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--toy", action="store_true")
    arguments = parser.parse_args()
    result = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    for part in arguments.only:
        before = os.getloadavg()
        if part in CASES:
            found = compare(part, 1 if arguments.toy else arguments.rounds,
                            0.1 if arguments.toy else None)  # fmt: skip
        elif part == "mean-field":
            found = mean_field(2 if arguments.toy else 10)
        else:
            rows = scaling((1, 2) if arguments.toy else (1, 2, 5, 10, 25))
            found = {"rows": rows}
            plot_scaling(rows, arguments.out.with_suffix(".png"))
        machine = {"machine": platform.machine(), "n_cpu": os.cpu_count(),
                   "load_before": before, "load_after": os.getloadavg()}  # fmt: skip
        result[part] = found | {"machine": machine}
        arguments.out.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
