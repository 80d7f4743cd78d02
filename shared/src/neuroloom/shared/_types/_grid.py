"""Times on regular grids: the one rule of what lies on an edge.

A time computed as ``k / rate``, ``k * dt`` or ``start + k / rate`` is a trace off the number it
stands for, and so is an edge. A time within the tolerance of an edge is *on* it, and belongs to
what starts there. The tolerance is a nanosecond, or what rounding of so large a time may amount
to if that is more, and never more than a small part of the grid's step.

float32 is too coarse for that: at 100 s its numbers are 8 microseconds apart. Times that come so
are taken as they are, with a warning that says how far they are off, since only the caller knows
the grid that they stood on.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._times import told_in_seconds
from neuroloom.shared.checks import array, fail

RESOLUTION = 1e-9
"""Seconds that no recording tells apart; pynapple and many files round to it."""
_ROUNDINGS = 8  # of the last digit: k * dt, a sum, and the edge's own
_PART = 0.01  # of a step, so that grids finer than 0.1 microseconds keep their edges
_DIGITS = {"float32": 23, "float16": 10, "bfloat16": 7}  # binary ones after the first
_EPS = float(np.finfo(np.float64).eps)


class PrecisionWarning(UserWarning):
    """Times came in numbers too coarse to say on which side of an edge they lie."""


PrecisionWarning.__module__ = "neuroloom.shared.data"  # where it is imported from


def seconds(argument: str, times: Any, **options: Any) -> NDArray[np.float64]:
    """Return times in seconds as `array` does, and tell of those in float32 or narrower.

    Nothing is told where no digit was lost: times that leave a third of their digits unused.
    What says by its name that it is in another unit, a column ``start_ms``, is refused.
    """
    told_in_seconds(argument, times)
    when: NDArray[np.float64] = array(argument, times, np.float64, **options)
    tell_narrow(argument, narrow(times), when)
    return when


def vector(times: Any) -> Any:
    """Return a single time as one in a list, and others as they are, their name too."""
    return [times] if np.isscalar(times) or getattr(times, "ndim", 1) == 0 else times


def narrow(times: Any) -> str:
    """Return the type of times in float32 or narrower, "" for others."""
    one = times[0] if isinstance(times, (list, tuple)) and times else times
    dtype = str(getattr(one, "dtype", "")).lower().rpartition(".")[2]
    return dtype if dtype in _DIGITS else ""


def tell_narrow(argument: str, dtype: str, when: NDArray[np.float64]) -> None:
    """Tell how far times are off that were given in a narrow type."""
    if not dtype:
        return
    known, digits = np.abs(when[np.isfinite(when)]), _DIGITS[dtype]
    # The distance between numbers of that type as large as the largest time.
    step = 2.0 ** (np.frexp(known.max())[1] - 1 - digits) if known.any() else 0.0
    if step / 2 > RESOLUTION and (known % (step * 2.0 ** (digits // 3))).any():
        _warn(
            f"{argument}: expected float64, got {dtype}, which rounds times near "
            f"{known.max():.6g} s by up to {step / 2:.1g} s: times on an edge may be counted "
            "before it. Pass sample numbers / rate in float64, or put the times back on their "
            "grid: np.round(times.astype(float) * rate) / rate"
        )


def _warn(message: str) -> None:
    """Warn at the line that called into neuroloom.shared."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, PrecisionWarning, stacklevel=level)


_PACKAGE = "neuroloom.shared."


def tolerance(times: ArrayLike, step: ArrayLike = np.inf) -> NDArray[np.float64]:
    """Return how far each time may be off an edge in seconds, for a grid of `step` seconds."""
    rounding = _ROUNDINGS * np.spacing(np.abs(np.asarray(times, dtype=np.float64)))
    return np.asarray(np.maximum(np.minimum(RESOLUTION, _PART * np.asarray(step)), rounding))


def steps_before(times: ArrayLike, start: float, rate: float) -> NDArray[np.int64]:
    """Return the index of the step that each time lies in: step k starts at ``start + k / rate``.

    A time on an edge lies in the step that starts there.
    """
    exact, slack = _steps(times, start, rate)
    return np.asarray(np.floor(exact + slack).astype(np.int64))


def steps_until(times: ArrayLike, start: float, rate: float) -> NDArray[np.int64]:
    """Return the index of the first edge at or after each time, ``start + k / rate``."""
    exact, slack = _steps(times, start, rate)
    return np.asarray(np.ceil(exact - slack).astype(np.int64))


def steps_nearest(times: ArrayLike, start: float, rate: float) -> NDArray[np.int64]:
    """Return the index of the edge nearest to each time; of two as near the later.

    The middle between two edges is itself an edge, of a grid twice as fine.
    """
    return np.asarray((steps_before(times, start, 2 * rate) + 1) // 2)


def on_grid(times: ArrayLike, start: float, rate: float) -> NDArray[np.float64]:
    """Return times in steps, whole where they lie on an edge."""
    exact, slack = _steps(times, start, rate)
    whole = np.round(exact)
    return np.asarray(np.where(np.abs(exact - whole) <= slack, whole, exact))


def _steps(times: ArrayLike, start: float, rate: float) -> tuple[Any, Any]:
    when = np.asarray(times, dtype=np.float64)
    exact = (when - start) * rate
    largest = np.maximum(np.abs(when), abs(start))
    slack = tolerance(largest, 1 / rate) * rate + 4 * _EPS * np.abs(exact)
    if np.any(slack > 0.25):  # NaN times pass: they are on no grid
        far = float(np.nanmax(largest))
        raise fail("times", f"times that tell steps of {1 / rate:g} s apart", f"{far:g} s")
    return exact, slack
