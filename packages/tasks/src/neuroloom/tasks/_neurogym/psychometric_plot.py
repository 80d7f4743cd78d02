"""A probit curve through choices, in NeuroGym's words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.tasks._errors import fail


def probit(x: ArrayLike, beta: float, alpha: float) -> Any:
    """Return ``Φ(beta x + alpha)``, with the normal distribution Φ."""
    # Here, as scipy's import takes longer than that of the package.
    from scipy.special import ndtr

    return ndtr(beta * np.asarray(x) + alpha)


def fit_probit(sig_ev: ArrayLike, ch: ArrayLike) -> tuple[float, float]:
    """Return the slope and intercept of the probit curve of highest likelihood.

    Parameters
    ----------
    sig_ev : array, (n_trials,)
        Signed evidence.
    ch : array, (n_trials,)
        Choices, 0 or 1.

    Raises
    ------
    TaskError
        If they differ in length, or a choice is neither 0 nor 1.
    """
    from scipy.optimize import minimize
    from scipy.special import log_ndtr

    x, y = np.asarray(sig_ev, dtype=float).ravel(), np.asarray(ch, dtype=float).ravel()
    if x.shape != y.shape or not x.size:
        raise fail("ch", f"one choice for each of {x.size} trials", y.size)
    if not np.isin(y, (0, 1)).all():
        raise fail("ch", "choices 0 and 1", np.unique(y)[:5])
    scale = max(float(np.std(x)), 1e-12)
    sign = 2 * y - 1

    def loss(p: Any) -> float:
        return float(-log_ndtr(sign * (p[0] * x / scale + p[1])).sum() + 1e-6 * (p @ p))

    best = minimize(loss, np.zeros(2), method="BFGS").x
    return float(best[0] / scale), float(best[1])


def plot_psychometric(
    sig_ev: Any,
    ch: Any,
    ax: Any = None,
    title: str | None = None,
    legend: str | None = None,
    bins: int = 8,
) -> Any:
    """Draw the share of choices over binned evidence and a probit curve, and return the axes.

    Parameters
    ----------
    sig_ev : array, (n_trials,)
        Signed evidence.
    ch : array, (n_trials,)
        Choices, 0 or 1.
    ax : Axes, optional
        Where to draw.
    title : str, optional
        Of the axes.
    legend : str, optional
        What the curve is called in the legend; curves with a name have colours of their own.
    bins : int
        Number of bins, if there are more values of evidence.

    Raises
    ------
    TaskError
        If they do not fit together.
    """
    from neuroloom.shared import axes
    from neuroloom.tasks._behaviour.curves import psychometric

    slope, intercept = fit_probit(sig_ev, ch)
    x = np.asarray(sig_ev, dtype=float).ravel()
    if len(np.unique(x)) > bins:
        edges = np.quantile(x, np.linspace(0, 1, bins + 1))
        part = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, bins - 1)
        shown = np.array(
            [x[part == b].mean() if (part == b).any() else np.nan for b in range(bins)]
        )
        x = shown[part]
    ax = axes(ax)
    grid = np.linspace(np.min(sig_ev), np.max(sig_ev), 200)
    colour = {"color": "k"} if legend is None else {}
    (line,) = ax.plot(grid, probit(grid, slope, intercept), label=legend, **colour)
    psychometric({"x": x, "ch": np.asarray(ch).ravel()}, stimulus="x", response="ch").plot(
        ax=ax, linestyle="none", color=line.get_color()
    )
    if legend is not None:
        ax.legend(frameon=False)
    if title is not None:
        ax.set_title(title)
    ax.set(xlabel="Evidence", ylabel="Share of choices", ylim=(-0.02, 1.02))
    return ax
