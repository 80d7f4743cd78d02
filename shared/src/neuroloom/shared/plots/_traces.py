"""Signals, one channel below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared.checks import fail, real
from neuroloom.shared.data import Signal, TimeSeries
from neuroloom.shared.plots._figures import axes
from neuroloom.shared.plots._style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def traces(
    signal: Signal | TimeSeries,
    *,
    unit: str | None = None,
    spacing: float | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the channels one below the other and a scale bar.

    Parameters
    ----------
    signal : Signal or TimeSeries
        What to draw. Lines are broken where samples are missing (NaN), and between the epochs of
        a time series.
    unit : str, optional
        Unit of the samples, written at the scale bar; the signal's own if not given.
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
        If `signal` is neither type or has no samples, or `spacing` is not positive.
    """
    if not isinstance(signal, (Signal, TimeSeries)):
        raise fail("signal", "a Signal or a TimeSeries", type(signal).__name__)
    if not len(signal) or not signal.n_channels:
        raise fail("signal", "at least one sample", "none")
    unit = signal.unit if unit is None else unit
    times, values = _broken(signal)
    columns = [x[~np.isnan(x)] for x in signal.values.T]
    spacing = _apart(columns) if spacing is None else real("spacing", spacing, above=0)
    ax = axes(ax)
    offsets = -spacing * np.arange(signal.n_channels)
    centred = values - [np.median(x) if x.size else 0.0 for x in columns]
    ax.plot(times, centred + offsets, **{"color": INK, "linewidth": 0.7, **artist})
    names = signal.channels or [str(i) for i in range(signal.n_channels)]
    ax.set_yticks(offsets, names)
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    height = _round_down(spacing / 2)
    first, last = float(times[0]), float(times[-1])
    # One sample alone has no extent of its own.
    span = last - first or (signal.duration if isinstance(signal, Signal) else 1.0)
    right = last + 0.02 * span
    ax.plot([right, right], [offsets[-1], offsets[-1] + height], color=INK, linewidth=2)
    label = f"  {height:g} {unit}".rstrip()
    ax.text(right, offsets[-1] + height / 2, label, va="center", ha="left", color=INK)
    ax.set(xlabel="time (s)", xlim=(first, right + 0.005 * span))
    ax.spines["bottom"].set_bounds(first, last)
    return ax


def _apart(columns: list[NDArray[Any]]) -> float:
    spreads = [np.std(x) for x in columns if x.size]
    return 6 * float(np.median(spreads)) if spreads and np.median(spreads) > 0 else 1.0


def _broken(signal: Signal | TimeSeries) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return times and values, with a missing sample in each gap between epochs."""
    if isinstance(signal, Signal):
        return signal.times, signal.values
    edge = np.flatnonzero(np.diff(signal.epochs.index(signal.times))) + 1
    return (
        np.insert(signal.times, edge, signal.times[edge]),
        np.insert(signal.values.astype(np.float64), edge, np.nan, axis=0),
    )


def _round_down(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step * power for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))
