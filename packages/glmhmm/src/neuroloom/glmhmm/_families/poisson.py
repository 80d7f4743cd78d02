"""Counts whose variance is their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from numpy.typing import NDArray

from neuroloom.glmhmm._families.base import Observations, check_counts, silent
from neuroloom.glmhmm._families.links import Link, log_mean

Array = Any


@dataclass(frozen=True, repr=False)
class PoissonObservations(Observations):
    """Counts with mean μ.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.PoissonObservations()
    PoissonObservations()
    """

    @property
    def default_inverse_link_function(self) -> Link:
        """The exponential function."""
        return jnp.exp

    def base(self, y: Array) -> Array:
        """Return −log y!."""
        return -gammaln(y + 1)

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return y log μ − μ."""
        if link is jnp.exp:
            return y * eta - jnp.exp(eta)
        mu = link(eta)
        counted = jnp.where(y > 0, y * log_mean(link, eta), 0.0)
        return jnp.where(mu >= 0, counted - mu, -jnp.inf)

    def slopes(self, y: Array, eta: Array, scale: Array, link: Link) -> tuple[Array, Array]:
        """Return y − μ and −μ under the exponential function."""
        if link is not jnp.exp:
            return super().slopes(y, eta, scale, link)
        mu = jnp.exp(eta)
        return y - mu, -mu

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a count for each mean."""
        return np.asarray(rng.poisson(mean), dtype=np.float64)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are negative or not whole."""
        check_counts(y, observed, "Poisson")

    def one_sided(self, y: NDArray[np.float64]) -> str | None:
        """Return that an output never counts."""
        columns = y[:, None] if y.ndim == 1 else y
        silent_ones = [i for i, c in enumerate(columns.T) if not (c[np.isfinite(c)] > 0).any()]
        if not silent_ones:
            return None
        return f"output {silent_ones[0]} of y is zero throughout: its rates have no finite optimum"

    def lopsided(self, y: NDArray[np.float64], gamma: NDArray[np.float64]) -> list[tuple[int, str]]:
        """Return states in which nothing is counted."""
        total = np.nan_to_num(y).reshape(len(y), -1).T @ gamma
        enough = gamma.sum(axis=0) > 5
        silent_ones = np.flatnonzero((total < 0.5).any(axis=0) & enough)
        return [(int(k), f"an output counts nothing in state {k}") for k in silent_ones]

    def separated(
        self, level: NDArray[np.float64], size: NDArray[np.float64], link: Link
    ) -> tuple[int, str] | None:
        """Return a state whose rate has fallen to zero."""
        return silent(level, link)
