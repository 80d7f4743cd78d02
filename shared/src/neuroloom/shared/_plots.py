"""Shared pictures: axes in, axes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.shared._style import axes, state_colors
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._trials import Trials
from neuroloom.shared._validate import array, count, fail, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _MUTED, _RULE, _GAP = "#222222", "#666666", "#BBBBBB", "#EEEEEE"
_MANY = 20_000  # from here on a vector file holds the dots as a picture


def raster(
    spikes: SpikeTrains,
    *,
    colors: Sequence[Any] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with one mark per spike, time against unit; gaps between epochs are grey.

    Parameters
    ----------
    spikes : SpikeTrains
        What to draw.
    colors : sequence of colours, optional
        One per unit; all dark if not given.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot``.

    Raises
    ------
    DataError
        If nothing was recorded, or `colors` is not one per unit.
    """
    from matplotlib.ticker import MaxNLocator

    if not len(spikes.epochs):
        raise fail("spikes", "spikes of at least one epoch", "no epochs")
    if colors is not None and len(colors) != spikes.n_units:
        raise fail("colors", f"{spikes.n_units} colours, one per unit", len(colors))
    ax = axes(ax)
    height = ax.get_window_extent().height * 72 / ax.figure.dpi / max(spikes.n_units, 1)
    marks: dict[str, Any] = {"marker": "|", "markersize": min(0.8 * height, 14)}
    if height < 3:  # the rows are too low for ticks
        marks = {"marker": ".", "markersize": 1.8, "markeredgewidth": 0}
    look = {
        "linestyle": "none",
        "color": _INK,
        "rasterized": len(spikes) > _MANY,
        **marks,
        **artist,
    }
    if colors is None:
        ax.plot(spikes.times, spikes.units, **look)
    else:
        distinct: dict[Any, list[int]] = {}
        for unit, color in enumerate(colors):
            distinct.setdefault(color if isinstance(color, str) else tuple(color), []).append(unit)
        for color, units in distinct.items():
            of_color = np.isin(spikes.units, units)
            ax.plot(spikes.times[of_color], spikes.units[of_color], **{**look, "color": color})
    for stop, start in zip(spikes.epochs.stop[:-1], spikes.epochs.start[1:], strict=True):
        ax.axvspan(stop, start, color=_GAP, linewidth=0, zorder=0)
    ax.set(
        xlabel="time (s)",
        ylabel="unit",
        xlim=(spikes.epochs.start[0], spikes.epochs.stop[-1]),
        ylim=(-0.5, max(spikes.n_units, 1) - 0.5),
    )
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return ax


def traces(
    signal: Signal,
    *,
    unit: str = "",
    spacing: float | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the channels one below the other and a scale bar.

    Parameters
    ----------
    signal : Signal
        What to draw.
    unit : str
        Unit of the samples, written at the scale bar.
    spacing : float, optional
        Distance of neighbouring channels; six standard deviations (median over the channels)
        if not given.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot``.

    Raises
    ------
    DataError
        If there are no samples, or `spacing` is not positive.
    """
    if not len(signal):
        raise fail("signal", "at least one sample", "none")
    if spacing is None:
        spreads = [np.std(x[~np.isnan(x)]) for x in signal.values.T if not np.isnan(x).all()]
        spread = float(np.median(spreads)) if spreads else 0.0
        spacing = 6 * spread if spread > 0 else 1.0
    spacing = number("spacing", spacing, expected="a positive distance", accept=lambda x: x > 0)
    ax = axes(ax)
    offsets = -spacing * np.arange(signal.n_channels)
    centred = signal.values - [np.median(x[~np.isnan(x)]) if (~np.isnan(x)).any() else 0
                               for x in signal.values.T]  # fmt: skip
    ax.plot(signal.times, centred + offsets, **{"color": _INK, "linewidth": 0.7, **artist})
    names = signal.channels or [str(i) for i in range(signal.n_channels)]
    ax.set_yticks(offsets, names)
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    height = _round_down(spacing / 2)
    right = signal.times[-1] + 0.02 * signal.duration
    ax.plot([right, right], [offsets[-1], offsets[-1] + height], color=_INK, linewidth=2)
    label = f"  {height:g} {unit}".rstrip()
    ax.text(right, offsets[-1] + height / 2, label, va="center", ha="left", color=_INK)
    ax.set(xlabel="time (s)", xlim=(signal.times[0], right + 0.005 * signal.duration))
    ax.spines["bottom"].set_bounds(signal.times[0], signal.times[-1])
    return ax


def _round_down(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step * power for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))


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
    shown = table.head(count("first", first, minimum=1))
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
        cell.get_text().set_color(_INK if row == 0 or (column and row <= len(text)) else _MUTED)
        cell.get_text().set_fontweight("bold" if row == 0 else "normal")
    line = 1 - 1 / (len(cells) + 1)
    ax.plot([0, 1], [line, line], color=_RULE, linewidth=0.8, transform=ax.transAxes, clip_on=False)
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
