"""The straight line that a network begins with: ridge regression, its strength by validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STRENGTHS = np.logspace(-3, 2, 11)  # of the ridge, per row


@dataclass(frozen=True, eq=False)
class Line:
    """A linear regression of several targets.

    Attributes
    ----------
    slope : ndarray, shape (n_features, d)
    offset : ndarray, shape (d,)
    factor : ndarray, shape (d, d)
        Lower Cholesky factor of the covariance of its errors, each row predicted by the others.
    """

    slope: Array
    offset: Array
    factor: Array


def straight_line(x: Array, targets: Array) -> Line:
    """Return the ridge regression whose predictions of left-out rows are best.

    Parameters
    ----------
    x : ndarray, shape (n_rows, n_features)
    targets : ndarray, shape (n_rows, d)

    Notes
    -----
    Errors of left-out rows are those of all rows divided by one minus their leverage (Golub, Heath
    & Wahba 1979, Technometrics 21:215).
    """
    centre, offset = x.mean(axis=0), targets.mean(axis=0)
    left, sizes, right = np.linalg.svd(x - centre, full_matrices=False)
    goal = targets - offset
    along = left.T @ goal
    best: tuple[float, Array, Array] | None = None
    for strength in _STRENGTHS * len(x):
        kept = sizes**2 / (sizes**2 + strength)
        leverage = 1 / len(x) + (left**2 * kept).sum(axis=1)
        errors = (goal - left @ (kept[:, None] * along)) / np.maximum(1 - leverage, 1e-9)[:, None]
        loss = float((errors**2).mean())
        if best is None or loss < best[0]:
            slope = right.T @ ((sizes / (sizes**2 + strength))[:, None] * along)
            best = loss, slope, errors
    assert best is not None
    _, slope, errors = best
    covariance = errors.T @ errors / len(x) + 1e-6 * np.eye(targets.shape[1])
    return Line(slope, offset - centre @ slope, np.asarray(np.linalg.cholesky(covariance)))
