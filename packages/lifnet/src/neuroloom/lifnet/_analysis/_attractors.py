"""From a raster to attractors: which populations are active, for how long, and what follows.

1. Each population's rate per step is smoothed by a Gaussian or a box.
2. A population is active where its rate is above a base: first its own mean over time, then, over
   and over, the mean rate of all that is active, until that changes by less than a tolerance.
3. A state is a set of active populations that stays the same for a minimal time.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.lifnet._errors import COARSEST, LifnetError, PlausibilityWarning
from neuroloom.shared import checks

Array = NDArray[np.float64]
Identity = tuple[int, ...]

_ROUNDING = 1e-9


@dataclass(frozen=True)
class ClusteringParams:
    """How activity is told from rates.

    Parameters
    ----------
    kernel_type : {"gaussian", "box"}
        What smooths the rates over time.
    kernel_param : float
        Standard deviation of the Gaussian, or width of the box, in milliseconds: at most the
        longest session.
    rate_tolerance : float
        Hz by which the base may still change.
    max_iterations : int
        Most changes of the base.
    last_pass : bool
        Take the mean that ended the search as the base, too, rather than the one before it. What
        never rises above the mean rate of all that is active is then left out, also where rates
        are equal and do not fluctuate, as in examples made by hand.

    Raises
    ------
    LifnetError
        If a value is impossible.
    """

    kernel_type: str = "gaussian"
    kernel_param: float = 10.0
    rate_tolerance: float = 20.0
    max_iterations: int = 50
    last_pass: bool = True

    def __post_init__(self) -> None:
        checks.choice("kernel_type", self.kernel_type, ("gaussian", "box"), error=LifnetError)
        kernel = checks.real(
            "kernel_param", self.kernel_param, above=0, unit="ms", error=LifnetError
        )
        tolerance = checks.real(
            "rate_tolerance", self.rate_tolerance, above=0, finite=False, error=LifnetError
        )
        most = checks.whole("max_iterations", self.max_iterations, at_least=0, error=LifnetError)
        last = checks.flag("last_pass", self.last_pass, error=LifnetError)
        object.__setattr__(self, "kernel_param", kernel)
        object.__setattr__(self, "rate_tolerance", tolerance)
        object.__setattr__(self, "max_iterations", most)
        object.__setattr__(self, "last_pass", last)


@dataclass(frozen=True, eq=False)
class Occurrences:
    """All kept states of all sessions, in order of time."""

    states: tuple[Identity, ...]
    """Active populations of each state, in order of first appearance."""
    identity: NDArray[np.int64]
    """Number of each occurrence's state in `states`."""
    session: NDArray[np.int64]
    start: NDArray[np.int64]
    """First step, counted over all sessions."""
    stop: NDArray[np.int64]
    """Step after the last one."""

    @property
    def duration(self) -> NDArray[np.int64]:
        """Steps that each occurrence lasts."""
        return self.stop - self.start


def check_times(params: ClusteringParams, shortest: float, dt: float, longest: float) -> None:
    """Refuse a kernel longer than all sessions, and warn of times too short to act.

    Parameters
    ----------
    params : ClusteringParams
        With the kernel.
    shortest : float
        Minimal life span in milliseconds.
    dt : float
        Step in seconds.
    longest : float
        Length of the longest session in milliseconds.
    """
    if params.kernel_param > longest:
        raise LifnetError(
            f"kernel_param: expected at most the length of a session, {longest:g} ms, "
            f"got {params.kernel_param:g} ms"
        )
    for name, time in (("kernel_param", params.kernel_param), ("minimal_life_span_ms", shortest)):
        if dt <= COARSEST and 0 < time < dt * 1e3 * (1 - 1e-9):
            warnings.warn(
                f"{name}: got {time:g} ms, which does nothing in steps of {dt * 1e3:g} ms; is it "
                "in seconds?",
                PlausibilityWarning,
                stacklevel=4,
            )


def smooth(rates: Array, params: ClusteringParams, dt: float) -> Array:
    """Return rates, shape (n_steps, n_pops), smoothed over time."""
    samples = params.kernel_param * 1e-3 / dt
    if params.kernel_type == "gaussian":
        return np.asarray(scipy.ndimage.gaussian_filter1d(rates, samples, axis=0))
    return np.asarray(scipy.ndimage.uniform_filter1d(rates, max(1, round(samples)), axis=0))


def active(rates: Array, params: ClusteringParams) -> NDArray[np.bool_]:
    """Return which populations are active at each step, shape (n_steps, n_pops)."""
    base = rates.mean(axis=0)
    # Rates that equal the base up to rounding are not above their own mean, but belong to the
    # active ones that a later base is the mean of.
    above = rates > base * (1 + _ROUNDING)
    for _ in range(params.max_iterations):
        if not above.any():
            break
        mean = float(rates[above].mean())
        settled = abs(mean - base.mean()) < params.rate_tolerance
        if settled and not params.last_pass:
            break
        base = np.full(rates.shape[1], mean)
        above = rates >= base * (1 - _ROUNDING)
        if settled:
            break
    return np.asarray(above)


def occurrences(activity: Sequence[NDArray[np.bool_]], shortest: int) -> Occurrences:
    """Return the states of all sessions that last at least `shortest` steps."""
    states: dict[Identity, int] = {}
    rows: list[tuple[int, int, int, int]] = []
    offset = 0
    for number, session in enumerate(activity):
        changed = np.flatnonzero((session[1:] != session[:-1]).any(axis=1)) + 1
        edges = [0, *changed.tolist(), len(session)]
        for start, stop in pairwise(edges):
            if stop - start < max(1, shortest):
                continue
            who = tuple(np.flatnonzero(session[start]).tolist())
            place = states.setdefault(who, len(states))
            rows.append((place, number, start + offset, stop + offset))
        offset += len(session)
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return Occurrences(tuple(states), *table.T)


def transition_counts(found: Occurrences, until: float = np.inf) -> NDArray[np.int64]:
    """Return how often each state follows each other within a session, (n_states, n_states)."""
    n = len(found.states)
    counts = np.zeros((n, n), dtype=np.int64)
    follows = (found.session[1:] == found.session[:-1]) & (found.start[1:] < until)
    np.add.at(counts, (found.identity[:-1][follows], found.identity[1:][follows]), 1)
    return counts
