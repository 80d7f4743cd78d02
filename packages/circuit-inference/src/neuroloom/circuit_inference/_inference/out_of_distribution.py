"""How far an observation lies outside the cloud of simulations.

Two distances in whitened features: Mahalanobis' from the whole cloud, and the mean distance to the
nearest simulations, which sees holes and bent clouds. Features that measure what no circuit
produces, the mains say, are kept out of both and judged by themselves. Each becomes a rank among
the simulations' own values, from clouds without them; the smallest, ranked again, is the p-value:
the share of simulations that lie at least as far out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    knots : ndarray, shape (n_knots, n_ordinary)
        Quantiles of each feature that is no artefact: features become normal scores.
    scores : ndarray, shape (n_knots,)
        Their normal scores.
    centre, whitening : ndarray
        Of the normal scores.
    points : ndarray, shape (n_rows, n_dimensions)
        The simulations, whitened.
    artefacts : ndarray of int, shape (n_artefacts,)
        Columns that measure what no circuit produces.
    units : ndarray, shape (n_artefacts,)
        The simulations' 99 % quantiles of them.
    mahalanobis, neighbours, oddities, combined : ndarray, shape (n_rows,)
        The simulations' own distances, largest artefacts in `units`, and smallest tails, sorted.
    """

    knots: Array
    scores: Array
    centre: Array
    whitening: Array
    points: Array
    artefacts: NDArray[np.int64]
    units: Array
    mahalanobis: Array
    neighbours: Array
    oddities: Array
    combined: Array

    @classmethod
    def of(cls, x: Array, artefacts: Sequence[int] = ()) -> SimulatedCloud:
        """Return the cloud of finite features, shape (n_rows, n_features)."""
        n = len(x)
        odd = np.array(artefacts, dtype=np.int64)
        cloud = cls._without_null(x, odd)
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
                far[out], near[out] = cls._without_null(x[~out], odd).distances(x[out])
        largest = cloud.oddity(x)
        cloud = replace(
            cloud,
            mahalanobis=np.sort(far),
            neighbours=np.sort(near),
            oddities=np.sort(largest),
        )
        return replace(cloud, combined=np.sort(cloud._smallest_tail(far, near, largest)))

    @classmethod
    def _without_null(cls, x: Array, artefacts: NDArray[np.int64]) -> SimulatedCloud:
        from scipy.special import ndtri

        n = len(x)
        units = np.maximum(np.quantile(x[:, artefacts], 0.99, axis=0), np.finfo(np.float64).tiny)
        x = np.delete(x, artefacts, axis=1)
        shares = np.linspace(0, 1, min(n, 101))
        knots = np.quantile(x, shares, axis=0)
        scores = ndtri(np.clip(shares, 0.5 / n, 1 - 0.5 / n))
        z = _normal_scores(x, knots, scores)
        centre = z.mean(axis=0)
        values, vectors = np.linalg.eigh((z - centre).T @ (z - centre) / max(n - 1, 1))
        kept = values > 1e-3 * values.max(initial=0.0)
        # A feature that never varies has no direction of its own: any other value is far away.
        constant = np.eye(z.shape[1])[:, knots[0] == knots[-1]]
        whitening = np.column_stack([vectors[:, kept] / np.sqrt(values[kept]), constant])
        nothing = np.empty(0)
        points = (z - centre) @ whitening
        return cls(
            knots, scores, centre, whitening, points, artefacts, units,
            nothing, nothing, nothing, nothing,
        )  # fmt: skip

    def distances(self, x: Array) -> tuple[Array, Array]:
        """Return Mahalanobis' and neighbours' distances of finite rows."""
        from scipy.spatial import KDTree

        ordinary = np.delete(x, self.artefacts, axis=1)
        points = (_normal_scores(ordinary, self.knots, self.scores) - self.centre) @ self.whitening
        far = np.sqrt((points**2).sum(axis=1))
        if not points.shape[1]:  # nothing but artefacts
            return far, far
        k = min(_NEIGHBOURS, len(self.points) - 1)
        near = KDTree(self.points).query(points, k=list(range(1, k + 1)))[0].mean(axis=1)
        return far, near

    def oddity(self, x: Array) -> Array:
        """Return the largest artefact of each row in `units`; zeros where there are none."""
        return np.asarray((x[:, self.artefacts] / self.units).max(axis=1, initial=0.0))

    def own_neighbours(self) -> Array:
        """Return each simulation's mean distance to its nearest other simulations."""
        from scipy.spatial import KDTree

        if not self.points.shape[1]:
            return np.zeros(len(self.points))
        k = min(_NEIGHBOURS, len(self.points) - 1)
        return np.asarray(KDTree(self.points).query(self.points, k=k + 1)[0][:, 1:].mean(axis=1))

    def _smallest_tail(self, far: Array, near: Array, odd: Array) -> Array:
        smallest = np.minimum(_tail(self.mahalanobis, far), _tail(self.neighbours, near))
        # Without artefacts all oddities are zero, and their tails one.
        return np.minimum(smallest, _tail(self.oddities, odd))

    def p_value(self, x: Array) -> Array:
        """Return the share of simulations at least as strange; NaN for rows that are not finite."""
        out = np.full(len(x), np.nan)
        good = np.isfinite(x).all(axis=1)
        if good.any():
            smallest = self._smallest_tail(*self.distances(x[good]), self.oddity(x[good]))
            n = len(self.combined)
            out[good] = (1 + np.searchsorted(self.combined, smallest, side="right")) / (n + 1)
        return np.asarray(np.minimum(out, 1.0))

    def score(self, x: Array) -> Array:
        """Return how strange each row is, without an upper end: for ranking (AUROC).

        The largest of both distances and the artefacts, each divided by the simulations' 99 %
        quantile.
        """
        out = np.full(len(x), np.nan)
        good = np.isfinite(x).all(axis=1)
        if good.any():
            far, near = self.distances(x[good])
            cloud = np.maximum(
                far / np.quantile(self.mahalanobis, 0.99),
                near / np.quantile(self.neighbours, 0.99),
            )
            out[good] = np.maximum(cloud, self.oddity(x[good]))
        return out

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return all arrays by name."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> SimulatedCloud:
        """Return the cloud of `arrays`."""
        return cls(**arrays)  # type: ignore[arg-type]


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
