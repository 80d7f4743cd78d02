"""Correlation in time: how long samples remember one another, and what that costs.

Politis & White 2004 (Econometric Reviews 23:53): the correlogram is followed until it stays
inside its noise band for a while; twice that lag is the width of a flat-top lag window, which
estimates the long-run variance with little bias. Everything that depends on time, the standard
error of a mean, blocks, gaps, Theiler windows, least shifts, comes from here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._statistics.scaling import near_one

Array = NDArray[np.floating]
_BAND = 2.0  # Politis & White's c
FEW_TIMES = 20  # correlation times: shorter recordings cannot tell what they are


def autocorrelation(series: Array, n_lags: int) -> NDArray[np.float64]:
    """Return correlations at lags 0 … `n_lags`, shape (n_lags + 1,).

    Examples
    --------
    >>> autocorrelation(np.array([1.0, -1.0, 1.0, -1.0]), 1).round(2)
    array([ 1.  , -0.75])
    """
    values = near_one(np.asarray(series, dtype=np.float64))
    centred = values - values.mean()
    n = len(values)
    size = 1 << int(2 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    covariance = np.fft.irfft(power, size)[: n_lags + 1] / n
    if covariance[0] <= 0:
        return np.concatenate([[1.0], np.zeros(n_lags)])
    return np.asarray(covariance / covariance[0])


def memory(series: Array) -> int:
    """Return the last lag at which a series is clearly correlated with itself, 0 if none.

    Politis & White's rule: the smallest lag after which ``max(5, √log₁₀ n)`` correlations in a
    row lie within ``± 2 √(log₁₀ n / n)``.
    """
    n = len(series)
    run = max(5, math.ceil(math.sqrt(math.log10(n))))
    most = max(run + 1, n // 2)
    rho = np.abs(autocorrelation(series, min(most, n - 1)))[1:]
    quiet = rho < _BAND * math.sqrt(math.log10(n) / n)
    # A run of quiet lags that starts at lag m + 1 says that memory ends at m.
    total = np.cumsum(np.concatenate([[0], quiet]))
    starts = np.flatnonzero(total[run:] - total[:-run] == run)
    return int(starts[0]) if len(starts) else len(rho)


def correlation_time(series: Array, known: int = 0) -> float:
    """Return the integrated correlation time in samples: 1 for white noise.

    The variance of a mean is ``time / n`` times that of a sample; for an autoregressive series of
    coefficient φ the time is ``(1 + φ) / (1 − φ)``. Times below 1 are reported as 1, so that
    anticorrelated series are not called longer than they are.

    Parameters
    ----------
    series : ndarray, shape (n,)
        In order of time.
    known : int
        Lags at which what the series was made from is known to be correlated: noise on top hides
        a slow part from the correlogram, but not from the mean.
    """
    values = np.asarray(series, dtype=np.float64)
    n = len(values)
    if n < 16 or np.ptp(values) == 0:
        return 1.0
    last = max(memory(values), known)
    if last == 0:
        return 1.0
    width = min(2 * last, n // 2)
    rho = autocorrelation(values, width)
    place = np.arange(width + 1) / width
    window = np.where(place <= 0.5, 1.0, 2 * (1 - place))
    time = float(1 + 2 * (window[1:] * rho[1:]).sum())
    if time <= 1:
        return 1.0
    # The mean is taken off: that hides a share time/n of the variance (and lowers correlations).
    return float(time / max(1 - time / n, 0.25))


def standard_error(series: Array, known: int = 0) -> float:
    """Return the standard error of the mean of a series in order of time.

    Parameters
    ----------
    series : ndarray, shape (n,)
        One value per sample; NaN is left out.
    known : int
        See `correlation_time`.
    """
    values = np.asarray(series, dtype=np.float64)
    values = values[np.isfinite(values)]
    n = len(values)
    if n < 2:
        return math.nan
    time = correlation_time(values, known)
    variance = float(values.var()) / max(1 - time / n, 0.25)
    return math.sqrt(variance * time / n)


def block_length(series: Array) -> int:
    """Return the circular block bootstrap's length for the mean (Politis & White 2004, eq. 9).

    Patton, Politis & White 2009's correction is used: ``(2 G² / D)^(1/3) n^(1/3)`` with
    ``D = 4/3 g(0)²``.
    """
    values = np.asarray(series, dtype=np.float64)
    n = len(values)
    if n < 16 or np.ptp(values) == 0:
        return 1
    width = min(2 * memory(values), n - 1)
    if width == 0:
        return 1
    rho = autocorrelation(values, width)[1:]
    lag = np.arange(1, width + 1)
    window = np.where(lag / width <= 0.5, 1.0, 2 * (1 - lag / width))
    slope = 2 * float((window * lag * rho).sum())
    level = 1 + 2 * float((window * rho).sum())
    if level <= 0:
        return 1
    length = (2 * slope**2 / (4 / 3 * level**2)) ** (1 / 3) * n ** (1 / 3)
    return int(np.clip(math.ceil(length), 1, max(1, n // 8)))


def joint_memory(x: Array, y: Array) -> int:
    """Return for how many samples both variables remember themselves.

    Neighbours in time are close in x and in y at once only while both remember; features of a
    variable are looked at one by one, the first sixteen of them.

    Parameters
    ----------
    x, y : ndarray, shape (n_samples, n_features)
        In order of time.
    """
    return min(longest_memory(x), longest_memory(y))


def longest_memory(values: Array) -> int:
    """Return the largest `memory` among the features of (n_samples, n_features)."""
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)[:, :16]
    return max((memory(column) for column in flat.T if np.ptp(column) > 0), default=0)


def slowest(values: Array) -> float:
    """Return the largest correlation time in samples among (n_samples, n_features)."""
    flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)[:, :16]
    return max((correlation_time(column) for column in flat.T), default=1.0)
