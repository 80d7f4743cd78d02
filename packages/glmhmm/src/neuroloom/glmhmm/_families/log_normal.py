"""Positive values whose logarithm is Gaussian, as reaction times often are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._families.base import check_positive
from neuroloom.glmhmm._families.gaussian import GaussianObservations
from neuroloom.glmhmm._families.links import Link

Array = Any


@dataclass(frozen=True, repr=False)
class LogNormalObservations(GaussianObservations):
    """Positive values; log y has mean μ (the link's output) and variance scale.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.LogNormalObservations()
    LogNormalObservations()
    """

    def base(self, y: Array) -> Array:
        """Return −log y."""
        return -jnp.log(y)

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return the Gaussian log density of log y."""
        return super().log_prob(jnp.log(y), eta, scale, link)

    def best_scale(self, y: Array, eta: Array, weight: Array, link: Link) -> Array | None:
        """Return the weighted sum of squared residuals of log y."""
        return super().best_scale(jnp.log(y), eta, weight, link)

    def mean(self, eta: Array, scale: Array, link: Link) -> Array:
        """Return exp(μ + scale/2)."""
        return jnp.exp(link(eta) + scale / 2)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a value for each mean."""
        spread = np.sqrt(scale) * np.ones_like(mean)
        return np.exp(rng.normal(np.log(mean) - spread**2 / 2, spread))

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are zero or negative."""
        check_positive(y, observed, "LogNormal")

    def mean_of(self, y: NDArray[np.float64]) -> float:
        """Return the mean of log y."""
        return float(np.mean(np.log(y)))

    def scale_unit(self, y: NDArray[np.float64]) -> float:
        """Return the variance of log y."""
        return super().scale_unit(np.log(y)) if len(y) else 1.0
