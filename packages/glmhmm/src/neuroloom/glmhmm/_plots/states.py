"""Transitions, posteriors and occupancies of the states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.glmhmm._analysis.dwell import occupancy
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._estimator.problem import posed
from neuroloom.glmhmm._plots.common import legend_above, names_along, state_names
from neuroloom.shared import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_transitions(
    model: Any, *, labels: Sequence[str] | None = None, ax: Axes | None = None, **artist: Any
) -> Axes:
    """Return axes with the transition matrix as numbers on a grey map.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    labels : sequence of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.imshow``.
    """
    matrix = model.transition_prob_
    names = state_names(len(matrix), labels)
    ax = plots.axes(ax)
    ax.imshow(matrix, **{"cmap": "Greys", "vmin": 0, "vmax": 1, **artist})
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            color = "white" if value > 0.5 else "black"
            ax.text(j, i, f"{value:.3f}", ha="center", va="center", color=color)
    names_along(ax, names)
    ax.set_yticks(range(len(matrix)), names)
    ax.set(xlabel="to", ylabel="from")
    return ax


def plot_posterior(
    model: Any,
    X: Any = None,
    y: Any = None,
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
    session: int = 0,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the posterior probability of each state over one session.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts, transition_inputs
        As in the fit.
    session : int
        Which session, counted from 0.
    labels : sequence of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot``.
    """
    found = posed(model, X, y, session_starts, transition_inputs)
    posterior, numbers = found.posterior().smoothed, found.problem.data.session
    n_sessions = int(numbers[-1]) + 1
    if session not in range(n_sessions):
        raise fail("session", f"a number from 0 to {n_sessions - 1}", session)
    rows = posterior[numbers == session]
    ax = plots.axes(ax)
    names = state_names(rows.shape[1], labels)
    for k, color in enumerate(plots.state_colors(rows.shape[1])):
        ax.plot(rows[:, k], **{"color": color, "label": names[k], **artist})
    ax.set(ylim=(-0.01, 1.01), xlim=(0, max(len(rows) - 1, 1)), xlabel="trial", ylabel="p(state)")
    legend_above(ax, rows.shape[1])
    return ax


def plot_occupancy(
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
    """Return axes with the fraction of trials in each state, by the most likely state per trial.

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
        Passed to ``Axes.bar``.
    """
    fractions = occupancy(model, X, y, session_starts, transition_inputs=transition_inputs)
    ax = plots.axes(ax)
    at = np.arange(len(fractions))
    ax.bar(at, fractions, **{"color": plots.state_colors(len(fractions)), **artist})
    names_along(ax, state_names(len(fractions), labels))
    ax.set(ylabel="fraction of trials", ylim=(0, 1))
    return ax
