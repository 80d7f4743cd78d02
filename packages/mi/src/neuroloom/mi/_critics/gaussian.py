"""What is known of a dependence before any network: the Gaussian copula, cross-validated.

Marginals are taken to normal ones, which keeps mutual information (each step is a bijection of
one feature). In the canonical coordinates ``u_k, v_k`` of the result, with correlations ``ρ_k``,
a Gaussian pair has the log density ratio

    log p(x, y) / p(x)p(y) = Σ_k −½ log(1 − ρ_k²) + (2ρ_k u_k v_k − ρ_k²(u_k² + v_k²)) / 2(1 − ρ_k²)

(e.g. Cover & Thomas 2006, §8.5), which is a product of features of x and features of y. Critics
learn what is missing from it. The correlations are those of held-out samples, so directions that
only fit noise get no weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[np.floating]
_Value = tuple[Array, Array, list[tuple[Array, Array]]]

MAX_PAIRS = 24
_FOLDS = 4
_STRONGEST = 0.9995
_SCORED = 500
_SCALES = (1.0, 0.75, 0.5, 0.25, 0.0)


def rank_normal(values: Array) -> NDArray[np.float64]:
    """Return each column's normal scores, ties sharing theirs; shape of `values`.

    Blom 1958's scores would reach the same ranks; ``(rank − ½) / n`` is symmetric.
    """
    from scipy.special import ndtri

    n = len(values)
    ranks = scipy.stats.rankdata(values, axis=0, method="average")
    scores = ndtri((ranks - 0.5) / n)
    spread = scores.std(axis=0)
    out: NDArray[np.float64] = (scores - scores.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return out


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian dependence in canonical coordinates.

    Attributes
    ----------
    scale : float
        What part of the log density ratio holds up on samples left out.
    project_x, project_y : tuple of ndarray, optional
        Mean and whitened principal axes of the subspace that carries the dependence, where a
        small one does; None where all features are used.
    held_out : float
        InfoNCE of the Gaussian's critic on samples left out, in nats.
    """

    mean_x: Array
    mean_y: Array
    map_x: Array  # (n_features_x, n_pairs)
    map_y: Array
    rho: Array  # (n_pairs,)
    scale: float = 1.0
    project_x: tuple[Array, Array] | None = None
    project_y: tuple[Array, Array] | None = None
    held_out: float = float("inf")

    @property
    def information(self) -> float:
        """Mutual information of the Gaussian in nats."""
        return float(-0.5 * np.log1p(-(self.rho**2)).sum())

    @property
    def shown(self) -> float:
        """What of `information` its critic shows on samples left out.

        Correlations of values that repeat may speak of more than there is.
        """
        return min(self.information, self.held_out)

    def features(
        self, x: Array, y: Array, offset: float = 0.0
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return features whose inner products are the log density ratio in nats, plus `offset`.

        Shapes (n, n_kept) for any `x` (n, n_features_x) and likewise for `y`.
        """
        u = (x - self.mean_x) @ self.map_x
        v = (y - self.mean_y) @ self.map_y
        left, right = _ratio_features(u, v, self.rho)
        left = left * self.scale
        left[:, -2] += offset
        # One width for all fits of these data, so that their critics can share a stack.
        n_more = min(MAX_PAIRS, x.shape[1], y.shape[1]) - len(self.rho)
        none = np.zeros((len(left), n_more))
        left, right = np.hstack([left, none]), np.hstack([right, none])
        return left.astype(np.float32), right.astype(np.float32)

    def reduce(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return the samples in the subspaces that carry the dependence."""
        out = []
        for values, project in ((x, self.project_x), (y, self.project_y)):
            out.append(values if project is None else (values - project[0]) @ project[1])
        return out[0], out[1]


def _ratio_features(u: Array, v: Array, rho: Array) -> tuple[Array, Array]:
    rest = 1 - rho**2
    constant = float(-0.5 * np.log(rest).sum())
    own_x = constant - (u**2) @ (rho**2 / (2 * rest))
    own_y = -(v**2) @ (rho**2 / (2 * rest))
    left = np.hstack([u * (rho / rest), own_x[:, None], np.ones((len(u), 1))])
    right = np.hstack([v, np.ones((len(v), 1)), own_y[:, None]])
    return left, right


class _Whitened:
    """Training samples of one variable on their principal axes, unit variance, strongest first."""

    def __init__(self, values: Array) -> None:
        self.mean = values.mean(axis=0)
        cov = np.atleast_2d(np.cov(values - self.mean, rowvar=False))
        power, axes = np.linalg.eigh(cov)
        order = np.argsort(power)[::-1]
        order = order[power[order] > 1e-7 * max(power.max(), 1e-30)]
        order = order[: max(1, len(order))] if len(order) else np.arange(1)
        self.axes = axes[:, order] / np.sqrt(np.maximum(power[order], 1e-12))

    def __call__(self, values: Array) -> Array:
        out: Array = (values - self.mean) @ self.axes
        return out


def _held_out(n_axes: int, a: Array, b: Array, ta: Array, tb: Array) -> tuple[Array, Array, Array]:
    """Return canonical pairs of test samples, and the correlations they have there."""
    left, _, right = np.linalg.svd(a[:, :n_axes].T @ b[:, :n_axes] / len(a), full_matrices=False)
    u = ta[:, :n_axes] @ left[:, :MAX_PAIRS]
    v = tb[:, :n_axes] @ right.T[:, :MAX_PAIRS]
    u0, v0 = u - u.mean(axis=0), v - v.mean(axis=0)
    rho = (u0 * v0).sum(0) / np.sqrt((u0**2).sum(0) * (v0**2).sum(0) + 1e-300)
    return u, v, rho


def _infonce(u: Array, v: Array, rho: Array, scales: Sequence[float] = (1.0,)) -> list[float]:
    """Return the InfoNCE bound of the Gaussian critic times each scale, in nats."""
    left, right = _ratio_features(u[:_SCORED], v[:_SCORED], rho)
    found = []
    for scale in scales:
        scores = scale * left @ right.T
        joint = np.diag(scores).copy()
        found.append(float(np.mean(joint - _log_sums(scores)) + np.log(len(scores))))
    return found


def _log_sums(scores: Array) -> Array:
    """Return the logarithm of each row's sum of exponentials; writes into `scores`.

    To the last bit scipy 1.17's ``logsumexp(scores, axis=1)``, without what that asks for each
    call: the largest terms are counted apart, so that small sums of the others keep their digits.
    """
    top = scores.max(axis=1, keepdims=True)
    largest = scores == top
    scores -= top
    np.exp(scores, out=scores)
    scores[largest] = 0.0
    n_largest = largest.sum(axis=1, dtype=scores.dtype)
    out: Array = np.log1p(scores.sum(axis=1) / n_largest) + np.log(n_largest) + top[:, 0]
    return out


def _sizes(most: int) -> list[int]:
    """Return numbers of axes to try, about 30 % apart."""
    tried = {most}
    size = 1.0
    while size < most:
        tried.add(round(size))
        size = max(size + 1, size * 1.3)
    return sorted(tried)


def fit(x: Array, y: Array, rng: np.random.Generator) -> Gaussian:
    """Return the Gaussian dependence of the rows of `x` and `y`.

    The number of principal axes and the strength of each canonical pair are those that hold on
    samples left out.

    Parameters
    ----------
    x, y : ndarray, shape (n, n_features)
        Samples, about standard normal.
    rng : Generator
        Draws the inner folds.
    """
    n = len(x)
    fold = rng.permutation(n) % _FOLDS
    parts: list[tuple[Array, ...]] = []
    for k in range(_FOLDS):
        test = np.flatnonzero(fold == k)
        wx, wy = _Whitened(x[fold != k]), _Whitened(y[fold != k])
        parts.append((wx(x[fold != k]), wy(y[fold != k]), wx(x[test]), wy(y[test])))
    size, clear, (whole, rho, pairs) = _chosen(parts, n)
    less = np.array([_infonce(u, v, rho, _SCALES[1:]) for u, v in pairs])
    found = [float(np.mean(values)) for values in (whole, *less.T)]
    held_out = max(found)
    scale = _SCALES[found.index(held_out)]
    wx, wy = _Whitened(x), _Whitened(y)
    a, b = wx(x)[:, :size], wy(y)[:, :size]
    left, _, right = np.linalg.svd(a.T @ b / n, full_matrices=False)
    n_pairs = min(len(rho), left.shape[1])
    keep = np.flatnonzero(rho[:n_pairs] > 0)
    keep = keep if len(keep) else np.arange(1)
    few_x, few_y = clear and size < wx.axes.shape[1], clear and size < wy.axes.shape[1]
    return Gaussian(
        wx.mean,
        wy.mean,
        wx.axes[:, :size] @ left[:, keep],
        wy.axes[:, :size] @ right.T[:, keep],
        rho[keep],
        scale,
        (wx.mean, wx.axes[:, :size]) if few_x else None,
        (wy.mean, wy.axes[:, :size]) if few_y else None,
        held_out,
    )


def _chosen(parts: list[tuple[Array, ...]], n: int) -> tuple[int, bool, _Value]:
    """Return how many axes hold up best, whether fewer do so clearly, and what they give."""
    smallest = [min(p[i].shape[1] for p in parts) for i in (0, 1)]
    sizes = _sizes(max(smallest))
    tried = {size: _value(size, parts, n) for size in sizes}
    best = max(sizes, key=lambda size: (tried[size][0].mean(), -size))
    for size in (best - 1, best + 1):
        if 1 <= size <= sizes[-1] and size not in tried:
            tried[size] = _value(size, parts, n)
    best = max(tried, key=lambda size: (tried[size][0].mean(), -size))
    gain = tried[best][0] - tried[sizes[-1]][0]
    clear = bool(gain.mean() > 2 * gain.std() / np.sqrt(_FOLDS) and gain.mean() > 0.01)
    size = best if clear else sizes[-1]
    return size, clear, tried[size]


def _value(size: int, parts: list[tuple[Array, ...]], n: int) -> _Value:
    """Return held-out InfoNCE of each inner fold, correlations that hold up, and the pairs."""
    pairs = [_held_out(size, *part) for part in parts]
    width = min(len(rho) for _, _, rho in pairs)
    held = np.array([rho[:width] for _, _, rho in pairs])
    noise = held.std(axis=0) / np.sqrt(len(held)) + 1 / np.sqrt(n)
    mean = held.mean(axis=0)
    rho = np.where(mean > noise, np.minimum(mean, _STRONGEST), 0.0)
    cut = [(u[:, :width], v[:, :width]) for u, v, _ in pairs]
    return np.array([_infonce(u, v, rho)[0] for u, v in cut]), rho, cut
