"""Standard errors from the curvature of the marginal log-likelihood.

The observed information is minus the Hessian of the (penalised) marginal log-likelihood: the
derivative of the score that Fisher's identity gives (Louis 1982; Oakes 1999), by automatic
differentiation through the E-step. Probabilities are differentiated as logits against the row's
largest entry; those at zero are held there.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.glmhmm._analysis import borders
from neuroloom.glmhmm._em.compile import as_arrays, double_precision, program
from neuroloom.glmhmm._em.em import expectations, log_density, log_prior, transition_of
from neuroloom.glmhmm._em.packing import Trials
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._estimator.centring import near
from neuroloom.glmhmm._estimator.problem import Posed, posed
from neuroloom.glmhmm._families.links import safe_log
from neuroloom.glmhmm._model.parameters import Model, Parameters, Prior
from neuroloom.glmhmm._model.settings import flag


@dataclass(frozen=True)
class StandardErrors:
    """Standard errors in the shapes of the fitted attributes, and the covariance behind them.

    Weights of regressors that an output does not have are zero, and so are their errors. Entries
    are NaN for parameters at a border, which have no curvature there: probabilities at
    zero, transitions that inputs decide without a doubt, and scales at their floor
    (``scale_floor``), as of counts that vary no more than Poisson ones. `notes` names them. The
    criteria count such parameters all the same.

    Parameters
    ----------
    coef, intercept, scale, initial_prob, transition_prob : ndarray
        In the shapes of the fitted attributes.
    covariance : ndarray, shape (n_parameters, n_parameters)
        Of the weights (state by state, intercept last), log scales, the logits of the
        probabilities, and the inputs' weights on the transitions.
    model : GLMHMM
        The fitted model.
    transition_coef : ndarray or None
        Of a model whose transitions are driven by inputs.
    notes : tuple of str
        Which parameters have no error, and why, in sentences.
    """

    coef: Any
    intercept: NDArray[np.float64]
    scale: NDArray[np.float64]
    initial_prob: NDArray[np.float64]
    transition_prob: NDArray[np.float64]
    covariance: NDArray[np.float64]
    model: Any
    transition_coef: Any = None
    notes: tuple[str, ...] = ()

    def intervals(self, level: float = 0.95) -> dict[str, tuple[Any, Any]]:
        """Return lower and upper bounds by attribute; probabilities stay within 0 and 1.

        Weights are bounded symmetrically; scales and probabilities on the log and logit scale.
        """
        if not 0 < level < 1:
            raise fail("level", "a fraction between 0 and 1", level)
        z = float(scipy.stats.norm.ppf(0.5 + level / 2))
        m = self.model
        out: dict[str, tuple[Any, Any]] = {
            "coef": (
                jax.tree.map(lambda a, s: a - z * s, m.coef_, self.coef),
                jax.tree.map(lambda a, s: a + z * s, m.coef_, self.coef),
            ),
            "intercept": (m.intercept_ - z * self.intercept, m.intercept_ + z * self.intercept),
        }
        if self.transition_coef is not None:
            half = z * self.transition_coef
            out["transition_coef"] = (m.transition_coef_ - half, m.transition_coef_ + half)
        factor = np.exp(z * self.scale / m.scale_)
        out["scale"] = (m.scale_ / factor, m.scale_ * factor)
        for name in ("initial_prob", "transition_prob"):
            p, se = getattr(m, f"{name}_"), getattr(self, name)
            with np.errstate(divide="ignore", invalid="ignore"):
                logit = np.log(p) - np.log1p(-p)
                width = z * se / (p * (1 - p))
                low, high = logit - width, logit + width
            out[name] = (scipy.special.expit(low), scipy.special.expit(high))
        return out


def _score(
    vector: Any, parameters: Parameters, logits: Any, trials: Trials, prior: Prior, model: Model
) -> Any:
    """Return the gradient of the marginal log posterior, by Fisher's identity.

    It is that of the expected complete log posterior, with the expectations held.
    """
    found = expectations(_unflatten(vector, parameters, logits, model), trials, model)

    def complete(moved: Any) -> Any:
        p = _unflatten(moved, parameters, logits, model)
        value = _expected(found.smoothed, log_density(p, trials, model))
        value += _expected(found.first, safe_log(p.initial))
        matrix = transition_of(p, trials, model) if model.driven else p.transition
        value += _expected(found.pairs, safe_log(matrix))
        return value + log_prior(p, prior, model)

    return jax.grad(complete)(vector)


def _expected(weight: Any, log_p: Any) -> Any:
    used = weight > 0
    return jnp.sum(jnp.where(used, weight * jnp.where(used, log_p, 0.0), 0.0))


def _hessian(
    flat: Any, parameters: Parameters, logits: Any, trials: Trials, prior: Prior, model: Model
) -> Any:
    def row(direction: Any) -> Any:
        at = functools.partial(
            _score,
            parameters=parameters,
            logits=logits,
            trials=trials,
            prior=prior,
            model=model,
        )
        return jax.jvp(at, (flat,), (direction,))[1]

    # One direction after the other: memory does not grow with the number of parameters.
    return jax.lax.map(row, jnp.eye(flat.size, dtype=flat.dtype))


def _unflatten(vector: Any, parameters: Parameters, logits: Any, model: Model) -> Parameters:
    """Return parameters from weights, log scales, shifts of the logits, and inputs' weights."""
    sizes = [parameters.weights.size]
    sizes.append(parameters.log_scale.size if model.family.has_scale else 0)
    k = parameters.initial.size
    sizes.append((k + 1) * k)
    weights, scale, shift, drive = jnp.split(vector, np.cumsum(sizes))
    log_scale = parameters.log_scale
    if model.family.has_scale:
        log_scale = scale.reshape(log_scale.shape)
    moved = jnp.where(jnp.isfinite(logits), logits + shift.reshape(k + 1, k), -jnp.inf)
    rows = jax.nn.softmax(moved, axis=1)
    return Parameters(
        weights.reshape(parameters.weights.shape),
        log_scale,
        rows[0],
        rows[1:],
        drive.reshape(parameters.drive.shape),
    )


def standard_errors(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    penalized: bool = True,
    transition_inputs: Any = None,
) -> StandardErrors:
    """Return standard errors of a fitted model from the observed information.

    Parameters
    ----------
    model : GLMHMM
        Fitted, with a smooth penalty.
    X, y, session_starts, transition_inputs
        The data of the fit.
    penalized : bool
        Add the curvature of the priors, which makes the errors those of the posterior's Laplace
        approximation; otherwise the likelihood's alone.

    Raises
    ------
    InputError
        If the model has a penalty with a kink.

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
    flag("penalized", penalized)
    data = (X, y, session_starts, transition_inputs)
    found = posed(model, *data)
    if (found.transitions() <= borders.AT_ZERO).any():
        # What is held at zero needs the recursions that zeros need, also where it is 1e-8 as yet.
        found = posed(model, *data, exact=True)
    found, shift = near(found)
    problem, core = found.problem, found.core
    k = model.n_states
    rows = np.vstack([core.initial, core.transition])
    held = borders.held_at_zero(found)
    with np.errstate(divide="ignore"):
        logits = np.where(held, -np.inf, np.log(rows))
    with double_precision():
        trials = as_arrays(problem.trials)
        prior = problem.prior
        if not penalized:
            # The floor and unit of scales stay: they are no strengths.
            flat_scale = prior.scale._replace(trials=jnp.zeros(()))
            prior = jax.tree.map(jnp.zeros_like, prior)._replace(
                initial=jnp.ones(k), transition=jnp.ones((k, k)), scale=flat_scale
            )
        parts = [core.weights.ravel()]
        if model.observation_model.has_scale:
            parts.append(core.log_scale.ravel())
        n_plain = sum(part.size for part in parts)
        parts += [np.zeros(rows.size), core.drive.ravel()]
        flat = np.concatenate(parts)
        hessian = np.asarray(
            program(_hessian, "model")(
                flat, as_arrays(core), logits, trials, prior, model=problem.static
            )
        )
    free = borders.free_parameters(model, found, held, n_plain, flat.size)
    lost = borders.decided(found, held, n_plain, flat.size, penalized=penalized)
    covariance = _covariance(hessian, free, borders.bounds(model, found, flat.size), lost)
    _give_back(covariance, core, shift)
    return _shape(model, found, covariance, held, n_plain)


def _give_back(
    covariance: NDArray[np.float64], core: Parameters, shift: NDArray[np.float64]
) -> None:
    """Turn the covariance of intercepts around far means into that of intercepts, in place."""
    at = np.arange(core.weights.size).reshape(core.weights.shape)
    for block in at.reshape(-1, at.shape[-1]):
        for j in np.flatnonzero(shift):
            covariance[block[-1]] -= shift[j] * covariance[block[j]]
        for j in np.flatnonzero(shift):
            covariance[:, block[-1]] -= shift[j] * covariance[:, block[j]]


def _covariance(
    hessian: NDArray[np.float64],
    free: NDArray[np.bool_],
    bounds: NDArray[np.float64],
    lost: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the inverse information of the free parameters, NaN elsewhere.

    Along `bounds` nothing moves. Directions in which the likelihood is flat, the `lost` ones among
    them, leave their parameters without an error.
    """
    information = -hessian[np.ix_(free, free)]
    information = 0.5 * (information + information.T)
    covariance = np.full(hessian.shape, np.nan)
    # In units of each parameter's own curvature, so that regressors' units do not matter.
    own = np.sqrt(np.abs(np.diag(information)))
    sound = np.isfinite(information).all(axis=1) & (own > 0)
    own = np.where(sound, own, 1.0)
    gone = lost[:, free] * own
    gone /= np.maximum(np.linalg.norm(gone, axis=1, keepdims=True), 1e-300)
    held = np.vstack([bounds[:, free] / own, gone])
    scaled = np.where(sound[:, None] & sound[None], information / np.outer(own, own), 0.0)
    scaled[~sound, ~sound] = 1.0
    along = scipy.linalg.null_space(held) if len(held) else np.eye(len(own))
    values, vectors = np.linalg.eigh(along.T @ scaled @ along)
    vectors = along @ vectors
    flat = values <= 1e-10 * max(values.max(initial=0.0), 1e-300)
    inverse = (vectors / np.where(flat, np.inf, values)) @ vectors.T / np.outer(own, own)
    loose = (np.abs(vectors[:, flat]) > 1e-3).any(axis=1) | ~sound
    loose |= (along**2).sum(axis=1) < 1e-6  # held by borders on all sides
    loose |= (np.abs(gone) > 1e-3).any(axis=0)
    inverse[loose] = inverse[:, loose] = np.nan
    covariance[np.ix_(free, free)] = inverse
    return covariance


def _shape(
    model: Any,
    found: Posed,
    covariance: NDArray[np.float64],
    held: NDArray[np.bool_],
    n_plain: int,
) -> StandardErrors:
    core = found.core
    rows = np.vstack([core.initial, core.transition])
    k = model.n_states
    with np.errstate(invalid="ignore"):
        every = np.sqrt(np.diag(covariance))
    weights = every[: core.weights.size].reshape(core.weights.shape)
    mask = np.asarray(found.problem.prior.penalty.free)
    if mask.shape[0]:  # the others are zero without an error
        weights = np.where(mask > 0, weights, 0.0)
    coef, intercept = weights[..., :-1].transpose(2, 1, 0), weights[..., -1].T
    scale = np.zeros(core.log_scale.T.shape)
    if model.observation_model.has_scale:
        relative = every[core.weights.size : n_plain].reshape(core.log_scale.shape).T
        scale = relative * np.exp(core.log_scale).T
    if np.ndim(model.intercept_) == 1:
        coef, intercept, scale = coef[:, 0], intercept[0], scale[0]
    widths = np.cumsum([len(leaf) for leaf in jax.tree.leaves(model.coef_)])[:-1]
    tree = jax.tree.unflatten(jax.tree.structure(model.coef_), np.split(coef, widths))
    errors = np.full(rows.shape, np.nan)
    for r, reference in enumerate(borders.references(found, held)):
        at = n_plain + r * k
        block = covariance[at : at + k, at : at + k].copy()
        errors[r] = _row_errors(rows[r], block, ~held[r], int(reference))
    drive = None
    if core.drive.size:
        drive = every[n_plain + rows.size :].reshape(core.drive.shape).transpose(2, 0, 1)
        drive = np.where(np.eye(k, dtype=bool), 0.0, drive)
    has_one = model.observation_model.scale_mask(core.log_scale.shape[1])
    floor = np.isnan(scale).reshape(-1, k) & np.reshape(has_one, (-1, 1))
    notes = _notes(np.concatenate([coef, intercept[None]]), floor, errors, drive)
    return StandardErrors(
        tree, intercept, scale, errors[0], errors[1:], covariance, model, drive, notes
    )


def _notes(
    weights: Any, floor: NDArray[np.bool_], rows: NDArray[np.float64], drive: Any
) -> tuple[str, ...]:
    """Return what has no error and why, in sentences."""
    out = []
    states = np.flatnonzero(np.isnan(weights).reshape(-1, weights.shape[-1]).any(axis=0)).tolist()
    if states:
        out.append(
            f"no error of some weights of states {states}: the likelihood is flat along them, or "
            "the fit is not at its maximum"
        )
    if floor.any():
        low = np.flatnonzero(floor.any(axis=0)).tolist()
        out.append(f"no error of scales of states {low}: they are at their floor")
    if np.isnan(rows[0]).any():
        out.append("no error of some initial probabilities: they are at a border, zero or one")
    leaving = np.isnan(rows[1:]).any(axis=1)
    if drive is not None:
        leaving |= np.isnan(drive).any(axis=(0, 2))
    if leaving.any():
        what = "probabilities" if drive is None else "probabilities and inputs' weights"
        why = "they are at a border, zero or one, or no step between trials is seen from there"
        out.append(
            f"no error of some {what} of the transitions from states "
            f"{np.flatnonzero(leaving).tolist()}: {why}"
            + ("" if drive is None else ", whatever the inputs, or decided by them without a doubt")
        )
    return tuple(out)


def _row_errors(
    p: NDArray[np.float64], block: NDArray[np.float64], used: NDArray[np.bool_], reference: int
) -> NDArray[np.float64]:
    """Return the errors of a row of probabilities from the covariance of its logits."""
    out = np.full(len(p), np.nan)
    block[reference] = block[:, reference] = 0.0
    if used.sum() == 1:
        out[reference] = 0.0 if len(p) == 1 else np.nan
        return out
    slope = np.diag(p) - np.outer(p, p)  # of the softmax
    inner = slope[np.ix_(used, used)] @ block[np.ix_(used, used)] @ slope[np.ix_(used, used)]
    out[used] = np.sqrt(np.maximum(np.diag(inner), 0.0))
    return out
