"""Gaussian mixtures: what a network's outputs mean, densities, draws, and marginals.

The density that training differentiates is in `mdn_training`.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._compiled import compiled

Array = NDArray[np.float64]

FLOOR = 1e-3  # smallest standard deviation, in standardised unbounded units


@compiled
def draw(weights, means, factors, uniforms, normals, out):
    """Write draws of each row's mixture into `out` (n_rows, n_samples, d).

    `weights` (n_rows, k), `means` (n_rows, k, d), `factors` (n_rows, k, d, d): lower Cholesky
    factors of the covariances.
    """
    n_rows, n_components = weights.shape
    d = means.shape[2]
    cumulative = np.empty(n_components)
    for row in range(n_rows):
        total = 0.0
        for k in range(n_components):
            total += weights[row, k]
            cumulative[k] = total
        for s in range(uniforms.shape[1]):
            u = uniforms[row, s] * total
            k = 0
            while k < n_components - 1 and u >= cumulative[k]:
                k += 1
            for i in range(d):
                value = means[row, k, i]
                for j in range(i + 1):
                    value += factors[row, k, i, j] * normals[row, s, j]
                out[row, s, i] = value


def log_density(log_weights: Array, means: Array, factors: Array, points: Array) -> Array:
    """Return the log density of each row's mixture at its point, shape (n_rows,).

    Parameters
    ----------
    log_weights, means, factors : ndarray
        Shapes (n_rows, k), (n_rows, k, d) and (n_rows, k, d, d).
    points : ndarray, shape (n_rows, d)
    """
    from scipy.special import logsumexp

    rest = np.linalg.solve(factors, (points[:, None, :] - means)[..., None])[..., 0]
    log_det = np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(axis=-1)
    each = -0.5 * (rest**2).sum(axis=-1) - log_det - 0.5 * points.shape[1] * np.log(2 * np.pi)
    return np.asarray(logsumexp(log_weights + each, axis=1))


@dataclass(frozen=True, eq=False)
class Marginals:
    """The one-dimensional mixtures of each parameter.

    Attributes
    ----------
    weights : ndarray, shape (..., k)
    means, spreads : ndarray, shape (..., k, d)
    """

    weights: Array
    means: Array
    spreads: Array

    @classmethod
    def of(cls, weights: Array, means: Array, factors: Array) -> Marginals:
        """Return the marginals of mixtures with lower Cholesky factors (..., k, d, d)."""
        return cls(weights, means, np.sqrt((factors**2).sum(axis=-1)))

    def cdf(self, points: Array) -> Array:
        """Return the probability below points (n_rows, d), shape (..., n_rows, d)."""
        from scipy.special import ndtr

        z = (points[..., None, :] - self.means) / self.spreads
        # Weights add up to one but for rounding, and a probability is never more than one.
        below = (self.weights[..., None] * ndtr(z)).sum(axis=-2)
        return np.asarray(np.minimum(below, 1.0))

    def log_pdf(self, points: Array) -> Array:
        """Return the log density of each parameter by itself at points (n_rows, d)."""
        from scipy.special import logsumexp

        z = (points[..., None, :] - self.means) / self.spreads
        parts = -0.5 * z**2 - np.log(self.spreads) - 0.5 * np.log(2 * np.pi)
        return np.asarray(logsumexp(parts, axis=-2, b=self.weights[..., None]))

    def quantile(self, below: Array) -> Array:
        """Return the points with these probabilities below them, by bisection."""
        low = (self.means - 12 * self.spreads).min(axis=-2)
        high = (self.means + 12 * self.spreads).max(axis=-2)
        for _ in range(60):
            middle = (low + high) / 2
            left = self.cdf(middle) < below
            low, high = np.where(left, middle, low), np.where(left, high, middle)
        return np.asarray((low + high) / 2)


def n_outputs(n_components: int, d: int) -> int:
    """Return how many numbers describe a mixture of `n_components` in `d` dimensions."""
    return n_components * (1 + d + d * (d + 1) // 2)


def split_outputs(out: Array, k: int, d: int) -> tuple[Array, Array, Array]:
    """Return log weights, means and Cholesky factors of a network's raw outputs."""
    logits = out[..., :k]
    largest = logits.max(axis=-1, keepdims=True)
    log_weights = logits - largest
    log_weights = log_weights - np.log(np.exp(log_weights).sum(axis=-1, keepdims=True))
    means = out[..., k : k + k * d].reshape(*out.shape[:-1], k, d)
    raw = out[..., k + k * d :].reshape(*out.shape[:-1], k, d * (d + 1) // 2)
    factors = np.zeros((*out.shape[:-1], k, d, d))
    rows, columns = np.tril_indices(d)
    factors[..., rows, columns] = raw
    diagonal = np.arange(d)
    factors[..., diagonal, diagonal] = np.logaddexp(0, factors[..., diagonal, diagonal]) + FLOOR
    return log_weights, means, factors
