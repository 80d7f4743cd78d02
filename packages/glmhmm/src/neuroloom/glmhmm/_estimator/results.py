"""What a fit leaves behind beside its parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._estimator.problem import outputs_of
from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._model.parameters import Parameters, from_core


class EMState(NamedTuple):
    """How EM went; the histories are padded with NaN to `maxiter`."""

    data_log_likelihood: float
    previous_data_log_likelihood: float
    log_likelihood_history: NDArray[np.float64]
    iterations: int
    converged: bool
    objective: float
    objective_history: NDArray[np.float64]


class SolverSpec(NamedTuple):
    """Name and settings of the M-step's solver."""

    name: str
    backend: str
    tol: float
    maxiter: int


class StepResult(NamedTuple):
    """Parameters and state after one EM iteration."""

    params: tuple[Any, ...]
    state: EMState


def set_fitted(model: Any, parameters: Parameters, data: Data) -> None:
    """Keep parameters on the model, in the users' shapes."""
    family = model.observation_model
    single = outputs_of(family, data.y) == ()
    coef, intercept, scale, initial, transition = from_core(parameters, single)
    model.coef_ = data.design.unflatten(coef)
    model.intercept_ = intercept
    model.scale_ = scale if family.has_scale else np.ones_like(scale)
    model.initial_prob_ = initial
    model.transition_prob_ = transition
    drive = np.array(parameters.drive, dtype=np.float64)
    optional: dict[str, Any] = {
        "transition_coef_": drive.transpose(2, 0, 1) if drive.shape[-1] else None,
        "classes_": data.classes,
        "feature_names_in_": np.array(data.design.names, object) if data.design.names else None,
    }
    for name, value in optional.items():
        if value is not None:
            setattr(model, name, value)
        elif hasattr(model, name):
            delattr(model, name)
    model.n_features_in_ = data.x.shape[1]
    model.dof_resid_ = degrees_of_freedom(model, parameters, data)


def degrees_of_freedom(model: Any, parameters: Parameters, data: Data) -> float:
    """Return the number of observed trials less that of free parameters."""
    k = model.n_states
    weights = np.asarray(parameters.weights)
    n_weights = model.regularizer.n_free(weights, data.x_observed)
    n_chain = (k - 1) + k * (k - 1) * (1 + np.shape(parameters.drive)[-1])
    return float(data.n_observed - n_weights - weights[..., -1].size - n_chain)
