"""Standard errors from the curvature of the marginal log-likelihood.

The observed information is minus the Hessian of the (penalised) marginal log-likelihood (Louis
1982 gives it for EM; here automatic differentiation through the forward pass does). Probabilities
are differentiated as logits against the row's largest entry; those at zero are held there.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from neuroloom.glmhmm._em.em import Parameters, Prior, log_prior, run_forward
from neuroloom.glmhmm._em.mstep import Model
from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._em.shapes import as_arrays, double_precision
from neuroloom.glmhmm._errors import fail

_AT_ZERO = 1e-6


@dataclass(frozen=True)
class StandardErrors:
    """Standard errors in the shapes of the fitted attributes, and the covariance behind them.

    Entries are NaN for probabilities at zero, which have no curvature. `covariance` belongs to the
    weights (state by state, intercept last), log scales and the logits of the probabilities.
    """

    coef: Any
    intercept: NDArray[np.float64]
    scale: NDArray[np.float64]
    initial_prob: NDArray[np.float64]
    transition_prob: NDArray[np.float64]
    covariance: NDArray[np.float64]
    model: Any

    def intervals(self, level: float = 0.95) -> dict[str, tuple[Any, Any]]:
        """Return lower and upper bounds by attribute; probabilities stay within 0 and 1.

        Weights are bounded symmetrically; scales and probabilities on the log and logit scale.
        """
        if not 0 < level < 1:
            raise fail("level", "a share between 0 and 1", level)
        z = float(norm.ppf(0.5 + level / 2))
        m = self.model
        out: dict[str, tuple[Any, Any]] = {
            "coef": (
                jax.tree.map(lambda a, s: a - z * s, m.coef_, self.coef),
                jax.tree.map(lambda a, s: a + z * s, m.coef_, self.coef),
            ),
            "intercept": (m.intercept_ - z * self.intercept, m.intercept_ + z * self.intercept),
        }
        factor = np.exp(z * self.scale / m.scale_)
        out["scale"] = (m.scale_ / factor, m.scale_ * factor)
        for name in ("initial_prob", "transition_prob"):
            p, se = getattr(m, f"{name}_"), getattr(self, name)
            with np.errstate(divide="ignore", invalid="ignore"):
                logit = np.log(p) - np.log1p(-p)
                width = z * se / (p * (1 - p))
                low, high = logit - width, logit + width
            out[name] = (1 / (1 + np.exp(-low)), 1 / (1 + np.exp(-high)))
        return out


@functools.partial(jax.jit, static_argnames=("model", "scaled"))
def _hessian(
    flat: Any,
    parameters: Parameters,
    logits: Any,
    trials: Trials,
    prior: Prior,
    *,
    model: Model,
    scaled: bool,
) -> Any:
    def objective(vector: Any) -> Any:
        moved = _unflatten(vector, parameters, logits, scaled)
        likelihood = jnp.sum(run_forward(moved, trials, model).log_likelihood)
        return likelihood + log_prior(moved, prior, model)

    return jax.hessian(objective)(flat)


def _unflatten(vector: Any, parameters: Parameters, logits: Any, scaled: bool) -> Parameters:
    n_weights = parameters.weights.size
    weights = vector[:n_weights].reshape(parameters.weights.shape)
    at = n_weights
    log_scale = parameters.log_scale
    if scaled:
        log_scale = vector[at : at + log_scale.size].reshape(log_scale.shape)
        at += log_scale.size
    k = parameters.initial.size
    shift = vector[at:].reshape(k + 1, k)
    rows = jax.nn.softmax(jnp.where(jnp.isfinite(logits), logits + shift, -jnp.inf), axis=1)
    return parameters._replace(
        weights=weights, log_scale=log_scale, initial=rows[0], transition=rows[1:]
    )


def standard_errors(
    model: Any, X: Any, y: Any, session_starts: Any = None, *, penalized: bool = True
) -> StandardErrors:
    """Return standard errors of a fitted model from the observed information.

    Parameters
    ----------
    model : GLMHMM
        Fitted, with constant transitions and a smooth penalty.
    X, y, session_starts
        The data of the fit.
    penalized : bool
        Add the curvature of the priors, which makes the errors those of the posterior's Laplace
        approximation; otherwise the likelihood's alone.

    Raises
    ------
    InputError
        If the model has a penalty with a kink, or transitions driven by inputs.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, standard_errors
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 2)), rng.binomial(1, 0.4, 300)
    >>> model = GLMHMM(n_states=1).fit(X, y)
    >>> errors = standard_errors(model, X, y)
    >>> errors.coef.shape, bool((errors.coef > 0.08).all() and (errors.coef < 0.2).all())
    ((2, 1), True)
    """
    if not model.regularizer.smooth:
        raise fail("model", "a penalty without kinks", repr(model.regularizer))
    if hasattr(model, "transition_coef_"):
        raise fail("model", "constant transitions; use parametric_bootstrap", "driven ones")
    data = model._read(X, y, session_starts)
    core = model._to_core(model._params, data)
    scaled = model.observation_model.has_scale
    k = model.n_states
    rows = np.vstack([core.initial, core.transition])
    with np.errstate(divide="ignore"):
        logits = np.where(rows > _AT_ZERO, np.log(rows), -np.inf)
    with double_precision():
        _, trials, compiled = model._pack(data, None)
        prior = model._prior(data)
        if not penalized:
            prior = jax.tree.map(jnp.zeros_like, prior)
            prior = prior._replace(
                initial=jnp.ones(k), transition=jnp.ones((k, k)), drive=jnp.ones(())
            )
        parts = [core.weights.ravel()]
        if scaled:
            parts.append(core.log_scale.ravel())
        flat = np.concatenate([*parts, np.zeros(rows.size)])
        hessian = np.asarray(
            _hessian(flat, as_arrays(core), logits, trials, prior, model=compiled, scaled=scaled)
        )
    n_plain = flat.size - rows.size
    free = np.ones(flat.size, dtype=bool)
    for r, row in enumerate(rows):
        at = n_plain + r * k
        free[at : at + k] = row > _AT_ZERO
        free[at + int(np.argmax(row))] = False  # the reference
    information = -hessian[np.ix_(free, free)]
    information = 0.5 * (information + information.T)
    covariance = np.full((flat.size, flat.size), np.nan)
    values, vectors = np.linalg.eigh(information)
    flat_direction = values <= 1e-10 * max(values.max(), 1e-300)
    inverse = (vectors / np.where(flat_direction, np.inf, values)) @ vectors.T
    # Directions in which the likelihood is flat leave their parameters without an error.
    loose = (np.abs(vectors[:, flat_direction]) > 1e-3).any(axis=1)
    inverse[loose] = inverse[:, loose] = np.nan
    covariance[np.ix_(free, free)] = inverse
    return _shape(model, core, covariance, rows, n_plain, scaled)


def _shape(
    model: Any,
    core: Parameters,
    covariance: NDArray[np.float64],
    rows: NDArray[np.float64],
    n_plain: int,
    scaled: bool,
) -> StandardErrors:
    k = model.n_states
    with np.errstate(invalid="ignore"):
        plain = np.sqrt(np.diag(covariance)[:n_plain])
    weights = plain[: core.weights.size].reshape(core.weights.shape)
    coef, intercept = weights[..., :-1].transpose(2, 1, 0), weights[..., -1].T
    scale = np.zeros(core.log_scale.T.shape)
    if scaled:
        scale = (
            plain[core.weights.size :].reshape(core.log_scale.shape).T * np.exp(core.log_scale).T
        )
    if np.ndim(model.intercept_) == 1:
        coef, intercept, scale = coef[:, 0], intercept[0], scale[0]
    widths = np.cumsum([len(leaf) for leaf in jax.tree.leaves(model.coef_)])[:-1]
    tree = jax.tree.unflatten(jax.tree.structure(model.coef_), np.split(coef, widths))
    errors = np.full(rows.shape, np.nan)
    for r, p in enumerate(rows):
        at = n_plain + r * k
        block = covariance[at : at + k, at : at + k].copy()
        reference = int(np.argmax(p))
        block[reference] = block[:, reference] = 0.0
        used = p > _AT_ZERO
        if used.sum() == 1:
            errors[r, reference] = 0.0 if k == 1 else np.nan
            continue
        slope = np.diag(p) - np.outer(p, p)  # of the softmax
        inner = slope[np.ix_(used, used)] @ block[np.ix_(used, used)] @ slope[np.ix_(used, used)]
        errors[r, used] = np.sqrt(np.maximum(np.diag(inner), 0.0))
    return StandardErrors(tree, intercept, scale, errors[0], errors[1:], covariance, model)
