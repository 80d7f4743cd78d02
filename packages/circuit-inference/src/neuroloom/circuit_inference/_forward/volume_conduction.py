"""From a current dipole to potentials and fields: infinite medium and four concentric spheres.

Units: dipole moments in nA µm, places in µm, conductivities in S/m, potentials in mV, magnetic
fields in nA/µm (H) — those of LFPy and lfpykit, which the tests compare with where it is installed.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError

Array = NDArray[np.float64]

RADII_UM = (79_000.0, 80_000.0, 85_000.0, 90_000.0)  # brain, fluid, skull, scalp
SIGMAS = (0.3, 1.5, 0.015, 0.3)  # S/m


def infinite_medium(
    dipole: ArrayLike, place: ArrayLike, sensors: ArrayLike, *, sigma: float = 0.3
) -> Array:
    """Return potentials (mV) of a current dipole in an infinite medium, shape (n_sensors, n_times).

    ``V = p · r / (4 π σ r³)`` with r from the dipole to the sensor.

    Parameters
    ----------
    dipole : array_like, shape (3, n_times)
        Dipole moment in nA µm.
    place : array_like, shape (3,)
        Of the dipole, in µm.
    sensors : array_like, shape (n_sensors, 3)
        In µm.
    sigma : float
        Conductivity in S/m.

    Raises
    ------
    ShapeError
        If shapes are not these.
    ArgumentError
        If a sensor sits on the dipole.
    """
    p, r = _geometry(dipole, place, sensors)
    distance = np.linalg.norm(r, axis=1)
    return np.asarray(
        r @ p / (4 * np.pi * positive("sigma", sigma, "S/m") * distance[:, None] ** 3)
    )


def infinite_medium_magnetic(dipole: ArrayLike, place: ArrayLike, sensors: ArrayLike) -> Array:
    """Return the magnetic field H (nA/µm) of a current dipole, shape (n_sensors, 3, n_times).

    ``H = p × r / (4 π r³)``, Biot and Savart's law for a point dipole.
    """
    p, r = _geometry(dipole, place, sensors)
    distance = np.linalg.norm(r, axis=1)
    field = np.cross(p.T[None, :, :], r[:, None, :]) / (4 * np.pi * distance[:, None, None] ** 3)
    return np.asarray(np.moveaxis(field, 1, 2))


def four_sphere(
    dipole: ArrayLike,
    place: ArrayLike,
    sensors: ArrayLike,
    *,
    radii: tuple[float, float, float, float] = RADII_UM,
    sigmas: tuple[float, float, float, float] = SIGMAS,
    n_terms: int = 100,
) -> Array:
    """Return scalp potentials (mV) of a dipole in the brain, shape (n_sensors, n_times).

    Four concentric shells of brain, fluid, skull and scalp (Næss et al. 2017, Front Hum Neurosci
    11:490). The Legendre coefficients of each order follow from continuity of potential and
    radial current at the borders, solved numerically order by order.

    Parameters
    ----------
    dipole : array_like, shape (3, n_times)
        Dipole moment in nA µm.
    place : array_like, shape (3,)
        Inside the brain, in µm from the centre.
    sensors : array_like, shape (n_sensors, 3)
        On or in the scalp shell, in µm from the centre.
    radii, sigmas : tuple of four float
        Outer radii (µm, rising) and conductivities (S/m).
    n_terms : int
        Orders of the series.

    Raises
    ------
    ArgumentError
        If radii do not rise, the dipole is not in the brain, or a sensor is not in the scalp.
    """
    p, _ = _geometry(dipole, place, sensors)
    r_dipole = np.asarray(place, dtype=np.float64)
    where = np.atleast_2d(np.asarray(sensors, dtype=np.float64))
    if not all(a < b for a, b in pairwise(radii)):
        raise ArgumentError(f"radii: expected rising radii in µm, got {radii}")
    depth = float(np.linalg.norm(r_dipole))
    if not 0 < depth < radii[0]:
        raise ArgumentError(
            f"place: expected inside the brain, below {radii[0]:g} µm, got {depth:g}"
        )
    height = np.linalg.norm(where, axis=1)
    if not ((height > radii[2]) & (height <= radii[3] * (1 + 1e-9))).all():
        raise ArgumentError(
            f"sensors: expected in the scalp, {radii[2]:g} to {radii[3]:g} µm, got {height}"
        )
    axis = r_dipole / depth
    radial = axis @ p
    tangential = p - axis[:, None] * radial
    cosine = np.clip(where @ axis / height, -1, 1)
    sine = np.sqrt(1 - cosine**2)
    sideways = where - (where @ axis)[:, None] * axis
    norm = np.linalg.norm(sideways, axis=1)
    sideways = np.divide(
        sideways, norm[:, None], out=np.zeros_like(sideways), where=norm[:, None] > 0
    )
    r, big = height / radii[3], np.asarray(radii) / radii[3]
    q = depth / radii[3]
    legendre, derivative = _legendre(cosine, n_terms)
    out = np.zeros((len(where), p.shape[1]))
    for n in range(1, n_terms + 1):
        a, b = _shell_coefficients(n, big, np.asarray(sigmas))
        gain = (a * r**n + b * r ** (-n - 1)) * q ** (n - 1)
        out += (gain * n * legendre[n])[:, None] * radial
        out += (gain * sine * derivative[n])[:, None] * (sideways @ tangential)
    return np.asarray(out / (4 * np.pi * sigmas[0] * radii[3] ** 2))


def _shell_coefficients(n: int, radii: Array, sigmas: Array) -> tuple[float, float]:
    """Return what order n of a unit source becomes in the scalp, ``a rⁿ + b r⁻ⁿ⁻¹``.

    Unknowns: the brain's reflected part, and both parts in the three other shells.
    """
    matrix, right = np.zeros((7, 7)), np.zeros(7)

    def columns(shell: int) -> tuple[int | None, int | None]:
        return (0, None) if shell == 0 else (2 * shell - 1, 2 * shell)

    for border in range(3):
        r = radii[border]
        for shell, sign in ((border, 1.0), (border + 1, -1.0)):
            grow, fall = columns(shell)
            matrix[2 * border, grow] = sign * r**n
            matrix[2 * border + 1, grow] = sign * sigmas[shell] * n * r ** (n - 1)
            if fall is not None:
                matrix[2 * border, fall] = sign * r ** (-n - 1)
                matrix[2 * border + 1, fall] = -sign * sigmas[shell] * (n + 1) * r ** (-n - 2)
        if border == 0:  # the source itself, r⁻ⁿ⁻¹
            right[0] = -(r ** (-n - 1.0))
            right[1] = sigmas[0] * (n + 1) * r ** (-n - 2.0)
    matrix[6, 5], matrix[6, 6] = n * radii[3] ** (n - 1), -(n + 1) * radii[3] ** (-n - 2)
    scale = np.abs(matrix).max(axis=0)
    solution = np.linalg.solve(matrix / scale, right) / scale
    return float(solution[5]), float(solution[6])


def _legendre(x: Array, n_terms: int) -> tuple[Array, Array]:
    """Return P_n(x) and dP_n/dx, shape (n_terms + 1, n_points)."""
    values = np.zeros((n_terms + 1, x.size))
    slopes = np.zeros_like(values)
    values[0], values[1], slopes[1] = 1.0, x, 1.0
    for n in range(1, n_terms):
        values[n + 1] = ((2 * n + 1) * x * values[n] - n * values[n - 1]) / (n + 1)
        slopes[n + 1] = slopes[n - 1] + (2 * n + 1) * values[n]
    return values, slopes


def _geometry(dipole: ArrayLike, place: ArrayLike, sensors: ArrayLike) -> tuple[Array, Array]:
    p = np.asarray(dipole, dtype=np.float64)
    p = p[:, None] if p.ndim == 1 else p
    origin = np.asarray(place, dtype=np.float64)
    where = np.atleast_2d(np.asarray(sensors, dtype=np.float64))
    if p.ndim != 2 or p.shape[0] != 3:
        raise ShapeError(f"dipole: expected shape (3, n_times), got {np.shape(dipole)}")
    if origin.shape != (3,) or where.ndim != 2 or where.shape[1] != 3:
        raise ShapeError(
            f"place, sensors: expected shapes (3,) and (n_sensors, 3), got {origin.shape} and "
            f"{where.shape}"
        )
    r = where - origin
    if (np.linalg.norm(r, axis=1) == 0).any():
        raise ArgumentError("sensors: expected none on the dipole itself")
    return p, r
