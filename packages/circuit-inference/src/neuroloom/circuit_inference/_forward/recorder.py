"""What stands between a field potential and a file: background, sensor, filters, gain and rate.

A network's field potential is not what an electrode records. Distant sources add activity whose
spectrum falls as 1/f^χ (recordings: χ from 1 to 2), the amplifier adds white noise, filters and an
unknown gain, and the file has a sampling rate of its own. A model that has only seen the field
potential takes all of that for properties of the circuit; one that has learned from different
amounts of it answers with what is left to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.series import positive, resampled
from neuroloom.circuit_inference._libraries.marginal import Marginal
from neuroloom.circuit_inference.errors import ArgumentError

Array = NDArray[np.float64]
Span = tuple[float, float]


@dataclass(frozen=True)
class Recorder:
    """Background, noise, filters, gain and rate, each amount with bounds of its own.

    Parameters
    ----------
    background : tuple of float
        Bounds of the background's variance over the field potential's, log-uniform; equal bounds
        fix it, zeros leave it out.
    exponent : tuple of float
        Bounds of the exponent of the background's power spectrum, uniform.
    sensor : tuple of float
        Bounds of the variance of white sensor noise over the field potential's, log-uniform.
    gain : tuple of float
        Bounds of the gain, log-uniform.
    highpass_hz, lowpass_hz : float, optional
        Corners of the recorder's Butterworth filters of second order, causal as hardware is.
    rate_hz : float, optional
        Sampling rate of the file in Hz.

    Raises
    ------
    ArgumentError
        If bounds are out of order or not positive where they must be.
    """

    background: Span = (0.1, 10.0)
    exponent: Span = (1.0, 2.0)
    sensor: Span = (1e-3, 0.1)
    gain: Span = (1.0, 1.0)
    highpass_hz: float | None = None
    lowpass_hz: float | None = None
    rate_hz: float | None = None

    def __post_init__(self) -> None:
        for name in ("background", "exponent", "sensor", "gain"):
            low, high = (float(x) for x in getattr(self, name))
            object.__setattr__(self, name, (low, high))
            if not np.isfinite([low, high]).all() or low > high or low < 0:
                raise ArgumentError(f"{name}: expected 0 <= low <= high, got {(low, high)}")
            if (name != "exponent" and low == 0 < high) or (name == "gain" and low == 0):
                raise ArgumentError(f"{name}: expected a positive lower bound, got {(low, high)}")
        for name in ("highpass_hz", "lowpass_hz", "rate_hz"):
            if getattr(self, name) is not None:
                positive(name, getattr(self, name), "of Hz")

    @property
    def marginals(self) -> dict[str, Marginal]:
        """Priors of the amounts that vary, by name."""
        out = {}
        for name in ("background", "exponent", "sensor", "gain"):
            low, high = getattr(self, name)
            if low < high:
                kind = "uniform" if name == "exponent" else "log-uniform"
                out[f"recorder {name}"] = Marginal(kind, low, high)
        return out

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Return the amounts of one recording, by the names of the fields."""
        out = {}
        for name in ("background", "exponent", "sensor", "gain"):
            low, high = getattr(self, name)
            u = rng.random()  # drawn in any case: one amount does not move the others' numbers
            log = name != "exponent" and low < high
            out[name] = low * (high / low) ** u if log else low + (high - low) * u
        return out

    def record(
        self, x: Array, rate_hz: float, amounts: Mapping[str, float], rng: np.random.Generator
    ) -> Array:
        """Return one series as it would be recorded.

        Parameters
        ----------
        x : ndarray, shape (n_times,)
            Field potential.
        rate_hz : float
            Its sampling rate.
        amounts : mapping of str to float
            As from `draw`.
        rng : Generator
            Of the noise.
        """
        spread = x.std()
        white = rng.standard_normal((2, x.size))
        out = x + np.sqrt(amounts["background"]) * spread * coloured(white[0], amounts["exponent"])
        # The amplifier's noise comes after its high-pass and before what keeps aliases out.
        if self.highpass_hz is not None:
            out = _filtered(out, self.highpass_hz, rate_hz, "highpass")
        out = out + np.sqrt(amounts["sensor"]) * spread * white[1]
        if self.lowpass_hz is not None:
            out = _filtered(out, self.lowpass_hz, rate_hz, "lowpass")
        if self.rate_hz is not None and self.rate_hz != rate_hz:
            out = resampled(out, rate_hz, self.rate_hz)
        return np.asarray(amounts["gain"] * out)

    def describe(self) -> dict[str, Any]:
        """Return the recorder as JSON can hold it."""
        return asdict(self)


def coloured(white: Array, exponent: float) -> Array:
    """Return noise of unit variance with a power spectrum of 1/f^exponent, from white noise."""
    spectrum = np.fft.rfft(white)
    spectrum[0] = 0
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (exponent / 2)
    noise = np.fft.irfft(spectrum, len(white))
    return np.asarray(noise / noise.std())


def _filtered(x: Array, corner_hz: float, rate_hz: float, kind: str) -> Array:
    from scipy.signal import butter, sosfilt, sosfilt_zi

    if corner_hz >= rate_hz / 2:
        raise ArgumentError(
            f"{kind}_hz: expected below half the rate of {rate_hz:g} Hz, got {corner_hz:g}"
        )
    sections = butter(2, corner_hz, kind, fs=rate_hz, output="sos")
    settled = sosfilt_zi(sections) * x[0]  # the recorder has been on: an offset is no step
    return np.asarray(sosfilt(sections, x, zi=settled)[0])
