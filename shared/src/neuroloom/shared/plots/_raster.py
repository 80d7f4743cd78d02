"""Spikes of many units, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.shared.checks import fail
from neuroloom.shared.data import SpikeTrains
from neuroloom.shared.plots._figures import axes
from neuroloom.shared.plots._style import GAP, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY = 20_000  # from here on a vector file holds the dots as a picture
_NAMED = 40  # more names than these do not fit


def raster(
    spikes: SpikeTrains,
    *,
    colors: Sequence[Any] | None = None,
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with one mark per spike, time against unit.

    Time that was not recorded is grey: between the epochs, and for each unit that has its own.

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
        If `spikes` are no spike trains, nothing was recorded, or `colors` is not one per unit.
    """
    from matplotlib.ticker import MaxNLocator

    if not isinstance(spikes, SpikeTrains):
        raise fail("spikes", "SpikeTrains", type(spikes).__name__)
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
        "color": INK,
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
        ax.axvspan(stop, start, color=GAP, linewidth=0, zorder=0)
    _shade_unobserved(ax, spikes)
    ax.set(
        xlabel="time (s)",
        ylabel="unit",
        xlim=(spikes.epochs.start[0], spikes.epochs.stop[-1]),
        ylim=(-0.5, max(spikes.n_units, 1) - 0.5),
    )
    if spikes.names and spikes.n_units <= _NAMED:
        ax.set_yticks(range(spikes.n_units), [str(name) for name in spikes.names])
    else:
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return ax


def _shade_unobserved(ax: Axes, spikes: SpikeTrains) -> None:
    """Shade the rows of units where they were not observed and others were."""
    if spikes.observed is None:
        return
    epochs = list(zip(spikes.epochs.start, spikes.epochs.stop, strict=True))
    for unit, seen in enumerate(spikes.observed):
        before = [-np.inf, *seen.stop]
        after = [*seen.start, np.inf]
        hidden = [
            (max(start, left), min(stop, right))
            for start, stop in epochs
            for left, right in zip(before, after, strict=True)
        ]
        spans = [(left, right - left) for left, right in hidden if left < right]
        ax.broken_barh(spans, (unit - 0.5, 1), color=GAP, linewidth=0, zorder=0)
