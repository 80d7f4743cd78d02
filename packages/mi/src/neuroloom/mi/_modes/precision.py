"""Mode ``precision``: how coarse a signal may become before its information goes.

The signal is rounded to, or jittered over, a width τ, and the information is estimated anew at
each τ, so that the critic is right for the coarse signal too. Nemenman et al. 2008 asked the
question of spike times.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, measure_cells, reasons_of, tables
from neuroloom.mi._modes.sweep import summarize
from neuroloom.mi._options.modes import PrecisionOptions
from neuroloom.mi._results.results import Results


def corrupted(values: Any, tau: float, how: str, rng: np.random.Generator) -> Any:
    """Return `values` known to a width of `tau` only."""
    if tau == 0:
        return values
    if how == "rounding":
        return tau * np.round(values / tau)
    return values + rng.uniform(-tau / 2, tau / 2, size=values.shape)


def run_precision(analysis: Analysis, options: PrecisionOptions) -> Results:
    """Return the information at each precision, and the coarsest that keeps a share of it."""
    import pandas as pd

    analysis.need_y("precision")
    factor, widths, how, which = analysis.factor, options.widths, options.method, options.target
    samples = analysis.samples()
    seed = analysis.seed.child("precision")
    cells = []
    for place, tau in enumerate(widths):
        for draw in range(options.n_draws if how == "noise" and tau else 1):
            rng = seed.child("noise").child(place).child(draw).generator()
            x, y = samples.values[:2]
            x = corrupted(x, tau, how, rng) if which in ("x", "both") else x
            y = corrupted(y, tau, how, rng) if which in ("y", "both") else y
            if (x == x[:1]).all() or (y == y[:1]).all():
                continue  # nothing is left of the signal, nor of its information
            cells.append(Cell({"tau": tau, "draw": draw}, x, y, samples.gap, seed))
    outcomes = measure_cells(analysis, cells, "precision")
    tidy, raw = tables(outcomes, factor)
    frame = summarize(outcomes, ["tau"], factor)
    gone = [t for t in widths if t not in set(frame["tau"])]
    frame = pd.concat(
        [frame, pd.DataFrame({"tau": gone, "mi_mean": 0.0, "mi_std": 0.0})] if gone else [frame],
        ignore_index=True,
    ).sort_values("tau", ignore_index=True)
    mi = dict(zip(frame["tau"], frame["mi_mean"], strict=True))
    frame.attrs["swept"] = ["tau"]
    baseline = frame["mi_mean"].iloc[0]
    lost = {
        ratio: next((t for t in widths[1:] if mi[t] < ratio * baseline), float("inf"))
        for ratio in options.ratios
    }
    details = {
        "baseline_mi": float(baseline),
        "precision_tau": lost[options.ratios[0]],
        "precision_taus": {str(ratio): tau for ratio, tau in lost.items()},
        "raw_results": raw,
        "tidy": tidy,
        "is_reliable": all(bool(row["reliable"]) for row in tidy),
        "reasons": reasons_of(outcomes),
    }
    return Results("precision", {"sweep_var": "tau"}, float(baseline), frame, details)
