"""Scores over the number of states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuroloom.shared import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    ax = plots.axes(ax)
    table = result.folds.pivot(index="n_states", columns="fold", values=score)
    for fold in table.columns:
        ax.plot(table.index, table[fold], color="0.8", linewidth=0.8)
    look = {"color": "black", "marker": "o", "markersize": 4, **artist}
    ax.plot(table.index, table.mean(axis=1), **look)
    ax.set_xticks(table.index)
    ax.set(xlabel="number of states", ylabel="held-out " + score.replace("_", " "))
    return ax
