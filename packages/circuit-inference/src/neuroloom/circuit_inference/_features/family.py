"""What a feature family is, and the list of those that there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference.errors import ArgumentError

FAMILIES: dict[str, type[Family]] = {}


@dataclass(frozen=True)
class Family:
    """Base of the feature families: one frozen dataclass of options per family.

    A family says its `names`, the samples it needs (`minimum`), whether it needs a sampling rate,
    and whether its values change with the gain of the recording (`amplitude`).
    """

    kind: ClassVar[str] = ""
    needs_rate: ClassVar[bool] = False
    amplitude: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        if cls.kind:
            FAMILIES[cls.kind] = cls

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        raise NotImplementedError

    def minimum(self, rate: float | None) -> int:
        """Return the fewest samples of a series that the family can work with."""
        raise NotImplementedError

    def of_spectra(
        self, freqs: NDArray[np.float64], power: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the features of power spectra, shape (n_spectra, n_features).

        Parameters
        ----------
        freqs : ndarray, shape (n_freqs,)
            Frequencies in Hz.
        power : ndarray, shape (n_spectra, n_freqs)
            Power densities.

        Raises
        ------
        ArgumentError
            If the family needs the series themselves.
        """
        raise ArgumentError(f"families: {self.kind} needs series, expected families of spectra")

    @property
    def highest_hz(self) -> float:
        """Highest frequency that the family looks at, in Hz; 0 where it looks at none."""
        return 0.0

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the features of series of one length, shape (n_series, n_features)."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Return the family as JSON can hold it."""
        return {"kind": self.kind, **asdict(self)}
