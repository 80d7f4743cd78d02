"""False alarms: how often independent slow series give p ≤ .05, in every mode with a p-value.

    python alarms.py run rows.jsonl --estimators gcmi ksg --minutes 20
    python alarms.py report rows.jsonl

First-order autoregressive series, their length in units of 1 / (1 − φ) samples. Rows are kept as
they come, one JSON object per line, so that a run goes on where it was stopped. Each cell's share
of p ≤ .05 stands beside its exact 99.9 % interval (Clopper & Pearson 1934). Every mode and
estimator has series of its own: modes that look at the same ones alarm at the same ones (a
correlation of .85 between `estimate` and `lag`), and a pooled share then says less than its number
of sets.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from scipy.stats import binomtest

from neuroloom import mi

PHI = (0.9, 0.98, 0.998)
TIMES = (20, 50, 200)
MODES = ("estimate", "lag", "pairwise", "conditional", "transfer")
ESTIMATORS = ("gcmi", "ksg", "network")
N_SETS = {"gcmi": 200, "ksg": 200, "network": 40}
SURROGATES = 19  # the smallest number that can give p = .05
SMALL = {"n_epochs": 8, "n_inits": 1, "n_folds": 2, "hidden_dim": 16, "embedding_dim": 4}


def series(rng: np.random.Generator, phi: float, n: int, n_channels: int = 1) -> np.ndarray:
    """Stationary autoregressive series, shape (n, n_channels)."""
    first = rng.standard_normal((1, n_channels)) / math.sqrt(1 - phi**2)
    noise = rng.standard_normal((n, n_channels))
    values, _ = lfilter([1], [1, -phi], noise, axis=0, zi=phi * first)
    return values


def p_of(mode: str, estimator: str, phi: float, times: int, number: int) -> float:
    place = [MODES.index(mode), ESTIMATORS.index(estimator)]
    rng = np.random.default_rng([*place, number, times, round(1000 * phi)])
    n = round(times / (1 - phi))
    width = 2 if mode == "pairwise" else 1
    x, y, z = (series(rng, phi, n, width) for _ in range(3))
    options = {"mode": mode, "n_permutations": SURROGATES, "verbose": False}
    options["random_seed"] = int(rng.integers(2**31))
    if estimator == "network":
        options["base_params"] = SMALL
    else:
        options["estimator"] = estimator
    if mode == "lag":
        options["lag_range"] = [-2, 0, 2]
    if mode == "conditional":
        options["z_data"] = z
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = mi.run(x, y, **options)
    if mode == "pairwise":
        return float(np.nanmin(result.details["p_matrix"]))
    return float(result.p_value)


def read(path: Path) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame(columns=["mode", "estimator", "phi", "times", "number", "p"])
    return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines() if line])


def run(path: Path, options: argparse.Namespace) -> None:
    done = set(read(path)[["mode", "estimator", "phi", "times", "number"]].itertuples(False, None))
    end = time.monotonic() + 60 * options.minutes
    cells = itertools.product(options.estimators, options.times, options.phi, options.modes)
    for estimator, times, phi, mode in cells:
        for number in range(N_SETS[estimator]):
            if (mode, estimator, phi, times, number) in done:
                continue
            if time.monotonic() > end:
                return
            row = {"mode": mode, "estimator": estimator, "phi": phi, "times": times}
            row |= {"number": number, "p": p_of(mode, estimator, phi, times, number)}
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")


def table(frame: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for key, cell in frame.groupby(["estimator", "mode", "phi", "times"]):
        hits, n = _alarms(cell), len(cell)
        around = binomtest(hits, n).proportion_ci(0.999)
        row = dict(zip(["estimator", "mode", "phi", "times"], key, strict=True))
        fair = around.low <= 0.05 <= around.high
        rows.append(row | {"sets": n, "share": hits / n, "holds .05": fair})
    return pd.DataFrame(rows)


def _alarms(frame: pd.DataFrame) -> int:
    return int((frame.p <= 0.05 + 1e-9).sum())


def pooled(frame: pd.DataFrame) -> str:
    """Return the share of all sets together with its exact 95 % interval."""
    hits, n = _alarms(frame), len(frame)
    around = binomtest(hits, n).proportion_ci(0.95)
    return (
        f"{hits / n:.3f} of {n:,} sets (exact 95 % interval {around.low:.3f} to {around.high:.3f})"
    )


def page(frame: pd.DataFrame) -> str:
    """Return the cells as tables for the documentation, one for each estimator."""
    cells, parts = table(frame), []
    for name in ESTIMATORS:
        mine = cells[cells.estimator == name]
        columns = sorted({(float(p), int(t)) for p, t in zip(mine.phi, mine.times, strict=True)})
        if not columns:
            parts.append(f"`{name}`: not run.\n")
            continue
        head = " | ".join(f"φ = {phi:g}, {times} times" for phi, times in columns)
        lines = [f"| {name} | {head} |", "|---|" + "---:|" * len(columns)]
        for mode in MODES:
            shown = [_cell(mine, mode, phi, times) for phi, times in columns]
            lines.append(f"| {mode} | {' | '.join(shown)} |")
        unfair = int((~mine["holds .05"]).sum())
        told = f"Overall {pooled(frame[frame.estimator == name])}; target: .04 to .06. "
        told += f"Cells whose exact 99.9 % interval excludes .05: {unfair} of {len(mine)}; "
        told += f"not run: {len(PHI) * len(TIMES) * len(MODES) - len(mine)} of 45."
        parts.append("\n".join(lines) + f"\n\n{told}\n")
    return "\n".join(parts)


def _cell(cells: pd.DataFrame, mode: str, phi: float, times: int) -> str:
    mine = cells[(cells["mode"] == mode) & (cells.phi == phi) & (cells.times == times)]
    if not len(mine):
        return "–"
    row = mine.iloc[0]
    return f"{row.share:.3f}" + ("" if row.sets == N_SETS[row.estimator] else f" ({row.sets})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("run", "report"))
    parser.add_argument("rows", type=Path)
    parser.add_argument("--estimators", nargs="+", choices=ESTIMATORS, default=ESTIMATORS)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--phi", type=float, nargs="+", default=PHI)
    parser.add_argument("--times", type=int, nargs="+", default=TIMES)
    parser.add_argument("--minutes", type=float, default=math.inf)
    options = parser.parse_args()
    if options.command == "run":
        run(options.rows, options)
        return
    frame = read(options.rows)
    print(table(frame).round(3).to_string(index=False))
    for name, group in frame.groupby("estimator"):
        print(f"{name}, all together: {pooled(group)}")


if __name__ == "__main__":
    main()
