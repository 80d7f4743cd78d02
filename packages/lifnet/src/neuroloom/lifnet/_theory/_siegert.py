"""The stationary rate of a leaky integrate-and-fire neuron in noise, and its derivatives.

``τ dV = (μ − V) dt + σ √τ dW`` fires at (Siegert 1951; Brunel 2000, eq. 21)

    1/ν = τ_ref + τ √π ∫_a^c e^{u²} (1 + erf u) du,
    a = (V_r − μ)/σ + b,  c = (θ − μ)/σ + b,  b = |ζ(½)|/√2 · √(τ_s/τ),

where the shift b is the correction for synapses of time constant τ_s (Brunel & Sergi 1998;
Fourcaud & Brunel 2002, eq. 4.14). With ``e^{u²}(1 + erf u) = erfcx(−u)`` the integral is

* below zero, ``∫ erfcx``: Gauss–Legendre on ``log1p u`` up to 10, an asymptotic series beyond;
* above zero, ``2 e^{u²} D(u) − ∫ erfcx`` with Dawson's integral D, or, for short stretches, where
  that difference would cancel, Gauss–Legendre on the integrand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import LifnetError
from neuroloom.shared import checks

Array = NDArray[np.float64]

SHIFT = 1.4603545088095868 / np.sqrt(2.0)
"""|ζ(1/2)|/√2, the shift of both limits for τ_s = τ."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_FAR = 10.0
_SHORT = 0.5
_OVERFLOW = 26.6  # exp(26.6²) is the largest square that a double holds
_TERMS = tuple(
    float((-1) ** n * np.prod(np.arange(1, 2 * n, 2, dtype=float)) / (2.0**n * 2 * n))
    for n in range(1, 13)
)


class Response(NamedTuple):
    """Rate in Hz and its derivatives by mean and noise of the input."""

    rate: Array
    by_mu: Array
    by_sigma: Array


def siegert(
    mu: ArrayLike,
    sigma: ArrayLike,
    *,
    tau_membrane: ArrayLike,
    threshold: ArrayLike,
    reset_voltage: ArrayLike = 0.0,
    tau_refractory: ArrayLike = 0.0,
    tau_synaptic: ArrayLike = 0.0,
) -> Array:
    """Return stationary firing rates in Hz, of the broadcast shape of all arguments.

    Parameters
    ----------
    mu, sigma : array_like
        Mean and noise amplitude of the input: ``τ dV = (μ − V) dt + σ √τ dW``, so that free
        voltage has variance σ²/2.
    tau_membrane, tau_refractory, tau_synaptic : array_like
        Time constants in seconds.
    threshold, reset_voltage : array_like
        In units of `mu`.

    Raises
    ------
    LifnetError
        If a value is not finite, `sigma` is negative, a time constant is not positive, or the
        threshold is not above the reset.

    Examples
    --------
    >>> rate = siegert(20.0, 5.0, tau_membrane=0.02, threshold=20.0, reset_voltage=10.0,
    ...                tau_refractory=0.002)
    >>> round(float(rate), 3)
    27.341
    """
    values = [mu, sigma, tau_membrane, threshold, reset_voltage, tau_refractory, tau_synaptic]
    names = "mu sigma tau_membrane threshold reset_voltage tau_refractory tau_synaptic".split()
    numbers = [
        checks.array(name, v, dtype=np.float64, error=LifnetError)
        for name, v in zip(names, values, strict=True)
    ]
    try:
        arrays = np.broadcast_arrays(*numbers)
    except ValueError as error:
        shapes = ", ".join(f"{name} {v.shape}" for name, v in zip(names, numbers, strict=True))
        raise LifnetError(f"mu: expected shapes that fit together, got {shapes}") from error
    mu_, sigma_, tau, theta, reset, tau_ref, tau_s = arrays
    for name, array in (("sigma", sigma_), ("tau_refractory", tau_ref), ("tau_synaptic", tau_s)):
        if (array < 0).any():
            raise LifnetError(f"{name}: expected values of at least 0, got {array.min():g}")
    if (tau <= 0).any():
        raise LifnetError(f"tau_membrane: expected positive values, got {tau.min():g}")
    if (theta <= reset).any():
        raise LifnetError("threshold: expected values above reset_voltage")
    return response(mu_, sigma_, tau, theta, reset, tau_ref, SHIFT * np.sqrt(tau_s / tau)).rate


def response(
    mu: Array, sigma: Array, tau: Array, theta: Array, reset: Array, tau_ref: Array, shift: Array
) -> Response:
    """Return rates and derivatives for arrays of one shape; nothing is checked."""
    from scipy.special import erfcx

    mu, sigma, tau, theta, reset, tau_ref, shift = np.broadcast_arrays(
        mu, sigma, tau, theta, reset, tau_ref, shift
    )
    quiet = sigma <= 0
    s = np.where(quiet, 1.0, sigma)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        a, c = (reset - mu) / s + shift, (theta - mu) / s + shift
        rate = 1.0 / (tau_ref + tau * np.sqrt(np.pi) * _integral(a, c))
        # e^{c²}(1 + erf c) overflows only where the rate and its derivatives vanish.
        low = np.where(a < _OVERFLOW, erfcx(-np.minimum(a, _OVERFLOW)), 0.0)
        high = np.where(c < _OVERFLOW, erfcx(-np.minimum(c, _OVERFLOW)), 0.0)
        factor = rate * tau * np.sqrt(np.pi) / s
        by_mu = factor * (rate * high - rate * low)
        by_sigma = factor * (rate * high * (c - shift) - rate * low * (a - shift))
        if quiet.any():
            still = _noiseless(mu, tau, theta, reset, tau_ref)
            rate, by_mu, by_sigma = (
                np.where(quiet, x, y) for x, y in zip(still, (rate, by_mu, by_sigma), strict=True)
            )
    return Response(rate, by_mu, by_sigma)


def _noiseless(mu: Array, tau: Array, theta: Array, reset: Array, tau_ref: Array) -> Response:
    drive = np.where(mu > theta, mu, theta + 1.0)
    rate = 1.0 / (tau_ref + tau * np.log((drive - reset) / (drive - theta)))
    slope = rate**2 * tau * (1.0 / (drive - theta) - 1.0 / (drive - reset))
    fires = mu > theta
    return Response(np.where(fires, rate, 0.0), np.where(fires, slope, 0.0), np.zeros_like(rate))


def _integral(a: Array, c: Array) -> Array:
    """Return ∫_a^c e^{u²}(1 + erf u) du; infinity where it overflows."""
    from scipy.special import dawsn, erfcx

    below = _erfcx_integral(np.maximum(-c, 0.0), np.maximum(-a, 0.0))
    start, stop = np.maximum(a, 0.0), np.clip(c, 0.0, _OVERFLOW)
    start = np.minimum(start, stop)
    half, middle = (stop - start) / 2, (stop + start) / 2
    # Both forms are evaluated for all: there are few populations and many calls.
    short = np.where(stop - start < _SHORT, half, 0.0)
    direct = short * (erfcx(-(middle[..., None] + short[..., None] * _NODES)) @ _WEIGHTS)
    whole = 2.0 * (
        np.exp(stop**2) * dawsn(stop) - np.exp(start**2) * dawsn(start)
    ) - _erfcx_integral(start, stop)
    above = np.where(stop - start < _SHORT, direct, whole)
    return np.asarray(np.where(c >= _OVERFLOW, np.inf, below + above))


def _erfcx_integral(start: Array, stop: Array) -> Array:
    """Return ∫ erfcx from `start` to `stop`, both at least 0."""
    from scipy.special import erfcx

    near = np.log1p(np.minimum(start, _FAR)), np.log1p(np.minimum(stop, _FAR))
    half, middle = (near[1] - near[0]) / 2, (near[1] + near[0]) / 2
    where = middle[..., None] + half[..., None] * _NODES
    inner = half * ((erfcx(np.expm1(where)) * np.exp(where)) @ _WEIGHTS)
    first, last = np.maximum(start, _FAR), np.maximum(stop, _FAR)
    if not (last > _FAR).any():
        return np.asarray(inner)
    outer = np.log1p((last - first) / first)
    for n, term in enumerate(_TERMS, start=1):
        outer -= term * (last ** (-2.0 * n) - first ** (-2.0 * n))
    return np.asarray(inner + outer / np.sqrt(np.pi))
