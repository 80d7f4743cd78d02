"""Detrended fluctuation analysis and the functional excitation-inhibition ratio.

DFA: Linkenkaer-Hansen et al. (2001) J Neurosci 21:1370. fEI: Bruining et al. (2020) Sci Rep
10:9195, figure 2D. fEI is the subject of a patent claim (PCT/NL2019/050167): check before
commercial use. Both are written from the papers' formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.family import Family
from neuroloom.circuit_inference._features.series import one_series, positive, rising
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ConstantSeriesError,
    SeriesTooShortError,
)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DFAResult:
    """Scaling of the fluctuations with the window.

    Attributes
    ----------
    exponent, intercept : float
        Slope and offset of log10 F against log10 window (samples) inside the fit interval.
    window_sizes : ndarray of int
        Windows in samples.
    fluctuations : ndarray
        F of each window.
    """

    exponent: float
    intercept: float
    window_sizes: NDArray[np.int64]
    fluctuations: Array


def dfa(
    envelope: ArrayLike,
    rate: float,
    *,
    fit_interval: tuple[float, float],
    compute_interval: tuple[float, float] | None = None,
    overlap: float = 0.5,
) -> DFAResult:
    """Return the detrended fluctuation analysis of an amplitude envelope.

    Parameters
    ----------
    envelope : array_like, shape (n_times,)
        Amplitude envelope (or any series).
    rate : float
        Sampling rate in Hz.
    fit_interval, compute_interval : tuple of float
        Shortest and longest window in seconds of the fit, and of what is computed (the fit's
        if not given). Windows are 20 per decade, ``floor(10**(k/20) rate)``.
    overlap : float
        Share by which windows overlap, 0 to below 1.

    Raises
    ------
    SeriesTooShortError
        If the series is shorter than the longest window.
    ArgumentError
        If the intervals or the overlap make no sense.
    """
    x, rate = one_series(envelope, rate, "envelope")
    span = fit_interval if compute_interval is None else compute_interval
    if np.ptp(x) <= 1e-13 * np.abs(x).max():
        raise ConstantSeriesError("envelope: expected a signal that changes, got a constant one")
    if not 0 < span[0] <= fit_interval[0] < fit_interval[1] <= span[1]:
        raise ArgumentError(
            "fit_interval: expected two rising times in seconds inside compute_interval, got "
            f"{fit_interval} and {span}"
        )
    if not 0 <= overlap < 1:
        raise ArgumentError(f"overlap: expected a share from 0 to below 1, got {overlap!r}")
    sizes = np.unique(np.floor(np.logspace(-1, 3, 81) * rate).astype(np.int64))
    sizes = sizes[(sizes >= span[0] * rate) & (sizes <= span[1] * rate)]
    if sizes.size < 2:
        raise ArgumentError(f"compute_interval: expected at least two windows in it, got {span}")
    if sizes[-1] >= x.size:
        raise SeriesTooShortError(
            f"envelope: expected more than the longest window, {sizes[-1]} samples, got {x.size}",
            needed=int(sizes[-1]) + 1,
            got=x.size,
        )
    profile = np.cumsum(x - x.mean())
    values = np.array(
        [
            _detrended(profile, int(w), max(1, int(np.floor(w * (1 - overlap))))).mean()
            for w in sizes
        ]
    )
    first, last = _fit_windows(sizes, fit_interval, rate)
    logs = np.log10(sizes[first:last]), np.log10(values[first:last])
    slope, intercept = np.polyfit(logs[0], logs[1], 1)
    return DFAResult(float(slope), float(intercept), sizes, values)


def _fit_windows(
    sizes: NDArray[np.int64], fit_interval: tuple[float, float], rate: float
) -> tuple[int, int]:
    """Return the range of windows to fit; the one just below counts if within 1 %."""
    inside = np.flatnonzero((sizes >= fit_interval[0] * rate) & (sizes <= fit_interval[1] * rate))
    first = int(inside[0])
    if first > 0:
        below = abs(sizes[first - 1] / rate - fit_interval[0])
        if below <= fit_interval[0] / 100 and below < abs(sizes[first] / rate - fit_interval[0]):
            first -= 1
    return first, int(inside[-1]) + 1


def _detrended(profile: Array, size: int, offset: int, norm: Array | None = None) -> Array:
    """Return sqrt(squared residuals of a line / size) of each window, windows every `offset`."""
    starts = np.arange(0, profile.size - size, offset)
    windows = sliding_window_view(profile, size)[starts]
    if norm is not None:
        windows = windows / norm[:, None]
    t = np.arange(size) - (size - 1) / 2
    centred = windows - windows.mean(axis=1, keepdims=True)
    slope = (centred @ t) / (t @ t)
    rest = centred - slope[:, None] * t
    return np.asarray(np.sqrt((rest**2).sum(axis=1) / size))


@dataclass(frozen=True, eq=False)
class FEIResult:
    """Functional excitation-inhibition ratio; above 1 for excitation-dominated networks.

    Attributes
    ----------
    fei : float
        1 − correlation of amplitude and normalised fluctuation, outliers left out; NaN where
        `dfa_exponent` is at most 0.6 and the ratio says nothing.
    fei_all : float
        The same with the outliers.
    n_outliers : int
    amplitudes, fluctuations : ndarray, shape (n_windows,)
    dfa_exponent : float
    """

    fei: float
    fei_all: float
    n_outliers: int
    amplitudes: Array
    fluctuations: Array
    dfa_exponent: float


def fei(
    envelope: ArrayLike,
    rate: float,
    *,
    window_s: float = 5.0,
    overlap: float = 0.8,
    dfa_exponent: float | None = None,
    fit_interval: tuple[float, float] = (1.0, 10.0),
) -> FEIResult:
    """Return the functional excitation-inhibition ratio of an amplitude envelope.

    Parameters
    ----------
    envelope : array_like, shape (n_times,)
        Amplitude envelope; not z-scored, its mean is part of the measure.
    rate : float
        Sampling rate in Hz.
    window_s : float
        Window in seconds.
    overlap : float
        Share by which windows overlap.
    dfa_exponent : float, optional
        Exponent of the same envelope; computed over `fit_interval` (seconds) if not given.

    Notes
    -----
    Of Bruining et al. (2020). A patent on the measure has been applied for
    (PCT/NL2019/050167).

    Raises
    ------
    SeriesTooShortError
        If fewer than three windows fit.
    ArgumentError
        If the window or the overlap make no sense.
    """
    x, rate = one_series(envelope, rate, "envelope")
    size = int(positive("window_s", window_s, "of seconds") * rate)
    if not 0 <= overlap < 1:
        raise ArgumentError(f"overlap: expected a share from 0 to below 1, got {overlap!r}")
    offset = max(1, int(np.floor(size * (1 - overlap))))
    if x.size <= size + 2 * offset:
        raise SeriesTooShortError(
            f"envelope: expected three windows, more than {size + 2 * offset} samples, "
            f"got {x.size}",
            needed=size + 2 * offset + 1,
            got=x.size,
        )
    if x.min() < 0:
        raise ArgumentError(
            f"envelope: expected amplitudes of at least 0, got {x.min():.3g}: envelope(…) makes "
            "them of a series"
        )
    if dfa_exponent is None:
        dfa_exponent = dfa(x, rate, fit_interval=fit_interval).exponent
    starts = np.arange(0, x.size - size, offset)
    amplitudes = sliding_window_view(x, size)[starts].mean(axis=1)
    profile = np.cumsum(x - x.mean())
    fluctuations = _detrended(profile, size, offset, amplitudes)
    most = max(round(0.025 * amplitudes.size), 2)
    outliers = sorted({*_esd(amplitudes, most), *_esd(fluctuations, most)})
    kept = np.setdiff1d(np.arange(amplitudes.size), outliers)

    def ratio(rows: NDArray[np.int64]) -> float:
        if not dfa_exponent > 0.6:
            return float("nan")
        return float(1 - np.corrcoef(amplitudes[rows], fluctuations[rows])[0, 1])

    return FEIResult(
        ratio(kept),
        ratio(np.arange(amplitudes.size)),
        len(outliers),
        amplitudes,
        fluctuations,
        float(dfa_exponent),
    )


def _esd(values: Array, most: int, alpha: float = 0.05) -> list[int]:
    """Return which values are outliers by the generalised ESD test (Rosner 1983)."""
    from scipy.stats import t as student

    rest = np.arange(values.size)
    removed: list[int] = []
    found = 0
    for i in range(1, most + 1):
        n = rest.size
        if n < 3:
            break
        kept = values[rest]
        spread = kept.std(ddof=1)
        if spread == 0:
            break
        distance = np.abs(kept - kept.mean())
        place = int(distance.argmax())
        statistic = distance[place] / spread
        quantile = student.ppf(1 - alpha / (2 * n), n - 2)
        critical = (n - 1) * quantile / np.sqrt((n - 2 + quantile**2) * n)
        removed.append(int(rest[place]))
        rest = np.delete(rest, place)
        if statistic > critical:
            found = i
    return removed[:found]


def envelope(series: ArrayLike, rate: float, band: tuple[float, float]) -> Array:
    """Return the amplitude envelope of a series in a frequency band, shape (n_times − 2 s,).

    A zero-phase FIR band-pass (Hamming window), Hilbert transform, one second cut from each end.

    Parameters
    ----------
    series : array_like, shape (n_times,)
    rate : float
        Sampling rate in Hz.
    band : tuple of float
        Low and high edge in Hz.

    Raises
    ------
    SeriesTooShortError
        If less than four seconds or three filter lengths are there.
    ArgumentError
        If the band does not lie below half the rate.
    """
    from scipy.signal import filtfilt, firwin, hilbert

    x, rate = one_series(series, rate, "series")
    low, high = band
    if not 0 < low < high < rate / 2:
        raise ArgumentError(f"band: expected 0 < low < high < {rate / 2:g} Hz, got {band}")
    n_taps = int(2 * np.floor(1.65 * rate / min(max(0.25 * low, 2.0), low))) + 1
    needed = int(max(4 * rate, 3 * n_taps + 1))
    if x.size < needed:
        raise SeriesTooShortError(
            f"series: expected at least {needed} samples for {low:g} to {high:g} Hz, got {x.size}",
            needed=needed,
            got=x.size,
        )
    taps = firwin(n_taps, [low, high], pass_zero=False, fs=rate)
    cut = int(rate)
    return np.asarray(np.abs(hilbert(filtfilt(taps, 1.0, x)))[cut:-cut])


@dataclass(frozen=True)
class Fluctuations(Family):
    """DFA exponent and fEI of the amplitude envelope in a band.

    Parameters
    ----------
    band : tuple of float
        In Hz.
    fit_interval : tuple of float
        Windows of the DFA fit in seconds.
    fei_window_s : float
        Window of fEI in seconds; 0 leaves fEI out.
    """

    band: tuple[float, float] = (8.0, 13.0)
    fit_interval: tuple[float, float] = (1.0, 10.0)
    fei_window_s: float = 0.0
    kind: ClassVar[str] = "fluctuations"
    needs_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("band", "fit_interval"):
            object.__setattr__(self, name, rising(name, getattr(self, name)))
        if self.fei_window_s != 0:
            positive("fei_window_s", self.fei_window_s, "of seconds, or 0")
        object.__setattr__(self, "fei_window_s", float(self.fei_window_s))

    @property
    def highest_hz(self) -> float:
        """Upper end of the frequencies looked at, in Hz."""
        return float(self.band[1])

    @property
    def names(self) -> tuple[str, ...]:
        """Return ``dfa`` and ``fei`` with their band."""
        span = f"{self.band[0]:g}-{self.band[1]:g}Hz"
        return (f"dfa@{span}", f"fei@{span}")[: 2 if self.fei_window_s else 1]

    def minimum(self, rate: float | None) -> int:
        """Return two seconds more than the longest window.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return int(np.ceil((self.fit_interval[1] + 2) * (rate or 1.0))) + 2

    def compute(self, series: Array, rate: float | None, n_workers: int) -> Array:
        """Return the exponents (and ratios).

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
        out = np.empty((len(series), len(self.names)))
        for i, x in enumerate(series):
            amplitude = envelope(x, rate, self.band)
            exponent = dfa(amplitude, rate, fit_interval=self.fit_interval).exponent
            out[i, 0] = exponent
            if self.fei_window_s:
                out[i, 1] = fei(
                    amplitude, rate, window_s=self.fei_window_s, dfa_exponent=exponent
                ).fei
        return out
