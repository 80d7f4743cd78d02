"""The mains as a feature: no model of a circuit produces it, so it belongs in the cloud's test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.family import Family
from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference.errors import ArgumentError

_BANDWIDTH, _TAPERS = 4, 7  # time-bandwidth product, and tapers that it concentrates
_SHORTEST_S = 0.5
_PREFIX = "line:"


def artefacts(names: Sequence[str]) -> tuple[int, ...]:
    """Return which features measure what no circuit produces."""
    return tuple(i for i, name in enumerate(names) if name.startswith(_PREFIX))


@dataclass(frozen=True)
class LineNoise(Family):
    """Amplitude of a sinusoid at the mains frequency over the continuum around it.

    Gain does not matter. `Inferer` judges it by itself beside the simulated cloud, so that one
    extreme value is not lost among many ordinary ones.

    Parameters
    ----------
    line_hz : float
        50 or 60 Hz.
    window_s : float
        Length of the windows in seconds, at least 0.5; shorter series are one window. The
        continuum is that within ``4 / window_s`` Hz.

    Notes
    -----
    The square root of the F statistic of Thomson (1982, Proc. IEEE 70:1055) for a line in a
    smooth spectrum, seven Slepian tapers of time-bandwidth product 4, with numerator and
    denominator averaged over the windows. Without a line its median is 0.85 in one window.
    """

    line_hz: float = 50.0
    window_s: float = 2.0
    kind: ClassVar[str] = "line_noise"
    needs_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "line_hz", positive("line_hz", self.line_hz, "of Hz"))
        object.__setattr__(self, "window_s", positive("window_s", self.window_s, "of seconds"))
        if self.window_s < _SHORTEST_S:
            raise ArgumentError(f"window_s: expected at least 0.5 s, got {self.window_s:g}")

    @property
    def highest_hz(self) -> float:
        """Upper end of the frequencies looked at, in Hz."""
        return float(self.line_hz)

    @property
    def names(self) -> tuple[str, ...]:
        """The one name, ``line:50Hz``."""
        return (f"{_PREFIX}{self.line_hz:g}Hz",)

    def minimum(self, rate: float | None) -> int:
        """Return the samples of half a second.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return round(_SHORTEST_S * (rate or 1.0))

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the amplitudes, shape (n_series, 1).

        Parameters
        ----------
        series : ndarray, shape (n_series, n_times)
            Series of one length.
        rate : float, optional
            Sampling rate in Hz.
        n_workers : int, optional
            Workers, as for `simulate_library`.

        Raises
        ------
        ArgumentError
            If the line and what is beside it do not fit between zero and half the rate.
        """
        assert rate is not None
        n = min(round(self.window_s * rate), series.shape[1])
        beside = _BANDWIDTH * rate / n
        if not beside < self.line_hz < rate / 2 - beside:
            raise ArgumentError(
                f"line_hz: expected the line and {beside:.3g} Hz beside it between 0 and half the "
                f"rate of {rate:g} Hz, got {self.line_hz:g}"
            )
        tapers, sums = _tapers(n)
        turns = np.exp(-2j * np.pi * self.line_hz / rate * np.arange(n))
        count = series.shape[1] // n
        windows = series[:, : count * n].reshape(-1, n)
        windows = windows - windows.mean(axis=1, keepdims=True)
        y = (windows @ (tapers * turns).T).reshape(-1, count, _TAPERS)
        energy = (sums**2).sum()
        line = (y * sums).sum(axis=2) / energy
        residual = (np.abs(y - line[:, :, None] * sums) ** 2).sum(axis=2) / (_TAPERS - 1)
        tiny = np.finfo(np.float64).tiny
        power = (np.abs(line) ** 2).mean(axis=1) * energy
        ratio = (power + tiny) / (residual.mean(axis=1) + tiny)
        return np.asarray(np.sqrt(ratio)[:, None])


@lru_cache(maxsize=4)
def _tapers(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Slepian tapers of unit energy, shape (n_tapers, n), and their sums."""
    from scipy.signal.windows import dpss

    tapers = np.asarray(dpss(n, _BANDWIDTH, _TAPERS), dtype=np.float64)
    return tapers, tapers.sum(axis=1)
