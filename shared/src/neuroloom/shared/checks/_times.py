"""Regular times: one rule for what counts as regularly sampled."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._errors import DataError
from neuroloom.shared.checks._arrays import array
from neuroloom.shared.checks._names import MakeError, fail
from neuroloom.shared.checks._scalars import real

_PART_OF_A_STEP = 0.01
_FINEST_DECIMAL = 9


def regular_times(
    argument: str,
    times: ArrayLike,
    rate: float | None = None,
    *,
    error: MakeError = DataError,
) -> tuple[float, float]:
    """Return the rate (Hz) and the start (s) of times that are regularly sampled.

    Parameters
    ----------
    argument : str
        Name of the argument.
    times : array_like, shape (n_times,)
        Time of each sample in seconds.
    rate : float, optional
        Sampling rate in Hz if it is known. Otherwise the shortest decimal number that explains
        the times: 1000 rather than 999.9999999 where both do.
    error : callable
        What makes the error of a message.

    Returns
    -------
    rate : float
        Sampling rate in Hz.
    start : float
        The first time in seconds.

    Raises
    ------
    DataError
        Or what `error` makes: if the times are not finite and rising, are not regular (a gap, a
        missing sample, jitter, another rate), or there are too few to tell the rate.

    Notes
    -----
    Times are regular if a grid ``start + i / rate`` exists that no time misses by more than 1 % of
    a step, plus what their writing lost: the spacing of floating-point numbers of their type and
    size, and half of the last decimal that they are written with, as long as that decimal is
    shorter than half a step. The distances are to the grid and not from one time to the next,
    so that errors do not add up unseen, and a sample that is missing is always found: it moves
    one side of the gap by half a step or more.

    Examples
    --------
    >>> regular_times("t", [10.0, 10.004, 10.008])
    (250.0, 10.0)
    """
    when = array(argument, times, np.float64, ndim=1, error=error)
    if not len(when):
        raise fail(argument, "at least one sample", "none", error=error)
    if rate is not None:
        rate = real("rate", rate, above=0, unit="Hz", error=error)
    if len(when) < 2:
        if rate is None:
            raise fail("rate", "a rate where there are fewer than two samples", None, error=error)
        return rate, float(when[0])
    steps = np.diff(when)
    if (steps <= 0).any():
        i = int((steps <= 0).argmax())
        raise fail(argument, "times that rise", f"{when[i + 1]} after {when[i]}", error=error)
    dtype = getattr(times, "dtype", None)
    narrow = dtype if dtype in (np.float16, np.float32) else np.float64
    spacing = 2 * float(np.spacing(np.abs(when[[0, -1]]).max().astype(narrow)))
    # Differences of neighbouring floats are exact: an offset of any size drops out here.
    passed = when - when[0]
    found = _fit(passed, rate, _PART_OF_A_STEP, max(spacing, 1e-9))
    if found is None:
        decimal = _decimal(when, spacing)
        if decimal < 0.49 * passed[-1] / (len(when) - 1):
            found = _fit(passed, rate, _PART_OF_A_STEP, decimal)
    if found is not None:
        return found, float(when[0])
    if rate is not None:
        other, _ = regular_times(argument, times, error=error)
        raise fail(
            argument, f"times at {rate:g} Hz", f"regular times at {other:.9g} Hz", error=error
        )
    raise _irregular(argument, steps, when, error)


def lie_on(times: ArrayLike, rate: float, start: float) -> bool:
    """Return whether times are those of a grid, by the tolerance of `regular_times`."""
    when = np.asarray(times, dtype=np.float64)
    return _near(when, start + np.arange(len(when)) / rate, 1 / rate)


def same_times(times: ArrayLike, others: ArrayLike) -> bool:
    """Return whether times are others, but for what their writing lost."""
    known = np.asarray(others, dtype=np.float64)
    return _near(
        np.asarray(times, dtype=np.float64),
        known,
        float(np.median(np.diff(known))) if len(known) > 1 else 0.0,
        part=0.0,
    )


def _near(
    when: NDArray[np.float64],
    known: NDArray[np.float64],
    step: float,
    part: float = _PART_OF_A_STEP,
) -> bool:
    if not len(when):
        return True
    miss = float(np.abs(when - known).max())
    spacing = 2 * float(np.spacing(np.abs(known).max()))
    if not miss > part * step + max(spacing, 1e-9) / 2:
        return True
    if not np.isfinite(when).all():
        return False
    decimal = _decimal(when, spacing)
    return decimal < 0.49 * step and miss <= part * step + decimal / 2


def _fit(
    passed: NDArray[np.float64], rate: float | None, part: float, resolution: float
) -> float | None:
    """Return the rate of the first grid that explains the times, None if none does."""
    n, place = len(passed) - 1, np.arange(len(passed))
    candidates = [rate] if rate is not None else _rates(n, float(passed[-1]), resolution)
    for candidate in candidates:
        # Half the range: the grid may begin beside the first time, which was rounded, too.
        miss = float(np.ptp(passed - place / candidate)) / 2
        if miss <= part / candidate + resolution / 2:
            return candidate
    return None


def _rates(n: int, span: float, resolution: float) -> list[float]:
    """Return the rates that give `n` steps in `span` to the resolution, the shortest first."""
    exact = n / span
    short = [float(f"{exact:.{digits}g}") for digits in range(1, 17)]
    fitting = [r for r in short if r > 0 and abs(n / r - span) <= resolution]
    return list(dict.fromkeys([*fitting, exact]))


def _decimal(when: NDArray[np.float64], spacing: float) -> float:
    """Return the last decimal that all times are written with; infinity if there is none."""
    for digits in range(_FINEST_DECIMAL + 1):
        scaled = when * 10.0**digits
        if np.abs(scaled - np.round(scaled)).max() <= max(spacing * 10.0**digits, 1e-6):
            return 10.0**-digits
        if spacing * 10.0**digits > 0.1:
            break
    return math.inf


def _irregular(
    argument: str, steps: NDArray[np.float64], when: NDArray[np.float64], error: MakeError
) -> Exception:
    i = int(np.abs(steps - np.median(steps)).argmax())
    got = (
        f"steps from {steps.min():.6g} to {steps.max():.6g} s, "
        f"{steps[i]:.6g} s from {when[i]:.9g} to {when[i + 1]:.9g} s"
    )
    hint = "; split the data at gaps, or interpolate to a regular grid first"
    return fail(argument, "regular times", got, hint=hint, error=error)
