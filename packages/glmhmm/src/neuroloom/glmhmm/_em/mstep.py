"""The M-step: new weights and scales that raise the expected complete log posterior.

One step is a Newton step per state (and output) on ``Σ γ log p(y | x, w) − penalty``, or its
proximal form where the penalty has a kink (Lee, Sun & Saunders 2014, alg. 1).
Weights have shape (n_states, n_outputs, n_regressors + 1), the intercept last; `gamma`
(n_states, n_rows, n_places) is the posterior of the states at observed values, with one row for all
outputs or one for each.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._families.base import inverse_gamma
from neuroloom.glmhmm._model.parameters import Model, Penalty, ScalePrior

Array = Any
_PROX_STEPS = 200
_HALVINGS = 40
_BORDER = 1e-4  # weight of the border's curvature


def linear_predictor(weights: Array, x: Array) -> Array:
    """Return η with shape (n_states, n_outputs, n_places)."""
    return jnp.einsum("kmd,dn->kmn", weights, x)


def weight_units(trials: Trials, predictor: Array, shape: tuple[int, ...]) -> Array:
    """Return the size in which each weight counts as one, as factors (n_states, n_outputs, d).

    Weights times these are free of the regressors' and the response's units.
    """
    spread = jnp.sqrt(jnp.mean(trials.x**2, axis=1))
    spread = jnp.where(spread > 0, spread, 1.0)
    return jnp.broadcast_to(spread / predictor[:, None], shape)


def even(factors: Array, groups: Array) -> Array:
    """Return positive factors per weight with one for each group: its geometric mean."""
    if not groups.shape[0]:
        return factors
    size = jnp.maximum(jnp.sum(groups, axis=(1, 2, 3)), 1.0)
    mean = jnp.einsum("gkmd,kmd->g", groups, jnp.log(factors)) / size
    shared = jnp.einsum("g,gkmd->kmd", mean, groups)
    return jnp.where(jnp.max(groups, axis=0) > 0, jnp.exp(shared), factors)


def elementwise(model: Model, y: Array, eta: Array, log_scale: Array) -> Array:
    """Return log densities without base, (n_states, n_outputs or 1, n_places)."""
    scale = jnp.exp(log_scale)[:, :, None]
    out = model.family.log_prob(y, eta, scale, model.link)
    return out[:, None] if out.ndim == 2 else out


def penalty_value(weights: Array, penalty: Penalty, model: Model) -> Array:
    """Return the penalty that is subtracted from the log-likelihood."""
    value = 0.5 * jnp.sum(penalty.ridge * weights**2)
    if not model.smooth:
        norms = jnp.sqrt(jnp.einsum("gkmd,kmd->g", penalty.groups, weights**2))
        value += jnp.sum(penalty.lasso * jnp.abs(weights)) + jnp.sum(penalty.group_strength * norms)
    return value


def scale_penalty(log_scale: Array, prior: ScalePrior) -> Array:
    """Return minus the log prior of the scales."""
    return inverse_gamma(log_scale, prior.unit, prior.trials)


def expected_log_posterior(
    weights: Array,
    log_scale: Array,
    trials: Trials,
    gamma: Array,
    penalty: Penalty,
    scale_prior: ScalePrior,
    model: Model,
) -> Array:
    """Return Q of the emission parameters."""
    eta = linear_predictor(weights, trials.x)
    density = elementwise(model, trials.y, eta, log_scale)
    value = jnp.sum(jnp.where(gamma > 0, gamma * density, 0.0))
    value -= penalty_value(weights, penalty, model)
    if model.family.has_scale:
        value -= scale_penalty(log_scale, scale_prior)
    return value


def inside(weights: Array, trials: Trials, model: Model) -> Array | None:
    """Return, per state, whether all observed places have a mean that the family allows.

    None where the link cannot leave the family's range.
    """
    fine = model.family.inside(model.link, linear_predictor(weights, trials.x))
    if fine is None:
        return None
    seen = trials.observed.reshape(1, 1, -1) > 0
    return jnp.all(fine | ~seen, axis=(1, 2))


def emission_step(
    weights: Array,
    log_scale: Array,
    trials: Trials,
    gamma: Array,
    penalty: Penalty,
    scale_prior: ScalePrior,
    model: Model,
    *,
    density: Array | None = None,
) -> tuple[Array, Array]:
    """Return weights and log scales after one Newton step each; a state without trials stays.

    `density` is p(y | state) at the weights, if the E-step left it. Where the link may leave the
    family's range (1/x for the Gamma family), each state's step is halved until it stays inside.
    """
    mass = jnp.sum(gamma, axis=-1)  # (n_states, n_rows)
    gradient, curvature = _derivatives(weights, log_scale, trials, gamma, penalty, model, density)
    step = _direction(weights, gradient, curvature, penalty, model)
    if mass.shape[1] not in (1, weights.shape[1]):
        mass = jnp.max(mass, axis=1, keepdims=True)
    alive = (mass > 1e-6)[:, :, None]
    step = jnp.where(alive & jnp.isfinite(step), step, 0.0)
    if model.family.inside(model.link, jnp.ones((1, 1, 1), weights.dtype)) is not None:
        step = _kept_inside(weights, step, trials, model)
    weights = weights + step
    if model.family.has_scale:
        updated = scale_step(weights, log_scale, trials, gamma, scale_prior, model)
        log_scale = jnp.where(alive[..., 0] & jnp.isfinite(updated), updated, log_scale)
    return weights, log_scale


def _kept_inside(weights: Array, step: Array, trials: Trials, model: Model) -> Array:
    """Return each state's step, halved until all means are allowed."""

    def fine(fraction: Array) -> Array:
        ok = inside(weights + fraction[:, None, None] * step, trials, model)
        assert ok is not None
        return ok

    def halve(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        fraction, ok, count = carry
        fraction = jnp.where(ok, fraction, fraction / 2)
        return fraction, fine(fraction), count + 1

    def again(carry: tuple[Array, Array, Array]) -> Array:
        return ~jnp.all(carry[1]) & (carry[2] < _HALVINGS)

    one = jnp.ones(weights.shape[0], weights.dtype)
    fraction, ok, _ = jax.lax.while_loop(again, halve, (one, fine(one), jnp.zeros((), jnp.int32)))
    return jnp.where(ok, fraction, 0.0)[:, None, None] * step


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

    Blocks are (n_states, n_outputs, d, d), or (n_states, 1, n_outputs·d, n_outputs·d) for
    predictors that share a density.
    """
    if model.family.couples:
        eta = linear_predictor(weights, trials.x)
        g, curvature = _coupled(eta, log_scale, trials, gamma, model)
    else:
        if density is not None:
            g, second = model.family.slopes_of_density(trials.y, density)
        else:
            eta = linear_predictor(weights, trials.x)
            scale = jnp.exp(log_scale)[:, :, None]
            g, second = model.family.slopes(trials.y, eta, scale, model.link)
            # A trial in which the link's slope has no number decides nothing about the step.
            fine = jnp.isfinite(g) & jnp.isfinite(second)
            g, second = jnp.where(fine, g, 0.0), jnp.where(fine, second, 0.0)
        g = jnp.where(gamma > 0, g * gamma, 0.0)
        bend = jnp.abs(second) * gamma
        room = model.family.room(model.link, linear_predictor(weights, trials.x))
        if room is not None:
            # Near a border steps shrink across it alone (affine scaling; Dikin 1967), so that a
            # fit goes on along it; plain halving would end it there.
            seen = trials.observed.reshape(1, 1, -1) > 0
            near = jnp.where(seen, _BORDER / jnp.maximum(room, 1e-9) ** 2, 0.0)
            bend = bend + jnp.where(jnp.isfinite(room), near, 0.0)
        curvature = _hessian(bend, trials)
    gradient = jnp.einsum("kmn,dn->kmd", g, trials.x) - penalty.ridge * weights
    blocks = penalty.ridge.reshape(*curvature.shape[:-1])
    eye = jnp.eye(curvature.shape[-1], dtype=weights.dtype)
    curvature = curvature + blocks[..., None] * eye
    if penalty.free.shape[0]:
        gradient, curvature = _only_free(gradient, curvature, penalty.free)
    # A little ridge on the step alone: collinear regressors get a short step. It is relative to
    # each regressor's own curvature, so that units do not matter.
    own = jnp.diagonal(curvature, axis1=-2, axis2=-1)
    tiny = jnp.where(own > 0, 1e-9 * own, 1.0)
    return gradient, curvature + tiny[..., None] * eye


def _coupled(
    eta: Array, log_scale: Array, trials: Trials, gamma: Array, model: Model
) -> tuple[Array, Array]:
    """Return slopes, weighted by `gamma`, and the curvature of predictors that share a density."""
    n_states, n_outputs, _ = eta.shape

    def weighted(e: Array) -> Array:
        density = elementwise(model, trials.y, e, log_scale)
        return jnp.sum(jnp.where(gamma > 0, gamma * density, 0.0))

    slope = jax.grad(weighted)
    basis = jnp.eye(n_outputs, dtype=eta.dtype)
    h = jax.vmap(
        lambda unit: -jax.jvp(slope, (eta,), (jnp.broadcast_to(unit[:, None], eta.shape),))[1]
    )(basis)  # (m', k, m, n)
    g = slope(eta)
    fine = jnp.isfinite(g) & jnp.all(jnp.isfinite(h), axis=0)
    g, h = jnp.where(fine, g, 0.0), jnp.where(fine, h, 0.0)
    curvature = jnp.einsum("pkmn,dn,en->kmdpe", h, trials.x, trials.x)
    size = n_outputs * trials.x.shape[0]
    curvature = curvature.reshape(n_states, 1, size, size)
    if not model.family.concave:
        values, vectors = jnp.linalg.eigh(0.5 * (curvature + jnp.swapaxes(curvature, -1, -2)))
        values = jnp.maximum(jnp.abs(values), 1e-9 * jnp.max(jnp.abs(values), -1, keepdims=True))
        curvature = (vectors * values[..., None, :]) @ jnp.swapaxes(vectors, -1, -2)
    return g, curvature


def _only_free(gradient: Array, curvature: Array, free: Array) -> tuple[Array, Array]:
    """Return derivatives that leave the weights alone that are held at zero."""
    mask = jnp.broadcast_to(free, gradient.shape).reshape(*curvature.shape[:-1])
    both = mask[..., :, None] * mask[..., None, :]
    eye = jnp.eye(curvature.shape[-1], dtype=curvature.dtype)
    return gradient * free, curvature * both + (1 - mask)[..., None] * eye


def _hessian(h: Array, trials: Trials) -> Array:
    """Return Σ h x xᵀ per state and output; sums over trials are single matrix products."""
    width = trials.x.shape[0]
    if trials.products.shape[0]:
        rows, columns = np.triu_indices(width)
        # The products come first: the compiler's other order takes up to twelve times as long.
        packed = jnp.moveaxis(jnp.tensordot(trials.products, h, axes=(1, 2)), 0, -1)
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
    # In units of each weight's own curvature, so that the regressors' units do not matter.
    own = jnp.diagonal(curvature, axis1=-2, axis2=-1)
    size = even(jnp.sqrt(own).reshape(shape), penalty.groups)
    flat = size.reshape(own.shape)
    relative = curvature / (flat[..., :, None] * flat[..., None, :])
    top = jnp.max(jnp.linalg.eigvalsh(relative), axis=-1)  # per block
    if penalty.groups.shape[0]:
        top = jnp.full_like(top, jnp.max(top))  # groups may span blocks
    per_weight = (1 / (top[..., None] * flat**2)).reshape(shape)

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
    weights: Array,
    log_scale: Array,
    trials: Trials,
    gamma: Array,
    prior: ScalePrior,
    model: Model,
) -> Array:
    """Return the log scale's optimum where it has a closed form, or a guarded Newton step to it."""
    eta = linear_predictor(weights, trials.x)
    return model.family.next_scale(
        trials.y, eta, log_scale, gamma, model.link, (prior.log_smallest, prior.unit, prior.trials)
    )


def full_emission_step(
    weights: Array,
    log_scale: Array,
    trials: Trials,
    gamma: Array,
    penalty: Penalty,
    scale_prior: ScalePrior,
    model: Model,
    *,
    units: Array,
) -> tuple[Array, Array]:
    """Return the weights and log scales at the optimum of Q, by guarded steps.

    `units` are those of `weight_units`, in which a step is small.
    """

    def value(w: Array, s: Array) -> Array:
        return expected_log_posterior(w, s, trials, gamma, penalty, scale_prior, model)

    def advance(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        w, s, q, _, count = carry
        w_new, s_new = emission_step(w, s, trials, gamma, penalty, scale_prior, model)
        # At the optimum only rounding tells values apart; the size of the step decides there.
        slack = 1e-14 * jnp.abs(q)

        def worse(inner: tuple[Array, Array]) -> Array:
            fraction, q_there = inner
            return ~(q_there >= q - slack) & (fraction > 1e-9)

        def halve(inner: tuple[Array, Array]) -> tuple[Array, Array]:
            fraction = inner[0] / 2
            return fraction, value(w + fraction * (w_new - w), s + fraction * (s_new - s))

        one = jnp.ones((), w.dtype)
        fraction, q_new = jax.lax.while_loop(worse, halve, (one, value(w_new, s_new)))
        fraction = jnp.where(q_new >= q - slack, fraction, 0.0)
        far = jnp.max(jnp.abs(units * (w_new - w)))
        moved = fraction * jnp.maximum(far, jnp.max(jnp.abs(s_new - s)))
        q = jnp.where(fraction > 0, q_new, q)
        return w + fraction * (w_new - w), s + fraction * (s_new - s), q, moved, count + 1

    def not_done(carry: tuple[Any, ...]) -> Array:
        return (carry[4] < 300) & (carry[3] > 1e-10)

    start = value(weights, log_scale)
    state = (weights, log_scale, start, jnp.full_like(start, jnp.inf), 0)
    weights, log_scale, *_ = jax.lax.while_loop(not_done, advance, state)
    return weights, log_scale
