"""Modes ``conditional`` and ``transfer``: information as a difference of two.

``I(X; Y | Z) = I(XZ; Y) − I(Z; Y)``. Both terms use the same folds and samples, so that most of
their noise cancels, and the interval is that of the pointwise differences.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.mi._direct.estimators import DIRECT, check_data, spread
from neuroloom.mi._errors import InsufficientDataError, OptionError
from neuroloom.mi._modes import strata
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, halves, measure_cells, tidy_row
from neuroloom.mi._modes.crosschecks import flat
from neuroloom.mi._modes.given import doubts, look
from neuroloom.mi._modes.null import Null, check_null, null_of
from neuroloom.mi._modes.subsampling import Term, extrapolate
from neuroloom.mi._options.modes import (
    ConditionalOptions,
    NullOptions,
    SubsamplingOptions,
    TransferOptions,
)
from neuroloom.mi._results.results import Results
from neuroloom.mi._samples.conditional import surrogate_sources
from neuroloom.mi._statistics import reliability
from neuroloom.mi._statistics.correlation import joint_memory, slowest, standard_error
from neuroloom.mi._statistics.estimate import Estimate
from neuroloom.mi._statistics.interval import interval
from neuroloom.mi._statistics.jackknife import jackknife
from neuroloom.shared import Seed

Array = NDArray[Any]
_LONGEST = 500
_FEWEST = 100  # time points


@dataclass(frozen=True)
class Triple:
    """Samples of x, y and of what is given, each (n, features), and the trial of each sample."""

    x: Array
    y: Array
    z: Array
    gap: int
    trials: Array | None = None

    @property
    def memory(self) -> int:
        """For how many samples x and y remember themselves."""
        return joint_memory(self.x, self.y)


def _terms(triple: Triple) -> list[Term]:
    both = np.hstack([triple.x, triple.z])[:, None, :]
    return [Term(1, both, triple.y[:, None, :]), Term(-1, triple.z[:, None, :], triple.y[:, None])]


def _by_critics(analysis: Analysis, triple: Triple, seed: Seed) -> tuple[Estimate, dict[str, Any]]:
    """Return the conditional information from two critics, and details."""
    terms = _terms(triple)
    cells = [
        Cell({"term": name}, t.x, t.y, triple.gap, seed)
        for name, t in zip(("joint", "given"), terms, strict=True)
    ]
    joint, given = (o.estimate for o in measure_cells(analysis, cells, "terms"))
    if joint is None or given is None:
        nan = float("nan")
        empty = np.full(len(triple.x), nan)
        lost = Estimate(
            nan, nan, nan, nan, nan, nan, nan, 0, empty, ("a term's critics could not be trained",)
        )
        return lost, {"terms": (nan, nan)}
    pointwise = joint.pointwise - given.pointwise
    error = standard_error(pointwise, triple.memory)
    mi = joint.mi - given.mi
    # What the joint term has not found may be too little here, and what the given one has not
    # found too much; their rises cancel where both lack the same.
    rise = joint.checks["rise"] - given.checks["rise"]
    low, high = interval(mi, error, analysis.confidence, left_open=rise)
    reasons = tuple(
        f"{name} term: {reason}"
        for name, e in (("joint", joint), ("given", given))
        for reason in e.reasons
    )
    estimate = Estimate(
        mi,
        error,
        low,
        high,
        joint.test_mi - given.test_mi,
        joint.train_mi - given.train_mi,
        joint.ceiling,
        joint.n,
        pointwise,
        reasons,
        checks={"rise": rise},
    )
    factor = analysis.factor
    return estimate, {"terms": (joint.mi * factor, given.mi * factor)}


def _ready(
    analysis: Analysis, triple: Triple, *, as_numbers: bool = False
) -> tuple[Triple, Callable[..., Array]]:
    """Return samples as an estimator without a network measures them, and each sample's share.

    Neighbours are looked for among the samples of each label of z where z is labels, and then take
    x and y as they are, unless `as_numbers`, which surrogates need.
    """
    name, options = analysis.bound, dict(analysis.bound_options)
    if str(options.pop("variant", 1)) != "1":
        raise OptionError(
            "estimator_params['variant']: expected 1 for conditional information, which has no "
            f"other, got {analysis.bound_options['variant']!r}"
        )
    check_data(name, triple.x, triple.y, triple.z)
    function = DIRECT[name].conditional
    if function is None:
        able = [other for other, entry in DIRECT.items() if entry.conditional is not None]
        raise OptionError(
            f"estimator: expected a trained bound or one of {able} for conditional information, "
            f"got {name!r}"
        )
    if not DIRECT[name].neighbours:
        return triple, partial(function, **options)
    exclude = _excluded(triple, triple.memory)
    by_labels = strata.stratified(triple.z, k=options.get("k", 5), exclude=exclude)
    shares = partial(strata.local if by_labels else function, **options)
    if by_labels and not as_numbers:
        return triple, shares
    x, y, z = spread(triple.x, triple.y, triple.z)
    return replace(triple, x=x, y=y, z=triple.z if by_labels else z), shares


def _direct(analysis: Analysis, triple: Triple, seed: Seed) -> tuple[Estimate, dict[str, Any]]:
    """Return the conditional information from an estimator without a network."""
    x, y = triple.x, triple.y
    ready, function = _ready(analysis, triple)
    exclude = _excluded(triple, triple.memory)
    local = function(ready.x, ready.y, ready.z, exclude=exclude)
    mi = float(np.nanmean(local))

    def value(rows: Any) -> float:
        part = replace(ready, x=ready.x[rows], y=ready.y[rows], z=ready.z[rows])
        near = _excluded(part, triple.memory)
        return float(np.nanmean(function(part.x, part.y, part.z, exclude=near)))

    slow = triple.memory > 0 or triple.gap > 0
    error, dof = jackknife(value, len(x), max(triple.memory, triple.gap))
    gain = mi - halves(value, len(x), slow)
    time = min(slowest(x), slowest(y)) if triple.memory else 1.0
    shares = partial(function, exclude=exclude)
    rng = seed.child("exchanged").generator()
    seen = look(analysis.bound, shares, ready.x, ready.y, ready.z, exclude, rng)
    left_open = {"rise": gain - error, "gap": 0.0, "beyond": seen.other - mi}
    reasons = reliability.collected(
        reliability.not_finite(mi),
        reliability.much_is_open(mi, rise=gain - error, gap=0.0, beyond=0.0),
        reliability.too_short(len(x), time),
        *doubts(analysis.bound, x, y, triple.z, mi, error, seen),
    )
    more = reliability.open_above(mi, **left_open)
    low, high = interval(mi, error, analysis.confidence, left_open=more, dof=dof)
    low -= max(seen.left, 0.0)  # so much may be the estimator's own
    high += seen.lost.by_ranks
    checks = {"rise": gain, "exchanged": seen.left, "other": seen.other}
    estimate = Estimate(
        mi, error, low, high, mi, mi, float("inf"), len(x), local, reasons, checks=checks
    )
    return estimate, {}


def _excluded(triple: Triple, memory: int) -> int:
    return min(max(triple.gap, memory), _LONGEST, len(triple.x) // 8)


def _direct_mean(function: Callable[..., Array], y: Array, z: Array, x: Array) -> float:
    return float(np.nanmean(function(x, y, z)))


def _null(
    analysis: Analysis, triple: Triple, seed: Seed, options: NullOptions, given: float
) -> Null:
    """Return the null distribution of surrogates that exchange x, or what z leaves of it."""
    rng = seed.child("surrogate").generator()
    if options.trials is None and triple.trials is not None:
        options = replace(options, trials=triple.trials)
    memory = triple.memory
    if analysis.direct:
        exclude = _excluded(triple, memory)
        triple, function = _ready(analysis, triple, as_numbers=True)
        function = partial(function, exclude=exclude)
    sources = surrogate_sources(triple.x, triple.z, options, rng, triple.gap)
    if analysis.direct:

        def means(chosen: Sequence[Any]) -> Array:
            found = shared.map(
                partial(_direct_mean, function, triple.y, triple.z),
                chosen,
                n_workers=analysis.n_workers,
                progress=analysis.progress,
                description="surrogates",
                resume=analysis.folder("surrogates"),
            )
            return np.array(found)

        return null_of(sources, options, means)
    every = analysis.folds(len(triple.x), triple.gap, seed, None, memory)

    def statistics(chosen: Sequence[Any]) -> Array:
        cells = []
        for s, x in enumerate(chosen):
            joint = _terms(replace(triple, x=x))[0]
            cells.append(
                Cell(
                    {"surrogate": s - 1},
                    joint.x,
                    joint.y,
                    triple.gap,
                    seed.child("null").child(s),
                    analysis.params.replace(n_inits=1),
                    folds=every[: options.folds],
                    memory=memory,
                )
            )
        # The given term is the same in all: the joint one alone tells them apart.
        outcomes = measure_cells(analysis, cells, "surrogates", checks=False)
        return np.array([outcome.mi for outcome in outcomes]) - given

    return null_of(sources, options, statistics)


def _measure(
    analysis: Analysis,
    mode: str,
    triple: Triple,
    seed: Seed,
    null: NullOptions | None,
    subsampling: SubsamplingOptions | None,
) -> Results:
    """Return I(x; y | z) of a triple in the form that both modes share."""
    factor, frame = analysis.factor, None
    check_null(null, len(triple.x), triple.gap)
    if analysis.direct:
        estimate, details = _direct(analysis, triple, seed)
    else:
        estimate, details = _by_critics(analysis, triple, seed)
    plain = estimate
    if subsampling is not None:
        if analysis.direct:
            raise OptionError(
                f"rigorous: expected a trained bound, got estimator={analysis.bound!r}"
            )
        found = extrapolate(analysis, subsampling, _terms(triple), triple.gap, seed)
        frame = found.frame
        details |= {**found.details, "plain": estimate.mi * factor}
        both = tuple(dict.fromkeys((*estimate.reasons, *found.estimate.reasons)))
        estimate = replace(found.estimate, reasons=both)
    row = tidy_row(replace(estimate, test_mi=plain.test_mi, train_mi=plain.train_mi), factor)
    details |= {
        "mi_error": row["mi_err"],
        "interval": (row["ci_lo"], row["ci_hi"]),
        "confidence_level": analysis.confidence,
        "is_reliable": estimate.reliable,
        "reasons": list(estimate.reasons),
        "n_samples": len(triple.x),
        "pointwise_mi": estimate.pointwise * factor,
        "checks": {name: value * factor for name, value in estimate.checks.items()},
        "tidy": [row],
    }
    if null is not None:
        given = 0.0 if analysis.direct else details["terms"][1] / factor
        details |= _null(analysis, triple, seed, null, given).details(factor)
    return Results(mode, {}, estimate.mi * factor, frame, details)


def run_conditional(analysis: Analysis, options: ConditionalOptions) -> Results:
    """Return information between x and y given ``z_data``."""
    if analysis.y is None or analysis.z is None:
        raise OptionError("y_data, z_data: expected both in mode 'conditional', got None")
    samples = analysis.samples(analysis.x, analysis.y, analysis.z)
    x, y, z = map(flat, samples.values)
    triple = Triple(x, y, z, samples.gap)
    return _measure(
        analysis, "conditional", triple, analysis.seed, options.null, options.subsampling
    )


def pasts(values: Array, history: int, horizon: int) -> tuple[Array, Array]:
    """Return pasts and futures of a series (n_times, channels), windows first.

    Row t holds samples ``t − history … t − 1`` and ``t … t + horizon − 1``.
    """
    n = len(values) - history - horizon + 1
    past = np.stack([values[i : i + n] for i in range(history)], axis=1)
    future = np.stack([values[history + i : history + i + n] for i in range(horizon)], axis=1)
    return flat(past), flat(future)


def _series(analysis: Analysis) -> tuple[Array, Array, Array]:
    """Return x and y (n_times, n_channels) at the same moments, and the stretch of each moment.

    Raises
    ------
    OptionError
        For windows of more than one sample.
    """
    for var in (analysis.x, analysis.y):
        assert var is not None
        one = var.kind == "continuous" and var.window * (var.rate or 1.0) <= 1 + 1e-6
        if var.kind is not None and not one:
            raise OptionError(
                f"processor_type_{var.name}: expected a plain series (n_times, n_channels), or "
                f"'continuous' with one sample per window, in mode 'transfer', got {var.kind!r}"
            )
    samples = analysis.samples()
    x, y = (flat(values) for values in samples.values)
    steps = np.diff(samples.starts)
    broken = steps > 1.5 * np.median(steps)
    return x, y, np.concatenate([[0], np.cumsum(broken)])


def _stretches(n: int, recorded: Array, trials: Array | None) -> list[slice]:
    """Return the stretches of time points that belong together: of one trial, without a gap."""
    if trials is not None and len(trials) != n:
        raise OptionError(f"trials: expected one label per time point ({n}), got {len(trials)}")
    new = recorded[1:] != recorded[:-1]
    if trials is not None:
        new |= trials[1:] != trials[:-1]
    edges = [0, *(np.flatnonzero(new) + 1).tolist(), n]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def _windows(source: Array, target: Array, recorded: Array, options: TransferOptions) -> Triple:
    """Return past of the source, future and past of the target; none crosses a border.

    Borders are those of trials and of stretches that were recorded without a gap.
    """
    history, horizon = options.history, options.horizon
    out: list[tuple[Array, Array, Array, Array]] = []
    for place, part in enumerate(_stretches(len(source), recorded, options.trials)):
        if part.stop - part.start < history + horizon:
            continue
        past_x, _ = pasts(source[part], history, horizon)
        past_y, future = pasts(target[part], history, horizon)
        out.append((past_x, future, past_y, np.full(len(past_x), place)))
    n = sum(len(o[0]) for o in out)
    if n < _FEWEST:
        raise InsufficientDataError(
            f"expected at least {_FEWEST} time points with {history} before and {horizon - 1} "
            f"after them in the same trial, got {n} of {len(source)}"
        )
    x, y, z, trials = (np.concatenate(p) for p in zip(*out, strict=True))
    return Triple(x, y, z, history + horizon - 2, None if options.trials is None else trials)


def run_transfer(analysis: Analysis, options: TransferOptions) -> Results:
    """Return transfer entropy from x to y: ``I(y future; x past | y past)`` (Schreiber 2000)."""
    analysis.need_y("transfer")
    x, y, recorded = _series(analysis)

    def one(source: Array, target: Array, name: str) -> Results:
        triple = _windows(source, target, recorded, options)
        null = options.null if options.null is None else replace(options.null, trials=triple.trials)
        own, seed = analysis.within(name), analysis.seed.child(name)
        return _measure(own, "transfer", triple, seed, null, options.subsampling)

    forward = one(x, y, "xy")
    forward.details["te_xy"] = forward.mi_estimate
    if options.bidirectional:
        back = one(y, x, "yx")
        a, b = forward.mi_estimate or 0.0, back.mi_estimate or 0.0
        forward.details |= {
            "te_yx": b,
            "te_yx_error": back.details["mi_error"],
            "te_yx_p_value": back.p_value,
            "te_yx_reasons": back.details["reasons"],
            "directionality": (a - b) / (abs(a) + abs(b)) if a or b else 0.0,
        }
    return forward
