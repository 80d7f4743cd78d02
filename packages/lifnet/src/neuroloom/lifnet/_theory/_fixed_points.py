"""All fixed points of a mean field: found from many starts, told apart, and classified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._theory._mean_field import LIFMeanField
from neuroloom.lifnet._theory._rate_equations import solve
from neuroloom.lifnet._theory._symmetry import Symmetry, symmetry
from neuroloom.shared import Seed, as_seed

Array = NDArray[np.float64]

SAME = 1e-6
"""Rates that differ by less, relative to 1 + the largest rate, are the same fixed point."""


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """One fixed point and what happens near it."""

    rates: Array
    """Hz, shape (n_pops,)."""
    label: str
    """Kind, as `classify` names it."""
    eigenvalues: NDArray[np.complex128]
    """Of the linearized dynamics, largest real part first."""
    residual: float
    """Largest ``|ν − Φ(ν)|`` in Hz."""
    multiplicity: int
    """Fixed points that follow from this one by exchanging clusters, itself included."""

    @property
    def stable(self) -> bool:
        """Whether all perturbations decay."""
        return self.label.startswith("stable")

    @property
    def growth(self) -> float:
        """Largest real part of the eigenvalues."""
        return float(self.eigenvalues.real.max())


def initial_rates(n_starts: int, n_pops: int, *, seed: int | Seed = 0) -> Array:
    """Return random starts: uniform in (0, 1) Hz, a random subset of them scaled up to 10 Hz.

    Shape (n_starts, n_pops).
    """
    generator = as_seed(seed).generator()
    low = generator.uniform(0, 1, (n_starts, n_pops))
    scale = generator.uniform(0, 10, (n_starts, n_pops))
    return np.where(generator.random((n_starts, n_pops)) < 0.5, scale, low)


def fixed_points(
    field: LIFMeanField,
    *,
    n_starts: int = 200,
    up_to_permutation: bool = True,
    tau: ArrayLike | None = None,
    starts: ArrayLike | None = None,
    seed: int | Seed = 0,
) -> list[FixedPoint]:
    """Return the fixed points of a mean field, each once, lowest total rate first.

    Clusters that can be exchanged are first taken in groups of equal rate: a cluster has at most
    three rates that agree with the input it shares with the others, so every split of the
    clusters over three levels is solved, in as many unknowns as there are levels. Random starts
    of the whole network follow, for what has no such symmetry.

    Parameters
    ----------
    field : LIFMeanField
        The mean field.
    n_starts : int
        Random starts.
    up_to_permutation : bool
        Take fixed points that differ only by the order of equal clusters as one.
    tau : array_like, optional
        Time constants of the rates for the stability, see `LIFMeanField.determine_stability`.
    starts : array_like, shape (n_more, n_pops), optional
        Further starts.
    seed : int or Seed
        Seed of the random starts.

    Examples
    --------
    >>> points = fixed_points(LIFMeanField.from_config("2_cluster_mf"), up_to_permutation=False)
    >>> sorted((point.label, round(float(point.rates[0]), 1)) for point in points)
    [('saddle', 21.8), ('stable node', 2.5), ('stable node', 51.1)]
    """
    order = symmetry(field)
    found = [_from_patterns(field, order)]
    random = initial_rates(n_starts, field.n_pops, seed=seed)
    ceiling = 1.0 / np.maximum(field.equations.tau_refractory, 0.01)
    generator = as_seed(seed).child("wide").generator()
    wide = generator.uniform(0, 1, (n_starts, field.n_pops)) ** 2 * np.minimum(ceiling, 100.0)
    for batch in (random, wide, starts):
        if batch is not None and len(np.atleast_2d(batch)):
            answer = field.solve_many(batch)
            found.append(answer.rates[answer.converged])
    rates = np.concatenate(found)
    if up_to_permutation:
        rates = order.canonical(rates)
    points = [_point(field, order, state, tau) for state in distinct(rates)]
    # Rounded, or the order of states that differ by a permutation only is chance.
    return sorted(points, key=lambda p: (p.rates.sum().round(6), tuple(-p.rates.round(6))))


def distinct(rates: Array, *, tolerance: float = SAME) -> Array:
    """Return states that differ from each other, the first of each kind, (n_distinct, n_pops)."""
    kept: list[Array] = []
    for state in rates:
        near = tolerance * (1.0 + np.abs(state).max())
        if not any(np.abs(state - other).max() <= near for other in kept):
            kept.append(state)
    return np.array(kept).reshape(len(kept), rates.shape[1])


def _from_patterns(field: LIFMeanField, order: Symmetry, *, limit: int = 500) -> Array:
    """Return the fixed points in which each class of clusters takes at most three rates."""
    if not order.classes:
        return np.empty((0, field.n_pops))
    states: list[Array] = []
    for groups, levels in order.patterns(3, limit):
        answer = solve(field.equations.lump(groups), _pattern_starts(np.array(levels)))
        for rates in distinct(answer.rates[answer.converged]):
            state = np.empty(field.n_pops)
            for value, members in zip(rates, groups, strict=True):
                state[members] = value
            states.append(state)
    if not states:
        return np.empty((0, field.n_pops))
    # Grouping is exact; the full solve confirms it and brings all to the same precision.
    answer = field.solve_many(distinct(np.array(states)))
    return answer.rates[answer.converged]


def _pattern_starts(levels: NDArray[np.int64]) -> Array:
    """Return starts in which every level takes every rate of a coarse grid, in Hz."""
    n_levels = int(levels.max()) + 1
    grid = np.array([1.0, 4.0, 9.0, 16.0, 26.0, 47.0] if n_levels <= 3 else [2.0, 30.0])
    every = np.stack(np.meshgrid(*[grid] * n_levels, indexing="ij"), axis=-1).reshape(-1, n_levels)
    return np.where(levels >= 0, every[:, levels.clip(min=0)], 5.0)


def _point(field: LIFMeanField, order: Symmetry, rates: Array, tau: ArrayLike | None) -> FixedPoint:
    label, eigenvalues = field.determine_stability(rates, tau=tau)
    multiplicity = 1
    for members in order.classes:
        keys = np.round(rates[order.units[members][:, 0]] / (1 + np.abs(rates).max()), 6)
        counts = np.unique(keys, return_counts=True)[1]
        multiplicity *= _multinomial(counts.tolist())
    residual = float(np.abs(rates - field.response(rates)).max())
    return FixedPoint(rates, label, eigenvalues, residual, multiplicity)


def _multinomial(counts: list[int]) -> int:
    result, total = 1, 0
    for count in counts:
        for i in range(1, count + 1):
            total += 1
            result = result * total // i
    return result
