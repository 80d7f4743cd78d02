"""A map of information over lag and window, and where in it the dependence begins.

The *causal contour* holds, for each last sample ``C`` seen, the smallest window whose information
has begun to rise; the *significant contour* is the longest level set at a threshold. The shortest
segment between them is the bridge, and a circle about its midpoint marks the smallest window and
lag that carry the information.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import OptionError
from neuroloom.mi._results.frame import picture
from neuroloom.shared.plots import STATE_COLORS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HeatmapAnalysis:
    """What `analyze_mi_heatmap` found.

    Attributes
    ----------
    ax : Axes
        The picture.
    causal_sum : float
        The sum ``C`` of lag and window on the causal contour ``window = C − lag``.
    significant_contour : ndarray, shape (n, 2)
        (lag, window) along the longest level set; empty if the threshold is never crossed.
    bridge : tuple of ndarray, optional
        Ends of the shortest segment, on the causal and on the significant contour.
    center : tuple of float, optional
        Lag and window at the bridge's midpoint.
    radius : float, optional
    """

    ax: Axes
    causal_sum: float
    significant_contour: Array
    bridge: tuple[Array, Array] | None
    center: tuple[float, float] | None
    radius: float | None


def causal_sum(table: pd.DataFrame, rise: float) -> float:
    """Return the first window at lag 0 whose information exceeds floor + rise·(max − floor)."""
    lag = min((float(c) for c in table.columns), key=abs)
    column = table[lag].dropna().sort_index()
    floor = float(np.median(column.to_numpy()[:3]))
    level = floor + rise * (float(column.max()) - floor)
    above = column.index[column.to_numpy() > level]
    return float(above[0] + lag) if len(above) else float(column.index[-1] + lag)


def level_set(lags: Array, windows: Array, values: Array, level: float) -> Array:
    """Return the longest curve on which `values` (windows × lags) equal `level`."""
    from contourpy import contour_generator

    lines = contour_generator(lags, windows, values).lines(level)
    if not lines:
        return np.empty((0, 2))
    lengths = [np.hypot(*np.diff(np.asarray(line), axis=0).T).sum() for line in lines]
    return np.asarray(lines[int(np.argmax(lengths))], dtype=float)


def analyze_mi_heatmap(
    results_df: pd.DataFrame,
    absolute_mi_threshold: float = 0.2,
    contour_rise_fraction: float = 0.1,
    radius_multiplier: float = 1.2,
    true_lag: float | None = None,
    history_duration: float | None = None,
    *,
    ax: Axes | None = None,
    show: bool = False,
) -> HeatmapAnalysis:
    """Return the contours, bridge and circle of a map of information, and draw them.

    Parameters
    ----------
    results_df : pandas.DataFrame
        Columns ``lag``, ``window_size`` and ``mi``, one row per cell of the map.
    absolute_mi_threshold : float
        Level of the significant contour, in the unit of ``mi``.
    contour_rise_fraction : float
        Part of the range at lag 0 that counts as risen.
    radius_multiplier : float
        Radius of the circle, in half lengths of the bridge.
    true_lag, history_duration : float, optional
        Marked in the picture.
    ax : matplotlib.axes.Axes, optional
    show : bool
        Open the figure's window where there is one.

    Raises
    ------
    OptionError
        If a column is missing.
    """
    from matplotlib.patches import Circle

    missing = [c for c in ("lag", "window_size", "mi") if c not in results_df]
    if missing:
        raise OptionError(f"results_df: expected columns {missing} too, got {list(results_df)}")
    table = results_df.pivot_table(index="window_size", columns="lag", values="mi")
    lags, windows = table.columns.to_numpy(float), table.index.to_numpy(float)
    total = causal_sum(table, contour_rise_fraction)
    significant = level_set(lags, windows, table.to_numpy(float), absolute_mi_threshold)
    bridge = center = radius = None
    if len(significant):
        grid = np.linspace(lags.min(), lags.max(), 500)
        causal = np.stack([grid, total - grid], axis=1)
        causal = causal[(causal[:, 1] >= windows.min()) & (causal[:, 1] <= windows.max())]
        if len(causal):
            distance = np.hypot(*(causal[:, None] - significant[None]).transpose(2, 0, 1))
            i, j = np.unravel_index(int(distance.argmin()), distance.shape)
            bridge = (causal[i], significant[j])
            middle = (causal[i] + significant[j]) / 2
            center = (float(middle[0]), float(middle[1]))
            radius = float(radius_multiplier * distance[i, j] / 2)
    with picture(ax, show=show, xlabel="lag", ylabel="window size") as ax:
        mesh = ax.pcolormesh(
            lags, windows, table.to_numpy(float), shading="nearest", cmap="viridis"
        )
        if hasattr(ax.figure, "colorbar"):
            ax.figure.colorbar(mesh, ax=ax, label="mutual information")
        ax.plot(lags, total - lags, color="white", ls="--", label="causal contour")
        if len(significant):
            ax.plot(*significant.T, color=STATE_COLORS[1], label="significant contour")
        if bridge is not None and center is not None and radius is not None:
            ax.plot(*np.stack(bridge).T, color="white")
            ax.add_patch(Circle(center, radius, fill=False, color=STATE_COLORS[3], lw=2))
        if true_lag is not None:
            ax.axvline(true_lag, color="black", ls=":", label="true lag")
        if history_duration is not None:
            ax.axhline(history_duration, color="black", ls="-.", label="true history")
        ax.set(xlim=(lags.min(), lags.max()), ylim=(windows.min(), windows.max()))
        ax.legend(loc="upper right", frameon=True, facecolor="0.7", framealpha=0.8)
    return HeatmapAnalysis(ax, total, significant, bridge, center, radius)
