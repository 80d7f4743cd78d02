"""A GLM is the model with one state; it serves as a baseline and as a start."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.compile import as_arrays, double_precision
from neuroloom.glmhmm._em.em import fit_one
from neuroloom.glmhmm._em.multi_start import trace_length
from neuroloom.glmhmm._em.packing import lay_out, pack
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.links import Link
from neuroloom.glmhmm._model.parameters import (
    Model,
    Parameters,
    Prior,
    ScalePrior,
    from_core,
    plain_prior,
    simple_start,
)


def one_state_fit(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    seen: NDArray[np.bool_],
    family: Observations,
    link: Link,
    prior: Prior,
    *,
    tol: float = 1e-6,
) -> Parameters:
    """Return the parameters of the GLM of all trials."""
    starts = np.zeros(len(x), dtype=bool)
    # One state needs no order in time: the plain layout without joined columns is enough.
    starts[:: max(int(np.sqrt(len(x))), 1)] = True
    observed: NDArray[np.bool_] = np.asarray(seen.any(axis=1))
    with double_precision():
        layout = lay_out(starts)
        trials = as_arrays(pack(layout, x, y, starts, observed, None, seen))
        start = simple_start(1, x.shape[1], y, observed, family, link)
        model = Model(family, link, split=layout.split)
        now = (as_arrays(start), trials, as_arrays(prior), tol, 500)
        fit = fit_one(*now, model=model, trace=trace_length(500))
    return fit.parameters


def one_state_prior(
    n_features: int, scale: ScalePrior, predictor: NDArray[np.float64], ridge: Any
) -> Prior:
    """Return a ridge on the GLM's coefficients: a strength, or one for each.

    `predictor` is the linear predictors' unit, (n_outputs,).
    """
    prior = plain_prior(1, len(scale.unit), n_features, 0.0)
    strength = np.array(prior.penalty.ridge)
    strength[..., :-1] = ridge
    penalty = prior.penalty._replace(ridge=strength)
    return prior._replace(penalty=penalty, scale=scale, predictor=predictor)


def fit_glm_arrays(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    family: Observations,
    link: Link,
    *,
    ridge: float = 1.0,
) -> tuple[Any, Any, Any]:
    """Return coefficients (n_features, …), intercept and scale of a GLM under a ridge."""
    seen = np.isfinite(y.reshape(len(y), -1))
    unit = family.start_scale(y)
    scale = ScalePrior(np.log(1e-6 * unit), unit, np.zeros(()))
    prior = one_state_prior(x.shape[1], scale, family.predictor_unit(y, link), ridge)
    parameters = one_state_fit(x, y, seen, family, link, prior, tol=1e-10)
    coef, intercept, scales, _, _ = from_core(parameters, y.ndim == 1 and not family.couples)
    return coef[..., 0], intercept[..., 0], scales[..., 0]
