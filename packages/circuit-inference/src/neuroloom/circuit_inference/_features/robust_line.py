"""Straight lines through many spectra that peaks above them do not pull up."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np

from neuroloom.circuit_inference._compiled import compiled


@compiled
def _line(x, y, kept):
    n = 0
    sx = sy = 0.0
    for i in range(x.size):
        if kept[i]:
            n += 1
            sx += x[i]
            sy += y[i]
    sx /= n
    sy /= n
    sxx = sxy = 0.0
    for i in range(x.size):
        if kept[i]:
            sxx += (x[i] - sx) ** 2
            sxy += (x[i] - sx) * (y[i] - sy)
    slope = sxy / sxx
    return slope, sy - slope * sx


@compiled
def _median(work):
    """Upper median of `work`, which is reordered (Hoare's selection)."""
    k = work.size // 2
    low, high = 0, work.size - 1
    while low < high:
        pivot = work[k]
        i, j = low, high
        while i <= j:
            while work[i] < pivot:
                i += 1
            while work[j] > pivot:
                j -= 1
            if i <= j:
                work[i], work[j] = work[j], work[i]
                i += 1
                j -= 1
        if j < k:
            low = i
        if k < i:
            high = j
    return work[k]


@compiled
def robust_lines(x, y, cut, n_iterations, slope, offset):
    """Write slope and offset of each row; points `cut` deviations above the line are left out.

    At least half of the points, and five, are always kept.
    """
    n = x.size
    kept, before = np.empty(n, dtype=np.bool_), np.empty(n, dtype=np.bool_)
    rest, work = np.empty(n), np.empty(n)
    for row in range(y.shape[0]):
        kept[:] = True
        slope[row], offset[row] = _line(x, y[row], kept)
        if np.isinf(cut):
            continue
        for _ in range(n_iterations):
            for i in range(n):
                rest[i] = y[row, i] - (offset[row] + slope[row] * x[i])
            work[:] = rest
            centre = _median(work)
            for i in range(n):
                work[i] = abs(rest[i] - centre)
            scale = 1.4826 * _median(work)
            limit = centre + max(cut * scale, 1e-12)
            before[:] = kept
            count = 0
            for i in range(n):
                kept[i] = rest[i] <= limit
                count += kept[i]
            same = True
            for i in range(n):
                same = same and kept[i] == before[i]
            if same or count < max(5, n // 2):
                break
            slope[row], offset[row] = _line(x, y[row], kept)
