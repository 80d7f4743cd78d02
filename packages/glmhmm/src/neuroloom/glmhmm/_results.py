"""What a fit leaves behind beside its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class EMState(NamedTuple):
    """How EM went; the histories are padded with NaN to `maxiter`."""

    data_log_likelihood: float
    previous_data_log_likelihood: float
    log_likelihood_history: NDArray[np.float64]
    iterations: int
    converged: bool
    objective: float
    objective_history: NDArray[np.float64]


class SolverSpec(NamedTuple):
    """Name and settings of the M-step's solver."""

    name: str
    backend: str
    tol: float
    maxiter: int


@dataclass(frozen=True)
class StepResult:
    """Parameters and state after one call of a solver."""

    params: object
    state: object
