"""Parameters and priors in the layout of the compiled programs, and in the users'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.links import Link, NamedLink

Array = Any
# Estimated probabilities stay above this, so that the only zeros are those that were asked for.
SMALLEST = 1e-200


class Parameters(NamedTuple):
    """Parameters in the layout of the programs."""

    weights: Array  # (n_states, n_outputs, n_regressors + 1), the intercept last
    log_scale: Array  # (n_states, n_outputs)
    initial: Array  # (n_states,)
    transition: Array  # (n_states, n_states), at zero input
    drive: Array  # (n_states, n_states, n_inputs), zero on the diagonal


class Penalty(NamedTuple):
    """Strengths per weight; `groups` is 0/1 of shape (n_groups, *weights)."""

    ridge: Array
    lasso: Array
    groups: Array
    group_strength: Array
    free: Array  # 0/1 (n_outputs, n_regressors + 1), 0 where a weight is held at zero; or (0, …)


class ScalePrior(NamedTuple):
    """Inverse-gamma prior on the scales, and the smallest scale, per output."""

    log_smallest: Array  # (n_outputs,)
    unit: Array  # (n_outputs,) scale that the prior's pseudo-trials have
    trials: Array  # () number of pseudo-trials


class Prior(NamedTuple):
    """Strengths of the priors."""

    penalty: Penalty
    initial: Array  # Dirichlet α (n_states,)
    transition: Array  # Dirichlet α (n_states, n_states)
    drive: Array  # ridge strength on `drive`
    scale: ScalePrior
    predictor: Array  # (n_outputs,) unit of the linear predictors; it moves no optimum


@dataclass(frozen=True)
class Model(NamedLink):
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
    exact: bool = False  # recursions in logarithms: some probabilities are zero
    sparse: bool = False  # some Dirichlet α are below 1


def to_core(
    coef: Any, intercept: Any, scale: Any, initial: Any, transition: Any, drive: Any = None
) -> Parameters:
    """Return core parameters from user arrays (n_features, [n_outputs,] n_states)."""
    w = np.asarray(coef, dtype=np.float64)
    b = np.asarray(intercept, dtype=np.float64)
    s = np.asarray(scale, dtype=np.float64)
    if w.ndim == 2:
        w, b = w[:, None], b[None]
    if s.ndim == 1:
        s = s[None]
    n_outputs, n_states = w.shape[1:]
    s = np.broadcast_to(s, (n_outputs, n_states)) if s.shape[0] == 1 else s
    weights = np.concatenate([w.transpose(2, 1, 0), b.T[..., None]], axis=-1)
    v = np.zeros((n_states, n_states, 0)) if drive is None else np.asarray(drive, dtype=np.float64)
    return Parameters(
        weights,
        np.log(s).T.copy(),
        np.asarray(initial, dtype=np.float64),
        np.asarray(transition, dtype=np.float64),
        v,
    )


def from_core(parameters: Parameters, single: bool) -> tuple[Any, Any, Any, Any, Any]:
    """Return numpy coef, intercept, scale, initial, transition; `single` drops the output axis."""
    weights = np.array(parameters.weights, dtype=np.float64)
    coef = weights[..., :-1].transpose(2, 1, 0)
    intercept = weights[..., -1].T
    scale = np.exp(np.array(parameters.log_scale, dtype=np.float64)).T
    if single:
        coef, intercept, scale = coef[:, 0], intercept[0], scale[0]
    return (
        np.ascontiguousarray(coef),
        np.ascontiguousarray(intercept),
        np.ascontiguousarray(scale),
        np.array(parameters.initial, dtype=np.float64),
        np.array(parameters.transition, dtype=np.float64),
    )


def simple_start(
    n_states: int,
    n_features: int,
    y: NDArray[np.float64],
    observed: NDArray[np.bool_],
    family: Observations,
    link: Link,
) -> Parameters:
    """Return weights of zero around the mean response, sticky transitions."""
    seen = y[observed]
    level = family.starts(seen, link)
    n_outputs = len(level)
    weights = np.zeros((n_states, n_outputs, n_features + 1))
    weights[..., -1] = level
    log_scale = np.tile(np.log(family.start_scale(seen)), (n_states, 1))
    stay = 1.0 if n_states == 1 else 0.95
    transition = np.full((n_states, n_states), (1 - stay) / max(n_states - 1, 1))
    np.fill_diagonal(transition, stay)
    initial = np.full(n_states, 1 / n_states)
    return Parameters(weights, log_scale, initial, transition, np.zeros((n_states, n_states, 0)))


def plain_prior(n_states: int, n_outputs: int, n_features: int, ridge: float) -> Prior:
    """Return a ridge on all coefficients and flat priors on all else."""
    strength = np.full((n_states, n_outputs, n_features + 1), float(ridge))
    strength[..., -1] = 0
    groups = np.zeros((0, *strength.shape))
    penalty = Penalty(
        strength, np.zeros_like(strength), groups, np.zeros(0), np.zeros((0, n_features + 1))
    )
    scale = ScalePrior(np.full(n_outputs, np.log(1e-12)), np.ones(n_outputs), np.zeros(()))
    transition = np.ones((n_states, n_states))
    return Prior(penalty, np.ones(n_states), transition, np.zeros(()), scale, np.ones(n_outputs))
