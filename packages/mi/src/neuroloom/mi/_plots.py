"""Pictures of results, one function per kind; axes in, axes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from neuroloom import shared
from neuroloom.mi._errors import OptionError
from neuroloom.mi._results import Results, require_table
from neuroloom.shared import STATE_COLORS, style

BLUE, ORANGE, GREEN = STATE_COLORS[:3]


def finish(ax: Axes, *, title: str | None = None, show: bool = False, **labels: str) -> Axes:
    """Set title and labels; `show` opens the figure's window where there is one."""
    ax.set(**labels)
    if title is not None:
        ax.set_title(title)
    if show and hasattr(ax.figure, "show") and ax.figure.canvas.manager is not None:
        ax.figure.show()
    return ax


def canvas(ax: Axes | None, figsize: tuple[float, float] | None) -> Axes:
    """Return `ax`, or new axes of the wanted size in inches."""
    return shared.axes(ax, **({} if figsize is None else {"figsize": figsize}))


def plot_sweep_curve(
    summary_df: pd.DataFrame,
    param_col: str,
    mean_col: str = "mi_mean",
    std_col: str = "mi_std",
    true_value: float | None = None,
    estimated_values: Any = None,
    ax: Axes | None = None,
    units: str = "bits",
    *,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with the mean estimate against a swept parameter, ± one standard deviation.

    Parameters
    ----------
    summary_df : pandas.DataFrame
        Columns `param_col`, `mean_col` and, if there, `std_col`.
    param_col, mean_col, std_col : str
    true_value : float, optional
        Marked on the parameter's axis, dashed.
    estimated_values : float or mapping of str to float, optional
        Marked on the parameter's axis, dotted.
    ax : matplotlib.axes.Axes, optional
    units : {"bits", "nats"}
    title : str, optional
    show : bool
    figsize : tuple of float, optional
    **kwargs
        For ``ax.plot``.

    Raises
    ------
    OptionError
        If a column is missing.
    """
    missing = [c for c in (param_col, mean_col) if c not in summary_df]
    if missing:
        raise OptionError(f"summary_df: expected columns {missing}, got {list(summary_df)}")
    with style():
        ax = canvas(ax, figsize)
        others = [c for c in summary_df.attrs.get("swept", [param_col]) if c != param_col]
        groups = summary_df.groupby(others, sort=False) if others else [(None, summary_df)]
        for place, (value, table) in enumerate(groups):
            table = table.sort_values(param_col)
            x, y = table[param_col], table[mean_col].to_numpy(float)
            color = STATE_COLORS[place % len(STATE_COLORS)]
            label = None if value is None else _text(value)
            options = {"marker": "o", "color": color, "label": label, **kwargs}
            ax.plot(x, y, **options)
            if std_col in table:
                spread = table[std_col].fillna(0).to_numpy(float)
                ax.fill_between(x, y - spread, y + spread, color=options["color"], alpha=0.2, lw=0)
        if others:
            ax.legend(title=", ".join(others))
        _marks(ax, true_value, estimated_values)
        return finish(
            ax, title=title, show=show, xlabel=param_col, ylabel=f"mutual information ({units})"
        )


def _text(value: Any) -> str:
    return ", ".join(map(str, value if isinstance(value, tuple) else (value,)))


def _marks(ax: Axes, true_value: float | None, estimated: Any) -> None:
    if true_value is not None:
        ax.axvline(true_value, color="black", ls="--", label="true value")
    if estimated is not None:
        named = estimated if isinstance(estimated, Mapping) else {"estimate": estimated}
        for place, (name, value) in enumerate(named.items()):
            color = STATE_COLORS[(place + 1) % len(STATE_COLORS)]
            ax.axvline(value, color=color, ls=":", label=str(name))
    if true_value is not None or estimated is not None:
        ax.legend()


def plot_bias_correction_fit(
    raw_results_df: pd.DataFrame,
    corrected_result: Mapping[str, Any],
    ax: Axes | None = None,
    units: str = "bits",
    *,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with estimates against the number of subsets, and the line to no bias.

    Parameters
    ----------
    raw_results_df : pandas.DataFrame
        Columns ``gamma`` and ``test_mi``, one row per subset.
    corrected_result : mapping
        ``slope``, ``mi_corrected``, ``mi_error`` and ``gammas_used``.
    ax : matplotlib.axes.Axes, optional
    units : {"bits", "nats"}
    title : str, optional
    show : bool
    figsize : tuple of float, optional
    **kwargs
        For ``ax.scatter``.

    Raises
    ------
    OptionError
        If a column or an entry is missing.
    """
    missing = [c for c in ("gamma", "test_mi") if c not in raw_results_df]
    missing += [k for k in ("slope", "mi_corrected", "mi_error") if k not in corrected_result]
    if missing:
        raise OptionError(f"plot_bias_correction_fit: expected {missing} too, got neither")
    with style():
        ax = canvas(ax, figsize)
        gamma = raw_results_df["gamma"].to_numpy(float)
        value = raw_results_df["test_mi"].to_numpy(float)
        ax.scatter(gamma, value, **{"s": 12, "color": "0.7", "label": "subsets", **kwargs})
        means = raw_results_df.groupby("gamma")["test_mi"].mean()
        used = set(corrected_result.get("gammas_used", means.index))
        kept = [g in used for g in means.index]
        ax.plot(means.index[kept], means[kept], "o", color=BLUE, label="mean, used")
        if not all(kept):
            left = [not k for k in kept]
            ax.plot(means.index[left], means[left], "o", mfc="none", color=BLUE, label="not used")
        mi, error = corrected_result["mi_corrected"], corrected_result["mi_error"]
        line = np.array([0.0, max(used, default=1)])
        ax.plot(line, mi + corrected_result["slope"] * line, color=ORANGE)
        ax.errorbar(
            [0], [mi], [error], fmt="s", color=ORANGE, label=f"{mi:.2f} ± {error:.2f} {units}"
        )
        ax.legend()
        return finish(
            ax,
            title=title,
            show=show,
            xlabel="number of subsets γ",
            ylabel=f"mutual information ({units})",
        )


def plot_null(
    results: Results,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with the estimate, its interval, and its null distribution if there is one."""
    with style():
        ax = canvas(ax, figsize)
        null = results.details.get("null_distribution")
        mi, units = results.mi_estimate, results.units
        if mi is None:
            raise OptionError(f"plot: expected an estimate in mode {results.mode!r}, got none")
        height = 1.0
        if null is not None:
            bars = {"color": "0.75", "label": f"surrogates, p = {results.p_value:.3g}", **kwargs}
            counts, *_ = ax.hist(np.asarray(null), bins="auto", **bars)
            height = float(np.max(counts))
        low, high = results.details.get("interval", (mi, mi))
        ax.axvspan(low, high, color=BLUE, alpha=0.2, lw=0)
        ax.plot([mi, mi], [0, height], color=BLUE, label=f"{mi:.2f} {units}")
        ax.set_ylim(0, height * 1.25)
        ax.legend()
        if null is None:
            ax.set_yticks([])
        return finish(
            ax,
            title=title,
            show=show,
            xlabel=f"mutual information ({units})",
            ylabel="" if null is None else "surrogates",
        )


def _plot_sweep(results: Results, ax: Axes | None = None, **kwargs: Any) -> Axes:
    table = require_table(results)
    swept = results.params.get("sweep_var") or table.columns[0]
    estimated = kwargs.pop("estimated_values", None)
    return plot_sweep_curve(
        table, swept, ax=ax, units=results.units, estimated_values=estimated, **kwargs
    )


def _plot_rigorous(results: Results, ax: Axes | None = None, **kwargs: Any) -> Axes:
    return plot_bias_correction_fit(
        require_table(results), results.details, ax, results.units, **kwargs
    )


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
    with style():
        ax = canvas(ax, figsize)
        ax.plot(lags, r, **{"color": BLUE, **kwargs})
        if true_lag is not None:
            ax.axvline(true_lag, color="black", ls="--", label="true lag")
            ax.legend()
        return finish(ax, title=title, show=show, xlabel="lag (samples)", ylabel="correlation")


def _plot_pairs(
    results: Results,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    matrix = np.asarray(results.details["mi_matrix"], dtype=float)
    with style():
        ax = canvas(ax, figsize)
        image = ax.imshow(matrix, **{"cmap": "viridis", "origin": "lower", **kwargs})
        ax.figure.colorbar(image, ax=ax, label=f"mutual information ({results.units})")
        p = results.details.get("p_matrix")
        if p is not None:
            rows, columns = np.nonzero(np.asarray(p) <= 0.05)
            ax.plot(columns, rows, "w*", label="p ≤ .05")
        x_name, y_name = (results.params.get(f"{v}_name", v) for v in ("x", "y"))
        within = results.params.get("within")
        for set_ticks, variable in ((ax.set_xticks, "x" if within else "y"), (ax.set_yticks, "x")):
            names = results.params.get(f"channel_names_{variable}")
            if names is not None:
                set_ticks(range(len(names)), names)
        return finish(
            ax,
            title=title,
            show=show,
            xlabel=f"channel of {x_name if within else y_name}",
            ylabel=f"channel of {x_name}",
        )


def plot_embeddings(
    results: Results,
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
    results : Results
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
    from neuroloom.mi._saved_critic import rotated

    if "embeddings_x" not in results.details:
        raise OptionError(
            "plot_embeddings: expected results of run(..., return_embeddings=True), got none"
        )
    left, right = rotated(results.details["embeddings_x"], results.details["embeddings_y"])
    if not 0 <= axis < left.shape[1]:
        raise OptionError(f"axis: expected 0 to {left.shape[1] - 1}, got {axis}")
    with style():
        ax = canvas(ax, figsize)
        points = {"s": 6, "c": BLUE if color is None else color, "alpha": 0.6, **kwargs}
        dots = ax.scatter(left[:, axis], right[:, axis], **points)
        if color is not None:
            ax.figure.colorbar(dots, ax=ax)
        return finish(
            ax,
            title=title,
            show=show,
            xlabel=f"embedding of {results.params.get('x_name', 'x')}",
            ylabel=f"embedding of {results.params.get('y_name', 'y')}",
        )


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
    with style():
        ax = canvas(ax, figsize)
        ax.plot(ladder_df["sigma"], ladder_df["mi"], color="0.8", zorder=0)
        for regime, table in ladder_df.groupby("regime", sort=False):
            options = {"fmt": "o", "color": colors[str(regime)], "label": str(regime), **kwargs}
            ax.errorbar(table["sigma"], table["mi"], table.get("mi_err"), **options)
        if suggested is not None:
            ax.axvline(suggested, color="black", ls=":", label="suggested")
        ax.legend()
        return finish(
            ax,
            title=title,
            show=show,
            xlabel="added noise (standard deviations)",
            ylabel=f"mutual information ({units})",
        )


def plot_dimensionality_curve(
    summary_df: pd.DataFrame,
    sweep_var: str = "embedding_dim",
    units: str = "bits",
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with information against the embedding's size; see `plot_sweep_curve`."""
    return plot_sweep_curve(summary_df, sweep_var, ax=ax, units=units, **kwargs)


def plot_comparison(
    results: list[Results],
    labels: Sequence[str] | None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Return axes with several estimates and their intervals, or several curves."""
    if not results:
        raise OptionError("compare: expected results, got none")
    if len({r.units for r in results}) > 1:
        raise OptionError(f"compare: expected one unit, got {[r.units for r in results]}")
    names = [f"{r.mode} {k + 1}" for k, r in enumerate(results)] if labels is None else list(labels)
    if len(names) != len(results):
        raise OptionError(f"labels: expected {len(results)}, got {len(names)}")
    swept = {r.params.get("sweep_var") for r in results}
    curves = all(r.params.get("sweep_var") and r.dataframe is not None for r in results)
    if not curves and any(r.mi_estimate is None for r in results):
        raise OptionError(
            f"compare: expected estimates only, or curves only, got {[r.mode for r in results]}"
        )
    if curves and len(swept) > 1:
        raise OptionError(f"compare: expected one swept parameter, got {sorted(map(str, swept))}")
    with style():
        ax = canvas(ax, figsize)
        label = f"mutual information ({results[0].units})"
        for place, (name, result) in enumerate(zip(names, results, strict=True)):
            color = STATE_COLORS[place % len(STATE_COLORS)]
            if curves:
                table = require_table(result)
                x, y = table[str(result.params["sweep_var"])], table["mi_mean"]
                ax.errorbar(x, y, table.get("mi_std"), fmt="o-", color=color, label=name)
            else:
                mi = float(result.mi_estimate or 0.0)
                low, high = result.details.get("interval", (mi, mi))
                ax.errorbar(
                    [place], [mi], [[mi - low], [high - mi]], fmt="o", color=color, capsize=3
                )
        if curves:
            ax.legend()
            return finish(ax, title=title, show=show, xlabel=str(swept.pop()), ylabel=label)
        ax.set_xticks(range(len(names)), names)
        ax.set_xlim(-0.5, len(names) - 0.5)
        return finish(ax, title=title, show=show, ylabel=label)


def _plot_difference(results: Results, ax: Axes | None = None, **kwargs: Any) -> Axes:
    """Draw the ladder if there is one, otherwise the estimate and its null."""
    if results.dataframe is not None:
        return _plot_rigorous(results, ax, **kwargs)
    return plot_null(results, ax, **kwargs)


PLOTS: dict[str, Callable[..., Axes]] = {
    "estimate": plot_null,
    "sweep": _plot_sweep,
    "lag": _plot_sweep,
    "dimensionality": _plot_sweep,
    "rigorous": _plot_rigorous,
    "precision": _plot_sweep,
    "pairwise": _plot_pairs,
    "conditional": _plot_difference,
    "transfer": _plot_difference,
}


def plot_results(results: Results, ax: Axes | None, **kwargs: Any) -> Axes:
    """Return axes with the picture of the results' mode."""
    if results.mode not in PLOTS:
        raise NotImplementedError(f"plot: there is no picture for mode {results.mode!r}")
    return PLOTS[results.mode](results, ax, **kwargs)
