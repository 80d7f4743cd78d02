"""Directions on a ring, and bumps of activity around them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.tasks._random.counter import Rng


@functools.cache
def ring(n: int) -> NDArray[np.float64]:
    """Return `n` directions in radians, evenly spaced from 0."""
    directions = np.linspace(0, 2 * np.pi, n, endpoint=False)
    directions.setflags(write=False)
    return directions


def cosine(n: int, angle: ArrayLike) -> NDArray[np.float64]:
    """Return the cosine of the distance from `angle` to each of `n` directions, `(…, n)`."""
    at, around = np.asarray(angle, dtype=float), ring(n)
    # By the addition theorem: two functions an angle and not one a direction. Direction by
    # direction, as numpy is slow with short rows.
    shown = np.multiply.outer(np.cos(around), np.cos(at))
    shown += np.multiply.outer(np.sin(around), np.sin(at))
    return np.moveaxis(shown, 0, -1)


def bump(n: int, angle: ArrayLike, *, width: float = np.pi / 8, height: float = 0.8) -> Any:
    """Return a Gaussian bump of activity around `angle` on `n` directions, `(…, n)`.

    ``height * exp(-distance**2 / (2 width**2))`` (Yang et al. 2019, Methods).
    """
    apart = np.abs(ring(n) - np.asarray(angle)[..., None]) % (2 * np.pi)
    distance = np.minimum(apart, 2 * np.pi - apart)
    return height * np.exp(-0.5 * (distance / width) ** 2)


@functools.cache
def bumps(n: int) -> NDArray[np.float64]:
    """Return the `bump` around each of `n` directions, `(n, n)`: to be picked from by number."""
    table: NDArray[np.float64] = bump(n, ring(n))
    table.setflags(write=False)
    return table


@functools.cache
def cosines(n: int) -> NDArray[np.float64]:
    """Return the `cosine` around each of `n` directions, `(n, n)`: to be picked from by number."""
    table = cosine(n, ring(n))
    table.setflags(write=False)
    return table


def pick(rng: Rng, values: ArrayLike, n: int) -> NDArray[Any]:
    """Return `n` of `values`, each as likely; of an integer `k`: of 0 … k - 1."""
    if isinstance(values, (int, np.integer)):
        return rng.integers(int(values), size=n)
    options = np.asarray(values)
    return options[rng.integers(len(options), size=n)]
