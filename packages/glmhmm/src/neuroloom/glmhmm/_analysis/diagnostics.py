"""Is this fit to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Diagnostics:
    """What can be wrong with a fit.

    `agreement` is the share of finished starts within 0.1 nats of the best; `overlap` the mean
    posterior probability of the most probable state (1 is certain).
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

    @property
    def ok(self) -> bool:
        """Whether nothing stands out."""
        return (
            self.converged
            and self.monotone
            and not self.dead_states
            and not self.separated
            and not self.collinear
        )


def diagnose(model: Any, X: Any, y: Any, session_starts: Any = None) -> Diagnostics:
    """Return the diagnostics of a fitted model on the data of its fit.

    Parameters
    ----------
    model : GLMHMM
        Fitted with `fit`.
    X, y, session_starts
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
    state = model.solver_state_
    trace = state.objective_history[np.isfinite(state.objective_history)]
    falls = np.diff(trace)
    fall = float(max(-falls.min(), 0.0)) if len(falls) else 0.0
    posterior = np.asarray(model.smooth_proba(X, y, session_starts))
    posterior = posterior[np.isfinite(posterior).all(axis=1)]
    share = posterior.mean(axis=0)
    data = model._read(X, y, session_starts)
    x = data.x[data.observed]
    core = model._to_core(model._params, data)
    size = np.abs(core.weights) * np.append(x.std(axis=0), 0.0)
    full = np.column_stack([x, np.ones(len(x))])
    report = model.restarts_
    finished = report.loc[report["finished"], "objective"]
    return Diagnostics(
        converged=state.converged,
        monotone=fall <= 1e-8 * abs(trace[-1]),
        largest_fall=fall,
        dead_states=tuple(int(k) for k in np.flatnonzero(posterior.sum(axis=0) < 1e-3)),
        separated=bool(size.max() > 12),
        collinear=bool(np.linalg.matrix_rank(full.T @ full) < full.shape[1]),
        agreement=float((finished > finished.max() - 0.1).mean()),
        occupancy=share,
        overlap=float(posterior.max(axis=1).mean()),
    )
