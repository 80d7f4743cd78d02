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
from jax.scipy.special import xlogy

from neuroloom.glmhmm._em import recursions
from neuroloom.glmhmm._em.compile import program
from neuroloom.glmhmm._em.mstep import (
    Model,
    Penalty,
    elementwise,
    emission_step,
    full_emission_step,
    linear_predictor,
    penalty_value,
    solve_positive,
)
from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._em.solvers import solve_emissions
from neuroloom.glmhmm._em.transitions import drive_penalty, drive_step, driven_transition

Array = Any
_MEMORY = 6


class Parameters(NamedTuple):
    """Parameters in the layout of the programs."""

    weights: Array  # (n_states, n_outputs, n_regressors + 1)
    log_scale: Array  # (n_states, n_outputs)
    initial: Array  # (n_states,)
    transition: Array  # (n_states, n_states), at zero input
    drive: Array  # (n_states, n_states, n_inputs), zero on the diagonal


class Prior(NamedTuple):
    """Strengths of the priors."""

    penalty: Penalty
    initial: Array  # Dirichlet α (n_states,)
    transition: Array  # Dirichlet α (n_states, n_states)
    drive: Array  # ridge strength on `drive`


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


def log_density(parameters: Parameters, trials: Trials, model: Model) -> Array:
    """Return log p(y | state) without base, (n_steps, n_states, n_columns), 0 if not observed."""
    eta = linear_predictor(parameters.weights, trials.x)
    density = jnp.sum(elementwise(model, trials.y, eta, parameters.log_scale), axis=1)
    shape = trials.reset.shape
    density = jnp.moveaxis(density.reshape(-1, *shape), 0, 1)
    return jnp.where(trials.observed[:, None] > 0, density, 0.0)


def relative_density(
    parameters: Parameters, trials: Trials, model: Model
) -> tuple[Array, Array | None, Array | None]:
    """Return p(y | state) up to a factor per place, that factor's logarithm, and p(y | state).

    Where the family gives the density itself there is no factor, and the last is
    (n_states, 1, n_places), observed or not; else it is None.
    """
    eta = linear_predictor(parameters.weights, trials.x)
    density = model.family.density(trials.y, eta, model.link)
    if density is None:
        return *recursions.relative(log_density(parameters, trials, model)), None
    placed = jnp.moveaxis(density.reshape(-1, *trials.reset.shape), 0, 1)
    return jnp.where(trials.observed[:, None] > 0, placed, 1.0), None, density


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
    likelihood, top, density = relative_density(parameters, trials, model)
    transition = transition_of(parameters, trials, model)
    ahead = recursions.forward(
        likelihood, top, trials.reset, parameters.initial, transition, split=model.split
    )
    return ahead, density


def expectations(parameters: Parameters, trials: Trials, model: Model) -> recursions.Expectations:
    """Return the E-step at the parameters."""
    ahead, density = _forward(parameters, trials, model)
    found = recursions.backward(
        ahead,
        trials.reset,
        trials.start,
        transition_of(parameters, trials, model),
        split=model.split,
    )
    return found._replace(density=density)


def log_prior(parameters: Parameters, prior: Prior, model: Model) -> Array:
    """Return the log prior up to a constant; structural zeros have none."""

    def dirichlet(alpha: Array, p: Array) -> Array:
        return jnp.sum(xlogy(alpha - 1, jnp.where(p > 0, p, 1.0)))

    value = dirichlet(prior.initial, parameters.initial)
    value += dirichlet(prior.transition, parameters.transition)
    value -= penalty_value(parameters.weights, prior.penalty, model)
    if model.driven:
        value -= drive_penalty(parameters.drive, prior.drive)
    return value


def maximise(
    parameters: Parameters,
    found: recursions.Expectations,
    trials: Trials,
    prior: Prior,
    model: Model,
) -> Parameters:
    """Return the parameters after the M-step."""
    gamma = jnp.moveaxis(found.smoothed, 1, 0) * trials.observed
    gamma = gamma.reshape(gamma.shape[0], -1)
    now = (parameters.weights, parameters.log_scale, trials, gamma, prior.penalty, model)
    if model.solver != "newton":
        weights, log_scale = solve_emissions(*now)
    elif model.full:
        weights, log_scale = full_emission_step(*now)
    else:
        weights, log_scale = emission_step(*now, density=found.density)
    initial = _shares(found.first, prior.initial, parameters.initial)
    drive = parameters.drive
    if model.driven:
        transition, drive = drive_step(
            parameters.transition, drive, found.pairs, trials.u, prior.transition, prior.drive
        )
    else:
        transition = _shares(found.pairs, prior.transition, parameters.transition)
    return Parameters(weights, log_scale, initial, transition, drive)


def _shares(expected: Array, alpha: Array, old: Array) -> Array:
    """Return the mode of the Dirichlet posterior; zeros stay zeros, rows without visits stay."""
    counts = jnp.where(old > 0, jnp.maximum(expected + alpha - 1, 0.0), 0.0)
    total = jnp.sum(counts, axis=-1, keepdims=True)
    return jnp.where(total > 1e-300, counts / jnp.maximum(total, 1e-300), old)


class _State(NamedTuple):
    now: Parameters
    image: Parameters  # one EM step from `now`
    candidate: Parameters
    plain: Array  # share of the plain step that the candidate is; 0 for an extrapolation
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
    vector, unravel = jax.flatten_util.ravel_pytree(start)
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
        image = maximise(state.candidate, found, trials, prior, model)
        accepted = _accept(state, found, objective, image, trials, tol, unravel, model)
        rejected = _reject(state)
        chosen = jax.tree.map(lambda a, b: jnp.where(good, a, b), accepted, rejected)
        result: _State = chosen._replace(evaluated=state.evaluated + 1)
        return result

    def going(state: _State) -> Array:
        return ~state.converged & (state.accepted < maxiter) & (state.evaluated < 4 * maxiter + 60)

    state = jax.lax.while_loop(going, advance, state)
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


def _accept(
    state: _State,
    found: recursions.Expectations,
    objective: Array,
    image: Parameters,
    trials: Trials,
    tol: Array,
    unravel: Any,
    model: Model,
) -> _State:
    point, _ = jax.flatten_util.ravel_pytree(image)
    here, _ = jax.flatten_util.ravel_pytree(state.candidate)
    residual = point - here
    slot = jnp.maximum(state.stored - 1, 0) % _MEMORY
    first = state.stored == 0
    points = jnp.where(first, state.points, state.points.at[slot].set(point - state.last_point))
    residuals = jnp.where(
        first, state.residuals, state.residuals.at[slot].set(residual - state.last_residual)
    )
    if model.accelerate and model.smooth:
        candidate = unravel(_extrapolate(point, residual, points, residuals))
        candidate = _repair(candidate, image)
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
    share = jnp.where(state.plain == 0, 1.0, state.plain / 2).astype(state.plain.dtype)
    candidate = jax.tree.map(lambda a, b: a + share * (b - a), state.now, state.image)
    return state._replace(
        candidate=candidate,
        plain=share,
        points=jnp.zeros_like(state.points),
        residuals=jnp.zeros_like(state.residuals),
        stored=jnp.zeros_like(state.stored),
        # No share of an ascent step helps any more: this is the optimum to rounding.
        converged=share < 1e-9,
    )


def _extrapolate(point: Array, residual: Array, points: Array, residuals: Array) -> Array:
    """Return Anderson's combination of the last images."""
    gram = residuals @ residuals.T
    ridge = 1e-10 * jnp.trace(gram) + float(np.finfo(gram.dtype).tiny)
    mix = solve_positive(gram + ridge * jnp.eye(_MEMORY, dtype=gram.dtype), residuals @ residual)
    return point - mix @ points


def _repair(candidate: Parameters, image: Parameters) -> Parameters:
    """Return the candidate with probabilities that are ones: above zero, summing to one."""

    def shares(p: Array, q: Array) -> Array:
        p = jnp.maximum(p, 0.1 * q)
        return p / jnp.sum(p, axis=-1, keepdims=True)

    return candidate._replace(
        initial=shares(candidate.initial, image.initial),
        transition=shares(candidate.transition, image.transition),
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
    found = recursions.backward(
        ahead,
        trials.reset,
        trials.start,
        transition_of(parameters, trials, model),
        split=model.split,
    )
    return found.smoothed, ahead.filtered, ahead.log_likelihood, found.pairs
