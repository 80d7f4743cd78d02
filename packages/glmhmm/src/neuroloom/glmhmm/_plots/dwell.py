"""Lengths of stays in each state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.glmhmm._analysis.dwell import path_of, stays_of
from neuroloom.glmhmm._estimator.problem import posed
from neuroloom.glmhmm._plots.common import state_names
from neuroloom.shared import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_dwell_times(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the lengths of stays in each state, and the chain's geometric law.

    Curves are Kaplan–Meier estimates, in which a stay that a session's end cuts off counts for as
    long as it was watched. The law is drawn dashed; of driven transitions, that of the mean
    probability to stay.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts, transition_inputs
        As in the fit.
    labels : sequence of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.step``.
    """
    found = posed(model, X, y, session_starts, transition_inputs)
    stays = stays_of(path_of(found), found.problem.data.starts, model.n_states)
    matrix = found.transitions()
    stay = np.diagonal(matrix, axis1=-2, axis2=-1)
    stay = stay.mean(axis=0) if stay.ndim == 2 else stay
    names = state_names(len(stays), labels)
    ax = plots.axes(ax)
    longest = max((int(s.lengths.max()) for s in stays if len(s.lengths)), default=1)
    trials = np.arange(1, longest + 1)
    for k, color in enumerate(plots.state_colors(len(stays))):
        survival = stays[k].survival()
        if len(survival):
            look = {"color": color, "label": names[k], **artist}
            ax.step(trials[: len(survival)], survival, where="post", **look)
        ax.plot(
            trials,
            stay[k] ** (trials - 1.0),
            color=color,
            linestyle="--",
            linewidth=0.8,
        )
    ax.set(xlabel="trials in state", ylabel="fraction of stays at least as long", ylim=(0, 1.02))
    ax.legend(frameon=False)
    return ax
