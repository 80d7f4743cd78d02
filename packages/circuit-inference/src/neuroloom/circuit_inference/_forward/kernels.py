"""Analytic kernels: the current dipole moment that a population's spike leaves behind.

A spike of population X arrives at its targets in Y after a delay, opens synapses at some distance
from the somata, and the return current makes a dipole. To first order (Hagen et al. 2022, PLoS
Comput Biol 18:e1010353, who compute such kernels from multicompartment neurons) the dipole moment
is linear in the presynaptic rate: P(t) = Σ_YX (H_YX * ν_X)(t). Here H_YX is written down instead of
simulated,

    H_YX(t) = − N_X C_YX N_Y J_YX z_YX · (delay * synapse * dendrite)(t),

with the mean distance z_YX of the synapses from the somata, a normal distribution of delays, an
exponential synaptic current and an exponential dendritic low-pass. This is an approximation: shapes
and signs are those of the mechanism, amplitudes are good to a factor. Kernels computed by
LFPykernels can be loaded instead with `load_kernels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.series import positive
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
        Synapses that one spike of X reaches: N_Y times the connection probability.
    weight_pa : float
        Amplitude of one postsynaptic current in pA, negative for inhibition.
    tau_syn_ms : float
        Decay of the synaptic current.
    delay_ms, delay_sd_ms : float
        Mean and standard deviation of the delay.
    distance_um : float
        Mean position of the synapses above the soma (z, in µm).
    tau_dendrite_ms : float
        Low-pass of the dendrite.
    """

    n_synapses: float
    weight_pa: float
    tau_syn_ms: float
    delay_ms: float
    delay_sd_ms: float
    distance_um: float
    tau_dendrite_ms: float = 2.0


def dipole_kernels(
    pathways: Mapping[str, Pathway], *, dt_ms: float, tau_ms: float = 100.0
) -> dict[str, Array]:
    """Return the dipole moment (pA µm per spike) along z of each pathway.

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
        If a time is not positive.

    Examples
    --------
    >>> kernels = dipole_kernels({"E:E": Pathway(1638, 1.589, 0.5, 1.5, 0.3, 333)}, dt_ms=0.5)
    >>> kernels["E:E"].shape, bool(kernels["E:E"].sum() < 0)
    ((401,), True)
    """
    dt = positive("dt_ms", dt_ms, "of ms")
    half = round(positive("tau_ms", tau_ms, "of ms") / dt)
    t = np.arange(half + 1) * dt
    out = {}
    for name, path in pathways.items():
        for argument in ("tau_syn_ms", "delay_sd_ms", "tau_dendrite_ms"):
            positive(f"{name}.{argument}", getattr(path, argument), "of ms")
        delay = np.exp(-0.5 * ((t - path.delay_ms) / path.delay_sd_ms) ** 2)
        shape = delay / delay.sum()
        for tau in (path.tau_syn_ms, path.tau_dendrite_ms):
            decay = np.exp(-t / tau)
            shape = np.convolve(shape, decay / decay.sum())[: t.size]
        charge = path.n_synapses * path.weight_pa * path.tau_syn_ms / dt
        out[name] = np.concatenate([np.zeros(half), -charge * path.distance_um * shape])
    return out


def dipole_moment(kernels: Mapping[str, ArrayLike], rates: Mapping[str, ArrayLike]) -> Array:
    """Return the current dipole moment along z of spiking populations, shape (n_times,).

    Parameters
    ----------
    kernels : mapping of "Y:X" to array_like, shape (n_kernel,)
        Odd length, spikes in the middle; pA µm per spike.
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
