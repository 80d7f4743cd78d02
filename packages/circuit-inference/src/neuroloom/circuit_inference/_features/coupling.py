"""What a spectrum cannot hold: a rhythm's wave, bursts, and fast activity that a rhythm paces.

A Gaussian process is said by its spectrum, and a recording whose phases are drawn anew has the same
one. Populations that a rhythm paces differ from both: their wave is no sine, so that the harmonic
keeps its phase to the rhythm (bicoherence; Kim & Powers 1979, IEEE Trans Plasma Sci 7:120), and
their fast activity is stronger at one phase (Canolty et al. 2006, Science 313:1626).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.family import Family
from neuroloom.circuit_inference.errors import ArgumentError

Array = NDArray[np.float64]
_ORDER = 3
_CYCLES = 10  # of the rhythm: fewer say nothing of a coupling


@dataclass(frozen=True)
class Coupling(Family):
    """Coupling of a rhythm with its harmonic and with the amplitudes of faster bands.

    ``harmonic`` is the length of the mean of the harmonic's analytic signal, turned back by twice
    the rhythm's phase, over its root mean square; ``paced`` that of the amplitude's mean at the
    rhythm's phase, over the mean amplitude; ``bursts`` the log10 of the amplitude's squared
    coefficient of variation, 4/π − 1 in Gaussian noise. No gain changes any of them.

    Parameters
    ----------
    rhythm : tuple of float
        Band of the rhythm in Hz, less than an octave wide: the harmonic's is an octave above.
    bands : sequence of (float, float)
        Bands of the fast amplitudes in Hz, above the rhythm.

    Raises
    ------
    ArgumentError
        If the rhythm's band is an octave or wider, or a band does not lie above it.

    Examples
    --------
    >>> Coupling((5, 9), bands=((25, 45),)).names
    ('harmonic@5-9Hz', 'paced:25-45Hz@5-9Hz', 'bursts:25-45Hz')
    """

    rhythm: tuple[float, float] = (5.0, 9.5)
    bands: tuple[tuple[float, float], ...] = ((25.0, 45.0), (45.0, 90.0))
    kind: ClassVar[str] = "coupling"
    needs_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        low, high = (float(f) for f in self.rhythm)
        object.__setattr__(self, "rhythm", (low, high))
        bands = tuple((float(a), float(b)) for a, b in self.bands)
        object.__setattr__(self, "bands", bands)
        if not 0 < low < high < 2 * low:
            raise ArgumentError(
                f"rhythm: expected a band in Hz of less than an octave, got {(low, high)}"
            )
        for band in bands:
            if not high <= band[0] < band[1]:
                raise ArgumentError(f"bands: expected low < high above {high:g} Hz, got {band}")

    @property
    def highest_hz(self) -> float:
        """Upper end of the frequencies looked at, in Hz."""
        return float(max([2 * self.rhythm[1], *(band[1] for band in self.bands)]))

    @property
    def names(self) -> tuple[str, ...]:
        """Return ``harmonic``, and ``paced`` and ``bursts`` of each band."""
        rhythm = f"{self.rhythm[0]:g}-{self.rhythm[1]:g}Hz"
        spans = [f"{low:g}-{high:g}Hz" for low, high in self.bands]
        pairs = [(f"paced:{span}@{rhythm}", f"bursts:{span}") for span in spans]
        return (f"harmonic@{rhythm}", *(name for pair in pairs for name in pair))

    def minimum(self, rate: float | None) -> int:
        """Return ten cycles of the slowest rhythm.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return int(np.ceil(_CYCLES / self.rhythm[0] * (rate or 1.0)))

    def compute(self, series: Array, rate: float | None, n_workers: int) -> Array:
        """Return the couplings, shape (n_series, n_features).

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
        if self.highest_hz >= rate / 2:
            raise ArgumentError(
                f"bands: expected bands below half the rate ({rate / 2:g} Hz), got "
                f"{self.highest_hz:g} Hz"
            )
        return np.array([self._of_one(x, rate) for x in series]).reshape(-1, len(self.names))

    def _of_one(self, x: Array, rate: float) -> list[float]:
        low, high = self.rhythm
        wave = _analytic(x, (low, high), rate)
        turn = wave / np.maximum(np.abs(wave), np.finfo(np.float64).tiny)
        octave = _analytic(x, (2 * low, 2 * high), rate)
        out = [_length(octave * np.conj(turn) ** 2, np.sqrt(np.mean(np.abs(octave) ** 2)))]
        for band in self.bands:
            amplitude = np.abs(_analytic(x, band, rate))
            mean = amplitude.mean()
            burst = amplitude.var() / max(mean**2, np.finfo(np.float64).tiny)
            out += [_length(amplitude * turn, mean), float(np.log10(max(burst, 1e-300)))]
        return out


def _length(values: NDArray[np.complex128], unit: float) -> float:
    return float(np.abs(values.mean()) / max(unit, np.finfo(np.float64).tiny))


def _analytic(x: Array, band: tuple[float, float], rate: float) -> NDArray[np.complex128]:
    from scipy.signal import butter, hilbert, sosfiltfilt

    passed = sosfiltfilt(butter(_ORDER, band, "bandpass", fs=rate, output="sos"), x)
    return np.asarray(hilbert(passed), dtype=np.complex128)
