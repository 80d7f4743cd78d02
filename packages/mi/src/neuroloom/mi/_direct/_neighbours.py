"""Mutual information from distances to nearest neighbours, in the maximum norm.

Kraskov, Stögbauer & Grassberger 2004 (equations 8 and 9); Frenzel & Pompe 2007 for conditional
information; Ross 2014 for one discrete variable; Gao, Kannan, Oh & Viswanath 2017 for repeated
values and mixtures.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import psi

Array = NDArray[np.float64]
_TREE_DIMS = 12  # trees look at nearly all points beyond; plain distances are faster
_ROWS = 500


def ksg(x: Array, y: Array, *, k: int = 5, variant: Literal[1, 2] = 1) -> float:
    """Return I(X; Y) in nats by KSG's first or second estimator."""
    return float(ksg_local(x, y, k=k, variant=variant).mean())


def ksg_local(x: Array, y: Array, *, k: int = 5, variant: Literal[1, 2] = 1) -> Array:
    """Return each sample's share of KSG's estimate in nats, shape ``(n_samples,)``."""
    x, y = standardized(x), standardized(y)
    n = len(x)
    if variant == 1 and x.shape[1] + y.shape[1] > _TREE_DIMS:
        n_x, n_y = _all_pairs(x, y, k)
        return np.asarray(psi(k) + psi(n) - psi(n_x + 1) - psi(n_y + 1))
    distance, neighbours = _nearest(np.hstack([x, y]), k)
    if variant == 1:
        n_x = _closer(x, distance)
        n_y = _closer(y, distance)
        share: Array = psi(k) + psi(n) - psi(n_x + 1) - psi(n_y + 1)
        return share
    reach_x = np.abs(x[neighbours] - x[:, None]).max(axis=(1, 2))
    reach_y = np.abs(y[neighbours] - y[:, None]).max(axis=(1, 2))
    n_x = _closer(x, reach_x, inclusive=True)
    n_y = _closer(y, reach_y, inclusive=True)
    share = psi(k) - 1 / k + psi(n) - psi(n_x) - psi(n_y)
    return share


def ksg_mixed(x: Array, y: Array, *, k: int = 5) -> float:
    """Return I(X; Y) in nats where values repeat or mix atoms with a density (Gao et al. 2017).

    Where the k-th neighbour lies at distance 0, all samples at that place count as neighbours.
    """
    x, y = standardized(x), standardized(y)
    joint = np.hstack([x, y])
    distance, _ = _nearest(joint, k)
    inside = np.full(len(x), float(k))
    atoms = distance == 0
    if atoms.any():
        inside[atoms] = _closer(joint, distance, inclusive=True)[atoms]
    n_x = np.where(atoms, _closer(x, distance, inclusive=True), _closer(x, distance))
    n_y = np.where(atoms, _closer(y, distance, inclusive=True), _closer(y, distance))
    return float(np.mean(psi(inside) + np.log(len(x)) - np.log(n_x + 1) - np.log(n_y + 1)))


def ksg_conditional(x: Array, y: Array, z: Array, *, k: int = 5) -> float:
    """Return I(X; Y | Z) in nats (Frenzel & Pompe 2007, equation 6)."""
    x, y, z = standardized(x), standardized(y), standardized(z)
    distance, _ = _nearest(np.hstack([x, y, z]), k)
    n_xz = _closer(np.hstack([x, z]), distance)
    n_yz = _closer(np.hstack([y, z]), distance)
    n_z = _closer(z, distance)
    return float(np.mean(psi(k) - psi(n_xz + 1) - psi(n_yz + 1) + psi(n_z + 1)))


def ross(labels: NDArray[np.integer], y: Array, *, k: int = 5) -> float:
    """Return I(L; Y) in nats of discrete labels and continuous samples (Ross 2014, equation 2).

    Labels that occur once carry no neighbour and are left out.
    """
    y = standardized(y)
    names, label, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    kept = sizes[label] > 1
    y, label = y[kept], label[kept]
    distance = np.empty(len(y))
    used = np.empty(len(y))
    for index in range(len(names)):
        members = np.flatnonzero(label == index)
        if len(members):
            reach = min(k, len(members) - 1)
            distance[members], _ = _nearest(y[members], reach)
            used[members] = reach
    around = _closer(y, distance, inclusive=True)
    return float(
        np.mean(psi(len(y)) + psi(used) - psi(sizes[sizes > 1].repeat(sizes[sizes > 1])))
        - np.mean(psi(around))
    )


def standardized(values: Array) -> Array:
    """Return each column with mean 0 and standard deviation 1; constants become 0."""
    spread = values.std(axis=0)
    return np.ascontiguousarray((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _nearest(points: Array, k: int) -> tuple[Array, NDArray[np.int64]]:
    """Return the distance to each point's k-th neighbour, and which the k neighbours are."""
    distance, index = cKDTree(points).query(points, k=k + 1, p=np.inf)
    own = index == np.arange(len(points))[:, None]
    # Among repeated points the query may leave a point itself out; then its last entry goes.
    own[~own.any(axis=1), -1] = True
    return distance[:, -1], index[~own].reshape(len(points), k)


def _all_pairs(x: Array, y: Array, k: int) -> tuple[Array, Array]:
    """Return how many other points are closer than the k-th joint neighbour, in x and in y."""
    import torch

    a, b = torch.from_numpy(x), torch.from_numpy(y)
    counts = []
    for start in range(0, len(x), _ROWS):
        rows = slice(start, start + _ROWS)
        in_x, in_y = (torch.cdist(v[rows], v, p=float("inf")) for v in (a, b))
        reach = torch.maximum(in_x, in_y).topk(k + 1, largest=False).values[:, -1:]
        counts.append(torch.stack([(d < reach).sum(1) for d in (in_x, in_y)]))
    n_x, n_y = torch.cat(counts, 1).clamp_(min=1).sub_(1).double().numpy()
    return n_x, n_y


def _closer(points: Array, reach: Array, *, inclusive: bool = False) -> Array:
    """Return how many other points lie closer than each point's reach (or as close)."""
    # The joint distance may differ in the last bit from the one measured here.
    radius = reach * (1 + 1e-12) if inclusive else reach * (1 - 1e-12)
    if points.shape[1] == 1:
        line = np.sort(points[:, 0])
        low = np.searchsorted(line, points[:, 0] - radius, side="left")
        high = np.searchsorted(line, points[:, 0] + radius, side="right")
        count = high - low
    else:
        tree = cKDTree(points)
        count = tree.query_ball_point(points, radius, p=np.inf, return_length=True)
    nothing = 0 if inclusive else (reach == 0)
    others: Array = np.maximum(count - 1, 0) * (1.0 - nothing)
    return others
