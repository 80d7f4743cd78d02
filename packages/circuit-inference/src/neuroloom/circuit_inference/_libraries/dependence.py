"""What parameters have to do with one another in a prior, whatever each by itself.

The parameters' normal scores follow a mixture of Gaussians of one covariance: a single one for a
normal copula, which a multivariate normal distribution has, or one around each sample for a prior
that is known from samples (a smoothed bootstrap that keeps the variance; Silverman & Young 1987,
Biometrika 74:469).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference.errors import PriorError

Array = NDArray[np.float64]
_MOST = 2000  # samples kept


@dataclass(frozen=True)
class Dependence:
    """A mixture of Gaussians of the parameters' normal scores.

    Parameters
    ----------
    centres : tuple of tuple of float
        Middle of each part, one number per parameter; all parts are equally likely.
    covariance : tuple of tuple of float
        Of each part.
    """

    centres: tuple[tuple[float, ...], ...]
    covariance: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        centres, covariance = np.array(self.centres), np.array(self.covariance)
        d = len(self.covariance)
        if centres.ndim != 2 or centres.shape[1] != d or covariance.shape != (d, d):
            raise PriorError(
                f"covariance: expected one row and column per parameter ({centres.shape[-1]}), "
                f"got {covariance.shape}"
            )
        # Parameters that are functions of one another have no density, but rounding makes them so.
        symmetric = np.allclose(covariance, covariance.T)
        if not symmetric or np.linalg.eigvalsh(covariance).min() <= 0:
            raise PriorError("covariance: expected a symmetric, positive definite matrix")

    @classmethod
    def of_correlation(cls, correlation: Array) -> Self:
        """Return the normal copula of a correlation matrix."""
        return cls(((0.0,) * len(correlation),), _rows(correlation))

    @classmethod
    def of_scores(cls, scores: Array) -> Self:
        """Return the dependence of samples' normal scores, shape (n_rows, n_parameters)."""
        n, d = scores.shape
        if n > _MOST:
            scores = scores[np.linspace(0, n - 1, _MOST).astype(np.int64)]
        width = (4 / (d + 2)) ** (1 / (d + 4)) * len(scores) ** (-1 / (d + 4))
        width = min(width, 0.9)
        middle = scores.mean(axis=0)
        centres = middle + np.sqrt(1 - width**2) * (scores - middle)
        own = np.cov(scores.T).reshape(d, d) + 1e-9 * np.eye(d)
        return cls(_rows(centres), _rows(width**2 * own))

    def draw(self, rng: np.random.Generator) -> Array:
        """Return the probabilities below the parameters of one draw, shape (n_parameters,)."""
        from scipy.special import ndtr

        centre = np.array(self.centres[int(rng.integers(len(self.centres)))])
        factor = np.linalg.cholesky(np.array(self.covariance))
        return np.asarray(ndtr(centre + factor @ rng.standard_normal(len(centre))))

    def beside(self, before: int, after: int) -> Dependence:
        """Return the same among other, independent parameters before and after these."""
        d = len(self.covariance)
        covariance = np.eye(before + d + after)
        covariance[before : before + d, before : before + d] = self.covariance
        first, last = (0.0,) * before, (0.0,) * after
        return Dependence(
            tuple(first + tuple(row) + last for row in self.centres), _rows(covariance)
        )

    def describe(self) -> dict[str, Any]:
        """Return the dependence as JSON can hold it."""
        return {"centres": [list(r) for r in self.centres], "covariance": list(self.covariance)}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """Return what `describe` described."""
        return cls(
            _rows(np.array(description["centres"], dtype=np.float64)),
            _rows(np.array(description["covariance"], dtype=np.float64)),
        )


def _rows(values: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(x) for x in row) for row in np.asarray(values))
