"""Transitions driven by inputs: rows of a softmax whose logits are linear in the input.

``A_t[i, j] ∝ A[i, j] exp(v_ij · u_t)`` with ``v_ii = 0`` (staying is the reference), so that `A`
is the matrix at zero input (Bengio & Frasconi 1995; Calhoun, Pillow & Murthy 2019).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

Array = Any
_NEWTON_STEPS = 3


def _logits(log_transition: Array, drive: Array, u: Array) -> Array:
    """Return logits (n_steps, from, to, n_columns)."""
    return log_transition[None, :, :, None] + jnp.einsum("ijp,plb->lijb", drive, u)


def driven_transition(transition: Array, drive: Array, u: Array) -> Array:
    """Return the matrix that leads into each place (n_steps, from, to, n_columns)."""
    floor = jnp.log(jnp.maximum(transition, 1e-300))
    return jax.nn.softmax(_logits(floor, drive, u), axis=2)


def drive_penalty(drive: Array, strength: Array) -> Array:
    """Return the ridge on the inputs' weights."""
    return 0.5 * strength * jnp.sum(drive**2)


def drive_step(
    transition: Array, drive: Array, pairs: Array, u: Array, alpha: Array, strength: Array
) -> tuple[Array, Array]:
    """Return the matrix at zero input and the weights after guarded Newton steps, row by row."""
    n_states, _, n_inputs = drive.shape
    flat_u = u.reshape(n_inputs, -1)
    # (from, to, trials)
    weight = jnp.moveaxis(pairs, 0, 2).reshape(n_states, n_states, -1)

    def row(index: Array, a: Array, v: Array, w: Array, prior: Array) -> tuple[Array, Array]:
        others = jnp.arange(n_states - 1) + (jnp.arange(n_states - 1) >= index)
        base = jnp.log(jnp.maximum(a, 1e-12))
        start = jnp.concatenate([(base[others] - base[index])[:, None], v[others]], axis=1)

        def spread(theta: Array) -> tuple[Array, Array]:
            full = jnp.zeros((n_states, 1 + n_inputs), theta.dtype).at[others].set(theta)
            return full[:, 0], full[:, 1:]

        def value(flat: Array) -> Array:
            logit, slope = spread(flat.reshape(start.shape))
            at_zero = jax.nn.log_softmax(logit)
            log_p = jax.nn.log_softmax(logit[:, None] + slope @ flat_u, axis=0)
            return (
                jnp.sum(w * log_p) + jnp.sum((prior - 1) * at_zero) - drive_penalty(slope, strength)
            )

        def advance(_: int, flat: Array) -> Array:
            g = jax.grad(value)(flat)
            h = -jax.hessian(value)(flat) + 1e-6 * jnp.eye(flat.size, dtype=flat.dtype)
            step = jnp.clip(jnp.linalg.solve(h, g), -2.0, 2.0)
            shares = 0.5 ** jnp.arange(6, dtype=flat.dtype)
            tried = jax.vmap(lambda s: value(flat + s * step))(shares)
            best = jnp.argmax(tried)
            return jnp.where(tried[best] >= value(flat), flat + shares[best] * step, flat)

        done = jax.lax.fori_loop(0, _NEWTON_STEPS, advance, start.ravel())
        logit, slope = spread(done.reshape(start.shape))
        return jax.nn.softmax(logit), slope

    if n_states == 1:
        return transition, drive
    new, slopes = jax.vmap(row)(jnp.arange(n_states), transition, drive, weight, alpha)
    used = jnp.sum(weight, axis=(1, 2))[:, None] > 1e-8
    return jnp.where(used, new, transition), jnp.where(used[..., None], slopes, drive)
