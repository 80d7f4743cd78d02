"""The 22 features in their definitions before catch22 1.0 (pycatch22 0.4), for old models."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from math import ceil, exp, log

import numpy as np

from neuroloom.circuit_inference._catch22._features import first_minimum, spectra
from neuroloom.circuit_inference._catch22._fluctuation import fluctuation, window_lengths
from neuroloom.circuit_inference._catch22._numeric import (
    entropy_of_pairs,
    first_periodicity,
    gaussian_information,
    line,
    mean,
    outlier_timing,
    standard_deviation,
    terciles,
    transition_variance,
)
from neuroloom.circuit_inference._compiled import compiled


@compiled
def _counts(y, low, high, n_bins):
    counts = np.zeros(n_bins)
    width = (high - low) / n_bins
    for value in y:
        counts[min(max(int((value - low) / width), 0), n_bins - 1)] += 1
    return counts, width


@compiled
def _mode(y, low, high, n_bins):
    counts, width = _counts(y, low, high, n_bins)
    fullest = counts.max()
    total, ties = 0.0, 0
    for i in range(n_bins):
        if counts[i] == fullest:
            total += low + (i + 0.5) * width
            ties += 1
    return total / ties


@compiled
def _crossing(acf):
    threshold = 1 / exp(1.0)
    for i in range(acf.size - 2):
        if acf[i + 1] < threshold:
            return i + (threshold - acf[i]) / (acf[i + 1] - acf[i])
    return float(acf.size)


@compiled
def _first_zero(acf):
    k = 0
    while k < acf.size and acf[k] > 0:
        k += 1
    return k


@compiled
def _information(y, low, high, lag):
    width = (high - low + 0.2) / 5
    n = y.size - lag
    where = np.zeros(y.size, dtype=np.int64)
    for t in range(y.size):
        while where[t] < 4 and y[t] >= low + width * (where[t] + 1) - 0.1:
            where[t] += 1
    joint = np.zeros((5, 5))
    for t in range(n):
        joint[where[t], where[t + lag]] += 1.0
    joint /= n
    first, second = joint.sum(axis=1), joint.sum(axis=0)
    total = 0.0
    for i in range(5):
        for j in range(5):
            if joint[i, j] > 0:
                total += joint[i, j] * log(joint[i, j] / (first[i] * second[j]))
    return total


@compiled
def _stretch(ends):
    """Longest distance between ends of a run, where the last place is always one."""
    longest = last = 0
    for i in range(ends.size):
        if ends[i] or i == ends.size - 1:
            longest = max(longest, i - last)
            last = i
    return float(longest)


@compiled
def _embedding(y, lag):
    n = y.size - lag - 1
    steps = np.empty(n)
    for i in range(n):
        steps[i] = np.sqrt((y[i + 1] - y[i]) ** 2 + (y[i + lag] - y[i + lag + 1]) ** 2)
    scale = mean(steps)
    spread = standard_deviation(steps)
    if spread < 0.001:
        return 0.0
    low, high = steps.min(), steps.max()
    n_bins = ceil((high - low) / (3.5 * spread / n ** (1 / 3.0)))
    counts, width = _counts(steps, low, high, n_bins)
    total = 0.0
    for i in range(n_bins):
        total += abs(counts[i] / n - exp(-(low + (i + 0.5) * width) / scale) / scale)
    return total / n_bins


@compiled
def _information_minimum(y):
    n = y.size
    longest = min(40, ceil(n / 2.0))
    sums, squares = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        sums[i + 1] = sums[i] + y[i]
        squares[i + 1] = squares[i] + y[i] * y[i]
    information = np.empty(longest)
    for i in range(longest):
        information[i] = gaussian_information(y, sums, squares, i + 1)
    for i in range(1, longest - 1):
        if information[i] < information[i - 1] and information[i] < information[i + 1]:
            return float(i)
    return float(longest)


@compiled
def _error(x, y, n):
    slope, offset = line(x, y, n)
    total = 0.0
    for i in range(n):
        total += (slope * x[i] + offset - y[i]) ** 2
    return np.sqrt(total)


@compiled
def _scaling_break(y, stride, use_range):
    lengths = window_lengths(y.size)
    n_scales = lengths.size
    if n_scales < 12:
        return 0.0
    n = y.size // stride
    profile = np.empty(n)
    total = 0.0
    for i in range(n):
        total += y[i * stride]
        profile[i] = total
    x, f = np.empty(n_scales), np.empty(n_scales)
    for i in range(n_scales):
        x[i] = log(float(lengths[i]))
        f[i] = np.log(fluctuation(profile, lengths[i], use_range))
    best, where = np.inf, 6
    for i in range(6, n_scales - 5):
        error = _error(x, f, i) + _error(x[i - 1 :], f[i - 1 :], n_scales - i + 1)
        if error < best:
            best, where = error, i
    return where / n_scales


@compiled
def _features(y, basis, cosine, sine, out):
    n = y.size
    ordered = np.sort(y)
    low, high = ordered[0], ordered[n - 1]
    step = y[1:] - y[:-1]
    power, acf, acf_step = spectra(y, step, cosine, sine)
    zero = _first_zero(acf)
    scratch = np.empty(n, dtype=np.int64)
    medians = np.empty(int(max(high, -low) / 0.01) + 2)
    pairs = np.empty((3, 3))

    out[0] = _mode(y, low, high, 5)
    out[1] = _mode(y, low, high, 10)
    out[2] = _crossing(acf)
    out[3] = first_minimum(acf)
    out[4] = _information(y, low, high, 2)
    jumps, cubes = 0.0, 0.0
    for value in step:
        if abs(value) * 1000 > 40:
            jumps += 1.0
        cubes += value**3
    out[5] = cubes / (n - 1)
    out[6] = jumps / (n - 1)
    out[7] = _stretch(y[:-1] - mean(y) <= 0)
    coarse = y[:: max(zero, 1)].copy()
    labels = np.empty(coarse.size, dtype=np.int64)
    terciles(coarse, np.sort(coarse), labels)
    out[8] = transition_variance(labels, pairs)
    out[9] = max(first_periodicity(y, basis, 0.01) - 1, 0)
    out[10] = _embedding(y, min(zero, n // 10))
    out[11] = _information_minimum(y)
    out[12] = _first_zero(acf_step) / zero
    out[13] = outlier_timing(y, 1.0, ordered, scratch, medians)
    out[14] = outlier_timing(y, -1.0, ordered, scratch, medians)
    n_bins = power.size // 4 + 1
    spectrum = np.empty(n_bins)
    total = 0.0
    for k in range(n_bins):
        spectrum[k] = power[2 * k] / n / (2 * np.pi)
        if 0 < k < n_bins - 1:
            spectrum[k] *= 2
        total += spectrum[k]
    width = 2 * np.pi / (2 * (n_bins - 1))
    out[15] = spectrum[: n_bins // 5].sum() * width
    out[16] = _stretch(step >= 0)
    terciles(y, ordered, scratch)
    out[17] = entropy_of_pairs(scratch, pairs)[0]
    out[18] = _scaling_break(y, 1, True)
    out[19] = _scaling_break(y, 2, False)
    running, out[20] = 0.0, 0.0
    for k in range(n_bins):
        running += spectrum[k]
        if running > 0.5 * total:
            out[20] = width * k
            break
    forecast = np.empty(n - 3)
    for i in range(n - 3):
        forecast[i] = y[i + 3] - (y[i] + y[i + 1] + y[i + 2]) / 3.0
    out[21] = standard_deviation(forecast)


@compiled
def rows(series, basis, cosine, sine, out):
    """Write the features of each series, z-scored, into `out`."""
    z = np.empty(series.shape[1])
    for i in range(series.shape[0]):
        centre, spread = mean(series[i]), standard_deviation(series[i])
        for t in range(z.size):
            z[t] = (series[i, t] - centre) / spread
        _features(z, basis, cosine, sine, out[i])
