"""The M-step: new weights and scales that raise the expected complete log posterior.

One step is a Newton step per state (and output) on ``Σ γ log p(y | x, w) − penalty``, or its
proximal form where the penalty has a kink (Lee, Sun & Saunders 2014, alg. 1).
Weights have shape (n_states, n_outputs, n_regressors + 1), the intercept last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._families.families import GaussianObservations, Link, Observations

Array = Any
LOG_SCALE_MIN = -14.0
_PROX_STEPS = 200


class Penalty(NamedTuple):
    """Strengths per weight, 0 for intercepts; `groups` is 0/1 of shape (n_groups, *weights)."""

    ridge: Array
    lasso: Array
    groups: Array
    group_strength: Array


@dataclass(frozen=True)
class Model:
    """What is fixed while a program is compiled."""

    family: Observations
    link: Link
    split: bool = False
    smooth: bool = True  # no kink in the penalty
    driven: bool = False  # transitions depend on inputs
    solver: str = "newton"
    full: bool = False  # run the M-step to its optimum
    accelerate: bool = True
    solver_tol: float = 1e-8
    solver_maxiter: int = 500


def linear_predictor(weights: Array, x: Array) -> Array:
    """Return η with shape (n_states, n_outputs, n_places)."""
    return jnp.einsum("kmd,dn->kmn", weights, x)


def elementwise(model: Model, y: Array, eta: Array, log_scale: Array) -> Array:
    """Return log densities without base, (n_states, n_outputs or 1, n_places)."""
    scale = jnp.exp(log_scale)[:, :, None]
    out = model.family.log_prob(y, eta, scale, model.link)
    return out[:, None] if model.family.couples else out


def penalty_value(weights: Array, penalty: Penalty, model: Model) -> Array:
    """Return the penalty that is subtracted from the log-likelihood."""
    value = 0.5 * jnp.sum(penalty.ridge * weights**2)
    if not model.smooth:
        norms = jnp.sqrt(jnp.einsum("gkmd,kmd->g", penalty.groups, weights**2))
        value += jnp.sum(penalty.lasso * jnp.abs(weights)) + jnp.sum(penalty.group_strength * norms)
    return value


def expected_log_posterior(
    weights: Array, log_scale: Array, trials: Trials, gamma: Array, penalty: Penalty, model: Model
) -> Array:
    """Return Q of the emission parameters, `gamma` (n_states, n_places) holds the posterior."""
    eta = linear_predictor(weights, trials.x)
    density = jnp.sum(elementwise(model, trials.y, eta, log_scale), axis=1)
    return jnp.sum(jnp.where(gamma > 0, gamma * density, 0.0)) - penalty_value(
        weights, penalty, model
    )


def emission_step(
    weights: Array,
    log_scale: Array,
    trials: Trials,
    gamma: Array,
    penalty: Penalty,
    model: Model,
    *,
    density: Array | None = None,
) -> tuple[Array, Array]:
    """Return weights and log scales after one Newton step each; a state without trials stays.

    `density` is p(y | state) at the weights, if the E-step left it.
    """
    mass = jnp.sum(gamma, axis=1)
    gradient, curvature = _derivatives(weights, log_scale, trials, gamma, penalty, model, density)
    proposed = weights + _direction(weights, gradient, curvature, penalty, model)
    alive = (mass > 1e-6)[:, None, None]
    weights = jnp.where(alive & jnp.isfinite(proposed), proposed, weights)
    if model.family.has_scale:
        updated = scale_step(weights, log_scale, trials, gamma, model)
        log_scale = jnp.where(alive[..., 0] & jnp.isfinite(updated), updated, log_scale)
    return weights, log_scale


def _derivatives(
    weights: Array,
    log_scale: Array,
    trials: Trials,
    gamma: Array,
    penalty: Penalty,
    model: Model,
    density: Array | None,
) -> tuple[Array, Array]:
    """Return the gradient of the smooth part and minus its Hessian, one block per independent part.

    Blocks are (n_states, n_outputs, d, d), or (n_states, 1, n_outputs·d, n_outputs·d) for outputs
    that share a normaliser.
    """
    n_states, n_outputs, n_regressors = weights.shape
    if density is not None:
        g, second = model.family.slopes_of_density(trials.y, density)
        curvature = _hessian(jnp.abs(second) * gamma[:, None], trials)
    elif model.family.couples:
        eta = linear_predictor(weights, trials.x)

        def slope(e: Array) -> Array:
            return jax.grad(lambda v: jnp.sum(elementwise(model, trials.y, v, log_scale)))(e)

        basis = jnp.eye(n_outputs, dtype=eta.dtype)
        h = jax.vmap(
            lambda unit: -jax.jvp(slope, (eta,), (jnp.broadcast_to(unit[:, None], eta.shape),))[1]
        )(basis)  # (m', k, m, n)
        curvature = jnp.einsum("pkmn,kn,dn,en->kmdpe", h, gamma, trials.x, trials.x)
        size = n_outputs * n_regressors
        curvature = curvature.reshape(n_states, 1, size, size)
        g = slope(eta)
    else:
        eta = linear_predictor(weights, trials.x)
        scale = jnp.exp(log_scale)[:, :, None]
        g, second = model.family.slopes(trials.y, eta, scale, model.link)
        curvature = _hessian(jnp.abs(second) * gamma[:, None], trials)
    g = jnp.where(gamma[:, None] > 0, g * gamma[:, None], 0.0)
    gradient = jnp.einsum("kmn,dn->kmd", g, trials.x) - penalty.ridge * weights
    blocks = penalty.ridge.reshape(*curvature.shape[:-1])
    eye = jnp.eye(curvature.shape[-1], dtype=weights.dtype)
    # A little ridge on the step alone: collinear regressors get the step of smallest norm.
    size = jnp.trace(curvature, axis1=-2, axis2=-1)[..., None, None] / curvature.shape[-1]
    curvature = curvature + blocks[..., None] * eye + (1e-9 * size + 1e-12) * eye
    return gradient, curvature


def _hessian(h: Array, trials: Trials) -> Array:
    """Return Σ h x xᵀ per state and output; sums over trials are single matrix products."""
    width = trials.x.shape[0]
    if trials.products.shape[0]:
        rows, columns = np.triu_indices(width)
        packed = jnp.einsum("kmn,pn->kmp", h, trials.products)
        full = jnp.zeros((*h.shape[:2], width, width), h.dtype).at[..., rows, columns].set(packed)
        return full.at[..., columns, rows].set(packed)
    return jnp.einsum("kmdn,en->kmde", h[:, :, None] * trials.x, trials.x)


def solve_positive(matrix: Array, vector: Array) -> Array:
    """Return ``matrix⁻¹ vector`` for positive definite matrices, by Cholesky's factors.

    Two triangular solves compile to far less than a pivoted solve.
    """
    factor = jax.lax.linalg.cholesky(matrix, symmetrize_input=False)
    column = vector[..., None]
    half = jax.lax.linalg.triangular_solve(factor, column, left_side=True, lower=True)
    return jax.lax.linalg.triangular_solve(
        factor, half, left_side=True, lower=True, transpose_a=True
    )[..., 0]


def _direction(
    weights: Array, gradient: Array, curvature: Array, penalty: Penalty, model: Model
) -> Array:
    shape = gradient.shape
    flat = gradient.reshape(*curvature.shape[:-1])
    if model.smooth:
        return solve_positive(curvature, flat).reshape(shape)
    return _proximal_direction(weights, flat, curvature, penalty).reshape(shape)


def prox(weights: Array, step: Array, penalty: Penalty) -> Array:
    """Return the minimiser of ½‖w − weights‖²/step + kinked penalties."""
    shrunk = jnp.sign(weights) * jnp.maximum(jnp.abs(weights) - step * penalty.lasso, 0.0)
    if penalty.groups.shape[0]:
        norms = jnp.sqrt(jnp.einsum("gkmd,kmd->g", penalty.groups, shrunk**2))
        # The largest step of a group's weights holds for the group (they share a block).
        width = jnp.max(penalty.groups * jnp.broadcast_to(step, shrunk.shape)[None], axis=(1, 2, 3))
        factor = jnp.maximum(1 - width * penalty.group_strength / jnp.maximum(norms, 1e-300), 0.0)
        member = jnp.max(penalty.groups, axis=0)
        shrunk = shrunk * (jnp.einsum("g,gkmd->kmd", factor, penalty.groups) + 1 - member)
    return shrunk


def _proximal_direction(
    weights: Array, gradient: Array, curvature: Array, penalty: Penalty
) -> Array:
    """Return the step to the minimum of the quadratic model plus kinks, by accelerated descent."""
    shape = weights.shape
    top = jnp.max(jnp.linalg.eigvalsh(curvature), axis=-1)  # per block
    if penalty.groups.shape[0]:
        top = jnp.full_like(top, jnp.max(top))  # groups may span blocks
    per_weight = jnp.broadcast_to((1 / top)[..., None], gradient.shape).reshape(shape)

    def advance(_: int, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        now, point, momentum = carry
        shift = (point - weights).reshape(gradient.shape)
        slope = gradient - jnp.einsum("kmde,kme->kmd", curvature, shift)
        new = prox(point + per_weight * slope.reshape(shape), per_weight, penalty)
        # Start the momentum again when it points uphill (O'Donoghue & Candès 2015).
        uphill = jnp.sum((point - new) * (new - now)) > 0
        following = jnp.where(uphill, 1.0, 0.5 * (1 + jnp.sqrt(1 + 4 * momentum**2)))
        factor = jnp.where(uphill, 0.0, (momentum - 1) / following)
        return new, new + factor * (new - now), following

    one = jnp.ones((), weights.dtype)
    done, _, _ = jax.lax.fori_loop(0, _PROX_STEPS, advance, (weights, weights, one))
    return done - weights


def scale_step(
    weights: Array, log_scale: Array, trials: Trials, gamma: Array, model: Model
) -> Array:
    """Return the log scale's optimum (Gaussian) or one guarded Newton step towards it."""
    eta = linear_predictor(weights, trials.x)
    mass = jnp.maximum(jnp.sum(gamma, axis=1)[:, None], 1e-300)
    if isinstance(model.family, GaussianObservations):
        square = (trials.y - model.link(eta)) ** 2
        return jnp.log(jnp.maximum(jnp.einsum("kn,kmn->km", gamma, square) / mass, 1e-12))

    def slope(value: Array) -> Array:
        one = jnp.ones_like(value)
        d = jax.jvp(lambda v: elementwise(model, trials.y, eta, v), (value,), (one,))[1]
        return jnp.sum(jnp.where(gamma[:, None] > 0, gamma[:, None] * d, 0.0), axis=-1)

    g, dg = jax.jvp(slope, (log_scale,), (jnp.ones_like(log_scale),))
    # Where the curve bends the wrong way, walk uphill by a fixed share.
    newton = jnp.where(dg < 0, -g / jnp.minimum(dg, -1e-12 * mass), jnp.sign(g) * 0.5)
    return jnp.maximum(log_scale + jnp.clip(newton, -1.0, 1.0), LOG_SCALE_MIN)


def full_emission_step(
    weights: Array, log_scale: Array, trials: Trials, gamma: Array, penalty: Penalty, model: Model
) -> tuple[Array, Array]:
    """Return the weights and log scales at the optimum of Q, by guarded steps."""

    def value(w: Array, s: Array) -> Array:
        return expected_log_posterior(w, s, trials, gamma, penalty, model)

    def advance(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        w, s, q, _, count = carry
        w_new, s_new = emission_step(w, s, trials, gamma, penalty, model)
        # At the optimum only rounding tells values apart; the size of the step decides there.
        slack = 1e-14 * jnp.abs(q)

        def worse(inner: tuple[Array, Array]) -> Array:
            share, q_share = inner
            return ~(q_share >= q - slack) & (share > 1e-9)

        def halve(inner: tuple[Array, Array]) -> tuple[Array, Array]:
            share = inner[0] / 2
            return share, value(w + share * (w_new - w), s + share * (s_new - s))

        one = jnp.ones((), w.dtype)
        share, q_new = jax.lax.while_loop(worse, halve, (one, value(w_new, s_new)))
        share = jnp.where(q_new >= q - slack, share, 0.0)
        moved = share * jnp.maximum(jnp.max(jnp.abs(w_new - w)), jnp.max(jnp.abs(s_new - s)))
        q = jnp.where(share > 0, q_new, q)
        return w + share * (w_new - w), s + share * (s_new - s), q, moved, count + 1

    def going(carry: tuple[Any, ...]) -> Array:
        return (carry[4] < 300) & (carry[3] > 1e-10)

    start = value(weights, log_scale)
    state = (weights, log_scale, start, jnp.full_like(start, jnp.inf), 0)
    weights, log_scale, *_ = jax.lax.while_loop(going, advance, state)
    return weights, log_scale
