"""Positive values with a constant coefficient of variation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._families.base import Observations, check_positive, unit_through
from neuroloom.glmhmm._families.factorials import log_peak
from neuroloom.glmhmm._families.links import Link, log_mean, reciprocal

Array = Any


@dataclass(frozen=True, repr=False)
class GammaObservations(Observations):
    """Positive values with mean μ and shape 1/scale.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.GammaObservations()
    GammaObservations()
    """

    has_scale = True
    unbounded = True

    @property
    def default_inverse_link_function(self) -> Link:
        """The reciprocal, which is canonical."""
        return reciprocal

    def base(self, y: Array) -> Array:
        """Return −log y."""
        return -jnp.log(y)

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return s log(s y/μ) − s y/μ − log Γ(s) with s = 1/scale."""
        shape = 1 / scale
        log_mu = log_mean(link, eta)
        # A rate at or below zero has no density; −∞ makes the step that led there be halved.
        ok = jnp.isfinite(log_mu)
        log_ratio = jnp.log(y) - jnp.where(ok, log_mu, 0.0)
        inside = log_peak(shape) + shape * (log_ratio - jnp.expm1(log_ratio))
        return jnp.where(ok, inside, -jnp.inf)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a value for each mean."""
        return rng.gamma(1 / scale, np.asarray(mean) * scale)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are zero or negative."""
        check_positive(y, observed, "Gamma")

    def mean_of(self, y: Any) -> float:
        """Return the mean."""
        return float(np.mean(y))

    def predictor_unit(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return the unit of the mean, through the link."""
        return unit_through(link, y)

    def moved_by_units(self, link: Link) -> Any:
        """Return whether the predictor is the logarithm of the mean."""
        return link is jnp.exp
