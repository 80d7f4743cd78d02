"""Small tools for writing tasks, in NeuroGym's words."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.tasks._errors import fail, unknown


def to_map(*args: Any) -> OrderedDict[Any, int]:
    """Return value to position, of the arguments or of a list.

    Examples
    --------
    >>> from neuroloom.tasks.utils.tasktools import to_map
    >>> dict(to_map("left", "right"))
    {'left': 0, 'right': 1}
    """
    values = args[0] if len(args) == 1 and isinstance(args[0], (list, tuple)) else args
    return OrderedDict((value, at) for at, value in enumerate(values))


def get_idx(t: ArrayLike, start_end: tuple[float, float]) -> list[int]:
    """Return the positions of the times ``start <= t < end``."""
    times, (start, end) = np.asarray(t), start_end
    return [int(at) for at in np.flatnonzero((start <= times) & (times < end))]


def get_periods_idx(
    dt: float, periods: Mapping[str, Any]
) -> tuple[NDArray[np.float64], dict[str, list[int]]]:
    """Return the time grid from 0 to ``periods["tmax"]`` and the positions of every period.

    Raises
    ------
    TaskError
        If ``tmax`` is missing.
    """
    if "tmax" not in periods:
        raise fail("periods", "an entry 'tmax'", sorted(periods))
    t = np.linspace(0, periods["tmax"], int(periods["tmax"] / dt) + 1)
    return t, {name: get_idx(t, ends) for name, ends in periods.items() if name != "tmax"}


def minmax_number(dist: str, args: Any) -> tuple[Any, Any]:
    """Return the smallest and the largest number that `random_number_fn` can draw.

    Raises
    ------
    TaskError
        If there is no such distribution.
    """
    if dist == "uniform":
        return args[0], args[1]
    if dist == "choice":
        return np.min(args), np.max(args)
    if dist == "truncated_exponential":
        several = args if isinstance(args, (tuple, list, np.ndarray)) else (args,)
        return several[1] if len(several) > 1 else 0, several[2] if len(several) > 2 else np.inf
    if dist == "constant":
        return args, args
    raise unknown("distribution", dist, ("uniform", "choice", "truncated_exponential", "constant"))


def circular_dist(original_dist: ArrayLike) -> Any:
    """Return the distance on a circle, in radians, of a difference between -2π and 2π."""
    apart = np.abs(original_dist)
    return np.minimum(apart, 2 * np.pi - apart)


def divide(x: float, y: float) -> float:
    """Return ``x / y``, and 0 where there is nothing to divide by."""
    if y == 0 or np.isnan(x) or np.isnan(y):
        return 0.0
    return float(x / y)


def correct_2AFC(perf: Any) -> tuple[float, float]:
    """Return the share of trials with a decision, and of decisions that are correct.

    Parameters
    ----------
    perf : object
        With the counts `n_decision`, `n_trials` and `n_correct`.
    """
    return perf.n_decision / perf.n_trials, divide(perf.n_correct, perf.n_decision)


def compute_perf(perf: float, reward: float, num_tr_perf: int, tr_perf: bool) -> tuple[float, int]:
    """Return the mean performance after one more trial, and how many it is over.

    Parameters
    ----------
    perf : float
        Mean so far.
    reward : float
        Reward of the trial; a positive one counts as 1.
    num_tr_perf : int
        Trials so far.
    tr_perf : bool
        Whether the trial counts.
    """
    if tr_perf:
        num_tr_perf += 1
        perf += ((reward > 0) - perf) / num_tr_perf
    return perf, num_tr_perf
