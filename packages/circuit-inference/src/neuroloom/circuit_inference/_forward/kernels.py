"""Kernels: the current dipole moment that a population's spike leaves behind.

A spike of population X arrives at its targets in Y after a delay, opens synapses along the cells,
and the current that returns elsewhere makes a dipole. To first order (Hagen et al. 2022, PLoS
Comput Biol 18:e1010353, who compute such kernels from multicompartment neurons with NEURON) the
dipole moment is linear in the presynaptic rate: P(t) = Σ_YX (H_YX * ν_X)(t), and

    H_YX(t) = K_YX J_YX · (delay * synapse * cell)(t)

for K_YX synapses per spike of peak current J_YX. The cell's part is the dipole response of a
ball-and-stick neuron to a charge, by the cable equation (`cable`). Moments are in nA µm per spike
throughout. Kernels computed by LFPykernels can be loaded instead with `load_kernels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference._forward.cable import (
    EXCITATORY,
    Cell,
    Conductance,
    Places,
    impulse_response,
)
from neuroloom.circuit_inference._reading import reading
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError
from neuroloom.shared import DataError, load_arrays, save_arrays

Array = NDArray[np.float64]
_KIND = "DipoleKernels"


@dataclass(frozen=True)
class Pathway:
    """One connection from a population X to a population Y.

    Parameters
    ----------
    n_synapses : float
        Synapses that one spike of X opens: N_Y times the connection probability times the
        synapses per connection.
    weight_na : float
        Peak of one postsynaptic current in nA: positive into the cell (excitation).
    tau_decay_ms : float
        Decay of the synaptic current.
    delay_ms, delay_sd_ms : float
        Mean and standard deviation of the delay, a normal distribution cut off below.
    places : Places
        Where the synapses lie.
    cell : Cell
        The cells of Y.
    tau_rise_ms : float
        Rise of the synaptic current; 0 for a jump.
    delay_min_ms : float
        Shortest delay.
    background : tuple of Conductance
        What active synapses add to the membrane of Y.
    """

    n_synapses: float
    weight_na: float
    tau_decay_ms: float
    delay_ms: float
    delay_sd_ms: float
    places: Places
    cell: Cell = EXCITATORY
    tau_rise_ms: float = 0.0
    delay_min_ms: float = 0.0
    background: tuple[Conductance, ...] = ()


def dipole_kernels(
    pathways: Mapping[str, Pathway], *, dt_ms: float, tau_ms: float = 100.0
) -> dict[str, Array]:
    """Return the dipole moment along z of each pathway, in nA µm per spike.

    Parameters
    ----------
    pathways : mapping of "Y:X" to Pathway
        Named post:pre, as LFPykernels does.
    dt_ms : float
        Time step in ms.
    tau_ms : float
        Kernels run from −`tau_ms` to +`tau_ms`; spikes are at 0 and nothing comes before.

    Returns
    -------
    dict of str to ndarray, shape (2 round(tau_ms / dt_ms) + 1,)

    Raises
    ------
    ArgumentError
        If a time is not positive, or a current's rise is not shorter than its decay.

    Examples
    --------
    >>> path = Pathway(819, 0.00975, 1.8, 1.5, 0.3, Places((500.0,), (125.0,), (1.0,)))
    >>> kernels = dipole_kernels({"E:E": path}, dt_ms=0.5)
    >>> kernels["E:E"].shape, bool(kernels["E:E"].sum() < 0)
    ((401,), True)
    """
    from scipy.signal import oaconvolve

    dt = positive("dt_ms", dt_ms, "of ms")
    half = round(positive("tau_ms", tau_ms, "of ms") / dt)
    t = np.arange(half + 1) * dt
    out = {}
    for name, path in pathways.items():
        for argument in ("tau_decay_ms", "delay_sd_ms"):
            positive(f"{name}.{argument}", getattr(path, argument), "of ms")
        delay = np.exp(-0.5 * ((t - path.delay_ms) / path.delay_sd_ms) ** 2)
        delay = np.where(t >= path.delay_min_ms, delay, 0.0)
        response = impulse_response(path.cell, path.places, path.background, dt, half + 1)
        current = (
            path.weight_na * dt * _synapse(np.asarray(t, np.float64), path, name)
        )  # nA ms per step
        kernel = oaconvolve(current, response)[: half + 1]
        kernel = oaconvolve(delay / delay.sum(), kernel)[: half + 1]
        out[name] = np.concatenate([np.zeros(half), path.n_synapses * kernel])
    return out


def _synapse(t: Array, path: Pathway, name: str) -> Array:
    """Return the time course of one synaptic current, of peak one."""
    rise, decay = path.tau_rise_ms, path.tau_decay_ms
    if rise == 0:
        return np.asarray(np.exp(-t / decay))
    if not 0 < rise < decay:
        raise ArgumentError(
            f"{name}.tau_rise_ms: expected 0 to below the decay {decay:g} ms, got {rise!r}"
        )
    peak = rise * decay / (decay - rise) * np.log(decay / rise)
    scale = np.exp(-peak / decay) - np.exp(-peak / rise)
    return np.asarray((np.exp(-t / decay) - np.exp(-t / rise)) / scale)


def dipole_moment(kernels: Mapping[str, ArrayLike], rates: Mapping[str, ArrayLike]) -> Array:
    """Return the current dipole moment along z of spiking populations, shape (n_times,), in nA µm.

    Parameters
    ----------
    kernels : mapping of "Y:X" to array_like, shape (n_kernel,)
        Odd length, spikes in the middle; nA µm per spike.
    rates : mapping of "X" to array_like, shape (n_times,)
        Spikes of the whole population per time step.

    Raises
    ------
    ShapeError
        If rates differ in length or a kernel is not of odd length.
    ArgumentError
        If a kernel's population has no rates.
    """
    from scipy.signal import oaconvolve

    spikes = {name: np.asarray(x, dtype=np.float64) for name, x in rates.items()}
    shapes = {name: x.shape for name, x in spikes.items()}
    if len(set(shapes.values())) != 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise ShapeError(f"rates: expected one length for all populations, got {shapes}")
    n = next(iter(shapes.values()))[0]
    total = np.zeros(n)
    for name, kernel in kernels.items():
        h = np.asarray(kernel, dtype=np.float64)
        source = name.split(":")[-1]
        if source not in spikes:
            raise ArgumentError(
                f"rates: expected {source!r} for the kernel {name!r}, got {list(spikes)}"
            )
        if h.ndim != 1 or h.size % 2 == 0:
            raise ShapeError(
                f"kernels[{name!r}]: expected one dimension of odd length, got {h.shape}"
            )
        half = h.size // 2
        total += oaconvolve(spikes[source], h, mode="full")[half : half + n]
    return total


def save_kernels(path: str | Path, kernels: Mapping[str, ArrayLike], *, dt_ms: float) -> Path:
    """Write kernels and their time step to an npz file."""
    return save_arrays(path, dict(kernels), kind=_KIND, header={"dt_ms": dt_ms})


def load_kernels(path: str | Path) -> tuple[dict[str, Array], float]:
    """Return kernels and their time step in ms.

    A plain npz file with arrays named ``"Y:X"`` and a number ``dt_ms`` works too, so kernels of
    LFPykernels can be kept with ``numpy.savez``.

    Raises
    ------
    ModelFormatError
        If the file is neither, or holds objects.
    """
    with reading("path", "file of kernels"):
        try:
            arrays, header = load_arrays(path, kind=_KIND)
            dt = float(header["dt_ms"])
        except DataError:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            dt = float(arrays.pop("dt_ms"))
        kernels = {name: np.asarray(h, dtype=np.float64) for name, h in arrays.items()}
        return kernels, positive("dt_ms", dt, "of ms")
