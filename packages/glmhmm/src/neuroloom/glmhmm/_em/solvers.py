"""The M-step by a named solver, run to its own tolerance.

optax brings L-BFGS and the line searches; JAX brings BFGS. The conjugate directions are a
transformation for optax's line search (Polak & Ribière 1969, with restarts), and the proximal
gradient is FISTA with backtracking (Beck & Teboulle 2009, eqs. 4.1–4.3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.scipy.optimize import minimize

from neuroloom.glmhmm._em.mstep import (
    even,
    expected_log_posterior,
    inside,
    penalty_value,
    prox,
)
from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._model.parameters import Model, Penalty, ScalePrior

if TYPE_CHECKING:
    import optax

Array = Any


class _ConjugateState(NamedTuple):
    gradient: Array
    direction: Array


def conjugate_directions() -> optax.GradientTransformation:
    """Return the transformation of gradients into conjugate directions."""
    import optax

    def init(params: Array) -> _ConjugateState:
        return _ConjugateState(jnp.zeros_like(params), jnp.zeros_like(params))

    def update(g: Array, state: _ConjugateState, params: Array | None = None) -> tuple[Array, Any]:
        old = jnp.sum(state.gradient**2)
        beta = jnp.where(old > 0, jnp.sum(g * (g - state.gradient)) / jnp.maximum(old, 1e-300), 0.0)
        direction = g + jnp.maximum(beta, 0.0) * state.direction
        direction = jnp.where(jnp.sum(direction * g) > 0, direction, g)
        return direction, _ConjugateState(g, direction)

    return optax.GradientTransformation(init, update)


def _optimiser(name: str) -> optax.GradientTransformationExtraArgs:
    import optax

    if name == "LBFGS":
        return optax.lbfgs()
    search = optax.scale_by_zoom_linesearch(max_linesearch_steps=30, initial_guess_strategy="one")
    if name == "NonlinearCG":
        return optax.chain(conjugate_directions(), optax.scale(-1.0), search)
    return optax.chain(optax.sgd(1.0), search)


def solve_emissions(
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
    """Return weights and log scales at the optimum of Q, found by ``model.solver``.

    It climbs in weights times `units` (`weight_units`), and its tolerance is a slope's there.
    """
    total = jnp.maximum(jnp.sum(gamma), 1.0)
    units = even(units, penalty.groups)
    point = (weights * units, log_scale) if model.family.has_scale else (weights * units,)
    start, unravel = ravel_pytree(point)

    def parts(flat: Array) -> tuple[Array, Array]:
        found = unravel(flat)
        smallest = scale_prior.log_smallest
        s = jnp.maximum(found[1], smallest) if model.family.has_scale else log_scale
        w = found[0] / units
        return (w * penalty.free if penalty.free.shape[0] else w), s

    # The penalty's kinks have no slope at zero: they are apart from what is differentiated.
    flat_model = replace(model, smooth=True)

    def smooth(flat: Array) -> Array:
        w, s = parts(flat)
        now = (w, s, trials, gamma, penalty, scale_prior, flat_model)
        value = -expected_log_posterior(*now) / total
        fine = inside(w, trials, model)
        ok = jnp.isfinite(value) if fine is None else jnp.isfinite(value) & jnp.all(fine)
        return jnp.where(ok, value, jnp.inf)

    def loss(flat: Array) -> Array:
        if model.smooth:
            return smooth(flat)
        kinks = penalty._replace(ridge=jnp.zeros_like(penalty.ridge))
        return smooth(flat) + penalty_value(parts(flat)[0], kinks, model) / total

    if model.solver == "ProximalGradient":
        done = _proximal_gradient(start, smooth, unravel, penalty, total, units, model)
    elif model.solver == "BFGS":
        done = minimize(
            loss,
            start,
            method="BFGS",
            tol=model.solver_tol,
            options={"maxiter": model.solver_maxiter},
        ).x
    else:
        done = _descend(start, loss, model)
    # A line search that fails leaves no number behind; the old point is then the best one.
    better = loss(done) <= loss(start)
    return parts(jnp.where(better, done, start))


def _descend(start: Array, loss: Any, model: Model) -> Array:
    import optax

    optimiser = _optimiser(model.solver)
    value_and_grad = optax.value_and_grad_from_state(loss)

    def advance(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        point, state, _, count = carry
        value, gradient = value_and_grad(point, state=state)
        updates, state = optimiser.update(
            gradient, state, point, value=value, grad=gradient, value_fn=loss
        )
        return optax.apply_updates(point, updates), state, jnp.max(jnp.abs(gradient)), count + 1

    def not_done(carry: tuple[Any, ...]) -> Array:
        return (carry[2] > model.solver_tol) & (carry[3] < model.solver_maxiter)

    far = jnp.full((), jnp.inf, start.dtype)
    point, *_ = jax.lax.while_loop(not_done, advance, (start, optimiser.init(start), far, 0))
    return point


def _proximal_gradient(
    start: Array,
    smooth: Any,
    unravel: Any,
    penalty: Penalty,
    total: Array,
    units: Array,
    model: Model,
) -> Array:
    """Return the minimiser of the smooth part plus kinks, by FISTA with a backtracked step."""

    def shrink(flat: Array, step: Array) -> Array:
        if model.smooth:
            return flat
        found = unravel(flat)
        shrunk = prox(found[0] / units, step / (total * units**2), penalty) * units
        return ravel_pytree((shrunk, *found[1:]))[0]

    def advance(carry: tuple[Any, ...]) -> tuple[Any, ...]:
        now, point, momentum, step, _, count = carry
        value, gradient = jax.value_and_grad(smooth)(point)

        def too_long(trial: tuple[Array, Array]) -> Array:
            length, new = trial
            shift = new - point
            bound = value + gradient @ shift + 0.5 * shift @ shift / length
            return ~(smooth(new) <= bound + 1e-14 * jnp.abs(value)) & (length > 1e-14)

        def shorten(trial: tuple[Array, Array]) -> tuple[Array, Array]:
            length = trial[0] / 2
            return length, shrink(point - length * gradient, length)

        first = step * 1.5
        length, new = jax.lax.while_loop(
            too_long, shorten, (first, shrink(point - first * gradient, first))
        )
        uphill = (point - new) @ (new - now) > 0
        following = jnp.where(uphill, 1.0, 0.5 * (1 + jnp.sqrt(1 + 4 * momentum**2)))
        factor = jnp.where(uphill, 0.0, (momentum - 1) / following)
        size = jnp.max(jnp.abs(new - point)) / length
        return new, new + factor * (new - now), following, length, size, count + 1

    def not_done(carry: tuple[Any, ...]) -> Array:
        return (carry[4] > model.solver_tol) & (carry[5] < model.solver_maxiter)

    one = jnp.ones((), start.dtype)
    state = (start, start, one, one, jnp.full_like(one, jnp.inf), 0)
    now, *_ = jax.lax.while_loop(not_done, advance, state)
    return now
