"""What all converters need to know about times."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._errors import DataError
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared.checks import fail, regular_times


def sampled(
    argument: str, times: ArrayLike, values: Any, rate: float | None = None, **about: Any
) -> Signal | TimeSeries:
    """Return samples as a signal if their times are regular, otherwise as a time series.

    With a `rate`, times that lie on its grid but leave some of it out give a signal with NaN
    there.

    Raises
    ------
    DataError
        If a `rate` is given and the times do not lie on its grid.
    """
    when = np.asarray(times, dtype=np.float64)
    grid = regular(times, rate)
    if grid is not None:
        return Signal(values, *grid, **about)
    if rate is None:
        seen = {} if len(when) else {"epochs": Epochs([], [])}
        return TimeSeries(values, when, **{**seen, **about})
    return Signal(_on_grid(argument, when, np.asarray(values), rate), rate, when[0], **about)


def regular(times: ArrayLike, rate: float | None = None) -> tuple[float, float] | None:
    """Return rate and start of times that are regular, None for any others."""
    try:
        return regular_times("times", times, rate)
    except DataError:
        return None


def _on_grid(
    argument: str, when: NDArray[np.float64], values: NDArray[Any], rate: float
) -> NDArray[np.floating]:
    """Return samples on a grid, NaN where there is none."""
    if not len(when) or not np.isfinite(when).all() or (np.diff(when) <= 0).any():
        raise fail(argument, "finite times that rise", "others")
    exact = (when - when[0]) * rate
    place = np.round(exact).astype(np.int64)
    if np.abs(exact - place).max() > 0.01 or (np.diff(place) < 1).any():
        worst = int(np.abs(exact - place).argmax())
        raise fail(argument, f"times on a grid of {rate:g} Hz", f"{when[worst]} at [{worst}]")
    dtype = np.float32 if np.can_cast(values.dtype, np.float32) else np.float64
    filled = np.full((place[-1] + 1, *values.shape[1:]), np.nan, dtype)
    filled[place] = values
    return filled


def half_open(start: ArrayLike, stop: ArrayLike, times: ArrayLike = ()) -> Epochs:
    """Return closed intervals as half-open ones that still hold the `times` on their ends."""
    last: NDArray[Any] = np.asarray(stop, dtype=np.float64)
    on_end = np.isin(last, np.asarray(times, dtype=np.float64))
    return Epochs(start, np.where(on_end, np.nextafter(last, np.inf), last))


def unknown(argument: str, expected: str, value: object) -> Exception:
    """Return the error for an object that a converter does not know."""
    kind = type(value)
    return fail(argument, expected, f"{kind.__module__}.{kind.__qualname__}")
