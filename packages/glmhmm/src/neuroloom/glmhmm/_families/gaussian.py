"""Real values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.links import Link, identity

Array = Any


@dataclass(frozen=True, repr=False)
class GaussianObservations(Observations):
    """Real values with mean μ and variance scale.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.GaussianObservations()
    GaussianObservations()
    """

    has_scale = True
    unbounded = True
    positive_mean = False

    @property
    def default_inverse_link_function(self) -> Link:
        """The identity."""
        return identity

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return −(y − μ)²/(2 scale) − ½ log(2π scale)."""
        return -0.5 * ((y - link(eta)) ** 2 / scale + jnp.log(2 * jnp.pi * scale))

    def best_scale(self, y: Array, eta: Array, weight: Array, link: Link) -> Array | None:
        """Return the weighted sum of squared residuals."""
        return jnp.sum(weight * (y - link(eta)) ** 2, axis=-1)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a value for each mean."""
        return rng.normal(mean, np.sqrt(scale) * np.ones_like(mean))

    def scale_unit(self, y: NDArray[np.float64]) -> float:
        """Return the variance; of constant values, their square or one."""
        spread = float(np.var(y)) if len(y) else 1.0
        size = float(np.mean(y**2)) if len(y) else 1.0
        return spread if spread > 1e-28 * size and spread > 0 else size or 1.0

    def predictor_unit(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return the standard deviations, where the predictor is the mean."""
        scale = self.start_scale(y)
        return np.sqrt(scale) if link is identity else np.ones_like(scale)

    def moved_by_units(self, link: Link) -> Any:
        """Return whether the predictor is the mean, which has the origin of y."""
        return link is identity
