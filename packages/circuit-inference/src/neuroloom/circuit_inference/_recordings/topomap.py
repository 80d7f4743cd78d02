"""Maps of the head from values at electrodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference.errors import ShapeError, unknown
from neuroloom.shared import axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The order in which ncpi takes values: its table of coordinates and its EEG example.
TEN_TWENTY = (
    *("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8"),
    *("T3", "T4", "T5", "T6", "Fz", "Cz", "Pz", "Oz"),
)

# Azimuth (degrees clockwise from the nose) and distance from the vertex (degrees) on a spherical
# head, after the 10-10 system (Jurcak et al. 2007, NeuroImage 34:1600).
_PLACES: dict[str, tuple[float, float]] = {
    "Fpz": (0, 90), "Fp1": (-18, 90), "Fp2": (18, 90), "AFz": (0, 67.5),
    "AF7": (-36, 90), "AF8": (36, 90), "AF3": (-22, 74), "AF4": (22, 74),
    "Fz": (0, 45), "F1": (-22, 48), "F2": (22, 48), "F3": (-39, 58), "F4": (39, 58),
    "F5": (-49, 74), "F6": (49, 74), "F7": (-54, 90), "F8": (54, 90),
    "FCz": (0, 22.5), "FC1": (-45, 31), "FC2": (45, 31), "FC3": (-62, 48), "FC4": (62, 48),
    "FC5": (-69, 69), "FC6": (69, 69), "FT7": (-72, 90), "FT8": (72, 90),
    "Cz": (0, 0), "C1": (-90, 22.5), "C2": (90, 22.5), "C3": (-90, 45), "C4": (90, 45),
    "C5": (-90, 67.5), "C6": (90, 67.5), "T7": (-90, 90), "T8": (90, 90),
    "CPz": (180, 22.5), "CP1": (-135, 31), "CP2": (135, 31), "CP3": (-118, 48),
    "CP4": (118, 48), "CP5": (-111, 69), "CP6": (111, 69), "TP7": (-108, 90), "TP8": (108, 90),
    "Pz": (180, 45), "P1": (-158, 48), "P2": (158, 48), "P3": (-141, 58), "P4": (141, 58),
    "P5": (-131, 74), "P6": (131, 74), "P7": (-126, 90), "P8": (126, 90),
    "POz": (180, 67.5), "PO3": (-158, 74), "PO4": (158, 74), "PO7": (-144, 90),
    "PO8": (144, 90), "Oz": (180, 90), "O1": (-162, 90), "O2": (162, 90),
    "TP9": (-108, 112), "TP10": (108, 112), "FT9": (-72, 112), "FT10": (72, 112),
}  # fmt: skip
_OLD = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
_PLACES.update({old: _PLACES[new] for old, new in _OLD.items()})


def electrode_positions(names: Sequence[str]) -> NDArray[np.float64]:
    """Return places on the flattened head, shape (n, 2): nose up, radius 1 at the equator.

    Raises
    ------
    UnknownNameError
        If an electrode is not of the 10-10 system; the error suggests one.
    """
    known = {name.casefold(): place for name, place in _PLACES.items()}
    out = []
    for name in names:
        place = known.get(str(name).strip().casefold())
        if place is None:
            raise unknown("names", name, _PLACES)
        azimuth, distance = np.deg2rad(place[0]), place[1] / 90
        out.append((distance * np.sin(azimuth), distance * np.cos(azimuth)))
    return np.array(out).reshape(-1, 2)


def topomap(
    values: ArrayLike,
    names: Sequence[str],
    *,
    positions: Mapping[str, tuple[float, float]] | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    label: str = "",
    n_grid: int = 128,
    ax: Axes | None = None,
) -> Axes:
    """Return axes with values interpolated over the head, seen from above with the nose up.

    Parameters
    ----------
    values : array_like, shape (n_electrodes,)
        NaN electrodes are marked and left out of the map.
    names : sequence of str
        Electrodes of the 10-10 system, in any case.
    positions : mapping, optional
        Places (x, y) of other electrodes; the head has radius 1.
    vmin, vmax : float, optional
        Ends of the colour scale.
    label : str
        Of the colour bar.
    n_grid : int
        Points of the map along each axis.
    ax : Axes, optional
        Where to draw; a new figure if not given.

    Notes
    -----
    Interpolation by thin-plate splines through the values (`head_map`).

    Raises
    ------
    ShapeError
        If there is not one value per name, or fewer than three are finite.
    """
    from matplotlib.patches import Circle

    v = np.asarray(values, dtype=np.float64).ravel()
    if v.size != len(names):
        raise ShapeError(f"values: expected one per name ({len(names)}), got {v.size}")
    places = (
        electrode_positions(names)
        if positions is None
        else np.array([positions[name] for name in names], dtype=np.float64)
    )
    good = np.isfinite(v)
    ax = axes(ax, figsize=(4, 3.6))
    grid = np.linspace(-1.05, 1.05, n_grid)
    x, y = np.meshgrid(grid, grid)
    z = head_map(places[good], v[good], x, y)
    z[x**2 + y**2 > 1.0] = np.nan
    image = ax.pcolormesh(x, y, z, cmap="viridis", vmin=vmin, vmax=vmax, shading="gouraud")
    ax.add_patch(Circle((0, 0), 1.0, fill=False, color="black", linewidth=1.2))
    ax.plot([-0.12, 0, 0.12], [0.993, 1.13, 0.993], color="black", linewidth=1.2)
    for side in (-1, 1):
        t = np.linspace(-0.5, 0.5, 20) * np.pi
        ax.plot(side * (1 + 0.08 * np.cos(t)), 0.18 * np.sin(t), color="black", linewidth=1.2)
    ax.plot(*places[good].T, "o", color="black", markersize=3)
    if not good.all():
        ax.plot(*places[~good].T, "x", color="grey", markersize=4)
    ax.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.25), aspect="equal")
    ax.axis("off")
    figure = ax.get_figure()
    if figure is not None:
        figure.colorbar(image, ax=ax, label=label, shrink=0.7)
    return ax


def head_map(
    places: NDArray[np.float64],
    values: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return thin-plate-spline values at points (x, y); the electrodes' own values at theirs.

    Raises
    ------
    ShapeError
        If fewer than three electrodes have values.
    """
    if len(places) < 3:
        raise ShapeError(f"values: expected at least three finite ones, got {len(places)}")
    from scipy.interpolate import RBFInterpolator

    spline = RBFInterpolator(places, values, kernel="thin_plate_spline")
    return np.asarray(spline(np.column_stack([x.ravel(), y.ravel()]))).reshape(x.shape)
