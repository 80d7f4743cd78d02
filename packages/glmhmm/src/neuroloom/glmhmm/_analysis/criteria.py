"""Numbers that compare models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import xlogy


@dataclass(frozen=True)
class Criteria:
    """Information criteria of a fit; smaller is better."""

    log_likelihood: float
    n_parameters: int
    n_trials: int
    aic: float
    bic: float
    icl: float


def n_parameters(model: Any) -> int:
    """Return the number of free parameters: weights, scales, initial and transition shares."""
    import jax

    k = model.n_states
    weights = sum(np.size(leaf) for leaf in jax.tree.leaves(model.coef_)) + np.size(
        model.intercept_
    )
    scales = np.size(model.scale_) if model.observation_model.has_scale else 0
    drive = (k - 1) * k * len(model.transition_coef_) if hasattr(model, "transition_coef_") else 0
    return int(weights + scales + (k - 1) + k * (k - 1) + drive)


def information_criteria(model: Any, X: Any, y: Any, session_starts: Any = None) -> Criteria:
    """Return AIC, BIC and ICL of a fitted model on its data.

    ICL adds twice the entropy of the posterior over states to BIC (Biernacki, Celeux & Govaert
    2000), so that states that the data do not tell apart count against a model.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts
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
    value = model.score(X, y, session_starts)
    posterior = np.asarray(model.smooth_proba(X, y, session_starts))
    targets = np.asarray(y, dtype=np.float64)
    seen = np.isfinite(posterior).all(axis=1) & np.isfinite(targets.reshape(len(targets), -1)).all(
        1
    )
    n, p = int(seen.sum()), n_parameters(model)
    entropy = float(-xlogy(posterior[seen], posterior[seen]).sum())
    bic = -2 * value + p * np.log(n)
    return Criteria(value, p, n, -2 * value + 2 * p, float(bic), float(bic + 2 * entropy))
