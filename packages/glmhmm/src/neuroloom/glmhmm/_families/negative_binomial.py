"""Counts that vary more than Poisson ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._families.base import check_counts
from neuroloom.glmhmm._families.factorials import log_rising
from neuroloom.glmhmm._families.links import Link, log_mean
from neuroloom.glmhmm._families.poisson import PoissonObservations

Array = Any


@dataclass(frozen=True, repr=False)
class NegativeBinomialObservations(PoissonObservations):
    """Counts with mean μ and variance μ + scale·μ².

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.NegativeBinomialObservations()
    NegativeBinomialObservations()
    """

    has_scale = True

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return log Γ(y + r)/(Γ(r) rʸ) + y log μ − (y + r) log(1 + μ/r) with r = 1/scale."""
        r = 1 / scale
        mu = link(eta)
        ok = (mu >= 0) & jnp.isfinite(mu)
        safe = jnp.where(ok, mu, 1.0)
        counted = jnp.where(y > 0, y * log_mean(link, eta), 0.0)
        value = log_rising(y, r) + counted - (y + r) * jnp.log1p(safe * scale)
        return jnp.where(ok, value, -jnp.inf)

    def slopes(self, y: Array, eta: Array, scale: Array, link: Link) -> tuple[Array, Array]:
        """Return the first and second derivative of `log_prob` in `eta`."""
        return super(PoissonObservations, self).slopes(y, eta, scale, link)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a count for each mean, a Poisson draw with a Gamma rate."""
        rate = rng.gamma(1 / scale, np.asarray(mean) * scale)
        return np.asarray(rng.poisson(rate), dtype=np.float64)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are negative or not whole."""
        check_counts(y, observed, "NegativeBinomial")

    def start_scale(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ones."""
        return np.ones(1 if y.ndim == 1 else y.shape[1])
