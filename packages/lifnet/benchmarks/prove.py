"""Slow proofs: spiking networks against peers and published figures, and theory against both.

``python prove.py --out FILE.json`` runs all of them (about an hour on two cores; half of it is
NEST); ``--only`` picks some, whose results are added to the file. The rows of long proofs are kept
beside it as they come: a run that was broken off goes on where it was. `peers.py` says where the
peers come from; without them their proofs say that they were skipped.
"""

from __future__ import annotations

import argparse
import inspect
import json
import time
from pathlib import Path

import prove_fixed_points
import prove_runs
import prove_spiking
import prove_theory
from rows import Rows

MODULES = (prove_spiking, prove_theory, prove_fixed_points, prove_runs)
PROOFS = {proof.__name__: proof for module in MODULES for proof in module.PROOFS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(PROOFS), default=list(PROOFS))
    arguments = parser.parse_args()
    for name in arguments.only:
        started = time.perf_counter()
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        long = "rows" in inspect.signature(PROOFS[name]).parameters
        rows = [Rows(arguments.out.with_suffix(""))] if long else []
        found = PROOFS[name](*rows) | {"took_s": round(time.perf_counter() - started, 1)}
        print(name, json.dumps(found), flush=True)
        result = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
        arguments.out.write_text(json.dumps(result | {name: found}, indent=1))


if __name__ == "__main__":
    main()
