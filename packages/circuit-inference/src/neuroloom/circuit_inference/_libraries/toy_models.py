"""Two small generators of population activity that need neither a network nor another library.

They run in milliseconds, so that the road from simulation to inference can be walked anywhere.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.series import positive, resampled, workers
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._libraries.simulate import simulate_library
from neuroloom.circuit_inference.errors import ArgumentError, PriorError
from neuroloom.shared import Seed, as_seed, checks
from neuroloom.shared.random import SeedLike

_LEAST_HZ = 1000.0  # steps of the shot noise
SHOT_NOISE_PRIOR = Prior.box({"θ": (0.0, 1.0)})
GAO_PRIOR = Prior.box({"gI/gE": (2.0, 6.0)})


def shot_noise_rates(
    theta: ArrayLike,
    *,
    n_neurons: int = 50,
    n_times: int = 2000,
    bin_width: int = 100,
    n_workers: int | None = None,
    seed: SeedLike = None,
) -> NDArray[np.float64]:
    """Return mean spike counts per bin, shape (n_sims, n_times // bin_width).

    The generator of ncpi's example: uniform noise, smeared by an exponential of
    ``bin_width (θ + 0.01)`` samples, brought to 0 to 1, is the spike probability above .9.

    Parameters
    ----------
    theta : array_like, shape (n_sims,)
        Decay of the exponential in bins, at least 0.
    n_neurons, n_times, bin_width : int
        Neurons per simulation, time steps, and steps per bin.
    n_workers : int, optional
        Threads, −1 for all cores; the values do not depend on it.
    seed : int or Seed
        Simulation i draws from ``seed.child(i)``.

    Raises
    ------
    PriorError
        If a θ is negative or not finite.

    Notes
    -----
    The exponential runs over four bins and is centred as numpy's ``mode="same"`` centres it. It
    is applied as a recursion, so that the cost does not grow with its length.

    Examples
    --------
    >>> shot_noise_rates([0.2, 0.8], n_times=500).shape
    (2, 5)
    """
    values = np.atleast_1d(np.asarray(theta, dtype=np.float64)).ravel()
    if not (np.isfinite(values) & (values >= 0)).all():
        raise PriorError(f"theta: expected finite values of at least 0, got {values.min()}")
    for name, given in (("n_neurons", n_neurons), ("n_times", n_times), ("bin_width", bin_width)):
        checks.whole(name, given, at_least=1, error=ArgumentError)
    if n_times < bin_width:
        raise ArgumentError(f"n_times: expected at least a bin of {bin_width} steps, got {n_times}")
    from neuroloom.circuit_inference._libraries.shot_noise import simulate

    out = np.empty((values.size, n_times // bin_width))
    root = as_seed(seed)
    length = 4 * bin_width

    def one(i: int) -> None:
        uniforms = root.child(i).generator().random((2, n_neurons, n_times), dtype=np.float32)
        decay = np.exp(-1.0 / (bin_width * (values[i] + 0.01)))
        out[i] = simulate(uniforms[0], uniforms[1], decay, length, bin_width)

    threads = workers(n_workers)
    if threads == 1:
        for i in range(values.size):
            one(i)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(values.size)))
    return out


def gao_lfp(
    ratio: ArrayLike,
    *,
    duration_s: float = 12.0,
    rate_hz: float = 1000.0,
    seed: SeedLike = None,
) -> NDArray[np.float64]:
    """Return local field potentials of unit variance, shape (n_sims, n_times).

    Gao, Peterson & Voytek (2017, NeuroImage 158:70): 8000 excitatory neurons at 2 Hz and 2000
    inhibitory ones at 5 Hz, Poisson, drive AMPA (0.1 and 2 ms) and GABA (0.5 and 10 ms)
    conductances at −65 mV; the potential is the sum of both currents, 0 and −80 mV reversal.
    The more inhibition, the steeper the spectrum.

    Parameters
    ----------
    ratio : array_like, shape (n_sims,)
        Inhibitory over excitatory mean conductance, positive.
    duration_s : float
        Length in seconds.
    rate_hz : float
        Sampling rate in Hz; below 1,000 the potential is simulated at a multiple of it.
    seed : int or Seed
        Simulation i draws from ``seed.child(i)``.

    Raises
    ------
    PriorError
        If a ratio is not positive.
    ArgumentError
        If the length or the rate is not positive.
    """
    from scipy.signal import oaconvolve

    values = np.atleast_1d(np.asarray(ratio, dtype=np.float64)).ravel()
    if not (np.isfinite(values) & (values > 0)).all():
        raise PriorError(f"ratio: expected positive values, got {values.min()}")
    n = round(positive("duration_s", duration_s, "of s") * positive("rate_hz", rate_hz, "of Hz"))
    finer = int(np.ceil(_LEAST_HZ / rate_hz))
    if finer > 1:  # synapses of milliseconds need steps of one
        fine = gao_lfp(values, duration_s=duration_s, rate_hz=finer * rate_hz, seed=seed)
        slow = np.stack([resampled(x, finer * rate_hz, rate_hz)[:n] for x in fine])
        return np.asarray((slow - slow.mean(1, keepdims=True)) / slow.std(1, keepdims=True))
    t = np.arange(round(0.1 * rate_hz)) / rate_hz
    ampa = _normalised(np.exp(-t / 0.002) - np.exp(-t / 0.0001))
    gaba = _normalised(np.exp(-t / 0.010) - np.exp(-t / 0.0005))
    root = as_seed(seed)
    out = np.empty((values.size, n))
    for i, value in enumerate(values):
        rng = root.child(i).generator()
        pad = t.size
        excitation = rng.poisson(8000 * 2.0 / rate_hz, n + pad)
        inhibition = rng.poisson(2000 * 5.0 / rate_hz, n + pad)
        g_e = oaconvolve(excitation, ampa / (8000 * 2.0 / rate_hz), mode="full")[pad : n + pad]
        g_i = oaconvolve(inhibition, gaba / (2000 * 5.0 / rate_hz), mode="full")[pad : n + pad]
        current = g_e * (0 + 65) + value * g_i * (-80 + 65)
        current = current - current.mean()
        out[i] = current / current.std()
    return out


def _normalised(kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(kernel / kernel.sum())


def gao_library(
    n_sims: int,
    *,
    duration_s: float = 12.0,
    rate_hz: float = 1000.0,
    folder: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    n_workers: int | None = None,
    progress: bool = True,
    seed: SeedLike = None,
) -> SimulationLibrary:
    """Return a library of `gao_lfp` with gI/gE uniform from 2 to 6; see `simulate_library`.

    Parameters
    ----------
    n_sims : int
        How many simulations.
    duration_s : float
        Length of the signals in seconds.
    rate_hz : float
        Sampling rate in Hz.
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
    """
    return simulate_library(
        partial(_gao_one, duration_s=duration_s, rate_hz=rate_hz),
        GAO_PRIOR,
        n_sims,
        rate_hz=rate_hz,
        folder=folder,
        shard=shard,
        n_workers=n_workers,
        progress=progress,
        describe={"name": "gao", "duration_s": duration_s},
        seed=seed,
    )


def shot_noise_library(
    n_sims: int,
    *,
    n_times: int = 2000,
    bin_width: int = 100,
    folder: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    n_workers: int | None = None,
    progress: bool = True,
    seed: SeedLike = None,
) -> SimulationLibrary:
    """Return a library of `shot_noise_rates` with θ uniform from 0 to 1; see `simulate_library`.

    The rate is that of bins of one second, as in ncpi's example.
    """
    return simulate_library(
        partial(_shot_one, n_times=n_times, bin_width=bin_width),
        SHOT_NOISE_PRIOR,
        n_sims,
        rate_hz=1.0,
        folder=folder,
        shard=shard,
        n_workers=n_workers,
        progress=progress,
        describe={"name": "shot_noise", "n_times": n_times, "bin_width": bin_width},
        seed=seed,
    )


def _gao_one(theta: NDArray[np.float64], seed: Seed, **options: float) -> dict[str, Any]:
    return {"lfp": gao_lfp(theta, seed=seed, **options)[0]}


def _shot_one(theta: NDArray[np.float64], seed: Seed, **options: int) -> dict[str, Any]:
    return {"rates": shot_noise_rates(theta, seed=seed, **options)[0]}
