"""What a clustered network gets from outside: Poisson counts whose rate fluctuates with arousal.

An external rate is ``ν + span · Beta(10, 10)``, drawn anew for each step and neuron, so that the
counts of all steps and neurons are independent, with the distribution of a Poisson variable mixed
over the Beta. That distribution is computed, not sampled.
"""

from __future__ import annotations

import warnings

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.lifnet._clustered._arousal import beta_nodes
from neuroloom.lifnet._clustered._parameters import ClusteredParameters
from neuroloom.lifnet._engine import CountDrive
from neuroloom.lifnet._errors import ClippingWarning

Array = NDArray[np.float64]

_TAIL = 1e-15


def count_pmf(rates: Array, span: float, afferents: Array, delta_t: float) -> Array:
    """Return the distribution of the number of external spikes in one step.

    Parameters
    ----------
    rates : ndarray, shape (n_groups,)
        Rate of one afferent in Hz without the fluctuation; negative rates give zero.
    span : float
        Width of the fluctuation in Hz.
    afferents : ndarray, shape (n_groups,)
        Number of afferents.
    delta_t : float
        Step in seconds.

    Returns
    -------
    ndarray, shape (n_groups, n_counts)
        Probability of 0, 1, … spikes; rows sum to one.
    """
    nodes, weights = beta_nodes() if span else (np.zeros(1), np.ones(1))
    means = np.maximum(rates[:, None] + span * nodes, 0.0) * afferents[:, None] * delta_t
    largest = means.max()
    n_counts = int(largest + 12 * np.sqrt(largest) + 20)
    while scipy.special.pdtr(n_counts - 1, largest) < 1 - _TAIL and n_counts < 10 * largest + 1000:
        n_counts += 8
    counts = np.arange(n_counts)
    with np.errstate(divide="ignore"):
        log_means = np.log(means)[..., None]
    exponent = np.where(counts == 0, 0.0, counts * np.where(means[..., None] > 0, log_means, -700))
    pmf = weights @ np.exp(exponent - means[..., None] - scipy.special.gammaln(counts + 1))
    return np.asarray(pmf / pmf.sum(axis=1, keepdims=True))


def external_drives(parameters: ClusteredParameters, delta_t: float) -> list[CountDrive]:
    """Return the drives of a network; afferents that are absent or without effect are left out.

    Warns
    -----
    ClippingWarning
        If a rate is negative; it is set to zero.
    """
    warn_of_negative_rates(parameters)
    drives = []
    for row in range(2):
        if not (parameters.c_ext[row] * parameters.j_ext[row]).any():
            continue
        rates = parameters.nu_ext[row]
        pmf = count_pmf(rates, parameters.arousal.rate_span, parameters.c_ext[row], delta_t)
        drives.append(
            CountDrive.from_pmf(
                pmf, parameters.population, parameters.per_neuron(parameters.j_ext[row])
            )
        )
    return drives


def warn_of_negative_rates(parameters: ClusteredParameters) -> None:
    """Warn of external rates below zero, which a perturbation can make; they are set to zero."""
    used = parameters.c_ext * parameters.j_ext != 0
    rates = np.where(used, parameters.nu_ext, 0.0)
    if (rates < 0).any():
        row, population = np.unravel_index(int(np.argmin(rates)), rates.shape)
        warnings.warn(
            f"external rate of {parameters.names[population]} is {rates[row, population]:g} Hz; "
            "negative rates are set to zero",
            ClippingWarning,
            stacklevel=4,
        )
