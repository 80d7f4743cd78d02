"""Mean rates of active and inactive clusters over states."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.lifnet._errors import LifnetError


def classify_active_clusters(
    rates: ArrayLike, threshold: float = 0.1
) -> tuple[float, float, float]:
    """Return the mean rates of active clusters, of inactive ones, and of clusters all alike.

    Parameters
    ----------
    rates : array_like, shape (n_states, n_clusters) or (n_clusters,)
        Rates of the E clusters in each state, in Hz.
    threshold : float
        A state is uniform if its rates differ by less than this share of the largest.

    Returns
    -------
    active, inactive, uniform : float
        In Hz. In a state that is not uniform the clusters above the middle between its lowest and
        highest rate are active. NaN where there are none; if all states are uniform, that mean is
        all three.

    Raises
    ------
    LifnetError
        If the rates are not finite or of another shape, or the threshold is not positive.

    Examples
    --------
    >>> classify_active_clusters([[50.0, 2.0, 2.0], [9.0, 9.0, 9.0]])
    (50.0, 2.0, 9.0)
    """
    states = np.atleast_2d(np.asarray(rates, dtype=np.float64))
    if states.ndim != 2 or not states.size or not np.isfinite(states).all():
        raise LifnetError(
            f"rates: expected finite values (n_states, n_clusters), got shape {states.shape}"
        )
    if not threshold > 0:
        raise LifnetError(f"threshold: expected a positive share, got {threshold}")
    low, high = states.min(axis=1), states.max(axis=1)
    alike = high - low < threshold * np.maximum(high, np.finfo(float).tiny)
    apart = states[~alike]
    above = apart > ((low + high) / 2)[~alike, None]
    uniform = float(states[alike].mean()) if alike.any() else float("nan")
    if alike.all():
        return uniform, uniform, uniform
    return float(apart[above].mean()), float(apart[~above].mean()), uniform
