"""The most likely path of states."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.compile import double_precision, grid_for, program

Array = Any


def most_likely_path(
    log_p: NDArray[np.float64],
    starts: NDArray[np.bool_],
    initial: NDArray[np.float64],
    transition: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return the path of `viterbi`, by a program that near numbers of trials share.

    What is added at the end are sessions of their own that say nothing.
    """
    n = len(log_p)
    more = grid_for(n)(n) - n
    padded = np.concatenate([log_p, np.zeros((more, log_p.shape[1]))])
    begins = np.append(starts, np.ones(more, dtype=bool))
    if transition.ndim == 3:
        # The last matrix, so that no logarithm is of something else.
        transition = np.concatenate([transition, np.repeat(transition[-1:], more, axis=0)])
    with double_precision():
        path = program(viterbi)(padded, begins, np.asarray(initial), transition)
    return np.asarray(path)[:n].astype(np.int64)


def viterbi(log_p: Array, starts: Array, initial: Array, transition: Array) -> Array:
    """Return the most likely path of unpacked trials (n_trials,).

    `log_p` has shape (n_trials, n_states), `transition` (n_states, n_states) or with a leading
    trial axis. Ties go to the lower state.
    """
    log_initial, log_transition = jnp.log(initial), jnp.log(transition)
    driven = transition.ndim == 3

    def advance(carry: Array, step: tuple[Array, ...]) -> tuple[Array, Array]:
        matrix = step[2] if driven else log_transition
        scores = carry[:, None] + matrix
        source = jnp.argmax(scores, axis=0)
        best = jnp.where(step[1], jnp.max(carry) + log_initial, jnp.max(scores, axis=0))
        # At a session's start the path before it ends in its own best state.
        source = jnp.where(step[1], jnp.argmax(carry), source)
        return best + step[0], source

    inputs = (log_p, starts, log_transition) if driven else (log_p, starts)
    last, sources = jax.lax.scan(advance, jnp.zeros_like(log_p[0]), inputs)

    def trace(state: Array, source: Array) -> tuple[Array, Array]:
        return source[state], state

    _, path = jax.lax.scan(trace, jnp.argmax(last), sources, reverse=True)
    return path
