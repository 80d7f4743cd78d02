"""Mode ``estimate``: mutual information of two variables, cross-fitted, with its null."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi import _baseline
from neuroloom.mi._analysis import Analysis
from neuroloom.mi._baseline import rank_normal
from neuroloom.mi._direct import ksg
from neuroloom.mi._errors import OptionError, TrainingError, choice
from neuroloom.mi._fit import Fitted
from neuroloom.mi._null import SURROGATES, p_value, surrogate
from neuroloom.mi._options import real
from neuroloom.mi._pool import Estimate, pool, warn_ceiling
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._windows import Samples
from neuroloom.shared import Seed

_FEW = 5000
_LOW_DIMENSIONS = 4
_MANY_DIMENSIONS = 50
_MISSED = 0.05  # nats


def measure(
    analysis: Analysis, samples: Samples, seed: Seed, *, keep: bool = False
) -> tuple[Estimate, list[Fitted]]:
    """Return the cross-fitted estimate of the first two variables of `samples`."""
    x, y = samples.values[:2]
    fold_list = analysis.folds(len(x), samples.gap, seed)
    fits = analysis.fit(analysis.jobs(x, y, fold_list, seed, keep=keep), "critics")
    return pool(fits, len(x), confidence=analysis.confidence), fits


def null_estimates(
    analysis: Analysis, samples: Samples, seed: Seed, options: Mapping[str, Any]
) -> tuple[float, NDArray[np.float64]]:
    """Return a test statistic of the data and of surrogates, in nats.

    The statistic is a cheaper estimate than the reported one: ``null_folds`` of the folds (one
    by default) and a single network. Data and surrogates are treated alike, which is all that a
    p-value needs.
    """
    x, y = samples.values[:2]
    n = len(x)
    chosen = null_options(options)
    n_surrogates, n_folds = chosen["n_permutations"], chosen["null_folds"]
    fold_list = analysis.folds(n, samples.gap, seed)[:n_folds]
    params = analysis.params.but(n_inits=1)
    orders = [np.arange(n)]
    for s in range(n_surrogates):
        rng = seed.child("surrogate").child(s).generator()
        orders.append(
            surrogate(
                n,
                chosen["surrogate"],
                rng,
                gap=samples.gap,
                block=chosen["surrogate_block"],
                trials=chosen["trials"],
            )
        )
    jobs = []
    for s, order in enumerate(orders):
        jobs += analysis.jobs(
            x,
            y,
            fold_list,
            seed.child("null").child(s),
            key={"surrogate": s - 1},
            params=params,
            permutation=order,
        )
    fits = analysis.fit(jobs, "surrogates")
    groups: list[list[Fitted]] = [[] for _ in orders]
    for fit in fits:
        groups[fit.job.key["surrogate"] + 1].append(fit)
    values = np.array([pool(group, n).mi for group in groups])
    return float(values[0]), values[1:]


def wants_null(options: Mapping[str, Any]) -> bool:
    """Return whether surrogates are asked for."""
    asked = options.get("permutation_test")
    return bool(options.get("n_permutations")) if asked is None else bool(asked)


def null_options(options: Mapping[str, Any], default: str = "circular") -> dict[str, Any]:
    """Return the checked options of a null distribution."""
    kinds = (*SURROGATES, "local") if default == "local" else SURROGATES
    number = options.get("n_permutations")
    return {
        "n_permutations": real(
            "n_permutations", 20 if number is None else number, whole=True, low=1
        ),
        "null_folds": real("null_folds", options.get("null_folds") or 1, whole=True, low=1),
        "surrogate": choice("surrogate", options.get("surrogate") or default, kinds),
        "surrogate_block": options.get("surrogate_block"),
        "trials": options.get("trials"),
    }


def null_details(
    observed: float, null: NDArray[np.float64], factor: float, kind: str
) -> dict[str, Any]:
    """Return the entries of ``details`` that describe a null distribution."""
    low, high = np.quantile(null, [0.025, 0.975])
    return {
        "null_distribution": null * factor,
        "null_statistic": observed * factor,
        "null_mean": float(null.mean() * factor),
        "null_interval": (float(low * factor), float(high * factor)),
        "p_value": p_value(observed, null),
        "surrogate": kind,
    }


def tidy_row(estimate: Estimate, factor: float, **varied: Any) -> dict[str, Any]:
    """Return one row of the tidy table."""
    return {
        **varied,
        "mi": estimate.mi * factor,
        "mi_err": estimate.error * factor,
        "ci_lo": estimate.low * factor,
        "ci_hi": estimate.high * factor,
        "test_mi": estimate.test_mi * factor,
        "train_mi": estimate.train_mi * factor,
        "n": estimate.n,
        "ceiling": estimate.ceiling * factor,
        "reliable": estimate.reliable,
        "units": "bits" if factor != 1 else "nats",
    }


def raw_rows(fits: list[Fitted], factor: float) -> list[dict[str, Any]]:
    """Return one row per critic, in output units."""
    return [
        {
            **fit.job.key,
            "test_mi": fit.score.bound * factor,
            "infonce": fit.score.infonce * factor,
            "dv": fit.score.dv * factor,
            "train_mi": fit.train_mi * factor,
            "gaussian_mi": fit.gaussian * factor,
            "best_step": fit.best_step,
            "n_steps": fit.job.n_steps,
            "n_train": len(fit.job.fold.train),
            "n_test": len(fit.job.fold.test),
            "failure": fit.failure,
        }
        for fit in fits
    ]


def neighbours(samples: Samples) -> float:
    """Return what nearest neighbours see in nats, NaN where that says little.

    They need few dimensions, samples that share no data, and values that do not repeat. There
    they seldom see too much: a critic that sees much less has not learned the dependence.
    """
    x, y = (v.reshape(len(v), -1).astype(float)[:_FEW] for v in samples.values[:2])
    repeat = any(len(np.unique(v, axis=0)) < len(v) for v in (x, y))
    if samples.gap or repeat or x.shape[1] + y.shape[1] > _LOW_DIMENSIONS:
        return float("nan")
    return ksg(rank_normal(x), rank_normal(y))


def squares(samples: Samples, seed: Seed) -> float:
    """Return what squares tell of features, of squares, or features of squares, in nats.

    The largest of the three, from held-out canonical correlations, which need no training.
    Dependences that a critic cannot find in many dimensions often show here. Features and squares
    are not put together: normal variables' squares tell nothing new, but would count.
    """
    plain, squared = [], []
    for values in samples.values[:2]:
        flat = values.reshape(len(values), -1).astype(float)[: 2 * _FEW, :_MANY_DIMENSIONS]
        plain.append(rank_normal(flat))
        squared.append(rank_normal(plain[-1] ** 2))
    rng = seed.child("squares").generator()
    pairs = (squared, (plain[0], squared[1]), (squared[0], plain[1]))
    return max(float(_baseline.fit(x, y, rng).information) for x, y in pairs)


def run_estimate(analysis: Analysis, units: str) -> Results:
    """Return the estimate, its interval and, if asked for, its null distribution."""
    if analysis.y is None:
        raise OptionError("y_data: expected data in mode 'estimate', got None")
    factor = unit_factor(units)
    samples = analysis.samples()
    keep = bool(analysis.options.get("save_best_model_path")) or bool(
        analysis.options.get("return_embeddings")
    )
    estimate, fits = measure(analysis, samples, analysis.seed, keep=keep)
    if estimate.n == 0:
        raise TrainingError("no critic could be scored")
    warn_ceiling(estimate)
    seen_by_neighbours, seen_by_squares = neighbours(samples), squares(samples, analysis.seed)
    seen = np.nanmax([seen_by_neighbours, seen_by_squares])
    missed = bool(seen - estimate.mi > max(_MISSED, 3 * estimate.error))
    estimate = replace(estimate, missed=missed)
    row = tidy_row(estimate, factor)
    details: dict[str, Any] = {
        "mi_error": row["mi_err"],
        "interval": (row["ci_lo"], row["ci_hi"]),
        "confidence_level": analysis.confidence,
        "test_mi": row["test_mi"],
        "train_mi": row["train_mi"],
        "gaussian_mi": float(np.nanmean([fit.gaussian for fit in fits])) * factor,
        "ceiling": row["ceiling"],
        "at_ceiling": estimate.at_ceiling,
        "overfit": estimate.overfit,
        "neighbours_mi": seen_by_neighbours * factor,
        "squares_mi": seen_by_squares * factor,
        "is_reliable": estimate.reliable,
        "n_samples": estimate.n,
        "pointwise_mi": estimate.pointwise * factor,
        "raw_results": raw_rows(fits, factor),
        "history": [[value * factor for value in fit.history] for fit in fits],
        "tidy": [row],
    }
    if wants_null(analysis.options):
        kind = analysis.options.get("surrogate") or "circular"
        statistic, null = null_estimates(analysis, samples, analysis.seed, analysis.options)
        details |= null_details(statistic, null, factor, kind)
    if keep:
        details["_fits"] = fits
    return Results("estimate", {}, estimate.mi * factor, None, details)
