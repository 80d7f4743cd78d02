"""What every estimator can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference.errors import ArgumentError
from neuroloom.shared import Seed

Array = NDArray[np.float64]


class Estimator(ABC):
    """Learns parameters ``theta`` (n_rows, n_parameters) from standardised features ``x``.

    `probabilistic` says whether there is a posterior to sample; `by_row`, whether each row's draws
    are long work, which `sample` spreads over workers and keeps in a folder (``resume``).
    """

    kind: ClassVar[str]
    probabilistic: ClassVar[bool] = False

    @property
    def by_row(self) -> bool:
        """Whether `sample` takes ``resume``."""
        return False

    @abstractmethod
    def fit(self, x: Array, theta: Array, *, seed: Seed) -> Self:
        """Learn from finite rows and return the estimator itself."""

    @abstractmethod
    def predict(self, x: Array) -> Array:
        """Return point estimates (posterior means where there is a posterior)."""

    def sample(self, x: Array, n_samples: int, *, seed: Seed) -> Array:
        """Return posterior draws, shape (n_rows, n_samples, n_parameters)."""
        raise ArgumentError(
            f"model: expected one with a posterior (mdn, NPE, NLE, NRE), got {self.kind}, which "
            "gives points only"
        )

    def log_prob(self, x: Array, theta: Array) -> Array:
        """Return the posterior log density of each row's parameters, shape (n_rows,)."""
        raise ArgumentError(
            f"model: expected one with a posterior density (mdn, NPE), got {self.kind}"
        )

    def member_means(self, x: Array) -> Array | None:
        """Return the means of an ensemble's members, shape (n_members, n_rows, d); None without."""
        return None

    @abstractmethod
    def save(self, folder: Path) -> Mapping[str, Any]:
        """Write the fitted state as files in `folder`, and return what the header keeps."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, header: Mapping[str, Any]) -> Estimator:
        """Return the estimator that `save` wrote."""
