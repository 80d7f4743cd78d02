"""Mutual information of normal variables, and of those that a Gaussian copula joins.

Ince et al. 2017 (Human Brain Mapping 38:1541): marginals are turned into normal ones by their
ranks, and the normal entropies are corrected for the bias of small samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, psi
from scipy.stats import rankdata

Array = NDArray[np.float64]


def gaussian(x: Array, y: Array) -> float:
    """Return I(X; Y) in nats as if X and Y were jointly normal; CCA's −½ Σ log(1 − ρ²)."""
    return _entropy(x) + _entropy(y) - _entropy(np.hstack([x, y]))


def gcmi(x: Array, y: Array) -> float:
    """Return I(X; Y) in nats under a Gaussian copula, a lower bound for any marginals."""
    return gaussian(copula_normal(x), copula_normal(y))


def gcmi_conditional(x: Array, y: Array, z: Array) -> float:
    """Return I(X; Y | Z) in nats under a Gaussian copula."""
    x, y, z = copula_normal(x), copula_normal(y), copula_normal(z)
    return (
        _entropy(np.hstack([x, z]))
        + _entropy(np.hstack([y, z]))
        - _entropy(np.hstack([x, y, z]))
        - _entropy(z)
    )


def copula_normal(values: Array) -> Array:
    """Return the normal scores of each column, ``Φ⁻¹(rank / (n + 1))``."""
    scores: Array = ndtri(rankdata(values, axis=0) / (len(values) + 1))
    return scores


def _entropy(values: Array) -> float:
    """Return the entropy of a normal variable in nats, without the constant ½ d log 2πe.

    The expected log determinant of a sample covariance is known (Misra, Singh & Demchuk 2005),
    so its bias is taken off.
    """
    n, d = values.shape
    centred = values - values.mean(axis=0)
    sign, log_determinant = np.linalg.slogdet(centred.T @ centred / (n - 1))
    if sign <= 0:
        return -np.inf
    terms = psi((n - np.arange(1, d + 1)) / 2)
    bias = (d * np.log(2 / (n - 1)) + terms.sum()) / 2
    return float(log_determinant / 2 - bias)
