"""Pictures of the modes' results, one function per kind; axes in, axes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.mi._errors import OptionError
from neuroloom.mi._results.frame import BLUE, ORANGE, information, picture
from neuroloom.mi._results.record import Record, require_table
from neuroloom.shared.plots import STATE_COLORS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


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
    with picture(ax, figsize, title, show, xlabel=param_col, ylabel=information(units)) as ax:
        others = [c for c in summary_df.attrs.get("swept", [param_col]) if c != param_col]
        groups = summary_df.groupby(others, sort=False) if others else [(None, summary_df)]
        band_label: str | None = "± standard deviation of runs, or standard error of one"
        for place, (value, table) in enumerate(groups):
            table = table.sort_values(param_col)
            x, y = table[param_col], table[mean_col].to_numpy(float)
            color = STATE_COLORS[place % len(STATE_COLORS)]
            label = None if value is None else _text(value)
            options = {"marker": "o", "color": color, "label": label, **kwargs}
            ax.plot(x, y, **options)
            if std_col in table:
                spread = table[std_col].fillna(0).to_numpy(float)
                band = {"color": options["color"], "alpha": 0.2, "lw": 0, "label": band_label}
                ax.fill_between(x, y - spread, y + spread, **band)
                band_label = None  # one entry in the legend is enough
        if others or std_col in summary_df:
            ax.legend(title=", ".join(others) or None)
        _marks(ax, true_value, estimated_values)
    return ax


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
    with picture(
        ax, figsize, title, show, xlabel="number of subsets γ", ylabel=information(units)
    ) as ax:
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
    return ax


def plot_null(
    results: Record,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with the estimate, its interval, and its null distribution if there is one."""
    null = results.details.get("null_distribution")
    mi, units = results.mi_estimate, results.units
    if mi is None:
        raise OptionError(f"plot: expected an estimate in mode {results.mode!r}, got none")
    with picture(
        ax,
        figsize,
        title,
        show,
        xlabel=information(units),
        ylabel="" if null is None else "surrogates",
    ) as ax:
        height = 1.0
        if null is not None:
            bars = {"color": "0.75", "label": f"surrogates, p = {results.p_value:.3g}", **kwargs}
            counts, *_ = ax.hist(np.asarray(null), bins="auto", **bars)
            height = float(np.max(counts))
        low, high = results.details.get("interval", (mi, mi))
        level = results.details.get("confidence_level")
        band = "interval" if level is None else f"{100 * level:g} % interval"
        if null is None:  # a number and its interval on an axis with zero
            ends = [[max(mi - low, 0.0)], [max(high - mi, 0.0)]]
            label = f"{mi:.2f} {units}, {band}"
            ax.errorbar([mi], [0], xerr=ends, fmt="o", capsize=4, color=BLUE, label=label)
            ax.axvline(0.0, color="0.5", lw=0.8)
            ax.set_ylim(-1, 1)
            ax.set_yticks([])
        else:
            ax.axvspan(low, high, color=BLUE, alpha=0.2, lw=0, label=band)
            ax.plot([mi, mi], [0, height], color=BLUE, label=f"{mi:.2f} {units}")
            ax.set_ylim(0, height * 1.25)
        ax.legend()
    return ax


def _plot_sweep(results: Record, ax: Axes | None = None, **kwargs: Any) -> Axes:
    table = require_table(results)
    swept = results.params.get("sweep_var") or table.columns[0]
    estimated = kwargs.pop("estimated_values", None)
    return plot_sweep_curve(
        table, swept, ax=ax, units=results.units, estimated_values=estimated, **kwargs
    )


def _plot_rigorous(results: Record, ax: Axes | None = None, **kwargs: Any) -> Axes:
    return plot_bias_correction_fit(
        require_table(results), results.details, ax, results.units, **kwargs
    )


def _plot_pairs(
    results: Record,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    show: bool = False,
    figsize: tuple[float, float] | None = None,
    **kwargs: Any,
) -> Axes:
    matrix = np.asarray(results.details["mi_matrix"], dtype=float)
    x_name, y_name = (results.params.get(f"{v}_name", v) for v in ("x", "y"))
    within = results.params.get("within")
    with picture(
        ax,
        figsize,
        title,
        show,
        xlabel=f"channel of {x_name if within else y_name}",
        ylabel=f"channel of {x_name}",
    ) as ax:
        image = ax.imshow(matrix, **{"cmap": "viridis", "origin": "lower", **kwargs})
        ax.figure.colorbar(image, ax=ax, label=information(results.units))
        p = results.details.get("p_matrix")
        if p is not None:
            rows, columns = np.nonzero(np.asarray(p) <= 0.05)
            ax.plot(columns, rows, "w*", label="p ≤ .05")
        for set_ticks, variable in ((ax.set_xticks, "x" if within else "y"), (ax.set_yticks, "x")):
            names = results.params.get(f"channel_names_{variable}")
            if names is not None:
                set_ticks(range(len(names)), names)
    return ax


def plot_dimensionality_curve(
    summary_df: pd.DataFrame,
    sweep_var: str = "embedding_dim",
    units: str = "bits",
    ax: Axes | None = None,
    **kwargs: Any,
) -> Axes:
    """Return axes with information against the embedding's size; see `plot_sweep_curve`."""
    return plot_sweep_curve(summary_df, sweep_var, ax=ax, units=units, **kwargs)


def _plot_difference(results: Record, ax: Axes | None = None, **kwargs: Any) -> Axes:
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


def plot_results(results: Record, ax: Axes | None, **kwargs: Any) -> Axes:
    """Return axes with the picture of the results' mode."""
    if results.mode not in PLOTS:
        raise NotImplementedError(f"plot: there is no picture for mode {results.mode!r}")
    return PLOTS[results.mode](results, ax, **kwargs)
