"""Positive values with the first-passage law of one boundary (Wald)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._families.base import Observations, check_positive, unit_through
from neuroloom.glmhmm._families.links import Link, log_mean

Array = Any


@dataclass(frozen=True, repr=False)
class InverseGaussianObservations(Observations):
    """Positive values with mean μ and variance scale·μ³.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.InverseGaussianObservations()
    InverseGaussianObservations()
    """

    has_scale = True
    unbounded = True

    @property
    def default_inverse_link_function(self) -> Link:
        """The exponential function."""
        return jnp.exp

    def base(self, y: Array) -> Array:
        """Return −½ log(2π y³)."""
        return -0.5 * jnp.log(2 * jnp.pi) - 1.5 * jnp.log(y)

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return −(y − μ)²/(2 scale μ² y) − ½ log scale."""
        log_mu = log_mean(link, eta)
        ok = jnp.isfinite(log_mu)
        inverse = jnp.exp(-jnp.where(ok, log_mu, 0.0))
        value = -0.5 * ((y * inverse - 1) ** 2 / (y * scale) + jnp.log(scale))
        return jnp.where(ok, value, -jnp.inf)

    def best_scale(self, y: Array, eta: Array, weight: Array, link: Link) -> Array | None:
        """Return the weighted sum of (y − μ)²/(μ² y)."""
        log_mu = log_mean(link, eta)
        ok = jnp.isfinite(log_mu)
        inverse = jnp.exp(-jnp.where(ok, log_mu, 0.0))
        return jnp.sum(jnp.where(ok, weight * (y * inverse - 1) ** 2 / y, 0.0), axis=-1)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a value for each mean."""
        return rng.wald(mean, 1 / np.asarray(scale))

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are zero or negative."""
        check_positive(y, observed, "InverseGaussian")

    def mean_of(self, y: Any) -> float:
        """Return the mean."""
        return float(np.mean(y))

    def scale_unit(self, y: Any) -> float:
        """Return 1/mean, the unit that the scale has."""
        return 1 / float(np.mean(y)) if len(y) else 1.0

    def predictor_unit(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return the unit of the mean, through the link."""
        return unit_through(link, y)

    def moved_by_units(self, link: Link) -> Any:
        """Return whether the predictor is the logarithm of the mean."""
        return link is jnp.exp
