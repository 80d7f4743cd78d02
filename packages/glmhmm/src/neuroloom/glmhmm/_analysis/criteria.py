"""Numbers that compare models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import scipy

from neuroloom.glmhmm._estimator.problem import Posed, posed


@dataclass(frozen=True)
class Criteria:
    """Information criteria of a fit; smaller is better.

    Parameters
    ----------
    log_likelihood : float
        Natural logarithm, summed over trials.
    n_parameters, n_trials : int
        Free parameters, and trials on which a response counts.
    aic, bic, icl : float
        Akaike's, Schwarz's and the integrated completed likelihood criterion.
    """

    log_likelihood: float
    n_parameters: int
    n_trials: int
    aic: float
    bic: float
    icl: float


def n_parameters(model: Any) -> int:
    """Return the number of free parameters: weights, scales, and those of the chain."""
    k = model.n_states
    family = model.observation_model
    weights = sum(np.size(leaf) for leaf in jax.tree.leaves(model.coef_))
    free = family.free(jax.tree.map(len, model.coef_))
    held = 0 if free is None else k * int((free == 0).sum())
    scales = k * int(family.scale_mask(np.size(model.intercept_) // k).sum())
    drive = (k - 1) * k * len(model.transition_coef_) if hasattr(model, "transition_coef_") else 0
    chain = (k - 1) + k * (k - 1) + drive
    return int(weights - held + np.size(model.intercept_) + scales + chain)


def information_criteria(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> Criteria:
    """Return AIC, BIC and ICL of a fitted model on its data.

    ICL adds twice the entropy of the posterior over states to BIC (Biernacki, Celeux & Govaert
    2000), so that states that the data do not tell apart count against a model.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts, transition_inputs
        The data of the fit.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, information_criteria
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(200, 2)), rng.binomial(1, 0.5, 200)
    >>> found = information_criteria(GLMHMM(n_states=1).fit(X, y), X, y)
    >>> found.n_parameters, bool(np.isclose(found.aic, 6 - 2 * found.log_likelihood))
    (3, True)
    """
    return criteria_of(model, posed(model, X, y, session_starts, transition_inputs))


def criteria_of(model: Any, found: Posed) -> Criteria:
    """Return the criteria of a fitted model on a problem."""
    posterior, data = found.posterior(), found.problem.data
    value = float(posterior.log_likelihood.sum()) + found.problem.base
    smoothed = posterior.smoothed[data.observed]
    n, p = data.n_observed, n_parameters(model)
    entropy = float(-scipy.special.xlogy(smoothed, smoothed).sum())
    bic = -2 * value + p * np.log(n)
    return Criteria(value, p, n, -2 * value + 2 * p, float(bic), float(bic + 2 * entropy))
