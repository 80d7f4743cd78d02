"""Closed forms of mutual information, in nats."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray


def normal(covariance: NDArray[np.float64], dim_x: int) -> float:
    """Return I(X; Y) of a joint normal distribution whose first `dim_x` coordinates are X.

    ½ log (det Σ_x · det Σ_y / det Σ).
    """
    whole = np.linalg.slogdet(covariance)[1]
    x = np.linalg.slogdet(covariance[:dim_x, :dim_x])[1]
    y = np.linalg.slogdet(covariance[dim_x:, dim_x:])[1]
    return float((x + y - whole) / 2)


def student(dim_x: int, dim_y: int, dof: float) -> float:
    """Return I(X; Y) of a joint Student distribution with identity dispersion.

    The common scale alone makes X and Y dependent: with h(ν) = log Γ(ν/2) − (ν/2) ψ(ν/2),
    I = h(ν) + h(ν + m + n) − h(ν + m) − h(ν + n)  (Arellano-Valle, Contreras-Reyes &
    Genton, Scand. J. Stat. 2013).
    """

    def h(nu: float) -> float:
        return float(scipy.special.gammaln(nu / 2) - nu / 2 * scipy.special.psi(nu / 2))

    return h(dof) + h(dof + dim_x + dim_y) - h(dof + dim_x) - h(dof + dim_y)


def additive_uniform(noise: float) -> float:
    """Return I(X; X + N) for X uniform on (0, 1) and N uniform on (−noise, noise)."""
    return float(noise - np.log(2 * noise)) if noise <= 0.5 else 1 / (4 * noise)
