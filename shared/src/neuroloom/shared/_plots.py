"""Shared pictures: axes in, axes out."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from neuroloom.shared._signal import Signal
from neuroloom.shared._spike_trains import SpikeTrains
from neuroloom.shared._style import axes, state_colors
from neuroloom.shared._trials import Trials
from neuroloom.shared._validate import fail


def raster(spikes: SpikeTrains, *, ax: Axes | None = None, **artist: Any) -> Axes:
    """Return axes with one dot per spike, time against unit.

    Parameters
    ----------
    spikes : SpikeTrains
        What to draw.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot``.
    """
    ax = axes(ax)
    look = {"linestyle": "none", "marker": ".", "markersize": 2.0, "color": "black", **artist}
    ax.plot(spikes.times, spikes.units, **look)
    ax.set(
        xlabel="time (s)",
        ylabel="unit",
        xlim=(spikes.epochs.start[0], spikes.epochs.stop[-1]),
        ylim=(-0.5, max(spikes.n_units, 1) - 0.5),
    )
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
    """
    ax = axes(ax)
    if spacing is None:
        spread = float(np.nanmedian(np.nanstd(signal.values, axis=0)))
        spacing = 6 * spread if spread > 0 else 1.0
    offsets = -spacing * np.arange(signal.n_channels)
    look = {"color": "black", "linewidth": 0.7, **artist}
    ax.plot(signal.times, signal.values + offsets, **look)
    names = signal.channels or [str(i) for i in range(signal.n_channels)]
    ax.set_yticks(offsets, names)
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    ax.set(xlabel="time (s)")
    height = round_down(spacing / 2)
    right = signal.times[-1] + 0.02 * signal.duration
    ax.plot([right, right], [offsets[-1], offsets[-1] + height], color="black", linewidth=2)
    ax.text(right, offsets[-1] + height / 2, f" {height:g} {unit}".rstrip(), va="center")
    return ax


def round_down(value: float) -> float:
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
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.table``.
    """
    ax = axes(ax)
    table = trials.require(*columns) if columns else trials.table
    shown = table.head(first)
    text = [[f"{x:.4g}" if isinstance(x, float) else str(x) for x in row] for row in shown.values]
    ax.axis("off")
    if text:
        ax.table(
            text,
            colLabels=list(shown.columns),
            rowLabels=[str(i) for i in shown.index],
            loc="center",
            **artist,
        )
    return ax


def state_ribbon(
    probabilities: ArrayLike,
    *,
    times: ArrayLike | None = None,
    labels: list[str] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the states' probabilities stacked over time.

    Parameters
    ----------
    probabilities : array_like, shape (n_times, n_states)
        Probability of each state, rows that sum to one.
    times : array_like, shape (n_times,), optional
        Where on the axis; trial numbers if not given.
    labels : list of str, optional
        Names of the states.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.stackplot``.

    Raises
    ------
    DataError
        If `probabilities` is not 2-D.
    """
    ax = axes(ax)
    share = np.asarray(probabilities, dtype=np.float64)
    if share.ndim != 2:
        raise fail("probabilities", "shape (n_times, n_states)", f"shape {share.shape}")
    n_states = share.shape[1]
    where = np.arange(len(share)) if times is None else np.asarray(times)
    names = labels or [f"state {k + 1}" for k in range(n_states)]
    look = {"colors": state_colors(n_states), "labels": names, **artist}
    ax.stackplot(where, share.T, **look)
    ax.set(ylim=(0, 1), xlim=(where[0], where[-1]), xlabel="trial", ylabel="probability")
    return ax
