"""The family of mean, standard deviation, skewness and kurtosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.family import Family
from neuroloom.circuit_inference.errors import ArgumentError, unknown


@dataclass(frozen=True)
class Moments(Family):
    """Raw moments: mean and standard deviation keep the amplitude, the others do not.

    On simulations and on recordings of known gain the amplitude is the most informative feature
    there is; on EEG and LFP of unknown gain it must be left out, or the prediction follows the
    amplifier.

    Parameters
    ----------
    which : sequence of {"mean", "std", "skewness", "kurtosis"}
        Which moments.
    """

    which: tuple[str, ...] = ("mean", "std")
    kind: ClassVar[str] = "moments"

    def __post_init__(self) -> None:
        object.__setattr__(self, "which", tuple(self.which))
        if not self.which:
            raise ArgumentError("which: expected at least one moment, got none")
        for name in self.which:
            if name not in ("mean", "std", "skewness", "kurtosis"):
                raise unknown("which", name, ["mean", "std", "skewness", "kurtosis"])

    @property
    def amplitude(self) -> bool:  # type: ignore[override]
        """Whether the mean or the standard deviation is among them."""
        return bool({"mean", "std"} & set(self.which))

    @property
    def names(self) -> tuple[str, ...]:
        """Names such as ``moment:mean``."""
        return tuple(f"moment:{name}" for name in self.which)

    def minimum(self, rate: float | None) -> int:
        """Return 2.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return 2

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the moments, shape (n_series, n_moments).

        Parameters
        ----------
        series : ndarray, shape (n_series, n_times)
            Series of one length.
        rate : float, optional
            Sampling rate in Hz.
        n_workers : int, optional
            Workers, as for `simulate_library`.
        """
        centre = series.mean(axis=1)
        spread = series.std(axis=1)
        z = (series - centre[:, None]) / spread[:, None]
        values = {
            "mean": centre,
            "std": spread,
            "skewness": (z**3).mean(axis=1),
            "kurtosis": (z**4).mean(axis=1) - 3,
        }
        return np.column_stack([values[name] for name in self.which])
