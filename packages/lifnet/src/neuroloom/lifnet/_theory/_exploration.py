"""The search for all fixed points: starts of every kind, then one exchange of a level at a time.

Clusters are bistable one by one: with the input from all others held, a cluster has a few rates
that agree with its own feedback. States of the network are combinations of these. From each state
found, each cluster in turn is put on each of its other rates and the network solved again from
there, until nothing new comes. Clusters that can be exchanged and have equal rates are one
unknown each for their populations, so the cost does not grow with the number of equal clusters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, product

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._theory._rate_equations import RateEquations, solve
from neuroloom.lifnet._theory._symmetry import Symmetry

Array = NDArray[np.float64]
Index = NDArray[np.int64]

SAME = 1e-6
"""Rates that differ by less, relative to 1 + the largest rate, are the same fixed point."""

_UNBOUNDED = 1000.0  # Hz: where starts end for neurons without a refractory time
_LEVELS = (0.5, 6.0, 20.0, 45.0)  # Hz, and fractions of the ceiling
_FRACTIONS = (0.3, 0.6, 0.95)
_MOST_SUBSETS = 100  # of clusters that start on the upper of two levels
_THREE_LEVEL = 20_000  # rates of all starts in which clusters take three levels
_REORDERED = 60_000  # rates of all starts made from states of equal clusters
_BATCH = 4000


@dataclass(frozen=True, eq=False)
class Exploration:
    """Fixed points up to the order of equal clusters, and whether the search ran to its end."""

    states: Array
    """Hz, in canonical order, shape (n_states, n_pops)."""
    finished: bool
    """False if the search stopped at the largest number of states."""


class _Known:
    """Distinct states, looked up by their rounded total rate."""

    def __init__(self, n_pops: int) -> None:
        self._rows: list[Array] = []
        self._cells: dict[int, list[int]] = {}
        self._n_pops = n_pops

    def add(self, state: Array) -> bool:
        """Add a state; return False if it was known."""
        near = SAME * (1.0 + np.abs(state).max())
        # A sum over populations moves by at most n_pops times as much as a rate.
        cell = int(np.floor(state.sum() / (4 * self._n_pops * SAME)))
        reach = int(np.ceil(near / (4 * SAME))) + 1
        for place in range(cell - reach, cell + reach + 1):
            for row in self._cells.get(place, ()):
                if np.abs(self._rows[row] - state).max() <= near:
                    return False
        self._cells.setdefault(cell, []).append(len(self._rows))
        self._rows.append(state)
        return True

    def __len__(self) -> int:
        return len(self._rows)

    def array(self) -> Array:
        return np.array(self._rows).reshape(len(self._rows), self._n_pops)


def ceilings(equations: RateEquations) -> Array:
    """Return the highest rate of each population in Hz: 1/τ_ref, infinite without one."""
    tau = equations.tau_refractory
    return np.asarray(np.divide(1.0, tau, out=np.full(tau.shape, np.inf), where=tau > 0))


def distinct(rates: Array) -> Array:
    """Return states that differ from each other, the first of each kind, (n_distinct, n_pops)."""
    known = _Known(rates.shape[1])
    for state in rates:
        known.add(state)
    return known.array()


def explore(
    equations: RateEquations, order: Symmetry, random: Sequence[Array], *, max_points: int
) -> Exploration:
    """Return the fixed points that starts of every kind and exchanges of levels lead to.

    Parameters
    ----------
    equations : RateEquations
        Of the mean field.
    order : Symmetry
        Which of its clusters can be exchanged.
    random : sequence of ndarray, shape (n_starts, n_pops)
        Starts of the whole network, in Hz.
    max_points : int
        Where the search stops.
    """
    known = _Known(equations.n_pops)
    new = [
        *_arrived(equations, order, known, _level_starts(equations, order), lump=True),
        *_arrived(equations, order, known, np.concatenate([*random]), lump=False),
    ]
    if len(order.similar) > 1 and not _all_equal(order):
        # Fixed points persist when equal clusters become slightly unequal.
        alike = Symmetry(order.units, [order.similar], order.n_pops)
        mean = explore(_averaged(equations, alike), alike, random, max_points=max_points)
        starts = _reordered(alike, mean.states)
        new += _arrived(equations, order, known, starts, lump=True)
    while new and len(known) <= max_points:
        starts = np.array(list(_exchanges(equations, order, new)))
        new = _arrived(equations, order, known, starts, lump=True) if len(starts) else []
    return Exploration(known.array(), len(known) <= max_points)


def _all_equal(order: Symmetry) -> bool:
    return any(len(members) == len(order.similar) for members in order.classes)


def _averaged(equations: RateEquations, order: Symmetry) -> RateEquations:
    """Return the equations with the units of the first class all equal to their average."""
    units = order.units[order.classes[0]]
    rest = np.setdiff1d(np.arange(order.n_pops), units)
    own = np.eye(len(units), dtype=bool)

    def vector(values: Array) -> Array:
        result = values.copy()
        result[units] = values[units].mean(axis=0)
        return result

    def matrix(values: Array) -> Array:
        result = values.copy()
        for post in units.T:
            result[np.ix_(post, rest)] = values[np.ix_(post, rest)].mean(axis=0)
            result[np.ix_(rest, post)] = values[np.ix_(rest, post)].mean(axis=1, keepdims=True)
            for pre in units.T:
                block = values[np.ix_(post, pre)]
                result[np.ix_(post, pre)] = np.where(own, block[own].mean(), block[~own].mean())
        return result

    changed = {
        name: vector(getattr(equations, name))
        for name in (
            *("mean_external", "variance_external", "tau_membrane", "tau_synaptic"),
            *("tau_refractory", "threshold", "reset_voltage"),
        )
    }
    return replace(
        equations,
        mean=matrix(equations.mean),
        variance=matrix(equations.variance),
        **changed,
    )


def _reordered(order: Symmetry, states: Array) -> Array:
    """Return states with their units in all orders, or a sample of these where there are many."""
    each = max(1, _REORDERED // order.n_pops // max(1, len(states)))
    generator = np.random.default_rng(0)
    places = order.units[order.classes[0]]
    starts = []
    for state in states:
        rows = list(islice(arrangements(state[places]), each + 1))
        if len(rows) > each:
            rows = [generator.permutation(state[places]) for _ in range(each)]
        for row in rows:
            start = state.copy()
            start[places] = row
            starts.append(start)
    return np.array(starts).reshape(len(starts), order.n_pops)


def arrangements(rates: Array) -> Iterator[Array]:
    """Yield the different orders of rows of which some may be equal.

    Parameters
    ----------
    rates : ndarray, shape (n_rows, n_columns)
        Rates of the units, in Hz.
    """
    groups = _levels(rates, 1e-6 * (1 + np.abs(rates).max(initial=0.0)))
    counts = [len(group) for group in groups]

    def fill(chosen: list[int]) -> Iterator[Array]:
        if len(chosen) == len(rates):
            yield rates[[groups[number][0] for number in chosen]]
            return
        for number in range(len(groups)):
            if counts[number]:
                counts[number] -= 1
                yield from fill([*chosen, number])
                counts[number] += 1

    yield from fill([])


def groups_of(order: Symmetry, state: Array) -> list[Index]:
    """Return populations that have equal rates and can be exchanged, as groups."""
    groups: list[Index] = []
    taken: list[int] = []
    scale = 1e-6 * (1 + np.abs(state).max())
    for members in order.classes:
        places = order.units[members]
        for alike in _levels(state[places], scale):
            groups += [np.asarray(column) for column in places[alike].T]
            taken += places[alike].ravel().tolist()
    rest = np.setdiff1d(np.arange(len(state)), taken)
    return [*groups, *(np.array([i]) for i in rest)]


def _levels(rates: Array, scale: float) -> list[Index]:
    """Return the rows of `rates` that agree in all columns within `scale`, as groups."""
    left = np.arange(len(rates))
    groups = []
    while left.size:
        alike = np.abs(rates[left] - rates[left[0]]).max(axis=1) <= scale
        groups.append(left[alike])
        left = left[~alike]
    return groups


def _arrived(
    equations: RateEquations, order: Symmetry, known: _Known, starts: Array, *, lump: bool
) -> list[Array]:
    """Return the fixed points not known before that starts lead to, and add them to `known`."""
    new = []
    for first in range(0, len(starts), _BATCH):
        batch = starts[first : first + _BATCH]
        ends = _solve_lumped(equations, order, batch) if lump else _solve_full(equations, batch)
        if not len(ends):
            continue
        candidates = distinct(order.canonical(ends))
        # In canonical order first, or the last digits would depend on which order was solved.
        sharp = solve(equations, candidates, persist=False)
        for state in order.canonical(sharp.rates[sharp.converged]):
            if known.add(state):
                new.append(state)
    return new


def _solve_full(equations: RateEquations, starts: Array) -> Array:
    found = solve(equations, starts, persist=False)
    return found.rates[found.converged]


def _solve_lumped(equations: RateEquations, order: Symmetry, starts: Array) -> Array:
    """Return the fixed points of starts solved in as many unknowns as they have levels."""
    if not order.classes:
        return _solve_full(equations, starts)
    by_size: dict[int, list[tuple[Array, list[Index]]]] = {}
    for start in starts:
        groups = groups_of(order, start)
        by_size.setdefault(len(groups), []).append((start, groups))
    ends = []
    for pairs in by_size.values():
        lumped = equations.lump_each([groups for _, groups in pairs])
        small = np.array([[start[members[0]] for members in groups] for start, groups in pairs])
        found = solve(lumped, small, persist=False)
        for row in np.flatnonzero(found.converged):
            state = np.empty(equations.n_pops)
            for value, members in zip(found.rates[row], pairs[row][1], strict=True):
                state[members] = value
            ends.append(state)
    return np.array(ends).reshape(len(ends), equations.n_pops)


def _grid(equations: RateEquations) -> Array:
    """Return rates at which a population may be found, shape (n_levels, n_pops)."""
    top = np.minimum(ceilings(equations), _UNBOUNDED)
    low = np.minimum(np.array(_LEVELS)[:, None], 0.5 * top)
    return np.concatenate([low, np.array(_FRACTIONS)[:, None] * top])


def _level_starts(equations: RateEquations, order: Symmetry) -> Array:
    """Return starts with all units on one level, on two, and on three."""
    grid = _grid(equations)
    starts = list(grid)
    units = order.units[order.similar] if len(order.similar) else order.units
    pairs = [(low, high) for low in range(2) for high in range(2, len(grid))]
    for number, subset in enumerate(_subsets(order, units)):
        upper = units[list(subset)].ravel()
        for low, high in pairs:
            # Populations outside all clusters begin low and high in turn.
            start = grid[(low, 2)[number % 2]].copy()
            start[units.ravel()] = grid[low][units.ravel()]
            start[upper] = grid[high][upper]
            starts.append(start)
    triples = [(0, 2, 3), (1, 2, 3), (1, 3, 4), (0, 3, 5)]
    for split in _splits_in_three(len(units), _THREE_LEVEL // equations.n_pops // len(triples)):
        for triple in triples:
            start = grid[1].copy()
            for level, part in zip(triple, split, strict=True):
                start[units[part].ravel()] = grid[level][units[part].ravel()]
            starts.append(start)
    return np.array(starts)


def _splits_in_three(n: int, most: int) -> list[list[Index]]:
    """Return splits of `n` units into three parts in their order, a sample where many."""
    cuts = list(combinations(range(1, n), 2))
    if len(cuts) > most:
        chosen = np.random.default_rng(1).choice(len(cuts), most, replace=False)
        cuts = [cuts[i] for i in np.sort(chosen)]
    return [np.split(np.arange(n), cut) for cut in cuts]


def _subsets(order: Symmetry, units: Index) -> Iterable[tuple[int, ...]]:
    """Return sets of units, different by more than an exchange; a sample where there are many."""
    kinds = _kinds(order, units)
    if np.prod([len(kind) + 1.0 for kind in kinds]) <= _MOST_SUBSETS:
        return _subsets_of_kinds(kinds)
    return _sampled_subsets(len(units))


def _kinds(order: Symmetry, units: Index) -> list[list[int]]:
    """Return places in `units` as groups that can be exchanged, those that cannot alone."""
    where = {tuple(unit): i for i, unit in enumerate(units.tolist())}
    kinds = [
        [where[tuple(unit)] for unit in order.units[members].tolist() if tuple(unit) in where]
        for members in order.classes
    ]
    taken = {i for kind in kinds for i in kind}
    return [kind for kind in kinds if kind] + [[i] for i in where.values() if i not in taken]


def _subsets_of_kinds(kinds: list[list[int]]) -> Iterator[tuple[int, ...]]:
    for counts in product(*(range(len(kind) + 1) for kind in kinds)):
        yield tuple(i for kind, count in zip(kinds, counts, strict=True) for i in kind[:count])


def _sampled_subsets(n: int) -> Iterator[tuple[int, ...]]:
    generator = np.random.default_rng(0)
    each = max(1, _MOST_SUBSETS // (n + 1))
    for size in range(n + 1):
        yield tuple(range(size))
        for _ in range(each - 1):
            yield tuple(generator.permutation(n)[:size].tolist())


def _exchanges(equations: RateEquations, order: Symmetry, states: list[Array]) -> Iterable[Array]:
    """Yield each state with one unit on another rate.

    The rates are those that agree with the unit's own feedback while the others are held, and
    those of units that are similar to it.
    """
    class_of = np.full(len(order.units), -1)
    for number, members in enumerate(order.classes):
        class_of[members] = number
    grid = _grid(equations)
    for unit, places in enumerate(order.units):
        chosen = [state for state in states if _leads(order, class_of, unit, state)]
        if not chosen:
            continue
        base = np.array(chosen)
        others = np.setdiff1d(np.arange(equations.n_pops), places)
        rates = np.repeat(base, len(grid), axis=0)
        alone = equations.clamp(places, others, rates[:, others])
        found = solve(alone, np.tile(grid[:, places], (len(base), 1)), persist=False)
        for row, state in enumerate(base):
            part = slice(row * len(grid), (row + 1) * len(grid))
            levels = [found.rates[part][found.converged[part]]]
            if unit in order.similar:
                levels.append(state[order.units[order.similar]])
            for level in distinct(np.concatenate(levels)):
                if np.abs(level - state[places]).max() > 1e-4 * (1 + np.abs(level).max()):
                    start = state.copy()
                    start[places] = level
                    yield start


def _leads(order: Symmetry, class_of: Index, unit: int, state: Array) -> bool:
    """Return whether a unit is the first of the equal ones in a state: one stands for all."""
    if class_of[unit] < 0:
        return True
    places = order.units[order.classes[class_of[unit]]]
    alike = np.abs(state[places] - state[order.units[unit]]).max(axis=1)
    near = alike <= 1e-6 * (1 + np.abs(state).max())
    return bool(order.classes[class_of[unit]][np.argmax(near)] == unit)
