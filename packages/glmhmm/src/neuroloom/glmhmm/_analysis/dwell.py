"""How long and how often the chain is in each state."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._input.trials import read_starts


def occupancy(model: Any, X: Any, y: Any, session_starts: Any = None) -> NDArray[np.float64]:
    """Return the share of trials in which each state is the most probable one, (n_states,).

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts
        As in the fit.
    """
    posterior = np.asarray(model.smooth_proba(X, y, session_starts))
    posterior = posterior[np.isfinite(posterior).all(axis=1)]
    counts = np.bincount(posterior.argmax(axis=1), minlength=posterior.shape[1])
    return counts / len(posterior)


def dwell_times(
    model: Any, X: Any, y: Any, session_starts: Any = None, *, censored: bool = False
) -> list[NDArray[np.int64]]:
    """Return the lengths, in trials, of the stays in each state along the most likely path.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts
        As in the fit.
    censored : bool
        Count stays that a session's end cuts off as well.
    """
    path = np.asarray(
        model.decode_state(X, y, session_starts, state_format="index"), dtype=np.float64
    )
    starts = read_starts(session_starts, len(path), None)
    keep = np.isfinite(path)
    starts = np.append(True, np.diff(np.cumsum(starts)[keep]) > 0)
    path = path[keep].astype(np.int64)
    change = np.append(True, path[1:] != path[:-1]) | starts
    first = np.flatnonzero(change)
    after = np.append(first[1:], len(path))
    cut = np.append(starts[after[:-1]], True)
    lengths = after - first
    use = np.ones(len(first), dtype=bool) if censored else ~cut
    return [lengths[(path[first] == k) & use] for k in range(model.n_states)]
