"""Reduced landscapes: the force on a few populations with all others at rest around them.

The focus populations' rates are held on a grid, the others settle, and what the focus would do
next is the force ``Φ_eff(ν) − ν`` (Mascaro & Amit 1999; Mazzucato et al. 2019). Along the path on
which the force is smallest its integral is a potential, whose wells are the attractors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from neuroloom.lifnet._engine._memory import check_memory
from neuroloom.lifnet._errors import LifnetError
from neuroloom.lifnet._indices import places
from neuroloom.lifnet._theory._mean_field import LIFMeanField, check_field
from neuroloom.shared import checks

Array = NDArray[np.float64]

_BATCH_NUMBERS = 4_000_000


@dataclass(frozen=True, eq=False)
class Landscape:
    """The force on a grid of focus rates, and the potential along its valley.

    Parameters
    ----------
    mesh : tuple of ndarray
        Rates of each focus population on the grid, in Hz.
    force_field : ndarray, shape (*grid, n_focus)
        Effective response minus rate in Hz; NaN where others do not settle.
    nu_outs : ndarray, shape (*grid, n_pops)
        Effective response of all populations in Hz.
    path : ndarray, shape (n, n_focus)
        For each rate of the first focus population the grid point of least force, in Hz.
    potential : ndarray, shape (n,)
        Minus the integral of the force along the path, in Hz².
    displacement : ndarray, shape (n,)
        Length of the path up to each point in Hz.
    """

    mesh: tuple[Array, ...]
    force_field: Array
    nu_outs: Array
    path: Array
    potential: Array
    displacement: Array

    @property
    def path_force(self) -> Array:
        """Force at each point of the path in Hz, shape (n, n_focus)."""
        rows = []
        for axis, rates in enumerate(self.mesh):
            grid = np.moveaxis(rates, axis, 0).reshape(rates.shape[axis], -1)[:, 0]
            rows.append(np.abs(grid[:, None] - self.path[None, :, axis]).argmin(axis=0))
        return np.asarray(self.force_field[tuple(rows)])

    def minima(self) -> NDArray[np.int64]:
        """Return where on the path the potential has a well.

        An end of the path is one if the potential rises from there and the force does not lead
        out of the grid; nothing leads out of it at rates of zero.
        """
        v = self.potential
        if len(v) < 2:
            return np.arange(0)
        inner = np.flatnonzero((v[1:-1] <= v[:-2]) & (v[1:-1] < v[2:])) + 1
        ends = [
            end
            for end, ahead in ((0, 1), (len(v) - 1, len(v) - 2))
            if v[end] < v[ahead]
            and float(self.path_force[end] @ (self.path[ahead] - self.path[end])) >= 0
        ]
        return np.sort(np.concatenate([inner, np.array(ends, dtype=np.int64)]))


def landscape(
    field: LIFMeanField,
    focus: Sequence[int] | NDArray[np.integer[Any]],
    *,
    step: float = 0.5,
    limits: ArrayLike = (0.0, 60.0),
    nu_init: ArrayLike | None = None,
    tau: ArrayLike | None = None,
    progress: bool = False,
) -> Landscape:
    """Return the reduced landscape of some populations.

    At each grid point the other populations are at the stable state that their rates flow into
    from `nu_init`. Where they come to none, the force is NaN.

    Parameters
    ----------
    field : LIFMeanField
        The mean field.
    focus : sequence of int or boolean mask
        Populations from 0 on, in any order.
    step : float
        Distance of grid points in Hz.
    limits : (low, high), or one such pair per focus population
        Rates that the grid covers, in Hz: from `low` in steps, as far as `high`.
    nu_init : array_like, optional
        Where the other populations begin, shape (n_pops − n_focus,), in Hz; zeros if not given.
    tau : array_like, optional
        Time constants of the rates, see `LIFMeanField.determine_stability`.
    progress : bool
        Show a bar.

    Raises
    ------
    LifnetError
        If there is no such population, or the limits hold no step.
    """
    checks.flag("progress", progress, error=LifnetError)
    check_field(field)
    held = places("focus", focus, field.n_pops).tolist()
    if not held:
        raise LifnetError("focus: expected at least one population, got none")
    step = checks.real("step", step, above=0, unit="Hz", error=LifnetError)
    edges = checks.array("limits", limits, dtype=np.float64, error=LifnetError)
    if edges.shape not in ((2,), (len(held), 2)):
        raise LifnetError(
            f"limits: expected (low, high), or {len(held)} such pairs, got shape {edges.shape}"
        )
    edges = np.broadcast_to(edges, (len(held), 2))
    if not ((edges[:, 0] >= 0).all() and (edges[:, 1] > edges[:, 0]).all()):
        raise LifnetError(f"limits: expected 0 <= low < high in Hz, got {edges.tolist()}")
    # A distance that divides the limits but for rounding reaches the upper one.
    n_steps = [int((high - low) / step + 1e-9) for low, high in edges]
    if 0 in n_steps:
        raise LifnetError(
            f"step: expected at most the width of the limits in Hz, got {step} and {edges.tolist()}"
        )
    n_points = math.prod(n + 1.0 for n in n_steps)
    check_memory(
        {"landscape": 8.0 * (field.n_pops + 2 * len(held)) * n_points},
        remedy="take a wider step or narrower limits",
    )
    grids = [low + step * np.arange(n + 1) for n, (low, _) in zip(n_steps, edges, strict=True)]
    mesh = tuple(np.meshgrid(*grids, indexing="ij"))
    shape = mesh[0].shape
    points = np.stack([part.ravel() for part in mesh], axis=1)
    # A batch holds one Jacobian per point.
    size = max(1, _BATCH_NUMBERS // max(1, (field.n_pops - len(held)) ** 2 + 64 * field.n_pops))
    outs = np.empty((len(points), field.n_pops))
    with tqdm(total=len(points), disable=not progress, desc="landscape") as bar:
        for start in range(0, len(points), size):
            part = points[start : start + size]
            outs[start : start + size] = field.effective_response_function(
                held, part, nu_init=nu_init, tau=tau
            )
            bar.update(len(part))
    force = (outs[:, held] - points).reshape(*shape, len(held))
    path_points, path_force = _valley(points.reshape(*shape, len(held)), force)
    moves = np.diff(path_points, axis=0)
    between = (path_force[1:] + path_force[:-1]) / 2
    potential = np.concatenate([[0.0], np.cumsum(-(between * moves).sum(axis=1))])
    displacement = np.concatenate([[0.0], np.cumsum(np.linalg.norm(moves, axis=1))])
    return Landscape(
        mesh,
        force,
        outs.reshape(*shape, field.n_pops),
        path_points,
        potential,
        displacement,
    )


def _valley(points: Array, force: Array) -> tuple[Array, Array]:
    """Return for each rate of the first population the point of least force, and the force."""
    columns = points.reshape(len(points), -1, points.shape[-1])
    forces = force.reshape(columns.shape)
    size = np.linalg.norm(forces, axis=-1)
    least = np.argmin(np.where(np.isfinite(size), size, np.inf), axis=1)
    rows = np.arange(len(columns))
    return columns[rows, least], forces[rows, least]
