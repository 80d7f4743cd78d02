"""Group statistics: effect sizes with intervals, Holm's correction, mixed-effects models.

Mixed models are fitted by statsmodels (no R); estimated marginal means are linear combinations of
its fixed effects over a balanced grid of the other factors.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference.errors import ArgumentError, ConstantSeriesError
from neuroloom.shared import require

Array = NDArray[np.float64]
_EXTRA = "neuroloom-circuit-inference[statistics]"
_RANDOM = re.compile(r"\+?\s*\(\s*([^|()]+)\|\s*([^()]+?)\s*\)")


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
    x, y : array_like
        Values of the two groups; NaN are left out. Zeros are values like any other.
    level : float
        Of the interval.

    Raises
    ------
    ArgumentError
        If a group has fewer than two values.
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

    a, b = (np.asarray(v, dtype=np.float64).ravel() for v in (x, y))
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
class MixedEffects:
    """A fitted (mixed-effects) linear model.

    Attributes
    ----------
    formula : str
    table : DataFrame
        Fixed effects: estimate, standard error, z (t without random effects), p and 95 % interval.
    log_likelihood, bic : float
        Of the maximum-likelihood fit, so that models with other fixed effects compare.
    n_parameters : int
    result : object
        statsmodels' own result.
    """

    formula: str
    table: pd.DataFrame
    log_likelihood: float
    bic: float
    n_parameters: int
    result: Any

    def contrasts(
        self, data: pd.DataFrame, factor: str, control: str, by: str = ""
    ) -> pd.DataFrame:
        """Return differences of estimated marginal means from `control`.

        Parameters
        ----------
        data : DataFrame
            What the model was fitted on: gives the levels of the other factors, which are averaged
            over with equal weights, and the means of covariates.
        factor : str
            Column whose levels are compared.
        control : str
            Level that the others are compared with.
        by : str
            Column for whose levels the comparison is made separately.

        Returns
        -------
        DataFrame
            contrast, `by`, estimate, SE, z.ratio, p.value and p.holm (over all rows).
        """
        patsy = require("patsy", extra=_EXTRA)
        used = [name for name in _variables(_split(self.formula)[0])[1:] if name in data.columns]
        levels: dict[str, list[Any]] = {}
        for name in used:
            numeric = pd.api.types.is_numeric_dtype(data[name])
            levels[name] = [data[name].mean()] if numeric else sorted(data[name].unique())
        if factor not in levels or control not in levels[factor]:
            raise ArgumentError(
                f"control: expected a level of {factor!r} in the model, got {control!r}"
            )
        grid = pd.DataFrame(list(itertools.product(*levels.values())), columns=list(levels))
        right = _split(self.formula)[0].split("~")[1]
        info = patsy.dmatrix(right, data).design_info
        if info.column_names != list(self.table.index):
            raise ArgumentError(
                f"data: expected what the model was fitted on, with the terms "
                f"{list(self.table.index)}, got {info.column_names}"
            )
        design = np.asarray(patsy.dmatrix(info, grid))
        beta = np.asarray(self.result.params)[: design.shape[1]]
        covariance = np.asarray(self.result.cov_params())[: design.shape[1], : design.shape[1]]
        rows = []
        for group in levels[factor]:
            if group == control:
                continue
            for value in levels[by] if by else [None]:
                inside = (
                    np.ones(len(grid), bool) if value is None else (grid[by] == value).to_numpy()
                )
                pick = (grid[factor] == group).to_numpy() & inside
                base = (grid[factor] == control).to_numpy() & inside
                difference = design[pick].mean(axis=0) - design[base].mean(axis=0)
                rows.append((f"{group} - {control}", value, difference))
        return _contrast_table(rows, beta, covariance, by)


def _contrast_table(
    rows: list[tuple[str, Any, Array]], beta: Array, covariance: Array, by: str
) -> pd.DataFrame:
    from scipy.stats import norm

    weights = np.stack([row[2] for row in rows])
    estimate = weights @ beta
    error = np.sqrt(np.einsum("ij,jk,ik->i", weights, covariance, weights))
    z = estimate / error
    p = 2 * norm.sf(np.abs(z))
    table = pd.DataFrame({"contrast": [row[0] for row in rows]})
    if by:
        table[by] = [row[1] for row in rows]
    table["estimate"], table["SE"], table["z.ratio"], table["p.value"] = estimate, error, z, p
    table["p.holm"] = holm(p)
    return table


def mixed_effects(data: pd.DataFrame, formula: str) -> MixedEffects:
    """Return a linear model with or without random effects.

    Parameters
    ----------
    data : DataFrame
        One row per measurement.
    formula : str
        As in R's lme4: ``"Y ~ Group + (1 | ID)"``, ``"Y ~ Group * Sensor + (1 + Age | ID)"``, or
        without the bracket for an ordinary linear model. One random term.

    Raises
    ------
    ArgumentError
        If a variable is not a column, or there is more than one random term.
    MissingDependencyError
        If statsmodels is not installed.
    """
    fixed, random = _split(formula)
    needed = _variables(fixed) + ([] if random is None else _variables(f"{random[0]}~{random[1]}"))
    missing = sorted({name for name in needed if name not in data.columns})
    if missing:
        raise ArgumentError(
            f"formula: expected columns among {list(data.columns)}, got {missing} in {formula!r}"
        )
    smf = require("statsmodels.formula.api", extra=_EXTRA)
    if random is None:
        result = smf.ols(fixed, data).fit()
        likelihood, n_parameters = float(result.llf), int(result.df_model) + 2
    else:
        terms = None if random[0].strip() == "1" else f"~{random[0]}"
        model = smf.mixedlm(fixed, data, groups=data[random[1].strip()], re_formula=terms)
        result = model.fit(reml=True)
        likelihood = float(model.fit(reml=False).llf)
        n_parameters = len(result.params) + 1
    n_fixed = int(np.asarray(result.model.exog).shape[1])
    interval = np.asarray(result.conf_int())[:n_fixed]
    table = pd.DataFrame(
        {
            "estimate": np.asarray(result.params)[:n_fixed],
            "SE": np.asarray(result.bse)[:n_fixed],
            "z": np.asarray(result.tvalues)[:n_fixed],
            "p": np.asarray(result.pvalues)[:n_fixed],
            "low": interval[:, 0],
            "high": interval[:, 1],
        },
        index=pd.Index(result.model.exog_names, name="term"),
    )
    bic = n_parameters * np.log(len(data)) - 2 * likelihood
    return MixedEffects(formula, table, likelihood, float(bic), n_parameters, result)


def likelihood_ratio(small: MixedEffects, large: MixedEffects) -> tuple[float, int, float]:
    """Return the χ² statistic, degrees of freedom and p-value of two nested models."""
    from scipy.stats import chi2

    statistic = 2 * (large.log_likelihood - small.log_likelihood)
    df = large.n_parameters - small.n_parameters
    if df < 1:
        raise ArgumentError(f"large: expected more parameters than small, got {df} more")
    return float(statistic), df, float(chi2.sf(max(statistic, 0.0), df))


def _split(formula: str) -> tuple[str, tuple[str, str] | None]:
    """Return the fixed part, and the terms and grouping of the random part."""
    if formula.count("~") != 1:
        raise ArgumentError(f"formula: expected 'Y ~ …', got {formula!r}")
    found = _RANDOM.findall(formula)
    if len(found) > 1:
        raise ArgumentError(f"formula: expected at most one random term, got {found}")
    fixed = _RANDOM.sub("", formula).strip()
    if fixed.endswith("~"):
        fixed += " 1"
    return fixed, (found[0] if found else None)


def _variables(formula: str) -> list[str]:
    names: Sequence[str] = re.findall(
        r"[A-Za-z_][A-Za-z_0-9.]*", re.sub(r"C\(|\bI\(", "(", formula)
    )
    return list(dict.fromkeys(names))
