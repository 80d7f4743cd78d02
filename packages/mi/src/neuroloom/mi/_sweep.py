"""Modes ``sweep`` and ``lag``: the estimate against a parameter, or a delay."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._cells import Cell, Outcome, measure_cells, tables
from neuroloom.mi._errors import OptionError, known
from neuroloom.mi._estimate import null_options, wants_null
from neuroloom.mi._null import max_statistic, p_value, surrogate
from neuroloom.mi._options import KEYS, real
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._windows import Variable, rewindow, shift

PROCESSING = ("window_size", "step_size", "n_seconds", "max_spikes_per_window", "data_format")


def grid(sweep_grid: Mapping[str, Sequence[Any]] | None) -> list[dict[str, Any]]:
    """Return all combinations of a grid.

    Raises
    ------
    OptionError
        If the grid or a list in it is empty.
    UnknownOptionError
        If a key is no parameter.
    """
    if not sweep_grid:
        raise OptionError("sweep_grid: expected a dict of lists, e.g. {'embedding_dim': [8, 16]}")
    known("sweep_grid", sweep_grid, (*KEYS, *PROCESSING, "run_id"))
    for key, values in sweep_grid.items():
        if isinstance(values, str) or not hasattr(values, "__len__") or not len(values):
            raise OptionError(f"sweep_grid[{key!r}]: expected a list of values, got {values!r}")
    return [
        dict(zip(sweep_grid, values, strict=True))
        for values in itertools.product(*sweep_grid.values())
    ]


def sweep_cells(
    analysis: Analysis, combinations: Sequence[Mapping[str, Any]], **fixed: Any
) -> list[Cell]:
    """Return one cell per combination; all share their folds' seed, so that noise cancels."""
    cells = []
    limit = analysis.options.get("max_samples_per_task")
    for combination in combinations:
        processing = {k: v for k, v in combination.items() if k in PROCESSING}
        changes = {k: v for k, v in combination.items() if k in KEYS}
        own = analysis
        if processing:
            own = replace(
                analysis,
                x=rewindow(analysis.x, processing),
                y=None if analysis.y is None else rewindow(analysis.y, processing),
            )
        samples = own.samples()
        x, y = samples.values[:2]
        if limit is not None:
            most = real("max_samples_per_task", limit, whole=True, low=1)
            x, y = x[:most], y[:most]
        seed = analysis.seed.child("sweep")
        if "run_id" in combination:
            seed = seed.child(f"run {combination['run_id']}")
        cells.append(
            Cell(combination, x, y, samples.gap, seed, analysis.params.but(**changes), **fixed)
        )
    return cells


def summarize(outcomes: Sequence[Outcome], keys: Sequence[str], factor: float) -> pd.DataFrame:
    """Return the table of a mode: swept keys, ``mi_mean`` and ``mi_std``.

    ``mi_std`` is the standard deviation over runs of equal parameters, or the standard error of
    a single one.
    """
    rows: dict[tuple[Any, ...], list[Outcome]] = {}
    for outcome in outcomes:
        rows.setdefault(tuple(outcome.cell.key[k] for k in keys), []).append(outcome)
    table = []
    for values, group in rows.items():
        mi = np.array([o.mi for o in group]) * factor
        good = mi[np.isfinite(mi)]
        if len(good) > 1:
            spread = float(good.std(ddof=1))
        else:
            spread = next((o.estimate.error * factor for o in group if o.estimate), 0.0)
        mean = float(good.mean()) if len(good) else float("nan")
        table.append({**dict(zip(keys, values, strict=True)), "mi_mean": mean, "mi_std": spread})
    frame = pd.DataFrame(table)
    frame.attrs["swept"] = list(keys)
    return frame


def run_sweep(analysis: Analysis, units: str) -> Results:
    """Return estimates over a grid of parameters."""
    if analysis.y is None:
        raise OptionError("y_data: expected data in mode 'sweep', got None")
    factor = unit_factor(units)
    combinations = grid(analysis.options.get("sweep_grid"))
    outcomes = measure_cells(analysis, sweep_cells(analysis, combinations), "sweep")
    keys = [k for k in combinations[0] if k != "run_id"]
    if not keys:
        raise OptionError("sweep_grid: expected a parameter beside run_id, got none")
    tidy, raw = tables(outcomes, factor)
    frame = summarize(outcomes, keys, factor)
    details = {
        "raw_results": raw,
        "tidy": tidy,
        "is_reliable": all(bool(row["reliable"]) for row in tidy),
    }
    return Results("sweep", {"sweep_var": keys[0]}, None, frame, details)


def _lags(value: Any, y: Variable) -> list[float]:
    if value is None or isinstance(value, (str, int, float)) or not len(value):
        raise OptionError(
            f"lag_range: expected a list of lags in mode 'lag', e.g. range(-5, 6), got {value!r}"
        )
    lags = [float(v) for v in value]
    if not y.in_seconds and any(lag != int(lag) for lag in lags):
        raise OptionError(f"lag_range: expected whole samples, got {list(value)}")
    return lags if y.in_seconds else [int(lag) for lag in lags]


def run_lag(analysis: Analysis, units: str) -> Results:
    """Return estimates over delays: x at time t with y at ``t + lag``."""
    if analysis.y is None:
        raise OptionError("y_data: expected data in mode 'lag', got None")
    factor = unit_factor(units)
    lags = _lags(analysis.options.get("lag_range"), analysis.y)
    cut = [analysis.samples(analysis.x, shift(analysis.y, lag)) for lag in lags]
    n = min(len(samples.starts) for samples in cut)
    seed = analysis.seed.child("lag")
    kept = slice(n if analysis.options.get("equalize_n", True) else None)
    cells = [
        Cell({"lag": lag}, s.values[0][kept], s.values[1][kept], s.gap, seed)
        for lag, s in zip(lags, cut, strict=True)
    ]
    outcomes = measure_cells(analysis, cells, "lags")
    tidy, raw = tables(outcomes, factor)
    mi = np.array([o.mi for o in outcomes])
    best = int(np.nanargmax(mi))
    details: dict[str, Any] = {
        "best_lag": lags[best],
        "raw_results": raw,
        "tidy": tidy,
        "n_samples": n,
        "is_reliable": bool(tidy[best]["reliable"]),
    }
    frame = summarize(outcomes, ["lag"], factor)
    if wants_null(analysis.options):
        statistic, null = cell_null(analysis, cells)
        p = max_statistic(statistic, null)
        frame["p_value"] = p
        details |= {
            "null_distribution": null * factor,
            "null_statistic": statistic * factor,
            "p_value": float(p.min()),
        }
    return Results("lag", {"sweep_var": "lag"}, float(mi[best] * factor), frame, details)


def cell_null(analysis: Analysis, cells: Sequence[Cell]) -> tuple[Any, Any]:
    """Return statistics of cells (n_cells,) and of shared surrogates (n_surrogates, n_cells).

    Every surrogate undoes the pairing in all cells alike, so the largest value of each can
    correct for the number of cells.
    """
    n = min(len(cell.x) for cell in cells)
    options = null_options(analysis.options)
    params = analysis.params.but(n_inits=1)
    seed = analysis.seed.child("null")
    orders = [np.arange(n)]
    for s in range(options["n_permutations"]):
        rng = seed.child("surrogate").child(s).generator()
        orders.append(
            surrogate(
                n,
                options["surrogate"],
                rng,
                gap=cells[0].gap,
                block=options["surrogate_block"],
                trials=options["trials"],
            )
        )
    shared_folds = analysis.folds(n, cells[0].gap, cells[0].seed)[: options["null_folds"]]
    every = [
        replace(
            cell,
            key={**cell.key, "surrogate": s - 1},
            x=cell.x[:n],
            y=cell.y[:n],
            params=params if cell.params is None else cell.params.but(n_inits=1),
            seed=seed.child(s).child(k),
            folds=shared_folds,
            permutation=order,
        )
        for s, order in enumerate(orders)
        for k, cell in enumerate(cells)
    ]
    values = np.array([o.mi for o in measure_cells(analysis, every, "surrogates")])
    table = values.reshape(len(orders), len(cells))
    return table[0], table[1:]


def single_p_values(statistic: Any, null: Any) -> Any:
    """Return each cell's own p-value, uncorrected."""
    return np.array([p_value(v, null[:, k]) for k, v in enumerate(statistic)])
