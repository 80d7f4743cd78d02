"""What every observation model answers.

A family is a frozen, hashable object, so that it is a static argument of compiled programs.
Arrays are laid out ``(n_states, n_outputs, n_trials)``; the log density leaves out terms of `y`
alone, which `base` returns once per fit. A subclass behaves as its parent in everything that it
does not override: nothing asks for a family's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.glmhmm._em.compile import by_trial
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._families.links import POSITIVE, Link, identity, reciprocal

Array = Any
_STRETCH = 20  # trials: most states last longer
_STRETCHES = 16


@dataclass(frozen=True)
class Observations:
    """Base of the observation models; equal if of the same class.

    Subclasses say how `y` is distributed around its mean, with a scale parameter where the family
    has one.
    """

    # Static facts of the family, not fields.
    has_scale = False
    couples = False  # the predictors of one trial share a density
    concave = True  # the log density is concave in coupled predictors
    positive_mean = True
    largest_mean = float("inf")
    own_links = False  # predictors have links of their own, and no other is used
    unbounded = False  # the likelihood has no bound as the scale falls to zero

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def default_inverse_link_function(self) -> Link:
        """The inverse link used if none is given."""
        raise NotImplementedError

    # ---------------------------------------------------------------- in compiled programs

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

    def density(self, y: Array, eta: Array, link: Link) -> tuple[Array, Array] | None:
        """Return the density up to a factor per trial, and that factor's logarithm.

        None where its logarithm is as cheap.
        """
        return None

    def slopes_of_density(self, y: Array, density: Array) -> tuple[Array, Array]:
        """Return what `slopes` does from what `density` gave, so that it is computed once."""
        raise NotImplementedError

    def best_scale(self, y: Array, eta: Array, weight: Array, link: Link) -> Array | None:
        """Return sums that give the scale's optimum in closed form, or None if there is none.

        The scale is the sum (n_states, n_outputs) divided by the weight's sum over trials.
        """
        return None

    def next_scale(
        self,
        y: Array,
        eta: Array,
        log_scale: Array,
        weight: Array,
        link: Link,
        prior: tuple[Array, Array, Array],
    ) -> Array:
        """Return log scales (n_states, n_outputs) at, or one guarded Newton step towards, the best.

        `prior` holds the smallest log scales, the unit and the number of pseudo-trials.
        """
        smallest, unit, trials = prior
        mass = jnp.maximum(jnp.sum(weight, axis=-1), 1e-300)
        total = self.best_scale(y, eta, weight, link)
        if total is not None:
            best = (total + trials * unit) / (mass + trials)
            return jnp.maximum(jnp.log(jnp.maximum(best, 1e-300)), smallest)

        def slope(value: Array) -> Array:
            def q(v: Array) -> Array:
                density = self.log_prob(y, eta, jnp.exp(v)[:, :, None], link)
                seen = jnp.sum(jnp.where(weight > 0, weight * density, 0.0))
                return seen - inverse_gamma(v, unit, trials)

            return jax.grad(q)(value)

        g, dg = jax.jvp(slope, (log_scale,), (jnp.ones_like(log_scale),))
        # Where the curve bends the wrong way, walk uphill by a fixed amount.
        newton = jnp.where(dg < 0, -g / jnp.minimum(dg, -1e-12 * mass), jnp.sign(g) * 0.5)
        return jnp.maximum(log_scale + jnp.clip(newton, -1.0, 1.0), smallest)

    def inside(self, link: Link, eta: Array) -> Array | None:
        """Return where the predictor gives a mean that the family allows; None if all do."""
        if not self.positive_mean or link in POSITIVE:
            return None
        mean = link(eta)
        return (mean >= 0) & jnp.isfinite(mean)

    def room(self, link: Link, eta: Array) -> Array | None:
        """Return how far predictors are from where the mean leaves its range, to first order.

        None where the link cannot leave it.
        """
        if self.inside(link, eta) is None:
            return None
        mean, slope = jax.jvp(link, (eta,), (jnp.ones_like(eta),))
        room = jnp.minimum(mean, self.largest_mean - mean) / jnp.abs(slope)
        return jnp.where(jnp.isfinite(room), room, jnp.inf)

    def mean(self, eta: Array, scale: Array, link: Link) -> Array:
        """Return the mean response (n_trials, [n_outputs,] n_states) at linear predictors."""
        return link(eta)

    # ---------------------------------------------------------------------------- in numpy

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return one draw for each mean."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, eta: Array, mean: Array, scale: Array) -> Array:
        """Return one draw for each row of linear predictors, or of their means: `sample` there.

        Families whose mean does not say it all override this one.
        """
        return self.sample(rng, mean, scale)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if observed values are outside of the family's support."""

    def encode(self, y: Any, classes: Any) -> tuple[Any, Any]:
        """Return the responses as numbers and the labels they stand for; as they are by default."""
        return y, classes

    def decode(self, y: NDArray[np.float64], classes: Any) -> NDArray[Any]:
        """Return responses as they were before `encode`; as they are by default."""
        return y

    def n_outputs(self, y: Any) -> int:
        """Return the number of linear predictors per state."""
        return 1 if y.ndim == 1 else int(y.shape[1])

    def n_columns(self) -> int | None:
        """Return the number of columns that `y` must have, None if any will do."""
        return None

    def scale_unit(self, y: NDArray[np.float64]) -> float:
        """Return a scale that is neither small nor large for observed values of one output."""
        return 1.0

    def mean_of(self, y: NDArray[np.float64]) -> float:
        """Return the mean response, moved into the open range of possible means."""
        mean = float(np.mean(y))
        return max(mean, 0.5 / len(y) * _unit(y)) if self.positive_mean else mean

    def starts(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return the linear predictors (n_outputs,) whose mean is that of the observed `y`.

        `y` has shape (n_trials,) or (n_trials, n_outputs), NaN where an output is missing.
        """
        columns = y[:, None] if y.ndim == 1 else y
        return np.array([self._start(column[np.isfinite(column)], link) for column in columns.T])

    def _start(self, y: NDArray[np.float64], link: Link) -> float:
        mean = self.mean_of(y) if len(y) else 1.0
        inverse = predictor_of(link, mean)
        if inverse is not None:
            return inverse
        raise fail(
            "inverse_link_function",
            f"a function that reaches the mean response {mean:g}",
            f"{getattr(link, '__name__', link)}",
        )

    def levels(
        self, y: NDArray[np.float64], link: Link, rng: np.random.Generator, shape: tuple[int, int]
    ) -> NDArray[np.float64]:
        """Return predictors (n, n_states, n_outputs) whose means random stretches of `y` have.

        NaN where noise on the predictor does as well: with links that rise everywhere. Others may
        have poles (1/x), and noise would put most starts on their wrong side.
        """
        columns = y[:, None] if y.ndim == 1 else y
        none = np.full((*shape, self.n_outputs(y)), np.nan)
        if self.couples or link is identity or link in POSITIVE:
            return none
        out = [_levels_of(self, column, link, rng, shape) for column in columns.T]
        return np.stack(out, axis=-1)

    def start_scale(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a scale (n_outputs,) to start from."""
        columns = y[:, None] if y.ndim == 1 else y
        return np.array([self.scale_unit(c[np.isfinite(c)]) for c in columns.T])

    def predictor_unit(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return how much each linear predictor varies if the response's unit changes."""
        return np.ones_like(self.start_scale(y))

    def moved_by_units(self, link: Link) -> Any:
        """Return which predictors (n_outputs,), or if all, shift with the response's unit."""
        return False

    def null_log_likelihood(
        self, train: NDArray[np.float64], test: NDArray[np.float64], link: Link
    ) -> float:
        """Return the log-likelihood of test values under the mean and scale of training ones."""
        columns = train[:, None] if train.ndim == 1 else train
        tests = test[:, None] if test.ndim == 1 else test
        total = 0.0
        for known, new in zip(columns.T, tests.T, strict=True):
            total += self._null(known[np.isfinite(known)], new[np.isfinite(new)], link)
        return total

    def _null(self, train: NDArray[np.float64], test: NDArray[np.float64], link: Link) -> float:
        eta = self._start(train, link)

        def value(log_scale: float, y: NDArray[np.float64]) -> float:
            rest = (np.full((1, 1, 1), eta), np.full((1, 1, 1), np.exp(log_scale)))
            return float(by_trial(_at_level, (y[None],), *rest, family=self, link=link).sum())

        log_scale = 0.0
        if self.has_scale:
            middle = float(np.log(self.scale_unit(train)))
            found = scipy.optimize.minimize_scalar(
                lambda s: -value(s, train), bounds=(middle - 16, middle + 10), method="bounded"
            )
            log_scale = float(found.x)
        return value(log_scale, test)

    def scale_mask(self, n_outputs: int) -> NDArray[np.bool_]:
        """Return which outputs have a scale."""
        return np.full(n_outputs, self.has_scale)

    def free(self, widths: Any) -> NDArray[np.float64] | None:
        """Return 1 for weights (n_outputs, n_regressors + 1) that are free, 0 for those at zero.

        `widths` is the design's pytree with the number of columns in place of each leaf. None means
        that all are free.
        """
        return None

    def lopsided(self, y: NDArray[np.float64], gamma: NDArray[np.float64]) -> list[tuple[int, str]]:
        """Return states that a kind of response is missing from, and what is missing.

        `gamma` (n_trials, n_states) is the posterior on observed trials.
        """
        return []

    def one_sided(self, y: NDArray[np.float64]) -> str | None:
        """Return what is wrong if observed values leave a weight without an optimum."""
        return None

    def separated(
        self, level: NDArray[np.float64], size: NDArray[np.float64], link: Link
    ) -> tuple[int, str] | None:
        """Return a state whose weights grow without bound, and what shows it; None if none does.

        `level` (n_states, n_outputs) is the predictor at the average regressors, `size`
        (n_states, n_outputs, n_features) each weight times its regressor's standard deviation.
        """
        return None


def _at_level(y: Array, level: Array, scale: Array, family: Observations, link: Link) -> Array:
    """Return the log densities (n_trials,) of one output at one predictor and scale."""
    eta = jnp.broadcast_to(level, (1, 1, y.shape[-1]))
    return (family.log_prob(y, eta, scale, link) + family.base(y))[0, 0]


def inverse_gamma(log_scale: Array, unit: Array, trials: Array) -> Array:
    """Return minus the log of an inverse-gamma prior: ½ n₀ (log s + s₀/s) for each scale."""
    each = log_scale + unit * jnp.exp(-log_scale)
    return 0.5 * trials * jnp.sum(each)


def _levels_of(
    family: Observations,
    y: NDArray[np.float64],
    link: Link,
    rng: np.random.Generator,
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """Return predictors of one output, drawn from those of a few stretches of it."""
    y = y[np.isfinite(y)]
    length = max(min(_STRETCH, len(y) // 4), 1)
    begins = rng.integers(0, max(len(y) - length, 0) + 1, size=_STRETCHES)
    known = (
        [predictor_of(link, family.mean_of(y[b : b + length])) for b in begins] if len(y) else []
    )
    found = np.array([value for value in known if value is not None])
    return rng.choice(found, size=shape) if len(found) else np.full(shape, np.nan)


def unit_through(link: Link, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much predictors (n_outputs,) vary with the unit of positive responses."""
    columns = y[:, None] if y.ndim == 1 else y
    mean = np.array([float(np.nanmean(c)) if np.isfinite(c).any() else 1.0 for c in columns.T])
    if link is reciprocal:
        return 1 / mean
    return mean if link is identity else np.ones_like(mean)


def _unit(y: NDArray[np.float64]) -> float:
    """Return the size of positive values, 1 where there are none."""
    positive = y[y > 0]
    return min(float(positive.mean()), 1.0) if len(positive) else 1.0


def predictor_of(link: Link, mean: float) -> float | None:
    """Return the linear predictor at which the inverse link gives the mean; None if none does."""

    def gap(value: float) -> float:
        with jax.enable_x64(True):
            return float(link(jnp.asarray(value))) - mean

    if gap(mean) == 0:
        return mean
    for width in (1.0, 3.0, 10.0, 30.0, 300.0, 1e4, 1e8):
        ranges = ((-width, width), (1e-6 / width, width * max(1.0, mean)), (-width, -1e-6 / width))
        for low, high in ranges:
            below, above = gap(low), gap(high)
            if np.isfinite([below, above]).all() and below * above <= 0:
                root = float(scipy.optimize.brentq(gap, low, high, xtol=1e-14))
                # A sign that changes at a pole is no root.
                if abs(gap(root)) <= 1e-6 * max(abs(mean), 1e-12):
                    return root
    return None


def rows_of(bad: Any) -> str:
    """Return the first rows in which something is wrong, as text."""
    rows = np.unique(np.nonzero(bad)[0])
    return ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")


def kept(y: Any, observed: Any) -> Any:
    """Return the mask of observed values in the shape of `y`."""
    return observed if np.ndim(observed) == y.ndim else np.broadcast_to(observed[:, None], y.shape)


def check_counts(y: Any, observed: Any, name: str) -> None:
    """Raise if observed values are not counts."""
    bad = kept(y, observed) & ((y < 0) | (y != np.trunc(y)))
    if bad.any():
        first = y[bad][0]
        raise fail(
            "y", f"counts 0, 1, 2, … for {name} observations", f"{first:g} in rows {rows_of(bad)}"
        )


def check_positive(y: Any, observed: Any, name: str) -> None:
    """Raise if observed values are not above zero."""
    bad = kept(y, observed) & (y <= 0)
    if bad.any():
        raise fail(
            "y", f"values above 0 for {name} observations", f"{y[bad][0]:g} in rows {rows_of(bad)}"
        )


def silent(level: NDArray[np.float64], link: Link) -> tuple[int, str] | None:
    """Return a state whose mean count has fallen to zero."""
    with jax.enable_x64(True):
        rate = np.asarray(link(jnp.asarray(level)))
    if (rate > 1e-7).all():
        return None
    k = int(np.argwhere(rate <= 1e-7)[0][0])
    return k, f"the rate of state {k} fell to {rate[k].min():.1g}: it explains zeros alone"
