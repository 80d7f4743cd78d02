"""Mutual information of normal variables, and of those that a Gaussian copula joins.

Ince et al. 2017 (Human Brain Mapping 38:1541): marginals are turned into normal ones by their
ranks, and the normal entropies are corrected for the bias of small samples (Misra, Singh &
Demchuk 2005). Directions along which a variable does not vary, a silent or a repeated channel, say
nothing and are left out; a direction that x and y share to the last digit has infinite
information, as it should.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.mi._errors import InsufficientDataError
from neuroloom.mi._statistics.scaling import near_one

Array = NDArray[np.float64]
_SILENT = 1e-10  # relative variance of a direction that does not vary
_COPY = 1e-10  # 1 − ρ² of a direction that is shared exactly


def gaussian(x: Array, y: Array) -> float:
    """Return I(X; Y) in nats as if X and Y were jointly normal; CCA's −½ Σ log(1 − ρ²)."""
    return float(gaussian_local(x, y).mean())


def gaussian_local(x: Array, y: Array) -> Array:
    """Return each sample's share of `gaussian`: log density ratio, less the bias of the mean."""
    a, b = whitened(x), whitened(y)
    _check_size("x and y", len(x), a.shape[1] + b.shape[1])
    return _local(a, b)


def gcmi(x: Array, y: Array) -> float:
    """Return I(X; Y) in nats under a Gaussian copula."""
    return gaussian(copula_normal(x), copula_normal(y))


def gcmi_local(x: Array, y: Array) -> Array:
    """Return each sample's share of `gcmi` in nats, shape ``(n_samples,)``."""
    return gaussian_local(copula_normal(x), copula_normal(y))


def gcmi_conditional(x: Array, y: Array, z: Array) -> float:
    """Return I(X; Y | Z) in nats under a Gaussian copula."""
    return float(gcmi_conditional_local(x, y, z).mean())


def gcmi_conditional_local(x: Array, y: Array, z: Array) -> Array:
    """Return each sample's share of `gcmi_conditional` in nats, shape ``(n_samples,)``."""
    return gaussian_conditional_local(copula_normal(x), copula_normal(y), copula_normal(z))


def gaussian_conditional_local(x: Array, y: Array, z: Array) -> Array:
    """Return each sample's share of I(X; Y | Z) in nats as if all were jointly normal."""
    both, own = whitened(np.hstack([x, z])), whitened(z)
    other = _unknown(whitened(y), own)
    _check_size("x, y and z", len(x), both.shape[1] + other.shape[1])
    # I(XZ; Y) − I(Z; Y), one chain rule for normal variables.
    return _local(both, other) - _local(own, other)


def _unknown(values: Array, given: Array) -> Array:
    """Return the coordinates of whitened `values` that `given` does not say to the last digit.

    Of what is known already nothing can be learned.
    """
    _, rho, right = np.linalg.svd(given.T @ values / (len(values) - 1))
    n_known = int((1 - np.minimum(rho, 1.0) ** 2 < _COPY).sum())
    return values @ right[n_known:].T if n_known else values


def copula_normal(values: Array) -> Array:
    """Return the normal scores of each column, ``Φ⁻¹(rank / (n + 1))``."""
    scores: Array = scipy.special.ndtri(scipy.stats.rankdata(values, axis=0) / (len(values) + 1))
    return scores


def whitened(values: Array) -> Array:
    """Return uncorrelated coordinates of unit variance that span `values`, silent ones left out."""
    values = near_one(values)
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    centred = centred[:, spread > 0] / spread[spread > 0]
    left, power, _ = np.linalg.svd(centred, full_matrices=False)
    kept = power**2 > _SILENT * max(float((power**2).sum()), 1e-300)
    out: Array = left[:, kept] * np.sqrt(len(values) - 1)
    return out


def _local(a: Array, b: Array) -> Array:
    """Return local information of whitened variables, with the bias of the mean taken off."""
    n = len(a)
    if not a.shape[1] or not b.shape[1]:
        return np.zeros(n)
    left, rho, right = np.linalg.svd(a.T @ b / (n - 1), full_matrices=False)
    rest = 1 - np.minimum(rho, 1.0) ** 2
    if (rest < _COPY).any():
        return np.full(n, np.inf)
    u, v = a @ left, b @ right.T
    local = -0.5 * np.log(rest).sum() + (
        (2 * rho * u * v - rho**2 * (u**2 + v**2)) / (2 * rest)
    ).sum(axis=1)
    bias = (
        entropy_bias(n, a.shape[1])
        + entropy_bias(n, b.shape[1])
        - entropy_bias(n, a.shape[1] + b.shape[1])
    )
    return np.asarray(local - local.mean() - 0.5 * np.log(rest).sum() - bias)


def entropy_bias(n: int, d: int) -> float:
    """Return what the normal entropy of `n` samples of `d` features lacks on average, in nats."""
    terms = scipy.special.psi((n - np.arange(1, d + 1)) / 2)
    return float((d * np.log(2 / (n - 1)) + terms.sum()) / 2)


def _check_size(what: str, n: int, d: int) -> None:
    if n < d + 2:
        raise InsufficientDataError(
            f"expected more samples than the {d} features of {what} together, got {n}; use fewer "
            "features or estimator='lmi'"
        )
