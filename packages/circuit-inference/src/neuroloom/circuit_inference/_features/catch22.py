"""The family of the 22 canonical features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.family import Family


@dataclass(frozen=True)
class Catch22(Family):
    """The 22 canonical features (Lubba et al. 2019) of the z-scored series.

    Parameters
    ----------
    version : {"1.0", "classic"}
        Definitions, names and order of catch22 1.0 or before; they do not mix.
    """

    version: str = "1.0"
    kind: ClassVar[str] = "catch22"

    def __post_init__(self) -> None:
        from neuroloom.circuit_inference._catch22._names import feature_names

        feature_names(self.version)

    @property
    def names(self) -> tuple[str, ...]:
        """Names that start with the version, ``catch22-1.0:trev``."""
        from neuroloom.circuit_inference._catch22._names import feature_names

        return tuple(
            f"catch22-{self.version}:{name}" for name in feature_names(self.version, short=True)
        )

    def minimum(self, rate: float | None) -> int:
        """Return 10.

        Parameters
        ----------
        rate : float, optional
            Sampling rate in Hz.
        """
        return 10

    def compute(
        self, series: NDArray[np.float64], rate: float | None, n_workers: int
    ) -> NDArray[np.float64]:
        """Return the 22 features, shape (n_series, 22).

        Parameters
        ----------
        series : ndarray, shape (n_series, n_times)
            Series of one length.
        rate : float, optional
            Sampling rate in Hz.
        n_workers : int, optional
            Workers, as for `simulate_library`.
        """
        from neuroloom.circuit_inference._catch22 import catch22

        return catch22(series, version=self.version, n_workers=n_workers)[0]
