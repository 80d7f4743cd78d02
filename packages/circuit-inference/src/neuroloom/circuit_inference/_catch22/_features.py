"""The 22 features of one series, catch22 1.0, with everything shared computed once.

Lubba et al. (2019) Data Min Knowl Disc 33:1821, in the definitions that version 1.0 aligned with
hctsa. All are of the z-scored series.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from math import exp

import numpy as np

from neuroloom.circuit_inference._catch22._fluctuation import scaling_break
from neuroloom.circuit_inference._catch22._histogram import (
    embedding_distance,
    histogram_information,
    histogram_mode,
)
from neuroloom.circuit_inference._catch22._numeric import (
    entropy_of_pairs,
    fft,
    first_periodicity,
    gaussian_information,
    mean,
    next_power_of_two,
    outlier_timing,
    standard_deviation,
    terciles,
    transition_variance,
)
from neuroloom.circuit_inference._compiled import compiled


@compiled
def spectra(y, second, cosine, sine):
    """Power of `y`, and the autocorrelations of `y` and of `second`, by two transforms.

    Both series are real: one complex transform carries both, and another takes both powers back.
    """
    n, m = y.size, second.size
    size = 2 * next_power_of_two(n)
    re, im = np.zeros(size), np.zeros(size)
    work_re, work_im = np.empty(size), np.empty(size)
    centre_y, centre_s = mean(y), mean(second)
    scale = 0.0
    for i in range(n):
        re[i] = y[i] - centre_y
    for i in range(m):
        im[i] = second[i] - centre_s
        scale += im[i] * im[i]
    scale = np.sqrt(scale / m)
    if scale > 0:
        im /= scale
    fft(re, im, cosine, sine, work_re, work_im)
    power = np.empty(size)
    other = np.empty(size)
    for k in range(size):
        r = (size - k) % size
        power[k] = ((re[k] + re[r]) ** 2 + (im[k] - im[r]) ** 2) / 4
        other[k] = ((im[k] + im[r]) ** 2 + (re[r] - re[k]) ** 2) / 4
    re[:] = power
    im[:] = other
    fft(re, im, cosine, sine, work_re, work_im)
    return power, re[:n] / re[0], im[:m] / im[0]


@compiled
def crossing(acf, threshold):
    """Lag at which the autocorrelation falls below `threshold`, between samples."""
    for k in range(1, acf.size):
        if acf[k] < threshold:
            return (k - 1) + (acf[k - 1] - threshold) / (acf[k - 1] - acf[k])
    return float(acf.size - 1)


@compiled
def first_minimum(acf):
    for i in range(1, acf.size - 1):
        if acf[i] < acf[i - 1] and acf[i] < acf[i + 1]:
            return float(i)
    return float(acf.size)


@compiled
def longest_run(above):
    longest = run = 0
    for flag in above:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return float(longest)


@compiled
def spectral_summaries(power, n):
    """Area of the lowest fifth of the spectrum, and the median frequency (rad/sample).

    `power` is of the series padded to twice the length asked for: every other bin is used.
    """
    n_bins = power.size // 4
    spectrum = np.empty(n_bins)
    for k in range(n_bins):
        spectrum[k] = power[2 * (k + 1)] / (np.pi * n)
    floor = 1e-12 * spectrum.max()
    total = 0.0
    for k in range(n_bins):
        spectrum[k] = max(spectrum[k], floor)
        total += spectrum[k]
    width = 2 * np.pi / (2 * n_bins)
    area = 0.0
    for k in range(n_bins // 5):
        area += spectrum[k]
    running, median = 0.0, np.nan
    for k in range(n_bins):
        running += spectrum[k]
        if running >= 0.5 * total:
            median = width * (k + 1)
            break
    return area * width, median


@compiled
def gaussian_first_minimum(y, longest):
    n = y.size
    longest = min(longest, (n + 1) // 2)
    if longest < 3:
        return float(longest)
    sums, squares = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        sums[i + 1] = sums[i] + y[i]
        squares[i + 1] = squares[i] + y[i] * y[i]
    before = gaussian_information(y, sums, squares, 1)
    here = gaussian_information(y, sums, squares, 2)
    for i in range(1, longest - 1):
        after = gaussian_information(y, sums, squares, i + 2)
        if here < before and here < after:
            return i + 1.0
        before, here = here, after
    return float(longest)


@compiled
def _bessel_i0(x):
    quarter = (x / 2) ** 2
    term = total = 1.0
    for k in range(1, 500):
        term *= quarter / (k * k)
        total += term
        if term < total * 1e-17:
            break
    return total


@compiled
def decimated(y, factor):
    """Every `factor`-th sample after a Kaiser-windowed (β = 5) low-pass of 20 `factor` taps."""
    n, reach = y.size, 10 * factor
    kernel = np.empty(2 * reach + 1)
    norm = _bessel_i0(5.0)
    for m in range(-reach, reach + 1):
        u = m / factor
        ideal = 1.0 / factor if m == 0 else np.sin(np.pi * u) / (np.pi * u) / factor
        kernel[m + reach] = ideal * _bessel_i0(5.0 * np.sqrt(1 - (m / reach) ** 2)) / norm
    kernel /= kernel.sum()
    out = np.empty((n + factor - 1) // factor)
    for i in range(out.size):
        centre = i * factor
        total = 0.0
        for j in range(max(0, centre - reach), min(n - 1, centre + reach) + 1):
            total += y[j] * kernel[centre - j + reach]
        out[i] = total
    return out


@compiled
def coarse_transition_variance(y, acf):
    n = y.size
    lag = n - 1
    for k in range(1, n):
        if acf[k] < 0:
            lag = k
            break
    lag = min(lag, n // 50)
    coarse = decimated(y, lag) if lag > 1 else y
    if coarse.size < 2:
        return np.nan
    labels = np.empty(coarse.size, dtype=np.int64)
    terciles(coarse, np.sort(coarse), labels)
    return transition_variance(labels, np.empty((3, 3)))


@compiled
def features(y, basis, cosine, sine, out):
    """Write the 22 features of the z-scored series `y` into `out`; NaN where not estimable."""
    n = y.size
    ordered = np.sort(y)
    low, high = ordered[0], ordered[n - 1]
    step = y[1:] - y[:-1]
    power, acf, acf_step = spectra(y, step, cosine, sine)
    scratch = np.empty(n, dtype=np.int64)
    medians = np.empty(int(max(high, -low) / 0.01) + 2)

    out[0] = histogram_mode(y, low, high, 5)
    out[1] = histogram_mode(y, low, high, 10)
    out[2] = outlier_timing(y, 1.0, ordered, scratch, medians)
    out[3] = outlier_timing(y, -1.0, ordered, scratch, medians)
    out[4] = crossing(acf, 1 / exp(1.0))
    out[5] = first_minimum(acf)
    out[6], out[7] = spectral_summaries(power, n)
    forecast = np.empty(n - 3)
    for i in range(n - 3):
        forecast[i] = y[i + 3] - (y[i] + y[i + 1] + y[i + 2]) / 3.0
    out[8] = standard_deviation(forecast) if n > 4 else np.nan
    whole = crossing(acf, 0.0)
    out[9] = np.nan
    if whole != 0 and np.isfinite(acf_step[0]):
        out[9] = crossing(acf_step, 0.0) / whole

    jumps, cubes = 0.0, 0.0
    for value in step:
        if abs(value) * 1000 > 40:
            jumps += 1.0
        cubes += value**3
    out[10] = jumps / (n - 1)
    out[11] = longest_run(y - mean(y) > 0)
    out[12] = longest_run(~(step > 0))
    terciles(y, ordered, scratch)
    entropy, occurring = entropy_of_pairs(scratch, np.empty((3, 3)))
    out[13] = entropy + max(0, occurring - 5) / (2.0 * (n - 1))
    out[14] = histogram_information(y, low, high, 2)
    out[15] = cubes / (n - 1)
    out[16] = gaussian_first_minimum(y, 40)
    out[17] = coarse_transition_variance(y, acf)
    out[18] = first_periodicity(y, basis, 0.01)
    lag = 0
    while lag < n and acf[lag] > 0:
        lag += 1
    out[19] = embedding_distance(y, min(lag, n // 10))
    out[20] = scaling_break(y, 1, True)
    out[21] = scaling_break(y, 2, False)
