"""Gamma functions of large arguments, without the digits that plain differences lose."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.scipy.special import gammaln

Array = Any
_LARGE = 30.0  # from here on four terms of Stirling's series are exact to rounding


def _remainder(z: Array) -> Array:
    """Return log Γ(z) − (z − ½) log z + z − ½ log 2π for large z (Abramowitz & Stegun 6.1.41)."""
    w = 1 / (z * z)
    return (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / z


def log_rising(y: Array, r: Array) -> Array:
    """Return log Γ(y + r) − log Γ(r) − y log r, which falls to 0 as r grows."""
    large = r > _LARGE
    big, small = jnp.where(large, r, _LARGE), jnp.where(large, _LARGE, r)
    series = (big + y - 0.5) * jnp.log1p(y / big) - y + _remainder(big + y) - _remainder(big)
    return jnp.where(large, series, gammaln(small + y) - gammaln(small) - y * jnp.log(small))


def log_peak(shape: Array) -> Array:
    """Return s log s − s − log Γ(s), the log density of a unit-mean Gamma variable's log at 0."""
    large = shape > _LARGE
    big, small = jnp.where(large, shape, _LARGE), jnp.where(large, _LARGE, shape)
    series = 0.5 * jnp.log(big / (2 * jnp.pi)) - _remainder(big)
    return jnp.where(large, series, small * jnp.log(small) - small - gammaln(small))
