"""Sampling and densities of Gaussian mixtures, compiled."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np

from neuroloom.circuit_inference._compiled import compiled


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


@compiled
def log_density(log_weights, means, factors, points, out):
    """Write the log density of one point per row into `out` (n_rows,)."""
    n_rows, n_components = log_weights.shape
    d = means.shape[2]
    whitened, terms = np.empty(d), np.empty(n_components)
    for row in range(n_rows):
        largest = -np.inf
        for k in range(n_components):
            total = log_weights[row, k] - 0.5 * d * np.log(2 * np.pi)
            for i in range(d):
                value = points[row, i] - means[row, k, i]
                for j in range(i):
                    value -= factors[row, k, i, j] * whitened[j]
                whitened[i] = value / factors[row, k, i, i]
                total -= 0.5 * whitened[i] ** 2 + np.log(factors[row, k, i, i])
            terms[k] = total
            largest = max(largest, total)
        sum_ = 0.0
        for k in range(n_components):
            sum_ += np.exp(terms[k] - largest)
        out[row] = largest + np.log(sum_)
