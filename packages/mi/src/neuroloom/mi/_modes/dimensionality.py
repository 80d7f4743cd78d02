"""Mode ``dimensionality``: how many latent dimensions two variables share.

Two numbers are given. The saturation dimension is where information stops growing with the
critic's ``embedding_dim``. The participation ratio ``(Σρ)² / Σρ²`` counts the canonical
correlations ``ρ`` of the samples, each feature taken to a normal one, that hold up on samples
left out. With x alone, its channels are split into random halves, which share what the
population has in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.mi._critics import gaussian as _baseline
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, Outcome, measure_cells, reasons_of, tables
from neuroloom.mi._modes.noise_curve import noisy, regimes, sigmas, stabilized, suggestion
from neuroloom.mi._options.modes import DimensionalityOptions
from neuroloom.mi._results.results import Results
from neuroloom.mi._samples.halves import halves
from neuroloom.mi._training.preprocessing import transform

if TYPE_CHECKING:
    import pandas as pd


def saturation(dims: Any, mean: Any, spread: Any, strictness: float) -> int:
    """Return the dimension after which information grows by less than `strictness` spreads.

    Examples
    --------
    >>> saturation([1, 2, 3, 4], [1.0, 2.0, 3.0, 3.01], [0.1, 0.1, 0.1, 0.1], 1.0)
    3
    """
    order = np.argsort(dims)
    sizes, mi, std = (np.asarray(v, dtype=float)[order] for v in (dims, mean, spread))
    for i in range(len(sizes) - 1):
        if mi[i + 1] - mi[i] < strictness * std[i + 1]:
            return int(sizes[i])
    return int(sizes[-1])


def participation_ratio(values: Any) -> float:
    """Return ``(Σv)² / Σv²``, the effective number of equal values.

    Examples
    --------
    >>> participation_ratio([1.0, 1.0, 0.0])
    2.0
    """
    v = np.asarray(values, dtype=float)
    total = float((v**2).sum())
    return float(v.sum() ** 2 / total) if total > 0 else 0.0


def run_dimensionality(analysis: Analysis, options: DimensionalityOptions) -> Results:
    """Return information against the embedding's size, and the dimensions it points to."""
    factor, combinations = analysis.factor, options.grid
    samples = analysis.samples()
    seed = analysis.seed.child("dimensionality")
    values = samples.values
    if options.stabilize_counts:
        values = tuple(stabilized(v) for v in values)
    if analysis.y is None:
        pairs = halves(values[0], options, seed.child("halves").generator())
    else:
        pairs = [(values[0], values[1])]
    # Two samples that are a lag apart hold the same values when x is its own past.
    gap = samples.gap + (options.lag if options.split_method == "temporal" else 0)
    cells = []
    for split, (x, y) in enumerate(pairs):
        for combination in combinations:
            # A baseline would hold all of the information, whatever the embedding's size.
            params = analysis.params.replace(
                baseline=False, **{k: v for k, v in combination.items() if k != "run_id"}
            )
            key = {**combination, "split": split}
            own = seed.child(split).child(int(combination.get("run_id", 0)))
            cells.append(Cell(key, x, y, gap, own, params))
    outcomes = measure_cells(analysis, cells, "dimensions")
    tidy, raw = tables(outcomes, factor)
    keys = [k for k in combinations[0] if k != "run_id"]
    frame = _table(outcomes, keys, len(pairs) == 1, factor)
    first = frame.sort_values("mi_mean").groupby("embedding_dim").last().reset_index()
    estimated = {
        str(level): saturation(first["embedding_dim"], first["mi_mean"], first["mi_std"], level)
        for level in options.strictness
    }
    spectra = [
        _canonical_spectrum(x, y, seed.child(k).generator()) for k, (x, y) in enumerate(pairs)
    ]
    ratios = [participation_ratio(rho) for rho in spectra]
    details = {
        "estimated_dims": estimated,
        "participation_ratio": float(np.mean(ratios)),
        "participation_ratios": ratios,
        "spectrum": [rho.tolist() for rho in spectra],
        "raw_results": raw,
        "tidy": tidy,
        "is_reliable": all(bool(row["reliable"]) for row in tidy),
        "reasons": reasons_of(outcomes),
    }
    if options.sigma_add is not None:
        largest = max(combinations, key=lambda c: c["embedding_dim"])
        details |= _noise_curve(analysis, options, pairs[0], largest, gap)
    return Results("dimensionality", {"sweep_var": "embedding_dim"}, None, frame, details)


def _table(
    outcomes: Sequence[Outcome], keys: list[str], single: bool, factor: float
) -> pd.DataFrame:
    """Return mean and spread over splits per combination, the standard error of a single one."""
    import pandas as pd

    every = pd.DataFrame(
        [{**o.cell.key, "mi": o.mi * factor} for o in outcomes if o.estimate is not None]
    )
    frame = every.groupby(keys)["mi"].agg(["mean", "std"]).reset_index()
    frame = frame.rename(columns={"mean": "mi_mean", "std": "mi_std"}).fillna({"mi_std": 0.0})
    if single:
        errors = {
            tuple(o.cell.key[k] for k in keys): o.estimate.error for o in outcomes if o.estimate
        }
        frame["mi_std"] = [
            errors[tuple(row)] * factor for row in frame[keys].itertuples(index=False)
        ]
    frame.attrs["swept"] = keys
    return frame


def _noise_curve(
    analysis: Analysis,
    options: DimensionalityOptions,
    pair: tuple[Any, Any],
    combination: Any,
    gap: int,
) -> dict[str, Any]:
    """Return information and participation ratio of one pair under added noise."""
    seed, factor = analysis.seed.child("dimensionality"), analysis.factor
    levels = sigmas(options.sigma_add)
    params = analysis.params.replace(
        baseline=False, **{k: v for k, v in combination.items() if k != "run_id"}
    )
    cells, ratios = [], []
    for level in levels:
        # The same draw at every level: only its size changes.
        rng = seed.child("noise").generator()
        x, y = (noisy(values, level, rng) for values in pair)
        cells.append(Cell({"sigma": level}, x, y, gap, seed.child("ladder"), params))
        spectrum = _canonical_spectrum(x, y, seed.child("ladder").generator())
        ratios.append(participation_ratio(spectrum))
    table = regimes(levels, measure_cells(analysis, cells, "noise"), factor)
    table["participation_ratio"] = ratios
    return {"noise_ladder": table, "suggested_sigma": suggestion(table)}


def _canonical_spectrum(x: Any, y: Any, rng: np.random.Generator) -> Any:
    """Return the canonical correlations that hold up on held-out samples, largest first."""
    fitted = _baseline.fit(transform(x, "rank"), transform(y, "rank"), rng)
    return np.sort(fitted.rho)[::-1]
