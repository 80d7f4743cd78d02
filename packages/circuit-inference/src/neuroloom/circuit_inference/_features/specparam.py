"""Spectral parameterisation with peaks, through the specparam library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.aperiodic import welch_spectra
from neuroloom.circuit_inference._features.family import Family
from neuroloom.circuit_inference._features.series import positive, rising
from neuroloom.circuit_inference.errors import ArgumentError, SeriesTooShortError, unknown
from neuroloom.shared import require
from neuroloom.shared.checks import whole

_EXTRA = "neuroloom-circuit-inference[specparam]"
_SELECT = ("max_pw", "max_cf_in_range", "all")


@dataclass(frozen=True, eq=False)
class SpectralFit:
    """Aperiodic part and peaks of one spectrum.

    Attributes
    ----------
    aperiodic_params : ndarray
        Offset and exponent; offset, knee and exponent with a knee.
    peaks : ndarray, shape (n_peaks, 3)
        Centre frequency (Hz), power above the aperiodic part (log10), bandwidth (Hz); those
        that `select_peak` keeps.
    r_squared : float
    valid : bool
        Whether R² reaches the threshold and the exponent is positive.
    """

    aperiodic_params: NDArray[np.float64]
    peaks: NDArray[np.float64]
    r_squared: float
    valid: bool

    @property
    def exponent(self) -> float:
        """The aperiodic exponent."""
        return float(self.aperiodic_params[-1])


def fit_spectrum(
    freqs: ArrayLike,
    power: ArrayLike,
    *,
    freq_range: tuple[float, float] = (1.0, 45.0),
    aperiodic_mode: Literal["fixed", "knee"] = "fixed",
    peak_width_limits: tuple[float, float] | None = None,
    max_n_peaks: int | None = None,
    min_peak_height: float = 0.0,
    peak_threshold: float = 2.0,
    select_peak: Literal["max_pw", "max_cf_in_range", "all"] = "all",
    peak_range: tuple[float, float] | None = None,
    r_squared_threshold: float = 0.0,
) -> SpectralFit:
    """Return the aperiodic part and the peaks of a spectrum, fitted by specparam.

    Parameters
    ----------
    freqs, power : array_like, shape (n_freqs,)
        Frequencies (Hz) and power; bins that are not finite or not positive are left out.
    freq_range : tuple of float
        In Hz; clipped to `freqs`.
    aperiodic_mode : {"fixed", "knee"}
    peak_width_limits : tuple of float, optional
        In Hz. If not given, from twice the frequency resolution to 12 Hz.
    max_n_peaks : int, optional
        All that are found if not given.
    min_peak_height, peak_threshold : float
        Height (log10 power) and standard deviations that a peak must reach. A noise-free
        spectrum has no standard deviation to speak of: peaks under 1e-6 are never kept.
    select_peak : {"all", "max_pw", "max_cf_in_range"}
        All peaks, the one of most power, or the highest frequency in `peak_range`.
    peak_range : tuple of float, optional
        Only peaks in this range, in Hz.
    r_squared_threshold : float
        Fits below are not `valid`.

    Raises
    ------
    MissingDependencyError
        If specparam is not installed.
    SeriesTooShortError
        If fewer than 5 bins are left.
    """
    if select_peak not in _SELECT:
        raise unknown("select_peak", select_peak, _SELECT)
    specparam = require("specparam", extra=_EXTRA)
    f = np.asarray(freqs, dtype=np.float64)
    p = np.asarray(power, dtype=np.float64)
    if f.shape != p.shape or f.ndim != 1:
        raise ArgumentError(f"power: expected the shape of freqs {f.shape}, got {p.shape}")
    good = np.isfinite(p) & (p > 0) & (f > 0) & (f >= freq_range[0]) & (f <= freq_range[1])
    f, p = f[good], p[good]
    if f.size < 5:
        raise SeriesTooShortError(
            f"power: expected at least 5 usable bins in {freq_range} Hz, got {f.size}",
            needed=5,
            got=int(f.size),
        )
    resolution = float(np.median(np.diff(f)))
    model: Any = specparam.SpectralModel(
        aperiodic_mode=aperiodic_mode,
        peak_width_limits=peak_width_limits or (2 * resolution, max(12.0, 4 * resolution)),
        max_n_peaks=np.inf if max_n_peaks is None else max_n_peaks,
        min_peak_height=max(min_peak_height, 1e-6),
        peak_threshold=peak_threshold,
        verbose=False,
    )
    model.fit(f, p)
    aperiodic = np.asarray(model.get_params("aperiodic"), dtype=np.float64)
    found = model.get_params("peak")
    peaks = np.atleast_2d(np.asarray(found, dtype=np.float64))
    peaks = peaks[np.isfinite(peaks).all(axis=1)] if peaks.size else np.empty((0, 3))
    if peak_range is not None:
        peaks = peaks[(peaks[:, 0] >= peak_range[0]) & (peaks[:, 0] <= peak_range[1])]
    if len(peaks) and select_peak == "max_pw":
        peaks = peaks[[int(peaks[:, 1].argmax())]]
    elif len(peaks) and select_peak == "max_cf_in_range":
        peaks = peaks[[int(peaks[:, 0].argmax())]]
    r_squared = float(model.get_metrics("gof", "rsquared"))
    valid = bool(np.isfinite(r_squared) and r_squared >= r_squared_threshold and aperiodic[-1] > 0)
    return SpectralFit(aperiodic, peaks, r_squared, valid)


@dataclass(frozen=True)
class SpectralPeaks(Family):
    """Aperiodic exponent and strongest peak by specparam; NaN where there is no peak.

    Parameters
    ----------
    freq_range, peak_range : tuple of float
        Frequencies fitted, and those in which the peak is looked for, in Hz.
    window_s : float
        Welch window in seconds.
    max_n_peaks : int
    no_peak : float
        What stands for frequency, power and width where no peak is found.
    """

    freq_range: tuple[float, float] = (2.0, 40.0)
    peak_range: tuple[float, float] = (4.0, 40.0)
    window_s: float = 2.0
    max_n_peaks: int = 5
    no_peak: float = 0.0
    kind: ClassVar[str] = "specparam"
    needs_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("freq_range", "peak_range"):
            object.__setattr__(self, name, rising(name, getattr(self, name)))
        object.__setattr__(self, "window_s", positive("window_s", self.window_s, "of seconds"))
        object.__setattr__(self, "no_peak", float(self.no_peak))
        whole("max_n_peaks", self.max_n_peaks, at_least=0, error=ArgumentError)

    @property
    def highest_hz(self) -> float:
        """Upper end of the frequencies looked at, in Hz."""
        return float(self.freq_range[1])

    @property
    def names(self) -> tuple[str, ...]:
        """Return exponent, peak frequency, power and width."""
        return tuple(
            f"specparam:{name}"
            for name in ("exponent", "peak_frequency", "peak_power", "peak_bandwidth")
        )

    def minimum(self, rate: float | None) -> int:
        """Return one window."""
        return int(np.ceil(self.window_s * (rate or 1.0)))

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the four values of each series."""
        assert rate is not None
        freqs, power = welch_spectra(series, rate, window_s=self.window_s)
        out = np.empty((len(series), 4))
        for i, spectrum in enumerate(power):
            fit = fit_spectrum(
                freqs,
                spectrum,
                freq_range=self.freq_range,
                max_n_peaks=self.max_n_peaks,
                select_peak="max_pw",
                peak_range=self.peak_range,
            )
            peak = fit.peaks[0] if len(fit.peaks) else np.full(3, self.no_peak)
            out[i] = [fit.exponent, *peak]
        return out
