"""Proofs on problems whose posteriors are known: the sbibm tasks, and calibration over data sets.

Rows are written to a file as soon as they are computed, and a run that was stopped goes on.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import neuroloom.circuit_inference as ci

Row = dict[str, Any]
_SIZES = {1_000: "10³", 10_000: "10⁴"}
AT_10_000 = ("two_moons", "gaussian_mixture", "sir", "slcp")


class Rows:
    """Rows in a file of JSON lines, by key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.is_file() else []
        self.rows: dict[str, Row] = {row["key"]: row for row in map(json.loads, lines)}

    def add(self, key: str, row: Row) -> None:
        """Keep a row."""
        self.rows[key] = {"key": key, **row}
        with self.path.open("a") as file:
            file.write(json.dumps(self.rows[key]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        print(key, row, flush=True)


def sbibm(
    rows: Rows,
    folder: Path,
    observations: int,
    sizes: tuple[int, ...],
    only: tuple[str, ...] | None = None,
) -> None:
    """Compute C2ST of each task, size and observation; each has simulations of its own.

    `only` names the tasks of this run: runs side by side write files of their own.
    """
    from sbibm_tasks import c2st, reference, tasks

    for observation in range(1, observations + 1):
        for n in sizes:
            # Those of few parameters first: their two-sample tests take seconds, not minutes.
            every = sorted(enumerate(tasks().items()), key=lambda x: x[1][1].prior.n_parameters)
            for number, (name, task) in every:
                key = f"sbibm {name} {n} {observation}"
                if key in rows.rows or (only is not None and name not in only):
                    continue
                if only is None and n > 1_000 and name not in AT_10_000:
                    continue
                started = time.process_time()
                rng = np.random.default_rng([number, n, observation])
                theta = task.draw(n, rng)
                inferer = ci.Inferer("mdn", task.prior)
                inferer.fit(task.simulate(theta, rng), theta, seed=observation)
                x, truth, theirs = reference(folder, task, observation)
                ours = inferer.sample(x[None], len(theirs), seed=observation)[0]
                density = float(
                    inferer.log_prob(x[None], (np.log(truth) if task.log else truth)[None])[0]
                )
                middle = time.process_time()
                value = c2st(np.exp(ours) if task.log else ours, theirs)
                rows.add(
                    key,
                    {
                        "task": name, "n": n, "observation": observation, "c2st": value,
                        "log density at the truth": density,
                        "fit cpu s": round(middle - started, 1),
                        "c2st cpu s": round(time.process_time() - middle, 1),
                    },
                )  # fmt: skip


def published_npe(files: tuple[Path, ...]) -> pd.DataFrame | None:
    """Return the published rows of NPE; a later file replaces what earlier ones say of its tasks.

    The simulator of the Gaussian mixture was wrong when the paper was computed (one component for a
    whole batch), and was run again: github.com/sbi-benchmark/results holds both.
    """
    found: pd.DataFrame | None = None
    for file in files:
        rows = pd.read_csv(file)
        rows = rows[rows["algorithm"] == "NPE"]
        if found is not None:
            rows = pd.concat([found[~found["task"].isin(rows["task"])], rows])
        found = rows
    return found


def table(rows: Rows, published: tuple[Path, ...]) -> Row:
    """Return our mean C2ST beside published NPE, over the observations that were computed.

    `published` are ``benchmarking_sbi/results/main_paper.csv`` and after it
    ``gaussian_mixture_rerun/results/gaussian_mixture_rerun.csv`` of the benchmark's results.
    """
    ours = pd.DataFrame([row for row in rows.rows.values() if row["key"].startswith("sbibm")])
    out: Row = {}
    if not len(ours):
        return out
    theirs = published_npe(published)
    for (name, n), part in ours.groupby(["task", "n"]):
        row: Row = {
            "observations": len(part),
            "ours": float(part["c2st"].mean()),
            "ours s.e.": float(part["c2st"].std(ddof=1) / np.sqrt(len(part))),
        }
        if theirs is not None:
            at = (theirs["task"] == name) & (theirs["num_simulations"] == _SIZES[int(n)])
            same = theirs[at & theirs["num_observation"].isin(part["observation"])]["C2ST"]
            allof = theirs[at]["C2ST"]
            row |= {
                "NPE, same observations": float(same.mean()),
                "NPE, all ten": float(allof.mean()),
                "NPE s.e.": float(allof.std(ddof=1) / np.sqrt(len(allof))),
            }
            both = np.hypot(row["NPE s.e."], np.nan_to_num(row["ours s.e."]))
            row["within two s.e. or better"] = bool(
                row["ours"] <= row["NPE, same observations"] + 2 * both
            )
        out[f"{name} at {n}"] = row
    return out


def _two_parameters(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A damped oscillation of unknown frequency and decay, in noise: eight samples of it."""
    theta = rng.uniform([0.5, 0.2], [2.0, 2.0], (n, 2))
    t = np.linspace(0, 3, 8)
    clean = np.exp(-theta[:, 1:] * t) * np.cos(2 * np.pi * theta[:, :1] * t)
    return theta, clean + 0.2 * rng.standard_normal((n, len(t)))


def sbc(rows: Rows, n_sets: int = 20, sizes: tuple[int, ...] = (300, 3_000)) -> None:
    """Compute ranks and coverage on data sets of a two-parameter problem."""
    prior = ci.Prior.box({"frequency": (0.5, 2.0, "Hz"), "decay": (0.2, 2.0, "1/s")})
    for n in sizes:
        for number in range(n_sets):
            key = f"sbc {n} {number}"
            if key in rows.rows:
                continue
            rng = np.random.default_rng([77, n, number])
            theta, x = _two_parameters(n, rng)
            truth, asked = _two_parameters(1_000, rng)
            inferer = ci.Inferer("mdn", prior).fit(x, theta, seed=number)
            draws = inferer.sample(asked, 500, seed=number)
            low, high = np.quantile(draws, [0.05, 0.95], axis=1)
            ranks = (draws < truth[:, None]).mean(axis=1)
            rows.add(
                key,
                {
                    "n": n,
                    "coverage of 90 %": ((truth >= low) & (truth <= high)).mean(axis=0).tolist(),
                    "mean rank": ranks.mean(axis=0).tolist(),
                    "spread of ranks": ranks.std(axis=0).tolist(),
                    "r": [
                        float(np.corrcoef(a, b)[0, 1])
                        for a, b in zip(draws.mean(axis=1).T, truth.T, strict=True)
                    ],
                },
            )


def calibration(rows: Rows) -> Row:
    """Return coverage by size: mean over data sets, and their standard deviation."""
    out: Row = {}
    found = pd.DataFrame([row for row in rows.rows.values() if row["key"].startswith("sbc")])
    if not len(found):
        return out
    for n, part in found.groupby("n"):
        coverage = np.array(part["coverage of 90 %"].tolist())
        ranks = np.array(part["mean rank"].tolist())
        out[str(n)] = {
            "data sets": len(part),
            "coverage of 90 %": coverage.mean(axis=0).round(4).tolist(),
            "over data sets": coverage.std(axis=0, ddof=1).round(4).tolist(),
            "within .88 to .92": float(
                ((coverage.mean(axis=1) >= 0.88) & (coverage.mean(axis=1) <= 0.92)).mean()
            ),
            "mean rank": ranks.mean(axis=0).round(4).tolist(),
            "spread of ranks (uniform: .2887)": np.array(part["spread of ranks"].tolist())
            .mean(axis=0)
            .round(4)
            .tolist(),
        }
    return out
