"""Mode ``precision``: how coarse a signal may become before its information goes.

The signal is rounded to, or jittered over, a width τ, and the information is estimated anew at
each τ, so that the critic is right for the coarse signal too. Nemenman et al. 2008 asked the
question of spike times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._cells import Cell, measure_cells, tables
from neuroloom.mi._errors import OptionError, choice
from neuroloom.mi._options import real
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._sweep import summarize

CORRUPTIONS = ("rounding", "noise")
VARIABLES = ("x", "y", "both")


def corrupted(values: Any, tau: float, how: str, rng: np.random.Generator) -> Any:
    """Return `values` known to a width of `tau` only."""
    if tau == 0:
        return values
    if how == "rounding":
        return tau * np.round(values / tau)
    return values + rng.uniform(-tau / 2, tau / 2, size=values.shape)


def run_precision(analysis: Analysis, units: str) -> Results:
    """Return the information at each precision, and the coarsest that keeps a share of it."""
    if analysis.y is None:
        raise OptionError("y_data: expected data in mode 'precision', got None")
    factor, options = unit_factor(units), analysis.options
    taus = options.get("tau_grid")
    if taus is None or isinstance(taus, (str, int, float)) or not len(taus):
        raise OptionError(f"tau_grid: expected a list of widths, e.g. [0.1, 1.0], got {taus!r}")
    widths = sorted({0.0, *(real("tau_grid", t, low=0.0) for t in taus)})
    how = choice("corruption_method", options.get("corruption_method") or "rounding", CORRUPTIONS)
    which = choice("corrupt_target", options.get("corrupt_target") or "x", VARIABLES)
    n_draws = real("n_noise_samples", options.get("n_noise_samples") or 1, whole=True, low=1)
    ratios = options.get("threshold_ratio", 0.9)
    ratios = [real("threshold_ratio", r, above=0.0, below=1.0) for r in np.atleast_1d(ratios)]
    samples = analysis.samples()
    seed = analysis.seed.child("precision")
    cells = []
    for place, tau in enumerate(widths):
        for draw in range(n_draws if how == "noise" and tau else 1):
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
        for ratio in ratios
    }
    details = {
        "baseline_mi": float(baseline),
        "precision_tau": lost[ratios[0]],
        "precision_taus": {str(ratio): tau for ratio, tau in lost.items()},
        "raw_results": raw,
        "tidy": tidy,
        "is_reliable": all(bool(row["reliable"]) for row in tidy),
    }
    return Results("precision", {"sweep_var": "tau"}, float(baseline), frame, details)
