"""Transitions driven by inputs: rows of a softmax whose logits are linear in the input.

``A_t[i, j] ∝ A[i, j] exp(v_ij · u_t)`` with ``v_ii = 0`` (staying is the reference), so that `A`
is the matrix at zero input (Bengio & Frasconi 1995; Calhoun, Pillow & Murthy 2019).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from neuroloom.glmhmm._em import dirichlet
from neuroloom.glmhmm._families.links import safe_log
from neuroloom.glmhmm._model.parameters import SMALLEST

Array = Any
_NEWTON_STEPS = 3


def _logits(log_transition: Array, drive: Array, u: Array) -> Array:
    """Return logits (n_steps, from, to, n_columns)."""
    return log_transition[None, :, :, None] + jnp.einsum("ijp,plb->lijb", drive, u)


def driven_transition(transition: Array, drive: Array, u: Array) -> Array:
    """Return the matrix that leads into each place (n_steps, from, to, n_columns)."""
    moved = jax.nn.softmax(_logits(safe_log(transition), drive, u), axis=2)
    # Inputs make a step unlikely, never impossible; zeros of the matrix itself stay zeros.
    smallest = SMALLEST if moved.dtype == jnp.float64 else 1e-30
    possible = (transition > 0)[None, :, :, None]
    return jnp.where(possible, jnp.maximum(moved, smallest), 0.0)


def drive_penalty(drive: Array, strength: Array) -> Array:
    """Return the ridge on the inputs' weights."""
    return 0.5 * strength * jnp.sum(drive**2)


def drive_step(
    transition: Array,
    drive: Array,
    pairs: Array,
    u: Array,
    alpha: Array,
    strength: Array,
    *,
    sparse: bool,
) -> tuple[Array, Array]:
    """Return the matrix at zero input and the weights after guarded Newton steps, row by row.

    Each row's free parameters are the logits against staying, and the inputs' weights; steps are
    taken in units of the inputs' size. Transitions of probability zero stay out. Where staying is
    impossible another target is the reference of the logits alone, and its weights stay.
    """
    n_states, _, n_inputs = drive.shape
    flat_u = u.reshape(n_inputs, -1)
    size = jnp.sqrt(jnp.mean(flat_u**2, axis=1))
    size = jnp.where(size > 0, size, 1.0)
    scaled = flat_u / size[:, None]
    # (from, to, trials)
    weight = jnp.moveaxis(pairs, 0, 2).reshape(n_states, n_states, -1)

    def row(index: Array, a: Array, v: Array, w: Array, prior: Array) -> tuple[Array, Array]:
        others = jnp.arange(n_states - 1) + (jnp.arange(n_states - 1) >= index)
        possible = a > 0
        base = jnp.where(possible, jnp.log(jnp.where(possible, a, 1.0)), 0.0)
        start = jnp.concatenate([(base[others] - base[index])[:, None], v[others] * size], axis=1)
        free = jnp.broadcast_to(possible[others][:, None], start.shape).ravel()
        # Weights belong to steps that have a reference: staying.
        has_reference = jnp.where(possible[index], 1.0, 0.0)
        slopes = jnp.ones(start.shape, bool).at[:, 0].set(False).ravel()
        free = free & (~slopes | (has_reference > 0))

        def spread(theta: Array) -> tuple[Array, Array]:
            full = jnp.zeros((n_states, 1 + n_inputs), theta.dtype).at[others].set(theta)
            return jnp.where(possible, full[:, 0], -jnp.inf), full[:, 1:]

        def value(flat: Array) -> Array:
            logit, slope = spread(flat.reshape(start.shape))
            at_zero = jnp.where(possible, jax.nn.softmax(logit), 0.0)
            log_p = jax.nn.log_softmax(logit[:, None] + slope @ scaled, axis=0)
            log_p = jnp.where(possible[:, None], log_p, 0.0)
            return (
                jnp.sum(jnp.where(w > 0, w * log_p, 0.0))
                + dirichlet.log_prior(prior, at_zero, sparse=sparse)
                - drive_penalty(slope / size, strength)
            )

        def advance(_: int, flat: Array) -> Array:
            g = jnp.where(free, jax.grad(value)(flat), 0.0)
            h = -jax.hessian(value)(flat)
            h = jnp.where(free[:, None] & free[None], h, 0.0)
            own = jnp.diagonal(h)
            h = h + jnp.diag(jnp.where(free & (own > 0), 1e-9 * own + 1e-12, 1.0))
            step = jnp.clip(jnp.linalg.solve(h, g), -2.0, 2.0)
            fractions = 0.5 ** jnp.arange(8, dtype=flat.dtype)
            tried = jax.vmap(lambda s: value(flat + s * step))(fractions)
            tried = jnp.where(jnp.isfinite(tried), tried, -jnp.inf)
            best = jnp.argmax(tried)
            return jnp.where(tried[best] >= value(flat), flat + fractions[best] * step, flat)

        done = jax.lax.fori_loop(0, _NEWTON_STEPS, advance, start.ravel())
        logit, slope = spread(done.reshape(start.shape))
        smallest = SMALLEST if logit.dtype == jnp.float64 else 1e-30
        at_zero = jnp.maximum(jax.nn.softmax(logit), smallest)
        return jnp.where(possible, at_zero, 0.0), slope / size

    if n_states == 1:
        return transition, drive
    new, slopes = jax.vmap(row)(jnp.arange(n_states), transition, drive, weight, alpha)
    used = jnp.sum(weight, axis=(1, 2))[:, None] > 1e-8
    return jnp.where(used, new, transition), jnp.where(used[..., None], slopes, drive)
