"""How far an observation lies outside the cloud of simulations.

Two distances in whitened features: Mahalanobis' from the whole cloud, and the mean distance to the
nearest simulations, which sees holes and bent clouds. Each becomes a rank among the simulations'
own distances, from clouds without them; the smaller of the two, ranked again, is the p-value: the
share of simulations that lie at least as far out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NEIGHBOURS = 5
_FOLDS = 10
_TAIL = 4.0  # normal scores of features beyond all simulations go on rising at this least slope


@dataclass(frozen=True, eq=False)
class SimulatedCloud:
    """The simulations' features, ready to say how strange an observation is.

    Attributes
    ----------
    knots : ndarray, shape (n_knots, n_features)
        Quantiles of each feature: features become normal scores.
    scores : ndarray, shape (n_knots,)
        Their normal scores.
    centre, whitening : ndarray
        Of the normal scores.
    points : ndarray, shape (n_rows, n_dimensions)
        The simulations, whitened.
    mahalanobis, neighbours, combined : ndarray, shape (n_rows,)
        The simulations' own distances, sorted.
    """

    knots: Array
    scores: Array
    centre: Array
    whitening: Array
    points: Array
    mahalanobis: Array
    neighbours: Array
    combined: Array

    @classmethod
    def of(cls, x: Array) -> SimulatedCloud:
        """Return the cloud of finite features, shape (n_rows, n_features)."""
        n = len(x)
        cloud = cls._without_null(x)
        n_folds = min(_FOLDS, n // 20)
        if n_folds < 2:
            far, near = np.sqrt((cloud.points**2).sum(axis=1)), cloud.own_neighbours()
        else:
            # The distances of simulations from clouds that they are not part of, as a
            # recording's will be: knots, covariance and neighbours know nothing of it either.
            far, near = np.empty(n), np.empty(n)
            fold = np.random.default_rng(n).permutation(np.arange(n) % n_folds)
            for k in range(n_folds):
                out = fold == k
                far[out], near[out] = cls._without_null(x[~out]).distances(x[out])
        sorted_far, sorted_near = np.sort(far), np.sort(near)
        both = np.minimum(_tail(sorted_far, far), _tail(sorted_near, near))
        return replace(
            cloud, mahalanobis=sorted_far, neighbours=sorted_near, combined=np.sort(both)
        )

    @classmethod
    def _without_null(cls, x: Array) -> SimulatedCloud:
        from scipy.special import ndtri

        n = len(x)
        shares = np.linspace(0, 1, min(n, 101))
        knots = np.quantile(x, shares, axis=0)
        scores = ndtri(np.clip(shares, 0.5 / n, 1 - 0.5 / n))
        z = _normal_scores(x, knots, scores)
        centre = z.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(z - centre, rowvar=False).reshape(z.shape[1], -1))
        kept = values > 1e-3 * values.max()
        whitening = vectors[:, kept] / np.sqrt(values[kept])
        nothing = np.empty(0)
        points = (z - centre) @ whitening
        return cls(knots, scores, centre, whitening, points, nothing, nothing, nothing)

    def distances(self, x: Array) -> tuple[Array, Array]:
        """Return Mahalanobis' and neighbours' distances of finite rows."""
        from scipy.spatial import KDTree

        points = (_normal_scores(x, self.knots, self.scores) - self.centre) @ self.whitening
        far = np.sqrt((points**2).sum(axis=1))
        k = min(_NEIGHBOURS, len(self.points) - 1)
        near = KDTree(self.points).query(points, k=list(range(1, k + 1)))[0].mean(axis=1)
        return far, near

    def own_neighbours(self) -> Array:
        """Return each simulation's mean distance to its nearest other simulations."""
        from scipy.spatial import KDTree

        k = min(_NEIGHBOURS, len(self.points) - 1)
        return np.asarray(KDTree(self.points).query(self.points, k=k + 1)[0][:, 1:].mean(axis=1))

    def p_value(self, x: Array) -> Array:
        """Return the share of simulations at least as strange; NaN for rows that are not finite."""
        out = np.full(len(x), np.nan)
        good = np.isfinite(x).all(axis=1)
        if good.any():
            far, near = self.distances(x[good])
            both = np.minimum(_tail(self.mahalanobis, far), _tail(self.neighbours, near))
            n = len(self.combined)
            out[good] = (1 + np.searchsorted(self.combined, both, side="right")) / (n + 1)
        return np.asarray(np.minimum(out, 1.0))

    def score(self, x: Array) -> Array:
        """Return how strange each row is, without an upper end: for ranking (AUROC).

        The larger of both distances, each divided by the simulations' 99 % quantile.
        """
        out = np.full(len(x), np.nan)
        good = np.isfinite(x).all(axis=1)
        if good.any():
            far, near = self.distances(x[good])
            out[good] = np.maximum(
                far / np.quantile(self.mahalanobis, 0.99),
                near / np.quantile(self.neighbours, 0.99),
            )
        return out

    def arrays(self) -> dict[str, Array]:
        """Return all arrays by name."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> SimulatedCloud:
        """Return the cloud of `arrays`."""
        return cls(**arrays)


def _normal_scores(x: Array, knots: Array, scores: Array) -> Array:
    out = np.empty_like(x)
    for j in range(x.shape[1]):
        levels, places = np.unique(knots[:, j], return_index=True)
        if levels.size == 1:  # the same in all simulations: any other value is strange
            unit = max(abs(levels[0]), 1.0) * 1e-6
            out[:, j] = np.clip((x[:, j] - levels[0]) / unit, -50, 50)
            continue
        last = np.append(places[1:], len(scores)) - 1
        middle = (scores[places] + scores[last]) / 2  # ties share their score
        out[:, j] = np.interp(x[:, j], levels, middle)
        spread = np.subtract(*np.quantile(knots[:, j], [0.95, 0.05])) / 3.29
        spread = spread if spread > 0 else (levels[-1] - levels[0]) / _TAIL
        out[:, j] += np.maximum(x[:, j] - levels[-1], 0) / spread
        out[:, j] -= np.maximum(levels[0] - x[:, j], 0) / spread
    return np.clip(out, -50, 50)


def _tail(ordered: Array, values: Array) -> Array:
    """Return the share of `ordered` at or above each value."""
    n = len(ordered)
    return np.asarray((1 + n - np.searchsorted(ordered, values, side="left")) / (n + 1))
