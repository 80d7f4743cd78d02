"""Mode ``pairwise``: information between all pairs of channels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._cells import Cell, measure_cells, tables
from neuroloom.mi._errors import DataShapeError, OptionError, choice
from neuroloom.mi._estimate import wants_null
from neuroloom.mi._null import benjamini_hochberg, max_statistic
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._sweep import cell_null, single_p_values

CORRECTIONS = ("max", "bh", "none")


def _channels(values: Any) -> list[Any]:
    """Return one array of samples per channel; plain features count as channels."""
    if values.shape[1] == 1:
        values = values.transpose(0, 2, 1)
    return [values[:, k : k + 1] for k in range(values.shape[1])]


def run_pairwise(analysis: Analysis, units: str) -> Results:
    """Return the information of each channel of x about each of y, or of x about one another."""
    factor = unit_factor(units)
    correction = choice("correction", analysis.options.get("correction") or "max", CORRECTIONS)
    samples = analysis.samples()
    x = _channels(samples.values[0])
    within = analysis.y is None
    y = x if within else _channels(samples.values[1])
    if within and len(x) < 2:
        raise DataShapeError("x_data: expected at least 2 channels in mode 'pairwise', got 1")
    wanted = analysis.options.get("pairs")
    every = (
        list(itertools.combinations(range(len(x)), 2))
        if within
        else list(itertools.product(range(len(x)), range(len(y))))
    )
    pairs = every if wanted is None else [(int(i), int(j)) for i, j in wanted]
    for i, j in pairs:
        if not (0 <= i < len(x) and 0 <= j < len(y)) or (within and i == j):
            raise OptionError(
                f"pairs: expected channels below {len(x)} and {len(y)}, got ({i}, {j})"
            )
    seed = analysis.seed.child("pairwise")
    cells = [
        Cell({"channel_x": i, "channel_y": j}, x[i], y[j], samples.gap, seed) for i, j in pairs
    ]
    outcomes = measure_cells(analysis, cells, "pairs")
    tidy, raw = tables(outcomes, factor)
    matrix = np.full((len(x), len(y)), np.nan)
    rows = []
    for (i, j), outcome in zip(pairs, outcomes, strict=True):
        matrix[i, j] = outcome.mi * factor
        if within:
            matrix[j, i] = matrix[i, j]
        error = np.nan if outcome.estimate is None else outcome.estimate.error * factor
        rows.append({"channel_x": i, "channel_y": j, "mi": matrix[i, j], "mi_err": error})
    frame = pd.DataFrame(rows)
    details: dict[str, Any] = {
        "mi_matrix": matrix,
        "raw_results": raw,
        "tidy": tidy,
        "is_reliable": all(bool(row["reliable"]) for row in tidy),
    }
    if wants_null(analysis.options):
        statistic, null = cell_null(analysis, cells)
        frame["p_value"] = single_p_values(statistic, null)
        if correction == "max":
            frame["p_corrected"] = max_statistic(statistic, null)
        elif correction == "bh":
            frame["p_corrected"] = benjamini_hochberg(frame["p_value"].to_numpy())
        details |= {"null_distribution": null * factor, "null_statistic": statistic * factor}
        column = "p_value" if correction == "none" else "p_corrected"
        p_matrix = np.full_like(matrix, np.nan)
        for (i, j), p in zip(pairs, frame[column], strict=True):
            p_matrix[i, j] = p
            if within:
                p_matrix[j, i] = p
        details["p_matrix"] = p_matrix
    return Results("pairwise", {"within": within}, None, frame, details)
