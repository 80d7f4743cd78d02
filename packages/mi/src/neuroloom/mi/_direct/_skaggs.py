"""Skaggs, McNaughton, Gothard & Markus 1993: information of one cell about a binned variable."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.mi._errors import DataShapeError, InvalidDataError


def skaggs_information(rates: ArrayLike, occupancy: ArrayLike) -> tuple[float, float]:
    """Return bits per spike and bits per second of a rate map.

    ``Σ p_i λ_i/λ log₂ λ_i/λ`` (NIPS 5, equation 1), which is the information of an instant in the
    limit of short windows, without correction for bias; for comparison with estimates by `run`.

    Parameters
    ----------
    rates : array_like, shape (n_bins,)
        Mean rate in each bin in Hz.
    occupancy : array_like, shape (n_bins,)
        Time spent in each bin, in any unit.

    Returns
    -------
    per_spike, per_second : float
        In bits.

    Raises
    ------
    DataShapeError, InvalidDataError
        If lengths differ, or values are negative, not finite or all zero.

    Examples
    --------
    >>> skaggs_information([0.0, 8.0], [1.0, 1.0])  # silent in one half
    (1.0, 4.0)
    """
    rate, time = (np.asarray(v, dtype=float) for v in (rates, occupancy))
    if rate.shape != time.shape or rate.ndim != 1:
        raise DataShapeError(
            f"rates, occupancy: expected two vectors of one length, got {rate.shape} and "
            f"{time.shape}"
        )
    for name, values in (("rates", rate), ("occupancy", time)):
        if not np.isfinite(values).all() or (values < 0).any() or not values.any():
            raise InvalidDataError(f"{name}: expected numbers ≥ 0, not all 0, got {values!r:.80}")
    share = time / time.sum()
    mean = float(share @ rate)
    if mean == 0:
        raise InvalidDataError("rates: expected a spike where there is occupancy, got none")
    ratio = rate / mean
    inside = np.where(ratio > 0, ratio * np.log(np.where(ratio > 0, ratio, 1.0)), 0.0)
    per_spike = float(share @ inside) / math.log(2)
    return per_spike, per_spike * mean
