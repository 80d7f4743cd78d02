"""Another sampling rate, without what the slower rate cannot show."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._errors import require
from neuroloom.shared.checks import fail

_LARGEST = 20_000  # of up and down: 24,414.0625 Hz to 1 kHz is 128 / 3125
_HALF_LENGTH = 10  # zero crossings of the filter on either side, as scipy's resample_poly has
_KAISER = 5.0  # its default window: 50 dB


def ratio(rate: float, wanted: float) -> tuple[int, int]:
    """Return up and down with ``wanted = rate * up / down``."""
    exact = Fraction(wanted) / Fraction(rate)
    near = exact.limit_denominator(_LARGEST)
    off = abs(near - exact) / exact
    if near == 0 or near.numerator > _LARGEST or off > Fraction(1, 10**9):
        raise fail(
            "rate",
            f"a rate in a ratio of whole numbers up to {_LARGEST} to {rate:g} Hz",
            f"{wanted:g}; near it lies {rate * float(near or 1):.9g}",
        )
    return near.numerator, near.denominator


def filtered(values: NDArray[Any], up: int, down: int) -> NDArray[np.float64]:
    """Return samples at ``up / down`` of their rate, low-passed below both rates' halves.

    The filter's weights are those of the samples that are there, so missing samples and the
    ends pull nothing towards zero. An output is NaN where the sample nearest in time is missing.
    """
    signal = require("scipy.signal", extra="neuroloom-shared[resample]")
    if up == down:
        return np.asarray(values, dtype=np.float64)
    widest = max(up, down)
    half = _HALF_LENGTH * widest
    kernel = signal.firwin(2 * half + 1, 1 / widest, window=("kaiser", _KAISER))
    # Zeros in front make the kernel's centre fall on an output sample.
    lead = -half % down
    kernel = np.concatenate([np.zeros(lead), kernel])
    skip = (half + lead) // down
    n_out = -(-len(values) * up // down)
    known = np.isfinite(values)
    n_tail = -(-(half + down) // up) + 1

    def run(x: NDArray[Any]) -> NDArray[Any]:
        longer = np.concatenate([x, np.zeros((n_tail, x.shape[1]))])
        found: NDArray[Any] = signal.upfirdn(kernel, longer, up, down, axis=0)
        return found[skip : skip + n_out]

    total = run(np.where(known, values, 0).astype(np.float64))
    # Channels without gaps share their weights.
    weight = run((known[:, :1] if known.all() else known).astype(np.float64))
    nearest = np.minimum(np.round(np.arange(n_out) * down / up).astype(np.int64), len(values) - 1)
    there = known[nearest] & (weight > 0.05 * weight.max())
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, total / weight, np.nan)
