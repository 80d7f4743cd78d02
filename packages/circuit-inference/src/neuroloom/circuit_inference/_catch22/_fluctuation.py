"""Where the scaling of fluctuations with the window changes (R/S range and DFA)."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from math import exp, log

import numpy as np

from neuroloom.circuit_inference._catch22._numeric import line
from neuroloom.circuit_inference._compiled import compiled


@compiled
def window_lengths(n, steps=50):
    """Up to 50 distinct window lengths from 5 to n/2, evenly spaced in their logarithm."""
    low, high = log(5.0), log(float(n // 2))
    lengths = np.empty(steps, dtype=np.int64)
    for i in range(steps):
        # C's round: halves away from zero.
        lengths[i] = int(np.floor(exp(low + i * (high - low) / (steps - 1)) + 0.5))
    lengths[steps - 1] = n // 2
    return np.unique(lengths)


@compiled
def fluctuation(profile, length, use_range):
    """Root mean square over windows of the detrended profile, or of its range."""
    n_windows = profile.size // length
    centre = (length + 1) / 2.0
    sxx = length * (length * length - 1.0) / 12.0
    total = 0.0
    for w in range(n_windows):
        start = w * length
        sy = sxy = 0.0
        for k in range(length):
            sy += profile[start + k]
            sxy += (k + 1 - centre) * profile[start + k]
        slope = sxy / sxx
        offset = sy / length - slope * centre
        if use_range:
            smallest, largest = np.inf, -np.inf
            for k in range(length):
                rest = profile[start + k] - (slope * (k + 1) + offset)
                smallest = min(smallest, rest)
                largest = max(largest, rest)
            total += (largest - smallest) ** 2
        else:
            for k in range(length):
                rest = profile[start + k] - (slope * (k + 1) + offset)
                total += rest * rest
    return np.sqrt(total / (n_windows if use_range else n_windows * length))


@compiled
def _squared_error(x, y, n):
    slope, offset = line(x, y, n)
    total = 0.0
    for i in range(n):
        total += (slope * x[i] + offset - y[i]) ** 2
    return total


@compiled
def scaling_break(y, stride, use_range):
    """Share of the scales that lie in the first of two straight pieces of log F(log length).

    NaN with fewer than ten samples in the profile or fewer than eight points in a piece.
    """
    n = (y.size + stride - 1) // stride
    if n < 10:
        return np.nan
    profile = np.empty(n)
    total = 0.0
    for i in range(n):
        total += y[i * stride]
        profile[i] = total
    lengths = window_lengths(n)
    n_scales = lengths.size
    if n_scales < 8:
        return np.nan
    x, f = np.empty(n_scales), np.empty(n_scales)
    for i in range(n_scales):
        x[i] = log(float(lengths[i]))
        f[i] = np.log(fluctuation(profile, lengths[i], use_range))
    fewest = int(max(8.0, np.floor(0.25 * n_scales + 0.5)))
    n_splits = n_scales - 2 * fewest + 1
    if n_splits < 1:
        return np.nan
    errors = np.empty(n_splits)
    for s in range(n_splits):
        i = fewest + s
        errors[s] = (
            _squared_error(x, f, i) + _squared_error(x[i - 1 :], f[i - 1 :], n_scales - i + 1)
        ) / n_scales
    best = errors.min()
    for s in range(n_splits):
        if errors[s] <= best * (1 + 1e-9):
            return (fewest + s) / n_scales
    return np.nan
