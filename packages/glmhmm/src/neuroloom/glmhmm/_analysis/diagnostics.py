"""Fit diagnostics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.compile import as_arrays, double_precision
from neuroloom.glmhmm._estimator.centring import near
from neuroloom.glmhmm._estimator.fitting import (
    collapsed_states,
    duplicate_states,
    is_collinear,
    separated_state,
)
from neuroloom.glmhmm._estimator.problem import Posed, Posterior, posed
from neuroloom.glmhmm._estimator.ranges import at_border


@dataclass(frozen=True)
class Diagnostics:
    """What can be wrong with a fit.

    Parameters
    ----------
    converged : bool
        Whether EM reached its tolerance; of models that were not fitted here, whether one more
        iteration gains next to nothing.
    monotone : bool
        Whether the objective never fell; True where no trace is known.
    largest_fall : float
        Largest fall of the objective, in nats.
    dead_states : tuple of int
        States that explain no trials.
    separated : bool
        Whether a weight grows without bound.
    collinear : bool
        Whether regressors are linear combinations of each other.
    agreement : float
        Fraction of finished starts within 0.1 nats of the best; NaN where none are known.
    occupancy : ndarray, shape (n_states,)
        Mean posterior probability of each state.
    overlap : float
        Mean posterior probability of the most probable state (1 is certain).
    collapsed_states : tuple of int
        States whose scale fell to almost nothing on a few trials.
    duplicate_states : tuple of (int, int)
        Pairs of states with equal weights.
    never_left_states : tuple of int
        States from which no transition is seen.
    one_sided_states : tuple of int
        States that a kind of response is missing from, so that a prior alone bounds their bias.
    bordering_states : tuple of int
        States with a mean at the border of what the family allows, where a link that can leave
        its range is held: an optimum under constraints.
    issues : tuple of str
        What stands out, in sentences.
    """

    converged: bool
    monotone: bool
    largest_fall: float
    dead_states: tuple[int, ...]
    separated: bool
    collinear: bool
    agreement: float
    occupancy: NDArray[np.float64]
    overlap: float
    collapsed_states: tuple[int, ...] = ()
    duplicate_states: tuple[tuple[int, int], ...] = ()
    never_left_states: tuple[int, ...] = ()
    one_sided_states: tuple[int, ...] = ()
    bordering_states: tuple[int, ...] = ()
    issues: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing stands out."""
        return not self.issues


def diagnose(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> Diagnostics:
    """Return the diagnostics of a fitted model on its data.

    Models that were loaded, stepped by `update` or fitted by `fit_subjects` bring no trace of EM;
    what depends on it is worked out from one more iteration.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts, transition_inputs
        The data of the fit.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, diagnose
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 2)), rng.binomial(1, 0.5, 300)
    >>> diagnose(GLMHMM(n_states=1).fit(X, y), X, y).ok
    True
    """
    found = posed(model, X, y, session_starts, transition_inputs)
    data, posterior = found.problem.data, found.posterior()
    gamma = posterior.smoothed[data.observed]
    trace = _trace(model)
    falls = np.diff(trace)
    fall = float(max(-falls.min(), 0.0)) if len(falls) else 0.0
    separated = separated_state(model, data, found.core)
    values: dict[str, Any] = {
        "converged": _converged(model, trace, found),
        "monotone": bool(len(trace) == 0 or fall <= 1e-8 * abs(trace[-1])),
        "largest_fall": fall,
        "dead_states": tuple(int(k) for k in np.flatnonzero(posterior.smoothed.sum(0) < 1e-3)),
        "separated": separated is not None,
        "collinear": is_collinear(model, data),
        "collapsed_states": tuple(collapsed_states(model, data, found.core, gamma.sum(axis=0))),
        "duplicate_states": tuple(duplicate_states(model, data, found.core)),
        "never_left_states": _never_left(found, posterior),
        "bordering_states": _bordering(model, found),
    }
    lopsided = model.observation_model.lopsided(data.y[data.observed], gamma)
    issues = _issues(values, separated, lopsided)
    return Diagnostics(
        **values,
        agreement=_agreement(model),
        occupancy=posterior.smoothed.mean(axis=0),
        overlap=float(posterior.smoothed.max(axis=1).mean()),
        one_sided_states=tuple(sorted({k for k, _ in lopsided})),
        issues=tuple(issues),
    )


def _trace(model: Any) -> NDArray[np.float64]:
    state = getattr(model, "solver_state_", None)
    if state is None:
        return np.zeros(0)
    return np.asarray(state.objective_history[np.isfinite(state.objective_history)])


def _agreement(model: Any) -> float:
    report = getattr(model, "restarts_", None)
    if report is None:
        return float("nan")
    finished = report.loc[report["finished"], "objective"]
    return float((finished > finished.max() - 0.1).mean())


def _gain(found: Posed) -> float:
    """Return what one more EM iteration adds to the objective, in nats."""
    centre, _ = near(found)
    p = centre.problem
    with double_precision():
        new, _, before = em.em_step(as_arrays(centre.core), p.trials, p.prior, model=p.static)
        _, _, after = em.em_step(new, p.trials, p.prior, model=p.static)
    return float(after) - float(before)


def _converged(model: Any, trace: NDArray[np.float64], found: Posed) -> bool:
    state = getattr(model, "solver_state_", None)
    if state is not None and (state.converged or len(trace) >= model.maxiter):
        return bool(state.converged)
    n = found.problem.data.n_observed
    return bool(abs(_gain(found)) < max(10 * model.tol, 1e-6 * n))


def _bordering(model: Any, found: Posed) -> tuple[int, ...]:
    problem, weights = found.problem, np.asarray(found.core.weights)
    near = at_border(model, weights, problem.data.x_observed, problem.prior.predictor)
    return tuple(int(k) for k in np.flatnonzero(near.any(axis=(1, 2))))


def _never_left(found: Posed, posterior: Posterior) -> tuple[int, ...]:
    """Return states that are visited, could be left, and from which no transition is expected."""
    data, matrix = found.problem.data, found.transitions()
    k = matrix.shape[-1]
    if k == 1:
        return ()
    follows = np.flatnonzero(~data.starts)
    into = matrix[follows] if matrix.ndim == 3 else matrix[None]
    stay = np.diagonal(into, axis1=-2, axis2=-1)
    leaves = (posterior.smoothed[follows - 1] * (1 - stay)).sum(axis=0)
    visits = posterior.smoothed[follows - 1].sum(axis=0)
    return tuple(int(i) for i in np.flatnonzero((leaves < 0.5) & (visits > 5)))


def _issues(
    values: dict[str, Any],
    separated: tuple[int, str] | None,
    lopsided: list[tuple[int, str]],
) -> list[str]:
    out = []
    if not values["converged"]:
        out.append("EM did not converge: raise maxiter or loosen tol")
    if not values["monotone"]:
        out.append(f"the objective fell by {values['largest_fall']:.3g} nats")
    sentences = {
        "dead_states": "states {} explain no trials",
        "collapsed_states": "states {} collapsed on a few trials; scale_prior=1 prevents it",
        "duplicate_states": "pairs of states {} are the same",
        "never_left_states": "states {} are never left: their transitions are not estimated",
        "bordering_states": "means of states {} reach the border of what the family allows, where "
        "the link cannot go further: another inverse_link_function may fit better",
    }
    out += [text.format(list(values[name])) for name, text in sentences.items() if values[name]]
    if separated is not None:
        out.append(separated[1])
    out += [text for _, text in lopsided]
    if values["collinear"]:
        out.append("regressors are linear combinations of each other or of the intercept")
    return out
