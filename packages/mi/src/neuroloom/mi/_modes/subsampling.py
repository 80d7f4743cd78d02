"""Subsampling extrapolation: from estimates on parts of the data to the infinite-data limit.

The samples are divided into γ parts, for γ = 1, 2, …, and every part is estimated on its own.
Too few samples make held-out information too small, by about a constant over their number
(Holmes & Nemenman 2019 for neighbours, Abdelaleem et al. 2025 for critics), so a line through the
estimates, followed to γ = 0, is the information of infinite data. What sets this one apart:

* every critic makes the same number of optimiser steps, whatever its part's size;
* every sample is scored by critics that have not seen it (cross-fitting);
* parts are contiguous where splits are blocked, so that gaps hold;
* the interval counts the parts as what they are, nested pieces of one recording: it comes from a
  bootstrap over stretches of time, repeated for all γ at once, with the disagreement between a
  line and a parabola and the scatter about the fit added; upwards it is widened by what the
  extrapolation adds, whose form is an assumption, by what the second half of the training added,
  and by what nearest neighbours see beyond it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import InsufficientDataError, SmallSampleWarning
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, Outcome, measure_cells
from neuroloom.mi._modes.crosschecks import Seen, look, missed_by_neighbours
from neuroloom.mi._options.modes import SubsamplingOptions
from neuroloom.mi._samples.folds import MIN_TRAIN
from neuroloom.mi._statistics import reliability
from neuroloom.mi._statistics.correlation import block_length
from neuroloom.mi._statistics.curve import fit_curve
from neuroloom.mi._statistics.estimate import Estimate
from neuroloom.mi._statistics.interval import BOUND, interval
from neuroloom.shared import Seed

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
_DRAWS = 1000
_STOP_AFTER = 0.25
_FEWEST = 2  # a line needs two points
_ENOUGH = 5  # values of γ below which a line cannot be told from a curve
_WIDE = 0.95  # level of the interval outside of which no curve may end
_LEAST = 2 * MIN_TRAIN + 36  # samples of a part


@dataclass(frozen=True)
class Term:
    """One information of a signed sum, estimated from `x` and `y`."""

    sign: int
    x: Array
    y: Array


@dataclass(frozen=True)
class Extrapolated:
    """The outcome of a subsampling extrapolation: the estimate in nats, the rest in output units.

    Attributes
    ----------
    estimate : Estimate
    frame : pandas.DataFrame
        One row per part: ``gamma``, ``part``, ``test_mi``, ``train_mi``, ``n``.
    details : dict
        Entries for ``Results.details``.
    """

    estimate: Estimate
    frame: pd.DataFrame
    details: dict[str, Any]


def usable(options: SubsamplingOptions, n: int) -> list[int]:
    """Return the numbers of parts that leave enough samples in each.

    Raises
    ------
    InsufficientDataError
        If fewer than five of them do, or fewer than two were asked for.
    """
    fit = [g for g in options.gammas if n // g >= _LEAST]
    wanted = max(_FEWEST, min(_ENOUGH, len(options.gammas)))
    if len(fit) < wanted:
        raise InsufficientDataError(
            f"gamma_range: expected at least {wanted} values of γ with {_LEAST} samples in each of "
            f"γ parts, got {n} samples and γ = {list(options.gammas)}, of which {fit} fit; record "
            "more, name more values of γ, or use mode='estimate'"
        )
    if len(fit) < len(options.gammas):
        warnings.warn(
            f"γ = {[g for g in options.gammas if g not in fit]} left out: fewer than {_LEAST} "
            "samples each",
            SmallSampleWarning,
            stacklevel=4,
        )
    return fit


def parts(n: int, gamma: int, mode: str, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return the samples of each part: stretches of time, or random samples in order."""
    index = np.arange(n)
    if mode == "random":
        return [np.sort(p) for p in np.array_split(rng.permutation(index), gamma)]
    return list(np.array_split(index, gamma))


def extrapolate(
    analysis: Analysis, options: SubsamplingOptions, terms: Sequence[Term], gap: int, seed: Seed
) -> Extrapolated:
    """Return the extrapolated signed sum of `terms`."""
    import pandas as pd

    n = len(terms[0].x)
    values = usable(options, n)
    seen = look(
        terms[0].x, terms[0].y, gap, analysis.seed, ordered=analysis.split_mode == "blocked"
    )
    cells = _cells(analysis, terms, values, gap, seed, seen)
    whole = [c for c in cells if c.key["gamma"] == 1]
    every = measure_cells(analysis, [*cells, *map(_shorter, whole)], "parts", checks=False)
    outcomes, shorter = every[: len(cells)], every[len(cells) :]
    use_dv = _better_bound(outcomes)
    learning = _still_learning(outcomes, shorter, terms, use_dv)
    pointwise = {g: np.zeros(n) for g in values}
    rows: dict[tuple[int, int], dict[str, float]] = {}
    for outcome in outcomes:
        estimate, index, key = outcome.estimate, outcome.cell.index, outcome.cell.key
        if estimate is None or index is None:
            continue
        sign = terms[key.get("term", 0)].sign
        local = estimate.pointwise[index]
        # Pointwise values carry the interval; their mean is set to the bound that is reported.
        mi = _reported(estimate, use_dv)
        pointwise[key["gamma"]][index] += sign * (local - np.nanmean(local) + mi)
        row = rows.setdefault(
            (key["gamma"], key["part"]), {"test_mi": 0.0, "train_mi": 0.0, "n": 0.0}
        )
        row["test_mi"] += sign * mi * analysis.factor
        row["train_mi"] += sign * estimate.train_mi * analysis.factor
        row["n"] = len(index)
    frame = pd.DataFrame([{"gamma": g, "part": p, **row} for (g, p), row in rows.items()])
    single = len(terms) == 1
    return _outcome(
        analysis, options, pointwise, frame, gap, seed, outcomes, seen, single, learning
    )


def _shorter(cell: Cell) -> Cell:
    """Return a cell whose critics make half the steps."""
    half = None if cell.n_reference is None else max(1, cell.n_reference // 2)
    key = {**cell.key, "steps": 0.5}
    return replace(cell, key=key, n_reference=half, seed=cell.seed.child("shorter"))


def _still_learning(
    outcomes: Sequence[Outcome],
    shorter: Sequence[Outcome],
    terms: Sequence[Term],
    use_dv: bool | None,
) -> float:
    """Return what the second half of the steps added to the whole of the samples, in nats.

    Parts of all sizes make the same number of steps, so that the curve over γ does not tell.
    """
    total = 0.0
    full = [o for o in outcomes if o.cell.key["gamma"] == 1]
    for long, short in zip(full, shorter, strict=True):
        if long.estimate is None or short.estimate is None:
            return float("nan")
        sign = terms[long.cell.key.get("term", 0)].sign
        total += sign * (_reported(long.estimate, use_dv) - _reported(short.estimate, use_dv))
    return total if full else float("nan")


def _cells(
    analysis: Analysis,
    terms: Sequence[Term],
    values: Sequence[int],
    gap: int,
    seed: Seed,
    seen: Seen,
) -> list[Cell]:
    n, learning = len(terms[0].x), analysis.params.training
    patience = learning.patience or max(1, round(_STOP_AFTER * learning.n_epochs))
    params = analysis.params.replace(patience=patience, n_inits=min(2, learning.n_inits))
    n_reference = round(n * (1 - 1 / learning.n_folds) * (1 - learning.validation))
    cells = []
    for g in values:
        rng = seed.child("parts").child(g).generator()
        for place, index in enumerate(parts(n, g, analysis.split_mode, rng)):
            for t, term in enumerate(terms):
                key = {"gamma": g, "part": place, **({"term": t} if len(terms) > 1 else {})}
                own = seed.child(g).child(place)
                cells.append(
                    Cell(
                        key,
                        term.x,
                        term.y,
                        gap,
                        own,
                        params,
                        index=index,
                        n_reference=n_reference,
                        memory=seen.memory,
                    )
                )
    return cells


def _reported(estimate: Estimate, use_dv: bool | None) -> float:
    if use_dv is None:
        return float(estimate.mi)
    return float(estimate.better if use_dv else estimate.test_mi)


def _better_bound(outcomes: Sequence[Outcome]) -> bool | None:
    """Return whether all parts report Donsker–Varadhan's value, or each its own if None.

    One rule for all γ: a switch on the way up would look like a change of bias.
    """
    first = [o for o in outcomes if o.estimate is not None and o.cell.key["gamma"] == 1]
    if not first or first[0].fits[0].job.bound != "infonce":
        return None
    return bool(np.mean([o.estimate.gain for o in first if o.estimate is not None]) > 0)


def _outcome(
    analysis: Analysis,
    options: SubsamplingOptions,
    pointwise: dict[int, Array],
    frame: pd.DataFrame,
    gap: int,
    seed: Seed,
    outcomes: Sequence[Outcome],
    seen: Seen,
    single: bool,
    learning: float,
) -> Extrapolated:
    gamma = np.array(sorted(pointwise), dtype=float)
    values = np.stack([pointwise[int(g)] for g in gamma])
    mean = values.mean(axis=1)
    fit = fit_curve(gamma, mean, options.threshold, options.least_points)
    influence = fit.weights @ values
    length = max(gap + 1, block_length(influence), 2 * seen.memory)
    draws = _block_bootstrap(influence, length, seed.child("bootstrap").generator())
    error = float(np.sqrt(draws.var() + fit.scatter**2 + fit.form**2))
    mi, added = fit.intercept, fit.intercept - float(mean[0])
    first = [o.estimate for o in outcomes if o.cell.key["gamma"] == 1 and o.estimate is not None]
    test, train = (
        float(frame.loc[frame.gamma == 1, name].mean() / analysis.factor)
        for name in ("test_mi", "train_mi")
    )
    ceiling = min((e.ceiling for e in first), default=float("inf"))
    open_parts = {
        "rise": max(added, 0.0) + max(np.nan_to_num(learning), 0.0),
        # What the extrapolation adds closes a part of the gap.
        "gap": train - test - added,
        "beyond": seen.neighbours - mi if single else 0.0,
    }
    left_open = reliability.open_above(mi, **open_parts)
    low, high = interval(mi, error, analysis.confidence, left_open=left_open, evidence=BOUND)
    wide = interval(mi, error, _WIDE, left_open=left_open, evidence=BOUND)
    reasons = reliability.collected(
        reliability.not_finite(mi),
        *(reliability.at_ceiling(e.test_mi, e.ceiling) for e in first),
        reliability.few_parts(len(gamma), _ENOUGH),
        reliability.bent(mi, fit.ends, wide),
        reliability.steep(mi, fit.slope),
        reliability.much_is_open(mi, **open_parts),
        missed_by_neighbours(mi, error, seen) if single else None,
        reliability.missed(mi, error, seen.squares, "squares of the features") if single else None,
        reliability.too_fine(mi, seen.neighbours, seen.neighbours_rise) if single else None,
        reliability.too_short(values.shape[1], seen.time),
    )
    factor = analysis.factor
    checks = {
        "added": added,
        "learning": learning,
        "neighbours": seen.neighbours,
        "squares": seen.squares,
        "slope": fit.slope,
        "form": fit.form,
    }
    estimate = Estimate(
        mi,
        error,
        low,
        high,
        test,
        train,
        ceiling,
        values.shape[1],
        values[0],
        tuple(dict.fromkeys(reasons)),
        checks=checks,
    )
    details: dict[str, Any] = {
        "mi_corrected": mi * factor,
        "mi_error": error * factor,
        "interval": (low * factor, high * factor),
        "confidence_level": analysis.confidence,
        "slope": fit.slope * factor,
        "is_reliable": estimate.reliable,
        "reasons": list(estimate.reasons),
        "gammas_used": [int(g) for g in gamma[: fit.kept]],
        "at_ceiling": any(e.at_ceiling for e in first),
        "bias_at_gamma_1": added * factor,
        "error_parts": {
            "samples": float(draws.std() * factor),
            "scatter": fit.scatter * factor,
            "form": fit.form * factor,
        },
        "mi_at_gamma": {int(g): float(m * factor) for g, m in zip(gamma, mean, strict=True)},
        "n_samples": values.shape[1],
        "checks": {name: value * factor for name, value in checks.items()},
    }
    return Extrapolated(estimate, frame, details)


def _block_bootstrap(
    influence: Array, length: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return bootstrap means over stretches of `length` samples."""
    n_blocks = max(2, len(influence) // length)
    sums = np.array([block.mean() for block in np.array_split(influence, n_blocks)])
    drawn = rng.integers(0, n_blocks, size=(_DRAWS, n_blocks))
    # Drawing with replacement loses a share 1/B of the variance.
    means = sums[drawn].mean(axis=1)
    centre = means.mean()
    return np.asarray(centre + (means - centre) * np.sqrt(n_blocks / (n_blocks - 1)))
