"""The calibration table: do intervals hold the truth, and do flags mean what they say?

    python calibration.py run rows.jsonl --part tuning --sizes 500 2000 --seeds 0 1
    python calibration.py report rows.jsonl

Rows are kept as they come, one JSON object per line, so that a run goes on where it was stopped.
The part that is held back is run once, at the end.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from distributions import DISTRIBUTIONS, HELD_BACK, NAMES, TUNING

from neuroloom import mi

PARTS = {"tuning": TUNING, "held_back": HELD_BACK, "all": NAMES}
DIRECT = ("ksg", "gcmi", "lmi")


def one(name: str, n: int, seed: int, what: str) -> dict[str, object]:
    x, y, truth = DISTRIBUTIONS[name](n, seed)
    options: dict[str, object] = {"random_seed": seed, "verbose": False}
    if what in DIRECT:
        options["estimator"] = what
    elif what == "rigorous":
        options |= {"mode": "rigorous", "confidence_level": 0.95}
    begin = time.process_time()
    row: dict[str, object] = {"name": name, "n": n, "seed": seed, "what": what, "truth": truth}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = mi.run(x, y, **options)
    except mi.exceptions.NeuralMIError as error:
        return {**row, "refused": f"{type(error).__name__}: {error}"}
    low, high = result.details["interval"]
    return {
        **row,
        "mi": result.mi_estimate,
        "error": result.details["mi_error"],
        "low": low,
        "high": high,
        "reliable": result.is_reliable,
        "reasons": [reason[:60] for reason in result.details["reasons"]],
        "test": result.details.get("test_mi"),
        "train": result.details.get("train_mi"),
        "checks": result.details.get("checks", {}),
        "parts": result.details.get("error_parts", {}),
        "seconds": time.process_time() - begin,
    }


def read(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def run(
    path: Path, names: tuple[str, ...], sizes: list[int], seeds: list[int], whats: list[str]
) -> None:
    done = {(r["name"], r["n"], r["seed"], r["what"]) for r in read(path)}
    for n in sizes:
        for what in whats:
            for seed in seeds:
                for name in names:
                    if (name, n, seed, what) in done:
                        continue
                    row = one(name, n, seed, what)
                    with path.open("a") as file:
                        file.write(json.dumps(row) + "\n")


def table(rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame([r for r in rows if "mi" in r])
    frame["held"] = (frame.low <= frame.truth) & (frame.truth <= frame.high)
    near = np.maximum(0.1 * frame.truth, 0.05)
    frame["right"] = (frame.mi - frame.truth).abs() <= near
    limit = np.maximum(near, 2 * frame.error)
    frame["above"] = frame.mi - frame.truth > limit
    return frame


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    out = []
    for (what, n), group in frame.groupby(["what", "n"]):
        good = group[group.reliable]
        right = group[group.right]
        out.append(
            {
                "what": what,
                "n": n,
                "results": len(group),
                "reliable": len(good),
                "interval holds (reliable)": good.held.mean(),
                "interval holds (all)": group.held.mean(),
                "right": len(right),
                "right and reliable": right.reliable.mean(),
                "reliable and above": good.above.mean(),
                "median |error|, bits": (group.mi - group.truth).abs().median(),
            }
        )
    return pd.DataFrame(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("run", "report"))
    parser.add_argument("rows", type=Path)
    parser.add_argument("--part", choices=PARTS, default="tuning")
    parser.add_argument("--names", nargs="+", choices=NAMES, default=())
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--what", nargs="+", default=["estimate"])
    options = parser.parse_args()
    if options.command == "run":
        names = tuple(options.names or PARTS[options.part])
        run(options.rows, names, options.sizes, options.seeds, options.what)
        return
    frame = table(read(options.rows))
    frame = frame[frame.name.isin(PARTS[options.part])]
    print(summary(frame).round(3).to_string(index=False))
    columns = ["name", "n", "seed", "what", "truth", "mi", "low", "high", "reliable", "held"]
    print(frame[columns].sort_values(["what", "n", "name"]).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
