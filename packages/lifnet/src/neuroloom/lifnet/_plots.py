"""Pictures of runs and of the theory: axes in, axes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from neuroloom.lifnet._engine import Simulation
from neuroloom.lifnet._errors import LifnetError
from neuroloom.lifnet._theory._fixed_points import FixedPoint
from neuroloom.lifnet._theory._landscape import Landscape
from neuroloom.shared import POPULATION_COLORS, axes

_DOT = {"linestyle": "none", "marker": ".", "markersize": 1.0, "rasterized": True}


def plot_raster(run: Simulation, *, every: int = 1, ax: Axes | None = None, **artist: Any) -> Axes:
    """Return axes with one dot per spike, excitatory populations red, inhibitory ones blue.

    Parameters
    ----------
    run : Simulation
        A run with its spikes recorded.
    every : int
        Draw every `every`-th neuron.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot``.
    """
    if every < 1:
        raise LifnetError(f"every: expected at least 1, got {every}")
    ax = axes(ax)
    times = (run.first_step + run.spike_steps + 1) * run.delta_t
    ticks, names = [], []
    for name, (start, stop) in run.populations.items():
        mine = (run.spike_ids >= start) & (run.spike_ids < stop) & (run.spike_ids % every == 0)
        color = POPULATION_COLORS.get(name[0], "black")
        ax.plot(times[mine], run.spike_ids[mine], **{**_DOT, "color": color, **artist})
        if start:
            ax.axhline(start - 0.5, color="0.85", linewidth=0.4, zorder=0)
        ticks.append((start + stop) / 2)
        names.append(name)
    if len(names) > 12:  # one label for all clusters of a kind
        ticks, names = _by_kind(run.populations)
    begin = run.first_step * run.delta_t
    ax.set_yticks(ticks, names)
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="time (s)", xlim=(begin, begin + run.duration), ylim=(-0.5, run.n_neurons - 0.5))
    return ax


def plot_rates(
    run: Simulation, *, bin_width: float = 0.05, ax: Axes | None = None, **artist: Any
) -> Axes:
    """Return axes with the rate of each population over time, as an image.

    Parameters
    ----------
    run : Simulation
        A run.
    bin_width : float
        Width of a bin in seconds.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.imshow``.
    """
    ax = axes(ax)
    rates = run.population_rates(bin_width=bin_width)
    begin = run.first_step * run.delta_t
    stop = begin + rates.values.shape[0] * bin_width
    look = {"aspect": "auto", "origin": "lower", "interpolation": "nearest", "cmap": "magma"}
    image = ax.imshow(
        rates.values.T,
        **{**look, "extent": (begin, stop, -0.5, rates.values.shape[1] - 0.5), **artist},
    )
    names = list(run.populations)
    if len(names) > 12:
        kinds = {name: (i, i + 1) for i, name in enumerate(names)}
        ticks, names = _by_kind(kinds)
        ax.set_yticks([tick - 0.5 for tick in ticks], names)
    else:
        ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="time (s)")
    figure = ax.get_figure()
    if figure is not None:
        figure.colorbar(image, ax=ax, label="rate (Hz)")
    return ax


def plot_landscape(
    shown: Landscape, *, axs: Sequence[Axes] | None = None, **artist: Any
) -> tuple[Axes, Axes]:
    """Return axes with the force field and its valley, and with the potential along the valley.

    Parameters
    ----------
    shown : Landscape
        A landscape. The force is drawn over the first two focus populations, or against the rate
        of a single one.
    axs : sequence of two Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot`` for the potential.

    Raises
    ------
    LifnetError
        If the landscape has more than two focus populations.
    """
    n_focus = len(shown.mesh)
    if n_focus > 2:
        raise LifnetError(f"shown: expected one or two focus populations, got {n_focus}")
    field, well = axs if axs is not None else Figure(layout="constrained").subplots(1, 2)
    force = shown.force_field
    if n_focus == 1:
        field.plot(shown.mesh[0], force[..., 0], color="black")
        field.axhline(0.0, color="0.7", linewidth=0.8)
        field.set(xlabel="rate (Hz)", ylabel="force (Hz)")
    else:
        x, y = shown.mesh
        image = field.pcolormesh(
            x, y, np.linalg.norm(force, axis=-1), cmap="Greys", shading="nearest", rasterized=True
        )
        every = max(1, len(x) // 20)
        cut = (slice(None, None, every), slice(None, None, every))
        size = np.linalg.norm(force, axis=-1)[cut] + 1e-12
        field.quiver(
            x[cut],
            y[cut],
            force[cut][..., 0] / size,
            force[cut][..., 1] / size,
            color=POPULATION_COLORS["I"],
            scale=30,
            width=0.003,
        )
        field.plot(*shown.path.T, color=POPULATION_COLORS["E"], label="least force")
        field.legend(loc="upper right", fontsize="small")
        field.set(xlabel="first population (Hz)", ylabel="second population (Hz)")
        figure = field.get_figure()
        if figure is not None:
            figure.colorbar(image, ax=field, label="force (Hz)")
    well.plot(shown.displacement, shown.potential, **{"color": "black", **artist})
    wells = shown.minima()
    well.plot(shown.displacement[wells], shown.potential[wells], "o", color=POPULATION_COLORS["E"])
    well.set(xlabel="way along the path (Hz)", ylabel="potential (Hz²)")
    return field, well


def plot_fixed_points(
    points: Sequence[FixedPoint], *, n_clusters: int, ax: Axes | None = None, **artist: Any
) -> Axes:
    """Return axes with the E rates of each fixed point: stable ones filled, others open.

    Parameters
    ----------
    points : sequence of FixedPoint
        Fixed points.
    n_clusters : int
        Number of E clusters, the first populations.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.scatter``.
    """
    ax = axes(ax)
    stable, unstable = POPULATION_COLORS["E"], "0.45"
    for place, point in enumerate(points):
        rates, counts = np.unique(point.rates[:n_clusters].round(3), return_counts=True)
        color = stable if point.stable else unstable
        ax.scatter(
            np.full(len(rates), place),
            rates,
            **{
                "s": 8 + 60 * counts / n_clusters,
                "facecolors": color if point.stable else "none",
                "edgecolors": color,
                **artist,
            },
        )
    for filled, label in ((True, "stable"), (False, "unstable")):
        color = stable if filled else unstable
        ax.scatter([], [], facecolors=color if filled else "none", edgecolors=color, label=label)
    ax.set(xlabel="fixed point (up to order of clusters)", ylabel="rate of E clusters (Hz)")
    ax.legend(
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        fontsize="small",
        title="area: clusters\nat this rate",
        title_fontsize="small",
    )
    return ax


def _by_kind(populations: Mapping[str, tuple[int, int]]) -> tuple[list[float], list[str]]:
    """Return one tick for the clusters of a kind together, and one for each background."""
    spans: dict[str, list[int]] = {}
    for name, (start, stop) in populations.items():
        label = name if name.endswith("b") else f"{name[0]} clusters"
        spans.setdefault(label, [start, stop])[1] = stop
    return [(a + b) / 2 for a, b in spans.values()], list(spans)
