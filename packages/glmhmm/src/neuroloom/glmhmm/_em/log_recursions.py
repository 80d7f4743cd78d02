"""Forward–backward in logarithms, for chains in which some probabilities are zero.

Where a transition is impossible, the state that explains a trial best may not be reachable, and
one that is thousands of nats less likely decides. Scaled probabilities lose such a state; here all
stay in logarithms (Murphy 2012, sec. 17.4), at two to three times the cost. Shapes are those of
`recursions`; sessions are not cut over columns.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from neuroloom.glmhmm._em.recursions import Expectations, Forward
from neuroloom.glmhmm._families.links import safe_log

Array = Any


def log_sum(values: Array, axis: int) -> Array:
    """Return log Σ exp(values), −∞ with slope zero where all are −∞.

    ``logsumexp`` has no slope there, and one state that cannot be reached would leave none at all.
    """
    top = jax.lax.stop_gradient(jnp.max(values, axis=axis, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    total = jnp.sum(jnp.exp(values - top), axis=axis)
    return safe_log(total) + jnp.squeeze(top, axis)


def forward(log_p: Array, reset: Array, initial: Array, transition: Array) -> Forward:
    """Return log filtered probabilities, and the log-likelihood of every place.

    `filtered` holds logarithms here, `likelihood` the log densities.
    """
    n_states = log_p.shape[1]
    start = safe_log(initial)[:, None]
    logs = safe_log(transition)
    driven = transition.ndim == 4
    inputs = (log_p, reset, logs) if driven else (log_p, reset)
    even = -jnp.log(jnp.asarray(float(n_states), log_p.dtype))

    def advance(carry: Array, step: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        matrix = step[2] if driven else logs
        predicted = log_sum(carry[:, None] + matrix, axis=0)
        joint = jnp.where(step[1], start, predicted) + step[0]
        total = log_sum(joint, axis=0)
        # Where no state is possible the likelihood is zero; the rest goes on from all alike.
        possible = jnp.isfinite(total)
        now = jnp.where(possible, joint - jnp.where(possible, total, 0.0), even)
        return now, (now, total)

    entering = jnp.broadcast_to(start, log_p.shape[1:])
    _, (filtered, scale) = jax.lax.scan(advance, entering, inputs)
    return Forward(filtered, scale, log_p, scale, None)


def backward(ahead: Forward, reset: Array, start: Array, transition: Array) -> Expectations:
    """Return the smoothed probabilities and expected transitions."""
    logs = safe_log(transition)
    driven = transition.ndim == 4
    possible = jnp.isfinite(ahead.scale)[:, None]
    weighted = jnp.where(
        possible, ahead.likelihood - jnp.where(possible, ahead.scale[:, None], 0.0), 0.0
    )
    after = (weighted, reset, logs) if driven else (weighted, reset)

    def backward_step(carry: Array, step: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        pull = carry + step[0]
        matrix = step[2] if driven else logs
        before = log_sum(matrix + pull[None], axis=1)
        return jnp.where(step[1], 0.0, before), (carry, pull)

    last = jnp.zeros(ahead.filtered.shape[1:], ahead.filtered.dtype)
    _, (beta, pull) = jax.lax.scan(backward_step, last, after, reverse=True)
    smoothed = jax.nn.softmax(ahead.filtered + beta, axis=1)
    previous = jnp.concatenate([jnp.zeros_like(ahead.filtered[:1]), ahead.filtered[:-1]])
    joint = previous[:, :, None] + (logs if driven else logs[None]) + pull[:, None]
    pairs = jnp.where(reset[:, None, None], 0.0, jnp.exp(joint))
    if not driven:
        pairs = jnp.sum(pairs, axis=(0, 3))
    first = jnp.einsum("lkb,lb->k", smoothed, start)
    return Expectations(jnp.sum(ahead.log_likelihood), smoothed, pairs, first)
