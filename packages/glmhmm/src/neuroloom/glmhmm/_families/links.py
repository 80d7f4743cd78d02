"""Inverse links by name, with their logarithms where plain ones would lose digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import log_ndtr

Array = Any
Link = Callable[[Array], Array]


def reciprocal(x: Array) -> Array:
    """Return 1/x, the canonical inverse link of the Gamma family."""
    return 1.0 / x


def identity(x: Array) -> Array:
    """Return x."""
    return x


LINKS: dict[str, Link] = {
    "exp": jnp.exp,
    "identity": identity,
    "one_over_x": reciprocal,
    "reciprocal": reciprocal,
    "sigmoid": jax.nn.sigmoid,
    "logistic": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "norm_cdf": jax.scipy.stats.norm.cdf,
}


class NamedLink:
    """A dataclass with a field ``link`` that is itself again in another process.

    Families ask whether a link *is* the sigmoid, and take the exact and quick way then. JAX's
    functions come out of a pickle as others, and the numbers would differ in their last digits.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        names = [name for name, link in LINKS.items() if link is values["link"]]
        return _with_link, (type(self), {**values, "link": [*names, values["link"]][0]})


def _with_link(kind: Callable[..., Any], values: dict[str, Any]) -> Any:
    link = values["link"]
    return kind(**{**values, "link": LINKS[link] if isinstance(link, str) else link})


INTO_UNIT = (jax.nn.sigmoid, jax.scipy.stats.norm.cdf)  # links that cannot leave [0, 1]
POSITIVE = (jnp.exp, jax.nn.softplus, *INTO_UNIT)  # links that cannot fall below 0


def safe_log(x: Array) -> Array:
    """Return log x, −∞ with slope zero where x is not positive."""
    positive = x > 0
    return jnp.where(positive, jnp.log(jnp.where(positive, x, 1.0)), -jnp.inf)


def _log_softplus(eta: Array) -> Array:
    # Below −30 softplus is exp to the last digit, and would underflow at −745.
    low = eta < -30
    return jnp.where(low, eta, jnp.log(jax.nn.softplus(jnp.where(low, 0.0, eta))))


def log_mean(link: Link, eta: Array) -> Array:
    """Return log μ, exact in the tails of the named links; −∞ where μ is not positive."""
    if link is jnp.exp:
        return eta
    if link is jax.nn.sigmoid:
        return -jax.nn.softplus(-eta)
    if link is jax.nn.softplus:
        return _log_softplus(eta)
    if link is jax.scipy.stats.norm.cdf:
        return log_ndtr(eta)
    if link is reciprocal:
        positive = eta > 0
        return jnp.where(positive, -jnp.log(jnp.where(positive, eta, 1.0)), -jnp.inf)
    return safe_log(link(eta))


def log_complement(link: Link, eta: Array) -> Array:
    """Return log(1 − μ), exact in the tails of the named links; −∞ where μ is not below 1."""
    if link is jax.nn.sigmoid:
        return -jax.nn.softplus(eta)
    if link is jax.scipy.stats.norm.cdf:
        return log_ndtr(-eta)
    if link is jnp.exp:
        return safe_log(-jnp.expm1(eta))
    return safe_log(1 - link(eta))
