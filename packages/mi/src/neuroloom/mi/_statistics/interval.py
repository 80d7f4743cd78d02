"""The one rule from an estimate and its errors to an interval."""

from __future__ import annotations

import math

import scipy

# How much of what the checks leave open the truth lies above the estimate on average, and how much
# that varies, in units of a Student law of three degrees of freedom: what is open is known from a
# few signs only, and a dependence that shows in none of them is missed by more than a normal law
# has it. Calibrated on the tuning part of the table in docs/mi/calibration.md.
SHIFT = 0.5
SPREAD = 0.34
OPEN_DOF = 3


def quantile(confidence: float, dof: float = math.inf) -> float:
    """Return Student's two-sided quantile.

    Examples
    --------
    >>> round(quantile(0.95), 2)
    1.96
    """
    return float(scipy.stats.t.ppf(0.5 + confidence / 2, dof))


def interval(
    mi: float, error: float, confidence: float, *, left_open: float = 0.0, dof: float = math.inf
) -> tuple[float, float]:
    """Return a confidence interval of an estimate that may be a lower bound.

    Parameters
    ----------
    mi, error : float
        Estimate, and the standard error from the scatter of its samples.
    confidence : float
        Level, between 0 and 1.
    left_open : float
        How much more there may be that finite samples and finite training have not found; widens
        the interval upwards.
    dof : float
        Degrees of freedom of `error`.

    Returns
    -------
    low, high : float
        In the unit of `mi`; `mi` itself is inside.

    Examples
    --------
    >>> low, high = interval(1.0, 0.1, 0.95)
    >>> round(low, 2), round(high, 2)
    (0.8, 1.2)
    """
    q = quantile(confidence, dof)
    more = max(left_open, 0.0) if math.isfinite(left_open) else 0.0
    width = math.hypot(q * error, quantile(confidence, OPEN_DOF) * SPREAD * more)
    centre = mi + SHIFT * more
    return min(mi, max(centre - width, mi - q * error)), centre + width
