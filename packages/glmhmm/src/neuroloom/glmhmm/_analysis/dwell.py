"""How long and how often the chain is in each state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.viterbi import most_likely_path
from neuroloom.glmhmm._estimator.problem import Posed, posed
from neuroloom.glmhmm._model.settings import flag


@dataclass(frozen=True)
class Stays:
    """Stays of the most likely path in one state.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_stays,)
        Trials of each stay.
    cut : ndarray of bool, shape (n_stays,)
        Whether the session ended before the stay did.
    """

    lengths: NDArray[np.int64]
    cut: NDArray[np.bool_]

    def survival(self) -> NDArray[np.float64]:
        """Return P(length ≥ t) for t = 1, 2, …, up to the longest stay (Kaplan & Meier 1958).

        Stays that a session's end cuts off count for as long as they were watched.
        """
        longest = int(self.lengths.max(initial=0))
        if longest == 0:
            return np.zeros(0)
        at_risk = np.bincount(self.lengths, minlength=longest + 1)[::-1].cumsum()[::-1][1:]
        ended = np.bincount(self.lengths[~self.cut], minlength=longest + 1)[1:]
        lasting = np.cumprod(1 - ended / np.maximum(at_risk, 1))
        return np.append(1.0, lasting[:-1])


def path_of(found: Posed) -> NDArray[np.int64]:
    """Return the most likely path, (n_trials,)."""
    starts, initial = found.problem.data.starts, np.asarray(found.core.initial)
    return most_likely_path(found.log_density(), starts, initial, found.transitions())


def stays_of(path: NDArray[np.int64], starts: NDArray[np.bool_], n_states: int) -> list[Stays]:
    """Return the stays in each state along a path; none goes on over a session's start."""
    change = np.append(True, path[1:] != path[:-1]) | starts
    first = np.flatnonzero(change)
    after = np.append(first[1:], len(path))
    cut = np.append(starts[after[:-1]], True)
    lengths = after - first
    state = path[first]
    return [Stays(lengths[state == k], cut[state == k]) for k in range(n_states)]


def occupancy(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
    per_session: bool = False,
) -> NDArray[np.float64]:
    """Return the fraction of trials in which each state is the most probable one.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts, transition_inputs
        As in the fit.
    per_session : bool
        Return one row per session, (n_sessions, n_states), instead of (n_states,).
    """
    flag("per_session", per_session)
    found = posed(model, X, y, session_starts, transition_inputs)
    best = found.posterior().smoothed.argmax(axis=1)
    k = model.n_states
    if not per_session:
        return np.bincount(best, minlength=k) / len(best)
    session = found.problem.data.session
    counts = np.bincount(session * k + best, minlength=(session[-1] + 1) * k).reshape(-1, k)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def dwell_stays(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
) -> list[Stays]:
    """Return the stays in each state along the most likely path, with those that are cut off.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts, transition_inputs
        As in the fit.
    """
    found = posed(model, X, y, session_starts, transition_inputs)
    return stays_of(path_of(found), found.problem.data.starts, model.n_states)


def dwell_times(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    censored: bool = False,
    transition_inputs: Any = None,
) -> list[NDArray[np.int64]]:
    """Return the lengths, in trials, of the stays in each state along the most likely path.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts, transition_inputs
        As in the fit.
    censored : bool
        Count stays that a session's end cuts off as well. Without them lengths are biased towards
        short ones; `plot_dwell_times` corrects for both.
    """
    flag("censored", censored)
    found = dwell_stays(model, X, y, session_starts, transition_inputs=transition_inputs)
    return [s.lengths if censored else s.lengths[~s.cut] for s in found]
