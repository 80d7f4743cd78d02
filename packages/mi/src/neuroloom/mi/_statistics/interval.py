"""The one rule from an estimate and its errors to an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import scipy

from neuroloom.shared.io import register

# How much of what the checks leave open the truth lies above the estimate on average, and how much
# that varies, in units of a Student law of three degrees of freedom: what is open is known from a
# few signs only, and a dependence that shows in none of them is missed by more than a normal law
# has it. Calibrated on the tuning part of the table in docs/mi/calibration.md.
SHIFT = 0.4
SPREAD = 0.25
OPEN_DOF = 3


@register
@dataclass(frozen=True)
class Evidence:
    """What kind of number an estimate is: how its scatter speaks of its error.

    Attributes
    ----------
    short : float
        By how many of its standard errors it is below the truth on average, beyond what the checks
        leave open.
    """

    short: float = 0.0


# An estimate that assumes a form, and whose flags tell where that does not hold.
UNBIASED = Evidence()
# A bound that is trained and scored on the same few samples falls short by what it could not learn
# from them, which no check sees whole. That is as a rule a part of the samples' scatter, which
# shrinks with their number alike.
BOUND = Evidence(short=0.25)
# Neighbours' shares of the information hang together: the error of their mean is so much larger
# than their scatter says.
NEIGHBOURS = 1.5


def quantile(confidence: float, dof: float = math.inf) -> float:
    """Return Student's two-sided quantile.

    Examples
    --------
    >>> round(quantile(0.95), 2)
    1.96
    """
    return float(scipy.stats.t.ppf(0.5 + confidence / 2, dof))


def interval(
    mi: float,
    error: float,
    confidence: float,
    *,
    left_open: float = 0.0,
    dof: float = math.inf,
    evidence: Evidence = UNBIASED,
) -> tuple[float, float]:
    """Return a confidence interval of an estimate that may be a lower bound.

    Downwards it is as wide as the samples' scatter says, upwards by what is missing as well.

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
    evidence : Evidence
        What kind of number `mi` is.

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
    own = quantile(confidence, dof) * error
    more = max(left_open, 0.0) if math.isfinite(left_open) else 0.0
    above = math.hypot(own, quantile(confidence, OPEN_DOF) * SPREAD * more)
    return mi - own, mi + SHIFT * more + evidence.short * error + above
