"""Field potentials of synapses whose input a rhythm paces: hippocampal theta, say.

The input of `synaptic_field` bursts, its noise is stronger at one phase of a rhythm, and a wave
with a harmonic is added, as pacemakers from elsewhere add it. So the series is no Gaussian process,
and one that is lies outside its cloud. What no parameter names is drawn with each simulation:
phases, how steadily the rhythm turns, the harmonic's share, how the input bursts.
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
from neuroloom.circuit_inference._libraries.synaptic_field import FIELD_PRIOR, synaptic_gain
from neuroloom.circuit_inference.errors import PriorError
from neuroloom.shared import Seed, as_seed
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]

PACED_PRIOR = Prior.of(
    {
        **dict(zip(FIELD_PRIOR.names, FIELD_PRIOR.marginals, strict=True)),
        "input exponent": Marginal("uniform", 0.0, 2.5),
        "rhythm": Marginal("uniform", 5.0, 9.0),
        "rhythm power": Marginal("log-uniform", 1.0, 10.0),
        "pacing": Marginal("uniform", 0.1, 0.5),
    },
    units={"tau_E": "ms", "tau_I": "ms", "rhythm": "Hz"},
)
_HARMONIC = (0.3, 0.6)  # amplitude of the harmonic over the rhythm's
_WANDER = (0.5, 3.0)  # of the rhythm's phase, rad per square root of a second
_WAXING = (0.1, 0.4)  # standard deviation of the logarithm of the rhythm's amplitude
_BURSTS = (0.05, 0.5)  # and of that of the input's
_BURST_S = (0.05, 0.5)  # how long they last


def paced_field(
    theta: ArrayLike, *, duration_s: float = 10.0, rate_hz: float = 1000.0, seed: SeedLike = None
) -> Array:
    """Return field potentials of unit variance, shape (n_sims, n_times).

    Parameters
    ----------
    theta : array_like, shape (n_sims, 7)
        Those of `synaptic_field`, then the rhythm (Hz), its power over that of the other activity,
        and by how much it paces the variance of the synapses' input (0 to 1).
    duration_s : float
        Length in seconds.
    rate_hz : float
        Sampling rate in Hz.
    seed : int or Seed
        Simulation i draws from ``seed.child(i)``.

    Raises
    ------
    PriorError
        If a parameter but the exponent is not positive, or the pacing is above 1.

    Examples
    --------
    >>> paced_field([[2.0, 10.0, 4.0, 1.0, 7.0, 2.0, 0.2]], duration_s=2.0, seed=1).shape
    (1, 2000)
    """
    values = PACED_PRIOR.matrix(np.atleast_2d(np.asarray(theta, dtype=np.float64)))
    positives = np.delete(values, 3, axis=1)
    if not (np.isfinite(values).all() and (positives > 0).all() and (values[:, 6] <= 1).all()):
        raise PriorError(
            "theta: expected positive time constants, powers and rhythm, and a pacing up to 1, "
            f"got {positives.min():g} and {values[:, 6].max():g}"
        )
    n = round(positive("duration_s", duration_s, "of s") * positive("rate_hz", rate_hz, "of Hz"))
    root = as_seed(seed)
    series = [_one(row, n, rate_hz, root.child(i).generator()) for i, row in enumerate(values)]
    return np.asarray(series)


def _one(theta: Array, n: int, rate: float, rng: np.random.Generator) -> Array:
    tau_e, tau_i, ratio, exponent, rhythm, power, pacing = theta
    # Drawn twice as long and cut: what is filtered by its spectrum is periodic.
    size = 2 * n
    wander = _between(_WANDER, rng) * rng.standard_normal(size) / np.sqrt(rate)
    phase = 2 * np.pi * rhythm * np.arange(size) / rate + np.cumsum(wander)
    shift, best = 2 * np.pi * rng.random(2)
    harmonic = rng.uniform(*_HARMONIC)
    # A rhythm waxes and wanes within a few of its cycles.
    wave = np.cos(phase) + harmonic * np.cos(2 * phase + shift)
    wave *= np.exp(rng.uniform(*_WAXING) * _slow(size, rate, 1.0, rng))
    depth, length = rng.uniform(*_BURSTS), _between(_BURST_S, rng)
    strength = np.sqrt(1 + pacing * np.cos(phase - best))
    strength *= np.exp(depth * _slow(size, rate, length, rng))
    freqs = np.asarray(np.fft.rfftfreq(size, 1 / rate)[1:], dtype=np.float64)
    spectrum = np.zeros(len(freqs) + 1, dtype=np.complex128)
    for tau, share in ((tau_e, 1.0), (tau_i, ratio)):
        driven = np.fft.rfft(strength * rng.standard_normal(size))[1:]
        spectrum[1:] += np.sqrt(share) * synaptic_gain(freqs, tau) * driven
    spectrum[1:] *= freqs ** (-exponent / 2)
    field = np.fft.irfft(spectrum, size)
    out = (field / field.std() + np.sqrt(power) * wave / wave.std())[:n]
    return np.asarray((out - out.mean()) / out.std())


def _between(span: tuple[float, float], rng: np.random.Generator) -> float:
    low, high = span
    return float(low * (high / low) ** rng.random())


def _slow(n: int, rate: float, seconds: float, rng: np.random.Generator) -> Array:
    """Return an Ornstein–Uhlenbeck process of unit variance."""
    from scipy.signal import lfilter

    keep = np.exp(-1 / (seconds * rate))
    noise = np.sqrt(1 - keep**2) * rng.standard_normal(n)
    noise[0] = rng.standard_normal()
    return np.asarray(lfilter([1.0], [1.0, -keep], noise))


def paced_library(
    n_sims: int,
    *,
    duration_s: float = 10.0,
    rate_hz: float = 1000.0,
    prior: Prior | None = None,
    folder: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    n_workers: int | None = None,
    progress: bool = True,
    seed: SeedLike = None,
) -> SimulationLibrary:
    """Return a library of `paced_field`; see `simulate_library`.

    Parameters
    ----------
    n_sims : int
        How many simulations.
    duration_s : float
        Length of the signals in seconds; that of the recording's epochs.
    rate_hz : float
        Sampling rate in Hz.
    prior : Prior, optional
        Of the seven parameters; `PACED_PRIOR` if not given.
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
    prior = PACED_PRIOR if prior is None else prior
    if prior.names != PACED_PRIOR.names:
        raise PriorError(f"prior: expected the parameters {PACED_PRIOR.names}, got {prior.names}")
    return simulate_library(
        partial(paced_one, duration_s=duration_s, rate_hz=rate_hz),
        prior,
        n_sims,
        rate_hz=rate_hz,
        folder=folder,
        shard=shard,
        n_workers=n_workers,
        progress=progress,
        describe={"name": "paced_field", "duration_s": duration_s},
        seed=seed,
    )


def paced_one(theta: Array, seed: Seed, **options: float) -> dict[str, Any]:
    """Return one simulation as `simulate_library` takes it."""
    return {"lfp": paced_field(theta, seed=seed, **options)[0]}
