"""Fits: where they start, how they run, and what deserves a warning."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.compile import as_arrays, double_precision
from neuroloom.glmhmm._em.em import Fit
from neuroloom.glmhmm._em.kept import Kept
from neuroloom.glmhmm._em.multi_start import AUTO_STARTS, diverse_starts, multi_start
from neuroloom.glmhmm._errors import (
    CollapseWarning,
    CollinearWarning,
    ConvergenceWarning,
    DeadStateWarning,
    InitializationWarning,
    SeparationWarning,
    fail,
)
from neuroloom.glmhmm._estimator.centring import around, centred
from neuroloom.glmhmm._estimator.problem import Problem, core_of, has_zeros, pose
from neuroloom.glmhmm._estimator.ranges import outside
from neuroloom.glmhmm._input.trials import Data, Moments, moments_of
from neuroloom.glmhmm._model import settings
from neuroloom.glmhmm._model.parameters import Parameters
from neuroloom.glmhmm._start.glm import one_state_fit, one_state_prior
from neuroloom.glmhmm._start.initializers import initialize
from neuroloom.shared.jobs import Job

if TYPE_CHECKING:
    import pandas as pd

_FEW = 5.0  # trials per parameter of a state below which a tiny scale is a collapse
_TINY = 0.01  # of the one-state scale
_FAR_INPUTS = 10.0  # ranges between the transitions' inputs and zero that still can be fitted
_NEAR_SADDLE = 0.3  # units between states that are tried from further apart once more


@dataclass(frozen=True)
class Outcome:
    """A fit, the problem that it solves, and a report on every start."""

    problem: Problem
    fit: Fit
    report: pd.DataFrame


def check_data(model: Any, data: Data, inputs: NDArray[np.float64] | None = None) -> None:
    """Raise if responses or inputs cannot be fitted; warn of what has no finite, unique optimum."""
    family = model.observation_model
    family.check(data.y, data.seen if data.y.ndim == 2 else data.observed)
    silent = np.flatnonzero(~data.seen.any(axis=0))
    if silent.size:
        raise fail("y", "a value of every output", f"NaN throughout in columns {silent.tolist()}")
    message = family.one_sided(data.y[data.observed])
    if message is not None:
        warnings.warn(message, SeparationWarning, stacklevel=4)
    if is_collinear(model, data):
        warnings.warn(
            "X has columns that are linear combinations of others or of the intercept; "
            "the weights are not unique",
            CollinearWarning,
            stacklevel=4,
        )
    if inputs is not None:
        _check_inputs(model, inputs[~data.starts])


def _check_inputs(model: Any, u: NDArray[np.float64]) -> None:
    """Raise if zero is so far from the transitions' inputs that no matrix there is a number."""
    away, width = np.abs(u).min(axis=0, initial=np.inf), np.ptp(u, axis=0) if len(u) else 0.0
    far = np.flatnonzero((away > _FAR_INPUTS * width) & (width > 1e-9 * away))
    if len(far):
        n = int(far[0])
        raise fail(
            "transition_inputs",
            "inputs around zero, at which transition_prob_ holds: subtract their mean",
            f"values from {u[:, n].min():g} to {u[:, n].max():g} in column {n}",
        )
    if (
        model.n_states > 1
        and not model.transition_regularizer_strength
        and _dependent(moments_of(u), len(u))
    ):
        warnings.warn(
            "transition_inputs has columns that are linear combinations of others or constant; "
            "their weights are not unique",
            CollinearWarning,
            stacklevel=5,
        )


def is_collinear(model: Any, data: Data) -> bool:
    """Return whether observed regressors of an output, with the intercept, are dependent."""
    free = model.observation_model.free(data.design.tree_of_widths())
    if free is None:
        return _dependent(data.moments, data.n_observed)
    mean, spread, correlation = data.moments
    return any(
        _dependent(Moments(mean[own], spread[own], correlation[np.ix_(own, own)]), data.n_observed)
        for own in free[:, :-1] > 0
    )


def _dependent(moments: Moments, n_trials: int) -> bool:
    width = len(moments.spread)
    if width == 0 or n_trials <= width:
        return False
    constant = bool((moments.spread == 0).any())
    return constant or bool(np.linalg.matrix_rank(moments.correlation) < width)


def fit(
    model: Any,
    data: Data,
    inputs: NDArray[np.float64] | None,
    init_params: Any = None,
    *,
    resume: str | Path | None = None,
    progress: bool = False,
) -> Outcome:
    """Return the model's fit to the trials; nothing is set on the model.

    Parameters
    ----------
    model : GLMHMM
        Whose settings count.
    data : Data
        The trials.
    inputs : ndarray, optional
        Regressors of the transitions.
    init_params : tuple, optional
        Where to start, in place of the configured starts.
    resume : str or Path, optional
        Folder that keeps each start's run.
    progress : bool
        Show a bar of the starts.
    """
    settings.flag("progress", progress)
    keep = None if resume is None else _job(model, data, inputs, init_params, resume)
    near, shift = centred(data)
    start = starting_point(model, near, init_params, inputs, shift)
    problem = pose(model, near, inputs, exact=has_zeros(start.initial, start.transition))
    free = init_params is None
    with double_precision():
        found, report = run(model, problem, start, free=free, keep=keep, progress=progress)
        if model.reinit_dead and (found.mass < 0.5).any():
            again = restart_dead_state(model, problem.data, found)
            kept = None if keep is None else replace(keep, stage="revived")
            found, report = run(model, problem, again, free=False, keep=kept)
        kept = None if keep is None else replace(keep, stage="beside")
        found, report = escape_saddle(model, problem, found, report, keep=kept)
    found = found._replace(parameters=around(found.parameters, -shift))
    return Outcome(replace(problem, data=data), found, report)


def _job(model: Any, data: Data, inputs: Any, init_params: Any, resume: str | Path) -> Kept:
    """Return the folder's job: settings, data and the code that fits."""
    parts = {
        "settings": {**model.get_params(), "seed": np.asarray(model.seed)},
        "data": [data.x, data.y, data.starts, data.observed, data.seen],
        "transition_inputs": inputs,
        "init_params": init_params,
    }
    return Kept(Job.open(resume, parts, function=multi_start), "start")


def starting_point(
    model: Any,
    data: Data,
    init_params: Any,
    inputs: NDArray[np.float64] | None,
    shift: NDArray[np.float64],
) -> Parameters:
    """Return the first start in the programs' layout; `shift` was taken off the regressors."""
    k = model.n_states
    drive = None if inputs is None else np.zeros((inputs.shape[1], k, k))
    if init_params is None:
        with double_precision():
            start = core_of(model, configured_start(model, data), data, drive=drive)
    else:
        given = replace(data, x=data.x + shift)
        start = around(core_of(model, init_params, given, drive=drive), shift)
    return _with_noise_where_alike(model, start, data)


def configured_start(model: Any, data: Data) -> tuple[Any, ...]:
    """Return ``(coef, intercept, scale, initial, transition)`` from the configured schemes."""
    x, y = data.x_observed, data.y[data.observed]
    # A session whose first trial is masked begins at the first one that is not.
    starts = np.diff(data.session[data.observed], prepend=-1) > 0
    X = x if x.shape[1] == 0 else data.design.rows(x)
    return initialize(
        model.n_states,
        X,
        y,
        starts,
        model.seed,
        model.inverse_link_function,
        model.observation_model,
        model.hmm_initialization_funcs,
        model.model_initialization_funcs,
    )


def _with_noise_where_alike(model: Any, start: Parameters, data: Data) -> Parameters:
    """Return the start with noise where all states are alike: EM would never part them."""
    w = np.asarray(start.weights)
    alike = (
        model.n_states > 1
        and (w == w[:1]).all()
        and (np.asarray(start.log_scale) == np.asarray(start.log_scale)[:1]).all()
    )
    if not alike:
        return start
    if data.x.shape[1] == 0:  # without regressors the default start has no noise of its own
        return _noisy(model, start, data, 0.5, 3)
    warnings.warn(
        "all states start with the same weights, a point that EM cannot leave; noise was added",
        InitializationWarning,
        stacklevel=5,
    )
    return _noisy(model, start, data, 0.1, 3)


def _noisy(model: Any, start: Parameters, data: Data, size: float, stream: int) -> Parameters:
    rng = settings.generator(jax.random.fold_in(model.seed, stream))
    center = np.asarray(start.weights)
    noise = _noise(model, data, size, rng, center.shape)
    return start._replace(weights=_kept_inside(model, center, center + noise, data))


def _noise(
    model: Any, data: Data, size: float, rng: np.random.Generator, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return noise on weights that means the same in all units of regressors and responses."""
    noise: NDArray[np.float64] = size * rng.normal(size=shape) / _regressor_units(data)
    link = model.inverse_link_function
    noise *= model.observation_model.predictor_unit(data.y[data.observed], link)[:, None]
    return noise


def _regressor_units(data: Data) -> NDArray[np.float64]:
    spread = data.moments.spread
    return np.append(np.where(spread > 0, spread, 1.0), 1.0)


def _kept_inside(
    model: Any, center: NDArray[np.float64], weights: NDArray[np.float64], data: Data
) -> NDArray[np.float64]:
    """Return weights pulled towards the center, state by state, until all means are allowed."""
    x = data.x_observed
    center = np.broadcast_to(center, weights.shape)
    for _ in range(40):
        bad: NDArray[np.bool_] = np.asarray(outside(model, weights, x).any(axis=1))
        if not bad.any():
            return weights
        weights = np.where(bad[:, None, None], 0.5 * (weights + center), weights)
    return np.where(bad[:, None, None], center, weights)


def run(
    model: Any,
    problem: Problem,
    start: Parameters,
    *,
    free: bool,
    rows: Any = None,
    keep: Kept | None = None,
    progress: bool = False,
) -> tuple[Fit, pd.DataFrame]:
    """Return the best fit over the model's starts, and a report; `free` allows several starts.

    `rows` replaces the problem's trials by some of their sessions.
    """
    n_init = AUTO_STARTS if model.n_init == "auto" else model.n_init
    if model.n_states == 1 or not free:
        n_init = 1
    starts = jax.tree.map(lambda a: np.asarray(a)[None], start)
    if n_init > 1:
        starts = several_starts(model, problem, start, n_init)
    trials = problem.trials if rows is None else rows
    found = multi_start(
        starts,
        trials,
        problem.prior,
        model.tol,
        model.maxiter,
        problem.static,
        base=problem.base,
        sound=lambda fit: not collapsed_states(model, problem.data, fit.parameters, fit.mass),
        keep=keep,
        progress=progress,
    )
    return found.best, found.report


def several_starts(model: Any, problem: Problem, start: Parameters, n: int) -> Parameters:
    """Return `n` starts (leading axis): the first, and others around the one-state fit."""
    data = problem.data
    pooled = pooled_fit(model, problem)
    rng = settings.generator(jax.random.fold_in(model.seed, 1))
    spread = data.moments.spread
    family, link = model.observation_model, model.inverse_link_function
    unit, moved = family.predictor_unit(data.y[data.observed], link), family.moved_by_units(link)
    every = diverse_starts(start, pooled, n, rng, spread, unit, moved)
    weights = _at_levels(model, data, np.asarray(pooled.weights), np.asarray(every.weights))
    every = every._replace(weights=weights)
    if not outside(model, weights.reshape(-1, *weights.shape[2:]), data.x_observed).any():
        return every
    center = np.asarray(pooled.weights)
    if outside(model, center, data.x_observed).any():
        center = np.asarray(start.weights)
    inside = [_kept_inside(model, center, one, data) for one in weights]
    return every._replace(weights=np.stack(inside))


def _at_levels(
    model: Any, data: Data, pooled: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return starts (n, n_states, …) of which every other one begins at means of the response."""
    rng = settings.generator(jax.random.fold_in(model.seed, 5))
    every_other = weights[1::2]
    levels = model.observation_model.levels(
        data.y[data.observed], model.inverse_link_function, rng, every_other.shape[:2]
    )
    if np.isnan(levels).all():
        return weights
    # Slopes that are small beside the level keep most trials on its side of a pole.
    noise = 0.1 * np.abs(levels[..., None]) * rng.normal(size=(*levels.shape, pooled.shape[-1] - 1))
    slopes = pooled[..., :-1] + noise / _regressor_units(data)[:-1]
    moved = np.concatenate([slopes, levels[..., None]], axis=-1)
    out = weights.copy()
    out[1::2] = np.where(np.isnan(levels)[..., None], every_other, moved)
    return out


def pooled_fit(model: Any, problem: Problem) -> Parameters:
    """Return the parameters of the one-state fit, under a ridge that does not depend on units."""
    data = problem.data
    spread = _regressor_units(data)[:-1]
    scale, unit = jax.tree.map(np.asarray, (problem.prior.scale, problem.prior.predictor))
    prior = one_state_prior(data.x.shape[1], scale, unit, spread**2)
    prior = prior._replace(
        penalty=prior.penalty._replace(free=np.asarray(problem.prior.penalty.free))
    )
    static = problem.static
    return one_state_fit(data.x, data.y, data.seen, static.family, static.link, prior)


def restart_dead_state(model: Any, data: Data, found: Fit) -> Parameters:
    """Return the fit's parameters with dead states placed beside the largest one."""
    p = jax.tree.map(np.array, found.parameters)
    mass = np.asarray(found.mass)
    rng = settings.generator(jax.random.fold_in(model.seed, 2))
    donor = int(np.argmax(mass))
    dead = np.flatnonzero(mass < 0.5)
    center = np.repeat(p.weights[donor][None], len(dead), axis=0)
    noise = _noise(model, data, 0.5, rng, center.shape)
    p.weights[dead] = _kept_inside(model, center, center + noise, data)
    p.log_scale[dead] = p.log_scale[donor]
    away = 0.05 / max(model.n_states - 1, 1)
    transition = np.full_like(p.transition, away)
    np.fill_diagonal(transition, 0.95)
    initial = np.full_like(p.initial, 1 / model.n_states)
    return Parameters(p.weights, p.log_scale, initial, transition, p.drive)


def duplicate_states(
    model: Any, data: Data, parameters: Parameters, *, within: float = 0.01
) -> list[tuple[int, int]]:
    """Return pairs of states whose weights and scales agree within a fraction of a unit."""
    weights = np.asarray(parameters.weights) * _regressor_units(data)
    link = model.inverse_link_function
    weights = weights / model.observation_model.predictor_unit(data.y[data.observed], link)[:, None]
    scales = np.asarray(parameters.log_scale)
    pairs = []
    for i in range(len(weights)):
        for j in range(i):
            far = max(np.abs(weights[i] - weights[j]).max(), np.abs(scales[i] - scales[j]).max())
            if far < within:
                pairs.append((j, i))
    return pairs


def escape_saddle(
    model: Any, problem: Problem, found: Fit, report: pd.DataFrame, *, keep: Kept | None = None
) -> tuple[Fit, pd.DataFrame]:
    """Return the fit, or a better one from beside it if EM stopped where states are alike.

    Such a point is a saddle as a rule: gains are tiny there, and EM takes them for convergence.
    """
    import pandas as pd

    near = duplicate_states(model, problem.data, found.parameters, within=_NEAR_SADDLE)
    if model.n_states == 1 or not near:
        return found, report
    parameters = jax.tree.map(np.asarray, found.parameters)
    start = _noisy(model, parameters, problem.data, 0.5, 4)
    other, again = run(model, problem, as_arrays(start), free=False, keep=keep)
    if not other.objective > found.objective:
        return found, report
    again["start"] = len(report)
    return other, pd.concat([report, again], ignore_index=True)


def collapsed_states(
    model: Any, data: Data, parameters: Parameters, mass: NDArray[np.float64]
) -> list[int]:
    """Return states whose scale fell to its floor, or to almost nothing on a handful of trials.

    There the likelihood grows without bound as the scale falls: such a state describes no data.
    """
    family = model.observation_model
    if not family.has_scale:
        return []
    unit = family.start_scale(data.y[data.observed])
    relative = np.exp(np.asarray(parameters.log_scale)) / unit
    at_floor = (relative <= 1.01 * model.scale_floor) & family.unbounded
    few = np.asarray(mass) < _FEW * np.shape(parameters.weights)[-1] + 10
    tiny = (relative < _TINY) & family.unbounded & few[:, None]
    return [int(k) for k in np.flatnonzero((at_floor | tiny).any(axis=1))]


def warn_after(model: Any, outcome: Outcome) -> None:
    """Warn of what is wrong with a fit."""
    found, data = outcome.fit, outcome.problem.data

    def warn(message: str, kind: type[Warning]) -> None:
        warnings.warn(message, kind, stacklevel=4)

    if not bool(found.converged):
        warn(
            f"EM did not reach tol={model.tol:g} in {model.maxiter} iterations; "
            "raise maxiter or loosen tol",
            ConvergenceWarning,
        )
    dead = np.flatnonzero(np.asarray(found.mass) < 1e-3)
    if len(dead):
        warn(
            f"states {dead.tolist()} explain no trials and kept their last weights; "
            "fewer states, other starts or reinit_dead=True may help",
            DeadStateWarning,
        )
    collapsed = collapsed_states(model, data, found.parameters, found.mass)
    if collapsed:
        warn(
            f"states {collapsed} collapsed: their scale fell to almost nothing on a few trials, "
            "where the likelihood has no bound; fewer states, or scale_prior=1, keep scales away "
            "from zero",
            CollapseWarning,
        )
    separated = separated_state(model, data, found.parameters)
    told = model.observation_model.one_sided(data.y[data.observed])  # before the fit
    if separated is not None and told is None:
        warn(f"{separated[1]}; a ridge keeps weights finite", SeparationWarning)


def separated_state(model: Any, data: Data, parameters: Parameters) -> tuple[int, str] | None:
    """Return a state whose weights grow without bound, and what shows it; None if none does."""
    mean, spread, _ = data.moments
    weights = np.asarray(parameters.weights)
    size = np.abs(weights[..., :-1]) * spread
    level = weights[..., :-1] @ mean + weights[..., -1]
    return model.observation_model.separated(  # type: ignore[no-any-return]
        level, size, model.inverse_link_function
    )
