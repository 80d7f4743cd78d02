"""catch22 of many series at once."""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._catch22 import _classic, _features
from neuroloom.circuit_inference._catch22._names import feature_names
from neuroloom.circuit_inference._catch22._numeric import (
    mean,
    next_power_of_two,
    spline_basis,
    standard_deviation,
    twiddles,
)
from neuroloom.circuit_inference._compiled import compiled

MINIMUM_LENGTH = 10  # below, most features say nothing about the series

_CHUNK = 64


def catch22(
    series: NDArray[np.float64], *, version: str = "1.0", n_workers: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the 22 features of each series, and which of them could not be estimated.

    Parameters
    ----------
    series : ndarray of float64, shape (n_series, n_times)
        Finite, not constant, at least `MINIMUM_LENGTH` long; checked by the caller. They are
        z-scored here, so neither offset nor gain matters.
    version : {"1.0", "classic"}
        Which published definitions.
    n_workers : int
        Threads; the values are the same to the last bit for any number.

    Returns
    -------
    values : ndarray of float64, shape (n_series, 22)
        In the order of ``feature_names(version)``. A feature that a series is too short for has
        the fixed value at the end of its range that catch22 1.0 gives it (classic: 0).
    masked : ndarray of bool, shape (n_series, 22)
        Where that happened.
    """
    n_series, n_times = series.shape
    kernel: Callable[..., Any] = _rows if version == "1.0" else _classic.rows
    values = np.empty((n_series, len(feature_names(version))))
    if not n_series:
        return values, np.zeros(values.shape, dtype=bool)
    rows = np.ascontiguousarray(series)
    basis = spline_basis(n_times)
    cosine, sine = twiddles(2 * next_power_of_two(n_times))
    starts = range(0, n_series, _CHUNK)

    def work(start: int) -> None:
        part = slice(start, start + _CHUNK)
        kernel(rows[part], basis, cosine, sine, values[part])

    if n_workers > 1 and len(starts) > 1:
        with ThreadPoolExecutor(n_workers) as pool:
            list(pool.map(work, starts))
    else:
        for start in starts:
            work(start)
    masked = np.isnan(values)
    if masked.any():
        ends = _ends(n_times) if version == "1.0" else np.zeros(values.shape[1])
        values = np.where(masked, ends, values)
    return values, masked


@compiled
def _rows(series, basis, cosine, sine, out):
    z = np.empty(series.shape[1])
    for i in range(series.shape[0]):
        centre, spread = mean(series[i]), standard_deviation(series[i])
        for t in range(z.size):
            z[t] = (series[i, t] - centre) / spread
        _features.features(z, basis, cosine, sine, out[i])


def _ends(n: int) -> NDArray[np.float64]:
    """Return what stands for each feature of version 1.0 that cannot be estimated."""
    ends = np.zeros(22)
    ends[4], ends[5], ends[6] = n - 1, n, 1.0
    ends[16] = min(40, (n + 1) // 2)
    ends[17] = 1 / 9
    ends[19] = 1 / (np.sqrt(2) * 0.001) + (n - 2) / np.sqrt(2 * (n - 1) / n)
    ends[20] = ends[21] = 1.0
    return ends
