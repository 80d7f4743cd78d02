"""Field potentials of slow input through synapses: steep above a knee, as recordings are.

The input to a population fluctuates with a spectrum of 1/f^β, and excitatory and inhibitory
synapses filter it. At high rates the sum of many synaptic events is Gaussian (Campbell's theorem;
Gao, Peterson & Voytek 2017, NeuroImage 158:70 has β = 0), so that the series is drawn from its
spectrum: flat or falling as the input does below the knee of the slower synapse, two orders steeper
above it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.marginal import Marginal
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._libraries.simulate import simulate_library
from neuroloom.circuit_inference.errors import PriorError
from neuroloom.shared import Seed, as_seed
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]

_RISE = 0.2  # of the decay
FIELD_PRIOR = Prior.of(
    {
        "tau_E": Marginal("log-uniform", 1.0, 5.0),
        "tau_I": Marginal("log-uniform", 5.0, 50.0),
        "gI/gE": Marginal("log-uniform", 0.3, 10.0),
        "input exponent": Marginal("uniform", 0.0, 2.0),
    },
    units={"tau_E": "ms", "tau_I": "ms"},
)


def synaptic_field(
    theta: ArrayLike, *, duration_s: float = 5.0, rate_hz: float = 1000.0, seed: SeedLike = None
) -> Array:
    """Return field potentials of unit variance, shape (n_sims, n_times).

    Parameters
    ----------
    theta : array_like, shape (n_sims, 4)
        Decay of excitatory and inhibitory synapses (ms), power of inhibitory over excitatory
        currents, exponent of the input's spectrum.
    duration_s : float
        Length in seconds.
    rate_hz : float
        Sampling rate in Hz.
    seed : int or Seed
        Simulation i draws from ``seed.child(i)``.

    Raises
    ------
    PriorError
        If a time constant or the ratio is not positive.

    Examples
    --------
    >>> synaptic_field([[2.0, 10.0, 4.0, 1.0]], duration_s=2.0, seed=1).shape
    (1, 2000)
    """
    values = FIELD_PRIOR.matrix(np.atleast_2d(np.asarray(theta, dtype=np.float64)))
    if not (np.isfinite(values).all() and (values[:, :3] > 0).all()):
        raise PriorError(f"theta: expected positive time constants and ratio, got {values.min()}")
    n = round(positive("duration_s", duration_s, "of s") * positive("rate_hz", rate_hz, "of Hz"))
    # Drawn twice as long and cut: a series drawn from its spectrum is periodic.
    freqs = np.fft.rfftfreq(2 * n, 1 / rate_hz)
    root = as_seed(seed)
    out = np.empty((len(values), n))
    for i, (tau_e, tau_i, ratio, exponent) in enumerate(values):
        shape = field_spectrum(
            np.asarray(freqs[1:], dtype=np.float64), tau_e, tau_i, ratio, exponent
        )
        white = root.child(i).generator().standard_normal((2, freqs.size - 1))
        spectrum = np.concatenate([[0], np.sqrt(shape) * (white[0] + 1j * white[1])])
        series = np.fft.irfft(spectrum, 2 * n)[:n]
        out[i] = (series - series.mean()) / series.std()
    return out


def field_spectrum(
    freqs: Array, tau_e: float, tau_i: float, ratio: float, exponent: float
) -> Array:
    """Return the power spectrum that `synaptic_field` draws from, up to a factor.

    Parameters
    ----------
    freqs : ndarray, shape (n_freqs,)
        Frequencies in Hz, positive.
    tau_e, tau_i : float
        Decay of excitatory and inhibitory synapses in ms.
    ratio : float
        Power of inhibitory over excitatory currents at frequencies below both knees.
    exponent : float
        Of the input's spectrum.
    """
    both = [_filtered(freqs, tau) for tau in (tau_e, tau_i)]
    return np.asarray(freqs**-exponent * (both[0] + ratio * both[1]))


def synaptic_gain(freqs: Array, tau_ms: float) -> NDArray[np.complex128]:
    """Return the transfer of a synapse that rises and decays exponentially, 1 at 0 Hz.

    Parameters
    ----------
    freqs : ndarray, shape (n_freqs,)
        Frequencies in Hz.
    tau_ms : float
        Its decay in ms.
    """
    turn = 2 * np.pi * freqs * tau_ms / 1e3
    return np.asarray(1 / ((1 + 1j * turn) * (1 + 1j * _RISE * turn)))


def _filtered(freqs: Array, tau_ms: float) -> Array:
    turn = 2 * np.pi * freqs * tau_ms / 1e3
    return np.asarray(1 / ((1 + turn**2) * (1 + (_RISE * turn) ** 2)))


def field_library(
    n_sims: int,
    *,
    duration_s: float = 5.0,
    rate_hz: float = 1000.0,
    prior: Prior | None = None,
    folder: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    n_workers: int | None = None,
    progress: bool = True,
    seed: SeedLike = None,
) -> SimulationLibrary:
    """Return a library of `synaptic_field`; see `simulate_library`.

    Parameters
    ----------
    n_sims : int
        How many simulations.
    duration_s : float
        Length of the signals in seconds; that of the recording's epochs.
    rate_hz : float
        Sampling rate in Hz.
    prior : Prior, optional
        Of the four parameters; `FIELD_PRIOR` if not given.
    folder : str or Path, optional
        Where finished simulations are kept.
    shard : tuple of (int, int), optional
        ``(i, n)`` makes part i of n only; see `simulate_library`.
    n_workers : int, optional
        Workers, as for `simulate_library`.
    progress : bool
        Show a bar.
    seed : int or Seed, optional
        As for `simulate_library`.

    Raises
    ------
    PriorError
        If the prior has other parameters.
    """
    prior = FIELD_PRIOR if prior is None else prior
    if prior.names != FIELD_PRIOR.names:
        raise PriorError(f"prior: expected the parameters {FIELD_PRIOR.names}, got {prior.names}")
    return simulate_library(
        partial(field_one, duration_s=duration_s, rate_hz=rate_hz),
        prior,
        n_sims,
        rate_hz=rate_hz,
        folder=folder,
        shard=shard,
        n_workers=n_workers,
        progress=progress,
        describe={"name": "synaptic_field", "duration_s": duration_s},
        seed=seed,
    )


def field_one(theta: Array, seed: Seed, **options: float) -> dict[str, Any]:
    """Return one simulation as `simulate_library` takes it."""
    return {"lfp": synaptic_field(theta, seed=seed, **options)[0]}
