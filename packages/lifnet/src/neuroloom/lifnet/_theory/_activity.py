"""Mean rates of active and inactive clusters over states."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from neuroloom.lifnet._errors import LifnetError
from neuroloom.shared import checks


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
        If the rates are not finite, negative or of another shape, or the threshold is not positive.

    Examples
    --------
    >>> classify_active_clusters([[50.0, 2.0, 2.0], [9.0, 9.0, 9.0]])
    (50.0, 2.0, 9.0)
    """
    given = checks.array("rates", rates, dtype=np.float64, ndim=(1, 2), error=LifnetError)
    states = np.atleast_2d(given)
    if not states.size or (states < 0).any():
        got = f"{states.min():g} Hz" if states.size else f"shape {given.shape}"
        expected = "rates of at least 0 Hz, shape (n_states, n_clusters)"
        raise checks.fail("rates", expected, got, error=LifnetError)
    threshold = checks.real("threshold", threshold, above=0, error=LifnetError)
    low, high = states.min(axis=1), states.max(axis=1)
    alike = high - low < threshold * np.maximum(high, np.finfo(float).tiny)
    apart = states[~alike]
    above = apart > ((low + high) / 2)[~alike, None]
    uniform = float(states[alike].mean()) if alike.any() else float("nan")
    if alike.all():
        return uniform, uniform, uniform
    return float(apart[above].mean()), float(apart[~above].mean()), uniform
