"""What a fitted model says about trials: likelihoods, posteriors of the states, predictions.

The functions are methods of `GLMHMM`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.viterbi import most_likely_path
from neuroloom.glmhmm._estimator.problem import Posed, base_by_trial, posed
from neuroloom.glmhmm._estimator.simulation import check_format, rates_of
from neuroloom.glmhmm._input.trials import restore


def score(
    self: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> float:
    """Return the log-likelihood of the data, natural logarithm, summed over trials.

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `fit`.
    """
    found = posed(self, X, y, session_starts, transition_inputs)
    return float(found.posterior().log_likelihood.sum()) + found.problem.base


def log_likelihood_per_trial(
    self: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> Any:
    """Return log p(y_t | earlier trials of the session), (n_trials,), 0 for masked trials.

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `fit`.
    """
    found = posed(self, X, y, session_starts, transition_inputs)
    data = found.problem.data
    base = base_by_trial(self.observation_model, data.y, data.seen)
    return restore(found.posterior().log_likelihood + base, data)


def smooth_proba(
    self: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> Any:
    """Return the probability of each state given the whole session, (n_trials, n_states).

    With pynapple inputs a TsdFrame with columns ``state_0``, … comes back. Rows dropped at the
    borders of a session are NaN.

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import neuroloom.glmhmm as nmo
    >>> rng = np.random.default_rng(123)
    >>> X = rng.normal(size=(100, 5))
    >>> y = rng.poisson(2, size=100)
    >>> model = nmo.GLMHMM(n_states=3, observation_model="Poisson").fit(X, y)
    >>> posteriors = model.smooth_proba(X, y)
    >>> posteriors.shape
    (100, 3)
    >>> bool(np.allclose(posteriors.sum(axis=1), 1.0))
    True
    """
    found = posed(self, X, y, session_starts, transition_inputs)
    return _by_state(self, found.posterior().smoothed, found)


def filter_proba(
    self: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> Any:
    """Return the probability of each state given the session so far, (n_trials, n_states).

    The trial's own response counts.

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import neuroloom.glmhmm as nmo
    >>> rng = np.random.default_rng(123)
    >>> X = rng.normal(size=(100, 5))
    >>> y = rng.poisson(2, size=100)
    >>> model = nmo.GLMHMM(n_states=3, observation_model="Poisson").fit(X, y)
    >>> bool(np.allclose(model.filter_proba(X, y).sum(axis=1), 1.0))
    True
    """
    found = posed(self, X, y, session_starts, transition_inputs)
    return _by_state(self, found.posterior().filtered, found)


def decode_state(
    self: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    state_format: Literal["one-hot", "index"] = "one-hot",
    *,
    transition_inputs: Any = None,
) -> Any:
    """Return the most likely path of states (Viterbi), session by session.

    Parameters
    ----------
    X, y, session_starts
        As in `fit`.
    state_format : {"one-hot", "index"}
        Shape (n_trials, n_states) with one 1 per row, or (n_trials,) with state numbers.
    transition_inputs : array_like, optional
        As in `fit`.

    Raises
    ------
    InputError
        If `state_format` is neither (a ValueError).

    Examples
    --------
    >>> import numpy as np
    >>> import neuroloom.glmhmm as nmo
    >>> rng = np.random.default_rng(123)
    >>> X = rng.normal(size=(100, 5))
    >>> y = rng.poisson(2, size=100)
    >>> model = nmo.GLMHMM(n_states=3, observation_model="Poisson").fit(X, y)
    >>> model.decode_state(X, y, state_format="index").shape
    (100,)
    >>> bool(np.all(model.decode_state(X, y).sum(axis=1) == 1))
    True
    """
    check_format(state_format)
    found = posed(self, X, y, session_starts, transition_inputs)
    data, initial = found.problem.data, np.asarray(found.core.initial)
    states = most_likely_path(found.log_density(), data.starts, initial, found.transitions())
    if state_format == "index":
        return restore(states, data)
    one_hot = np.eye(self.n_states, dtype=np.int64)[states]
    return restore(one_hot, data, [f"state_{k}" for k in range(self.n_states)])


def predict_proba(
    self: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> Any:
    """Return the probability of each state given only earlier trials, (n_trials, n_states).

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `fit`.
    """
    found = posed(self, X, y, session_starts, transition_inputs)
    return _by_state(self, _ahead(found), found)


def predict(
    self: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> Any:
    """Return the mean response expected at each trial before it is seen (one step ahead).

    Bernoulli: the probability of 1. Categorical: the probability of each category, in the order
    of ``classes_`` where the model was fitted to labels. NaN where a regressor is missing.

    Parameters
    ----------
    X, y, session_starts, transition_inputs
        As in `fit`.
    """
    found = posed(self, X, y, session_starts, transition_inputs)
    ahead, data = _ahead(found), found.problem.data
    rates = rates_of(self, data.x)
    weights = ahead.reshape(len(ahead), *([1] * (rates.ndim - 2)), ahead.shape[1])
    mean = np.sum(rates * weights, axis=-1)
    mean[data.gaps] = np.nan
    return restore(mean, data)


def compute_loss(
    self: Any,
    params: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> float:
    """Return minus the log-likelihood at `params`, without penalty.

    Parameters
    ----------
    params : tuple
        ``(coef, intercept, scale, initial_prob, transition_prob)``.
    X, y, session_starts, transition_inputs
        As in `fit`.
    """
    found = posed(self, X, y, session_starts, transition_inputs, params=params)
    return -(float(found.posterior().log_likelihood.sum()) + found.problem.base)


def _by_state(model: Any, values: NDArray[np.float64], found: Posed) -> Any:
    columns = [f"state_{k}" for k in range(model.n_states)]
    return restore(values, found.problem.data, columns)


def _ahead(found: Posed) -> NDArray[np.float64]:
    """Return the probability of each state given only earlier trials, (n_trials, n_states)."""
    filtered, starts = found.posterior().filtered, found.problem.data.starts
    out = np.tile(np.asarray(found.core.initial), (len(filtered), 1))
    rest = ~starts
    before = filtered[np.flatnonzero(rest) - 1]
    matrix = found.transitions()
    if matrix.ndim == 3:
        out[rest] = np.einsum("ti,tij->tj", before, matrix[rest])
    else:
        out[rest] = before @ matrix
    return out
