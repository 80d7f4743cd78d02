"""Histograms with edges widened by a millionth of a bin, so that no value falls outside."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from math import ceil, exp, log, log2

import numpy as np

from neuroloom.circuit_inference._catch22._numeric import mean, quantile_of_sorted
from neuroloom.circuit_inference._compiled import compiled


@compiled
def even_edges(low, high, n_bins, edges):
    """Write equal bins from `low` to `high` into `edges`, return how many there are."""
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        edges[0], edges[1] = low - 0.5, low + 0.5
        return 1
    width = (high - low) / n_bins
    margin = 1e-6 * width
    for i in range(n_bins + 1):
        edges[i] = (low + i * width) - margin
    edges[n_bins] = high + margin
    return n_bins


@compiled
def bin_of(x, edges, n_bins):
    """Bin that holds `x`, guessed from the width and corrected against the edges."""
    place = int((x - edges[0]) / (edges[1] - edges[0]))
    place = min(max(place, 0), n_bins - 1)
    while place > 0 and x < edges[place]:
        place -= 1
    while place < n_bins - 1 and x >= edges[place + 1]:
        place += 1
    return place


@compiled
def histogram_mode(y, low, high, n_bins):
    """Mean of the centres of the fullest bins."""
    edges = np.empty(n_bins + 1)
    bins = even_edges(low, high, n_bins, edges)
    counts = np.zeros(bins, dtype=np.int64)
    for value in y:
        counts[bin_of(value, edges, bins)] += 1
    fullest = counts.max()
    total, ties = 0.0, 0
    for i in range(bins):
        if counts[i] == fullest:
            total += (edges[i] + edges[i + 1]) / 2
            ties += 1
    return total / ties


@compiled
def histogram_information(y, low, high, lag):
    """Mutual information (nats) of the series and itself `lag` later, 5 × 5 even bins.

    Miller and Madow's correction for the finite sample is taken off.
    """
    edges = np.empty(6)
    bins = even_edges(low, high, 5, edges)
    n = y.size - lag
    joint = np.zeros((bins, bins))
    where = np.empty(y.size, dtype=np.int64)
    for t in range(y.size):
        where[t] = bin_of(y[t], edges, bins)
    for t in range(n):
        joint[where[t], where[t + lag]] += 1.0
    joint /= n
    first = joint.sum(axis=1)
    second = joint.sum(axis=0)
    total, occurring = 0.0, 0
    for i in range(bins):
        for j in range(bins):
            if joint[i, j] > 0:
                total += joint[i, j] * log(joint[i, j] / first[i] / second[j])
                occurring += 1
    used = np.sum(first > 0) + np.sum(second > 0)
    return total - (occurring - used + 1) / (2.0 * n)


@compiled
def automatic_bins(ordered):
    """Return the number of bins: the larger of Sturges' and Freedman and Diaconis's."""
    n = ordered.size
    spread = ordered[n - 1] - ordered[0]
    sturges = ceil(log2(float(n)) + 1)
    width = 0.0
    quartiles = quantile_of_sorted(ordered, 0.75) - quantile_of_sorted(ordered, 0.25)
    if spread > 0 and quartiles > 1e-12 * max(abs(ordered[0]), abs(ordered[n - 1])):
        width = 2 * quartiles * float(n) ** (-1.0 / 3.0)
    bins = ceil(spread / width) if width > 0 else sturges
    return int(max(1, min(max(sturges, bins), n)))


@compiled
def embedding_distance(y, lag):
    """Mean gap between the density of steps in the (t, t + lag) plane and an exponential's."""
    n = y.size - lag - 1
    if n < 1:
        return np.nan
    steps = np.empty(n)
    for i in range(n):
        a = y[i + 1] - y[i]
        b = y[i + lag + 1] - y[i + lag]
        steps[i] = np.sqrt(a * a + b * b)
    scale = mean(steps)
    ordered = np.sort(steps)
    if ordered[n - 1] - ordered[0] <= 1e-12 * ordered[n - 1]:
        return np.nan
    n_bins = automatic_bins(ordered)
    edges = np.empty(n_bins + 1)
    bins = even_edges(ordered[0], ordered[n - 1], n_bins, edges)
    counts = np.zeros(bins, dtype=np.int64)
    for value in steps:
        counts[bin_of(value, edges, bins)] += 1
    total = 0.0
    for i in range(bins):
        density = counts[i] / (n * (edges[i + 1] - edges[i]))
        centre = (edges[i] + edges[i + 1]) / 2
        total += abs(density - (1 / scale) * exp(-centre / scale))
    return total / bins
