"""Which clusters of a mean field can be exchanged, and states in a form free of their order.

A unit is what moves together: the E and I population of one cluster in the layout
``[E_1 … E_Q, E_b, I_1 … I_Q, I_b]``, a single population otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._theory._mean_field import LIFMeanField

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Symmetry:
    """Units of a mean field, in classes whose members can be exchanged."""

    units: Index
    """Populations of each unit, shape (n_units, n_per_unit)."""
    classes: list[Index]
    """Units that can be exchanged, at least two each."""
    n_pops: int

    def canonical(self, rates: Array) -> Array:
        """Return states with the units of each class in falling order of their first rate."""
        result = np.array(rates, dtype=np.float64, ndmin=2)
        for members in self.classes:
            places = self.units[members]
            key = np.round(result[:, places[:, 0]], 6)
            order = np.argsort(-key, axis=1, kind="stable")
            for row, by in zip(result, order, strict=True):
                row[places] = row[places[by]]
        return result.reshape(np.shape(rates))

    def patterns(self, n_levels: int, limit: int) -> Iterator[tuple[list[Index], list[int]]]:
        """Yield groups of populations with equal rates, and the level of each group.

        The units of each class are split over up to `n_levels` levels in all ways that differ by
        more than the order of the levels; a population outside the classes is a group of its own,
        of level −1. Nothing comes if there are more than `limit` patterns.
        """
        splits = [list(_splits(len(members), n_levels)) for members in self.classes]
        if np.prod([len(split) for split in splits]) > limit:
            return
        for choice in np.ndindex(*(len(split) for split in splits)):
            groups: list[Index] = []
            levels: list[int] = []
            n_used = 0
            for members, split, which in zip(self.classes, splits, choice, strict=True):
                first = 0
                for count in split[which]:
                    chosen = self.units[members[first : first + count]]
                    groups += [np.asarray(column) for column in chosen.T]
                    levels += [n_used] * chosen.shape[1]
                    first, n_used = first + count, n_used + 1
            taken = np.concatenate([*groups, np.empty(0, dtype=np.int64)])
            rest = np.setdiff1d(np.arange(self.n_pops), taken)
            yield [*groups, *(np.array([i]) for i in rest)], [*levels, *([-1] * len(rest))]


def symmetry(field: LIFMeanField) -> Symmetry:
    """Return which units of a mean field can be exchanged without changing its equations."""
    q, n = field.n_clusters, field.n_pops
    if n == 2 * q + 2:
        units = np.stack([np.arange(q), np.arange(q) + q + 1], axis=1)
    else:
        units = np.arange(n)[:, None]
    classes: list[list[int]] = []
    for unit in range(len(units)):
        for members in classes:
            if _exchangeable(field, units[members[0]], units[unit]):
                members.append(unit)
                break
        else:
            classes.append([unit])
    return Symmetry(units, [np.array(c) for c in classes if len(c) > 1], n)


def _exchangeable(field: LIFMeanField, a: Index, b: Index) -> bool:
    order = np.arange(field.n_pops)
    order[a], order[b] = b, a
    equations = field.equations
    vectors = (
        equations.mean_external,
        equations.variance_external,
        equations.tau_membrane,
        equations.tau_synaptic,
        equations.tau_refractory,
        equations.threshold,
        equations.reset_voltage,
    )
    same = all(np.allclose(v, v[order], rtol=1e-12, atol=0) for v in vectors)
    matrices = (equations.mean, equations.variance)
    return same and all(
        np.allclose(m, m[np.ix_(order, order)], rtol=1e-12, atol=1e-300) for m in matrices
    )


def _splits(total: int, parts: int, largest: int | None = None) -> Iterator[Sequence[int]]:
    """Yield all ways to write `total` as a falling sum of at most `parts` positive numbers."""
    if total == 0:
        yield ()
        return
    if parts == 0:
        return
    for first in range(min(total, largest or total), 0, -1):
        for rest in _splits(total - first, parts - 1, first):
            yield (first, *rest)
