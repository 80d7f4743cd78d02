"""Analyses made of several estimates, fitted together: sweeps, lags, terms of a difference."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._errors import SmallSampleWarning, TrainingError
from neuroloom.mi._estimate import raw_rows
from neuroloom.mi._fit import Fitted, Job
from neuroloom.mi._options import Params
from neuroloom.mi._pool import Estimate, pool
from neuroloom.mi._split import Fold
from neuroloom.shared import Seed

Array = NDArray[Any]


@dataclass(frozen=True)
class Cell:
    """One estimate to be made: its samples, what it is called, and how it differs."""

    key: Mapping[str, Any]
    x: Array
    y: Array
    gap: int
    seed: Seed
    params: Params | None = None
    permutation: Array | None = None
    index: Array | None = None  # the samples used, all by default
    folds: Sequence[Fold] | None = None
    n_reference: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """A cell's estimate; None if all its critics failed."""

    cell: Cell
    estimate: Estimate | None
    fits: list[Fitted]

    @property
    def mi(self) -> float:
        """The estimate in nats, NaN if there is none."""
        return float("nan") if self.estimate is None else self.estimate.mi


def measure_cells(
    analysis: Analysis, cells: Sequence[Cell], description: str = ""
) -> list[Outcome]:
    """Return the outcomes of all cells; one that fails does not take the others with it."""
    jobs: list[Job] = []
    owner: list[int] = []
    for place, cell in enumerate(cells):
        fold_list = cell.folds
        if fold_list is None:
            fold_list = analysis.folds(len(cell.x), cell.gap, cell.seed, cell.index)
        more = analysis.jobs(
            cell.x,
            cell.y,
            fold_list,
            cell.seed,
            key=cell.key,
            params=cell.params,
            permutation=cell.permutation,
            n_reference=cell.n_reference,
        )
        jobs += more
        owner += [place] * len(more)
    fits = analysis.fit(jobs, description)
    groups: list[list[Fitted]] = [[] for _ in cells]
    for place, fit in zip(owner, fits, strict=True):
        groups[place].append(fit)
    out = []
    for cell, group in zip(cells, groups, strict=True):
        try:
            estimate = pool(group, len(cell.x), confidence=analysis.confidence)
        except TrainingError as error:
            warnings.warn(f"{dict(cell.key)}: {error}", SmallSampleWarning, stacklevel=3)
            estimate = None
        out.append(Outcome(cell, estimate, group))
    if all(outcome.estimate is None for outcome in out):
        raise TrainingError(f"no critic could be trained; the first: {groups[0][0].failure}")
    return out


def tables(
    outcomes: Sequence[Outcome], factor: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return tidy rows and raw rows of `outcomes` in output units."""
    from neuroloom.mi._estimate import tidy_row

    tidy, raw = [], []
    for outcome in outcomes:
        if outcome.estimate is None:
            tidy.append({**outcome.cell.key, "mi": np.nan, "reliable": False})
        else:
            tidy.append(tidy_row(outcome.estimate, factor, **outcome.cell.key))
        raw += raw_rows(outcome.fits, factor)
    return tidy, raw
