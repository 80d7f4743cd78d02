"""Pictures of posteriors, of how far to trust them, and of where a recording lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.circuit_inference._features.feature_table import FeatureTable, as_matrix
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference.errors import ArgumentError, unknown
from neuroloom.shared import axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from neuroloom.circuit_inference._inference.diagnostics import Diagnosis
    from neuroloom.circuit_inference._inference.inferer import Inferer

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#999999"


def plot_posterior(
    posterior: Posterior,
    name: str,
    *,
    prior: Prior | None = None,
    row: int = 0,
    truth: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Return axes with the draws of one parameter for one observation.

    Parameters
    ----------
    posterior : Posterior
    name : str
        Parameter, or a derived quantity such as ``"E/I"``.
    prior : Prior, optional
        Drawn as a grey line where the parameter is one of its own.
    row : int
        Which observation.
    truth : float, optional
        A known value to mark.
    ax : Axes, optional

    Raises
    ------
    ArgumentError
        If the row's features were not finite, or there is no such row.
    """
    if not (-len(posterior) <= row < len(posterior)) or not posterior.valid[row]:
        raise ArgumentError(f"row: expected a valid one of {len(posterior)}, got {row}")
    draws = posterior.of(name)[row]
    unit = posterior.units[posterior.names.index(name)]
    ax = axes(ax, figsize=(3.2, 2.2))
    edges: int | list[float] = 40
    if prior is not None and name in prior.names:
        place = prior.names.index(name)
        low, high = (ends[place] for ends in prior.bounded)
        edges = np.linspace(low, high, 41).tolist()
        ax.plot(
            [low, low, high, high],
            np.array([0, 1, 1, 0]) / (high - low),
            color=_GREY,
            label="prior",
        )
    elif np.ptp(draws) > 0:  # ratios have long tails
        start, stop = np.quantile(draws, [0.005, 0.995])
        edges = np.linspace(float(start), float(stop), 41).tolist()
    ax.hist(draws, bins=edges, density=True, color=_BLUE, alpha=0.7, label="posterior")
    if truth is not None:
        ax.axvline(truth, color=_ORANGE, label="truth")
    ax.set(xlabel=f"{name} ({unit})" if unit else name, ylabel="density")
    return ax


def plot_intervals(
    posterior: Posterior,
    name: str,
    *,
    labels: Sequence[str] = (),
    level: float = 0.9,
    first: int = 40,
    ax: Axes | None = None,
) -> Axes:
    """Return axes with mean and credible interval of one parameter for many observations.

    Observations outside the simulated cloud (``ood_p`` below .01) are grey crosses.
    """
    if name not in posterior.names:
        raise unknown("name", name, posterior.names)
    rows = np.flatnonzero(posterior.valid)[:first]
    column = posterior.names.index(name)
    mean = posterior.mean[rows, column]
    ax = axes(ax, figsize=(5.0, 0.22 * max(len(rows), 4) + 0.8))
    y = np.arange(len(rows))[::-1]
    outside = posterior.ood_p[rows] < 0.01
    if posterior.samples is not None:
        low, high = (end[rows, column] for end in posterior.interval(level))
        ax.hlines(y, low, high, color=np.where(outside, _GREY, _BLUE).tolist(), alpha=0.6)
    ax.plot(mean[~outside], y[~outside], "o", color=_BLUE, markersize=4)
    ax.plot(mean[outside], y[outside], "x", color=_GREY, markersize=5)
    ax.set_yticks(y, [labels[i] if i < len(labels) else str(i) for i in rows])
    unit = posterior.units[column]
    ax.set(xlabel=f"{name} ({unit})" if unit else name)
    return ax


def plot_calibration(diagnosis: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """Return axes with expected coverage of each parameter's ranks, and TARP's.

    On the diagonal the posterior is calibrated; below it is too narrow, above too wide.
    """
    ax = axes(ax, figsize=(3.4, 3.2))
    ax.plot([0, 1], [0, 1], color=_GREY, linewidth=1)
    levels = np.linspace(0.01, 0.99, 99)
    if diagnosis.ranks is None:
        raise ArgumentError("diagnosis: expected that of a model with a posterior")
    share = (diagnosis.ranks + 0.5) / (diagnosis.n_samples + 1)
    for j, name in enumerate(diagnosis.names):
        inside = np.abs(2 * share[:, j] - 1)
        ax.plot(levels, (inside[:, None] <= levels).mean(axis=0), linewidth=1.2, label=name)
    ax.plot(diagnosis.tarp_levels, diagnosis.tarp_coverage, "k--", linewidth=1.2, label="TARP")
    ax.set(xlabel="credibility", ylabel="coverage", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.legend(fontsize=7)
    return ax


def plot_identifiability(diagnosis: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """Return axes with the posterior contraction of each parameter; .1 is what counts as some."""
    ax = axes(ax, figsize=(3.8, 0.3 * len(diagnosis.names) + 0.9))
    y = np.arange(len(diagnosis.names))[::-1]
    colours = [_GREY if name in diagnosis.unidentified else _BLUE for name in diagnosis.names]
    ax.barh(y, np.maximum(diagnosis.contraction, 0), color=colours)
    ax.axvline(0.1, color=_ORANGE, linewidth=1)
    ax.set_yticks(y, diagnosis.names)
    ax.set(xlabel="contraction (0: as before, 1: known)", xlim=(0, 1))
    return ax


def plot_correlations(diagnosis: Diagnosis, *, ax: Axes | None = None) -> Axes:
    """Return axes with the mean posterior correlations: what trades off against what."""
    ax = axes(ax, figsize=(3.8, 3.2))
    image = ax.imshow(diagnosis.correlation, cmap="RdBu_r", vmin=-1, vmax=1)
    places = np.arange(len(diagnosis.names))
    ax.set_xticks(places, diagnosis.names, rotation=60, ha="right", fontsize=8)
    ax.set_yticks(places, diagnosis.names, fontsize=8)
    figure = ax.get_figure()
    if figure is not None:
        figure.colorbar(image, ax=ax, label="posterior correlation", shrink=0.8)
    return ax


def plot_importance(diagnosis: Diagnosis, *, first: int = 12, ax: Axes | None = None) -> Axes:
    """Return axes with what shuffling each feature costs, summed over parameters."""
    total = diagnosis.importance.sum(axis=1).sort_values(ascending=False).head(first)[::-1]
    ax = axes(ax, figsize=(5.0, 0.24 * len(total) + 0.9))
    ax.barh(np.arange(len(total)), total.to_numpy(), color=_BLUE)
    ax.set_yticks(np.arange(len(total)), [str(name) for name in total.index], fontsize=8)
    ax.set(xlabel="rise of the squared error (prior variances)")
    return ax


def plot_outside(
    inferer: Inferer, features: FeatureTable | ArrayLike, *, ax: Axes | None = None
) -> Axes:
    """Return axes with the simulated cloud and the observations, by how far out they lie.

    Along x the distance from the cloud's centre, along y that from the nearest simulations, each
    over the simulations' 99 % quantile: beyond the lines lies what the model does not produce.
    Observations with ``ood_p`` below .01 are crosses, wherever they lie: line noise is judged by
    itself.
    """
    cloud = inferer.cloud
    x = as_matrix(features)
    x = x[np.isfinite(x).all(axis=1)]
    far, near, _ = cloud.distances(x)
    own_far = np.sqrt((cloud.points**2).sum(axis=1))
    own_near = cloud.own_neighbours()
    unit_far, unit_near = np.quantile(cloud.mahalanobis, 0.99), np.quantile(cloud.neighbours, 0.99)
    ax = axes(ax, figsize=(4.2, 3.2))
    shown = slice(None, None, max(1, len(own_far) // 2000))
    ax.plot(
        own_far[shown] / unit_far, own_near[shown] / unit_near, ".", color=_GREY, markersize=3,
        label="simulations",
    )  # fmt: skip
    outside = cloud.p_value(x) < 0.01
    for which, marker, label in ((~outside, "o", "observed"), (outside, "x", "observed, p < .01")):
        if which.any():
            ax.plot(
                far[which] / unit_far, near[which] / unit_near, marker, color=_ORANGE,
                markersize=5, label=label,
            )  # fmt: skip
    ax.axvline(1, color="black", linewidth=0.8, linestyle=":")
    ax.axhline(1, color="black", linewidth=0.8, linestyle=":")
    ax.set(xlabel="distance from the centre", ylabel="distance from neighbours")
    ax.legend(fontsize=8)
    return ax
