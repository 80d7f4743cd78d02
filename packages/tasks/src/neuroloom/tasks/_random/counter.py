"""Random numbers by trial, independent of batch composition and order.

A number is a hash of a key and a counter, see `neuroloom.shared.random`. Every trial has keys of
its own, so that the trials of many streams can be drawn together, and the noise of a step when
the step is shown.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared.random import GOLDEN, mix_in_place, numbered, uniform
from neuroloom.tasks._errors import fail

Keys = NDArray[np.uint64]
Size = int | tuple[int, ...]

OCTAVE_BITS = 6
_AT_ONCE = 2**14
_AHEAD = 6
_WITHOUT_PARAMETERS = ("standard_cauchy", "standard_exponential")


@functools.cache
def normal_table() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return offset and slope of the normal distribution's quantiles in pieces of its mass.

    The pieces are those of a float32 with `OCTAVE_BITS` bits of mantissa, from 1 to 2**31: 64 an
    octave, finer towards the tail. In each, the mean is the normal distribution's; the standard
    deviation of the whole is right to 2e-8, no quantile is wrong by more than 2e-5.
    """
    n = 32 << OCTAVE_BITS
    bits = (np.arange(n + 1, dtype=np.uint32) + (127 << OCTAVE_BITS)) << (23 - OCTAVE_BITS)
    edges = np.minimum(bits.astype(np.uint32).view(np.float32).astype(float), 2.0**31)
    tail = edges / 2**32
    inverse = NormalDist().inv_cdf
    quantile = np.array([-inverse(p) if p < 0.5 else 0.0 for p in tail])
    density = np.exp(-(quantile**2) / 2) / np.sqrt(2 * np.pi)
    real = np.diff(edges) > 0
    mass, width = np.where(real, np.diff(tail), 1), np.where(real, np.diff(edges), 1)
    slope = np.diff(quantile) / width
    offset = np.diff(density) / mass - slope * (edges[1:] + edges[:-1]) / 2
    kept = [np.where(real, values, 0).astype(np.float32) for values in (offset, slope)]
    return kept[0], kept[1]


def normals(keys: Keys, start: NDArray[Any], k: int) -> NDArray[np.float32]:
    """Return `k` normal numbers a key, ``(len(keys), k)``; two from each hash.

    Parameters
    ----------
    keys : array of uint64, (n,)
    start : array of int, (n,)
        Counter of the first hash.
    k : int
        How many.
    """
    pairs = (k + 1) // 2
    out = np.empty((len(keys), k), dtype=np.float32)
    counters = GOLDEN * np.arange(pairs, dtype=np.uint64)
    first = keys + GOLDEN * start.astype(np.uint64)
    offset, slope = normal_table()
    rows = max(1, _AT_ONCE // pairs)
    for at in range(0, len(keys), rows):
        z = mix_in_place(first[at : at + rows, None] + counters)
        # The lower half of a hash comes first, on machines of either byte order.
        halves = z.astype("<u8", copy=False).view("<i4")
        signed = (halves | 1).astype(np.float32)
        size = np.abs(signed)
        piece = size.view(np.int32) >> (23 - OCTAVE_BITS)
        piece -= 127 << OCTAVE_BITS
        size *= slope.take(piece)
        size += offset.take(piece)
        out[at : at + rows] = np.copysign(size, signed, out=size)[:, :k]
    return out


class Draws:
    """The random numbers of some trials, under the names that numpy's `Generator` has.

    Row `i` of what a method returns is of trial `i`, and the same whatever other trials are
    drawn beside it. Hence the first axis of every `size` is that of the trials.

    Methods of `numpy.random.Generator` that are not written here (``gamma``, ``binomial``, …) are
    there too, and slower: they ask a generator for each trial.

    Parameters
    ----------
    keys : array of uint64, (n,)
        A key for each trial.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._next = 0
        self._apart: Keys | None = None
        self._ahead, self._ahead_from = np.zeros((0, len(keys))), 0

    def __len__(self) -> int:
        return len(self._keys)

    def at(self, trials: NDArray[np.int64]) -> Draws:
        """Return the random numbers of some of the trials, apart from these."""
        if self._apart is None:
            self._apart = numbered(self._keys, -1)
        return Draws(self._apart[trials])

    def random(self, size: Size | None = None) -> NDArray[np.float64]:
        """Return numbers between 0 and 1, 1 excluded."""
        shape = self._shape(size)
        k = math.prod(shape[1:])
        first, self._next = self._next, self._next + k
        if k > 1:
            return self._shares(first, k).T.reshape(shape)
        # One number a trial: taken from some that are made at once.
        if not 0 <= first - self._ahead_from < len(self._ahead):
            self._ahead, self._ahead_from = self._shares(first, _AHEAD), first
        share: NDArray[np.float64] = self._ahead[first - self._ahead_from]
        return share.reshape(shape)

    def uniform(
        self, low: ArrayLike = 0.0, high: ArrayLike = 1.0, size: Size | None = None
    ) -> NDArray[np.float64]:
        """Return numbers between `low` and `high`."""
        share = self.random(self._shape(size, low, high))
        return np.asarray(np.add(low, np.subtract(high, low) * share))

    def integers(
        self,
        low: ArrayLike,
        high: ArrayLike | None = None,
        size: Size | None = None,
        *,
        endpoint: bool = False,
    ) -> NDArray[np.int64]:
        """Return integers from `low` to `high`, or from 0 to `low`; the end excluded."""
        first, end = (0, low) if high is None else (low, high)
        span: Any
        if isinstance(first, int) and isinstance(end, int):
            span, empty = end - first + endpoint, end - first + endpoint < 1
        else:
            span = np.subtract(end, first) + endpoint
            empty = (span < 1).any()
        if empty:
            raise fail("integers: high", "more than low", high)
        drawn = (self.random(self._shape(size, span)) * span).astype(np.int64)
        return drawn if high is None else np.asarray(np.add(first, drawn), dtype=np.int64)

    def choice(
        self,
        a: ArrayLike,
        size: Size | None = None,
        replace: bool = True,
        p: ArrayLike | None = None,
    ) -> NDArray[Any]:
        """Return some of `a` (of an integer `k`: of 0 … k - 1), with probabilities `p`."""
        options = np.arange(a) if isinstance(a, (int, np.integer)) else np.asarray(a)
        shape = self._shape(size)
        if not replace:
            many = math.prod(shape[1:])
            if many > len(options):
                raise fail("size", f"at most {len(options)} different ones a trial", size)
            order = np.argsort(self.random((len(self), len(options))), axis=1)[:, :many]
            return options[order.reshape(shape)]
        if p is None:
            return options[self.integers(len(options), size=size)]
        edges = np.cumsum(np.asarray(p, dtype=float))
        return options[np.searchsorted(edges[:-1] / edges[-1], self.random(size), side="right")]

    def normal(
        self, loc: ArrayLike = 0.0, scale: ArrayLike = 1.0, size: Size | None = None
    ) -> NDArray[np.float64]:
        """Return normal numbers, by the transform of Box & Muller (1958)."""
        shape = self._shape(size, loc, scale)
        far = np.sqrt(-2 * np.log1p(-self.random(shape)))
        around = np.cos(2 * np.pi * self.random(shape))
        return np.asarray(np.add(loc, np.multiply(scale, far * around)))

    def standard_normal(self, size: Size | None = None) -> NDArray[np.float64]:
        """Return normal numbers of mean 0 and standard deviation 1."""
        return self.normal(size=size)

    def exponential(self, scale: ArrayLike = 1.0, size: Size | None = None) -> NDArray[np.float64]:
        """Return exponential numbers of mean `scale`."""
        return np.asarray(np.multiply(scale, -np.log1p(-self.random(self._shape(size, scale)))))

    def geometric(self, p: ArrayLike, size: Size | None = None) -> NDArray[np.int64]:
        """Return how many tries it takes until one of probability `p` succeeds."""
        with np.errstate(divide="ignore"):  # p of 1: always the first
            waited = np.log1p(-self.random(self._shape(size, p)))
            tries = waited / np.log1p(-np.asarray(p, dtype=float))
        return np.asarray(1 + tries.astype(np.int64))

    def permuted(self, x: ArrayLike, *, axis: int = 1) -> NDArray[Any]:
        """Return `x`, ``(n, …)``, with each trial's values in a random order along `axis`."""
        values = np.asarray(x)
        if not values.ndim or len(values) != len(self) or axis % values.ndim == 0:
            raise fail("permuted", f"an array of {len(self)} rows and an axis of theirs", axis)
        order = np.argsort(self.random(values.shape), axis=axis)
        return np.take_along_axis(values, order, axis=axis)

    def __getattr__(self, name: str) -> Callable[..., NDArray[Any]]:
        if name.startswith("_") or not hasattr(np.random.Generator, name):
            raise AttributeError(f"no distribution is called {name!r}")

        def rows(*args: Any, size: Size | None = None, **kwargs: Any) -> NDArray[Any]:
            if size is None and len(args) > (name not in _WITHOUT_PARAMETERS):
                *args, size = args  # type: ignore[assignment]
            shape = self._shape(size)
            keys = numbered(self._keys, self._next)
            self._next += 1
            drawn = [
                getattr(np.random.Generator(np.random.Philox(key=int(key))), name)(
                    *(arg[i] if np.ndim(arg) and len(arg) == len(keys) else arg for arg in args),
                    size=shape[1:] or None,
                    **kwargs,
                )
                for i, key in enumerate(keys)
            ]
            return np.asarray(drawn)

        return rows

    def _shares(self, first: int, k: int) -> NDArray[np.float64]:
        """Return `k` numbers of every trial from the `first` on, ``(k, n)``."""
        bits = numbered(self._keys, np.arange(first, first + k)[:, None])
        return uniform(bits)

    def _shape(self, size: Any, *parameters: ArrayLike) -> tuple[int, ...]:
        """Return the size, or that of a distribution's `parameters`, if it is one of trials."""
        if size is None:
            size = np.broadcast_shapes(*(np.shape(one) for one in parameters))
        if isinstance(size, (int, np.integer)):
            size = (size,)
        shape = tuple(size) if isinstance(size, (tuple, list)) else ()
        if not shape or shape[0] != len(self):
            raise fail("size", f"{len(self)} trials first, ({len(self)}, …)", size)
        return shape


Rng = Draws | np.random.Generator
"""What conditions are drawn from: by trial, or one after another where trials hang together."""
