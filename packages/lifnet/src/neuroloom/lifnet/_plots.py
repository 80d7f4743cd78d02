"""Pictures of runs and of the theory: axes in, axes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._engine import Simulation
from neuroloom.lifnet._errors import LifnetError
from neuroloom.lifnet._theory._continuation import Branch
from neuroloom.lifnet._theory._fixed_points import FixedPoint
from neuroloom.lifnet._theory._landscape import Landscape
from neuroloom.shared import checks, plots
from neuroloom.shared.plots import POPULATION_COLORS, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_T = TypeVar("_T")

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
    every = checks.whole("every", every, at_least=1, error=LifnetError)
    _check_is("run", run, Simulation)
    ax = axes(ax)
    times = (run.first_step + run.spike_steps) * run.delta_t
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
    run: Simulation, *, bin_width: float | None = 0.05, ax: Axes | None = None, **artist: Any
) -> Axes:
    """Return axes with the rate of each population over time, as an image.

    Parameters
    ----------
    run : Simulation
        A run.
    bin_width : float, optional
        Width of a bin in seconds; a step if None.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.imshow``.
    """
    _check_is("run", run, Simulation)
    rates = run.population_rates(bin_width=bin_width)
    ax = axes(ax)
    begin = run.first_step * run.delta_t
    stop = begin + rates.values.shape[0] / rates.rate
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
    _check_is("shown", shown, Landscape)
    n_focus = len(shown.mesh)
    if n_focus > 2:
        raise LifnetError(f"shown: expected one or two focus populations, got {n_focus}")
    if axs is not None and (np.ndim(axs) != 1 or len(axs) != 2):  # type: ignore[arg-type]
        raise checks.fail("axs", "two axes", axs, error=LifnetError)
    field, well = axs if axs is not None else plots.figure().subplots(1, 2)
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
        field.legend(loc="upper right", fontsize="small", frameon=True, facecolor="white")
        field.set(xlabel="first population (Hz)", ylabel="second population (Hz)")
        figure = field.get_figure()
        if figure is not None:
            figure.colorbar(image, ax=field, label="force (Hz)")
    well.plot(shown.displacement, shown.potential, **{"color": "black", **artist})
    wells = shown.minima()
    well.plot(shown.displacement[wells], shown.potential[wells], "o", color=POPULATION_COLORS["E"])
    well.set(xlabel="way along the path (Hz)", ylabel="potential (Hz²)")
    return field, well


def plot_bifurcation(
    branches: Sequence[Branch],
    *,
    n_clusters: int,
    label: str = "parameter",
    ax: Axes | None = None,
    **artist: Any,
) -> Axes:
    """Return axes with the largest E rate along each branch: stable parts solid, others dashed.

    Parameters
    ----------
    branches : sequence of Branch
        Branches of fixed points.
    n_clusters : int
        Number of E clusters, the first populations.
    label : str
        Name of the parameter.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``Axes.plot``.
    """
    branches = _all_of("branches", branches, Branch)
    for branch in branches:
        n_clusters = _n_clusters(n_clusters, branch.rates)
    ax = axes(ax)
    for branch in branches:
        height = branch.rates[:, :n_clusters].max(axis=1)
        for stable in (False, True):
            look: dict[str, Any] = {
                "color": POPULATION_COLORS["E"] if stable else "0.55",
                "linestyle": "-" if stable else (0, (3, 2)),
                "linewidth": 1.6 if stable else 0.8,
                "zorder": 3 if stable else 2,
            }
            shown = np.where(branch.stable == stable, height, np.nan)
            ax.plot(branch.parameter, shown, **{**look, **artist})
    ax.plot([], [], color=POPULATION_COLORS["E"], label="stable")
    ax.plot([], [], color="0.55", linestyle=(0, (3, 2)), label="unstable")
    ax.legend(fontsize="small")
    ax.set(xlabel=label, ylabel="rate of the most active E cluster (Hz)")
    return ax


def plot_transitions(
    matrix: ArrayLike, *, labels: Sequence[str] | None = None, ax: Axes | None = None, **artist: Any
) -> Axes:
    """Return axes with states on a ring and an arrow for each transition, wider if more probable.

    Parameters
    ----------
    matrix : array_like, shape (n_states, n_states)
        Probability of each state (column) to follow each state (row).
    labels : sequence of str, optional
        Names of the states; their numbers if not given.
    ax : Axes, optional
        Where to draw; a new figure if not given.
    **artist
        Passed to ``FancyArrowPatch``.

    Raises
    ------
    LifnetError
        If the matrix is not square or holds something else than probabilities.
    """
    from matplotlib.patches import Circle, FancyArrowPatch

    p = checks.array("matrix", matrix, dtype=np.float64, ndim=2, error=LifnetError)
    if p.shape[0] != p.shape[1] or (p < 0).any() or (p > 1).any():
        raise LifnetError(f"matrix: expected square probabilities, got shape {p.shape}")
    names = _state_names(labels, len(p))
    ax = axes(ax)
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(p)) / max(len(p), 1)
    place = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for i, j in zip(*np.nonzero(p), strict=True):
        look = {"linewidth": 0.3 + 2.2 * p[i, j], "color": "0.4", "alpha": 0.25 + 0.75 * p[i, j]}
        if i == j:  # a loop on the ring's outside
            ax.add_patch(Circle(1.1 * place[i], 0.1, fill=False, **look))
            continue
        look |= {
            "arrowstyle": "-|>",
            "mutation_scale": 8,
            "connectionstyle": "arc3,rad=0.15",
            "shrinkA": 9,
            "shrinkB": 9,
        }
        ax.add_patch(FancyArrowPatch(place[i], place[j], **{**look, **artist}))
    ax.scatter(place[:, 0], place[:, 1], s=180, color=POPULATION_COLORS["E"], zorder=3)
    inside = all(len(name) <= 2 for name in names)
    for (x, y), name in zip(place, names, strict=True):
        look = {"color": "white", "ha": "center", "va": "center"}
        if not inside:
            side = "center" if abs(x) < 0.1 else "left" if x > 0 else "right"
            look = {"color": "0.1", "ha": side, "va": "center"}
            x, y = 1.25 * x, 1.25 * y
        ax.text(x, y, name, fontsize="x-small", zorder=4, **look)
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    ax.axis("off")
    return ax


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
    points = _all_of("points", points, FixedPoint)
    for point in points:
        n_clusters = _n_clusters(n_clusters, point.rates)
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


def _check_is(name: str, value: object, kind: type) -> None:
    """Raise unless what is to be drawn is of a kind."""
    if not isinstance(value, kind):
        raise checks.fail(name, f"a {kind.__name__}", value, error=LifnetError)


def _all_of(name: str, values: Any, kind: type[_T]) -> list[_T]:
    """Return what is to be drawn as a list, all of a kind."""
    if not isinstance(values, Iterable) or isinstance(values, np.ma.core.MaskedConstant):
        raise checks.fail(name, f"a sequence of {kind.__name__}", values, error=LifnetError)
    listed = list(values)
    for value in listed:
        _check_is(name, value, kind)
    return listed


def _state_names(labels: Sequence[str] | None, n: int) -> list[str]:
    """Return the names of `n` states, their numbers if none are given."""
    if labels is None:
        return [str(i) for i in range(n)]
    if isinstance(labels, str) or np.shape(labels) != (n,):
        raise checks.fail("labels", f"{n} names, one per state", labels, error=LifnetError)
    return [str(label) for label in labels]


def _n_clusters(n_clusters: int, rates: NDArray[np.float64]) -> int:
    """Return the number of E clusters, if there are so many populations."""
    return checks.whole(
        "n_clusters", n_clusters, at_least=1, at_most=rates.shape[-1], error=LifnetError
    )


def _by_kind(populations: Mapping[str, tuple[int, int]]) -> tuple[list[float], list[str]]:
    """Return one tick for the clusters of a kind together, and one for each background."""
    spans: dict[str, list[int]] = {}
    for name, (start, stop) in populations.items():
        label = name if name.endswith("b") else f"{name[0]} clusters"
        spans.setdefault(label, [start, stop])[1] = stop
    return [(a + b) / 2 for a, b in spans.values()], list(spans)
