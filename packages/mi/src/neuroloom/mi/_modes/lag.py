"""Mode ``lag``: the estimate against a delay between x and y."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.mi._errors import OptionError
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, measure_cells, reasons_of, tables
from neuroloom.mi._modes.null import cells_null, check_null
from neuroloom.mi._modes.sweep import summarize
from neuroloom.mi._options.modes import LagOptions
from neuroloom.mi._results.results import Results
from neuroloom.mi._samples.variables import Variable, shift


def _lags(lags: tuple[float, ...], y: Variable) -> list[float]:
    """Return lags in the unit of y's grid."""
    if y.in_seconds:
        return list(lags)
    if any(lag != int(lag) for lag in lags):
        raise OptionError(f"lag_range: expected whole samples, got {list(lags)}")
    return [int(lag) for lag in lags]


def run_lag(analysis: Analysis, options: LagOptions) -> Results:
    """Return estimates over delays: x at time t with y at ``t + lag``.

    The estimate of the best lag is the largest of many: its p-value is over all lags.
    """
    analysis.need_y("lag")
    assert analysis.y is not None
    factor, lags = analysis.factor, _lags(options.lags, analysis.y)
    cut = [analysis.samples(analysis.x, shift(analysis.y, lag)) for lag in lags]
    n = min(len(samples.starts) for samples in cut)
    check_null(options.null, n, cut[0].gap)
    seed = analysis.seed.child("lag")
    kept = slice(n if options.equalize_n else None)
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
        "reasons": reasons_of([outcomes[best]]),
    }
    frame = summarize(outcomes, ["lag"], factor)
    if options.null is not None:
        starts = cut[0].starts
        step = float(np.median(np.diff(starts)))
        null = cells_null(analysis, cells, options.null, round((max(lags) - min(lags)) / step))
        frame["p_value"] = null.corrected
        details |= {
            "null_distribution": null.values * factor,
            "null_statistic": null.observed * factor,
            "p_value": float(null.corrected.min()),
            "surrogate": null.kind,
        }
    return Results("lag", {"sweep_var": "lag"}, float(mi[best] * factor), frame, details)
