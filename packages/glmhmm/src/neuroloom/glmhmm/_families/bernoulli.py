"""Choices 0 and 1."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._families.base import Observations, kept
from neuroloom.glmhmm._families.links import INTO_UNIT, Link, log_complement, log_mean
from neuroloom.glmhmm._input.arrays import labels_in, plain

Array = Any
# exp(−600) is representable, and so is its product with a probability of 1e-100.
_LOWEST = -600.0


@dataclass(frozen=True, repr=False)
class BernoulliObservations(Observations):
    """Choices 0 or 1, with success probability μ.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.BernoulliObservations()
    BernoulliObservations()
    """

    largest_mean = 1.0

    @property
    def default_inverse_link_function(self) -> Link:
        """The logistic function."""
        return jax.nn.sigmoid

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return y log μ + (1 − y) log(1 − μ)."""
        if link is jax.nn.sigmoid:
            return -jax.nn.softplus((1 - 2 * y) * eta)
        return jnp.where(y > 0.5, log_mean(link, eta), log_complement(link, eta))

    def slopes(self, y: Array, eta: Array, scale: Array, link: Link) -> tuple[Array, Array]:
        """Return y − μ and −μ(1 − μ) under the logistic function."""
        if link is not jax.nn.sigmoid:
            return super().slopes(y, eta, scale, link)
        p = jax.nn.sigmoid(eta)
        return y - p, -p * (1 - p)

    def density(self, y: Array, eta: Array, link: Link) -> tuple[Array, Array] | None:
        """Return μ or 1 − μ, and 0 but for trials that are less likely than exp(−600) everywhere.

        There the density is exp(±η) to the last digit, so that the largest of the states may be
        taken off.
        """
        if link is not jax.nn.sigmoid or y.shape[0] != 1 or eta.dtype != jnp.float64:
            return None
        signed = (2 * y - 1) * eta
        # One state after the other: the compiler's reduction over a first axis is slow.
        top = functools.reduce(jnp.maximum, signed)
        top = jax.lax.stop_gradient(top)  # see `recursions.relative`
        shift = jnp.minimum(top - _LOWEST / 2, 0.0)  # (1, n_trials)
        return jax.nn.sigmoid(jnp.maximum(signed - shift, _LOWEST)), shift

    def slopes_of_density(self, y: Array, density: Array) -> tuple[Array, Array]:
        """Return y − μ and −μ(1 − μ)."""
        other = 1 - density
        return (2 * y - 1) * other, -density * other

    def inside(self, link: Link, eta: Array) -> Array | None:
        """Return where μ is a probability."""
        if link in INTO_UNIT:
            return None
        mean = link(eta)
        return (mean >= 0) & (mean <= 1)

    def encode(self, y: Any, classes: Any) -> tuple[Any, Any]:
        """Return the responses as they are.

        Raises
        ------
        InputError
            If they are labels: which of two is 1 is not guessed.
        """
        text = labels_in(plain(y)) if np.ndim(y) == 1 else []
        if text:
            what = f"pass (y == {text[-1]!r}) for the probability of {text[-1]!r}"
            if len(text) > 2:
                what = f"CategoricalObservations({len(text)}) takes labels"
            raise fail("y", "0 and 1 for Bernoulli observations", f"the labels {text[:6]}; {what}")
        return y, classes

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return 0 or 1 for each mean."""
        return (rng.random(np.shape(mean)) < mean).astype(np.float64)

    def mean_of(self, y: NDArray[np.float64]) -> float:
        """Return the fraction of ones; half a trial of each kind keeps it off 0 and 1."""
        return float(np.clip(np.mean(y), 0.5 / len(y), 1 - 0.5 / len(y)))

    def _start(self, y: NDArray[np.float64], link: Link) -> float:
        if link is jax.nn.sigmoid and len(y):
            mean = self.mean_of(y)
            return float(np.log(mean / (1 - mean)))
        return super()._start(y, link)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are not 0 or 1."""
        values = np.unique(y[kept(y, observed)])
        if np.isin(values, (0.0, 1.0)).all():
            return
        shown = ", ".join(f"{v:g}" for v in values[:6]) + (", …" if len(values) > 6 else "")
        hint = ""
        if set(values) <= {-1.0, 1.0}:
            hint = "; for −1 and 1 pass (y + 1) / 2, or (1 - y) / 2 if −1 is the choice to predict"
        elif set(values) <= {1.0, 2.0}:
            hint = "; for 1 and 2 pass y − 1"
        elif set(values) <= {-1.0, 0.0, 1.0}:
            hint = (
                '; if −1 or 0 means no choice, pass NaN there, with missing="mask"; design_matrix '
                'takes codes={"left": …, "right": …, "none": …} or codes="ibl"'
            )
        raise fail("y", "0 and 1 for Bernoulli observations", f"the values {shown}{hint}")

    def one_sided(self, y: NDArray[np.float64]) -> str | None:
        """Return that `y` holds one value only."""
        columns = y[:, None] if y.ndim == 1 else y
        for column in columns.T:
            seen = column[np.isfinite(column)]
            if len(seen) and (seen == seen[0]).all():
                return f"y holds only one value, {seen[0]:g}: the intercepts have no finite optimum"
        return None

    def lopsided(self, y: NDArray[np.float64], gamma: NDArray[np.float64]) -> list[tuple[int, str]]:
        """Return states in which, but for half a trial, all choices are alike."""
        out = []
        for column in y.reshape(len(y), -1).T:
            seen = np.isfinite(column)
            ones = column[seen] @ gamma[seen]
            mass = gamma[seen].sum(axis=0)
            for k in np.flatnonzero((np.minimum(ones, mass - ones) < 0.5) & (mass > 5)):
                side = 1 if ones[k] > mass[k] / 2 else 0
                out.append((int(k), f"all choices of state {k} are {side}"))
        return out

    def separated(
        self, level: NDArray[np.float64], size: NDArray[np.float64], link: Link
    ) -> tuple[int, str] | None:
        """Return a state in which choices follow a regressor, or one side, without exception."""
        limit = 12.0 if link is jax.nn.sigmoid else 7.0
        if link not in INTO_UNIT:
            return None
        if size.size and size.max() > limit:
            k = int(np.argwhere(size == size.max())[0][0])
            return k, (
                f"a weight of state {k} reached {size.max():.1f} standard units: choices look "
                "perfectly separable there"
            )
        if np.abs(level).max() > limit:
            k = int(np.argwhere(np.abs(level) == np.abs(level).max())[0][0])
            return k, f"choices of state {k} all go to one side"
        return None
