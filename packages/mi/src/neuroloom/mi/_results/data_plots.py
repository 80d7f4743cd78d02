"""Pictures that belong to no mode: of signals, embeddings, added noise, and several results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.mi._errors import OptionError
from neuroloom.mi._results.frame import BLUE, ORANGE, information, picture
from neuroloom.mi._results.record import Record, require_table
from neuroloom.mi._training.saved_critic import rotated
from neuroloom.shared.plots import STATE_COLORS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def _compared(results: list[Record]) -> str | None:
    """Return the parameter that all results sweep, None if they are estimates."""
    if not results:
        raise OptionError("compare: expected results, got none")
    if len({r.units for r in results}) > 1:
        raise OptionError(f"compare: expected one unit, got {[r.units for r in results]}")
    swept = {r.params.get("sweep_var") for r in results}
    if not all(r.params.get("sweep_var") and r.dataframe is not None for r in results):
        if any(r.mi_estimate is None for r in results):
            raise OptionError(
                f"compare: expected estimates only, or curves only, got {[r.mode for r in results]}"
            )
        return None
    if len(swept) > 1:
        raise OptionError(f"compare: expected one swept parameter, got {sorted(map(str, swept))}")
    return str(swept.pop())


def plot_comparison(
    results: list[Record],
    labels: Sequence[str] | None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Return axes with several estimates and their intervals, or several curves."""
    swept = _compared(results)
    names = [f"{r.mode} {k + 1}" for k, r in enumerate(results)] if labels is None else list(labels)
    if len(names) != len(results):
        raise OptionError(f"labels: expected {len(results)}, got {len(names)}")
    with picture(
        ax,
        figsize,
        title,
        show,
        xlabel=swept or "",
        ylabel=information(results[0].units),
    ) as ax:
        for place, (name, result) in enumerate(zip(names, results, strict=True)):
            color = STATE_COLORS[place % len(STATE_COLORS)]
            if swept:
                table = require_table(result)
                x, y = table[str(result.params["sweep_var"])], table["mi_mean"]
                ax.errorbar(x, y, table.get("mi_std"), fmt="o-", color=color, label=name)
            else:
                mi = float(result.mi_estimate or 0.0)
                low, high = result.details.get("interval", (mi, mi))
                ax.errorbar(
                    [place], [mi], [[mi - low], [high - mi]], fmt="o", color=color, capsize=3
                )
        if swept:
            ax.legend()
        else:
            ax.set_xticks(range(len(names)), names)
            ax.set_xlim(-0.5, len(names) - 0.5)
    return ax


def plot_cross_correlation(
    x: Any,
    y: Any,
    true_lag: float | None = None,
    *,
    max_lag: int | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with the correlation of x at time t with y at ``t + lag``.

    Parameters
    ----------
    x, y : array_like
        One channel each, of equal length.
    true_lag : float, optional
        Marked, dashed.
    max_lag : int, optional
        Largest lag in samples, a tenth of the recording if not given.
    ax : matplotlib.axes.Axes, optional
    title : str, optional
    show : bool
    figsize : tuple of float, optional
    **kwargs
        For ``ax.plot``.

    Raises
    ------
    OptionError
        If the lengths differ.
    """
    a, b = (np.asarray(v, dtype=float).ravel() for v in (x, y))
    if len(a) != len(b) or len(a) < 3:
        raise OptionError(f"x, y: expected equal lengths above 2, got {len(a)} and {len(b)}")
    a, b = ((v - v.mean()) / (v.std() or 1.0) for v in (a, b))
    n = len(a)
    reach = min(n - 2, max_lag or max(10, n // 10, int(2 * abs(true_lag or 0))))
    lags: list[int] = list(range(-reach, reach + 1))
    r = [float(np.mean(a[max(0, -k) : n - max(0, k)] * b[max(0, k) : n + min(0, k)])) for k in lags]
    with picture(ax, figsize, title, show, xlabel="lag (samples)", ylabel="correlation") as ax:
        ax.plot(lags, r, **{"color": BLUE, **kwargs})
        if true_lag is not None:
            ax.axvline(true_lag, color="black", ls="--", label="true lag")
            ax.legend()
    return ax


def plot_embeddings(
    results: Record,
    ax: Axes | None = None,
    *,
    color: Any = None,
    axis: int = 0,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with x's embedding against y's, on a direction that they share.

    Parameters
    ----------
    results : Record
        Of a run with ``return_embeddings=True``.
    ax : matplotlib.axes.Axes, optional
    color : array_like, shape (n_samples,), optional
        What the points are coloured by.
    axis : int
        Which direction: 0 is the one with the largest shared variance.
    title : str, optional
    show : bool
    figsize : tuple of float, optional
    **kwargs
        For ``ax.scatter``.

    Raises
    ------
    OptionError
        If the results hold no embeddings, or not so many directions.
    """
    if "embeddings_x" not in results.details:
        raise OptionError(
            "plot_embeddings: expected results of run(..., return_embeddings=True), got none"
        )
    left, right = rotated(results.details["embeddings_x"], results.details["embeddings_y"])
    if not 0 <= axis < left.shape[1]:
        raise OptionError(f"axis: expected 0 to {left.shape[1] - 1}, got {axis}")
    with picture(
        ax,
        figsize,
        title,
        show,
        xlabel=f"embedding of {results.params.get('x_name', 'x')}",
        ylabel=f"embedding of {results.params.get('y_name', 'y')}",
    ) as ax:
        points = {"s": 6, "c": BLUE if color is None else color, "alpha": 0.6, **kwargs}
        dots = ax.scatter(left[:, axis], right[:, axis], **points)
        if color is not None:
            ax.figure.colorbar(dots, ax=ax)
    return ax


def plot_noise_ladder(
    ladder_df: pd.DataFrame,
    ax: Axes | None = None,
    units: str = "bits",
    *,
    suggested: float | None = None,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with information against added noise, coloured by regime.

    Parameters
    ----------
    ladder_df : pandas.DataFrame
        ``details["noise_ladder"]`` of mode ``"dimensionality"`` with ``sigma_add``.
    ax : matplotlib.axes.Axes, optional
    units : {"bits", "nats"}
    suggested : float, optional
        Noise level to mark, ``details["suggested_sigma"]``.
    title : str, optional
    show : bool
    figsize : tuple of float, optional
    **kwargs
        For ``ax.errorbar``.

    Raises
    ------
    OptionError
        If a column is missing.
    """
    missing = [c for c in ("sigma", "mi", "regime") if c not in ladder_df]
    if missing:
        raise OptionError(f"ladder_df: expected columns {missing} too, got {list(ladder_df)}")
    colors = {"pinned": ORANGE, "detached": BLUE, "collapsed": "0.6"}
    with picture(
        ax,
        figsize,
        title,
        show,
        xlabel="added noise (standard deviations)",
        ylabel=information(units),
    ) as ax:
        ax.plot(ladder_df["sigma"], ladder_df["mi"], color="0.8", zorder=0)
        for regime, table in ladder_df.groupby("regime", sort=False):
            options = {"fmt": "o", "color": colors[str(regime)], "label": str(regime), **kwargs}
            ax.errorbar(table["sigma"], table["mi"], table.get("mi_err"), **options)
        if suggested is not None:
            ax.axvline(suggested, color="black", ls=":", label="suggested")
        ax.legend()
    return ax
