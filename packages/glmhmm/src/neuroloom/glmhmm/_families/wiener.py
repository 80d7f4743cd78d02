"""Choice and reaction time as the first passage of a drifting Wiener process (diffusion model).

The density is that of Navarro & Fuss 2009 (eqs. 4–6), with as many terms of either series as
double precision can tell; its diffusion coefficient is 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.glmhmm._em.compile import by_trial
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._families.base import Observations, kept, rows_of
from neuroloom.glmhmm._families.links import Link, identity
from neuroloom.glmhmm._families.mixed import columns_of

Array = Any
PREDICTORS = ("drift", "boundary", "bias", "non_decision")
OUTPUTS = ("choice", "rt")
_TERMS = 6
_NO_TIME = 1e-9  # of the mean reaction time
_SWITCH = 0.35  # scaled times below which the small-time series is used
_GRID = 1500  # times at which a draw's distribution is tabulated


@dataclass(frozen=True, repr=False)
class WienerObservations(Observations):
    """A choice and its reaction time, ``y`` with columns choice (0 or 1) and rt (seconds).

    Each state has four linear predictors: the drift towards choice 1, the logarithm of the boundary
    separation, the log odds of the starting point's place between the boundaries, and the logarithm
    of the non-decision time. A trial that lacks its choice or its reaction time is unobserved.

    Parameters
    ----------
    regress : tuple of str
        Which of ``"drift"``, ``"boundary"``, ``"bias"`` and ``"non_decision"`` depend on the
        regressors; the others have an intercept alone.

    Raises
    ------
    InputError
        If `regress` names something else.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.WienerObservations()
    WienerObservations(regress=('drift',))
    """

    regress: tuple[str, ...] = ("drift",)

    couples = True
    own_links = True
    concave = False
    positive_mean = False

    def __post_init__(self) -> None:
        foreign = [name for name in self.regress if name not in PREDICTORS]
        if foreign or isinstance(self.regress, str):
            raise fail("regress", f"a tuple of names among {PREDICTORS}", repr(self.regress))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(regress={self.regress!r})"

    @property
    def default_inverse_link_function(self) -> Link:
        """The identity: each predictor's own link is part of the family."""
        return identity

    # ---------------------------------------------------------------- in compiled programs

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return the log density of choice and reaction time, (n_states, n_trials)."""
        drift, log_bound, odds, log_rest = (eta[..., i, :] for i in range(4))
        upper = y[0] > 0.5
        bias = jax.nn.sigmoid(jnp.where(upper, -odds, odds))  # distance to the boundary reached
        drift = jnp.where(upper, -drift, drift)
        bound = jnp.exp(log_bound)
        time = y[1] - jnp.exp(log_rest)
        # No response comes before the non-decision time; −∞ makes a step that says so be halved.
        ok = time > 0
        u = jnp.where(ok, time, 1.0) / bound**2
        value = -drift * bound * bias - 0.5 * drift**2 * u * bound**2 - 2 * log_bound
        return jnp.where(ok, value + _log_driftless(u, bias), -jnp.inf)

    def mean(self, eta: Array, scale: Array, link: Link) -> Array:
        """Return the probability of choice 1 and the mean reaction time, (…, 2, n_states)."""
        drift, log_bound, odds, log_rest = (eta[..., i, :] for i in range(4))
        bound, bias = jnp.exp(log_bound), jax.nn.sigmoid(odds)
        still = jnp.abs(drift * bound) < 1e-6
        v = jnp.where(still, 1.0, drift)
        size = jnp.abs(v)
        away = jnp.where(v > 0, bias, 1 - bias)
        reach = -jnp.expm1(-2 * size * bound * away) / -jnp.expm1(-2 * size * bound)
        p = jnp.where(still, bias, jnp.where(v > 0, reach, 1 - reach))
        time = jnp.where(still, bound**2 * bias * (1 - bias), bound * (p - bias) / v)
        return jnp.stack([p, jnp.exp(log_rest) + time], axis=-2)

    # ---------------------------------------------------------------------------- in numpy

    def draw(self, rng: np.random.Generator, eta: Array, mean: Array, scale: Array) -> Array:
        """Return a choice and a reaction time for each row of predictors (n_trials, 4)."""
        out = np.empty((len(eta), 2))
        for begin in range(0, len(eta), 500):
            rows = np.asarray(eta[begin : begin + 500], dtype=np.float64)
            out[begin : begin + 500] = self._draw(rng, rows)
        return out

    def _draw(self, rng: np.random.Generator, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return draws by inverting each row's tabulated distribution."""
        p = by_trial(_p_upper, (rows.T,), family=self)
        choice = (rng.random(len(rows)) < p).astype(np.float64)
        bound, rest = np.exp(rows[:, 1]), np.exp(rows[:, 3])
        # Past the way at its speed, the slowest rate of decay bounds how far the table must reach.
        decay = 0.5 * (np.pi**2 / bound**2 + rows[:, 0] ** 2)
        longest = bound / np.maximum(np.abs(rows[:, 0]), 4 / bound) + 30 / decay
        steps = (np.arange(1, _GRID + 1) / _GRID) ** 2
        times = longest[:, None] * steps
        flat = np.repeat(rows, _GRID, axis=0).T[None]
        y = np.stack([np.repeat(choice, _GRID), (rest[:, None] + times).ravel()])
        log_p = by_trial(_log_prob, (y, flat), family=self)
        density = np.exp(log_p).reshape(len(rows), _GRID)
        width = np.diff(np.concatenate([np.zeros((len(rows), 1)), times], axis=1), axis=1)
        before = np.concatenate([np.zeros((len(rows), 1)), density[:, :-1]], axis=1)
        total = np.cumsum(0.5 * width * (density + before), axis=1)
        wanted = rng.random(len(rows)) * total[:, -1]
        time = [np.interp(w, c, t) for w, c, t in zip(wanted, total, times, strict=True)]
        return np.column_stack([choice, rest + np.array(time)])

    def encode(self, y: Any, classes: Any) -> tuple[Any, Any]:
        """Return choice and rt as columns in this order."""
        if isinstance(y, Mapping) or hasattr(y, "columns"):
            return columns_of(OUTPUTS, y), classes
        return y, classes

    def check(self, y: Any, observed: Any) -> None:
        """Raise if choices are not 0 or 1, or reaction times not above 0."""
        seen = kept(y, observed).all(axis=1)
        if not np.isin(y[seen, 0], (0.0, 1.0)).all():
            raise fail("y", "choices 0 and 1 in the first column", np.unique(y[seen, 0])[:6])
        late = seen & ~(y[:, 1] > 0)
        if late.any():
            raise fail("y", "reaction times above 0, in seconds", f"rows {rows_of(late)}")

    def n_outputs(self, y: Any) -> int:
        """Return 4, the number of predictors."""
        return len(PREDICTORS)

    def n_columns(self) -> int | None:
        """Return 2: choice and rt."""
        return 2

    def free(self, widths: Any) -> NDArray[np.float64] | None:
        """Return the mask of the predictors that depend on regressors."""
        n = sum(jax.tree.leaves(widths))
        mask = np.zeros((len(PREDICTORS), n + 1))
        mask[:, -1] = 1.0
        for name in self.regress:
            mask[PREDICTORS.index(name)] = 1.0
        return mask

    def starts(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return predictors with the reaction times' mean and variance, without a drift."""
        rt = y[np.isfinite(y).all(axis=1), 1]
        # Of a driftless process that starts midway; above 0 where all times are equal.
        bound = float(np.maximum(24 * np.var(rt), 1e-4 * np.mean(rt) ** 2) ** 0.25)
        rest = np.clip(np.mean(rt) - bound**2 / 4, 0.3 * rt.min(), 0.8 * rt.min())
        return np.array([0.0, np.log(bound), 0.0, np.log(rest)])

    def start_scale(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ones."""
        return np.ones(len(PREDICTORS))

    def predictor_unit(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return what the drift varies by, one over the boundary separation, and ones."""
        bound = float(np.exp(self.starts(y, link)[PREDICTORS.index("boundary")]))
        return np.array([1 / bound, 1.0, 1.0, 1.0])

    def moved_by_units(self, link: Link) -> Any:
        """Return True for the predictors that are logarithms of what has a unit."""
        return np.array([name in ("boundary", "non_decision") for name in PREDICTORS])

    def null_log_likelihood(
        self, train: NDArray[np.float64], test: NDArray[np.float64], link: Link
    ) -> float:
        """Return the log-likelihood of test trials under one process fitted to training ones.

        It has no non-decision time: with one it would hold early test trials impossible.
        """
        known = train[np.isfinite(train).all(axis=1)]
        new = test[np.isfinite(test).all(axis=1)]
        none = np.log(_NO_TIME * known[:, 1].mean())

        def value(free: NDArray[np.float64], y: NDArray[np.float64]) -> float:
            eta = np.append(free, none)[None, :, None]
            return float(by_trial(_log_prob, (y.T,), eta, family=self).sum())

        begin = self.starts(known, link)[:-1]
        found = scipy.optimize.minimize(lambda eta: -value(eta, known), begin, method="Nelder-Mead")
        return value(found.x, new)


def _p_upper(eta: Array, family: WienerObservations) -> Array:
    return family.mean(eta[None], 1.0, identity)[0, 0]


def _log_prob(y: Array, eta: Array, family: WienerObservations) -> Array:
    return family.log_prob(y, jnp.broadcast_to(eta, (*eta.shape[:-1], y.shape[-1])), 1.0, identity)


def _log_driftless(u: Array, w: Array) -> Array:
    """Return the log density of reaching the lower boundary at scaled time u from w, no drift."""
    small = u < _SWITCH
    early, late = jnp.where(small, u, _SWITCH), jnp.where(small, _SWITCH, u)
    k = [i for i in range(-_TERMS, _TERMS + 1) if i]
    inner = w + sum((w + 2 * i) * jnp.exp(-2 * i * (w + i) / early) for i in k)
    first = -(w**2) / (2 * early) - 0.5 * jnp.log(2 * jnp.pi * early**3) + jnp.log(inner)
    waves = jnp.sin(jnp.pi * w) + sum(
        i * jnp.exp(-(i**2 - 1) * jnp.pi**2 * late / 2) * jnp.sin(i * jnp.pi * w)
        for i in range(2, _TERMS + 2)
    )
    second = -(jnp.pi**2) * late / 2 + jnp.log(jnp.pi * waves)
    return jnp.where(small, first, second)
