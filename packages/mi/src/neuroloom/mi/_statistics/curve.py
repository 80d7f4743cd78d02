"""From means over γ parts to γ = 0: a line, or a parabola where the points ask for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Array = NDArray[Any]
_CHANCE = 0.05  # of calling a straight line bent
_MATTERS, _MATTERS_SHARE = 0.01, 0.02  # nats and share of the intercept: smaller bends do nothing


@dataclass(frozen=True)
class Fit:
    """A line, and a parabola where there are points for one, through means over γ; in nats.

    Attributes
    ----------
    intercept, slope : float
        Of the line, averaged with the parabola's intercept where the points are bent.
    kept : int
        Points on the line.
    linear : bool
        Whether the kept points are as straight as their scatter can tell.
    weights : ndarray
        Of each γ's mean in the intercept.
    scatter, form : float
        Errors from the points' scatter about the line, and from the choice of a line.
    ends : tuple of float
        Where curves end that the points ask for: the parabola, and the cubic, where the highest
        power of each is clear beside the scatter.
    """

    intercept: float
    slope: float
    kept: int
    linear: bool
    weights: Array
    scatter: float
    form: float
    ends: tuple[float, ...] = ()


def fit_line(gamma: Array, mean: Array, degree: int) -> tuple[Array, Array]:
    """Return the coefficients of a polynomial in γ and the weights that give its intercept."""
    design = np.vander(gamma, degree + 1, increasing=True)
    # A mean over γ parts of n/γ samples uses all n samples: every γ weighs the same.
    solve = np.linalg.pinv(design)
    return solve @ mean, solve[0]


def fit_curve(gamma: Array, mean: Array, threshold: float | None = None, least: int = 5) -> Fit:
    """Return the extrapolation of means over γ to γ = 0.

    Parameters
    ----------
    gamma, mean : ndarray, shape (n_gammas,)
        In rising order of γ.
    threshold : float, optional
        How bent the curve may be, curvature over slope: a clear bend that is smaller is left.
    least : int
        Points that the line keeps, however bent.
    """
    kept, linear = _prune(gamma, mean, threshold, least)
    line, weights = fit_line(gamma[:kept], mean[:kept], 1)
    curve, curve_weights = fit_line(gamma, mean, min(2, len(gamma) - 1))
    share = 1.0 if linear else 0.5  # of the line, when line and parabola are averaged
    padded = np.concatenate([weights, np.zeros(len(gamma) - kept)])
    combined = share * padded + (1 - share) * curve_weights
    residual = mean[:kept] - np.polynomial.polynomial.polyval(gamma[:kept], line)
    scatter = np.sqrt((residual**2).sum() / max(kept - 2, 1) * (weights**2).sum())
    return Fit(
        float(combined @ mean),
        float(line[1]),
        kept,
        linear,
        combined,
        float(scatter),
        abs(float(curve[0] - line[0])) / 2,
        tuple(float(fit_line(gamma, mean, d)[0][0]) for d in (2, 3) if clear(gamma, mean, d)),
    )


def clear(gamma: Array, mean: Array, degree: int) -> bool:
    """Return whether a polynomial's highest power is clear beside the points' scatter about it.

    Student's test of that coefficient. Points of one noise about a lower polynomial pass it in one
    of twenty cases; as many points as coefficients leave no scatter to compare with.

    Examples
    --------
    >>> gamma = np.arange(1.0, 8.0)
    >>> noise = 0.01 * np.array([1.0, -1.0, 0.5, -0.5, 1.0, -1.0, 0.5])
    >>> clear(gamma, 2 - 0.1 * gamma + noise, 2), clear(gamma, 2 - 0.1 * gamma**2 + noise, 2)
    (False, True)
    """
    dof = len(gamma) - degree - 1
    if dof < 1:
        return False
    design = np.vander(gamma, degree + 1, increasing=True)
    solve = np.linalg.pinv(design)
    coefficients = solve @ mean
    residual = mean - design @ coefficients
    error = np.sqrt((residual**2).sum() / dof * (solve[-1] ** 2).sum())
    return bool(abs(coefficients[-1]) > scipy.stats.t.ppf(1 - _CHANCE / 2, dof) * error)


def _prune(gamma: Array, mean: Array, threshold: float | None, least: int) -> tuple[int, bool]:
    """Return how many γ lie on a line, and whether no bend is left among them.

    A bend counts where it is clear beside the scatter of the points and changes the intercept.
    Curvature over slope, the published rule, says neither: a curve of ten γ exceeds .1 only where
    its parabola turns within the first half of them, which curves that rise with samples hardly
    do, and curves without a slope do by noise alone.
    """
    kept = len(gamma)
    if kept < 3:
        return kept, True
    least = min(max(3, least), kept)
    while True:
        some, values = gamma[:kept], mean[:kept]
        curve, _ = fit_line(some, values, 2)
        line, _ = fit_line(some, values, 1)
        allowed = 0.0 if threshold is None else threshold * abs(curve[1])
        matters = abs(curve[0] - line[0]) > max(_MATTERS_SHARE * abs(line[0]), _MATTERS)
        if not (abs(curve[2]) > allowed and matters and clear(some, values, 2)):
            return kept, True
        if kept <= least:
            return kept, False
        kept -= 1
