"""Recalibration of posteriors by where held-out truths fell in them.

If a posterior is calibrated, the truth's probability integral transform is uniform and its normal
score standard normal (Gneiting et al. 2007, J R Stat Soc B 69:243). Where held-out scores have
mean m and standard deviation s, draws are moved along their own order so that the scores become
standard: a shift and a temperature in normal scores, two numbers per parameter, so that a few
hundred held-out simulations settle them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._estimators.mixture import Marginals
from neuroloom.circuit_inference.errors import ArgumentError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recalibration:
    """Shift and scale of normal scores, per parameter.

    Attributes
    ----------
    shift, scale : ndarray, shape (n_parameters,)
        Mean and standard deviation of the held-out scores; 0 and 1 change nothing.
    """

    shift: Array
    scale: Array

    @classmethod
    def fit(cls, ranks: Array) -> Recalibration:
        """Return the recalibration of held-out ranks from 0 to 1, shape (n_rows, n_parameters)."""
        from scipy.special import ndtri

        if not ((ranks >= 0) & (ranks <= 1)).all():
            raise ArgumentError("ranks: expected values from 0 to 1")
        scores = ndtri(np.clip(ranks, 1e-4, 1 - 1e-4))
        return cls(scores.mean(axis=0), scores.std(axis=0))

    def towards(self, other: Recalibration, share: float) -> Recalibration:
        """Return the recalibration moved on in variance, by `share` of what it is from `other`."""
        square = self.scale**2 - share * (other.scale**2 - self.scale**2)
        return Recalibration(self.shift, np.sqrt(np.maximum(square, 0.25 * self.scale**2)))

    def shrunk(self, n: int) -> Recalibration:
        """Return the recalibration less what chance alone does with `n` held-out scores.

        Positive-part James-Stein towards no change, with standard errors 1/√n of the shift and
        1/√(2n) of the logarithm of the scale.
        """
        log_scale = np.log(self.scale)
        shift = self.shift * _kept(self.shift, 1 / np.sqrt(n))
        return Recalibration(shift, np.exp(log_scale * _kept(log_scale, 1 / np.sqrt(2 * n))))

    def apply(self, samples: Array) -> Array:
        """Return recalibrated draws, shape (n_rows, n_samples, n_parameters).

        Each draw keeps its rank: each parameter's draws are moved along their own
        distribution, so that correlations between parameters stay.
        """
        from scipy.special import ndtr, ndtri

        _, n, d = samples.shape
        out = np.empty_like(samples)
        places = ndtri((np.arange(n) + 0.5) / n)
        for j in range(d):
            wanted = ndtr(self.shift[j] + self.scale[j] * places) * n - 0.5
            left = np.clip(np.floor(wanted).astype(np.int64), 0, n - 2)
            share = np.clip(wanted - left, -2.0, 3.0)
            order = np.argsort(samples[:, :, j], axis=1)
            ordered = np.take_along_axis(samples[:, :, j], order, axis=1)
            moved = ordered[:, left] + share * (ordered[:, left + 1] - ordered[:, left])
            np.put_along_axis(out[:, :, j], order, moved, axis=1)
        return out

    def undo(self, points: Array, marginals: Marginals) -> tuple[Array, Array]:
        """Return where points come from, and the log of how much the way there stretches.

        The density of recalibrated draws at a point is that of the original ones at its origin,
        times the slope of the way back.

        Parameters
        ----------
        points : ndarray, shape (n_rows, n_parameters)
        marginals : Marginals
            Of the original distribution of each row.

        Returns
        -------
        origins : ndarray, shape (n_rows, n_parameters)
        log_slope : ndarray, shape (n_rows,)
        """
        from scipy.special import ndtr, ndtri

        tiny = 1e-15
        after = ndtri(np.clip(marginals.cdf(points), tiny, 1 - tiny))
        before = (after - self.shift) / self.scale
        origins = marginals.quantile(np.clip(ndtr(before), tiny, 1 - tiny))
        slope = marginals.log_pdf(points) - marginals.log_pdf(origins)
        slope += 0.5 * (after**2 - before**2) - np.log(self.scale)
        return origins, np.asarray(slope.sum(axis=1))

    def describe(self) -> dict[str, Any]:
        """Return the recalibration as JSON can hold it."""
        return {"shift": self.shift.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Recalibration:
        """Return what `describe` described."""
        return cls(np.array(description["shift"]), np.array(description["scale"]))


def _kept(estimate: Array, error: float) -> Array:
    return np.maximum(0.0, 1 - (error / np.maximum(np.abs(estimate), 1e-12)) ** 2)
