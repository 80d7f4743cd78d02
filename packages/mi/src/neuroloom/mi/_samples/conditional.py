"""Surrogates of x that keep what z says of it, and its time: for conditional information."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.mi._direct import nearest, standardized
from neuroloom.mi._samples.surrogates import surrogates

Array = NDArray[np.float64]
_NEAR = 5
_MOST_TERMS = 40


class NullChoice(Protocol):
    """What is asked for: how many surrogates, of which kind."""

    @property
    def n(self) -> int:
        """How many."""

    @property
    def kind(self) -> str:
        """Which kind."""

    @property
    def block(self) -> int | None:
        """Samples per block."""

    @property
    def trials(self) -> NDArray[np.generic] | None:
        """Trial of each sample."""


def surrogate_sources(
    x: Array, z: Array, options: NullChoice, rng: np.random.Generator, gap: int = 0
) -> list[Array]:
    """Return x as it is to be compared with its surrogates, and these, each (n, features).

    Parameters
    ----------
    x, z : ndarray, shape (n_samples, n_features)
    options : NullChoice
        ``"residual"``: what z explains of x stays in place, and what it leaves is rotated, so
        that both the dependence on z and correlation in time are kept (the idea of Shah & Peters
        2020's residuals, with rotations in place of normal theory). ``"local"``: samples of
        similar z exchange their x (Runge 2018), which does not keep time. Others move whole rows
        of x, as in `surrogates`.
    rng : Generator
    gap : int
        Samples that share data.
    """
    if options.kind == "local":
        return [x, *(x[local_permutation(z, _NEAR, rng)] for _ in range(options.n))]
    residual = options.kind == "residual"
    orders = surrogates(
        len(x),
        options.n + residual,
        "circular" if residual else options.kind,
        rng,
        gap=gap,
        block=options.block,
        trials=options.trials,
    )
    if not residual:
        return [x, *(x[order] for order in orders)]
    explained = expected(x, z)
    rest = x - explained
    # A rotated rest lacks what z and the rotated z explain by chance, and is the faster for it: the
    # data's own has to lack what z at another rotation explains, to be treated alike.
    *orders, other = orders
    alike = [rest - expected(rest, z[other]), *(rest[order] for order in orders)]
    return [explained + moved - expected(moved, z) for moved in alike]


def expected(x: Array, z: Array) -> Array:
    """Return what z says of x on average: least squares on z, its squares and products.

    Parameters
    ----------
    x, z : ndarray, shape (n_samples, n_features)
    """
    centred = z - z.mean(axis=0)
    spread = centred.std(axis=0)
    scores = centred[:, spread > 0] / spread[spread > 0]
    terms = [np.ones((len(z), 1)), scores]
    d = scores.shape[1]
    if d and d * (d + 3) // 2 <= min(_MOST_TERMS, len(z) // 20):
        i, j = np.triu_indices(d)
        terms.append(np.clip(scores[:, i] * scores[:, j], -9, 9))
    design = np.hstack(terms)
    solution, *_ = np.linalg.lstsq(design, x, rcond=None)
    out: Array = design @ solution
    return out


def local_permutation(
    z: Array, k: int, rng: np.random.Generator, exclude: int | None = None
) -> NDArray[np.int64]:
    """Return a permutation that exchanges samples with similar z (Runge 2018, algorithm 1).

    Parameters
    ----------
    z : ndarray, shape (n_samples, n_features)
    k : int
        Among how many of the nearest samples each finds the one it is exchanged for.
    rng : Generator
    exclude : int, optional
        Samples at most so many places away are not exchanged, 0: none stays where it is.
    """
    n = len(z)
    points = standardized(z)
    if exclude is None:
        _, near = scipy.spatial.cKDTree(points).query(points, k=min(k + 1, n))
    else:
        _, near = nearest(points, min(2 * k, n - 2 * exclude - 1), exclude)
    first = min(k + (exclude is None), near.shape[1])
    near[:, :first] = rng.permuted(near[:, :first], axis=1)
    taken = np.zeros(n, dtype=bool)
    out = np.empty(n, dtype=np.int64)
    for i in rng.permutation(n):
        free = near[i][~taken[near[i]]]
        out[i] = free[0] if len(free) else near[i][-1]
        taken[out[i]] = True
    return out
