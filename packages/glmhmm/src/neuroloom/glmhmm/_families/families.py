"""How observations are distributed given the linear predictor of a state.

An emission is a frozen, hashable object, so that it is a static argument of compiled programs.
Arrays are laid out ``(n_states, n_outputs, n_trials)``; the log density leaves out terms of `y`
alone, which `base` returns once per fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln

from neuroloom.glmhmm._errors import fail

Array = Any
Link = Callable[[Array], Array]


def reciprocal(x: Array) -> Array:
    """Return 1/x, the canonical inverse link of the Gamma family."""
    return 1.0 / x


def identity(x: Array) -> Array:
    """Return x."""
    return x


@dataclass(frozen=True)
class Observations:
    """Base of the observation models; equal if of the same class.

    Subclasses say how `y` is distributed around its mean, with a scale parameter where the family
    has one.
    """

    # Static facts of the family, not fields.
    has_scale = False
    couples = False  # the outputs of one trial share a normaliser
    positive_mean = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def default_inverse_link_function(self) -> Link:
        """The inverse link used if none is given."""
        raise NotImplementedError

    def base(self, y: Array) -> Array:
        """Return the log density's terms in `y` alone, shape of `y`."""
        return jnp.zeros_like(y)

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return the elementwise log density without `base`."""
        raise NotImplementedError

    def slopes(self, y: Array, eta: Array, scale: Array, link: Link) -> tuple[Array, Array]:
        """Return the first and second derivative of `log_prob` in `eta`."""
        one = jnp.ones_like(eta)

        def first(e: Array) -> Array:
            return jax.jvp(lambda v: self.log_prob(y, v, scale, link), (e,), (one,))[1]

        return jax.jvp(first, (eta,), (one,))

    def density(self, y: Array, eta: Array, link: Link) -> Array | None:
        """Return the density itself where that is cheaper than its logarithm, else None."""
        return None

    def slopes_of_density(self, y: Array, density: Array) -> tuple[Array, Array]:
        """Return what `slopes` does from what `density` gave, so that it is computed once."""
        raise NotImplementedError

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return one draw for each mean, in numpy."""
        raise NotImplementedError

    def check(self, y: Any, observed: Any) -> None:
        """Raise if observed values are outside of the family's support."""

    def n_outputs(self, y: Any) -> int:
        """Return the number of linear predictors per state."""
        return 1 if y.ndim == 1 else int(y.shape[1])


def _rows(bad: Any) -> str:
    rows = np.unique(np.nonzero(bad)[0])
    return ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")


@dataclass(frozen=True, repr=False)
class BernoulliObservations(Observations):
    """Choices 0 or 1, with success probability μ.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.BernoulliObservations()
    BernoulliObservations()
    """

    @property
    def default_inverse_link_function(self) -> Link:
        """The logistic function."""
        return jax.nn.sigmoid

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return y log μ + (1 − y) log(1 − μ)."""
        if link is jax.nn.sigmoid:
            return y * eta - jax.nn.softplus(eta)
        p = link(eta)
        return jax.scipy.special.xlogy(y, p) + jax.scipy.special.xlog1py(1 - y, -p)

    def slopes(self, y: Array, eta: Array, scale: Array, link: Link) -> tuple[Array, Array]:
        """Return y − μ and −μ(1 − μ) under the logistic function."""
        if link is not jax.nn.sigmoid:
            return super().slopes(y, eta, scale, link)
        p = jax.nn.sigmoid(eta)
        return y - p, -p * (1 - p)

    def density(self, y: Array, eta: Array, link: Link) -> Array | None:
        """Return μ or 1 − μ; at −600 its sum over states is still far from float64's smallest."""
        if link is not jax.nn.sigmoid or y.shape[0] != 1 or eta.dtype != jnp.float64:
            return None
        return jax.nn.sigmoid(jnp.maximum((2 * y - 1) * eta, -600.0))

    def slopes_of_density(self, y: Array, density: Array) -> tuple[Array, Array]:
        """Return y − μ and −μ(1 − μ)."""
        other = 1 - density
        return (2 * y - 1) * other, -density * other

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return 0 or 1 for each mean."""
        return (rng.random(np.shape(mean)) < mean).astype(np.float64)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are not 0 or 1."""
        values = np.unique(y[observed])
        if np.isin(values, (0.0, 1.0)).all():
            return
        shown = ", ".join(f"{v:g}" for v in values[:6]) + (", …" if len(values) > 6 else "")
        hint = ""
        if set(values) <= {-1.0, 1.0}:
            hint = "; for −1 and 1 pass (y + 1) / 2"
        elif set(values) <= {1.0, 2.0}:
            hint = "; for 1 and 2 pass y − 1"
        elif set(values) <= {-1.0, 0.0, 1.0}:
            hint = '; for violations coded −1 pass NaN there, with missing="mask"'
        raise fail("y", "0 and 1 for Bernoulli observations", f"the values {shown}{hint}")


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
        return jax.scipy.special.xlogy(y, mu) - mu

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
        _check_counts(y, observed, "Poisson")


def _check_counts(y: Any, observed: Any, name: str) -> None:
    keep = observed if y.ndim == 1 else observed[:, None]
    bad = keep & ((y < 0) | (y != np.trunc(y)))
    if bad.any():
        first = y[bad][0]
        raise fail(
            "y", f"counts 0, 1, 2, … for {name} observations", f"{first:g} in rows {_rows(bad)}"
        )


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
        mu = link(eta)
        # A rate at or below zero has no density; −∞ makes the step that led there be halved.
        ok = mu > 0
        ratio = y / jnp.where(ok, mu, 1.0)
        inside = shape * (jnp.log(shape * ratio) - ratio) - gammaln(shape)
        return jnp.where(ok, inside, -jnp.inf)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a value for each mean."""
        return rng.gamma(1 / scale, np.asarray(mean) * scale)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are zero or negative."""
        keep = observed if y.ndim == 1 else observed[:, None]
        bad = keep & (y <= 0)
        if bad.any():
            raise fail(
                "y",
                "values above 0 for Gamma observations",
                f"{y[bad][0]:g} in rows {_rows(bad)}",
            )


@dataclass(frozen=True, repr=False)
class NegativeBinomialObservations(Observations):
    """Counts with mean μ and variance μ + scale·μ².

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.NegativeBinomialObservations()
    NegativeBinomialObservations()
    """

    has_scale = True

    @property
    def default_inverse_link_function(self) -> Link:
        """The exponential function."""
        return jnp.exp

    def base(self, y: Array) -> Array:
        """Return −log y!."""
        return -gammaln(y + 1)

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return log Γ(y + r) − log Γ(r) + y log μ/(r + μ) − r log(1 + μ/r) with r = 1/scale."""
        r = 1 / scale
        mu = link(eta)
        rising = gammaln(y + r) - gammaln(r)
        return rising + jax.scipy.special.xlogy(y, mu / (r + mu)) - r * jnp.log1p(mu / r)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a count for each mean, a Poisson draw with a Gamma rate."""
        rate = rng.gamma(1 / scale, np.asarray(mean) * scale)
        return np.asarray(rng.poisson(rate), dtype=np.float64)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are negative or not whole."""
        _check_counts(y, observed, "NegativeBinomial")


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
    positive_mean = False

    @property
    def default_inverse_link_function(self) -> Link:
        """The identity."""
        return identity

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return −(y − μ)²/(2 scale) − ½ log(2π scale)."""
        return -0.5 * ((y - link(eta)) ** 2 / scale + jnp.log(2 * jnp.pi * scale))

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a value for each mean."""
        return rng.normal(mean, np.sqrt(scale) * np.ones_like(mean))


@dataclass(frozen=True, repr=False)
class CategoricalObservations(Observations):
    """Choices among `n_categories`, softmax of the linear predictors; category 0 has predictor 0.

    Parameters
    ----------
    n_categories : int
        Number of categories; `y` holds 0 … n_categories − 1.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.CategoricalObservations(3)
    CategoricalObservations(n_categories=3)
    """

    n_categories: int = 2

    couples = True
    positive_mean = False

    def __post_init__(self) -> None:
        if isinstance(self.n_categories, bool) or not isinstance(self.n_categories, int):
            raise fail("n_categories", "an integer of at least 2", repr(self.n_categories))
        if self.n_categories < 2:
            raise fail("n_categories", "an integer of at least 2", self.n_categories)

    def __repr__(self) -> str:
        return f"CategoricalObservations(n_categories={self.n_categories})"

    @property
    def default_inverse_link_function(self) -> Link:
        """The identity: the softmax is part of the family."""
        return identity

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return log softmax at `y`; `eta` has shape (n_states, n_categories − 1, n_trials)."""
        zero = jnp.zeros_like(eta[..., :1, :])
        every = jnp.concatenate([zero, link(eta)], axis=-2)
        chosen = y == jnp.arange(self.n_categories, dtype=y.dtype)[:, None]
        return jnp.sum(jnp.where(chosen, every, 0.0), axis=-2) - jax.nn.logsumexp(every, axis=-2)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a category for each row of probabilities (n_trials, n_categories)."""
        steps = np.cumsum(mean, axis=-1)
        draw = rng.random(steps.shape[:-1])[..., None] * steps[..., -1:]
        return np.asarray((draw > steps[..., :-1]).sum(axis=-1), dtype=np.float64)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are not categories."""
        values = np.unique(y[observed])
        if not np.isin(values, np.arange(self.n_categories)).all():
            shown = ", ".join(f"{v:g}" for v in values[:8])
            raise fail("y", f"categories 0 … {self.n_categories - 1}", f"the values {shown}")

    def n_outputs(self, y: Any) -> int:
        """Return the number of categories less one."""
        return self.n_categories - 1
