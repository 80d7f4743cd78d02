"""The problem that a fit, a score and every analysis share: data and model in packed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.compile import as_arrays, by_trial, double_precision, program
from neuroloom.glmhmm._em.packing import Layout, Trials, lay_out, pack
from neuroloom.glmhmm._errors import InputError, NotFittedError, fail, fail_type
from neuroloom.glmhmm._estimator.ranges import check_means
from neuroloom.glmhmm._estimator.reading import driving_inputs, read_data
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._model import settings
from neuroloom.glmhmm._model.parameters import Model, Parameters, Prior, ScalePrior, to_core
from neuroloom.glmhmm._model.regularizers import Ridge

FITTED = ("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_")
_WIDE = 200  # with more regressors L-BFGS takes the place of Newton steps


@dataclass(frozen=True)
class Problem:
    """Trials in their places, what the programs are compiled for, and the priors.

    `base` is the log density's sum over terms in the responses alone.
    """

    data: Data
    layout: Layout
    trials: Trials
    static: Model
    prior: Prior
    base: float

    def take(self, packed: Any) -> NDArray[Any]:
        """Return values by trial from ones that are packed as (n_steps, …, n_columns)."""
        values = np.asarray(packed)
        if values.ndim == 2:
            return self.layout.take(values.ravel())
        moved = np.moveaxis(values, 0, -2)
        return self.layout.take(moved.reshape(*moved.shape[:-2], -1))

    def places(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask of trials as one of places (n_steps, n_columns)."""
        return self.layout.put(rows, False).reshape(self.layout.n_steps, self.layout.n_columns)


def check_fitted(model: Any) -> None:
    """Raise if the model was not fitted."""
    missing = [name for name in FITTED if not hasattr(model, name)]
    if missing:
        raise NotFittedError(
            f"this GLMHMM is not fitted; missing attributes: {missing}. Call fit first"
        )


def params_of(model: Any) -> tuple[Any, ...]:
    """Return a fitted model's ``(coef, intercept, scale, initial_prob, transition_prob)``."""
    check_fitted(model)
    return tuple(getattr(model, name) for name in FITTED)


def has_zeros(*probabilities: Any) -> bool:
    """Return whether a probability is so small that recursions must go in logarithms."""
    return any(bool((np.asarray(p) < 1e-150).any()) for p in probabilities)


def pose(
    model: Any,
    data: Data,
    inputs: NDArray[np.float64] | None = None,
    *,
    exact: bool = False,
    full: bool = False,
    layout: Layout | None = None,
    placed: bool = True,
) -> Problem:
    """Return the problem of fitting, or of using, the model on the trials.

    Parameters
    ----------
    model : GLMHMM
        Whose settings count.
    data : Data
        The trials.
    inputs : ndarray, shape (n_trials, n_inputs), optional
        Regressors of the transitions.
    exact : bool
        Whether some probabilities are zero, so that recursions go in logarithms.
    full : bool
        Whether M-steps run to their optimum.
    layout : Layout, optional
        Where the trials stand, if several problems must share a shape.
    placed : bool
        Whether trials go to the device at once; where there are few it is quicker to let each
        program take them along.
    """
    with double_precision():
        if layout is None:
            layout = lay_out(data.starts, whole=exact)
        packed = pack(layout, data.x, data.y, data.starts, data.observed, inputs, data.seen)
        static = static_of(model, data, layout.split, inputs is not None, exact=exact, full=full)
        return Problem(
            data,
            layout,
            as_arrays(packed) if placed else packed,
            static,
            prior_of(model, data),
            base_of(model.observation_model, data.y, data.seen),
        )


def static_of(
    model: Any, data: Data, split: bool, driven: bool, *, exact: bool = False, full: bool = False
) -> Model:
    """Return what the programs are compiled for."""
    named = model.__dict__["solver_name"]
    kwargs = model.solver_kwargs
    smooth = model.regularizer.smooth
    wide = data.x.shape[1] > _WIDE and smooth
    alphas = (model.dirichlet_initial_proba, model.dirichlet_transition_proba)
    return Model(
        model.observation_model,
        model.inverse_link_function,
        split=split,
        smooth=smooth,
        driven=driven,
        # Settings are a named solver's, and so ask for the one that stands for none.
        solver=named or (model.solver_name if kwargs or wide else "newton"),
        full=full,
        solver_tol=float(kwargs.get("tol", 1e-8)),
        solver_maxiter=int(kwargs.get("maxiter", 500)),
        exact=exact,
        sparse=any(alpha is not None and bool((alpha < 1).any()) for alpha in alphas),
    )


def prior_of(model: Any, data: Data) -> Prior:
    """Return the strengths of the model's priors, in the programs' layout."""
    k = model.n_states
    family = model.observation_model
    shape = (k, family.n_outputs(data.y))
    design = data.design
    strength = model.__dict__["regularizer_strength"]
    model.regularizer.strength(strength)  # the penalty may have been set after it
    penalty = model.regularizer.build(strength, design.widths, design.structure, shape)
    if model.penalize_intercept:
        if not isinstance(model.regularizer, Ridge):
            raise fail("penalize_intercept", "a Ridge beside it", repr(model.regularizer))
        ridge = np.array(penalty.ridge)
        ridge[..., -1] = _intercept_strength(strength)
        penalty = penalty._replace(ridge=ridge)
    free = family.free(design.tree_of_widths())
    if free is not None:
        mask = np.broadcast_to(free, np.shape(penalty.ridge))
        penalty = penalty._replace(free=free, lasso=penalty.lasso * mask)
    initial, transition = model.dirichlet_initial_proba, model.dirichlet_transition_proba
    seen = data.y[data.observed]
    unit = family.start_scale(seen)
    return Prior(
        penalty,
        np.ones(k) if initial is None else initial,
        np.ones((k, k)) if transition is None else transition,
        np.asarray(float(model.transition_regularizer_strength)),
        ScalePrior(np.log(model.scale_floor * unit), unit, np.asarray(float(model.scale_prior))),
        family.predictor_unit(seen, model.inverse_link_function),
    )


def _intercept_strength(strength: Any) -> float:
    if np.ndim(strength) or isinstance(strength, dict):
        raise fail("regularizer_strength", "one number, with penalize_intercept=True", "several")
    return float(strength)


def base_of(family: Observations, y: NDArray[np.float64], seen: NDArray[np.bool_]) -> float:
    """Return the sum over seen values of the log density's terms in the response alone."""
    return float(base_by_trial(family, y, seen).sum())


def base_by_trial(
    family: Observations, y: NDArray[np.float64], seen: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return each trial's terms in the response alone, (n_trials,)."""
    if type(family).base is Observations.base:
        return np.zeros(len(y))
    columns = y.reshape(len(y), -1)
    safe = np.array([c[k][0] if k.any() else 1.0 for c, k in zip(columns.T, seen.T, strict=True)])
    filled = np.where(seen, columns, safe).reshape(y.shape)
    terms = by_trial(_base, (filled.T,), family=family).T.reshape(len(y), -1)
    return np.asarray(np.where(seen, terms, 0.0).sum(axis=1))


def _base(y: Any, family: Observations) -> Any:
    return family.base(y.T).T


def outputs_of(family: Observations, y: NDArray[np.float64]) -> tuple[int, ...]:
    """Return the shape that outputs add to users' parameters: none for a single one."""
    if family.couples:
        return (family.n_outputs(y),)
    return () if y.ndim == 1 else (y.shape[1],)


def core_of(model: Any, params: Any, data: Data, *, drive: Any = None) -> Parameters:
    """Return user parameters checked and in the programs' layout.

    Raises
    ------
    InputError
        If shapes do not fit, values are not finite, or a mean is outside of the family's range.
    """
    if not isinstance(params, (tuple, list)):
        raise fail_type(
            "init_params", "a 5-tuple (coef, intercept, scale, initial, transition)", params
        )
    if len(params) != 5:
        raise fail(
            "init_params", "5 parts (coef, intercept, scale, initial, transition)", len(params)
        )
    coef, intercept, scale, initial, transition = params
    k = model.n_states
    outputs = outputs_of(model.observation_model, data.y)
    coef = _flat_coef(coef, data)
    _check_shapes(coef, intercept, scale, (data.x.shape[1], *outputs, k))
    core = to_core(
        coef,
        intercept,
        scale,
        settings.probabilities("initial_prob", initial, (k,)),
        settings.probabilities("transition_prob", transition, (k, k)),
        None if drive is None else np.asarray(drive).transpose(1, 2, 0),
    )
    free = model.observation_model.free(data.design.tree_of_widths())
    if free is not None:  # weights of other outputs' regressors stay at zero
        core = core._replace(weights=core.weights * free)
    check_means(model, core, data)
    return core


def _flat_coef(coef: Any, data: Data) -> NDArray[np.float64]:
    structure = data.design.structure
    if structure is not None:
        try:
            leaves = structure.flatten_up_to(coef)
        except ValueError as error:
            raise InputError(f"init_params: expected a coef like X, {error}") from error
        coef = np.concatenate([np.asarray(leaf, dtype=np.float64) for leaf in leaves])
    return np.asarray(coef, dtype=np.float64)


def _check_shapes(
    coef: NDArray[np.float64], intercept: Any, scale: Any, shape: tuple[int, ...]
) -> None:
    if coef.shape != shape:
        raise fail("init_params", f"a coef of shape {shape}", f"shape {coef.shape}")
    for name, value in (("an intercept", intercept), ("a scale", scale)):
        if np.shape(value) != shape[1:] and not (
            name == "a scale" and np.shape(value) == shape[-1:]
        ):
            raise fail("init_params", f"{name} of shape {shape[1:]}", f"shape {np.shape(value)}")
    for name, value in (("coef", coef), ("intercept", intercept), ("scale", scale)):
        if not np.isfinite(np.asarray(value, dtype=np.float64)).all():
            raise fail("init_params", f"a finite {name}", "NaN or infinity")
    if (np.asarray(scale) <= 0).any():
        raise fail("init_params", "a scale above 0", f"{np.min(scale)}")


@dataclass(frozen=True)
class Posterior:
    """What the E-step says about every trial."""

    smoothed: NDArray[np.float64]  # (n_trials, n_states)
    filtered: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]  # (n_trials,), without base


@dataclass(frozen=True)
class Posed:
    """A fitted model on data: the problem, and the parameters in its layout."""

    problem: Problem
    core: Parameters

    def posterior(self) -> Posterior:
        """Return the posterior of the states."""
        p = self.problem
        with double_precision():
            found = em.posterior(self.core, p.trials, model=p.static)
        return Posterior(p.take(found[0]), p.take(found[1]), p.take(found[2]))

    def log_density(self) -> NDArray[np.float64]:
        """Return log p(y | state) of every trial without base, (n_trials, n_states)."""
        p = self.problem
        with double_precision():
            compiled = program(em.log_density, "model")
            return p.take(compiled(self.core, p.trials, model=p.static))

    def transitions(self) -> NDArray[np.float64]:
        """Return the matrix into every trial, or the one matrix (n_states, n_states)."""
        p = self.problem
        if not p.static.driven:
            return np.asarray(self.core.transition)
        with double_precision():
            compiled = program(em.transition_of, "model")
            every = np.asarray(compiled(self.core, p.trials, model=p.static))
        return p.take(every)


def posed(
    model: Any,
    X: Any,
    y: Any,
    session_starts: Any = None,
    transition_inputs: Any = None,
    *,
    params: Any = None,
    exact: bool = False,
) -> Posed:
    """Return a fitted model (or one with parameters given) on data as in its fit.

    `exact` asks for recursions in logarithms, which those with probabilities of zero have anyway.

    Raises
    ------
    InputError
        If the data do not fit the model.
    NotFittedError
        If there are no parameters.
    """
    given = params is not None
    params = params if given else params_of(model)
    data = read_data(model, X, y, session_starts)
    check_features(model, params, data)
    model.observation_model.check(data.y, data.seen if data.y.ndim == 2 else data.observed)
    inputs = driving_inputs(model, transition_inputs, data)
    drive = None if inputs is None else model.transition_coef_
    core = core_of(model, params, data, drive=drive)
    exact = exact or has_zeros(core.initial, core.transition)
    return Posed(pose(model, data, inputs, exact=exact), core)


def check_features(model: Any, params: Any, data: Data) -> None:
    """Raise if the regressors are not those of the fit, by number and, in frames, by name."""
    expected = sum(np.shape(leaf)[0] for leaf in jax.tree.leaves(params[0]))
    found = data.x.shape[1]
    if found != expected:
        raise fail(
            "X",
            f"{expected} features as in the fit",
            f"X has {found} features, but GLMHMM is expecting {expected} features as input",
        )
    check_names(model, data.design.names)


def check_names(model: Any, names: tuple[str, ...]) -> None:
    """Raise if a data frame's columns are not those of the fit, in their order."""
    known = getattr(model, "feature_names_in_", None)
    if known is None or not names or list(known) == list(names):
        return
    raise fail(
        "X",
        f"the columns of the fit in their order, {list(known)}",
        f"{list(names)}. The feature names should match those that were passed during fit",
    )
