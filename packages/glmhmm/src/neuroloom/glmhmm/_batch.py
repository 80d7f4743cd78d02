"""Many fits of equal shape side by side: folds, subjects, grids, bootstrap samples."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em import Fit, Parameters, Prior, run, run_forward
from neuroloom.glmhmm._mstep import Model
from neuroloom.glmhmm._packing import Trials

_CHUNK_NUMBERS = 300_000  # places × states × starts in one program: what a cache holds


@functools.partial(jax.jit, static_argnames=("model", "trace"))
def _fit_batch(
    starts: Parameters,
    trials: Trials,
    prior: Prior,
    tol: Any,
    maxiter: Any,
    *,
    model: Model,
    trace: int,
) -> Fit:
    return jax.vmap(lambda s, t, p: run(s, t, p, tol, maxiter, model, trace))(starts, trials, prior)


@functools.partial(jax.jit, static_argnames=("model",))
def log_likelihood(parameters: Parameters, trials: Trials, *, model: Model) -> Any:
    """Return the log-likelihood of the trials that are there, without base terms."""
    return jnp.sum(run_forward(parameters, trials, model).log_likelihood)


@functools.partial(jax.jit, static_argnames=("model",))
def log_likelihoods(parameters: Parameters, trials: Trials, *, model: Model) -> Any:
    """Return one log-likelihood for each pair of parameters and trials (leading axes)."""
    return jax.vmap(lambda p, t: jnp.sum(run_forward(p, t, model).log_likelihood))(
        parameters, trials
    )


def fit_batch(
    starts: list[Parameters],
    trials: list[Trials],
    priors: list[Prior],
    tol: float,
    maxiter: int,
    model: Model,
    trace: int,
) -> list[Fit]:
    """Return one fit for each start, its trials and its prior; all must have one shape."""
    n = len(starts)
    size = trials[0].observed.size * starts[0].weights.shape[0]
    chunk = int(np.clip(_CHUNK_NUMBERS // size, 1, n))
    out: list[Fit] = []
    for begin in range(0, n, chunk):
        index = [min(i, n - 1) for i in range(begin, begin + chunk)]
        fits = _fit_batch(
            stack([starts[i] for i in index]),
            stack([trials[i] for i in index]),
            stack([priors[i] for i in index]),
            tol,
            maxiter,
            model=model,
            trace=trace,
        )
        numbers = jax.tree.map(np.asarray, fits)
        out += [jax.tree.map(lambda a, j=j: a[j], numbers) for j in range(min(chunk, n - begin))]
    return out


def stack(trees: list[Any]) -> Any:
    """Return equal trees as one with a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *trees)


def only(trials: Trials, keep: NDArray[np.bool_]) -> Trials:
    """Return the trials of whole sessions; `keep` is a mask of places (n_steps, n_columns)."""
    kept = jnp.asarray(keep)
    return trials._replace(
        observed=jnp.where(kept, trials.observed, 0.0),
        reset=jnp.where(kept, trials.reset, True),
        start=jnp.where(kept, trials.start, 0.0),
    )
