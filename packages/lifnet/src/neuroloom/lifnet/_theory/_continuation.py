"""Branches of fixed points over a parameter, followed through folds by pseudo-arclength.

Each branch keeps the symmetry of the point it starts from: clusters with equal rates are followed
as one unknown, while stability is that of the whole network (Keller 1977; Doedel 2007).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from neuroloom import shared
from neuroloom.lifnet._clustered._parameters import clustered_parameters
from neuroloom.lifnet._config._load import load_config
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._errors import BranchWarning, LifnetError, check_function
from neuroloom.lifnet._theory._exploration import groups_of
from neuroloom.lifnet._theory._fixed_points import fixed_points
from neuroloom.lifnet._theory._mean_field import LIFMeanField, check_field
from neuroloom.lifnet._theory._symmetry import symmetry
from neuroloom.shared import checks, io
from neuroloom.shared.jobs import Job
from neuroloom.shared.parallel import n_surrounding_workers, one_thread

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Family = Callable[[float], LIFMeanField]

LIMIT, CLOSED, CUT = "limit", "closed", "cut"
_RATE_SCALE = 20.0  # Hz of rate that weigh as much as the whole range of the parameter
_TOLERANCE = 1e-9
_LONGEST, _SHORTEST = 0.05, 1e-8
_SAME = 1e-4  # of the largest rate, within which two solved states are one
_ASTRAY = 0.3  # distance from the prediction, as a share of the step, that is still the same curve
_HALVINGS = 12  # of a step in which a branch point is looked for
_MET = 0.02  # distance from the start, as a share of the step, within which a curve has closed


@io.register
@dataclass(frozen=True, eq=False)
class Branch:
    """Fixed points along a parameter, in the order in which they were followed.

    Parameters
    ----------
    parameter : ndarray, shape (n_points,)
        Value of the parameter at each point.
    rates : ndarray, shape (n_points, n_pops)
        Rates in Hz.
    growth : ndarray, shape (n_points,)
        Largest real part of the eigenvalues.
    labels : tuple of str
        Kind of each point, as `classify` names it.
    ends : (str, str)
        Why the branch begins and ends where it does: ``"limit"`` of the parameter, ``"closed"``
        (the last point is the first), or ``"cut"``, where it goes on and was not followed.
    """

    parameter: Array
    rates: Array
    growth: Array
    labels: tuple[str, ...]
    ends: tuple[str, str]

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Which points are stable."""
        return np.array([label.startswith("stable") for label in self.labels])

    @property
    def folds(self) -> Index:
        """Points at which the branch turns around."""
        direction = np.sign(np.diff(self.parameter))
        return np.flatnonzero(direction[1:] * direction[:-1] < 0) + 1

    def at(self, value: float) -> Array:
        """Return the rates where the branch meets `value`, by interpolation, (n, n_pops)."""
        value = checks.real("value", value, error=LifnetError)
        p, closed = self.parameter, self.ends[1] == CLOSED
        exact = np.flatnonzero(p[: len(p) - closed] == value)
        between = np.flatnonzero((p[:-1] - value) * (p[1:] - value) < 0)
        share = (value - p[between]) / (p[between + 1] - p[between])
        place = np.sort(np.concatenate([exact, between + share]))
        low = np.minimum(place.astype(np.int64), len(p) - 2)
        share = (place - low)[:, None]
        return np.asarray(self.rates[low] * (1 - share) + self.rates[low + 1] * share)


def continue_branch(
    family: Family,
    rates: ArrayLike,
    value: float,
    limits: tuple[float, float],
    *,
    tau: ArrayLike | None = None,
    max_points: int = 2000,
) -> Branch:
    """Return the branch through a fixed point, followed both ways to the limits.

    Parameters
    ----------
    family : callable
        The mean field of each value of the parameter.
    rates : array_like, shape (n_pops,)
        A fixed point of ``family(value)``, in Hz.
    value : float
        Where to start, within the limits.
    limits : (low, high)
        Range of the parameter.
    tau : array_like, optional
        Time constants of the rates for the stability, see `LIFMeanField.determine_stability`.
    max_points : int
        Most points in each direction.

    Warns
    -----
    BranchWarning
        If the branch goes on where it was not followed further.

    Raises
    ------
    LifnetError
        If the limits are no range with `value` in it, or `rates` is no fixed point.
    """
    check_function("family", family, "from a value to its mean field")
    low, high = _range(limits)
    value = checks.real("value", value, at_least=low, at_most=high, error=LifnetError)
    checks.whole("max_points", max_points, at_least=1, error=LifnetError)
    family = _checked(family)
    field = family(value)
    start = field.checked_rates("rates", rates)
    field.check_fixed("rates", start)
    path = _Path(family, groups_of(symmetry(field), start), (low, high))
    point = path.pack(start, value)
    forth, end = path.follow(point, 1.0, max_points)
    # A closed curve has been seen whole.
    back, begin = ([], end) if end == CLOSED else path.follow(point, -1.0, max_points)
    points = np.array([*back[::-1], point, *forth])
    values = np.clip(path.value(points), low, high)
    values[points[:, -1] == 0], values[points[:, -1] == 1] = low, high
    values[points[:, -1] == point[-1]] = value
    states = path.unpack(points)
    growth, labels = [], []
    for state, at in zip(states, values, strict=True):
        label, eigenvalues = family(float(at)).determine_stability(state, tau=tau)
        growth.append(float(eigenvalues.real.max()))
        labels.append(label)
    for last, why in ((values[0], begin), (values[-1], end)):
        if why == CUT:
            warnings.warn(
                f"the branch is not followed beyond {last:g}, where it goes on: more max_points "
                f"(here {max_points}) or a shorter range may reach further",
                BranchWarning,
                stacklevel=2,
            )
    return Branch(values, states, np.array(growth), tuple(labels), (begin, end))


def bifurcation_diagram(
    config: Any,
    path: str | Sequence[str | int],
    limits: tuple[float, float],
    *,
    start_at: Sequence[float] | None = None,
    n_starts: int = 20,
    perturbations: Any = None,
    tau: ArrayLike | None = None,
    n_workers: int | None = None,
    resume: str | Path | None = None,
    progress: bool = False,
    seed: int = 0,
) -> list[Branch]:
    """Return the branches of fixed points of a configuration over one of its values.

    Parameters
    ----------
    config : anything that `load_config` reads
        The configuration.
    path : str or sequence
        Which value, ``("architecture", "clusters", "j_potentiated", 0)`` or ``"arousal.level"``.
    limits : (low, high)
        Its range.
    start_at : sequence of float, optional
        Values at which fixed points are looked for and followed from; five from end to end if
        not given.
    n_starts : int
        Random starts of each search.
    perturbations : mapping, optional
        As for `LIFMeanField.from_config`.
    tau : array_like, optional
        Time constants of the rates for the stability, see `LIFMeanField.determine_stability`.
    n_workers : int, optional
        As for `neuroloom.shared.map`: values are searched and branches followed by several workers
        at a time. The branches are the same for any number; some that several workers follow at a
        time may turn out to be one, and are computed in vain.
    resume : str or Path, optional
        Folder that keeps the fixed points at each value and each branch, so that a run that was
        stopped goes on; it belongs to these arguments.
    progress : bool
        Show a bar.
    seed : int
        Seed of the random starts.

    Returns
    -------
    list of Branch
        Up to the order of equal clusters; branches that were already met are left out. Where the
        value changes how many inputs neurons have, that number is real in place of whole.
    """
    shared.checks.flag("progress", progress, error=LifnetError)
    base = load_config(config)
    parts = _keys(path)
    low, high = _range(limits)
    values = _starts(start_at, low, high)
    if n_workers is not None and n_workers != -1:
        checks.whole("n_workers", n_workers, at_least=1, error=LifnetError)
    whole = not _changes_in_degrees(base, parts, (low, high))
    told = (base, parts, perturbations, whole)
    family = _family(*told)
    search = partial(_points_at, told=told, n_starts=n_starts, seed=seed)
    follow = partial(_branch_from, told=told, limits=(low, high), tau=tau)
    job = None
    if resume is not None:
        job = Job.open(resume, {"start_at": values.tolist(), "search": search}, function=follow)
    spread = partial(_spread, n_workers=n_workers, job=job)
    wave = _n_workers(n_workers)
    branches: list[Branch] = []
    starts = {f"points-{place:03d}": value for place, value in enumerate(values.tolist())}
    for (name, value), found in zip(starts.items(), spread(search, starts), strict=True):
        order = symmetry(family(value))
        known = [order.canonical(state) for b in branches for state in _crossings(b, family, value)]
        points = [
            (order.canonical(rates), f"{name}-branch-{place:03d}", rates)
            for place, rates in enumerate(found)
        ]
        with tqdm(total=len(points), disable=not progress, desc=f"branches from {value:g}") as bar:
            while points := [point for point in points if _is_new(point[0], known)]:
                now, points = points[:wave], points[wave:]
                work = {part: (value, rates) for _, part, rates in now}
                for (here, *_), branch in zip(now, spread(follow, work), strict=True):
                    if _is_new(here, known):  # a branch of this wave may have met it
                        branches.append(branch)
                        met = _crossings(branch, family, value)
                        known += [order.canonical(state) for state in met]
                bar.update(bar.total - len(points) - bar.n)
            bar.update(bar.total - bar.n)
    return branches


def _keys(path: str | Sequence[str | int]) -> tuple[str | int, ...]:
    """Return the keys of a path, one by one."""
    if not isinstance(path, (str, list, tuple)):
        raise checks.fail("path", 'keys, as "arousal.level"', path, error=LifnetError)
    return tuple(path.split(".")) if isinstance(path, str) else tuple(path)


def _starts(start_at: Sequence[float] | None, low: float, high: float) -> Array:
    """Return the values at which fixed points are looked for, checked."""
    if start_at is None:
        return np.linspace(low, high, 5)
    values = checks.array("start_at", start_at, dtype=np.float64, ndim=1, error=LifnetError)
    if ((values < low) | (values > high)).any():
        raise LifnetError(
            f"start_at: expected values from {low:g} to {high:g}, got {values.tolist()}"
        )
    return values


def _range(limits: object) -> tuple[float, float]:
    """Return two numbers, the lower one first, checked."""
    pair = checks.array("limits", limits, dtype=np.float64, error=LifnetError)  # type: ignore[arg-type]
    if pair.shape != (2,) or pair[0] >= pair[1]:
        raise LifnetError(f"limits: expected (low, high) with low < high, got {limits!r}")
    return float(pair[0]), float(pair[1])


def _is_new(here: Array, known: list[Array]) -> bool:
    """Return whether a state is none of those known."""
    near = _SAME * (1 + np.abs(here).max())
    return all(np.abs(state - here).max() > near for state in known)


def _n_workers(n_workers: int | None) -> int:
    """Return how many branches to follow at a time."""
    if n_workers is None:
        return n_surrounding_workers()
    return max(1, int(joblib.effective_n_jobs(n_workers)))


def _spread(
    function: Callable[[Any], Any],
    items: dict[str, Any],
    n_workers: int | None,
    job: Job | None,
) -> list[Any]:
    """Return the results of a map over named items, which a job keeps under their names."""
    kept = partial(_kept, function=function, job=job)
    if _n_workers(n_workers) > 1:
        results = shared.map(kept, list(items.items()), n_workers=n_workers, progress=False)
    else:
        with one_thread():
            results = [kept(item) for item in items.items()]
    for name, result in zip(items, results, strict=True):
        if job is not None and not job.has(name):  # of a worker that does not see the folder
            job.keep(name, result)
    return results


def _kept(item: tuple[str, Any], *, function: Callable[[Any], Any], job: Job | None) -> Any:
    """Return the result of a named item, read where a job keeps it."""
    name, value = item
    if job is None or not job.visible():
        return function(value)
    return job.compute(name, function, value)


def _family(base: Config, parts: tuple[str | int, ...], perturbations: Any, whole: bool) -> Family:
    """Return the mean field of each value, of which the last ones are kept."""
    made: dict[float, LIFMeanField] = {}

    def family(value: float) -> LIFMeanField:
        if value not in made:
            if len(made) > 64:
                made.clear()
            changed = base.with_value(parts, value)
            made[value] = LIFMeanField.from_config(
                changed, perturbations=perturbations, whole_in_degrees=whole
            )
        return made[value]

    return family


def _points_at(value: float, *, told: Any, n_starts: int, seed: int) -> list[Array]:
    """Return the rates of the fixed points at a value."""
    found = fixed_points(_family(*told)(value), n_starts=n_starts, seed=seed)
    return [np.asarray(point.rates) for point in found]


def _branch_from(
    start: tuple[float, Array], *, told: Any, limits: tuple[float, float], tau: Any
) -> Branch:
    """Return the branch through a fixed point at a value."""
    value, rates = start
    return continue_branch(_family(*told), rates, value, limits, tau=tau)


def _checked(family: Family) -> Family:
    """Return the family, which raises wherever it gives no mean field."""

    def checked(value: float) -> LIFMeanField:
        field = family(value)
        check_field(field)
        return field

    return checked


def _crossings(branch: Branch, family: Family, value: float) -> Array:
    """Return the states in which a branch crosses a value, solved where interpolation is close."""
    drawn = branch.at(value)
    if not len(drawn):
        return drawn
    found = family(value).solve_many(np.maximum(drawn, 0.0))
    near = 1e-2 * (1 + np.abs(drawn).max(axis=1))
    close = found.converged & (np.abs(found.rates - drawn).max(axis=1) < near)
    return np.where(close[:, None], found.rates, drawn)


def _changes_in_degrees(
    base: Config, parts: tuple[str | int, ...], limits: tuple[float, float]
) -> bool:
    low, high = (
        clustered_parameters(base.with_value(parts, value), whole_in_degrees=False).in_degree
        for value in limits
    )
    return not np.array_equal(low, high)


class _Path:
    """A curve of fixed points in scaled unknowns: rates of the groups, and the parameter."""

    def __init__(self, family: Family, groups: list[Index], limits: tuple[float, float]) -> None:
        self.family, self.groups = family, groups
        self.low, self.high = limits
        self.span = limits[1] - limits[0]

    def pack(self, state: Array, value: float) -> Array:
        rates = [state[members[0]] / _RATE_SCALE for members in self.groups]
        return np.array([*rates, (value - self.low) / self.span])

    def unpack(self, points: Array) -> Array:
        n_pops = sum(len(members) for members in self.groups)
        states = np.empty((len(points), n_pops))
        for g, members in enumerate(self.groups):
            states[:, members] = points[:, g, None] * _RATE_SCALE
        return states

    def value(self, point: Array) -> Any:
        return self.low + point[..., -1] * self.span

    def residual(self, point: Array) -> tuple[Array, Array]:
        """Return ν − Φ(ν) of the groups and its derivative by the rates, in scaled units."""
        equations = self.family(float(self.value(point))).equations.lump(self.groups)
        nu = point[:-1] * _RATE_SCALE
        phi, jacobian = equations.linearized(nu)
        return (nu - phi) / _RATE_SCALE, np.eye(len(nu)) - jacobian

    def system(self, point: Array) -> tuple[Array, Array]:
        """Return the residual and its derivative by all unknowns, shape (n, n + 1)."""
        error, by_rates = self.residual(point)
        h = 1e-6
        shift = np.zeros_like(point)
        shift[-1] = h
        # One-sided at a limit, where the configuration may not exist beyond it.
        up = point + shift if point[-1] + h <= 1 else point
        down = point - shift if point[-1] - h >= 0 else point
        by_value = (self.residual(up)[0] - self.residual(down)[0]) / (up[-1] - down[-1])
        return error, np.column_stack([by_rates, by_value])

    def tangent(self, point: Array, previous: Array) -> tuple[Array, float]:
        """Return the direction of the curve, and a number that changes sign at branch points."""
        matrix = self.system(point)[1]
        direction = np.asarray(np.linalg.svd(matrix)[2][-1])
        direction = direction if direction @ previous >= 0 else -direction
        return direction, float(np.linalg.det(np.vstack([matrix, direction])))

    def follow(self, start: Array, sign: float, max_points: int) -> tuple[list[Array], str]:
        """Return the points after `start` as the parameter rises or falls, and why they end."""
        along = np.zeros_like(start)
        along[-1] = sign
        points: list[Array] = []
        first, sense = self.tangent(start, along)
        here, tangent, step = start, first, _LONGEST / 4
        if (start[-1] >= 1 and tangent[-1] > 0) or (start[-1] <= 0 and tangent[-1] < 0):
            return points, LIMIT
        while len(points) < max_points and step >= _SHORTEST:
            new, last, ahead = self.ahead(here, tangent, step)
            if new is None:
                step = min(step, ahead) / 2
                continue
            turned, new_sense = self.tangent(new, tangent)
            if turned @ tangent < 0.9 or self.leaps(here, tangent, sense, new_sense, ahead):
                step = min(step, ahead) / 2
                continue
            if last:
                return [*points, new], LIMIT
            if self.comes_back(here, new, start, first):
                return [*points, start.copy()], CLOSED
            points.append(new)
            here, tangent, sense = new, turned, new_sense
            step = min(_LONGEST, step * 1.3)
        return points, CUT

    def leaps(
        self, here: Array, tangent: Array, sense: float, new_sense: float, step: float
    ) -> bool:
        """Return whether a step led to another piece of the curve, which comes back close by.

        There the determinant has the other sign, too, but jumps instead of going through 0.
        """
        if sense * new_sense > 0:
            return False
        low, high = (0.0, sense), (step, new_sense)
        for _ in range(_HALVINGS):
            middle = (low[0] + high[0]) / 2
            point, _, _ = self.ahead(here, tangent, middle)
            if point is None:  # next to a branch point nothing can be solved
                break
            at = middle, self.tangent(point, tangent)[1]
            low, high = (at, high) if at[1] * sense > 0 else (low, at)
        return abs(high[1] - low[1]) > 0.1 * max(abs(sense), abs(new_sense))

    def ahead(self, here: Array, tangent: Array, step: float) -> tuple[Array | None, bool, float]:
        """Return the next point if there is one, if it is at a limit, and how far it was sought."""
        guess = here + step * tangent
        last = not 0 <= guess[-1] <= 1
        if last:
            guess = self.at_edge(here, tangent, 1.0 if guess[-1] > 1 else 0.0)
        new = self.solve_at(guess) if last else self.correct(guess, tangent)
        far = float(np.linalg.norm(guess - here))
        # A point too far from where it was expected is on another branch.
        if new is not None and np.linalg.norm(new - guess) > _ASTRAY * far + _TOLERANCE:
            new = None
        return new, last, far

    def comes_back(self, before: Array, after: Array, start: Array, tangent: Array) -> bool:
        """Return whether the curve goes through `start` between two points, as it did at first."""
        first, second = float((before - start) @ tangent), float((after - start) @ tangent)
        piece = after - before
        if not first < 0 <= second or np.linalg.norm(before - start) > 2 * np.linalg.norm(piece):
            return False
        across = before + first / (first - second) * piece
        met = self.correct(across, tangent)
        near = _MET * float(np.linalg.norm(piece))
        return met is not None and float(np.linalg.norm(met - start)) < near

    def correct(self, guess: Array, tangent: Array) -> Array | None:
        """Return the point of the curve in the plane through `guess` across the tangent."""
        point, moved = guess.copy(), np.inf
        for _ in range(10):
            if not 0 <= point[-1] <= 1 or (point[:-1] < -1e-9).any():
                return None
            error, matrix = self.system(point)
            full = np.vstack([matrix, tangent])
            right = np.append(error, tangent @ (point - guess))
            # Near a fold errors are small where the curve is not near: the step tells.
            if np.abs(right).max() < _TOLERANCE and moved < _TOLERANCE:
                return point
            try:
                change = np.linalg.solve(full, right)
            except np.linalg.LinAlgError:
                return None
            point, moved = point - change, float(np.abs(change).max())
        return None

    @staticmethod
    def at_edge(here: Array, tangent: Array, edge: float) -> Array:
        """Return where the tangent meets a limit of the parameter."""
        guess = np.asarray(here + (edge - here[-1]) / tangent[-1] * tangent)
        guess[-1] = edge
        return guess

    def solve_at(self, guess: Array) -> Array | None:
        """Return the curve's point at the parameter of `guess`."""
        point = guess.copy()
        for _ in range(12):
            error, matrix = self.residual(point)
            if np.abs(error).max() < _TOLERANCE:
                return point
            try:
                point[:-1] -= np.linalg.solve(matrix, error)
            except np.linalg.LinAlgError:
                return None
        return None
