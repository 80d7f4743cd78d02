"""Mutual information from distances to nearest neighbours, in the maximum norm.

Kraskov, Stögbauer & Grassberger 2004 (equations 8 and 9); Frenzel & Pompe 2007 for conditional
information; Ross 2014 for one discrete variable; Gao, Kannan, Oh & Viswanath 2017 for repeated
values and mixtures.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.mi._statistics.scaling import near_one

Array = NDArray[np.float64]
_TREE_DIMS = 12  # trees look at nearly all points beyond; plain distances are faster
_ROWS = 500
_SPARE = 32  # neighbours beyond k that are asked for first, where times are excluded
_ASKED = 1_000_000  # neighbours held at once


def ksg(x: Array, y: Array, *, k: int = 5, variant: Literal[1, 2] = 1, exclude: int = 0) -> float:
    """Return I(X; Y) in nats by KSG's first or second estimator."""
    return float(ksg_local(x, y, k=k, variant=variant, exclude=exclude).mean())


def ksg_local(
    x: Array, y: Array, *, k: int = 5, variant: Literal[1, 2] = 1, exclude: int = 0
) -> Array:
    """Return each sample's share of KSG's estimate in nats, shape ``(n_samples,)``.

    Samples at most `exclude` places away are no neighbours (Theiler 1986): in slow recordings
    they are close because they are near in time.
    """
    from scipy.special import psi

    x, y = standardized(x), standardized(y)
    others = _others(len(x), exclude)
    if variant == 1 and x.shape[1] + y.shape[1] > _TREE_DIMS:
        n_x, n_y = _all_pairs(x, y, k, exclude)
        return np.asarray(psi(k) + psi(others + 1) - psi(n_x + 1) - psi(n_y + 1))
    distance, neighbours = nearest(np.hstack([x, y]), k, exclude)
    if variant == 1:
        n_x = _closer(x, distance, exclude=exclude)
        n_y = _closer(y, distance, exclude=exclude)
        share: Array = psi(k) + psi(others + 1) - psi(n_x + 1) - psi(n_y + 1)
        return share
    reach_x = np.abs(x[neighbours] - x[:, None]).max(axis=(1, 2))
    reach_y = np.abs(y[neighbours] - y[:, None]).max(axis=(1, 2))
    n_x = _closer(x, reach_x, inclusive=True, exclude=exclude)
    n_y = _closer(y, reach_y, inclusive=True, exclude=exclude)
    share = psi(k) - 1 / k + psi(others + 1) - psi(n_x) - psi(n_y)
    return share


def ksg_mixed(x: Array, y: Array, *, k: int = 5, exclude: int = 0) -> float:
    """Return I(X; Y) in nats where values repeat or mix atoms with a density."""
    return float(ksg_mixed_local(x, y, k=k, exclude=exclude).mean())


def ksg_mixed_local(x: Array, y: Array, *, k: int = 5, exclude: int = 0) -> Array:
    """Return each sample's share of Gao et al. 2017's estimate in nats, shape ``(n_samples,)``.

    For atoms among real numbers; counts are to be spread over their cells first (`dequantized`).
    Where the k-th neighbour is at the sample's own place, all that are there are neighbours.
    """
    from scipy.special import psi

    x, y = standardized(x), standardized(y)
    joint = np.hstack([x, y])
    distance, _ = nearest(joint, k, exclude)
    inside, tied = _tied(joint, distance, k, exclude)
    n_x, n_y = (
        np.where(
            tied,
            _closer(v, distance, inclusive=True, exclude=exclude),
            _closer(v, distance, exclude=exclude),
        )
        for v in (x, y)
    )
    total = _others(len(x), exclude) + 1
    return np.asarray(psi(inside) + np.log(total) - np.log(n_x + 1) - np.log(n_y + 1))


def ksg_conditional(x: Array, y: Array, z: Array, *, k: int = 5, exclude: int = 0) -> float:
    """Return I(X; Y | Z) in nats (Frenzel & Pompe 2007, equation 6)."""
    return float(ksg_conditional_local(x, y, z, k=k, exclude=exclude).mean())


def ksg_conditional_local(x: Array, y: Array, z: Array, *, k: int = 5, exclude: int = 0) -> Array:
    """Return each sample's share of I(X; Y | Z) in nats, shape ``(n_samples,)``."""
    from scipy.special import psi

    x, y, z = standardized(x), standardized(y), standardized(z)
    joint = np.hstack([x, y, z])
    distance, _ = nearest(joint, k, exclude)
    # Repeated values: all samples at that place (Mesner & Shalizi 2020).
    inside, tied = _tied(joint, distance, k, exclude)

    def near(points: Array) -> Array:
        open_count = _closer(points, distance, exclude=exclude)
        if not tied.any():
            return open_count
        closed = _closer(points, distance, inclusive=True, exclude=exclude)
        return np.where(tied, closed - 1, open_count)

    n_xz, n_yz, n_z = near(np.hstack([x, z])), near(np.hstack([y, z])), near(z)
    return np.asarray(psi(inside) - psi(n_xz + 1) - psi(n_yz + 1) + psi(n_z + 1))


def _tied(joint: Array, distance: Array, k: int, exclude: int) -> tuple[Array, NDArray[np.bool_]]:
    """Return how many neighbours each sample has, and whether they are all at its own place.

    Parameters
    ----------
    joint : ndarray, shape (n_samples, n_features)
    distance : ndarray, shape (n_samples,)
        To the k-th neighbour.
    k, exclude : int
    """
    tied = distance == 0
    if not tied.any():
        return np.full(len(joint), float(k)), tied
    every = _closer(joint, distance, inclusive=True, exclude=exclude)
    return np.where(tied, every, float(k)), tied


def ross(labels: NDArray[np.integer], y: Array, *, k: int = 5, exclude: int = 0) -> float:
    """Return I(L; Y) in nats of discrete labels and continuous samples (Ross 2014, equation 2)."""
    return float(np.nanmean(ross_local(labels, y, k=k, exclude=exclude)))


def ross_local(labels: NDArray[np.integer], y: Array, *, k: int = 5, exclude: int = 0) -> Array:
    """Return each sample's share of Ross' estimate in nats, shape ``(n_samples,)``.

    NaN where a label has no other sample outside the excluded ones: it carries no neighbour.
    """
    from scipy.special import psi

    y = standardized(y)
    _, label, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    time = np.arange(len(y))
    distance = np.full(len(y), np.nan)
    used = np.full(len(y), np.nan)
    same = np.full(len(y), np.nan)
    for index in np.flatnonzero(sizes > 1):
        members = np.flatnonzero(label == index)
        left = _others_in(time[members], exclude)
        ok = left > 0
        if not ok.any():
            continue
        reach = int(min(k, left[ok].min()))
        found, _ = nearest(y[members], reach, exclude, time=time[members])
        distance[members] = np.where(ok, found, np.nan)
        used[members] = reach
        same[members] = left
    kept = np.isfinite(distance)
    around = np.full(len(y), np.nan)
    around[kept] = _closer(y, np.where(kept, distance, 0.0), inclusive=True, exclude=exclude)[kept]
    total = _others(len(y), exclude) + 1
    out = np.full(len(y), np.nan)
    out[kept] = (psi(total) + psi(used) - psi(same + 1) - psi(np.maximum(around, 1)))[kept]
    return out


def standardized(values: Array) -> Array:
    """Return each column with mean 0 and standard deviation 1; constants become 0."""
    values = near_one(np.asarray(values, dtype=np.float64))
    spread = values.std(axis=0)
    return np.ascontiguousarray((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _others(n: int, exclude: int) -> Array:
    """Return how many samples each of `n` may have as neighbours."""
    return _others_in(np.arange(n), exclude)


def _others_in(time: NDArray[np.int64], exclude: int) -> Array:
    first = np.searchsorted(time, time - exclude, side="left")
    last = np.searchsorted(time, time + exclude, side="right")
    return np.asarray(len(time) - (last - first), dtype=np.float64)


def nearest(
    points: Array, k: int, exclude: int = 0, *, time: NDArray[np.int64] | None = None
) -> tuple[Array, NDArray[np.int64]]:
    """Return the distance to each point's k-th neighbour, and which the k neighbours are.

    Points whose times differ by at most `exclude` are no neighbours.
    """
    n = len(points)
    when = np.arange(n) if time is None else time
    most = min(n, k + 2 * exclude + 1)
    tree = scipy.spatial.cKDTree(points)
    reach = np.empty(n)
    neighbours = np.empty((n, k), dtype=np.int64)
    # Few of the samples that are near in time are nearer in value than the k-th neighbour, so a
    # short list is nearly always enough; who finds too few in it asks for a longer one.
    rows, asked = np.arange(n), min(most, k + 1 + _SPARE)
    while len(rows):
        short = []
        for block in np.array_split(rows, -(-len(rows) * asked // _ASKED)):
            distance, index = tree.query(points[block], k=asked, p=np.inf)
            distance, index = distance.reshape(len(block), -1), index.reshape(len(block), -1)
            banned = np.abs(when[index] - when[block, None]) <= exclude
            if not exclude:
                # Among repeated points the query may leave a point out of its own list; its last
                # entry goes.
                banned[~banned.any(axis=1), -1] = True
            # Stable: those allowed come first, nearest first.
            order = np.argsort(banned, axis=1, kind="stable")[:, :k]
            reach[block] = np.take_along_axis(distance, order, 1)[:, -1]
            neighbours[block] = np.take_along_axis(index, order, 1)
            short.append(block[(~banned).sum(axis=1) < k])
        if asked == most:
            break
        rows, asked = np.concatenate(short), min(most, 4 * asked)
    return reach, neighbours


def _all_pairs(x: Array, y: Array, k: int, exclude: int = 0) -> tuple[Array, Array]:
    """Return how many other points are closer than the k-th joint neighbour, in x and in y."""
    import torch

    a, b = torch.from_numpy(x), torch.from_numpy(y)
    when = torch.arange(len(x))
    counts = []
    for start in range(0, len(x), _ROWS):
        rows = slice(start, start + _ROWS)
        in_x, in_y = (torch.cdist(v[rows], v, p=float("inf")) for v in (a, b))
        near = (when[rows, None] - when).abs() <= exclude
        in_x, in_y = in_x.masked_fill(near, torch.inf), in_y.masked_fill(near, torch.inf)
        reach = torch.maximum(in_x, in_y).topk(k, largest=False).values[:, -1:]
        counts.append(torch.stack([(d < reach).sum(1) for d in (in_x, in_y)]))
    n_x, n_y = torch.cat(counts, 1).double().numpy()
    return n_x, n_y


def _closer(points: Array, reach: Array, *, inclusive: bool = False, exclude: int = 0) -> Array:
    """Return how many other points lie closer than each point's reach (or as close)."""
    # The joint distance may differ in the last bit from the one measured here.
    radius = reach * (1 + 1e-12) if inclusive else reach * (1 - 1e-12)
    if points.shape[1] == 1:
        line = np.sort(points[:, 0])
        low = np.searchsorted(line, points[:, 0] - radius, side="left")
        high = np.searchsorted(line, points[:, 0] + radius, side="right")
        count = high - low
    else:
        tree = scipy.spatial.cKDTree(points)
        count = tree.query_ball_point(points, radius, p=np.inf, return_length=True)
    columns = np.ascontiguousarray(points.T)
    for lag in range(1, exclude + 1):
        step = np.abs(columns[0, lag:] - columns[0, :-lag])
        for column in columns[1:]:
            np.maximum(step, np.abs(column[lag:] - column[:-lag]), out=step)
        count[lag:] -= step <= radius[lag:]
        count[:-lag] -= step <= radius[:-lag]
    nothing = 0 if inclusive else (reach == 0)
    others: Array = np.maximum(count - 1, 0) * (1.0 - nothing)
    return others
