"""Mixed-effects models by lme4's formulas, fitted by statsmodels (no R).

Estimated marginal means are linear combinations of the fixed effects over a balanced grid of the
other factors.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._report.statistics import holm
from neuroloom.circuit_inference.errors import ArgumentError, unknown
from neuroloom.shared import require

Array = NDArray[np.float64]
_EXTRA = "neuroloom-circuit-inference[statistics]"
_RANDOM = re.compile(r"\+?\s*\(\s*([^|()]+)(\|\|?)\s*([^()|]+?)\s*\)")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_FUNCTIONS = {
    name: getattr(np, name)
    for name in ("abs", "cos", "exp", "expm1", "log", "log10", "log1p", "log2", "sin", "sqrt")
}


@dataclass(frozen=True)
class RandomTerm:
    """One bracket of a formula.

    Attributes
    ----------
    terms : str
        What varies: ``"1"`` or ``"1 + Age"``.
    groups : tuple of str
        Columns whose combinations are the groups.
    """

    terms: str
    groups: tuple[str, ...]


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
    n_rows, n_dropped : int
        Rows fitted, and rows left out because a value was missing.
    result : object
        statsmodels' own result.
    design : object
        patsy's description of the fixed effects.
    """

    formula: str
    table: pd.DataFrame
    log_likelihood: float
    bic: float
    n_parameters: int
    n_rows: int
    n_dropped: int
    result: Any
    design: Any

    def contrasts(
        self,
        data: pd.DataFrame,
        factor: str | Sequence[str],
        control: str | None = None,
        by: str | Sequence[str] = (),
    ) -> pd.DataFrame:
        """Return differences of estimated marginal means.

        Parameters
        ----------
        data : DataFrame
            What the model was fitted on: gives the levels of the other factors, which are averaged
            over with equal weights, and the means of covariates.
        factor : str, or sequence of str
            Column whose levels (or columns whose combinations) are compared.
        control : str, optional
            Level that the others are compared with; all pairs if not given.
        by : str, or sequence of str
            Columns for whose levels the comparison is made separately.

        Returns
        -------
        DataFrame
            contrast, `by`, estimate, SE, z.ratio, p.value and p.holm (over all rows).

        Raises
        ------
        ArgumentError
            If a column or level is not in the model.
        """
        patsy = require("patsy", extra=_EXTRA)
        factors = (factor,) if isinstance(factor, str) else tuple(factor)
        groups = ((by,) if by else ()) if isinstance(by, str) else tuple(by)
        levels = self._levels(self._fitted_rows(data))
        for name in (*factors, *groups):
            if name not in levels:
                raise unknown("factor", name, levels)
            if len(levels[name]) < 2:
                raise ArgumentError(
                    f"factor: expected a column of at least two levels, got {name!r}, which is a "
                    f"number to the model: C({name}) in the formula makes numbers levels"
                )
        grid = pd.DataFrame(list(itertools.product(*levels.values())), columns=list(levels))
        design = np.asarray(patsy.dmatrix(self.design, grid))
        beta = np.asarray(self.result.params)[: design.shape[1]]
        covariance = np.asarray(self.result.cov_params())[: design.shape[1], : design.shape[1]]
        cells = list(itertools.product(*(levels[name] for name in factors)))
        rows = []
        for first, second in _pairs(cells, factor, control):
            for value in itertools.product(*(levels[name] for name in groups)):
                inside = _where(grid, groups, value)
                one, two = (inside & _where(grid, factors, cell) for cell in (first, second))
                difference = design[one].mean(axis=0) - design[two].mean(axis=0)
                label = " - ".join(" ".join(map(str, cell)) for cell in (first, second))
                rows.append((label, value, difference))
        return _contrast_table(rows, beta, covariance, groups)

    def _fitted_rows(self, data: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that the model was fitted on, without those with missing values."""
        needed = formula_columns(self.formula)
        if missing := [name for name in needed if name not in data]:
            raise ArgumentError(f"data: expected what the model was fitted on, got no {missing}")
        rows = data[~_incomplete(data[needed])]
        if len(rows) != self.n_rows:
            raise ArgumentError(
                f"data: expected the {self.n_rows} rows that the model was fitted on, got "
                f"{len(rows)}"
            )
        return rows

    def _levels(self, data: pd.DataFrame) -> dict[str, list[Any]]:
        fixed = _split(self.formula)[0]
        levels: dict[str, list[Any]] = {}
        for name in formula_columns(fixed.split("~")[1]):
            values = data[name].dropna()
            as_factor = re.search(rf"\bC\(\s*{re.escape(name)}\b", fixed)
            numeric = pd.api.types.is_numeric_dtype(values) and values.dtype != bool
            levels[name] = [values.mean()] if numeric and not as_factor else sorted(values.unique())
        return levels


def mixed_effects(data: pd.DataFrame, formula: str) -> MixedEffects:
    """Return a linear model with or without random effects.

    Parameters
    ----------
    data : DataFrame
        One row per measurement. Rows with a missing value in a column of the formula are left
        out, as R does, with a warning.
    formula : str
        As in R's lme4: ``"Y ~ Group + (1 | ID)"``, ``"np.log(Y) ~ Group * Sensor + (1 + Age |
        ID)"``, nested ``(1 | ID/Sensor)``, crossed ``(1 | ID) + (1 | Sensor)``, or without
        brackets for an ordinary linear model. Functions are numpy's (``np.log``, ``log``, …),
        ``I(…)`` and ``C(…)``.

    Raises
    ------
    ArgumentError
        If a variable is not a column, a formula cannot be understood, or several random terms
        have slopes.
    MissingDependencyError
        If statsmodels is not installed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"ID": np.repeat(np.arange(20), 5)})
    >>> table["Group"] = np.where(table.ID < 10, "A", "B")
    >>> table["Y"] = rng.standard_normal(100) + rng.standard_normal(20)[table.ID]
    >>> mixed_effects(table, "Y ~ Group + (1 | ID)").table.index.tolist()
    ['Intercept', 'Group[T.B]']
    """
    fixed, random = _split(formula)
    needed = formula_columns(formula)
    missing = sorted(name for name in needed if name not in data.columns)
    if missing:
        raise ArgumentError(
            f"formula: expected columns among {list(data.columns)}, got {missing} in {formula!r}"
        )
    used, n_dropped = _complete(data, needed)
    patsy = require("patsy", extra=_EXTRA)
    environment = patsy.EvalEnvironment([{"np": np, **_FUNCTIONS}])
    try:
        # Rows with missing values are gone; patsy would drop what a function makes of the others.
        keep = patsy.NAAction(NA_types=[])
        with np.errstate(all="ignore"):
            y, x = patsy.dmatrices(fixed, used, environment, keep, return_type="dataframe")
    except (patsy.PatsyError, NameError, TypeError, SyntaxError) as error:
        raise ArgumentError(f"formula: expected one that patsy reads, got {error}") from error
    if not np.isfinite(np.asarray(y)).all() or not np.isfinite(np.asarray(x)).all():
        raise ArgumentError(
            f"formula: expected finite values, got some that are not in {fixed!r} (the logarithm "
            "of a value that is not positive?)"
        )
    if y.shape[1] != 1:
        raise ArgumentError(
            f"formula: expected numbers on the left, got {y.shape[1]} levels: {y.columns[0]}, …"
        )
    _check_design(x, formula)
    api = require("statsmodels.api", extra=_EXTRA)
    if not random:
        result = api.OLS(y, x).fit()
        likelihood, n_parameters = float(result.llf), int(result.df_model) + 2
    else:
        model = _mixed_model(api, y, x, used, random, environment)
        with warnings.catch_warnings():
            # A variance at its border is an answer; whether the fit went wrong is checked below.
            warnings.simplefilter("ignore")
            result = model.fit(reml=True)
            likelihood = float(model.fit(reml=False).llf)
        n_parameters = len(result.params) + 1
        if not np.isfinite(np.asarray(result.bse)[: x.shape[1]]).all():
            raise ArgumentError(
                f"formula: expected effects that the data can tell apart, got {formula!r}, whose "
                "fit has no standard errors"
            )
    n_fixed = x.shape[1]
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
        index=pd.Index(list(x.columns), name="term"),
    )
    bic = float(n_parameters * np.log(len(used)) - 2 * likelihood)
    return MixedEffects(
        formula, table, likelihood, bic, n_parameters, len(used), n_dropped, result,
        x.design_info,
    )  # fmt: skip


def _check_design(x: pd.DataFrame, formula: str) -> None:
    """Check that every factor has levels to compare, and that no effect is one of others."""
    for factor, info in x.design_info.factor_infos.items():
        if info.type == "categorical" and len(info.categories) < 2:
            raise ArgumentError(
                f"formula: expected factors of at least two levels, got {factor.name()} with "
                f"{list(info.categories)} in {formula!r}"
            )
    rank = int(np.linalg.matrix_rank(np.asarray(x)))
    if rank < x.shape[1]:
        raise ArgumentError(
            f"formula: expected effects that the data can tell apart, got {x.shape[1]} of which "
            f"{rank} are independent in {formula!r}: {list(x.columns)}"
        )


def _incomplete(part: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows have a missing or infinite value."""
    return part.isna().any(axis=1) | np.isinf(part.select_dtypes("number")).any(axis=1)


def _complete(data: pd.DataFrame, needed: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """Return the rows without missing values, categories of which none is left taken away."""
    bad = _incomplete(data[list(needed)])
    n_dropped = int(bad.sum())
    if n_dropped == len(data):
        raise ArgumentError(f"data: expected rows without missing values, got none of {len(data)}")
    if n_dropped:
        warnings.warn(
            f"{n_dropped} of {len(data)} rows are left out: values are missing", stacklevel=3
        )
    used = data[~bad].reset_index(drop=True)
    kinds = used.select_dtypes("category")
    return used.assign(**{k: used[k].cat.remove_unused_categories() for k in kinds}), n_dropped


def _mixed_model(
    api: Any, y: Any, x: Any, data: pd.DataFrame, random: Sequence[RandomTerm], environment: Any
) -> Any:
    if len(random) == 1 and len(random[0].groups) == 1:
        term = random[0]
        patsy = require("patsy", extra=_EXTRA)
        effects = None
        if term.terms != "1":
            effects = patsy.dmatrix(term.terms, data, environment, return_type="dataframe")
        return api.MixedLM(y, x, groups=data[term.groups[0]], exog_re=effects)
    slopes = [term.terms for term in random if term.terms != "1"]
    if slopes:
        raise ArgumentError(
            f"formula: expected intercepts only where there are several random terms, got {slopes}"
        )
    # Nested terms share a group that all others lie in; crossed ones lie in one group of all rows.
    shared = [t.groups[0] for t in random if len(t.groups) == 1]
    outer = next((g for g in shared if all(t.groups[0] == g for t in random)), None)
    frame = data.copy()
    components = {}
    for term in random:
        name = ":".join(term.groups)
        if term.groups == (outer,):
            continue
        frame[name] = frame[list(term.groups)].astype(str).agg("/".join, axis=1)
        components[name] = f"0 + C(Q({name!r}))"
    groups = frame[outer] if outer is not None else pd.Series(np.ones(len(frame)))
    variances = api.MixedLM.from_formula(
        f"Q({_RESPONSE!r}) ~ 1",
        frame.assign(**{_RESPONSE: np.asarray(y)[:, 0]}),
        groups=groups,
        vc_formula=components,
        re_formula=None if outer is not None else "0",
    )
    effects = np.ones((len(frame), 1)) if outer is not None else None
    return api.MixedLM(
        y, x, groups=groups, exog_re=effects, exog_vc=variances.exog_vc, use_sqrt=True
    )


_RESPONSE = "the response"


def _pairs(
    cells: list[tuple[Any, ...]], factor: str | Sequence[str], control: str | None
) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Return which cells are compared: each with the control, or all with each other."""
    if control is None:
        return list(itertools.combinations(cells, 2))
    if (control,) not in cells:
        raise ArgumentError(
            f"control: expected a level of {factor!r} in the model, got {control!r}"
        )
    return [(cell, (control,)) for cell in cells if cell != (control,)]


def _where(grid: pd.DataFrame, columns: Sequence[str], values: Sequence[Any]) -> NDArray[np.bool_]:
    inside = np.ones(len(grid), dtype=bool)
    for name, value in zip(columns, values, strict=True):
        inside &= (grid[name] == value).to_numpy()
    return inside


def _contrast_table(
    rows: list[tuple[str, tuple[Any, ...], Array]],
    beta: Array,
    covariance: Array,
    groups: Sequence[str],
) -> pd.DataFrame:
    from scipy.stats import norm

    weights = np.stack([row[2] for row in rows])
    estimate = weights @ beta
    error = np.sqrt(np.einsum("ij,jk,ik->i", weights, covariance, weights))
    z = estimate / error
    p = 2 * norm.sf(np.abs(z))
    table = pd.DataFrame({"contrast": [row[0] for row in rows]})
    for k, name in enumerate(groups):
        table[name] = [row[1][k] for row in rows]
    table["estimate"], table["SE"], table["z.ratio"], table["p.value"] = estimate, error, z, p
    table["p.holm"] = holm(p)
    return table


def likelihood_ratio(small: MixedEffects, large: MixedEffects) -> tuple[float, int, float]:
    """Return the χ² statistic, degrees of freedom and p-value of two nested models.

    Parameters
    ----------
    small, large : MixedEffects
        Fitted on the same rows; the second has more parameters.

    Raises
    ------
    ArgumentError
        If the second has no more parameters, they were fitted on other rows or other values of
        them, or a fixed effect of the first is not among those of the second.
    """
    from scipy.stats import chi2

    if small.n_rows != large.n_rows:
        raise ArgumentError(
            f"large: expected a fit on the same rows, got {small.n_rows} and {large.n_rows}"
        )
    first, second = (fit.result.model for fit in (small, large))
    if not np.array_equal(first.endog, second.endog):
        raise ArgumentError(
            f"large: expected a fit of the same values, got {small.formula!r} and {large.formula!r}"
        )
    both = np.column_stack([second.exog, first.exog])
    if np.linalg.matrix_rank(both) > np.linalg.matrix_rank(second.exog):
        raise ArgumentError(
            f"large: expected the effects of {small.formula!r} and more, got {large.formula!r}"
        )
    statistic = 2 * (large.log_likelihood - small.log_likelihood)
    df = large.n_parameters - small.n_parameters
    if df < 1:
        raise ArgumentError(f"large: expected more parameters than small, got {df} more")
    return float(statistic), df, float(chi2.sf(max(statistic, 0.0), df))


def parse_specs(specs: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the factors to compare and those to compare within, of ``"~Group | Sensor"``.

    Raises
    ------
    ArgumentError
        If it is no such text.
    """
    text = specs.replace("pairwise", "").strip()
    left, _, right = text.removeprefix("~").partition("|")
    parts = [tuple(_NAME.findall(part)) for part in (left, right)]
    if not text.startswith("~") or not parts[0] or ("|" in text) != bool(parts[1]):
        raise ArgumentError(f"specs: expected '~Group' or '~Group | Sensor', got {specs!r}")
    return parts[0], parts[1]


def formula_columns(formula: str) -> list[str]:
    """Return the columns that a formula speaks of, in order and once each."""
    quoted = re.findall(r"Q\(\s*['\"]([^'\"]+)['\"]\s*\)", formula)
    text = re.sub(r"Q\(\s*['\"][^'\"]+['\"]\s*\)|'[^']*'|\"[^\"]*\"", " ", formula)
    names = []
    for found in _NAME.finditer(text):
        rest = text[found.end() :].lstrip()
        called = rest.startswith("(")
        keyword = rest.startswith("=") and not rest.startswith("==")
        if not (called or keyword or found[0].startswith("np.")):
            names.append(found[0])
    return list(dict.fromkeys([*names, *quoted]))


def _split(formula: str) -> tuple[str, list[RandomTerm]]:
    """Return the fixed part and the random terms."""
    if formula.count("~") != 1:
        raise ArgumentError(f"formula: expected 'Y ~ …', got {formula!r}")
    random = []
    for terms, bar, grouping in _RANDOM.findall(formula):
        if bar == "||":
            raise ArgumentError(
                f"formula: expected one bar, got ({terms}|| {grouping}): effects without "
                "correlations are not fitted"
            )
        random += _nested(terms.strip(), grouping)
    fixed = _RANDOM.sub("", formula).strip()
    fixed = re.sub(r"~\s*\+", "~", fixed)
    if "|" in fixed:
        raise ArgumentError(f"formula: expected random terms as '(1 | ID)', got {formula!r}")
    if fixed.endswith("~"):
        fixed += " 1"
    return fixed, random


def _nested(terms: str, grouping: str) -> list[RandomTerm]:
    """Return ``(1 | A/B)`` as ``(1 | A)`` and ``(1 | A:B)``."""
    parts = [tuple(p.strip() for p in part.split(":")) for part in grouping.split("/")]
    if not all(_NAME.fullmatch(name) for part in parts for name in part):
        raise ArgumentError(f"formula: expected columns as groups, got {grouping!r}")
    out: list[RandomTerm] = []
    above: tuple[str, ...] = ()
    for part in parts:
        above = (*above, *part)
        out.append(RandomTerm(terms, above))
    return out
