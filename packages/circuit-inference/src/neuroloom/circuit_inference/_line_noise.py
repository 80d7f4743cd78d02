"""The mains as a feature: no model of a circuit produces it, so it belongs in the cloud's test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._errors import ArgumentError
from neuroloom.circuit_inference._feature_set import Family
from neuroloom.circuit_inference._series import positive


@dataclass(frozen=True)
class LineNoise(Family):
    """Power at the mains frequency over that beside it, as a logarithm; gain does not matter.

    Parameters
    ----------
    line_hz : float
        50 or 60 Hz.
    window_s : float
        Welch window in seconds, at least 20 cycles' worth for narrow bins.

    Notes
    -----
    log10 of the mean power within 1 Hz of the line over the mean power between 2 and 6 Hz away
    from it, on both sides.
    """

    line_hz: float = 50.0
    window_s: float = 1.0
    kind: ClassVar[str] = "line_noise"
    needs_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive("window_s", self.window_s, "of seconds")
        if positive("line_hz", self.line_hz, "of Hz") <= 6:
            raise ArgumentError(f"line_hz: expected more than 6 Hz, got {self.line_hz:g}")

    @property
    def names(self) -> tuple[str, ...]:
        """The one name, ``line:50Hz``."""
        return (f"line:{self.line_hz:g}Hz",)

    def minimum(self, rate: float | None) -> int:
        """Return the samples of one window."""
        return round(self.window_s * (rate or 1.0))

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the logarithms, shape (n_series, 1).

        Raises
        ------
        ArgumentError
            If the series are sampled too slowly to hold the line and what is beside it.
        """
        from scipy.signal import welch

        assert rate is not None
        if rate / 2 < self.line_hz + 6:
            raise ArgumentError(
                f"line_hz: expected a rate of at least {2 * self.line_hz + 12:g} Hz, got {rate:g}"
            )
        freqs, power = welch(series, rate, nperseg=round(self.window_s * rate), axis=-1)
        away = np.abs(freqs - self.line_hz)
        line, beside = away <= 1.0, (away >= 2.0) & (away <= 6.0)
        if not line.any() or not beside.any():
            raise ArgumentError(f"window_s: expected at least 0.5 s, got {self.window_s:g}")
        tiny = np.finfo(np.float64).tiny
        ratio = (power[:, line].mean(axis=1) + tiny) / (power[:, beside].mean(axis=1) + tiny)
        return np.asarray(np.log10(ratio)[:, None])
