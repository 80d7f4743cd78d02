"""Bijections of one variable, which keep mutual information as it is.

From the benchmark of Czyż, Grabowski, Vogt, Beerenwinkel & Marx, "Beyond normal: on the
evaluation of mutual information estimators", NeurIPS 2023 (section 3 and appendix E).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def half_cube(x: Array) -> Array:
    """Return ``x √|x|``: longer tails."""
    return x * np.sqrt(np.abs(x))


def wiggly_x(x: Array) -> Array:
    """Return x with ripples that keep its order."""
    return x + 0.4 * np.sin(x) + 0.2 * np.sin(1.7 * x + 1) + 0.03 * np.sin(3.3 * x - 2.5)


def wiggly_y(y: Array) -> Array:
    """Return y with other ripples that keep its order."""
    return y - 0.4 * np.sin(0.4 * y) + 0.17 * np.sin(1.3 * y + 3.5) + 0.02 * np.sin(4.3 * y - 2.5)


def bimodal(x: Array) -> Array:
    """Return standard normal x turned into 0.3 N(−2, 0.5²) + 0.7 N(2, 1), monotonically.

    The mixture's distribution function has no closed inverse; it is inverted by bisection.
    """
    from scipy.special import ndtr

    target = ndtr(x)
    low, high = np.full_like(x, -60.0), np.full_like(x, 60.0)
    for _ in range(70):
        middle = (low + high) / 2
        above = 0.3 * ndtr((middle + 2) / 0.5) + 0.7 * ndtr(middle - 2) > target
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def swiss_roll(x: Array) -> Array:
    """Return x in (0, 1), shape (n, 1), rolled up in the plane, shape (n, 2)."""
    angle = 1.5 * np.pi * (1 + 2 * x)
    return np.hstack([angle * np.cos(angle), angle * np.sin(angle)]) / 21


def spiral(x: Array, *, plane: tuple[int, int], speed: float = 1 / 3) -> Array:
    """Return points turned in one coordinate plane by an angle of ``speed · |x|²``."""
    angle = speed * np.sum(x**2, axis=1)
    first, second = plane
    turned = x.copy()
    turned[:, first] = np.cos(angle) * x[:, first] - np.sin(angle) * x[:, second]
    turned[:, second] = np.sin(angle) * x[:, first] + np.cos(angle) * x[:, second]
    return turned
