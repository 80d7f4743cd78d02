"""Aperiodic exponents of many spectra at once.

The model is specparam's (Donoghue et al. 2020, Nat Neurosci 23:1655): log10 P(f) = offset −
exponent · log10 f + peaks. Where only the exponent is wanted, a line that is robust against peaks
does for thousands of spectra what fitting the peaks does for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.family import Family
from neuroloom.circuit_inference._features.series import positive, rising
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    SeriesTooShortError,
    ShapeError,
    unknown,
)
from neuroloom.shared.checks import flag

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AperiodicFit:
    """Offsets and exponents of many spectra.

    Attributes
    ----------
    offset : ndarray, shape (n_spectra,)
        log10 power at 1 Hz.
    exponent : ndarray, shape (n_spectra,)
        Slope of the fall-off, positive where power falls with frequency.
    r_squared : ndarray, shape (n_spectra,)
        Of the line, over all frequencies fitted.
    """

    offset: Array
    exponent: Array
    r_squared: Array


def fit_aperiodic(
    freqs: ArrayLike,
    power: ArrayLike,
    *,
    freq_range: tuple[float, float] = (1.0, 45.0),
    peaks: Literal["leave-out", "ignore"] = "leave-out",
    n_iterations: int = 20,
) -> AperiodicFit:
    """Return offset and exponent of each spectrum.

    Parameters
    ----------
    freqs : array_like, shape (n_freqs,)
        Frequencies in Hz, rising.
    power : array_like, shape (n_spectra, n_freqs) or (n_freqs,)
        Power, positive in the range.
    freq_range : tuple of float
        First and last frequency used, in Hz.
    peaks : {"leave-out", "ignore"}
        Points more than three (robust) standard deviations above the line are left out, again
        and again until they stay the same, so that oscillations do not pull it up; or plain
        least squares.
    n_iterations : int
        Most rounds of leaving out.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    SeriesTooShortError
        If fewer than 5 frequencies lie in the range.
    ArgumentError
        If the range is not two rising frequencies within the spectrum, or power is not positive
        and finite in it.

    Examples
    --------
    >>> freqs = np.arange(1.0, 101.0)
    >>> fit = fit_aperiodic(freqs, 10 * freqs**-1.5)
    >>> round(float(fit.exponent[0]), 6), round(float(fit.offset[0]), 6)
    (1.5, 1.0)
    """
    if peaks not in ("leave-out", "ignore"):
        raise unknown("peaks", peaks, ["leave-out", "ignore"])
    f, p = in_range(freqs, np.atleast_2d(np.asarray(power, dtype=np.float64)), freq_range, 5)
    x, y = np.log10(f), np.log10(p)
    cut = np.inf if peaks == "ignore" else 3.0
    slope, offset = np.empty(len(y)), np.empty(len(y))
    from neuroloom.circuit_inference._features.robust_line import robust_lines

    robust_lines(x, y, cut, n_iterations, slope, offset)
    rest = y - (offset[:, None] + slope[:, None] * x)
    total = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    r_squared = 1 - (rest**2).sum(axis=1) / np.maximum(total, 1e-300)
    return AperiodicFit(offset, -slope, r_squared)


def in_range(
    freqs: ArrayLike, power: Array, freq_range: tuple[float, float], least: int
) -> tuple[Array, Array]:
    """Return the frequencies of a range and the powers there, checked.

    Parameters
    ----------
    freqs : array_like, shape (n_freqs,)
        In Hz.
    power : ndarray, shape (n_spectra, n_freqs)
        Power.
    freq_range : tuple of float
        First and last frequency used, in Hz.
    least : int
        Frequencies that must lie in it.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    SeriesTooShortError
        If too few frequencies lie in the range.
    ArgumentError
        If the range is not two rising frequencies, the spectrum does not reach its ends, or power
        is not positive and finite in it.
    """
    f = np.asarray(freqs, dtype=np.float64)
    if f.ndim != 1 or power.ndim != 2 or power.shape[1] != f.size:
        raise ShapeError(
            f"power: expected shape (n_spectra, {f.size}) for freqs of shape {f.shape}, "
            f"got {power.shape}"
        )
    low, high = rising("freq_range", freq_range)
    used = (f >= low) & (f <= high)
    if used.sum() < least:
        raise SeriesTooShortError(
            f"freq_range: expected at least {least} frequencies in {low:g} to {high:g} Hz, "
            f"got {int(used.sum())}",
            needed=least,
            got=int(used.sum()),
        )
    step = np.ptp(f) / (f.size - 1)
    if low < f.min() - step or high > f.max() + step:
        raise ArgumentError(
            f"freq_range: expected a range within the spectrum, {f.min():g} to {f.max():g} Hz, "
            f"got {low:g} to {high:g}"
        )
    inside = power[:, used]
    if not (np.isfinite(inside) & (inside > 0)).all():
        raise ArgumentError(
            "power: expected positive, finite values in the range, got some that are not"
        )
    return f[used], inside


def welch_spectra(
    series: Array, rate: float, *, window_s: float = 2.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequencies (Hz) and power densities, shape (n_series, n_freqs).

    Parameters
    ----------
    series : ndarray, shape (n_series, n_times)
    rate : float
        Sampling rate in Hz.
    window_s : float
        Length of Welch's Hann windows in seconds, at most the series.
    """
    from scipy.signal import welch

    n = min(series.shape[1], max(8, round(window_s * rate)))
    freqs, power = welch(series, rate, nperseg=n, axis=-1)
    return freqs, power


@dataclass(frozen=True)
class Aperiodic(Family):
    """Exponent and offset of the spectrum's aperiodic part.

    Parameters
    ----------
    freq_range : tuple of float
        In Hz.
    window_s : float
        Welch window in seconds.
    offset : bool
        Keep the offset too; it follows the gain of the recording.
    """

    freq_range: tuple[float, float] = (2.0, 40.0)
    window_s: float = 2.0
    offset: bool = False
    kind: ClassVar[str] = "aperiodic"
    needs_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "freq_range", rising("freq_range", self.freq_range))
        object.__setattr__(self, "window_s", positive("window_s", self.window_s, "of seconds"))
        flag("offset", self.offset, error=ArgumentError)

    @property
    def amplitude(self) -> bool:  # type: ignore[override]
        """Whether the offset is kept."""
        return self.offset

    @property
    def highest_hz(self) -> float:
        """Upper end of the frequencies looked at, in Hz."""
        return float(self.freq_range[1])

    @property
    def names(self) -> tuple[str, ...]:
        """Return ``aperiodic:exponent`` with its range, and the offset where it is kept."""
        low, high = self.freq_range
        span = f"{low:g}-{high:g}Hz"
        return tuple(
            f"aperiodic:{name}@{span}"
            for name in (("exponent", "offset") if self.offset else ("exponent",))
        )

    def minimum(self, rate: float | None) -> int:
        """Return half a window.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return int(np.ceil(0.5 * self.window_s * (rate or 1.0)))

    def compute(self, series: Array, rate: float | None, n_workers: int) -> Array:
        """Return the exponents (and offsets).

        Parameters
        ----------
        series : ndarray, shape (n_series, n_times)
            Series of one length.
        rate : float, optional
            Sampling rate in Hz.
        n_workers : int, optional
            Workers, as for `simulate_library`.
        """
        assert rate is not None
        return self.of_spectra(*welch_spectra(series, rate, window_s=self.window_s))

    def of_spectra(self, freqs: Array, power: Array) -> Array:
        """Return the exponents (and offsets) of power spectra.

        Parameters
        ----------
        freqs : ndarray, shape (n_freqs,)
            Frequencies in Hz.
        power : ndarray, shape (n_spectra, n_freqs)
            Power densities.
        """
        fit = fit_aperiodic(freqs, power, freq_range=self.freq_range)
        return np.column_stack([fit.exponent, fit.offset] if self.offset else [fit.exponent])


@dataclass(frozen=True)
class BandPower(Family):
    """log10 power in frequency bands, of the whole power in them or absolute.

    Parameters
    ----------
    bands : sequence of (float, float)
        Low and high edge of each band in Hz.
    relative : bool
        Shares of the bands' total; absolute powers follow the gain of the recording.
    window_s : float
        Welch window in seconds.
    """

    bands: tuple[tuple[float, float], ...] = ((1, 4), (4, 8), (8, 13), (13, 30), (30, 45))
    relative: bool = True
    window_s: float = 2.0
    kind: ClassVar[str] = "band_power"
    needs_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        bands = tuple(rising("bands", band, zero=True) for band in self.bands)
        if not bands:
            raise ArgumentError("bands: expected at least one band in Hz, got none")
        object.__setattr__(self, "bands", bands)
        object.__setattr__(self, "window_s", positive("window_s", self.window_s, "of seconds"))
        flag("relative", self.relative, error=ArgumentError)

    @property
    def amplitude(self) -> bool:  # type: ignore[override]
        """Whether powers are absolute."""
        return not self.relative

    @property
    def highest_hz(self) -> float:
        """Upper end of the frequencies looked at, in Hz."""
        return float(max(high for _, high in self.bands))

    @property
    def names(self) -> tuple[str, ...]:
        """Return ``power:1-4Hz``, …, marked relative or absolute."""
        how = "relative" if self.relative else "absolute"
        return tuple(f"{how}_power:{low:g}-{high:g}Hz" for low, high in self.bands)

    def minimum(self, rate: float | None) -> int:
        """Return half a window.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return int(np.ceil(0.5 * self.window_s * (rate or 1.0)))

    def compute(self, series: Array, rate: float | None, n_workers: int) -> Array:
        """Return the powers, shape (n_series, n_bands).

        Parameters
        ----------
        series : ndarray, shape (n_series, n_times)
            Series of one length.
        rate : float, optional
            Sampling rate in Hz.
        n_workers : int, optional
            Workers, as for `simulate_library`.
        """
        assert rate is not None
        top = max(high for _, high in self.bands)
        if top > rate / 2:
            raise ArgumentError(
                f"bands: expected bands below half the rate ({rate / 2:g} Hz), got {top:g} Hz"
            )
        return self.of_spectra(*welch_spectra(series, rate, window_s=self.window_s))

    def of_spectra(self, freqs: Array, power: Array) -> Array:
        """Return the powers of power spectra, shape (n_spectra, n_bands).

        Parameters
        ----------
        freqs : ndarray, shape (n_freqs,)
            Frequencies in Hz, at equal steps.
        power : ndarray, shape (n_spectra, n_freqs)
            Power densities.
        """
        width = freqs[1] - freqs[0]
        sums = []
        for low, high in self.bands:
            if freqs[0] > low + 1.001 * width:
                raise ArgumentError(
                    f"bands: expected bands within the spectrum, which begins at {freqs[0]:g} Hz, "
                    f"got {low:g} to {high:g} Hz"
                )
            inside = (freqs >= low) & (freqs < high)
            if not inside.any():
                raise ArgumentError(
                    f"window_s: expected windows that resolve {low:g} to {high:g} Hz, "
                    f"got bins of {width:g} Hz"
                )
            sums.append(power[:, inside].sum(axis=1) * width)
        bands = np.column_stack(sums)
        if self.relative:
            bands = bands / bands.sum(axis=1, keepdims=True)
        return np.asarray(np.log10(np.maximum(bands, 1e-300)))
