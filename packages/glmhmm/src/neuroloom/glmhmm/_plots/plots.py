"""Pictures of a fit: axes in, axes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import fail


def _labels(n_states: int, labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        return [f"state {k + 1}" for k in range(n_states)]
    if len(labels) != n_states:
        raise fail("labels", f"{n_states} names", f"{len(labels)}")
    return list(labels)


def _names_along(ax: Axes, names: Sequence[str]) -> None:
    """Write names below the axis, slanted where they would touch."""
    crowded = sum(map(len, names)) > 24
    look: dict[str, Any] = {"rotation": 25, "ha": "right"} if crowded else {}
    ax.set_xticks(range(len(names)), names, **look)


def _legend_above(ax: Axes, n_states: int) -> None:
    """Put the legend above the axes, where it hides no curve."""
    where: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
    ax.legend(frameon=False, ncols=min(n_states, 4), columnspacing=1.0, handlelength=1.2, **where)


def plot_weights(
    model: Any,
    *,
    features: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    errors: Any = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the weights of each state, one line per state.

    Parameters
    ----------
    model : GLMHMM
        Fitted, with one output.
    features : sequence of str, optional
        Names of the regressors; the intercept is put last as ``"bias"``.
    labels : sequence of str, optional
        Names of the states.
    errors : StandardErrors, optional
        From `standard_errors`; bars are 95 % intervals.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.errorbar``.
    """
    weights = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(model.coef_)])
    if weights.ndim != 2:
        raise fail("model", "one output", f"coefficients of shape {weights.shape}")
    rows = np.vstack([weights, model.intercept_])
    n_states = rows.shape[1]
    names = list(features) if features is not None else [f"x{i + 1}" for i in range(len(weights))]
    if len(names) != len(weights):
        raise fail("features", f"{len(weights)} names", f"{len(names)}")
    bars = None
    if errors is not None:
        se = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(errors.coef)])
        bars = 1.96 * np.vstack([se, errors.intercept])
    ax = shared.axes(ax)
    at = np.arange(len(rows))
    titles = _labels(n_states, labels)
    for k, color in enumerate(shared.state_colors(n_states)):
        look = {"marker": "o", "markersize": 4, "capsize": 2, "color": color, **artist}
        shift = 0.06 * (k - (n_states - 1) / 2)
        ax.errorbar(
            at + shift,
            rows[:, k],
            yerr=None if bars is None else bars[:, k],
            label=titles[k],
            **look,
        )
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    _names_along(ax, [*names, "bias"])
    ax.set(ylabel="weight")
    ax.legend(frameon=False)
    return ax


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
    names = _labels(len(matrix), labels)
    ax = shared.axes(ax)
    ax.imshow(matrix, **{"cmap": "Greys", "vmin": 0, "vmax": 1, **artist})
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            color = "white" if value > 0.5 else "black"
            ax.text(j, i, f"{value:.3f}", ha="center", va="center", color=color)
    _names_along(ax, names)
    ax.set_yticks(range(len(matrix)), names)
    ax.set(xlabel="to", ylabel="from")
    return ax


def plot_posterior(
    model: Any,
    X: Any,
    y: Any,
    session_starts: Any = None,
    *,
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
    X, y, session_starts
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
    from neuroloom.glmhmm._input.trials import read_starts

    posterior = np.asarray(model.smooth_proba(X, y, session_starts))
    starts = np.flatnonzero(read_starts(session_starts, len(posterior), None))
    if not 0 <= session < len(starts):
        raise fail("session", f"a number from 0 to {len(starts) - 1}", session)
    rows = posterior[slice(*np.append(starts, len(posterior))[session : session + 2])]
    ax = shared.axes(ax)
    names = _labels(rows.shape[1], labels)
    for k, color in enumerate(shared.state_colors(rows.shape[1])):
        ax.plot(rows[:, k], **{"color": color, "label": names[k], **artist})
    ax.set(ylim=(-0.01, 1.01), xlim=(0, max(len(rows) - 1, 1)), xlabel="trial", ylabel="p(state)")
    _legend_above(ax, rows.shape[1])
    return ax


def plot_psychometric(
    model: Any,
    X: Any,
    y: Any,
    session_starts: Any = None,
    *,
    stimulus: ArrayLike,
    column: int = 0,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the choices per stimulus in each state, and the model's curves.

    Dots are the means of `y` over trials, weighted by the posterior; lines are the model's mean
    response with all other regressors at their averages in the state.

    Parameters
    ----------
    model : GLMHMM
        Fitted to choices 0 and 1.
    X, y, session_starts
        As in the fit.
    stimulus : array_like, shape (n_trials,)
        Values for the axis, for instance the contrast in its own unit.
    column : int
        Column of `X` that carries the stimulus.
    labels : sequence of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot``.
    """
    from neuroloom.glmhmm._input.trials import read_design

    x = read_design(X).matrix
    shown = np.asarray(stimulus, dtype=np.float64)
    if shown.shape != (len(x),):
        raise fail("stimulus", f"shape ({len(x)},)", f"shape {shown.shape}")
    posterior = np.asarray(model.smooth_proba(X, y, session_starts))
    choice = np.asarray(y, dtype=np.float64).ravel()
    seen = np.isfinite(choice) & np.isfinite(posterior).all(axis=1)
    n_states = posterior.shape[1]
    names = _labels(n_states, labels)
    ax = shared.axes(ax)
    levels = np.unique(shown[seen])
    if len(levels) > 25:
        edges = np.quantile(shown[seen], np.linspace(0, 1, 12))
        groups = np.clip(np.searchsorted(edges, shown, side="right") - 1, 0, 10)
        levels = np.array([shown[seen & (groups == g)].mean() for g in range(11)])
    else:
        groups = np.searchsorted(levels, shown)
    order = np.argsort(shown)
    fine = np.linspace(shown.min(), shown.max(), 101)
    covariate = np.interp(fine, shown[order], x[order, column])
    for k, color in enumerate(shared.state_colors(n_states)):
        weight = np.where(seen, posterior[:, k], 0.0)
        total = np.bincount(groups[seen], weight[seen], len(levels))
        mean = np.bincount(groups[seen], (weight * choice)[seen], len(levels)) / np.maximum(
            total, 1e-12
        )
        look = {"color": color, **artist}
        enough = total > 1
        ax.plot(levels[enough], mean[enough], linestyle="none", marker="o", markersize=3, **look)
        average = (weight[seen] @ x[seen]) / max(weight.sum(), 1e-12)
        rows = np.tile(average, (len(fine), 1))
        rows[:, column] = covariate
        rate = _matrix_rates(model, rows)[:, k]
        ax.plot(fine, rate, label=names[k], **look)
    ax.set(ylim=(-0.02, 1.02), xlabel="stimulus", ylabel="p(choice = 1)")
    ax.axhline(0.5, color="0.8", linewidth=0.8, zorder=0)
    _legend_above(ax, n_states)
    return ax


def _matrix_rates(model: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    leaves, structure = jax.tree.flatten(model.coef_)
    widths = np.cumsum([len(leaf) for leaf in leaves])[:-1]
    rates: NDArray[np.float64] = model.state_rates(
        jax.tree.unflatten(structure, np.split(rows, widths, axis=1))
    )
    return rates


def plot_occupancy(
    model: Any,
    X: Any,
    y: Any,
    session_starts: Any = None,
    *,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the share of trials in each state, by the most likely state per trial.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts
        As in the fit.
    labels : sequence of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.bar``.
    """
    from neuroloom.glmhmm._analysis.dwell import occupancy

    shares = occupancy(model, X, y, session_starts)
    ax = shared.axes(ax)
    at = np.arange(len(shares))
    ax.bar(at, shares, **{"color": shared.state_colors(len(shares)), **artist})
    _names_along(ax, _labels(len(shares), labels))
    ax.set(ylabel="share of trials", ylim=(0, 1))
    return ax


def plot_dwell_times(
    model: Any,
    X: Any,
    y: Any,
    session_starts: Any = None,
    *,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the lengths of stays in each state, and the chain's geometric law.

    Stays that a session's end cuts off are left out; the law is drawn dashed.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, y, session_starts
        As in the fit.
    labels : sequence of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.step``.
    """
    from neuroloom.glmhmm._analysis.dwell import dwell_times

    stays = dwell_times(model, X, y, session_starts)
    names = _labels(len(stays), labels)
    ax = shared.axes(ax)
    longest = max((int(s.max()) for s in stays if len(s)), default=1)
    trials = np.arange(1, longest + 1)
    for k, color in enumerate(shared.state_colors(len(stays))):
        if len(stays[k]):
            survival = [(stays[k] >= t).mean() for t in trials]
            ax.step(trials, survival, where="post", **{"color": color, "label": names[k], **artist})
        ax.plot(
            trials,
            model.transition_prob_[k, k] ** (trials - 1.0),
            color=color,
            linestyle="--",
            linewidth=0.8,
        )
    ax.set(xlabel="trials in state", ylabel="share of stays at least as long", ylim=(0, 1.02))
    ax.legend(frameon=False)
    return ax


def plot_cross_validation(
    result: Any, *, score: str = "bits_per_trial", ax: Axes | None = None, **artist: Any
) -> Axes:
    """Return axes with the held-out score over the number of states, folds as thin lines.

    Parameters
    ----------
    result : CrossValidation
        From `cross_validate`.
    score : str
        Column of ``result.folds``.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot`` of the mean.
    """
    ax = shared.axes(ax)
    table = result.folds.pivot(index="n_states", columns="fold", values=score)
    for fold in table.columns:
        ax.plot(table.index, table[fold], color="0.8", linewidth=0.8)
    look = {"color": "black", "marker": "o", "markersize": 4, **artist}
    ax.plot(table.index, table.mean(axis=1), **look)
    ax.set_xticks(table.index)
    ax.set(xlabel="number of states", ylabel="held-out " + score.replace("_", " "))
    return ax
