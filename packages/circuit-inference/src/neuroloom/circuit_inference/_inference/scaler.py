"""Standardisation that is fitted once and never in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference.errors import FeatureMismatchError


@dataclass(frozen=True, eq=False)
class Scaler:
    """Takes off the mean and divides by the standard deviation of each feature.

    A feature that never changed in training is only centred.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, x: NDArray[np.float64]) -> Scaler:
        """Return the scaler of finite rows, shape (n_rows, n_features)."""
        mean, scale = x.mean(axis=0), x.std(axis=0)
        tiny = scale <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
        return cls(mean, np.where(tiny, 1.0, scale))

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standardised rows."""
        return np.asarray((x - self.mean) / self.scale)

    def check(self, x: NDArray[np.float64]) -> None:
        """Check the number of features.

        Raises
        ------
        FeatureMismatchError
            If it is not that of the training.
        """
        if x.shape[1] != self.mean.size:
            raise FeatureMismatchError(
                f"features: expected {self.mean.size} columns as in training, got {x.shape[1]}"
            )
