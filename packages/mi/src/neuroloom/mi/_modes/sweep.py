"""Mode ``sweep``: the estimate against parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, Outcome, measure_cells, reasons_of, tables
from neuroloom.mi._options.modes import SweepOptions
from neuroloom.mi._options.params import KEYS
from neuroloom.mi._results.results import Results
from neuroloom.mi._samples.variables import PROCESSING, rewindow

if TYPE_CHECKING:
    import pandas as pd


def sweep_cells(
    analysis: Analysis,
    combinations: Sequence[Mapping[str, Any]],
    most: int | None = None,
) -> list[Cell]:
    """Return one cell per combination; all share their folds' seed, so that noise cancels."""
    cells = []
    cut: dict[str, tuple[Any, Any, int]] = {}  # combinations that cut alike share their samples
    for combination in combinations:
        processing = {k: v for k, v in combination.items() if k in PROCESSING}
        changes = {k: v for k, v in combination.items() if k in KEYS}
        how = repr(sorted(processing.items()))
        if how not in cut:
            cut[how] = _samples(analysis, processing, most)
        x, y, gap = cut[how]
        seed = analysis.seed.child("sweep")
        if "run_id" in combination:
            seed = seed.child(f"run {combination['run_id']}")
        params = analysis.params.replace(**changes)
        cells.append(Cell(combination, x, y, gap, seed, params))
    return cells


def _samples(
    analysis: Analysis, processing: Mapping[str, Any], most: int | None
) -> tuple[Any, Any, int]:
    """Return samples of x and y, at most `most`, and the gap that belongs to them."""
    own = analysis
    if processing:
        own = replace(
            analysis,
            x=rewindow(analysis.x, processing),
            y=None if analysis.y is None else rewindow(analysis.y, processing),
        )
    samples = own.samples()
    x, y = (values[:most] for values in samples.values[:2])
    return x, y, samples.gap


def summarize(outcomes: Sequence[Outcome], keys: Sequence[str], factor: float) -> pd.DataFrame:
    """Return the table of a mode: swept keys, ``mi_mean`` and ``mi_std``.

    ``mi_std`` is the standard deviation over runs of equal parameters, or the standard error of
    a single one.
    """
    import pandas as pd

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


def run_sweep(analysis: Analysis, options: SweepOptions) -> Results:
    """Return estimates over a grid of parameters."""
    analysis.need_y("sweep")
    factor = analysis.factor
    cells = sweep_cells(analysis, options.grid, options.max_samples)
    outcomes = measure_cells(analysis, cells, "sweep")
    keys = [k for k in options.grid[0] if k != "run_id"]
    tidy, raw = tables(outcomes, factor)
    frame = summarize(outcomes, keys, factor)
    details = {
        "raw_results": raw,
        "tidy": tidy,
        "is_reliable": all(bool(row["reliable"]) for row in tidy),
        "reasons": reasons_of(outcomes),
    }
    return Results("sweep", {"sweep_var": keys[0]}, None, frame, details)
