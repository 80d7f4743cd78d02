"""What a clustered network gets from outside: Poisson counts whose rate fluctuates with arousal.

An external rate is ``ν + span · Beta(10, 10)``, drawn anew for each step and neuron, so that the
counts of all steps and neurons are independent, with the distribution of a Poisson variable mixed
over the Beta. That distribution is computed, not sampled.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._clustered._arousal import beta_nodes
from neuroloom.lifnet._clustered._parameters import ClusteredParameters
from neuroloom.lifnet._engine import CountDrive
from neuroloom.lifnet._errors import ClippingWarning

Array = NDArray[np.float64]


def external_drives(
    parameters: ClusteredParameters,
    delta_t: float,
    version_of_step: NDArray[np.int32] | None = None,
) -> list[CountDrive]:
    """Return the drives of a network; afferents that are absent or without effect are left out.

    Parameters
    ----------
    parameters : ClusteredParameters
        The network, in one or several versions.
    delta_t : float
        Step in seconds.
    version_of_step : ndarray of int, shape (n_steps,), optional
        Version of each absolute step.

    Warns
    -----
    ClippingWarning
        If a rate is negative; it is set to zero.
    """
    warn_of_negative_rates(parameters)
    span = np.asarray(parameters.arousal.rate_span, dtype=np.float64)[..., np.newaxis]
    drives = []
    for row in drive_rows(parameters):
        rates = np.atleast_2d(parameters.nu_ext[..., row, :])
        share = parameters.c_ext[row] * delta_t
        mean, spread = np.broadcast_arrays(rates * share, span * share)
        nodes, weights = beta_nodes(_n_nodes(mean, spread))
        drives.append(
            CountDrive(
                None,
                parameters.population.astype(np.int32),
                parameters.per_neuron(parameters.j_ext.reshape(-1, 2, rates.shape[1])[0, row]),
                table_of_step=version_of_step if len(mean) > 1 else None,
                mean=mean,
                spread=spread,
                nodes=nodes,
                shares=weights,
            )
        )
    return drives


def drive_rows(parameters: ClusteredParameters) -> list[int]:
    """Return the kinds of afferents that act on any population in any version."""
    acts = parameters.c_ext * parameters.j_ext != 0
    return [row for row in range(2) if acts[..., row, :].any()]


def _n_nodes(mean: Array, spread: Array) -> int:
    """Return the nodes with which the mean over the Beta is exact to rounding.

    The 2n-th derivative of a Poisson probability by its mean is at most 4ⁿ: over a range W of
    means, n nodes are wrong by at most (2 W)²ⁿ / (2n)!. Where the cut at zero bends it, more help.
    """
    if not spread.any():
        return 1
    if (mean < 0).any():
        return 64
    width = float(spread.max())
    return 8 if width <= 0.25 else 16 if width <= 1.5 else 64


def warn_of_negative_rates(parameters: ClusteredParameters) -> None:
    """Warn of external rates below zero, which a perturbation can make; they are set to zero."""
    used = parameters.c_ext * parameters.j_ext != 0
    rates = np.where(used, parameters.nu_ext, 0.0)
    if (rates < 0).any():
        population = np.unravel_index(int(np.argmin(rates)), rates.shape)[-1]
        warnings.warn(
            f"external rate of {parameters.names[population]} is {rates.min():g} Hz; "
            "negative rates are set to zero",
            ClippingWarning,
            stacklevel=4,
        )
