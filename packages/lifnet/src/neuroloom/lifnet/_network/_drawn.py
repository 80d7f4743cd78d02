"""Pairs of neurons as a rule draws them, and the kernels that draw those with a fixed degree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine._noise import mix
from neuroloom.shared import Seed, compiled
from neuroloom.shared.random import GOLDEN

SPACE = 2.0**-53  # between two neighbouring uniform numbers
CHANCE, COUNTS, ROWS = range(3)  # what of the pairs is known before the rows are written


class Drawn(NamedTuple):
    """The pairs of a projection, or how each source draws its own.

    ``CHANCE``: each target with probability `p`. ``COUNTS``: so many targets as `counts` says, with
    repetition. ``ROWS``: those in the compressed rows `indptr`, `indices`.
    """

    kind: int
    p: float = 0.0
    autapses: bool = True
    counts: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    indptr: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    indices: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
    weights: NDArray[np.float64] | None = None


def draw_sources(
    n: int, n_pre: int, n_post: int, multapses: bool, own: bool, seed: Seed
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return rows in which each target has `n` sources.

    Parameters
    ----------
    n : int
        Sources of each target.
    n_pre, n_post : int
        Numbers of neurons.
    multapses : bool
        Whether a source may be drawn twice.
    own : bool
        Whether sources and targets are the same neurons, none of which may draw itself.
    seed : Seed
        Each target has a stream of its own.
    """
    root = np.uint64(seed.integer(64))
    most = n_pre - 1 if own else n_pre
    # Where most sources are taken, those left out are drawn instead.
    drawn = n if multapses or 2 * n <= most else most - n
    arguments = root, drawn, drawn == n, n_pre, n_post, multapses, own
    counts = np.zeros(n_pre + 1, dtype=np.int64)
    _draw_sources(*arguments, counts, np.zeros(0, dtype=np.int32))
    indptr = np.cumsum(counts)
    targets = np.empty(n * n_post, dtype=np.int32)
    _draw_sources(*arguments, indptr.copy(), targets)
    return indptr, targets


def draw_targets(
    counts: NDArray[np.int64], n_post: int, multapses: bool, own: bool, seed: Seed
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return rows in which source j has ``counts[j]`` targets.

    Parameters
    ----------
    counts : ndarray, shape (n_pre,)
        Targets of each source.
    n_post : int
        Number of targets.
    multapses : bool
        Whether a target may be drawn twice.
    own : bool
        Whether sources and targets are the same neurons, none of which may draw itself.
    seed : Seed
        Each source has a stream of its own.
    """
    indptr = np.append(0, np.cumsum(counts)).astype(np.int64)
    targets = np.empty(int(indptr[-1]), dtype=np.int32)
    _draw_targets(np.uint64(seed.integer(64)), indptr, n_post, multapses, own, targets)
    return indptr, targets


@compiled
def _draw_targets(
    root: Any, indptr: Any, n_post: int, multapses: bool, own: bool, out: Any
) -> None:
    stamp = np.full(n_post, -1, dtype=np.int64)
    most = n_post - 1 if own else n_post
    for pre in range(len(indptr) - 1):
        state = mix(root + GOLDEN * np.uint64(pre + 1))
        n, at = indptr[pre + 1] - indptr[pre], indptr[pre]
        # Where most targets are taken, those left out are drawn instead.
        keep = multapses or 2 * n <= most
        left = n if keep else most - n
        if own and not keep:
            stamp[pre] = pre
        while left > 0:
            state += GOLDEN
            post = int(np.float64(mix(state) >> np.uint64(11)) * SPACE * n_post)
            if (own and post == pre) or (not multapses and stamp[post] == pre):
                continue
            stamp[post] = pre
            left -= 1
            if keep:
                out[at] = post
                at += 1
        if not keep:
            for post in range(n_post):
                if stamp[post] != pre:
                    out[at] = post
                    at += 1


@compiled
def _draw_sources(
    root: Any,
    n: int,
    keep: bool,
    n_pre: int,
    n_post: int,
    multapses: bool,
    own: bool,
    place: Any,
    out: Any,
) -> None:
    """Count the synapses of each source in ``place[source + 1]``, or write their targets.

    The n sources drawn for a target are those that it has, if `keep`, else those that it has not.
    """
    stamp = np.full(n_pre, -1, dtype=np.int64)
    for post in range(n_post):
        state = mix(root + GOLDEN * np.uint64(post + 1))
        taken = 0
        if own and not keep:
            stamp[post] = post
        while taken < n:
            state += GOLDEN
            source = int(np.float64(mix(state) >> np.uint64(11)) * SPACE * n_pre)
            if own and source == post:
                continue
            if not multapses:
                if stamp[source] == post:
                    continue
                stamp[source] = post
            taken += 1
            if keep:
                _add(source, post, place, out)
        if not keep:
            for source in range(n_pre):
                if stamp[source] != post:
                    _add(source, post, place, out)


@compiled
def _add(source: int, post: int, place: Any, out: Any) -> None:
    if len(out):
        out[place[source]] = post
        place[source] += 1
    else:
        place[source + 1] += 1
