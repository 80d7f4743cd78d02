"""Signals, one channel below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.shared._types._signal import Signal
from neuroloom.shared.checks import fail, real
from neuroloom.shared.plots._figures import axes
from neuroloom.shared.plots._style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    spacing = real("spacing", spacing, above=0)
    ax = axes(ax)
    offsets = -spacing * np.arange(signal.n_channels)
    centred = signal.values - [np.median(x[~np.isnan(x)]) if (~np.isnan(x)).any() else 0
                               for x in signal.values.T]  # fmt: skip
    ax.plot(signal.times, centred + offsets, **{"color": INK, "linewidth": 0.7, **artist})
    names = signal.channels or [str(i) for i in range(signal.n_channels)]
    ax.set_yticks(offsets, names)
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    height = _round_down(spacing / 2)
    right = signal.times[-1] + 0.02 * signal.duration
    ax.plot([right, right], [offsets[-1], offsets[-1] + height], color=INK, linewidth=2)
    label = f"  {height:g} {unit}".rstrip()
    ax.text(right, offsets[-1] + height / 2, label, va="center", ha="left", color=INK)
    ax.set(xlabel="time (s)", xlim=(signal.times[0], right + 0.005 * signal.duration))
    ax.spines["bottom"].set_bounds(signal.times[0], signal.times[-1])
    return ax


def _round_down(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above `value`."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(step * power for step in (1, 2, 5) if step * power <= value * (1 + 1e-9)))
