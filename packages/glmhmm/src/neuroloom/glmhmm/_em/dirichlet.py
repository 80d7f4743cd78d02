"""Dirichlet priors on probabilities: their log density, and the mode of the posterior.

With α < 1 the density is infinite where a probability is zero, and has no mode. Such a sparse prior
is read as (α − 1) log(p + knee), which rewards small probabilities down to the knee.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import xlogy

from neuroloom.glmhmm._model.parameters import SMALLEST

Array = Any
KNEE = 1e-3


def log_prior(alpha: Array, p: Array, *, sparse: bool) -> Array:
    """Return the log prior up to a constant; `sparse` says that some α may be below 1."""
    value = jnp.sum(xlogy(jnp.maximum(alpha - 1, 0.0), jnp.where(p > 0, p, 1.0)))
    if sparse:
        value += jnp.sum(jnp.where(p > 0, jnp.minimum(alpha - 1, 0.0) * jnp.log(p + KNEE), 0.0))
    return value


def mode(expected: Array, alpha: Array, old: Array, *, sparse: bool) -> Array:
    """Return the mode of the Dirichlet posterior; zeros stay zeros, rows without visits stay.

    Estimates do not fall to zero themselves, so that the recursions need no logarithms.
    """
    counts = jnp.where(old > 0, expected + jnp.maximum(alpha - 1, 0.0), 0.0)
    total = jnp.sum(counts, axis=-1, keepdims=True)
    if sparse:
        new = _sparse_mode(counts, alpha, old)
    else:
        new = counts / jnp.maximum(total, 1e-300)
    smallest = SMALLEST if old.dtype == jnp.float64 else 1e-30
    new = jnp.where(old > 0, jnp.maximum(new, smallest), 0.0)
    return jnp.where(total > 1e-300, new, old)


def _sparse_mode(counts: Array, alpha: Array, old: Array) -> Array:
    """Return rows that raise Σ c log p − Σ (1 − α)₊ log(p + knee) over the old ones.

    The second sum is replaced by its tangent (a minorising step, Hunter & Lange 2004): p is
    c / (λ + s), with λ such that rows sum to one, found by bisection.
    """
    slope = jnp.maximum(1 - alpha, 0.0) / (old + KNEE)
    low = -jnp.min(jnp.where(counts > 0, slope - counts, jnp.inf), axis=-1, keepdims=True)
    high = jnp.maximum(jnp.sum(counts, axis=-1, keepdims=True), low + 1.0)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        total = jnp.sum(counts / jnp.maximum(middle + slope, 1e-300), axis=-1, keepdims=True)
        return jnp.where(total > 1, middle, ends[0]), jnp.where(total > 1, ends[1], middle)

    # p_j ≤ 1 bounds λ from below by max(c − s), and Σ c / λ = 1 at s = 0 from above.
    low, high = jax.lax.fori_loop(0, 70, halve, (low, high))
    new = counts / jnp.maximum(0.5 * (low + high) + slope, 1e-300)
    return new / jnp.maximum(jnp.sum(new, axis=-1, keepdims=True), 1e-300)
