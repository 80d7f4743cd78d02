"""Forward–backward on packed trials, with probabilities scaled to sum to one at each step.

Rabiner 1989, eqs. 18–27 and 90–92 (scaling). Arrays run ``(n_steps, n_states, n_columns)``: all
columns take a step at once. A session cut over several columns is exact all the same: a first
pass carries every possible state through each column, a short one joins the columns.
`transition` has shape (n_states, n_states, 1), or (n_steps, n_states, n_states, n_columns) where
it is driven by inputs; entry [i, j] leads from i to j *into* the step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = Any
# exp(−700) is representable; a trial this unlikely in a state is not told from a less likely one.
_FLOOR = -700.0
TINY = 1e-300


class Forward(NamedTuple):
    """What the forward pass leaves for the backward pass."""

    filtered: Array  # (n_steps, n_states, n_columns)
    scale: Array  # (n_steps, n_columns)
    likelihood: Array  # (n_steps, n_states, n_columns), up to a factor per place
    log_likelihood: Array  # (n_steps, n_columns), log p(y_t | y_1 … y_{t−1})
    transfer: tuple[Array, Array] | None


class Expectations(NamedTuple):
    """What the M-step needs of the posterior."""

    log_likelihood: Array
    smoothed: Array  # (n_steps, n_states, n_columns)
    pairs: Array  # sum over trials (n_states, n_states), or with (n_steps, …, n_columns)
    first: Array  # (n_states,) expected number of sessions that start in each state
    density: Array | None = None  # p(y | state) of the places in a row, where the M-step uses it


def relative(log_p: Array) -> tuple[Array, Array]:
    """Return likelihoods relative to the most likely state, and that one's log-likelihood.

    A response that no state can make has log-likelihood −∞, and says nothing about the states.
    Nothing depends on what is taken off, so that it has no slope: JAX's slope of a maximum asks
    which entry equals it, and none does where the compiler rounds them differently the second time.
    """
    top = jax.lax.stop_gradient(jnp.max(log_p, axis=1))
    possible = top > -jnp.inf
    apart = log_p - jnp.where(possible, top, 0.0)[:, None]
    return jnp.where(possible[:, None], jnp.exp(jnp.maximum(apart, _FLOOR)), 1.0), top


def _step(vector: Array, matrix: Array) -> Array:
    """Return ``vector @ matrix`` in every column."""
    return jnp.sum(vector[:, None, :] * matrix, axis=0)


def forward(
    likelihood: Array,
    top: Array,
    reset: Array,
    initial: Array,
    transition: Array,
    *,
    split: bool,
) -> Forward:
    """Return filtered probabilities and the log-likelihood of every place.

    `likelihood` is relative to a state whose log-likelihood is `top`, see `relative`. All
    probabilities must be well above the floor: zeros need `log_recursions`.
    """
    _, n_states, n_columns = likelihood.shape
    start = initial[:, None]
    driven = transition.ndim == 4
    inputs = (likelihood, reset, transition) if driven else (likelihood, reset)

    def matrix(step: tuple[Array, ...]) -> Array:
        return step[2] if driven else transition

    transfer = None
    entering = jnp.broadcast_to(start, (n_states, n_columns))
    if split:
        transfer = _transfer(inputs, matrix, start, n_states, n_columns)
        entering = _join_forward(entering, *transfer)

    def advance(carry: Array, step: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        predicted = jnp.where(step[1], start, _step(carry, matrix(step)))
        joint = predicted * step[0]
        total = jnp.sum(joint, axis=0)
        now = joint / total
        return now, (now, total)

    _, (filtered, scale) = jax.lax.scan(advance, entering, inputs)
    return Forward(filtered, scale, likelihood, jnp.log(scale) + top, transfer)


def _transfer(
    inputs: tuple[Array, ...], matrix: Any, start: Array, n_states: int, n_columns: int
) -> tuple[Array, Array]:
    """Return where each state leads to through a column: rows that sum to one, log weights."""

    def advance(carry: tuple[Array, ...], step: tuple[Array, ...]) -> tuple[Any, None]:
        # Rows keep their weight, and steps back by powers of two, which round nothing, keep it a
        # number: divisions and logarithms at each step would cost more than the rest.
        rows, weight, exponent = carry
        power, back = _power_of_two(weight)
        moved = jnp.sum(rows[:, :, None, :] * matrix(step), axis=1)
        moved = jnp.where(step[1], start * weight[:, None], moved) * (step[0] * back[:, None])
        return (moved, jnp.sum(moved, axis=1), exponent + power), None

    dtype = inputs[0].dtype
    eye = jnp.broadcast_to(
        jnp.eye(n_states, dtype=dtype)[:, :, None], (n_states, n_states, n_columns)
    )
    one = jnp.ones((n_states, n_columns), dtype)
    begin = (eye, one, jnp.zeros_like(one, _power_of_two(one)[0].dtype))
    (rows, weight, exponent), _ = jax.lax.scan(advance, begin, inputs)
    log_weight = jnp.log(weight) + exponent.astype(dtype) * float(np.log(2))
    return rows / weight[:, None], log_weight


def _power_of_two(x: Array) -> tuple[Array, Array]:
    """Return the exponent of the largest power of two up to x > 0, and that power's inverse.

    Read from the number's bits: `jnp.frexp` minds zeros and subnormal numbers, at twice the time.
    """
    kind = np.finfo(x.dtype)
    whole = np.dtype(f"int{kind.bits}")
    bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(x), whole)
    bias = 1 - int(kind.minexp)
    power = (bits >> kind.nmant) - bias
    return power, jax.lax.bitcast_convert_type((bias - power) << kind.nmant, x.dtype)


def _join_forward(entering: Array, rows: Array, weight: Array) -> Array:
    def join(carry: Array, column: tuple[Array, Array]) -> tuple[Array, Array]:
        row, log_weight = column
        # Only states that can be there decide which weight is the largest.
        seen = jnp.where(carry > 0, log_weight, -jnp.inf)
        top = jax.lax.stop_gradient(jnp.max(seen))
        entered = carry * jnp.exp(jnp.where(carry > 0, log_weight - top, -jnp.inf))
        out = entered @ row
        return out / jnp.sum(out), carry

    _, before = jax.lax.scan(join, entering[:, 0], (jnp.moveaxis(rows, 2, 0), weight.T))
    return before.T


def _join_backward(rows: Array, weight: Array) -> Array:
    """Return, up to a factor, the likelihood of all later columns given a column's last state."""

    def join(carry: Array, column: tuple[Array, Array]) -> tuple[Array, Array]:
        row, log_weight = column
        inner = row @ carry
        value = jnp.log(jnp.maximum(inner, TINY)) + log_weight
        top = jax.lax.stop_gradient(jnp.max(value))
        return jnp.exp(jnp.maximum(value - top, _FLOOR)), carry

    n_states = rows.shape[0]
    last = jnp.ones(n_states, rows.dtype)
    _, after = jax.lax.scan(join, last, (jnp.moveaxis(rows, 2, 0), weight.T), reverse=True)
    return after.T


def backward(
    ahead: Forward, reset: Array, start: Array, transition: Array, *, split: bool
) -> Expectations:
    """Return the smoothed probabilities and expected transitions."""
    filtered, scale, likelihood = ahead.filtered, ahead.scale, ahead.likelihood
    _, n_states, n_columns = filtered.shape
    driven = transition.ndim == 4
    later = jnp.ones((n_states, n_columns), filtered.dtype)
    if split:
        assert ahead.transfer is not None
        later = _join_backward(*ahead.transfer)
        later = later / jnp.sum(filtered[-1] * later, axis=0)
    weighted = likelihood / scale[:, None]
    # What enters the step below a column's last one is known already, so that step is one of ones.
    after = (weighted, reset, transition) if driven else (weighted, reset)

    def backward_step(carry: Array, step: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        smooth_ratio = carry  # β_t: likelihood of what follows, given the state at t
        pull = smooth_ratio * step[0]
        matrix = step[2] if driven else transition
        before = jnp.sum(matrix * pull[None], axis=1)
        before = jnp.where(step[1], jnp.ones_like(before), before)
        return before, (smooth_ratio, pull)

    _, (beta, pull) = jax.lax.scan(backward_step, later, after, reverse=True)
    smoothed = filtered * beta
    smoothed = smoothed / jnp.sum(smoothed, axis=1, keepdims=True)
    pull = jnp.where(reset[:, None], 0.0, pull)
    previous = jnp.concatenate([_enter(filtered, split)[None], filtered[:-1]])
    if driven:
        pairs = previous[:, :, None] * transition * pull[:, None]
    else:
        pairs = jnp.einsum("lib,ljb->ij", previous, pull) * transition[:, :, 0]
    first = jnp.einsum("lkb,lb->k", smoothed, start)
    return Expectations(jnp.sum(ahead.log_likelihood), smoothed, pairs, first)


def _enter(filtered: Array, split: bool) -> Array:
    """Return the filtered probabilities just before each column's first step."""
    if not split:
        return jnp.zeros_like(filtered[0])
    last = filtered[-1]
    return jnp.concatenate([jnp.zeros_like(last[:, :1]), last[:, :-1]], axis=1)
