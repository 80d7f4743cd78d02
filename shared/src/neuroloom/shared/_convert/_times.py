"""What all converters need to know about times."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._validate import array, fail, number


def sampling(
    argument: str, times: ArrayLike, rate: float | None = None, *, resolution: float = 1e-9
) -> tuple[float, float]:
    """Return rate (Hz) and start (s) of regular times.

    Without `rate` it is the shortest decimal number that explains the times to `resolution`
    seconds.

    Raises
    ------
    DataError
        If the times are not regular, or too few to tell the rate.
    """
    when = array(argument, times, np.float64, ndim=1)
    if rate is None and len(when) < 2:
        raise fail("rate", "a rate where there are fewer than two samples", None)
    if not len(when):
        raise fail(argument, "at least one sample", "none")
    steps = np.arange(len(when))
    if rate is None:
        span = when[-1] - when[0]
        if span <= 0:
            raise fail(argument, "times that increase", f"{when[0]} to {when[-1]}")
        exact = (len(when) - 1) / span
        short = (float(f"{exact:.{digits}g}") for digits in range(1, 17))
        fits = (r for r in short if r > 0 and abs((len(when) - 1) / r - span) <= resolution)
        rate = next(fits, float(exact))
    rate = number("rate", rate, expected="a positive rate in Hz", accept=lambda x: 0 < x < np.inf)
    error = np.abs(when - (when[0] + steps / rate))
    if error.max() > max(2 * resolution, 0.01 / rate):
        i = int(error.argmax())
        raise fail(argument, f"regular times at {rate:g} Hz", f"{when[i]} at [{i}]")
    return rate, float(when[0])


def half_open(start: ArrayLike, stop: ArrayLike, times: ArrayLike = ()) -> Epochs:
    """Return closed intervals as half-open ones that still hold the `times` on their ends."""
    last: NDArray[Any] = np.asarray(stop, dtype=np.float64)
    on_end = np.isin(last, np.asarray(times, dtype=np.float64))
    return Epochs(start, np.where(on_end, np.nextafter(last, np.inf), last))


def unknown(argument: str, expected: str, value: object) -> Exception:
    """Return the error for an object that a converter does not know."""
    kind = type(value)
    return fail(argument, expected, f"{kind.__module__}.{kind.__qualname__}")
