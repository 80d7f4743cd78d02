"""What endless data would add to a nearly linear dependence: squares and products, debiased.

High-dimensional recordings are often bent images of few normal latents. Their linear part is
learned from few samples; the bend has many small terms, each too weak to be learned, that carry
a good part of the information together. Such a sum can be *estimated* without learning its terms,
as an adjusted R² can: with ``u`` and ``v`` the leading coordinates of x and y and ``q`` their
squares and products,

    I(X; Y) ≥ h(v) − h(v | q(u)) ≥ h(v) − ½ log det 2πe Cov(v − E[v | q(u)])

(Barber & Agakov 2003 with a Gaussian decoder), where the residual covariance is divided by its
degrees of freedom and log determinants are corrected as Wishart ones. The gain over the linear
decoder is added for both directions. Blocks of samples are jackknifed, so correlation in time,
which leaves fewer degrees of freedom than samples, costs its bias too.

``h(v)`` must be close to a normal entropy. Coordinates that are themselves squares of stronger
ones would count twice; the number of coordinates is cut where their joint negentropy shows that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import psi

from neuroloom.mi import _baseline
from neuroloom.shared import Seed

Array = NDArray[np.float64]
MOST = 12
_SAMPLES_PER_TERM = 10
_BLOCKS = 10
_NOT_NORMAL = 0.2  # share of the linear information that coordinates may lack to be normal
_LITTLE = 0.02


@dataclass(frozen=True)
class SecondOrder:
    """Information in nats: of the linear part, with second order, and the errors.

    Attributes
    ----------
    linear, mi : float
        Without and with second-order terms.
    error, gain_error : float
        Standard errors of `mi` and of what second order adds to it.
    n_coordinates : int
    """

    linear: float
    mi: float
    error: float
    gain_error: float
    n_coordinates: int

    @property
    def clear(self) -> bool:
        """Whether second-order terms add something."""
        return self.mi - self.linear > max(2 * self.gain_error, _LITTLE)


def second_order(x: Array, y: Array, seed: Seed) -> SecondOrder:
    """Return the debiased information of linear and second-order terms.

    Parameters
    ----------
    x, y : ndarray, shape (n_samples, n_features)
        Samples in order of time, marginals about normal.
    seed : Seed
    """
    n = len(x)
    fitted = _baseline.fit(x, y, seed.child("second order").generator())
    strongest = np.argsort(fitted.rho)[::-1]
    most = max(1, int(np.sqrt(2 * n / _SAMPLES_PER_TERM)) - 1)
    strongest = strongest[: min(MOST, most)]
    u = _baseline.rank_normal((x - fitted.mean_x) @ fitted.map_x[:, strongest])
    v = _baseline.rank_normal((y - fitted.mean_y) @ fitted.map_y[:, strongest])
    k = len(strongest)
    while k > 1:
        allowed = max(_NOT_NORMAL * _linear(u[:, :k], v[:, :k]), _LITTLE)
        if max(negentropy(u[:, :k]), negentropy(v[:, :k])) <= allowed:
            break
        k -= 1
    u, v = u[:, :k], v[:, :k]
    whole = _value(u, v)
    left_out = np.arange(n) * _BLOCKS // n
    parts = np.array([_value(u[left_out != b], v[left_out != b]) for b in range(_BLOCKS)])
    value = _BLOCKS * whole - (_BLOCKS - 1) * parts.mean(axis=0)
    error, extra_error = (
        float(np.sqrt((_BLOCKS - 1) * p.var())) for p in (parts.sum(axis=1), parts[:, 1])
    )
    return SecondOrder(float(value[0]), float(value.sum()), error, extra_error, k)


def negentropy(values: Array) -> float:
    """Return how far second-order terms show that coordinates are not jointly normal, in nats.

    Each coordinate is explained by squares and products of those before it, beyond what they
    explain linearly.
    """
    total = 0.0
    for k in range(1, values.shape[1]):
        before, own = values[:, :k], values[:, k : k + 1]
        total += _decoder_entropy(before, own) - _decoder_entropy(products(before), own)
    return total


def products(values: Array) -> Array:
    """Return the columns of `values` and all their squares and products."""
    i, j = np.triu_indices(values.shape[1])
    return np.hstack([values, values[:, i] * values[:, j]])


def _value(u: Array, v: Array) -> Array:
    """Return the linear information and the gain of second order, in nats."""
    linear = _linear(u, v)
    gain_x = _decoder_entropy(u, v) - _decoder_entropy(products(u), v)
    gain_y = _decoder_entropy(v, u) - _decoder_entropy(products(v), u)
    return np.array([linear, gain_x + gain_y])


def _linear(u: Array, v: Array) -> float:
    return _decoder_entropy(u[:, :0], v) - _decoder_entropy(u, v)


def _decoder_entropy(features: Array, target: Array) -> float:
    """Return the normal entropy of what `features` leave of `target`, without ½ d log 2πe."""
    n, n_terms = features.shape
    d = target.shape[1]
    rest = target - target.mean(axis=0)
    if n_terms:
        basis, _ = np.linalg.qr(features - features.mean(axis=0))
        rest = rest - basis @ (basis.T @ rest)
    dof = n - 1 - n_terms
    _, log_determinant = np.linalg.slogdet(rest.T @ rest / dof)
    # Misra, Singh & Demchuk 2005: the expected log determinant of a Wishart matrix.
    bias = d * np.log(2 / dof) + psi((dof - np.arange(d)) / 2).sum()
    return float(log_determinant - bias) / 2
