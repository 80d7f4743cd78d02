"""The knee of a spectrum and the timescale behind it.

An activity that decays with time constant τ has a Lorentzian spectrum, flat below the knee
frequency 1/(2πτ) and falling above it (Gao, van den Brink, Pfeffer & Voytek 2020, eLife 9:e61277).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.aperiodic import in_range
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError
from neuroloom.shared.checks import flag

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KneeFit:
    """A spectrum ``10^offset / (knee + f^exponent) + constant``.

    Attributes
    ----------
    offset : float
        log10 of the power scale.
    knee, exponent : float
    constant : float
        Floor of white noise in units of power; 0 without one.
    knee_hz : float
        ``knee^(1 / exponent)``, NaN where there is no knee in the range.
    timescale_s : float
        ``1 / (2π knee_hz)`` in seconds, NaN where there is no knee in the range.
    r_squared : float
        Of the logarithm of the power.
    """

    offset: float
    knee: float
    exponent: float
    constant: float
    knee_hz: float
    timescale_s: float
    r_squared: float


def fit_knee(
    freqs: ArrayLike,
    power: ArrayLike,
    *,
    freq_range: tuple[float, float] = (1.0, 100.0),
    constant: bool = False,
) -> KneeFit:
    """Return the knee and the timescale of one spectrum.

    Parameters
    ----------
    freqs : array_like, shape (n_freqs,)
        Frequencies in Hz, rising.
    power : array_like, shape (n_freqs,)
        Power, positive in the range.
    freq_range : tuple of float
        First and last frequency used, in Hz.
    constant : bool
        Fit a floor of white noise too.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    SeriesTooShortError
        If fewer than 8 frequencies lie in the range.
    ArgumentError
        If the range is not two rising frequencies within the spectrum, or power is not positive
        and finite in it.

    Notes
    -----
    Robust least squares (soft L1) of the logarithm of the power, so that peaks pull little, from
    several starts.

    Examples
    --------
    >>> freqs = np.arange(1.0, 201.0)
    >>> fit = fit_knee(freqs, 1 / (1 + (freqs / 20) ** 2), freq_range=(1, 200))
    >>> round(fit.knee_hz, 2), round(1e3 * fit.timescale_s, 2)
    (20.0, 7.96)
    """
    p = np.asarray(power, dtype=np.float64)
    if p.ndim != 1:
        raise ShapeError(f"power: expected one spectrum, shape (n_freqs,), got {p.shape}")
    flag("constant", constant, error=ArgumentError)
    f, (p,) = in_range(freqs, p[None], freq_range, 8)
    best = _best(f, np.log10(p), constant)
    y, rest = np.log10(p), np.log10(p) - _log_power(best, f, constant)
    height, log_knee, exponent = (float(x) for x in best[:3])
    knee_hz = 10**log_knee
    # A knee outside what was measured is none: the spectrum is a power law, or flat.
    seen = f[0] <= knee_hz <= f[-1] and exponent > 0.05
    return KneeFit(
        offset=height + exponent * log_knee,
        knee=knee_hz**exponent,
        exponent=exponent,
        constant=float(10 ** best[3]) if constant else 0.0,
        knee_hz=knee_hz if seen else float("nan"),
        timescale_s=1 / (2 * np.pi * knee_hz) if seen else float("nan"),
        r_squared=float(1 - (rest**2).sum() / max(((y - y.mean()) ** 2).sum(), 1e-300)),
    )


def _log_power(v: Array, f: Array, constant: bool) -> Array:
    """Return log10 of the power of (height at the knee frequency, log10 of it, exponent, floor)."""
    # The knee by its frequency and the floor by its logarithm: both stay positive.
    height = v[0] + v[2] * v[1] - np.log10(10 ** (v[1] * v[2]) + f ** v[2])
    if not constant:
        return np.asarray(height)
    return np.asarray(np.logaddexp(np.log(10) * height, np.log(10) * v[3]) / np.log(10))


def _best(f: Array, y: Array, constant: bool) -> Array:
    """Return the parameters of `_log_power` that come closest from five starts."""
    from scipy.optimize import least_squares

    low = [-np.inf, np.log10(f[0]) - 2, 0.0, -np.inf][: 4 if constant else 3]
    high = [np.inf, np.log10(f[-1]) + 1, 8.0, np.inf][: 4 if constant else 3]
    fits = [
        least_squares(
            lambda v: _log_power(v, f, constant) - y,
            [y[:3].mean(), start, 2.0, y.min() - 0.5][: 4 if constant else 3],
            bounds=(low, high),
            loss="soft_l1",
            f_scale=0.1,
        )
        for start in np.linspace(np.log10(f[0]), np.log10(f[-1]), 5)
    ]
    return np.asarray(min(fits, key=lambda fit: fit.cost).x)
