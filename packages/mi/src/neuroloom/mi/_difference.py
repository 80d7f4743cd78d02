"""Modes ``conditional`` and ``transfer``: information as a difference of two.

``I(X; Y | Z) = I(XZ; Y) − I(Z; Y)``. Both terms use the same folds and samples, so that most of
their noise cancels, and the interval is that of the pointwise differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import norm

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._baseline import rank_normal
from neuroloom.mi._cells import Cell, measure_cells
from neuroloom.mi._errors import InsufficientDataError, OptionError
from neuroloom.mi._estimate import null_details, null_options, wants_null
from neuroloom.mi._ladder import Term, climb
from neuroloom.mi._null import surrogate
from neuroloom.mi._options import real
from neuroloom.mi._pool import standard_error
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._windows import Variable
from neuroloom.shared import Seed

Array = NDArray[Any]


@dataclass(frozen=True)
class Triple:
    """Samples of x, y and of what is given, each (n, features)."""

    x: Array
    y: Array
    z: Array
    gap: int


def _flat(values: Array) -> Array:
    return values.reshape(len(values), -1)


def _terms(triple: Triple) -> list[Term]:
    both = np.hstack([triple.x, triple.z])[:, None, :]
    return [Term(1, both, triple.y[:, None, :]), Term(-1, triple.z[:, None, :], triple.y[:, None])]


def _difference(analysis: Analysis, triple: Triple, seed: Seed, factor: float) -> dict[str, Any]:
    """Return estimate, error and terms of one conditional information."""
    terms = _terms(triple)
    cells = [
        Cell({"term": name}, t.x, t.y, triple.gap, seed)
        for name, t in zip(("joint", "given"), terms, strict=True)
    ]
    joint, given = measure_cells(analysis, cells, "terms")
    if joint.estimate is None or given.estimate is None:
        return {"mi": float("nan"), "error": float("nan"), "terms": (joint.mi, given.mi)}
    pointwise = joint.estimate.pointwise - given.estimate.pointwise
    pointwise = pointwise[np.isfinite(pointwise)]
    return {
        "mi": (joint.mi - given.mi) * factor,
        "error": standard_error(pointwise) * factor,
        "terms": (joint.mi * factor, given.mi * factor),
        "reliable": joint.estimate.reliable and given.estimate.reliable,
        "test_mi": (joint.estimate.test_mi - given.estimate.test_mi) * factor,
        "train_mi": (joint.estimate.train_mi - given.estimate.train_mi) * factor,
        "ceiling": joint.estimate.ceiling * factor,
        "n": joint.estimate.n,
    }


def local_permutation(z: Array, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a permutation that exchanges samples with similar z (Runge 2018, algorithm 1)."""
    n = len(z)
    points = rank_normal(z)
    _, near = cKDTree(points).query(points, k=min(k + 1, n))
    taken = np.zeros(n, dtype=bool)
    out = np.empty(n, dtype=np.int64)
    for i in rng.permutation(n):
        free = [j for j in rng.permutation(near[i]) if not taken[j]]
        out[i] = free[0] if free else near[i][-1]
        taken[out[i]] = True
    return out


def conditional_orders(
    analysis: Analysis, triple: Triple, seed: Seed, default: str
) -> tuple[list[NDArray[np.int64]], str]:
    """Return the orders of x in each surrogate, and the kind of surrogate."""
    options = null_options(analysis.options, default)
    kind, n, orders = options["surrogate"], len(triple.x), []
    for s in range(options["n_permutations"]):
        rng = seed.child("surrogate").child(s + 1).generator()
        if kind == "local":
            orders.append(local_permutation(triple.z, 5, rng))
        else:
            block, trials = options["surrogate_block"], options["trials"]
            orders.append(surrogate(n, kind, rng, gap=triple.gap, block=block, trials=trials))
    return orders, kind


def _null(
    analysis: Analysis, triple: Triple, seed: Seed, default: str, given: float
) -> tuple[float, NDArray[np.float64], str]:
    """Return the statistic and its surrogates, which exchange x given z."""
    orders, kind = conditional_orders(analysis, triple, seed, default)
    fold_list = analysis.folds(len(triple.x), triple.gap, seed)
    fold_list = fold_list[: null_options(analysis.options, default)["null_folds"]]
    params = analysis.params.but(n_inits=1)
    cells = []
    for s, order in enumerate([np.arange(len(triple.x)), *orders]):
        joint = _terms(replace(triple, x=triple.x[order]))[0]
        cells.append(
            Cell(
                {"surrogate": s - 1},
                joint.x,
                joint.y,
                triple.gap,
                seed.child("null").child(s),
                params,
                folds=fold_list,
            )
        )
    # The given term is the same in all: the joint one alone tells them apart.
    values = np.array([o.mi for o in measure_cells(analysis, cells, "surrogates")]) - given
    return float(values[0]), values[1:], kind


def _finish(
    analysis: Analysis, mode: str, triple: Triple, seed: Seed, units: str, default_null: str
) -> Results:
    factor = unit_factor(units)
    plain = _difference(analysis, triple, seed, factor)
    frame = None
    details: dict[str, Any] = {"terms": plain["terms"], "n_samples": len(triple.x)}
    mi, error = plain["mi"], plain["error"]
    reliable = plain.get("reliable", False)
    if analysis.options.get("rigorous"):
        climbed = climb(analysis, _terms(triple), triple.gap, seed, factor)
        frame, mi, error = climbed.frame, climbed.mi, climbed.error
        reliable = reliable and climbed.reliable
        details |= {**climbed.details, "plain": plain["mi"]}
    z = float(norm.ppf(0.5 + analysis.confidence / 2))
    row = {
        "mi": mi,
        "mi_err": error,
        "ci_lo": mi - z * error,
        "ci_hi": mi + z * error,
        "test_mi": plain.get("test_mi"),
        "train_mi": plain.get("train_mi"),
        "n": plain.get("n"),
        "ceiling": plain.get("ceiling"),
        "reliable": reliable,
        "units": units,
    }
    details |= {
        "mi_error": error,
        "interval": (row["ci_lo"], row["ci_hi"]),
        "is_reliable": bool(reliable),
        "tidy": [row],
    }
    if wants_null(analysis.options):
        given = plain["terms"][1] / factor
        statistic, null, kind = _null(analysis, triple, seed, default_null, given)
        details |= null_details(statistic, null, factor, kind)
    return Results(mode, {}, mi, frame, details)


def conditional_triple(analysis: Analysis) -> Triple:
    """Return the samples of x, y and ``z_data``."""
    if analysis.y is None or analysis.z is None:
        raise OptionError("y_data, z_data: expected both in mode 'conditional', got None")
    samples = analysis.samples(analysis.x, analysis.y, analysis.z)
    x, y, z = map(_flat, samples.values)
    return Triple(x, y, z, samples.gap)


def run_conditional(analysis: Analysis, units: str) -> Results:
    """Return information between x and y given ``z_data``."""
    triple = conditional_triple(analysis)
    return _finish(analysis, "conditional", triple, analysis.seed, units, "local")


def pasts(values: Array, history: int, horizon: int) -> tuple[Array, Array]:
    """Return pasts and futures of a series (n_times, channels), windows first.

    Row t holds samples ``t − history … t − 1`` and ``t … t + horizon − 1``.
    """
    n = len(values) - history - horizon + 1
    past = np.stack([values[i : i + n] for i in range(history)], axis=1)
    future = np.stack([values[history + i : history + i + n] for i in range(horizon)], axis=1)
    return _flat(past), _flat(future)


def _series(var: Variable) -> Array:
    if var.kind is None:
        return _flat(var.values)
    if var.kind == "continuous" and var.window * (var.rate or 1.0) <= 1:
        return np.asarray(var.values, dtype=float).T
    raise OptionError(
        f"processor_type_{var.name}: expected a plain series (n_times, n_channels), or "
        f"'continuous' with one sample per window, in mode 'transfer', got {var.kind!r}"
    )


def both_ways(analysis: Analysis, measure: Callable[[Triple, Seed], Results]) -> Results:
    """Return what `measure` makes of x's past and y's future, and of the reverse if asked for."""
    if analysis.y is None:
        raise OptionError("y_data: expected data in mode 'transfer', got None")
    options = analysis.options
    history, horizon = (
        real(name, options.get(name, 1), whole=True, low=1)
        for name in ("history_window", "prediction_horizon")
    )
    analysis.samples()  # the common checks
    x, y = _series(analysis.x), _series(analysis.y)
    if len(x) - history - horizon < 100:
        raise InsufficientDataError(
            f"expected at least {history + horizon + 100} time points, got {len(x)}"
        )

    def one(source: Array, target: Array, seed: Seed) -> Results:
        past_x, _ = pasts(source, history, horizon)
        past_y, future = pasts(target, history, horizon)
        return measure(Triple(past_x, future, past_y, history + horizon - 1), seed)

    forward = one(x, y, analysis.seed.child("xy"))
    forward.details["te_xy"] = forward.mi_estimate
    if options.get("bidirectional"):
        back = one(y, x, analysis.seed.child("yx"))
        a, b = forward.mi_estimate or 0.0, back.mi_estimate or 0.0
        forward.details |= {
            "te_yx": b,
            "te_yx_error": back.details["mi_error"],
            "te_yx_p_value": back.p_value,
            "directionality": (a - b) / (abs(a) + abs(b)) if a or b else 0.0,
        }
    return forward


def run_transfer(analysis: Analysis, units: str) -> Results:
    """Return transfer entropy from x to y: ``I(y future; x past | y past)`` (Schreiber 2000)."""
    return both_ways(
        analysis,
        lambda triple, seed: _finish(analysis, "transfer", triple, seed, units, "circular"),
    )
