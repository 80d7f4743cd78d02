"""Linear response of neurons and networks, and the power spectra that follow.

The response of a leaky integrate-and-fire neuron in white noise to a small modulation solves the
Fokker–Planck equation at each frequency; it is integrated from the threshold down (Richardson
2007, Phys. Rev. E 76, 021919). Synaptic filtering enters by the shifted limits of `siegert` and the
filter ``1/(1 + iωτ_s)`` (Schuecker, Diesmann & Helias 2015). Networks follow by linear coupling of
the populations (Lindner, Doiron & Longtin 2005; Bos, Diesmann & Helias 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import LifnetError, warn_of_milliseconds
from neuroloom.lifnet._theory._mean_field import LIFMeanField, check_field
from neuroloom.lifnet._theory._siegert import SHIFT, siegert
from neuroloom.shared import checks

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_N_STEPS = 2000
_LARGE = 1e100
_SILENT = 1e-100  # Hz
_MOST_STEPS = 100_000


@dataclass(frozen=True, eq=False)
class Transfer:
    """How a neuron's rate follows small modulations of its input, per frequency.

    Parameters
    ----------
    by_mu : ndarray of complex, shape (n_frequencies,)
        Hz per unit of μ.
    by_variance : ndarray of complex, shape (n_frequencies,)
        Hz per unit of σ².
    spectrum : ndarray, shape (n_frequencies,)
        Power spectrum of the spike train in Hz.
    rate : float
        Stationary rate in Hz.
    """

    by_mu: Complex
    by_variance: Complex
    spectrum: Array
    rate: float


def transfer_function(
    frequencies: ArrayLike,
    mu: float,
    sigma: float,
    *,
    tau_membrane: float,
    threshold: float,
    reset_voltage: float = 0.0,
    tau_refractory: float = 0.0,
    tau_synaptic: float = 0.0,
    n_steps: int = _N_STEPS,
) -> Transfer:
    """Return the linear response of a leaky integrate-and-fire neuron.

    Parameters
    ----------
    frequencies : array_like, shape (n_frequencies,)
        In Hz.
    mu, sigma, tau_membrane, threshold, reset_voltage, tau_refractory, tau_synaptic : float
        As for `siegert`.
    n_steps : int
        Steps of the integration over voltage.

    Raises
    ------
    LifnetError
        If there is no noise, a number is impossible, or the frequencies are beyond what `n_steps`
        resolve.

    Notes
    -----
    A neuron that hardly ever fires, less than once in 10¹⁰⁰ s, responds to nothing.
    """
    omega = (
        2
        * np.pi
        * np.atleast_1d(
            checks.array("frequencies", frequencies, dtype=np.float64, error=LifnetError)
        )
    )
    if omega.ndim != 1:
        raise LifnetError(f"frequencies: expected one row in Hz, got shape {omega.shape}")
    _check_neuron(mu, sigma, tau_membrane, threshold, reset_voltage, tau_refractory, tau_synaptic)
    checks.whole("n_steps", n_steps, at_least=2, error=LifnetError)
    still = siegert(
        mu,
        sigma,
        tau_membrane=tau_membrane,
        threshold=threshold,
        reset_voltage=reset_voltage,
        tau_refractory=tau_refractory,
        tau_synaptic=tau_synaptic,
    )
    if still < _SILENT:  # what lies between reset and threshold is beyond the range of numbers
        none = np.zeros(len(omega), dtype=np.complex128)
        return Transfer(none, none.copy(), none.real.copy(), float(still))
    shift = sigma * SHIFT * np.sqrt(tau_synaptic / tau_membrane)
    top, reset = threshold + shift, reset_voltage + shift
    bottom = min(reset, mu) - 6.0 * sigma
    above = max(2, round(n_steps * (top - reset) / (top - bottom)))
    width = (top - reset) / above
    if (top - bottom) / width > _MOST_STEPS + n_steps:
        raise LifnetError(
            f"n_steps: expected enough for steps shorter than threshold - reset_voltage, "
            f"{top - reset:g} of {top - bottom:g} in all, got {n_steps}"
        )
    n_total = above + max(2, int((reset - bottom) / width))
    # Modulations reach as far from the threshold as diffusion and drift in a period: no less than
    # a step, or sqrt(h² + p) - h < 1 for the h and p of `_exact_step`.
    drift = width * abs(top - mu) / sigma**2
    fastest = (1 + 2 * drift) * sigma**2 / (4 * np.pi * tau_membrane * width**2)
    if (np.abs(omega) > 2 * np.pi * fastest).any():
        raise LifnetError(
            f"frequencies: expected at most {fastest:.3g} Hz, which {n_steps} steps of the "
            f"integration resolve, got {np.abs(omega).max() / (2 * np.pi):g} Hz"
        )
    iw = 1j * omega
    delay = np.exp(-iw * tau_refractory)
    flux0, density0 = 1.0, 0.0
    zero = np.zeros(len(omega), dtype=np.complex128)
    # Unit flux through the threshold, the same with reset, and the answers to modulations.
    state = {name: [zero.copy(), zero.copy()] for name in ("plain", "reset", "mu", "variance")}
    for name in ("plain", "reset"):
        state[name][0] += 1.0
    source = [zero.copy(), zero.copy()]
    # All of them grow without bound at high frequencies, and only their ratios matter.
    scale = np.ones(len(omega))
    area = 0.0
    for k in range(n_total):
        v = top - k * width
        middle = v - width / 2
        lean = 2 / sigma**2 * (middle - mu)
        grow = np.exp(width * lean)
        fill = width if abs(width * lean) < 1e-12 else np.expm1(width * lean) / lean
        density0_new = density0 * grow + 2 * tau_membrane / sigma**2 * flux0 * fill
        middle0 = (density0 + density0_new) / 2
        slope0 = 2 / sigma**2 * ((mu - middle) * middle0 - tau_membrane * flux0)
        sources = {"mu": -2 / sigma**2 * middle0, "variance": slope0 / sigma**2}
        step = _exact_step(width, lean, iw, 2 * tau_membrane / sigma**2)
        for name, pair in [*state.items(), ("source", source)]:
            flux, density = pair
            extra = sources.get(name, 0.0) * scale
            pair[0] = step[0] * flux + step[1] * density + step[4] * extra
            pair[1] = step[2] * flux + step[3] * density + step[5] * extra
        large = np.abs(state["plain"][0]) > _LARGE
        if large.any():
            smaller = np.where(large, 1 / _LARGE, 1.0)
            scale = scale * smaller
            for pair in [*state.values(), source]:
                pair[0], pair[1] = pair[0] * smaller, pair[1] * smaller
        area += width * middle0
        density0 = density0_new
        if k + 1 == above:
            flux0 = 0.0
            state["reset"][0] = state["reset"][0] - delay * scale
            source[0] = source[0] - scale
    rate = 1.0 / (tau_refractory + area)
    lower = {name: pair[0] for name, pair in state.items()}
    by_mu = -rate * lower["mu"] / lower["reset"]
    by_variance = -rate * lower["variance"] / lower["reset"]
    interval = -source[0] / lower["plain"] * delay
    with np.errstate(divide="ignore", invalid="ignore"):
        spectrum = rate * ((1 + interval) / (1 - interval)).real
    return Transfer(by_mu, by_variance, np.asarray(spectrum), float(rate))


def _exact_step(width: float, lean: float, iw: Any, pull: float) -> tuple[Any, ...]:
    """Return what takes flux and density over a step in which the drift is constant.

    Down from the threshold, ``flux' = iω density`` and ``density' = lean density + pull flux +
    source``. The solution by the two eigenvalues holds however steep the drift is beside the noise,
    where one by differences would spread what it carries.

    Returns
    -------
    tuple of ndarray, shape (n_frequencies,)
        Of the new flux by flux and density, of the new density by both, and of flux and density
        by the source.
    """
    half = width * lean / 2
    product: Any = width**2 * iw * pull
    root: Any = np.sqrt(half**2 + product + 0j)
    root = np.where(np.abs(root) < 1e-150, 1e-150, root)
    slow: Any
    fast: Any
    # One of half ± root loses its digits where the other is large.
    if half < 0:
        slow, fast = product / (root - half), half - root
    else:
        slow, fast = half + root, -product / (root + half)
    up, down = np.exp(slow), np.exp(fast)
    both = (up - down) / (2 * root)

    def mean(power: Any) -> Any:
        small = np.abs(power) < 1e-8
        return np.where(small, 1 + power / 2, np.expm1(power) / np.where(small, 1, power))

    return (
        (up * -fast + down * slow) / (2 * root),
        both * width * iw,
        both * width * pull,
        (up * slow - down * fast) / (2 * root),
        width**2 * iw * (mean(slow) - mean(fast)) / (2 * root),
        width * both,
    )


def _check_neuron(
    mu: float,
    sigma: float,
    tau_membrane: float,
    threshold: float,
    reset_voltage: float,
    tau_refractory: float,
    tau_synaptic: float,
) -> None:
    """Raise unless there is such a neuron."""
    checks.real("mu", mu, error=LifnetError)
    for name, value in (("sigma", sigma), ("tau_membrane", tau_membrane)):
        checks.real(name, value, above=0, error=LifnetError)
    for name, value in (("tau_refractory", tau_refractory), ("tau_synaptic", tau_synaptic)):
        checks.real(name, value, at_least=0, error=LifnetError)
    reset = checks.real("reset_voltage", reset_voltage, error=LifnetError)
    checks.real("threshold", threshold, above=reset, error=LifnetError)


def coupling(
    field: LIFMeanField, rates: ArrayLike, frequencies: ArrayLike, *, delay: float = 0.0
) -> tuple[Complex, Array]:
    """Return how populations drive each other at each frequency, and their own spectra.

    Parameters
    ----------
    field : LIFMeanField
        The mean field.
    rates : array_like, shape (n_pops,)
        A fixed point in Hz.
    frequencies : array_like, shape (n_frequencies,)
        In Hz, above 0.
    delay : float
        Delay of all synapses in seconds.

    Returns
    -------
    coupling : ndarray of complex, shape (n_frequencies, n_pops, n_pops)
        Change of the rate of a population by that of another; at frequency 0 it would be dΦ/dν.
    spectra : ndarray, shape (n_frequencies, n_pops)
        Power spectrum of one neuron of each population without modulations, in Hz.
    """
    check_field(field)
    f = np.atleast_1d(checks.array("frequencies", frequencies, error=LifnetError))
    if f.ndim != 1 or not f.size or (f <= 0).any():
        raise LifnetError("frequencies: expected finite values above 0 Hz")
    delay = checks.real("delay", delay, at_least=0, unit="s", error=LifnetError)
    warn_of_milliseconds("delay", delay, stacklevel=3)
    nu = field.checked_rates("rates", rates)
    e = field.equations
    mu, sigma = field.moments(nu)
    static = e.response(nu)
    omega = 2 * np.pi * f
    matrix = np.empty((len(f), e.n_pops, e.n_pops), dtype=np.complex128)
    spectra = np.empty((len(f), e.n_pops))
    known: dict[tuple[float, ...], tuple[Transfer, Transfer]] = {}
    for i in range(e.n_pops):
        key = tuple(
            round(float(x), 12)
            for x in (
                mu[i],
                sigma[i],
                e.tau_membrane[i],
                e.threshold[i],
                e.reset_voltage[i],
                e.tau_refractory[i],
                e.tau_synaptic[i],
            )
        )
        if key not in known:
            neuron: dict[str, Any] = dict(
                zip(
                    (
                        "tau_membrane",
                        "threshold",
                        "reset_voltage",
                        "tau_refractory",
                        "tau_synaptic",
                    ),
                    key[2:],
                    strict=True,
                )
            )
            known[key] = (
                transfer_function(f, key[0], key[1], **neuron),
                transfer_function(1e-3, key[0], key[1], **neuron),
            )
        moving, still = known[key]
        # Shifted limits move with σ, which the static derivative contains.
        by_variance = static.by_sigma[i] / (2 * sigma[i])
        to_mu = static.by_mu[i] * _relative(moving.by_mu, still.by_mu.real)
        to_variance = by_variance * _relative(moving.by_variance, still.by_variance.real)
        synapse = np.exp(-1j * omega * delay) / (1 + 1j * omega * e.tau_synaptic[i])
        matrix[:, i] = synapse[:, None] * (
            to_mu[:, None] * e.mean[i] + to_variance[:, None] * e.variance[i]
        )
        spectra[:, i] = moving.spectrum
    return matrix, spectra


def _relative(moving: Complex, still: Array) -> Complex:
    """Return responses beside the one at rest; 0 where a neuron does not respond at all."""
    return np.divide(moving, still, out=np.zeros_like(moving), where=still != 0)


def power_spectrum(
    field: LIFMeanField,
    rates: ArrayLike,
    frequencies: ArrayLike,
    sizes: ArrayLike,
    *,
    delay: float = 0.0,
) -> Complex:
    """Return the cross-spectra of the populations' rates around a fixed point.

    Of first order in √(τ_s/τ_m), as the transfer function: synapses of a quarter of the membrane
    time respond faster than it says, and spectra can be off by a factor of two above 100 Hz.

    Parameters
    ----------
    field : LIFMeanField
        The mean field.
    rates : array_like, shape (n_pops,)
        A stable fixed point in Hz.
    frequencies : array_like, shape (n_frequencies,)
        In Hz, above 0.
    sizes : array_like, shape (n_pops,)
        Neurons of each population.
    delay : float
        Delay of all synapses in seconds.

    Returns
    -------
    ndarray of complex, shape (n_frequencies, n_pops, n_pops)
        Two-sided, in Hz: N independent Poisson neurons of rate ν have ν/N. The diagonal holds the
        power spectra. NaN for populations without neurons.

    Raises
    ------
    LifnetError
        If `rates` is no stable fixed point, or a number is out of range.
    """
    check_field(field)
    n = field.checked_sizes("sizes", sizes)
    nu = field.checked_rates("rates", rates)
    field.check_fixed("rates", nu)
    label, _ = field.determine_stability(nu)
    if not label.startswith("stable"):
        raise LifnetError(f"rates: expected a stable fixed point, got a {label}")
    matrix, spectra = coupling(field, nu, frequencies, delay=delay)
    own = np.divide(spectra, n, out=np.zeros_like(spectra), where=n > 0)
    propagate = np.linalg.inv(np.eye(field.n_pops) - matrix)
    result = np.einsum("fij,fj,fkj->fik", propagate, own, propagate.conj())
    result[:, n == 0, :] = result[:, :, n == 0] = np.nan
    return np.asarray(result)
