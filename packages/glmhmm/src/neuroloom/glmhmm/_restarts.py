"""Many starts in one program: all run a little, the promising ones to the end.

Short runs from many starts followed by long runs from the best of them find good optima more
often than as many long runs (emEM; Biernacki, Celeux & Govaert 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.glmhmm._em import Fit, Parameters, Prior, fit_many, fit_one
from neuroloom.glmhmm._mstep import Model
from neuroloom.glmhmm._packing import Trials

AUTO_STARTS = 96
SCREEN_ITERATIONS = 24
FINALISTS = 8
_CHUNK_NUMBERS = 300_000  # places × states × starts in one program: what a cache holds


@dataclass(frozen=True)
class Restarts:
    """The best fit, and what every start led to."""

    best: Fit
    report: pd.DataFrame
    index: int


def trace_length(maxiter: int) -> int:
    """Return the size of the history, a power of two, so that few programs are compiled."""
    return int(2 ** int(np.ceil(np.log2(max(maxiter, 16)))))


def diverse_starts(
    first: Parameters,
    pooled: Parameters,
    n: int,
    rng: np.random.Generator,
    spread: NDArray[np.float64],
) -> Parameters:
    """Return `n` starts: `first`, then the one-state weights with noise of several sizes.

    `spread` is each regressor's standard deviation, so that noise means the same for all units.
    """
    n_states, n_outputs, width = first.weights.shape
    size = np.tile([0.3, 1.0, 2.0], n)[: n - 1]
    noise = rng.normal(size=(n - 1, n_states, n_outputs, width)) * size[:, None, None, None]
    noise /= np.append(np.maximum(spread, 1e-12), 1.0)
    base = np.asarray(pooled.weights)
    # Some starts scale the pooled weights, so that states differ in how much they follow them.
    gain = np.exp(0.7 * rng.normal(size=(n - 1, n_states, 1, 1)))
    weights = base * gain + noise
    stay = rng.uniform(0.85, 0.99, size=(n - 1, n_states))
    transition = np.empty((n - 1, n_states, n_states))
    transition[:] = ((1 - stay) / max(n_states - 1, 1))[..., None]
    for k in range(n_states):
        transition[:, k, k] = stay[:, k] if n_states > 1 else 1.0

    def stack(a: Any, b: Any) -> Any:
        return np.concatenate([np.asarray(a)[None], np.asarray(b)])

    def repeat(a: Any) -> Any:
        return np.repeat(np.asarray(a)[None], n - 1, axis=0)

    return Parameters(
        stack(first.weights, weights),
        stack(first.log_scale, repeat(first.log_scale)),
        stack(first.initial, repeat(np.full(n_states, 1 / n_states))),
        stack(first.transition, transition),
        stack(first.drive, repeat(np.zeros_like(first.drive))),
    )


def multi_start(
    starts: Parameters,
    trials: Trials,
    prior: Prior,
    tol: float,
    maxiter: int,
    model: Model,
    *,
    finalists: int | Literal["all"] = FINALISTS,
) -> Restarts:
    """Return the best fit over `starts` (leading axis), by penalised log-likelihood.

    With more starts than finalists all run `SCREEN_ITERATIONS`, and the best go on to `tol`.
    """
    n = len(starts.weights)
    trace = trace_length(maxiter)
    n_final = n if finalists == "all" else min(finalists, n)
    if n_final == n:
        fits = _in_chunks(starts, trials, prior, tol, maxiter, model, trace)
        order = _ranking(fits.objective)
        best = pick(fits, int(order[0]))
        finished = np.ones(n, dtype=bool)
    else:
        screen = min(SCREEN_ITERATIONS, maxiter)
        fits = _in_chunks(starts, trials, prior, tol, screen, model, trace_length(screen))
        chosen = _ranking(fits.objective)[:n_final]
        again = jax.tree.map(lambda a: a[chosen], fits.parameters)
        ends = _in_chunks(again, trials, prior, tol, maxiter, model, trace)
        finished = np.zeros(n, dtype=bool)
        finished[chosen] = True
        best = pick(ends, int(_ranking(ends.objective)[0]))
        fits = fits._replace(
            objective=fits.objective.at[chosen].set(ends.objective),
            log_likelihood=fits.log_likelihood.at[chosen].set(ends.log_likelihood),
            iterations=fits.iterations.at[chosen].add(ends.iterations),
            converged=fits.converged.at[chosen].set(ends.converged),
        )
    report = pd.DataFrame(
        {
            "start": np.arange(n),
            "objective": np.asarray(fits.objective, dtype=np.float64),
            "log_likelihood": np.asarray(fits.log_likelihood, dtype=np.float64),
            "iterations": np.asarray(fits.iterations),
            "converged": np.asarray(fits.converged),
            "finished": finished,
        }
    )
    return Restarts(best, report, int(_ranking(fits.objective)[0]))


def pick(fits: Fit, index: int) -> Fit:
    """Return one fit of many."""
    return _fit(jax.tree.map(lambda a: a[index], fits))


def _fit(value: Any) -> Fit:
    assert isinstance(value, Fit)
    return value


def _ranking(objective: Any) -> NDArray[np.int64]:
    values = np.nan_to_num(np.asarray(objective, dtype=np.float64), nan=-np.inf)
    return np.argsort(-values, kind="stable")


def _in_chunks(
    starts: Parameters,
    trials: Trials,
    prior: Prior,
    tol: float,
    maxiter: int,
    model: Model,
    trace: int,
) -> Fit:
    n, n_states = starts.weights.shape[:2]
    if n == 1:
        one = fit_one(
            jax.tree.map(lambda a: a[0], starts),
            trials,
            prior,
            tol,
            maxiter,
            model=model,
            trace=trace,
        )
        return _fit(jax.tree.map(lambda a: a[None], one))
    chunk = int(np.clip(_CHUNK_NUMBERS // (trials.observed.size * n_states), 2, n))
    parts = []
    for begin in range(0, n, chunk):
        index = np.minimum(np.arange(begin, begin + chunk), n - 1)
        part = fit_many(
            jax.tree.map(lambda a, i=index: a[i], starts),
            trials,
            prior,
            tol,
            maxiter,
            model=model,
            trace=trace,
        )
        parts.append(jax.tree.map(lambda a, m=n - begin: a[: min(chunk, m)], part))
    return _fit(jax.tree.map(lambda *a: jnp.concatenate(a), *parts))
