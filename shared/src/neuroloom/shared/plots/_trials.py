"""Trials as a table, and the states that they were in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import array, fail, whole
from neuroloom.shared.plots._figures import axes
from neuroloom.shared.plots._style import INK, MUTED, RULE, state_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def trials_table(
    trials: Trials, *columns: str, first: int = 20, ax: Axes | None = None, **artist: Any
) -> Axes:
    """Return axes with the first trials as a table.

    Parameters
    ----------
    trials : Trials
        What to draw.
    *columns : str
        Which columns; all if none is named.
    first : int
        Number of rows.
    ax : Axes, optional
        Where to draw; a new figure if not given, as high as the table.
    **artist
        Passed to ``Axes.table``.

    Raises
    ------
    DataError
        If columns are missing, or the table has none.
    """
    table = trials.require(*columns) if columns else trials.table
    if not table.shape[1]:
        raise fail("trials", "at least one column", "none")
    shown = table.head(whole("first", first, at_least=1))
    text = [[_cell(value) for value in row] for row in shown.itertuples(index=False)]
    more = len(table) - len(shown)
    head = ["trial", *shown.columns]
    cells = [[str(i), *row] for i, row in zip(shown.index, text, strict=True)]
    if more:
        cells.append([f"+ {more} more", *[""] * shown.shape[1]])
    ax = axes(ax, figsize=(0.6 + 0.95 * len(head), 0.4 + 0.24 * len(cells)))
    ax.axis("off")
    look = {"bbox": (0, 0, 1, 1), "cellLoc": "right", "edges": "open", **artist}
    drawn = ax.table([head, *cells], **look)
    for (row, column), cell in drawn.get_celld().items():
        cell.get_text().set_color(INK if row == 0 or (column and row <= len(text)) else MUTED)
        cell.get_text().set_fontweight("bold" if row == 0 else "normal")
    line = 1 - 1 / (len(cells) + 1)
    ax.plot([0, 1], [line, line], color=RULE, linewidth=0.8, transform=ax.transAxes, clip_on=False)
    return ax


def _cell(value: Any) -> str:
    import pandas as pd

    if not pd.api.types.is_list_like(value) and pd.isna(value):
        return "–"
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def state_ribbon(
    probabilities: ArrayLike,
    *,
    times: ArrayLike | None = None,
    labels: Sequence[str] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the states' probabilities stacked over time, and a legend above.

    Parameters
    ----------
    probabilities : array_like, shape (n_times, n_states)
        Probability of each state, rows that sum to one.
    times : array_like, shape (n_times,), optional
        Where on the axis, in seconds; trial numbers if not given.
    labels : sequence of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.stackplot``.

    Raises
    ------
    DataError
        If `probabilities` is not 2-D, holds no time or state, a row is not one of probabilities, or
        `times` or `labels` do not fit.
    """
    share = array("probabilities", probabilities, np.float64, ndim=2)
    if not share.size:
        raise fail("probabilities", "shape (n_times, n_states)", f"shape {share.shape}")
    wrong = np.flatnonzero((np.abs(share.sum(axis=1) - 1) > 1e-3) | (share.min(axis=1) < -1e-9))
    if wrong.size:
        i = wrong[0]
        raise fail(
            "probabilities", "rows of probabilities that sum to one", f"{share[i]} in row {i}"
        )
    n_times, n_states = share.shape
    where = np.arange(n_times) if times is None else array("times", times, np.float64, ndim=1)
    if len(where) != n_times:
        raise fail("times", f"one per row ({n_times})", len(where))
    names = [f"state {k + 1}" for k in range(n_states)] if labels is None else list(labels)
    if len(names) != n_states:
        raise fail("labels", f"{n_states} names, one per state", len(names))
    ax = axes(ax)
    look = {"colors": state_colors(n_states), "labels": names, "linewidth": 0, **artist}
    ax.stackplot(where, share.T, **look)
    ax.set(ylim=(0, 1), yticks=(0, 0.5, 1), ylabel="probability")
    ax.set(xlabel="trial" if times is None else "time (s)")
    if n_times > 1:
        ax.set_xlim(where[0], where[-1])
    above: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.2}
    ax.legend(**above, ncols=min(n_states, 4), handlelength=1, handleheight=1, columnspacing=1.2)
    return ax
