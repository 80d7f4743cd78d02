"""Expectation–maximisation as one compiled program.

Every number a user may change (data, parameters, strengths, tolerance) is a traced argument:
refits, folds and grids of equal shapes reuse the program. Each iteration takes one Newton step in
the M-step (generalised EM; Dempster, Laird & Rubin 1977) and extrapolates the last iterates by
Anderson's method (Walker & Ni 2011, alg. AA) if, and only if, the penalised objective does not
fall; otherwise it goes back to the plain step, and halves that while the objective falls.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neuroloom.glmhmm._em import dirichlet, log_recursions, recursions
from neuroloom.glmhmm._em.compile import program
from neuroloom.glmhmm._em.mstep import (
    elementwise,
    emission_step,
    full_emission_step,
    inside,
    linear_predictor,
    penalty_value,
    scale_penalty,
    solve_positive,
    weight_units,
)
from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._em.solvers import solve_emissions
from neuroloom.glmhmm._em.transitions import drive_penalty, drive_step, driven_transition
from neuroloom.glmhmm._model.parameters import Model, Parameters, Prior, ScalePrior

Array = Any
_MEMORY = 6


class Fit(NamedTuple):
    """Where EM ended."""

    parameters: Parameters
    objective: Array  # penalised log-likelihood, without the base terms
    log_likelihood: Array
    log_likelihoods: Array  # trace, NaN after the end
    objectives: Array
    iterations: Array
    converged: Array
    mass: Array  # expected number of trials per state


def seen_rows(trials: Trials) -> Array:
    """Return 1 where a value counts: (1, n_places), or (n_rows, n_places) if single ones lack."""
    return trials.seen if trials.seen.shape[0] else trials.observed.reshape(1, -1)


def log_density(parameters: Parameters, trials: Trials, model: Model) -> Array:
    """Return log p(y | state) without base, (n_steps, n_states, n_columns), 0 if not observed."""
    eta = linear_predictor(parameters.weights, trials.x)
    density = elementwise(model, trials.y, eta, parameters.log_scale)
    density = jnp.sum(jnp.where(seen_rows(trials) > 0, density, 0.0), axis=1)
    return jnp.moveaxis(density.reshape(-1, *trials.reset.shape), 0, 1)


def relative_density(
    parameters: Parameters, trials: Trials, model: Model
) -> tuple[Array, Array, Array | None]:
    """Return p(y | state) up to a factor per place, that factor's logarithm, and p(y | state).

    Where the family gives the density itself the last is (n_states, 1, n_places), observed or not;
    else it is None.
    """
    eta = linear_predictor(parameters.weights, trials.x)
    found = model.family.density(trials.y, eta, model.link)
    if found is None:
        return *recursions.relative(log_density(parameters, trials, model)), None
    density, shift = found
    shape = trials.reset.shape
    placed = jnp.moveaxis(density.reshape(-1, *shape), 0, 1)
    seen = trials.observed > 0
    top = jnp.where(seen, shift.reshape(shape), 0.0)
    return jnp.where(seen[:, None], placed, 1.0), top, density


def transition_of(parameters: Parameters, trials: Trials, model: Model) -> Array:
    """Return the transition array that the recursions take."""
    if model.driven:
        return driven_transition(parameters.transition, parameters.drive, trials.u)
    return parameters.transition[:, :, None]


def run_forward(parameters: Parameters, trials: Trials, model: Model) -> recursions.Forward:
    """Return the forward pass at the parameters."""
    return _forward(parameters, trials, model)[0]


def _forward(
    parameters: Parameters, trials: Trials, model: Model
) -> tuple[recursions.Forward, Array | None]:
    transition = transition_of(parameters, trials, model)
    if model.exact:
        log_p = log_density(parameters, trials, model)
        ahead = log_recursions.forward(log_p, trials.reset, parameters.initial, transition)
        return ahead, None
    likelihood, top, density = relative_density(parameters, trials, model)
    ahead = recursions.forward(
        likelihood, top, trials.reset, parameters.initial, transition, split=model.split
    )
    return ahead, density


def _backward(
    ahead: recursions.Forward, parameters: Parameters, trials: Trials, model: Model
) -> recursions.Expectations:
    transition = transition_of(parameters, trials, model)
    if model.exact:
        return log_recursions.backward(ahead, trials.reset, trials.start, transition)
    return recursions.backward(ahead, trials.reset, trials.start, transition, split=model.split)


def expectations(parameters: Parameters, trials: Trials, model: Model) -> recursions.Expectations:
    """Return the E-step at the parameters."""
    ahead, density = _forward(parameters, trials, model)
    return _backward(ahead, parameters, trials, model)._replace(density=density)


def log_prior(parameters: Parameters, prior: Prior, model: Model) -> Array:
    """Return the log prior up to a constant; structural zeros have none."""
    value = dirichlet.log_prior(prior.initial, parameters.initial, sparse=model.sparse)
    value += dirichlet.log_prior(prior.transition, parameters.transition, sparse=model.sparse)
    value -= penalty_value(parameters.weights, prior.penalty, model)
    if model.family.has_scale:
        value -= scale_penalty(parameters.log_scale, prior.scale)
    if model.driven:
        value -= drive_penalty(parameters.drive, prior.drive)
    return value


def posterior_weights(smoothed: Array, trials: Trials) -> Array:
    """Return γ for the M-step, (n_states, n_rows, n_places), 0 where nothing was observed."""
    gamma = jnp.moveaxis(smoothed, 1, 0)
    return gamma.reshape(gamma.shape[0], 1, -1) * seen_rows(trials)


def maximise(
    parameters: Parameters,
    found: recursions.Expectations,
    trials: Trials,
    prior: Prior,
    model: Model,
) -> Parameters:
    """Return the parameters after the M-step."""
    gamma = posterior_weights(found.smoothed, trials)
    weights, log_scale = parameters.weights, parameters.log_scale
    now = (weights, log_scale, trials, gamma, prior.penalty, prior.scale, model)
    if model.solver != "newton" or model.full:
        solve = full_emission_step if model.solver == "newton" else solve_emissions
        units = weight_units(trials, prior.predictor, weights.shape)
        weights, log_scale = solve(*now, units=units)
    else:
        weights, log_scale = emission_step(*now, density=found.density)
    initial = dirichlet.mode(found.first, prior.initial, parameters.initial, sparse=model.sparse)
    drive = parameters.drive
    if model.driven:
        transition, drive = drive_step(
            parameters.transition,
            drive,
            found.pairs,
            trials.u,
            prior.transition,
            prior.drive,
            sparse=model.sparse,
        )
    else:
        transition = dirichlet.mode(
            found.pairs, prior.transition, parameters.transition, sparse=model.sparse
        )
    return Parameters(weights, log_scale, initial, transition, drive)


class _State(NamedTuple):
    now: Parameters
    image: Parameters  # one EM step from `now`
    candidate: Parameters
    plain: Array  # fraction of the plain step that the candidate is; 0 for an extrapolation
    objective: Array
    log_likelihood: Array
    mass: Array
    points: Array  # differences of the last images
    residuals: Array  # differences of the last steps
    last_point: Array
    last_residual: Array
    log_likelihoods: Array
    objectives: Array
    accepted: Array
    evaluated: Array
    stored: Array
    converged: Array


def run(
    start: Parameters,
    trials: Trials,
    prior: Prior,
    tol: Array,
    maxiter: Array,
    model: Model,
    trace: int,
) -> Fit:
    """Return the fit from one start; `trace` is the length of the kept history."""
    dtype = start.weights.dtype
    # Below its floor a scale has no density that could be trusted.
    start = start._replace(log_scale=jnp.maximum(start.log_scale, prior.scale.log_smallest))
    unit = _units(start, trials, prior)
    vector, unravel = _ravel(start, unit)
    nan = jnp.full(trace, jnp.nan, dtype)
    zero = jnp.zeros((), dtype)
    memory = jnp.zeros((_MEMORY, vector.size), dtype)
    state = _State(
        start,
        start,
        start,
        zero,
        -jnp.inf + zero,
        -jnp.inf + zero,
        jnp.zeros(start.initial.shape, dtype),
        memory,
        memory,
        jnp.zeros_like(vector),
        jnp.zeros_like(vector),
        nan,
        nan,
        jnp.zeros((), jnp.int32),
        jnp.zeros((), jnp.int32),
        jnp.zeros((), jnp.int32),
        jnp.zeros((), bool),
    )

    def advance(state: _State) -> _State:
        found = expectations(state.candidate, trials, model)
        objective = found.log_likelihood + log_prior(state.candidate, prior, model)
        slack = 8 * float(np.finfo(dtype).eps) * jnp.abs(objective)
        good = jnp.isfinite(objective) & (objective >= state.objective - slack)
        allowed = inside(state.candidate.weights, trials, model)
        if allowed is not None:
            good &= jnp.all(allowed) | (state.evaluated == 0)
        image = maximise(state.candidate, found, trials, prior, model)
        accepted = _accept(
            state, found, objective, image, trials, prior.scale, tol, unit, unravel, model
        )
        rejected = _reject(state)
        chosen = jax.tree.map(lambda a, b: jnp.where(good, a, b), accepted, rejected)
        result: _State = chosen._replace(evaluated=state.evaluated + 1)
        return result

    def not_done(state: _State) -> Array:
        return ~state.converged & (state.accepted < maxiter) & (state.evaluated < 4 * maxiter + 60)

    state = jax.lax.while_loop(not_done, advance, state)
    return Fit(
        state.now,
        state.objective,
        state.log_likelihood,
        state.log_likelihoods,
        state.objectives,
        state.accepted,
        state.converged,
        state.mass,
    )


def _units(start: Parameters, trials: Trials, prior: Prior) -> Parameters:
    """Return the size of each parameter's unit, so that extrapolation does not depend on units."""
    ones = jax.tree.map(jnp.ones_like, start)
    weights = weight_units(trials, prior.predictor, start.weights.shape)
    drive = ones.drive
    if trials.u.shape[0]:
        size = jnp.sqrt(jnp.mean(trials.u**2, axis=(1, 2)))
        drive = drive * jnp.where(size > 0, size, 1.0)
    return Parameters(weights, ones.log_scale, ones.initial, ones.transition, drive)


def _ravel(parameters: Parameters, unit: Parameters) -> tuple[Array, Any]:
    """Return the parameters as one vector in their units, and the way back."""
    vector, back = jax.flatten_util.ravel_pytree(jax.tree.map(jnp.multiply, parameters, unit))
    return vector, lambda flat: jax.tree.map(jnp.divide, back(flat), unit)


def _accept(
    state: _State,
    found: recursions.Expectations,
    objective: Array,
    image: Parameters,
    trials: Trials,
    scale_prior: ScalePrior,
    tol: Array,
    unit: Parameters,
    unravel: Any,
    model: Model,
) -> _State:
    point, _ = _ravel(image, unit)
    here, _ = _ravel(state.candidate, unit)
    residual = point - here
    slot = jnp.maximum(state.stored - 1, 0) % _MEMORY
    first = state.stored == 0
    points = jnp.where(first, state.points, state.points.at[slot].set(point - state.last_point))
    residuals = jnp.where(
        first, state.residuals, state.residuals.at[slot].set(residual - state.last_residual)
    )
    if model.accelerate and model.smooth:
        candidate = unravel(_extrapolate(point, residual, points, residuals))
        candidate = _repair(candidate, image, scale_prior)
        plain = jnp.zeros_like(state.plain)
        use = state.stored > 0
        candidate = jax.tree.map(lambda a, b: jnp.where(use, a, b), candidate, image)
        plain = jnp.where(use, 0.0, 1.0).astype(state.plain.dtype)
    else:
        candidate, plain = image, jnp.ones_like(state.plain)
    gain = objective - state.objective
    return _State(
        state.candidate,
        image,
        candidate,
        plain,
        jnp.maximum(objective, state.objective),
        found.log_likelihood,
        jnp.sum(found.smoothed * trials.observed[:, None], axis=(0, 2)),
        points,
        residuals,
        point,
        residual,
        state.log_likelihoods.at[state.accepted].set(found.log_likelihood),
        state.objectives.at[state.accepted].set(objective),
        state.accepted + 1,
        state.evaluated,
        state.stored + 1,
        jnp.abs(gain) < tol,
    )


def _reject(state: _State) -> _State:
    """Fall back to the plain step, then to half of it, and half again."""
    fraction = jnp.where(state.plain == 0, 1.0, state.plain / 2).astype(state.plain.dtype)
    candidate = jax.tree.map(lambda a, b: a + fraction * (b - a), state.now, state.image)
    return state._replace(
        candidate=candidate,
        plain=fraction,
        points=jnp.zeros_like(state.points),
        residuals=jnp.zeros_like(state.residuals),
        stored=jnp.zeros_like(state.stored),
        # No part of an ascent step helps any more: this is the optimum to rounding.
        converged=fraction < 1e-9,
    )


def _extrapolate(point: Array, residual: Array, points: Array, residuals: Array) -> Array:
    """Return Anderson's combination of the last images."""
    gram = residuals @ residuals.T
    ridge = 1e-10 * jnp.trace(gram) + float(np.finfo(gram.dtype).tiny)
    mix = solve_positive(gram + ridge * jnp.eye(_MEMORY, dtype=gram.dtype), residuals @ residual)
    return point - mix @ points


def _repair(candidate: Parameters, image: Parameters, prior: ScalePrior) -> Parameters:
    """Return the candidate with probabilities that are ones, and scales not below their floor."""

    def proper(p: Array, q: Array) -> Array:
        p = jnp.maximum(p, 0.1 * q)
        return p / jnp.sum(p, axis=-1, keepdims=True)

    return candidate._replace(
        log_scale=jnp.maximum(candidate.log_scale, prior.log_smallest),
        initial=proper(candidate.initial, image.initial),
        transition=proper(candidate.transition, image.transition),
    )


def fit_one(
    start: Parameters,
    trials: Trials,
    prior: Prior,
    tol: Array,
    maxiter: Array,
    *,
    model: Model,
    trace: int,
) -> Fit:
    """Return the fit from one start, compiled."""
    compiled = program(run, "model", "trace")
    fit: Fit = compiled(start, trials, prior, tol, maxiter, model=model, trace=trace)
    return fit


def em_step(
    parameters: Parameters, trials: Trials, prior: Prior, *, model: Model
) -> tuple[Parameters, Array, Array]:
    """Return the parameters after one EM iteration, and log-likelihood and objective before it."""
    out: tuple[Parameters, Array, Array]
    out = program(_em_step, "model")(parameters, trials, prior, model=model)
    return out


def _em_step(
    parameters: Parameters, trials: Trials, prior: Prior, model: Model
) -> tuple[Parameters, Array, Array]:
    found = expectations(parameters, trials, model)
    objective = found.log_likelihood + log_prior(parameters, prior, model)
    return maximise(parameters, found, trials, prior, model), found.log_likelihood, objective


def posterior(
    parameters: Parameters, trials: Trials, *, model: Model
) -> tuple[Array, Array, Array, Array]:
    """Return smoothed, filtered (n_steps, n_states, n_columns), log-likelihood per place, pairs."""
    out: tuple[Array, Array, Array, Array]
    out = program(_posterior, "model")(parameters, trials, model=model)
    return out


def _posterior(
    parameters: Parameters, trials: Trials, model: Model
) -> tuple[Array, Array, Array, Array]:
    ahead = run_forward(parameters, trials, model)
    found = _backward(ahead, parameters, trials, model)
    filtered = jnp.exp(ahead.filtered) if model.exact else ahead.filtered
    return found.smoothed, filtered, ahead.log_likelihood, found.pairs
