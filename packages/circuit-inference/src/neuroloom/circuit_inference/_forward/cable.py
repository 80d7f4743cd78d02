"""A ball-and-stick neuron's current dipole: the passive cable equation, solved.

The cells are those of Hagen et al. (2022, PLoS Comput Biol 18:e1010353): a soma with a basal and an
apical stick along z. Their membranes are linear around the resting potential: leak, Hay's sodium
and potassium channels frozen at rest, Ih linearised (Hay et al. 2011, PLoS Comput Biol 7:e1002107;
Ness et al. 2018, J Neurosci 38:6011), and the mean conductance of synapses. Currents into a cell
return elsewhere; the dipole moment is the sum of what leaves each compartment times its height.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REST_MV = -65.0
_STEP_UM = 10.0  # longest compartment: below a tenth of the sticks' length constants
_AXIAL_OHM_CM = 100.0
_CAPACITANCE = 1.0  # µF/cm²
_H_REVERSAL_MV = -45.0


@dataclass(frozen=True)
class Cell:
    """A soma with two sticks along z, its centre at 0.

    Parameters
    ----------
    soma_um : float
        Diameter of the soma, a cylinder 30 µm high.
    apical_um, basal_um : tuple of float
        Length and diameter of the sticks above and below the soma.
    """

    soma_um: float
    apical_um: tuple[float, float]
    basal_um: tuple[float, float]


EXCITATORY = Cell(30.0, (1000.0, 3.0), (200.0, 2.0))
INHIBITORY = Cell(15.0, (200.0, 2.0), (200.0, 2.0))


@dataclass(frozen=True)
class Places:
    """Where synapses lie: a mixture of normal distributions along z, times the membrane's area.

    Parameters
    ----------
    means_um, sds_um : tuple of float
        Of each part.
    weights : tuple of float
        Of each part.
    soma : bool
        Whether there are synapses on the soma too.
    """

    means_um: tuple[float, ...]
    sds_um: tuple[float, ...]
    weights: tuple[float, ...]
    soma: bool = True


@dataclass(frozen=True)
class Conductance:
    """The mean conductance that active synapses add to a membrane.

    Parameters
    ----------
    total_us : float
        Sum over the cell in µS.
    places : Places, optional
        Where; evenly over the membrane if not given.
    """

    total_us: float
    places: Places | None = None


@dataclass(frozen=True, eq=False)
class _Geometry:
    z: Array  # µm
    area: Array  # µm²
    soma: NDArray[np.bool_]
    axial: Array  # µS between neighbours, shape (n - 1,)


@lru_cache(maxsize=16)
def _geometry(cell: Cell) -> _Geometry:
    z: list[Array] = []
    area: list[Array] = []
    soma: list[NDArray[np.bool_]] = []
    resistance: list[Array] = []
    parts = (
        (-15.0 - cell.basal_um[0], cell.basal_um[0], cell.basal_um[1], False),
        (-15.0, 30.0, cell.soma_um, True),
        (15.0, cell.apical_um[0], cell.apical_um[1], False),
    )
    for low, length, diameter, is_soma in parts:
        n = 1 if is_soma else max(1, int(np.ceil(length / _STEP_UM)))
        step = length / n
        z.append(low + step * (np.arange(n, dtype=np.float64) + 0.5))
        area.append(np.full(n, np.pi * diameter * step))
        soma.append(np.full(n, is_soma))
        # From the middle of a compartment to its end, in MΩ: Ω cm times µm over µm² is 10⁻² MΩ.
        ohmic = 1e-2 * _AXIAL_OHM_CM * (step / 2) / (np.pi * diameter**2 / 4)
        resistance.append(np.full(n, ohmic))
    half = np.concatenate(resistance)
    return _Geometry(
        np.concatenate(z), np.concatenate(area), np.concatenate(soma), 1 / (half[1:] + half[:-1])
    )


def _channels() -> tuple[Array, Array, float, float]:
    """Return leak and density of Ih (S/cm²) of soma and sticks, and Ih's slope and time constant.

    Densities and rate functions of Hay et al. (2011) at rest; the slope is that of the open
    fraction times the driving force.
    """
    v = REST_MV
    alpha_m = 0.182 * (v + 38) / (1 - np.exp(-(v + 38) / 6))
    beta_m = 0.124 * (-v - 38) / (1 - np.exp((v + 38) / 6))
    alpha_h = -0.015 * (v + 66) / (1 - np.exp((v + 66) / 6))
    beta_h = 0.015 * (v + 66) / (1 - np.exp(-(v + 66) / 6))
    sodium = (alpha_m / (alpha_m + beta_m)) ** 3 * alpha_h / (alpha_h + beta_h)
    potassium = 1 / (1 + np.exp((v - 18.7) / -9.7))
    leak = np.array([3.38e-5, 5.89e-5])
    leak += sodium * np.array([2.04, 0.0213]) + potassium * np.array([0.693, 2.61e-4])
    open_, slope, tau = _ih(v)
    return leak + open_ * _IH, _IH, slope * (v - _H_REVERSAL_MV), tau


_IH = np.array([2e-4, 2e-3])  # S/cm², soma and sticks


def _ih(v: float) -> tuple[float, float, float]:
    """Return the open fraction of Ih, its slope per mV and its time constant in ms."""

    def rates(x: float) -> tuple[float, float]:
        alpha = 1e-3 * 6.43 * (x + 154.9) / (np.exp((x + 154.9) / 11.9) - 1)
        return float(alpha), float(1e-3 * 193 * np.exp(x / 33.1))

    def fraction(x: float) -> float:
        alpha, beta = rates(x)
        return alpha / (alpha + beta)

    step = 1e-3
    slope = (fraction(v + step) - fraction(v - step)) / (2 * step)
    return fraction(v), slope, 1 / sum(rates(v))


def shares(cell: Cell, places: Places | None) -> Array:
    """Return the fraction of synapses on each compartment, summing to one."""
    geometry = _geometry(cell)
    density = np.ones_like(geometry.z)
    if places is not None:
        density = np.zeros_like(geometry.z)
        parts = zip(places.means_um, places.sds_um, places.weights, strict=True)
        for mean, sd, weight in parts:
            density += weight / sd * np.exp(-0.5 * ((geometry.z - mean) / sd) ** 2)
        if not places.soma:
            density = np.where(geometry.soma, 0.0, density)
    out = density * geometry.area
    return np.asarray(out / out.sum())


@lru_cache(maxsize=256)
def impulse_response(
    cell: Cell,
    places: Places,
    background: tuple[Conductance, ...],
    dt_ms: float,
    n_steps: int,
) -> Array:
    """Return the dipole moment after a charge of 1 nA ms into the cell, shape (n_steps,), in nA µm.

    Parameters
    ----------
    cell : Cell
    places : Places
        How the charge is spread.
    background : tuple of Conductance
        Mean conductances of active synapses.
    dt_ms : float
        Time step; implicit Euler, as NEURON's default.
    n_steps : int
    """
    geometry = _geometry(cell)
    n = geometry.z.size
    region = np.where(geometry.soma, 0, 1)
    leak, ih, slope, tau = _channels()
    # S/cm² times µm² is 10⁻² µS, µF/cm² times µm² is 10⁻⁵ nF (µS ms is nF).
    conductance = 1e-2 * leak[region] * geometry.area
    for part in background:
        conductance = conductance + part.total_us * shares(cell, part.places)
    capacitance = 1e-5 * _CAPACITANCE * geometry.area
    axial = np.zeros((n, n))
    for i, g in enumerate(geometry.axial):
        axial[i, i + 1] = axial[i + 1, i] = g
    axial -= np.diag(axial.sum(axis=1))
    # The activation of Ih follows the voltage: after an implicit step it is an effective leak.
    coupling = 1e-2 * ih[region] * geometry.area * slope
    follow = dt_ms / tau / (1 + dt_ms / tau)
    system = np.diag(capacitance / dt_ms + conductance + coupling * follow) - axial
    inverse = np.linalg.inv(system)
    voltage, activation = np.zeros(n), np.zeros(n)
    drive = shares(cell, places) / dt_ms  # nA over the first step
    out = np.empty(n_steps)
    towards_dipole = geometry.z @ axial
    kept = 1 / (1 + dt_ms / tau)
    for k in range(n_steps):
        current = capacitance / dt_ms * voltage - coupling * kept * activation + drive
        voltage = inverse @ current
        activation = kept * activation + follow * voltage
        # What flows in along the cable leaves through the membrane.
        out[k] = towards_dipole @ voltage
        drive = np.zeros(n)
    out.flags.writeable = False
    return out
