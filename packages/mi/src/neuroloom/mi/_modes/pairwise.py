"""Mode ``pairwise``: information between all pairs of channels."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import DataShapeError, OptionError
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, measure_cells, reasons_of, tables
from neuroloom.mi._modes.null import cells_null, check_null
from neuroloom.mi._options.modes import PairwiseOptions
from neuroloom.mi._results.results import Results
from neuroloom.mi._samples.surrogates import benjamini_hochberg

Array = NDArray[Any]


@dataclass(frozen=True)
class Pairs:
    """Pairs of channels: their indices, their samples, and what they come from."""

    index: list[tuple[int, int]]
    samples: list[tuple[Array, Array]]
    n_x: int
    n_y: int
    within: bool
    gap: int


def _channels(values: Any) -> list[Any]:
    """Return one array of samples per channel; plain features count as channels."""
    if values.shape[1] == 1:
        values = values.transpose(0, 2, 1)
    return [values[:, k : k + 1] for k in range(values.shape[1])]


def channel_pairs(analysis: Analysis, options: PairwiseOptions) -> Pairs:
    """Return the pairs that are asked for: x with y, or x's channels with one another."""
    samples = analysis.samples()
    x = _channels(samples.values[0])
    within = analysis.y is None
    y = x if within else _channels(samples.values[1])
    if within and len(x) < 2:
        raise DataShapeError("x_data: expected at least 2 channels in mode 'pairwise', got 1")
    wanted = options.pairs
    every = (
        list(itertools.combinations(range(len(x)), 2))
        if within
        else list(itertools.product(range(len(x)), range(len(y))))
    )
    pairs = every if wanted is None else list(wanted)
    for i, j in pairs:
        if not (0 <= i < len(x) and 0 <= j < len(y)) or (within and i == j):
            raise OptionError(
                f"pairs: expected channels below {len(x)} and {len(y)}, got ({i}, {j})"
            )
    chosen = [(x[i], y[j]) for i, j in pairs]
    return Pairs(pairs, chosen, len(x), len(y), within, samples.gap)


def _matrix(pairs: Pairs, values: Any) -> Array:
    out = np.full((pairs.n_x, pairs.n_y), np.nan)
    for (i, j), value in zip(pairs.index, values, strict=True):
        out[i, j] = value
        if pairs.within:
            out[j, i] = value
    return out


def run_pairwise(analysis: Analysis, options: PairwiseOptions) -> Results:
    """Return the information of each channel of x about each of y, or of x about one another."""
    import pandas as pd

    factor = analysis.factor
    pairs = channel_pairs(analysis, options)
    check_null(options.null, len(pairs.samples[0][0]), pairs.gap)
    seed = analysis.seed.child("pairwise")
    cells = [
        Cell({"channel_x": i, "channel_y": j}, x, y, pairs.gap, seed)
        for (i, j), (x, y) in zip(pairs.index, pairs.samples, strict=True)
    ]
    outcomes = measure_cells(analysis, cells, "pairs")
    tidy, raw = tables(outcomes, factor)
    mi = np.array([o.mi for o in outcomes])
    errors = np.array([np.nan if o.estimate is None else o.estimate.error for o in outcomes])
    frame = pd.DataFrame(pairs.index, columns=["channel_x", "channel_y"])
    frame["mi"], frame["mi_err"] = mi * factor, errors * factor
    frame["reliable"] = [bool(row["reliable"]) for row in tidy]
    details: dict[str, Any] = {
        "mi_matrix": _matrix(pairs, mi * factor),
        "raw_results": raw or tidy,
        "tidy": tidy,
        "is_reliable": bool(frame["reliable"].all()),
        "reasons": reasons_of(outcomes),
    }
    if options.null is not None:
        null = cells_null(analysis, cells, options.null)
        frame["p_value"] = null.single
        if options.correction == "max":
            frame["p_corrected"] = null.corrected
        elif options.correction == "bh":
            frame["p_corrected"] = benjamini_hochberg(null.single)
        column = "p_value" if options.correction == "none" else "p_corrected"
        details |= {
            "null_distribution": null.values * factor,
            "null_statistic": null.observed * factor,
            "surrogate": null.kind,
            "p_matrix": _matrix(pairs, frame[column]),
        }
    return Results("pairwise", {"within": pairs.within}, None, frame, details)
