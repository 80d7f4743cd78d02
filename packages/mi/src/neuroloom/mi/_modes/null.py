"""The one loop over surrogates: every mode's null distribution and p-value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.cells import Cell, measure_cells
from neuroloom.mi._modes.crosschecks import flat
from neuroloom.mi._options.modes import NullOptions
from neuroloom.mi._samples.surrogates import max_statistic, p_value, surrogates
from neuroloom.mi._statistics.correlation import joint_memory
from neuroloom.shared import Seed

Array = NDArray[Any]


@dataclass(frozen=True)
class Null:
    """A statistic of the data and of surrogates, in nats.

    Attributes
    ----------
    observed : ndarray, shape (n_tests,)
    values : ndarray, shape (n_surrogates, n_tests)
    kind : str
    """

    observed: NDArray[np.float64]
    values: NDArray[np.float64]
    kind: str

    @property
    def corrected(self) -> NDArray[np.float64]:
        """p-values corrected for the number of tests by the largest of each surrogate."""
        return max_statistic(self.observed, self.values)

    @property
    def single(self) -> NDArray[np.float64]:
        """Each test's own p-value."""
        return np.array([p_value(v, self.values[:, k]) for k, v in enumerate(self.observed)])

    def details(self, factor: float) -> dict[str, Any]:
        """Return the entries of ``details`` that describe the null of a single test."""
        values, observed = self.values[:, 0], float(self.observed[0])
        low, high = np.quantile(values, [0.025, 0.975])
        return {
            "null_distribution": values * factor,
            "null_statistic": observed * factor,
            "null_mean": float(values.mean() * factor),
            "null_interval": (float(low * factor), float(high * factor)),
            "p_value": p_value(observed, values),
            "surrogate": self.kind,
        }


def orders(
    n: int, options: NullOptions, gap: int, seed: Seed, least: int = 0
) -> list[NDArray[np.int64]]:
    """Return which row goes with each row: of the data first, then of each surrogate."""
    drawn = surrogates(
        n,
        options.n,
        options.kind,
        seed.child("surrogate").generator(),
        gap=gap,
        block=options.block,
        trials=options.trials,
        least=least,
    )
    return [np.arange(n), *drawn]


def check_null(options: NullOptions | None, n: int, gap: int) -> None:
    """Raise before any work if surrogates as asked for cannot be made of `n` samples.

    Raises
    ------
    OptionError
        For blocks or trials that do not fit.
    """
    if options is not None and options.kind in ("block", "trial"):
        orders(n, replace(options, n=1), gap, Seed(0))


def null_of(
    pairings: Sequence[Any], options: NullOptions, statistics: Callable[[Sequence[Any]], Array]
) -> Null:
    """Return the null distribution of `statistics` over pairings, the data's own first.

    Data and surrogates are treated alike, which is all that a p-value needs.
    """
    table = np.asarray(statistics(pairings), dtype=float).reshape(len(pairings), -1)
    return Null(table[0], table[1:], options.kind)


def cells_null(
    analysis: Analysis, cells: Sequence[Cell], options: NullOptions, least: int = 0
) -> Null:
    """Return the null distribution of cells that are of the same samples.

    Every surrogate undoes the pairing in all cells alike, so the largest value of each can
    correct for the number of cells. The statistic is a cheaper estimate than the reported one:
    ``null_folds`` of the folds (one by default) and a single network. Rotations are of more than
    `least` samples.
    """
    n, gap, seed = min(len(cell.x) for cell in cells), cells[0].gap, analysis.seed.child("null")
    memory = _memory(cells, n)
    pairings = orders(n, options, gap, seed, least)
    fold_list = None
    if not analysis.direct:
        every = analysis.folds(n, gap, cells[0].seed, None, memory)
        fold_list = every[: options.folds]

    def statistics(pairings: Sequence[Any]) -> Array:
        made = [
            replace(
                cell,
                key={**cell.key, "surrogate": s - 1},
                x=cell.x[:n],
                y=cell.y[:n],
                params=(cell.params or analysis.params).replace(n_inits=1),
                seed=seed.child(s).child(k),
                folds=fold_list,
                permutation=order,
                memory=memory,
            )
            for s, order in enumerate(pairings)
            for k, cell in enumerate(cells)
        ]
        outcomes = measure_cells(analysis, made, "surrogates", checks=False)
        return np.array([outcome.mi for outcome in outcomes])

    return null_of(pairings, options, statistics)


def _memory(cells: Sequence[Cell], n: int) -> int:
    return max(joint_memory(flat(c.x[:n]), flat(c.y[:n])) for c in cells[:4])
