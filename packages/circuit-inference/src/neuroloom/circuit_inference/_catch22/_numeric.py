"""Compiled building blocks that several features share."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from math import ceil, floor, log

import numpy as np

from neuroloom.circuit_inference._compiled import compiled, compiled_sum


@compiled
def mean(x):
    total = 0.0
    for value in x:
        total += value
    return total / x.size


@compiled
def standard_deviation(x):
    """Sample standard deviation (n − 1)."""
    centre = mean(x)
    total = 0.0
    for value in x:
        total += (value - centre) ** 2
    return np.sqrt(total / (x.size - 1))


@compiled
def median_of_sorted(x, n):
    if n % 2:
        return x[n // 2]
    return 0.5 * (x[n // 2 - 1] + x[n // 2])


@compiled_sum
def dot(a, b, n):
    """Inner product of the first `n` entries; reassociation lets it use vector registers."""
    total = 0.0
    for i in range(n):
        total += a[i] * b[i]
    return total


@compiled
def next_power_of_two(n):
    power = 1
    while power < n:
        power *= 2
    return power


@compiled
def twiddles(n):
    angle = -2.0 * np.pi * np.arange(n // 2) / n
    return np.cos(angle), np.sin(angle)


@compiled
def fft(re, im, cosine, sine, re_work, im_work):
    """Transform ``re + i im`` in place; radix 2, Stockham's self-sorting order."""
    n = re.size
    half, m = n // 2, 1
    a_re, a_im, b_re, b_im = re, im, re_work, im_work
    swapped = False
    while half >= 1:
        for j in range(half):
            wr, wi = cosine[j * m], sine[j * m]
            for k in range(m):
                p = k + j * m
                q = p + half * m
                x_re, x_im = a_re[p] - a_re[q], a_im[p] - a_im[q]
                to = k + 2 * j * m
                b_re[to] = a_re[p] + a_re[q]
                b_im[to] = a_im[p] + a_im[q]
                b_re[to + m] = wr * x_re - wi * x_im
                b_im[to + m] = wr * x_im + wi * x_re
        a_re, a_im, b_re, b_im = b_re, b_im, a_re, a_im
        swapped = not swapped
        half //= 2
        m *= 2
    if swapped:
        for i in range(n):
            re[i] = re_work[i]
            im[i] = im_work[i]


@compiled
def quantile_of_sorted(x, share):
    """Quantile with plotting positions (i − ½)/n, as MATLAB has it."""
    n = x.size
    if share < 0.5 / n:
        return x[0]
    if share > 1 - 0.5 / n:
        return x[n - 1]
    place = n * share - 0.5
    left, right = floor(place), ceil(place)
    if left == right:
        return x[left]
    return x[left] + (place - left) * (x[right] - x[left])


@compiled
def terciles(x, ordered, labels):
    """Write 0, 1 or 2 into `labels`: which third of its own distribution a value lies in."""
    third = 1.0 / 3.0
    low = quantile_of_sorted(ordered, third)
    high = quantile_of_sorted(ordered, third + third)
    for i in range(x.size):
        labels[i] = 0 if x[i] <= low else (1 if x[i] <= high else 2)


@compiled
def line(x, y, n):
    """Slope and intercept of the least-squares line through the first `n` points."""
    sx = sxx = sxy = sy = 0.0
    for i in range(n):
        sx += x[i]
        sxx += x[i] * x[i]
        sxy += x[i] * y[i]
        sy += y[i]
    determinant = n * sxx - sx * sx
    if determinant == 0:
        return 0.0, 0.0
    return (n * sxy - sx * sy) / determinant, (sy * sxx - sx * sxy) / determinant


@compiled
def spline_basis(n):
    """Orthonormal basis, shape (5, n), of the cubic splines with one knot in the middle."""
    knot = n // 2 - 1
    basis = np.empty((5, n))
    for i in range(n):
        x = 2.0 * i / (n - 1) - 1.0
        beyond = max(0.0, (i - knot) / (n - 1.0))
        basis[0, i] = 1.0
        basis[1, i] = x
        basis[2, i] = x * x
        basis[3, i] = x * x * x
        basis[4, i] = beyond * beyond * beyond
    for _ in range(2):  # Gram-Schmidt, twice is enough
        for a in range(5):
            for b in range(a):
                basis[a] -= dot(basis[a], basis[b], n) * basis[b]
            basis[a] /= np.sqrt(dot(basis[a], basis[a], n))
    return basis


@compiled
def first_periodicity(y, basis, threshold):
    """Lag index of the first pronounced peak of the detrended autocovariance (Wang et al. 2007).

    A peak counts if it rises by `threshold` above the trough before it and is not negative.
    """
    n = y.size
    rest = y.copy()
    for k in range(5):
        rest -= dot(y, basis[k], n) * basis[k]
    longest = ceil(n / 3.0)
    trough = np.nan
    before, here = 0.0, 0.0
    for lag in range(1, longest + 1):
        after = dot(rest, rest[lag:], n - lag) / (n - lag)
        if lag >= 3:
            entering, leaving = here - before, after - here
            if entering < 0 and leaving > 0:
                trough = here
            elif entering > 0 and leaving < 0:
                if not np.isnan(trough) and here - trough >= threshold and here >= 0:
                    return lag - 1
        before, here = here, after
    return 0


@compiled
def gaussian_information(y, sums, squares, lag):
    """−½ log(1 − r²) of the series and itself `lag` later; `sums`, `squares`: prefix sums."""
    n = y.size
    m = n - lag
    sx, sy = sums[m], sums[n] - sums[lag]
    sxx = squares[m] - sx * sx / m
    syy = squares[n] - squares[lag] - sy * sy / m
    sxy = dot(y, y[lag:], m) - sx * sy / m
    r2 = sxy * sxy / (sxx * syy)
    return -0.5 * log(max(1.0 - r2, 1e-12))


@compiled
def entropy_of_pairs(labels, counts):
    """Entropy (nats) of the 3 × 3 transitions, and how many of them occur."""
    counts[:] = 0.0
    n = labels.size
    for i in range(n - 1):
        counts[labels[i], labels[i + 1]] += 1.0
    total, occurring = 0.0, 0
    for i in range(3):
        for j in range(3):
            p = counts[i, j] / (n - 1.0)
            if p > 0:
                total -= p * log(p)
                occurring += 1
    return total, occurring


@compiled
def transition_variance(labels, counts):
    """Sum over the columns of the variance of the 3 × 3 joint transition probabilities."""
    counts[:] = 0.0
    n = labels.size
    for i in range(n - 1):
        counts[labels[i], labels[i + 1]] += 1.0
    total = 0.0
    for j in range(3):
        column = counts[:, j] / (n - 1.0)
        centre = (column[0] + column[1] + column[2]) / 3.0
        for i in range(3):
            total += (column[i] - centre) ** 2 / 2.0
    return total


@compiled
def _counts_beyond(ordered, sign, step, n_thresholds):
    """How many values reach each threshold ``j * step``."""
    n = ordered.size
    beyond = np.zeros(n_thresholds, dtype=np.int64)
    for j in range(n_thresholds):
        low, high = 0, n
        while low < high:
            middle = (low + high) // 2
            value = ordered[middle] if sign > 0 else -ordered[n - 1 - middle]
            if value >= j * step:
                high = middle
            else:
                low = middle + 1
        beyond[j] = n - low
    return beyond


@compiled
def _last_threshold(y, sign, beyond):
    """Last threshold that counts: more than 2 % of the values of the side lie beyond it."""
    on_side = 0
    for value in y:
        if sign * value >= 0:
            on_side += 1
    last, single = 0, beyond.size - 1
    for j in range(beyond.size):
        if (beyond[j] - 1) * 100.0 / on_side > 2:
            last = j
    for j in range(beyond.size - 1, -1, -1):
        if beyond[j] == 1:
            single = j
    return min(last, single)


@compiled
def _by_threshold(y, sign, step, n_thresholds, member):
    """Chain the places of the values by the highest threshold that each of them reaches.

    The first place of a chain is returned, ``member[i]`` is the one after place i; −1 ends it.
    """
    head = np.full(n_thresholds, -1, dtype=np.int64)
    for i in range(y.size):
        value = sign * y[i]
        member[i] = -1
        if value < 0:
            continue
        j = min(int(value / step), n_thresholds - 1)
        while j + 1 < n_thresholds and value >= (j + 1) * step:
            j += 1
        while j >= 0 and value < j * step:
            j -= 1
        if j >= 0:
            member[i] = head[j]
            head[j] = i
    return head


@compiled
def _kth(tree, n, top, k):
    """Place of the `k`-th marked value in a tree of counts, both from 1."""
    place = 0
    width = top
    while width > 0:
        if place + width <= n and tree[place + width] < k:
            place += width
            k -= tree[place]
        width //= 2
    return place + 1.0


@compiled
def outlier_timing(y, sign, ordered, member, medians):
    """Median over rising thresholds of when values beyond the threshold occur, in −1 to 1.

    Thresholds are j/100; a threshold counts while more than 2 % of the values on that side and
    more than one value lie beyond it. The values are visited from the largest down, so that the
    set beyond a threshold only grows; a tree of counts gives its median place in log n.
    """
    n = y.size
    step = 0.01
    largest = ordered[n - 1] if sign > 0 else -ordered[0]
    if largest < step:
        return 0.0
    n_thresholds = int(largest / step + 1)
    beyond = _counts_beyond(ordered, sign, step, n_thresholds)
    limit = _last_threshold(y, sign, beyond)
    head = _by_threshold(y, sign, step, n_thresholds, member)
    tree = np.zeros(n + 1, dtype=np.int64)
    top = 1
    while top * 2 <= n:
        top *= 2
    inside = 0
    for j in range(n_thresholds - 1, -1, -1):
        i = head[j]
        while i != -1:
            place = i + 1
            while place <= n:
                tree[place] += 1
                place += place & -place
            inside += 1
            i = member[i]
        if j <= limit:
            place = 0.5 * (
                _kth(tree, n, top, (inside + 1) // 2) + _kth(tree, n, top, inside // 2 + 1)
            )
            medians[j] = place / (n / 2.0) - 1.0
    chosen = np.sort(medians[: limit + 1])
    return median_of_sorted(chosen, limit + 1)
