"""The benchmark command: 40 distributions, several estimators, one table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom import shared
from neuroloom.mi._benchmark._tasks import BenchmarkTask, benchmark_tasks
from neuroloom.mi._errors import OptionError, choice
from neuroloom.mi._run import run
from neuroloom.shared import Seed

if TYPE_CHECKING:
    import pandas as pd

# One setting for all tasks: Gaussian ones stop early, the others use their epochs.
SETTING: dict[str, Any] = {
    "n_epochs": 100,
    "patience": 20,
    "learning_rate": 2e-3,
    "batch_size": 256,
    "hidden_dim": 128,
    "n_folds": 3,
    "n_inits": 1,
}
QUICK: dict[str, Any] = {**SETTING, "n_epochs": 20, "hidden_dim": 64, "patience": 6}
ESTIMATORS = ("neural", "ksg", "gcmi", "cca")
N_SAMPLES, N_SEEDS = 10_000, 3
QUICK_SAMPLES, QUICK_SEEDS = 4_000, 1


def run_one(item: tuple[str, str, int, int, dict[str, Any]]) -> dict[str, Any]:
    """Return one estimate in nats, its time in seconds, and whether it calls itself reliable."""
    task_id, estimator, n, seed, setting = item
    x, y = benchmark_tasks()[task_id].sample(n, seed)
    own: Any = "infonce" if estimator == "neural" else estimator
    begin, used = time.perf_counter(), time.process_time()
    result = run(
        x,
        y,
        estimator=own,
        base_params=setting if estimator == "neural" else None,
        split_mode="random",
        output_units="nats",
        random_seed=Seed(seed).child(task_id),
        verbose=False,
    )
    details = result.details
    return {
        "mi": float(result.mi_estimate if result.mi_estimate is not None else np.nan),
        "error": float(details["mi_error"]),
        "reliable": bool(result.is_reliable),
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - used,
    }


def benchmark(
    *,
    estimators: tuple[str, ...] = ESTIMATORS,
    tasks: tuple[str, ...] = (),
    quick: bool = False,
    n_samples: int | None = None,
    n_seeds: int | None = None,
    setting: dict[str, Any] | None = None,
    n_workers: int | None = None,
    progress: bool = True,
    resume: str | Path | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the estimates of all benchmark tasks, one row per task and estimator, in nats.

    Parameters
    ----------
    estimators : tuple of {"neural", "ksg", "gcmi", "cca"}
    tasks : tuple of str
        Ids of tasks, all 40 if empty.
    quick : bool
        Fewer samples, seeds and epochs: minutes instead of an hour.
    n_samples, n_seeds : int, optional
        10,000 and 3 unless `quick`.
    setting : dict, optional
        ``base_params`` of the critics, the same for all tasks.
    n_workers : int, optional
        As in `neuroloom.shared.map`.
    progress : bool
    resume : str or Path, optional
        Folder that keeps finished estimates; a stopped run goes on from it.
    seed : int
        Of the first data set; the others count up from it.

    Returns
    -------
    pandas.DataFrame
        ``task_id, name, true_mi, estimator, mi, sd, bias, within, reliable, seconds``: the mean
        and spread over seeds, and how far the mean is from the truth.

    Raises
    ------
    OptionError
        If a task or an estimator is unknown.
    """
    import pandas as pd

    known_tasks = benchmark_tasks()
    chosen = [choice("tasks", t, known_tasks) for t in (tasks or known_tasks)]
    kinds = [choice("estimators", e, ESTIMATORS) for e in estimators]
    n, repeats = _size(n_samples, n_seeds, quick)
    own = setting or (QUICK if quick else SETTING)
    items = [(t, e, n, seed + s, own) for t in chosen for e in kinds for s in range(repeats)]
    done = shared.map(
        run_one,
        items,
        n_workers=n_workers,
        progress=progress,
        description="benchmark",
        resume=resume,
    )
    raw = pd.DataFrame(
        [{"task_id": i[0], "estimator": i[1], **r} for i, r in zip(items, done, strict=True)]
    )
    return _summary(raw, {t: known_tasks[t] for t in chosen})


def _size(n_samples: int | None, n_seeds: int | None, quick: bool) -> tuple[int, int]:
    """Return how many samples and seeds, checked; 0 is wrong input, not "as usual"."""
    usual = (QUICK_SAMPLES, QUICK_SEEDS) if quick else (N_SAMPLES, N_SEEDS)
    n = usual[0] if n_samples is None else n_samples
    repeats = usual[1] if n_seeds is None else n_seeds
    if n < 200 or repeats < 1:
        raise OptionError(f"n_samples, n_seeds: expected at least 200 and 1, got {n}, {repeats}")
    return n, repeats


def _summary(raw: pd.DataFrame, tasks: Mapping[str, BenchmarkTask]) -> pd.DataFrame:
    """Return one row per task and estimator, in the order in which they come."""
    import pandas as pd

    rows = []
    for (task_id, estimator), group in raw.groupby(["task_id", "estimator"], sort=False):
        task = tasks[str(task_id)]
        own = {"task_id": task_id, "name": task.name, "true_mi": task.true_mi}
        rows.append({**own, "estimator": estimator, **_over_seeds(group, task.true_mi)})
    return pd.DataFrame(rows)


def _over_seeds(group: pd.DataFrame, truth: float) -> dict[str, Any]:
    """Return what the seeds' estimates of one task by one estimator say together."""
    mi = float(group["mi"].mean())
    return {
        "mi": mi,
        "sd": float(group["mi"].std(ddof=1)) if len(group) > 1 else 0.0,
        "bias": mi - truth,
        "reliable": bool(group["reliable"].all()),
        "seconds": float(group["seconds"].sum()),
        "cpu_seconds": float(group["cpu_seconds"].sum()),
    }


def table(frame: pd.DataFrame) -> str:
    """Return the benchmark as text: a line per task, and a summary per estimator."""
    kinds = list(dict.fromkeys(frame["estimator"]))
    width = max(len(name) for name in frame["name"])
    lines = [f"{'task (nats)':{width}}  truth " + "".join(f"{k:>16}" for k in kinds)]
    for _, group in frame.groupby("task_id", sort=False):
        first = group.iloc[0]
        line = f"{first['name']:{width}}  {first['true_mi']:5.3f} "
        by = group.set_index("estimator")
        for kind in kinds:
            row = by.loc[kind]
            mark = " " if row["reliable"] else "?"
            line += f"{row['mi']:9.3f} {row['bias']:+5.2f}{mark}"
        lines.append(line)
    lines.append("")
    for kind, group in frame.groupby("estimator", sort=False):
        bias = group["bias"]
        lines.append(
            f"{kind:>8}: within .05 nats {int((bias.abs() <= 0.05).sum())}, within .1 "
            f"{int((bias.abs() <= 0.1).sum())}, above the truth by more than .1 "
            f"{int((bias > 0.1).sum())} of {len(group)}; {group['seconds'].sum():.0f} s"
        )
    lines.append("? = calls itself unreliable")
    return "\n".join(lines)
