"""How far an observation lies outside the cloud of simulations.

Three distances in normal scores of the features: Mahalanobis' from the whole cloud, the mean
distance to the nearest simulations, which sees holes and bent clouds, and the distance along the
directions in which simulations hardly vary, where every deviation is news. Features that measure
what no circuit produces, line noise say, are kept out of them and judged by themselves. Each
becomes a tail probability among the simulations' own values, from clouds without them; the
smallest, ranked again, is the p-value: the fraction of simulations that lie at least as far out.

Counting cannot give less than 1/(n + 1). Beyond the outermost simulation the tail goes on as
the power of the distance that the outer tenth of them follows, allowing for how few they are, so
that a cloud of 40 simulations can call an observation impossible too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NEIGHBOURS = 5
_FOLDS = 10
_FEWEST = 20  # simulations that a tail can be fitted to
_FLAT = 1e-3  # directions of less variance than this fraction of the largest are judged apart
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
    residual : ndarray, shape (n_ordinary, n_flat)
        Directions in which simulations hardly vary, each over its standard deviation.
    points : ndarray, shape (n_rows, n_dimensions)
        The simulations, whitened.
    artefacts : ndarray of int, shape (n_artefacts,)
        Columns that measure what no circuit produces.
    units : ndarray, shape (n_artefacts,)
        The simulations' 99 % quantiles of them.
    mahalanobis, neighbours, residuals, oddities, combined : ndarray, shape (n_rows,)
        The simulations' own distances, largest artefacts in `units`, and smallest tails, sorted.
    """

    knots: Array
    scores: Array
    centre: Array
    whitening: Array
    residual: Array
    points: Array
    artefacts: NDArray[np.int64]
    units: Array
    mahalanobis: Array
    neighbours: Array
    residuals: Array
    oddities: Array
    combined: Array

    @classmethod
    def of(cls, x: Array, artefacts: Sequence[int] = ()) -> SimulatedCloud:
        """Return the cloud of finite features, shape (n_rows, n_features)."""
        n = len(x)
        odd = np.array(artefacts, dtype=np.int64)
        cloud = cls._without_null(x, odd)
        n_folds = min(_FOLDS, n // 2)
        far, near, flat = np.empty(n), np.empty(n), np.empty(n)
        if n_folds < 2:
            far[:], near[:], flat[:] = cloud.distances(x)
        else:
            # The distances of simulations from clouds that they are not part of, as a
            # recording's will be: knots, covariance and neighbours know nothing of it either.
            fold = np.random.default_rng(n).permutation(np.arange(n) % n_folds)
            for k in range(n_folds):
                out = fold == k
                part = cls._without_null(x[~out], odd)
                far[out], near[out], flat[out] = part.distances(x[out])
        largest = cloud.oddity(x)
        cloud = replace(
            cloud,
            mahalanobis=np.sort(far),
            neighbours=np.sort(near),
            residuals=np.sort(flat),
            oddities=np.sort(largest),
        )
        tails = [_own_tail(values) for values in (far, near, flat, largest)]
        return replace(cloud, combined=np.sort(np.min(tails, axis=0)))

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that counting gives; smaller ones come from the fitted tail."""
        return 1 / (len(self.combined) + 1)

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
        # A feature that never varies has no direction of its own: any other value is far away.
        varies = knots[0] != knots[-1]
        constant = np.eye(z.shape[1])[:, ~varies]
        own = (z - centre)[:, varies]
        values, vectors = np.linalg.eigh(own.T @ own / max(n - 1, 1))
        largest = values.max(initial=1e-12)
        kept = values > _FLAT * largest
        directions = np.zeros((z.shape[1], len(values)))
        directions[varies] = vectors
        whitening = np.column_stack([directions[:, kept] / np.sqrt(values[kept]), constant])
        # A direction of no variance at all is known to rounding errors only.
        residual = directions[:, ~kept] / np.sqrt(np.maximum(values[~kept], 1e-12 * largest))
        nothing = np.empty(0)
        points = (z - centre) @ whitening
        return cls(
            knots, scores, centre, whitening, residual, points, artefacts, units,
            nothing, nothing, nothing, nothing, nothing,
        )  # fmt: skip

    def distances(self, x: Array) -> tuple[Array, Array, Array]:
        """Return Mahalanobis' and neighbours' distances of finite rows, and those along the rest.

        The last are distances along the directions in which simulations hardly vary.
        """
        from scipy.spatial import KDTree

        ordinary = np.delete(x, self.artefacts, axis=1)
        scores = _normal_scores(ordinary, self.knots, self.scores) - self.centre
        points = scores @ self.whitening
        far = np.sqrt((points**2).sum(axis=1))
        flat = np.sqrt(((scores @ self.residual) ** 2).sum(axis=1))
        if not points.shape[1]:  # nothing but artefacts
            return far, far, flat
        k = min(_NEIGHBOURS, len(self.points) - 1)
        near = KDTree(self.points).query(points, k=list(range(1, k + 1)))[0].mean(axis=1)
        return far, near, flat

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

    def _smallest_tail(self, far: Array, near: Array, flat: Array, odd: Array) -> Array:
        # Without artefacts or flat directions all of those are zero, and their tails one.
        tails = (
            (self.mahalanobis, far),
            (self.neighbours, near),
            (self.residuals, flat),
            (self.oddities, odd),
        )
        return np.asarray(np.min([_tail(own, values) for own, values in tails], axis=0))

    def p_value(self, x: Array) -> Array:
        """Return the fraction of simulations at least as far out; NaN for rows that are not finite.

        All are NaN where the cloud has fewer than 20 simulations: nothing can be said then.
        """
        out = np.full(len(x), np.nan)
        good = np.isfinite(x).all(axis=1)
        n = len(self.combined)
        if good.any() and n >= _FEWEST:
            smallest = self._smallest_tail(*self.distances(x[good]), self.oddity(x[good]))
            counted = np.searchsorted(self.combined, smallest, side="right")
            beyond = np.minimum(smallest / self.combined[0], 1.0)
            out[good] = np.where(counted > 0, 1 + counted, beyond) / (n + 1)
        return out

    def score(self, x: Array) -> Array:
        """Return how far out each row lies, without an upper end: for ranking (AUROC).

        The largest of the distances and the artefacts, each divided by the simulations' 99 %
        quantile.
        """
        out = np.full(len(x), np.nan)
        good = np.isfinite(x).all(axis=1)
        if good.any():
            owns = (self.mahalanobis, self.neighbours, self.residuals)
            parts = [
                values / max(float(np.quantile(own, 0.99)), 1e-300)
                for own, values in zip(owns, self.distances(x[good]), strict=True)
            ]
            out[good] = np.max([*parts, self.oddity(x[good])], axis=0)
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


def _own_tail(values: Array) -> Array:
    """Return each simulation's tail among the others: a recording has no place of its own there."""
    ordered = np.sort(values)
    n = len(values)
    tails = (n - np.searchsorted(ordered, values, side="left")) / n
    last = int(np.argmax(values))
    tails[last] = _tail(ordered[:-1], values[last : last + 1])[0] if n > 1 else 1.0
    return np.asarray(tails)


def _tail(ordered: Array, values: Array) -> Array:
    """Return the fraction of `ordered` at or above each value, below 1/(n + 1) by the fitted tail.

    The tail of the outer tenth of the distances, at least five, is taken for a power of them (Hill
    1975, Ann Stat 3:1163), heavier than any that distances in normal scores have. Its logarithms'
    mean excess s is known from k distances only, and an excess x over such a mean is distributed as
    Fisher's F with 2 and 2 k degrees of freedom: (1 + x / (k s))^-k of it lie farther.
    """
    n = len(ordered)
    counted = (1 + n - np.searchsorted(ordered, values, side="left")) / (n + 1)
    k = min(max(5, n // 10), n - 1)
    above = np.maximum(values - ordered[-1], 0.0)
    if k > 0 and ordered[n - k - 1] > 0:
        scale = float(np.mean(np.log(ordered[n - k :] / ordered[n - k - 1])))
        excess = np.log1p(above / ordered[-1])
    else:
        scale = float(np.mean(ordered[n - k :] - ordered[n - k - 1])) if k > 0 else 0.0
        excess = above
    if scale <= 0:  # all distances are the same: anything farther is outside
        return np.asarray(np.where(above > 0, np.exp(-np.minimum(above, 700.0)), counted))
    beyond = (1 + excess / (k * scale)) ** -k / (n + 1)
    return np.asarray(np.where(above > 0, beyond, counted))
