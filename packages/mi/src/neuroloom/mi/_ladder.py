"""From estimates on parts of the data to none of their bias: the ladder of mode ``rigorous``.

The samples are divided into γ parts, for γ = 1, 2, …, and every part is estimated on its own.
Too few samples make held-out information too small, by about a constant over their number
(Holmes & Nemenman 2019 for neighbours, Abdelaleem et al. 2025 for critics), so a line through the
estimates, followed to γ = 0, is the information of endless data. What sets this ladder apart:

* every critic makes the same number of optimiser steps, whatever its part's size;
* every sample is scored by critics that have not seen it (cross-fitting);
* parts are contiguous where splits are blocked, so that gaps hold;
* where a nearly linear dependence has second-order terms that are too many to be learned from the
  samples there are, their debiased sum takes the place of the extrapolation (`_second_order`);
* the interval counts the parts as what they are, nested pieces of one recording: it comes from a
  bootstrap over stretches of time, repeated for all γ at once, with the disagreement between a
  line and a parabola and the scatter about the fit added.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._baseline import rank_normal
from neuroloom.mi._cells import Cell, measure_cells
from neuroloom.mi._errors import InsufficientDataError, OptionError, SmallSampleWarning
from neuroloom.mi._options import real
from neuroloom.mi._second_order import SecondOrder, second_order
from neuroloom.mi._split import MIN_TRAIN
from neuroloom.shared import Seed

Array = NDArray[Any]
GAMMAS = (1, 2, 3, 4, 5)
_DRAWS = 1000
_STOP_AFTER = 0.25
_MATTERS = 0.02


@dataclass(frozen=True)
class Term:
    """One information of a signed sum, estimated from `x` and `y`."""

    sign: int
    x: Array
    y: Array


@dataclass(frozen=True)
class Climbed:
    """The outcome of a ladder in output units."""

    mi: float
    error: float
    low: float
    high: float
    reliable: bool
    frame: pd.DataFrame
    details: dict[str, Any]


def gammas(analysis: Analysis, n: int) -> list[int]:
    """Return the checked numbers of parts.

    Raises
    ------
    OptionError
        If ``gamma_range`` is empty or holds something else than whole numbers of at least 1.
    InsufficientDataError
        If fewer than ``min_gamma_points`` of them leave enough samples per part.
    """
    asked = analysis.options.get("gamma_range")
    if asked is None:
        asked = GAMMAS
    if isinstance(asked, (str, int, float)) or not len(asked):
        raise OptionError(f"gamma_range: expected whole numbers, e.g. range(1, 6), got {asked!r}")
    values = sorted({real("gamma_range", g, whole=True, low=1) for g in asked})
    least = 2 * MIN_TRAIN + 36
    fit = [g for g in values if n // g >= least]
    points = analysis.options.get("min_gamma_points") or 5
    if len(fit) < min(points, 5):
        raise InsufficientDataError(
            f"expected at least {least} samples in each of γ parts for {min(points, 5)} values of "
            f"γ, got {n} samples, which is enough for γ = {fit}; record at least "
            f"{least * min(points, 5)} or use mode='estimate'"
        )
    if len(fit) < len(values):
        warnings.warn(
            f"γ = {[g for g in values if g not in fit]} left out: fewer than {least} samples each",
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


def climb(
    analysis: Analysis, terms: Sequence[Term], gap: int, seed: Seed, factor: float
) -> Climbed:
    """Return the extrapolated signed sum of `terms`."""
    n = len(terms[0].x)
    values = gammas(analysis, n)
    learning = analysis.params.training
    patience = learning.patience or max(1, round(_STOP_AFTER * learning.n_epochs))
    params = analysis.params.but(patience=patience, n_inits=min(2, learning.n_inits))
    n_reference = round(n * (1 - 1 / learning.n_folds) * (1 - learning.validation))
    cells = []
    for g in values:
        rng = seed.child("parts").child(g).generator()
        for place, index in enumerate(parts(n, g, analysis.split_mode, rng)):
            for t, term in enumerate(terms):
                key = {"gamma": g, "part": place, **({"term": t} if len(terms) > 1 else {})}
                own = seed.child(g).child(place)
                cells.append(
                    Cell(key, term.x, term.y, gap, own, params, None, index, None, n_reference)
                )
    outcomes = measure_cells(analysis, cells, "ladder")
    pointwise = {g: np.zeros(n) for g in values}
    use_dv = _better_bound(outcomes)
    rows: dict[tuple[int, int], dict[str, float]] = {}
    for outcome in outcomes:
        g, place = outcome.cell.key["gamma"], outcome.cell.key["part"]
        sign = terms[outcome.cell.key.get("term", 0)].sign
        if outcome.estimate is None or outcome.cell.index is None:
            continue
        local = outcome.estimate.pointwise[outcome.cell.index]
        # Pointwise values carry the interval; their mean is set to the bound that is reported.
        mi = _reported(outcome.estimate, use_dv)
        pointwise[g][outcome.cell.index] += sign * (local - np.nanmean(local) + mi)
        row = rows.setdefault((g, place), {"test_mi": 0.0, "train_mi": 0.0, "n": 0.0})
        row["test_mi"] += sign * mi * factor
        row["train_mi"] += sign * outcome.estimate.train_mi * factor
        row["n"] = len(outcome.cell.index)
    frame = pd.DataFrame([{"gamma": g, "part": p, **row} for (g, p), row in rows.items()])
    climbed = _extrapolate(analysis, pointwise, frame, gap, seed, factor, outcomes)
    if len(terms) > 1 or use_dv is None or params.training.transform != "rank":
        return climbed
    x, y = (rank_normal(v.reshape(n, -1).astype(float)) for v in (terms[0].x, terms[0].y))
    return _beyond(analysis, climbed, second_order(x, y, seed), factor)


def _beyond(analysis: Analysis, climbed: Climbed, found: SecondOrder, factor: float) -> Climbed:
    """Return the outcome with the debiased second order, where that tells of more."""
    mi = found.mi * factor
    more = mi - climbed.mi
    used = found.clear and more > _MATTERS * abs(climbed.mi)
    details = {
        **climbed.details,
        "mi_extrapolated": climbed.mi,
        "second_order": {
            "mi": mi,
            "linear": found.linear * factor,
            "n_coordinates": found.n_coordinates,
            "used": used,
        },
    }
    if not used:
        return replace(climbed, details=details)
    form = float(np.hypot(details["error_parts"]["form"], more / 3))
    error = float(np.hypot(max(found.error * factor, details["error_parts"]["samples"]), form))
    z = float(norm.ppf(0.5 + analysis.confidence / 2))
    low, high = mi - z * error, mi + z * error
    details |= {
        "mi_corrected": mi,
        "mi_error": error,
        "interval": (low, high),
        "bias_at_gamma_1": mi - details["mi_at_gamma"][1],
        "error_parts": {**details["error_parts"], "form": form},
    }
    return Climbed(mi, error, low, high, climbed.reliable, climbed.frame, details)


def _reported(estimate: Any, use_dv: bool | None) -> float:
    if use_dv is None:
        return float(estimate.mi)
    return float(estimate.better if use_dv else estimate.test_mi)


def _better_bound(outcomes: Sequence[Any]) -> bool | None:
    """Return whether all parts report Donsker–Varadhan's value, or each its own if None.

    One rule for all γ: a switch on the way up would look like a change of bias.
    """
    first = [o for o in outcomes if o.estimate is not None and o.cell.key["gamma"] == 1]
    if not first or first[0].fits[0].job.bound != "infonce":
        return None
    return bool(np.mean([o.estimate.gain for o in first]) > 0)


def fit_line(gamma: Array, mean: Array, degree: int) -> tuple[Array, Array]:
    """Return the coefficients of a polynomial in γ and the weights that give its intercept."""
    design = np.vander(gamma, degree + 1, increasing=True)
    # A mean over γ parts of n/γ samples uses all n samples: every γ weighs the same.
    solve = np.linalg.pinv(design)
    return solve @ mean, solve[0]


def _extrapolate(
    analysis: Analysis,
    pointwise: dict[int, Array],
    frame: pd.DataFrame,
    gap: int,
    seed: Seed,
    factor: float,
    outcomes: Sequence[Any],
) -> Climbed:
    gamma = np.array(sorted(pointwise), dtype=float)
    values = np.stack([pointwise[int(g)] for g in gamma])
    mean = values.mean(axis=1)
    kept, linear = _prune(analysis, gamma, mean)
    line, weights = fit_line(gamma[:kept], mean[:kept], 1)
    curve, curve_weights = fit_line(gamma, mean, 2)
    share = 1.0 if linear else 0.5  # of the line, when line and parabola are averaged
    weights = np.concatenate([weights, np.zeros(len(gamma) - kept)])
    combined = share * weights + (1 - share) * curve_weights
    intercept = float(combined @ mean)
    length = max(gap + 1, round(values.shape[1] ** (1 / 3)))
    draws = _block_bootstrap(combined @ values, length, seed.child("bootstrap").generator())
    residual = mean[:kept] - np.polynomial.polynomial.polyval(gamma[:kept], line)
    dof = max(kept - 2, 1)
    scatter = float(np.sqrt((residual**2).sum() / dof * (weights**2).sum()))
    form = abs(float(curve[0] - line[0])) / 2
    error = float(np.sqrt(draws.var() + scatter**2 + form**2))
    z = float(norm.ppf(0.5 + analysis.confidence / 2))
    # Uncertainty of the model's form lies above a line that bends down, but is kept symmetric.
    at_ceiling = any(o.estimate is not None and o.estimate.at_ceiling for o in outcomes)
    steep = abs(line[1]) > 0.15 * max(abs(intercept), 0.1)
    reliable = linear and kept >= min(5, analysis.options.get("min_gamma_points") or 5)
    reliable = bool(reliable and not at_ceiling and not steep and np.isfinite(intercept))
    mi, error = intercept * factor, error * factor
    details: dict[str, Any] = {
        "mi_corrected": mi,
        "mi_error": error,
        "interval": (mi - z * error, mi + z * error),
        "confidence_level": analysis.confidence,
        "slope": float(line[1] * factor),
        "is_reliable": reliable,
        "gammas_used": [int(g) for g in gamma[:kept]],
        "at_ceiling": bool(at_ceiling),
        "bias_at_gamma_1": float(intercept - mean[0]) * factor,
        "error_parts": {
            "samples": float(draws.std() * factor),
            "scatter": scatter * factor,
            "form": form * factor,
        },
        "mi_at_gamma": {int(g): float(m * factor) for g, m in zip(gamma, mean, strict=True)},
    }
    return Climbed(mi, error, mi - z * error, mi + z * error, reliable, frame, details)


def _prune(analysis: Analysis, gamma: Array, mean: Array) -> tuple[int, bool]:
    """Return how many γ lie on a line, and whether the curvature rule agrees with that."""
    threshold = analysis.options.get("delta_threshold") or 0.1
    least = min(max(3, analysis.options.get("min_gamma_points") or 5), len(gamma))
    kept = len(gamma)
    while True:
        curve, _ = fit_line(gamma[:kept], mean[:kept], 2)
        bent = abs(curve[2]) > threshold * abs(curve[1])
        # Bending that changes the intercept by less than 2 % is of no account.
        line, _ = fit_line(gamma[:kept], mean[:kept], 1)
        matters = abs(curve[0] - line[0]) > max(0.02 * abs(line[0]), 0.01)
        if not (bent and matters):
            return kept, True
        if kept <= least:
            return kept, False
        kept -= 1


def _block_bootstrap(
    influence: Array, length: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return bootstrap means over stretches of `length` samples."""
    n_blocks = max(2, len(influence) // length)
    sums = np.array([block.mean() for block in np.array_split(influence, n_blocks)])
    drawn = rng.integers(0, n_blocks, size=(_DRAWS, n_blocks))
    return np.asarray(sums[drawn].mean(axis=1))
