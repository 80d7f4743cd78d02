"""Between the users' parameter shapes and those of the compiled programs."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.em import Parameters, Prior
from neuroloom.glmhmm._em.mstep import Penalty
from neuroloom.glmhmm._families.families import Link, Observations


def double_precision() -> Any:
    """Return a context in which this thread computes in float64; nothing global is changed."""
    return jax.enable_x64(True)


def as_arrays(tree: Any) -> Any:
    """Return the tree with its leaves as JAX arrays (inside a double-precision block)."""
    return jax.device_put(tree)


def to_core(
    coef: Any, intercept: Any, scale: Any, initial: Any, transition: Any, drive: Any = None
) -> Parameters:
    """Return core parameters from user arrays (n_features, [n_outputs,] n_states)."""
    w = np.asarray(coef, dtype=np.float64)
    b = np.asarray(intercept, dtype=np.float64)
    s = np.asarray(scale, dtype=np.float64)
    if w.ndim == 2:
        w, b = w[:, None], b[None]
    if s.ndim == 1:
        s = s[None]
    n_outputs, n_states = w.shape[1:]
    s = np.broadcast_to(s, (n_outputs, n_states)) if s.shape[0] == 1 else s
    weights = np.concatenate([w.transpose(2, 1, 0), b.T[..., None]], axis=-1)
    v = np.zeros((n_states, n_states, 0)) if drive is None else np.asarray(drive, dtype=np.float64)
    return Parameters(
        weights,
        np.log(s).T.copy(),
        np.asarray(initial, dtype=np.float64),
        np.asarray(transition, dtype=np.float64),
        v,
    )


def from_core(parameters: Parameters, single: bool) -> tuple[Any, Any, Any, Any, Any]:
    """Return numpy coef, intercept, scale, initial, transition; `single` drops the output axis."""
    weights = np.array(parameters.weights, dtype=np.float64)
    coef = weights[..., :-1].transpose(2, 1, 0)
    intercept = weights[..., -1].T
    scale = np.exp(np.array(parameters.log_scale, dtype=np.float64)).T
    if single:
        coef, intercept, scale = coef[:, 0], intercept[0], scale[0]
    return (
        np.ascontiguousarray(coef),
        np.ascontiguousarray(intercept),
        np.ascontiguousarray(scale),
        np.array(parameters.initial, dtype=np.float64),
        np.array(parameters.transition, dtype=np.float64),
    )


def simple_start(
    n_states: int,
    n_features: int,
    y: NDArray[np.float64],
    observed: NDArray[np.bool_],
    family: Observations,
    link: Link,
) -> Parameters:
    """Return weights of zero around the mean response, sticky transitions."""
    from neuroloom.glmhmm._start.initializers import mean_intercept

    seen = y[observed]
    level = np.atleast_1d(mean_intercept(family, link, seen))
    n_outputs = len(level)
    weights = np.zeros((n_states, n_outputs, n_features + 1))
    weights[..., -1] = level
    spread = np.var(seen, axis=0) if type(family).__name__ == "GaussianObservations" else 1.0
    log_scale = np.log(np.maximum(np.broadcast_to(spread, (n_states, n_outputs)), 1e-12)).copy()
    stay = 1.0 if n_states == 1 else 0.95
    transition = np.full((n_states, n_states), (1 - stay) / max(n_states - 1, 1))
    np.fill_diagonal(transition, stay)
    initial = np.full(n_states, 1 / n_states)
    return Parameters(weights, log_scale, initial, transition, np.zeros((n_states, n_states, 0)))


def plain_prior(n_states: int, n_outputs: int, n_features: int, ridge: float) -> Prior:
    """Return a ridge on all coefficients and flat Dirichlet priors."""
    strength = np.full((n_states, n_outputs, n_features + 1), float(ridge))
    strength[..., -1] = 0
    groups = np.zeros((0, *strength.shape))
    penalty = Penalty(strength, np.zeros_like(strength), groups, np.zeros(0))
    return Prior(penalty, np.ones(n_states), np.ones((n_states, n_states)), np.ones(()))
