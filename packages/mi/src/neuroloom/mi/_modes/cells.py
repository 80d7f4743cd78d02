"""Cells: one estimate each, by critics or by an estimator without a network, with its checks.

Every mode makes cells and reads outcomes; what makes an estimate reliable is decided here alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.mi import _direct
from neuroloom.mi._direct.estimators import DIRECT, ceiling, check_data, check_k, labels, repeats
from neuroloom.mi._errors import SmallSampleWarning, TrainingError
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.crosschecks import (
    Seen,
    flat,
    look,
    missed_by_neighbours,
    near_scores,
)
from neuroloom.mi._options.params import Params
from neuroloom.mi._samples.folds import MIN_TRAIN, Fold
from neuroloom.mi._statistics import reliability
from neuroloom.mi._statistics.correlation import standard_error
from neuroloom.mi._statistics.estimate import Estimate, pool, rise
from neuroloom.mi._statistics.interval import NEIGHBOURS
from neuroloom.mi._statistics.jackknife import jackknife
from neuroloom.mi._training.job import Fitted, Job
from neuroloom.shared import Seed

Array = NDArray[Any]
_HALF_NETWORKS = 2
_COPULAS = ("gcmi", "cca")
_LONGEST = 500


@dataclass(frozen=True)
class Cell:
    """One estimate to be made: its samples, what it is called, and how it differs.

    Attributes
    ----------
    key : mapping
        What the cell is, for tables.
    x, y : ndarray, shape (n_samples, …)
    gap : int
        Samples on either side that share data.
    seed : Seed
    params : Params, optional
        Of the critics; those of the analysis by default.
    permutation : ndarray, optional
        Which row of y goes with each row of x.
    index : ndarray, optional
        The samples used, all by default.
    folds : sequence of Fold, optional
    n_reference : int, optional
        Training samples that set the number of steps.
    memory : int, optional
        Samples for which x and y remember themselves; measured if not given.
    """

    key: Mapping[str, Any]
    x: Array
    y: Array
    gap: int
    seed: Seed
    params: Params | None = None
    permutation: Array | None = None
    index: Array | None = None
    folds: Sequence[Fold] | None = None
    n_reference: int | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Outcome:
    """A cell's estimate; None if all its critics failed."""

    cell: Cell
    estimate: Estimate | None
    fits: list[Fitted] = field(default_factory=list)

    @property
    def mi(self) -> float:
        """The estimate in nats, NaN if there is none."""
        return float("nan") if self.estimate is None else self.estimate.mi


def measure_cells(
    analysis: Analysis,
    cells: Sequence[Cell],
    description: str = "",
    *,
    checks: bool = True,
    keep: bool = False,
) -> list[Outcome]:
    """Return the outcomes of all cells; one that fails does not take the others with it.

    Parameters
    ----------
    analysis : Analysis
    cells : sequence of Cell
    description : str
        Of the progress bar, and of the folder that keeps what is finished.
    checks : bool
        Whether to look for what speaks against each estimate; surrogates need none.
    keep : bool
        Whether to keep the critics' weights.
    """
    if analysis.direct:
        return _direct_outcomes(analysis, cells, description, checks)
    looks = _looks(analysis, cells) if checks else [None] * len(cells)
    jobs: list[Job] = []
    owner: list[tuple[int, bool]] = []
    for place, (cell, seen) in enumerate(zip(cells, looks, strict=True)):
        own = _jobs(analysis, cell, seen, keep)
        halves = [_half(job) for job in own] if checks else []
        for group, is_half in ((own, False), ([h for h in halves if h is not None], True)):
            jobs += group
            owner += [(place, is_half)] * len(group)
    fits = analysis.fit(jobs, description)
    groups: dict[tuple[int, bool], list[Fitted]] = {}
    for who, fit in zip(owner, fits, strict=True):
        groups.setdefault(who, []).append(fit)
    out = [
        _outcome(
            analysis,
            cell,
            groups[place, False],
            groups.get((place, True), []),
            seen,
            len(cells) > 1,
        )
        for place, (cell, seen) in enumerate(zip(cells, looks, strict=True))
    ]
    if all(outcome.estimate is None for outcome in out):
        raise TrainingError(f"no critic could be trained; the first: {out[0].fits[0].failure}")
    return out


def _outcome(
    analysis: Analysis,
    cell: Cell,
    full: list[Fitted],
    half: list[Fitted],
    seen: Seen | None,
    others: bool,
) -> Outcome:
    """Return a cell's outcome; without an estimate, where there are others, if none was trained."""
    try:
        return Outcome(cell, _checked(analysis, cell, full, half, seen), full)
    except TrainingError as error:
        if not others:
            raise
        warnings.warn(f"{dict(cell.key)}: {error}", SmallSampleWarning, stacklevel=4)
        return Outcome(cell, None, full)


def _looks(analysis: Analysis, cells: Sequence[Cell]) -> list[Seen | None]:
    """Return what is seen in each cell's samples; once where cells have the same ones."""
    found: dict[tuple[int, int, int, int], Seen] = {}
    seen: list[Seen | None] = []
    for cell in cells:
        key = (id(cell.x), id(cell.y), id(cell.index), cell.gap)
        if key not in found:
            found[key] = _look(analysis, cell)
        seen.append(found[key])
    return seen


def _look(analysis: Analysis, cell: Cell) -> Seen:
    x, y = cell.x, cell.y
    if cell.index is not None:
        x, y = x[cell.index], y[cell.index]
    far = analysis.bound in (*_COPULAS, "lmi")
    return look(x, y, cell.gap, analysis.seed, ordered=analysis.split_mode == "blocked", far=far)


def _jobs(analysis: Analysis, cell: Cell, seen: Seen | None, keep: bool) -> list[Job]:
    memory = cell.memory if cell.memory is not None else 0 if seen is None else seen.memory
    fold_list = cell.folds
    if fold_list is None:
        fold_list = analysis.folds(len(cell.x), cell.gap, cell.seed, cell.index, memory)
    return analysis.jobs(
        cell.x,
        cell.y,
        fold_list,
        cell.seed,
        key=cell.key,
        params=cell.params,
        permutation=cell.permutation,
        n_reference=cell.n_reference,
        keep=keep,
    )


def _half(job: Job) -> Job | None:
    """Return the job with half of its training samples and steps, one stretch of time.

    Folds take the first and the second half in turn.
    """
    train = job.fold.train
    n = len(train) // 2
    if n < MIN_TRAIN:
        return None
    fold = job.key["fold"]
    part = train[:n] if fold % 2 == 0 else train[-n:]
    params = job.params.replace(n_inits=min(_HALF_NETWORKS, job.params.training.n_inits))
    reference = None if job.n_reference is None else max(1, job.n_reference // 2)
    return replace(
        job,
        fold=replace(job.fold, train=part),
        seed=job.seed.child("half"),
        params=params,
        n_reference=reference,
        keep=False,
    )


def _checked(
    analysis: Analysis,
    cell: Cell,
    full: list[Fitted],
    half: list[Fitted],
    seen: Seen | None,
) -> Estimate:
    """Return the pooled estimate with what its checks found."""
    n = len(cell.x)
    estimate = pool(
        full, n, confidence=analysis.confidence, known=0 if seen is None else seen.memory
    )
    if seen is None:
        return estimate
    gain, noise = float("nan"), float("nan")
    if len(half) == len(full):
        gain, noise = rise(full, half, n, seen.memory)
    mi, error = estimate.mi, estimate.error
    parts = {
        "rise": gain,
        "gap": estimate.train_mi - estimate.test_mi,
        "beyond": seen.neighbours - mi,
    }
    reasons = reliability.collected(
        reliability.much_is_open(mi, **parts),
        missed_by_neighbours(mi, error, seen),
        reliability.missed(mi, error, seen.squares, "squares of the features"),
        reliability.too_fine(mi, seen.neighbours, seen.neighbours_rise),
        reliability.too_short(estimate.n, seen.time),
    )
    return estimate.widened(
        reliability.open_above(mi, **parts),
        analysis.confidence,
        reasons,
        rise=gain,
        rise_error=noise,
        neighbours=seen.neighbours,
        squares=seen.squares,
    )


def _direct_outcomes(
    analysis: Analysis, cells: Sequence[Cell], description: str, checks: bool
) -> list[Outcome]:
    """Return the outcomes of an estimator without a network, which are kept as critics are."""
    estimates = shared.map(
        partial(_direct_estimate, analysis.alone(), checks),
        cells,
        n_workers=analysis.n_workers,
        progress=analysis.progress and len(cells) > 1,
        description=description,
        resume=analysis.folder(description),
    )
    return [Outcome(*pair) for pair in zip(cells, estimates, strict=True)]


def _direct_estimate(analysis: Analysis, checks: bool, cell: Cell) -> Estimate:
    """Return what an estimator without a network says of a cell."""
    name, options = analysis.bound, analysis.bound_options
    x, y = flat(cell.x), flat(cell.y)
    check_data(name, x, y)
    memory = cell.memory
    seen = None
    if memory is None:
        seen = _look(analysis, cell)
        memory = seen.memory
    exclude = min(max(cell.gap, memory), _LONGEST, len(x) // 8) if DIRECT[name].neighbours else 0
    if checks and "k" in options:
        check_k(name, options["k"], len(x), exclude)
    if cell.permutation is not None:
        y = y[cell.permutation]

    prepared = DIRECT[name].prepare(x, y, **options)

    def value(rows: Any) -> float:
        return float(np.nanmean(prepared.local(rows, exclude=exclude)))

    local = prepared.local(exclude=exclude)
    mi = float(np.nanmean(local))
    if not checks or seen is None:
        return _bare(mi, local)
    slow = memory > 0 or cell.gap > 0
    if slow or not DIRECT[name].local_error:
        error, dof = jackknife(value, len(x), max(memory, cell.gap))
        scatter = error
    else:
        scatter, dof = standard_error(local), float("inf")
        error = scatter * (NEIGHBOURS if DIRECT[name].neighbours else 1.0)
    top = ceiling(name, x, y, int(options.get("k", 5)))
    gain = mi - halves(value, len(x), slow)
    estimate = Estimate(mi, error, mi, mi, mi, mi, top, len(x), local, dof=dof)
    # Halves are noisy, those of slow recordings very: only what is clear counts.
    clear = gain - scatter
    lost = _lost(name, x, y)
    reasons = _direct_reasons(name, x, y, estimate, clear, seen, prepared.counted, lost)
    left_open = reliability.open_above(mi, rise=clear, gap=0.0, beyond=seen.most - mi)
    wide = estimate.widened(
        left_open if np.isfinite(mi) else 0.0,
        analysis.confidence,
        reasons,
        rise=gain,
        neighbours=seen.neighbours,
        squares=seen.squares,
    )
    return replace(wide, high=wide.high + lost.by_ranks) if name == "gcmi" else wide


def _lost(name: str, x: Array, y: Array) -> _direct.Lost:
    """Return what ranks and neighbours lose of a copula's information in samples such as these."""
    if name not in _COPULAS or repeats(x, y):
        return _direct.NOTHING_LOST
    few = x.shape[1] + y.shape[1] <= reliability.NEAR_DIMENSIONS
    return _direct.lost([x, y], near_scores if few else None)


def _bare(mi: float, local: Array) -> Estimate:
    nan = float("nan")
    return Estimate(mi, nan, nan, nan, mi, mi, float("inf"), len(local), local)


def halves(value: Any, n: int, slow: bool) -> float:
    """Return the mean estimate of two halves: stretches of time, or every other sample."""
    first = np.arange(n) < n // 2 if slow else np.arange(n) % 2 == 0
    return float(np.mean([value(first), value(~first)]))


def _direct_reasons(
    name: str,
    x: Array,
    y: Array,
    estimate: Estimate,
    rise: float,
    seen: Seen,
    counted: bool,
    lost: _direct.Lost,
) -> tuple[str, ...]:
    mi, error = estimate.mi, estimate.error
    found = [
        reliability.not_finite(mi),
        reliability.at_ceiling(mi, estimate.ceiling),
        reliability.much_is_open(mi, rise=rise, gap=0.0, beyond=0.0),
        reliability.too_short(estimate.n, seen.time),
    ]
    if name != "ksg":
        least = {"least": reliability.FORM} if name in _COPULAS else {}
        found += [
            reliability.missed(mi, error, seen.neighbours, "nearest neighbours", **least),
            reliability.missed(mi, error, seen.far, "nearest neighbours, in many dimensions,"),
            reliability.missed(mi, error, seen.squares, "squares of the features"),
        ]
    elif labels(x) is None or labels(y) is None:
        found.append(reliability.many_dimensions(x.shape[1] + y.shape[1]))
    if name not in _COPULAS and not repeats(x, y):
        found.append(reliability.missed(mi, error, seen.straight, "straight lines"))
    if name in _COPULAS:
        which = [v for v, values in (("x", x), ("y", y)) if repeats(values)]
        if which:
            found.append(reliability.atoms(" and ".join(which)))
        least_left = seen.neighbours + max(lost.by_neighbours, 0.0)
        found.append(reliability.exceeds(mi, error, least_left, "nearest neighbours"))
    if counted:
        joint = _direct.pairs_of(_direct.codes(x), _direct.codes(y))
        found.append(reliability.rare_patterns(_direct.unseen(joint)))
    return reliability.collected(*found)


def tables(
    outcomes: Sequence[Outcome], factor: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return tidy rows and raw rows of `outcomes` in output units."""
    tidy, raw = [], []
    for outcome in outcomes:
        if outcome.estimate is None:
            tidy.append({**outcome.cell.key, "mi": np.nan, "reliable": False})
        else:
            tidy.append(tidy_row(outcome.estimate, factor, **outcome.cell.key))
        raw += raw_rows(outcome.fits, factor)
    return tidy, raw


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


def raw_rows(fits: Sequence[Fitted], factor: float) -> list[dict[str, Any]]:
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


def reasons_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Return all reasons against any of the outcomes, each once, with the cell it is about."""
    found: dict[str, None] = {}
    for outcome in outcomes:
        where = ", ".join(f"{k}={v}" for k, v in outcome.cell.key.items())
        reasons: tuple[str, ...] = ("no critic could be trained",)
        if outcome.estimate is not None:
            reasons = outcome.estimate.reasons
        for reason in reasons:
            found[f"{where}: {reason}" if where else reason] = None
    return list(found)
