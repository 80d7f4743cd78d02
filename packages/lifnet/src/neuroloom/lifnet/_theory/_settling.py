"""Where rates settle: the stable state that ``τ dν/dt = −ν + Φ(ν)`` flows into from a start.

Implicit Euler steps follow the flow and grow as it slows down (pseudo-transient continuation;
Kelley & Keyes 1998). Newton's method alone would stay at a state that the flow leaves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._theory._rate_equations import RateEquations, solve

Array = NDArray[np.float64]

_ATTEMPTS = 6
_STEPS = 200
_FIRST_STEP, _LONGEST_STEP = 0.2, 100.0  # in units of the mean time constant
_KICK = 0.05  # of 1 + the largest rate, along the direction that grows
_GROWS = 1e-6  # real part above which a state is not stable


def settle(equations: RateEquations, starts: Array, tau: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the stable states that the rates flow into, and which starts have settled.

    Parameters
    ----------
    equations : RateEquations
        One system, or one per start.
    starts : ndarray, shape (n_starts, n_pops)
        In Hz.
    tau : ndarray, shape (n_pops,)
        Time constants of the rates in s.
    """
    speed = tau.mean() / tau
    nu = np.maximum(np.array(starts, dtype=np.float64), 0.0)
    settled = np.zeros(len(nu), dtype=bool)
    for _ in range(_ATTEMPTS):
        todo = np.flatnonzero(~settled)
        if not todo.size:
            break
        part = equations.rows(todo)
        nu[todo] = _flow(part, nu[todo], speed)
        found = solve(part, nu[todo], persist=False)
        near = np.abs(found.rates - nu[todo]).max(axis=1) < 1e-2 * (1 + nu[todo].max(axis=1))
        arrived = found.converged & near
        nu[todo[arrived]] = found.rates[arrived]
        values, directions = _slowest(part, nu[todo], speed)
        settled[todo] = arrived & (values < -_GROWS)
        leaves = todo[arrived & (values >= -_GROWS)]
        push = directions[arrived & (values >= -_GROWS)]
        size = _KICK * (1 + nu[leaves].max(axis=1, keepdims=True))
        nu[leaves] = np.maximum(nu[leaves] + size * push, 0.0)
    return nu, settled


def _flow(equations: RateEquations, nu: Array, speed: Array) -> Array:
    """Follow the flow with implicit steps until it is slow."""
    n = nu.shape[1]
    step = np.full(len(nu), _FIRST_STEP)
    rate, jacobian = equations.linearized(nu)
    size = np.linalg.norm(rate - nu, axis=1)
    active = np.arange(len(nu))
    for count in range(_STEPS):
        if not active.size:
            break
        part = equations.rows(active)
        matrix = speed[:, None] * (np.eye(n) - jacobian[active])
        matrix = matrix + (1.0 / step[active])[:, None, None] * np.eye(n)
        drift = speed * (rate[active] - nu[active])
        nu[active] = np.maximum(nu[active] + np.linalg.solve(matrix, drift[..., None])[..., 0], 0.0)
        rate[active], jacobian[active] = part.linearized(nu[active])
        now = np.linalg.norm(rate[active] - nu[active], axis=1)
        # Steps stay short at first, so that a start near an unstable state can leave it.
        grow = np.clip(size[active] / np.maximum(now, 1e-300), 0.5, 1.5)
        longest = 1.0 if count < 30 else _LONGEST_STEP
        step[active] = np.clip(step[active] * grow, _FIRST_STEP / 4, longest)
        size[active] = now
        active = active[now > 1e-6 * (1 + nu[active].max(axis=1))]
    return nu


def _slowest(equations: RateEquations, nu: Array, speed: Array) -> tuple[Array, Array]:
    """Return the largest real part of the linearized flow, and its direction of unit length."""
    matrix = speed[:, None] * (equations.linearized(nu)[1] - np.eye(nu.shape[1]))
    values, vectors = np.linalg.eig(matrix)
    which = values.real.argmax(axis=1)
    rows = np.arange(len(nu))
    direction = vectors[rows, :, which].real
    sign = np.sign(direction[rows, np.abs(direction).argmax(axis=1)])
    return values.real[rows, which], direction * sign[:, None] / np.abs(direction).max()
