"""The fixed points of a mean field: found, told apart, classified, and how complete they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._engine._memory import check_memory
from neuroloom.lifnet._errors import LifnetError, as_seed
from neuroloom.lifnet._theory._enclosure import proves_complete
from neuroloom.lifnet._theory._exploration import Exploration, arrangements, ceilings, explore
from neuroloom.lifnet._theory._mean_field import LIFMeanField, check_field
from neuroloom.lifnet._theory._symmetry import Symmetry, symmetry
from neuroloom.shared import Seed, checks

Array = NDArray[np.float64]

_PROVABLE = 3  # populations up to which branch and prune is affordable
_MARGINAL = 1e-6  # |eigenvalue| below which a point has no index


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """One fixed point and what happens near it.

    Parameters
    ----------
    rates : ndarray, shape (n_pops,)
        Rates in Hz.
    label : str
        Kind, as `classify` names it.
    eigenvalues : ndarray of complex, shape (n_pops,)
        Of the linearized dynamics, largest real part first.
    residual : float
        Largest ``|ν − Φ(ν)|`` in Hz.
    multiplicity : int
        Fixed points that follow from this one by exchanging clusters, itself included.
    index : int
        (−1) to the number of unstable dimensions under one time constant; 0 if marginal.
    """

    rates: Array
    label: str
    eigenvalues: NDArray[np.complex128]
    residual: float
    multiplicity: int
    index: int = 0

    @property
    def stable(self) -> bool:
        """Whether all perturbations decay."""
        return self.label.startswith("stable")

    @property
    def growth(self) -> float:
        """Largest real part of the eigenvalues."""
        return float(self.eigenvalues.real.max())


@dataclass(frozen=True, eq=False)
class FixedPoints(Sequence[FixedPoint]):
    """Fixed points of a mean field, lowest total rate first, and how complete the list is.

    Parameters
    ----------
    points : tuple of FixedPoint
        The fixed points.
    complete : bool or None
        True if interval arithmetic proves that there are no others; False if there must be, or
        the search or the list was cut short; None if nothing speaks against it.
    evidence : str
        What `complete` rests on, in words.
    n_left_out : int
        Known fixed points that are not listed: orders of equal clusters beyond the limit.
    """

    points: tuple[FixedPoint, ...]
    complete: bool | None
    evidence: str
    n_left_out: int = 0

    def __len__(self) -> int:
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> FixedPoint: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[FixedPoint, ...]: ...

    def __getitem__(self, index: int | slice) -> FixedPoint | tuple[FixedPoint, ...]:
        return self.points[index]

    def __iter__(self) -> Iterator[FixedPoint]:
        return iter(self.points)

    def __repr__(self) -> str:
        n_stable = sum(point.stable for point in self.points)
        return (
            f"FixedPoints({len(self)} points, {n_stable} stable, complete={self.complete}: "
            f"{self.evidence})"
        )


def initial_rates(n_starts: int, n_pops: int, *, seed: int | Seed = 0) -> Array:
    """Return random starts: uniform in (0, 1) Hz, a random subset of them scaled up to 10 Hz.

    Shape (n_starts, n_pops).
    """
    check_memory({"starts": 64.0 * n_starts * n_pops}, remedy="take fewer starts")
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
    max_points: int = 2000,
    seed: int | Seed = 0,
) -> FixedPoints:
    """Return the fixed points of a mean field, lowest total rate first.

    The search begins at random rates, and at all and some of the clusters on each of a few
    levels, up to the highest rate that refractory times allow. From each fixed point found, each
    cluster in turn is put on each other rate that agrees with its own feedback, and the network
    is solved from there, until nothing new comes. Clusters may be equal, nearly equal or
    different; equal ones with equal rates are one unknown.

    That finds what a chain of such exchanges leads to, which is no proof. `FixedPoints.complete`
    says what is known. Where all populations have a refractory time, the indices
    ``sign det(1 − Φ')`` of all fixed points add up to +1 (the degree of a map of a box into
    itself; Ortega & Rheinboldt 1970, section 6.3): another sum shows that points are missing.

    Parameters
    ----------
    field : LIFMeanField
        The mean field.
    n_starts : int
        Random starts of each of two kinds: low rates as in `initial_rates`, and rates up to the
        highest possible.
    up_to_permutation : bool
        Take fixed points that differ only by the order of equal clusters as one. If not, all
        orders are listed, each once, as far as `max_points` allows.
    tau : array_like, optional
        Time constants of the rates for the stability, see `LIFMeanField.determine_stability`.
    starts : array_like, shape (n_more, n_pops), optional
        Further starts, in Hz.
    max_points : int
        Number of fixed points at which the search stops and the list ends; `complete` is then
        False.
    seed : int or Seed
        Seed of the random starts.

    Returns
    -------
    FixedPoints
        A sequence of `FixedPoint`, with `complete`, `evidence` and `n_left_out`.

    Raises
    ------
    LifnetError
        If a number is out of range, or `starts` or `tau` do not fit.

    Examples
    --------
    >>> points = fixed_points(LIFMeanField.from_config("2_cluster_mf"), up_to_permutation=False)
    >>> sorted((point.label, round(float(point.rates[0]), 1)) for point in points)
    [('saddle', 21.8), ('stable node', 2.5), ('stable node', 51.1)]
    >>> points.complete is None
    True
    """
    n_starts = checks.whole("n_starts", n_starts, at_least=1, error=LifnetError)
    max_points = checks.whole("max_points", max_points, at_least=1, error=LifnetError)
    checks.flag("up_to_permutation", up_to_permutation, error=LifnetError)
    check_field(field)
    order = symmetry(field)
    times = field.rate_time_constants(tau)
    begin = _random_starts(field, n_starts, as_seed(seed))
    if starts is not None and np.size(starts):
        begin.append(np.atleast_2d(field.checked_rates("starts", starts)))
    found = explore(field.equations, order, begin, max_points=max_points)
    points = [_point(field, order, state, times) for state in found.states]
    complete, evidence = _completeness(field, order, points, found)
    # Rounded, or the order of states that differ by a permutation only is chance.
    points.sort(key=lambda p: (p.rates.sum().round(6), tuple(-p.rates.round(6))))
    n_left_out = max(0, len(points) - max_points)
    points = points[:max_points]
    if not up_to_permutation:
        n_all = sum(point.multiplicity for point in points)
        points = _all_orders(field, order, points, times, max_points)
        n_left_out += n_all - len(points)
        if n_all > len(points):
            complete, evidence = False, f"{n_all - len(points)} orders of equal clusters left out"
    return FixedPoints(tuple(points), complete, evidence, n_left_out)


def _random_starts(field: LIFMeanField, n_starts: int, seed: Seed) -> list[Array]:
    low = initial_rates(n_starts, field.n_pops, seed=seed)
    generator = seed.child("wide").generator()
    top = np.minimum(ceilings(field.equations), 1000.0)
    wide = generator.uniform(0, 1, (n_starts, field.n_pops)) ** 2 * top
    return [low, wide]


def _completeness(
    field: LIFMeanField, order: Symmetry, points: list[FixedPoint], found: Exploration
) -> tuple[bool | None, str]:
    """Return what is known about whether the points are all, and why."""
    if not found.finished:
        return False, f"the search stopped at {len(points)} points (max_points)"
    if not np.isfinite(ceilings(field.equations)).all():
        return None, "without refractory times rates are not bounded: neither proof nor count"
    if field.n_pops <= _PROVABLE:
        states = [state for point in points for state in _orders(order, point.rates)]
        if proves_complete(field.equations, np.array(states).reshape(-1, field.n_pops)):
            return True, "interval arithmetic finds no room for another"
    if any(point.index == 0 for point in points):
        return None, "a point is marginal, so that indices cannot be summed"
    total = sum(point.index * point.multiplicity for point in points)
    if total != 1:
        return False, f"the indices add up to {total} in place of 1"
    return None, "the indices add up to 1, and no exchange of a level leads to another"


def _orders(order: Symmetry, state: Array) -> Iterator[Array]:
    """Yield the states that follow from one by exchanging equal clusters, each once."""
    choices = [list(arrangements(state[order.units[members]])) for members in order.classes]
    for choice in product(*choices):
        result = state.copy()
        for members, rates in zip(order.classes, choice, strict=True):
            result[order.units[members]] = rates
        yield result


def _all_orders(
    field: LIFMeanField, order: Symmetry, points: list[FixedPoint], tau: Array | None, most: int
) -> list[FixedPoint]:
    listed: list[FixedPoint] = []
    for point in points:
        for state in _orders(order, point.rates):
            if len(listed) == most:
                return listed
            # A point's own time constants need not be exchangeable where clusters are.
            listed.append(_point(field, order, state, tau))
    return listed


def _point(field: LIFMeanField, order: Symmetry, rates: Array, tau: Array | None) -> FixedPoint:
    jacobian = field.jacobian(rates)
    label, eigenvalues = field.determine_stability(rates, tau=tau)
    multiplicity = 1
    for members in order.classes:
        keys = np.round(rates[order.units[members][:, 0]] / (1 + np.abs(rates).max()), 6)
        counts = np.unique(keys, return_counts=True)[1]
        multiplicity *= _multinomial(counts.tolist())
    residual = float(np.abs(rates - field.response(rates)).max())
    values = np.linalg.eigvals(jacobian - np.eye(len(rates)))
    # Complex pairs do not change the sign of the determinant.
    regular = np.isfinite(values).all() and bool((np.abs(values) > _MARGINAL).all())
    index = int((-1) ** int((values.real[values.imag == 0] > 0).sum())) if regular else 0
    return FixedPoint(rates, label, eigenvalues, residual, multiplicity, index)


def _multinomial(counts: list[int]) -> int:
    result, total = 1, 0
    for count in counts:
        for i in range(1, count + 1):
            total += 1
            result = result * total // i
    return result
