"""What a fit leaves behind beside its parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

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


class StepResult(NamedTuple):
    """Parameters and state after one EM iteration."""

    params: tuple[Any, ...]
    state: EMState
