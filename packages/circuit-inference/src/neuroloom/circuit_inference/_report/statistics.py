"""Group statistics: effect sizes with intervals, Holm's correction, the bootstrap.

Mixed models are in `mixed_models`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference.errors import (
    ArgumentError,
    CircuitInferenceError,
    ConstantSeriesError,
    unknown,
)
from neuroloom.shared import as_seed, checks
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EffectSize:
    """A standardised difference of two means.

    Attributes
    ----------
    d : float
        Cohen's d: difference over the pooled standard deviation.
    g : float
        Hedges' g: d without its small-sample bias.
    low, high : float
        Ends of the confidence interval of d.
    level : float
        Of the interval.
    n : tuple of int
        Sizes of both groups.
    """

    d: float
    g: float
    low: float
    high: float
    level: float
    n: tuple[int, int]


def cohen_d(x: ArrayLike, y: ArrayLike, *, level: float = 0.95) -> EffectSize:
    """Return Cohen's d of ``x − y`` with Hedges' g and a confidence interval.

    The interval inverts the noncentral t distribution (Steiger & Fouladi 1997), which is exact
    for normal data of equal variance.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Values of the two groups; NaN are left out. Zeros are values like any other.
    level : float
        Of the interval.

    Raises
    ------
    ArgumentError
        If a group has fewer than two values, or an infinite one.
    ConstantSeriesError
        If all values of both groups are the same.

    Examples
    --------
    >>> round(cohen_d([1, 2, 3, 4], [2, 4, 6, 8, 10]).d, 6)
    -1.380419
    """
    from scipy.optimize import brentq
    from scipy.special import gammaln
    from scipy.stats import nct

    a, b = (
        checks.array(name, v, np.float64, ndim=1, missing=True, error=ArgumentError)
        for name, v in (("x", x), ("y", y))
    )
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    n1, n2 = a.size, b.size
    if min(n1, n2) < 2:
        raise ArgumentError(f"x, y: expected at least two values each, got {n1} and {n2}")
    if not 0 < level < 1:
        raise ArgumentError(f"level: expected between 0 and 1, got {level!r}")
    df = n1 + n2 - 2
    pooled = np.sqrt(((n1 - 1) * a.var(ddof=1) + (n2 - 1) * b.var(ddof=1)) / df)
    if pooled == 0:
        raise ConstantSeriesError("x, y: expected values that vary, got constant groups")
    d = float((a.mean() - b.mean()) / pooled)
    correction = np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2)
    root = np.sqrt(n1 * n2 / (n1 + n2))
    t = d * root
    tail = (1 - level) / 2

    def gap(shift: float, share: float) -> float:
        below = float(nct.cdf(t, df, shift))
        if np.isnan(below):  # scipy gives up far out, where the answer is plain
            below = 0.0 if shift > t else 1.0
        return below - share

    def end(share: float) -> float:
        step = np.sqrt(1 + t * t / (2 * df))
        low, high = t - step, t + step
        while gap(low, share) < 0:
            low -= step
        while gap(high, share) > 0:
            high += step
        return float(brentq(gap, low, high, args=(share,), xtol=1e-12) / root)

    return EffectSize(d, d * float(correction), end(1 - tail), end(tail), level, (n1, n2))


def holm(p_values: ArrayLike) -> Array:
    """Return p-values corrected by Holm's (1979) step-down method; NaN stay NaN.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=np.float64)
    out = np.full(p.shape, np.nan)
    good = np.flatnonzero(np.isfinite(p))
    order = good[np.argsort(p[good], kind="stable")]
    steps = p[order] * (good.size - np.arange(good.size))
    out[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return out


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """A statistic and its distribution over resampled groups.

    Attributes
    ----------
    estimate : float
        Of the data as they are.
    low, high : float
        Ends of the percentile interval.
    level : float
        Of the interval.
    draws : ndarray, shape (n_resamples,)
        The statistic of each resample; NaN where it could not be computed.
    """

    estimate: float
    low: float
    high: float
    level: float
    draws: Array


def bootstrap(
    data: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], float],
    *,
    groups: str,
    n_resamples: int = 1000,
    level: float = 0.95,
    seed: SeedLike = None,
) -> Bootstrap:
    """Return a statistic with a bootstrap interval over groups of rows, subjects say.

    Rows of one subject depend on one another: whole subjects are drawn with replacement, and a
    subject that is drawn twice counts as two (Davison & Hinkley 1997, section 3.8).

    Parameters
    ----------
    data : DataFrame
        One row per measurement.
    statistic : callable
        Called with a table of the same columns; returns a number.
    groups : str
        Column that says which rows belong together.
    n_resamples : int
        At least 100.
    level : float
        Of the interval.
    seed : int or Seed
        Resample i draws from ``seed.child(i)``.

    Raises
    ------
    ArgumentError
        If the column does not exist or has missing values, there are fewer than two groups, or
        more than half of the resamples have no value.

    Examples
    --------
    >>> table = pd.DataFrame({"ID": [0, 0, 1, 1, 2, 2], "Y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    >>> bootstrap(table, lambda t: t["Y"].mean(), groups="ID", n_resamples=200).estimate
    3.5
    """
    if groups not in data.columns:
        raise unknown("groups", groups, map(str, data.columns))
    checks.whole("n_resamples", n_resamples, at_least=100, error=ArgumentError)
    if not 0 < level < 1:
        raise ArgumentError(f"level: expected between 0 and 1, got {level!r}")
    if missing := int(data[groups].isna().sum()):
        raise ArgumentError(
            f"groups: expected a group for each row, got {missing} of {len(data)} without: leave "
            "them out before"
        )
    parts = [part for _, part in data.groupby(groups, sort=False)]
    if len(parts) < 2:
        raise ArgumentError(f"groups: expected at least two in {groups!r}, got {len(parts)}")
    root = as_seed(seed)
    draws = np.full(n_resamples, np.nan)
    for i in range(n_resamples):
        chosen = root.child(i).generator().integers(len(parts), size=len(parts))
        table = pd.concat(
            [parts[k].assign(**{groups: place}) for place, k in enumerate(chosen)],
            ignore_index=True,
        )
        try:
            draws[i] = float(statistic(table))
        except (CircuitInferenceError, np.linalg.LinAlgError):
            continue  # a resample without one of the groups has no difference of them
    good = draws[np.isfinite(draws)]
    if good.size < n_resamples / 2:
        raise ArgumentError(
            f"statistic: expected numbers, got none of {n_resamples - good.size} resamples"
        )
    low, high = np.quantile(good, [(1 - level) / 2, (1 + level) / 2])
    return Bootstrap(float(statistic(data)), float(low), float(high), level, draws)
