"""Random numbers by counter: what a number is depends on its key and its place alone.

SplitMix64 (Steele, Lea & Flood 2014, OOPSLA, doi:10.1145/2714064.2660195) as a function of a key
and a counter. Numbers can be drawn in any order, by any number of workers, in numpy or in a kernel
compiled by numba, and are the same to the bit.

The functions work on unsigned integers of 64 bits. `mix` is plain arithmetic: numba compiles it as
it stands, ``compiled(inline="always")(mix)``.

Examples
--------
>>> from neuroloom.shared import Seed, random
>>> key = random.key(Seed(7).child("noise"))
>>> words = random.numbered(key, range(1, 4))
>>> random.uniform(words).round(3)
array([0.644, 0.475, 0.053])
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._seed import SeedLike, as_seed
from neuroloom.shared.checks import fail, plain
from neuroloom.shared.checks._scalars import holds_mask, shown

Words = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""Step of the counter: 2**64 divided by the golden ratio."""
FIRST = np.uint64(0xBF58476D1CE4E5B9)
"""First factor of the hash (variant 13 of Stafford's mixers)."""
SECOND = np.uint64(0x94D049BB133111EB)
"""Second factor of the hash."""
_S0, _S11, _S27, _S30, _S31 = map(np.uint64, (0, 11, 27, 30, 31))

__all__ = [
    "FIRST",
    "GOLDEN",
    "SECOND",
    "SeedLike",
    "key",
    "mix",
    "mix_in_place",
    "numbered",
    "uniform",
]


def mix(z: Any) -> Any:
    """Return the hash of 64-bit words: SplitMix64's output function.

    Parameters
    ----------
    z : ndarray of uint64
        Words; single ones where numba compiles the function.

    Notes
    -----
    The function is bare arithmetic, so that it can be compiled, and checks nothing. In a compiled
    function a signed number counts as the word that holds it (−1 is 2**64 − 1); numpy 2
    refuses signed ones by a TypeError, ``z.view(np.uint64)`` makes words of an array of them.
    `numbered` takes any whole numbers.

    Examples
    --------
    >>> mix(GOLDEN * np.arange(1, 3, dtype=np.uint64))  # the stream of seed 0
    array([16294208416658607535,  7960286522194355700], dtype=uint64)
    """
    z = np.uint64(z >> _S0)  # which no float has; compiled, it costs nothing
    z = (z ^ (z >> _S30)) * FIRST
    z = (z ^ (z >> _S27)) * SECOND
    return z ^ (z >> _S31)


def mix_in_place(z: Words) -> Words:
    """Hash words where they lie and return them: `mix` with one temporary array.

    Parameters
    ----------
    z : ndarray of uint64
        Words; they are overwritten.

    Raises
    ------
    DataError
        If `z` is not an array of such words that can be written to.
    """
    if not isinstance(z, np.ndarray) or z.dtype != np.uint64 or not z.flags.writeable:
        got = f"{type(z).__name__} of {getattr(z, 'dtype', 'no dtype')}"
        frozen = isinstance(z, np.ndarray) and not z.flags.writeable
        got += ", read-only" * frozen
        raise fail("z", "a writable array of words of 64 bits (uint64)", got)
    shifted = z >> _S30
    z ^= shifted
    z *= FIRST
    z ^= np.right_shift(z, _S27, out=shifted)
    z *= SECOND
    z ^= np.right_shift(z, _S31, out=shifted)
    return z


def key(seed: SeedLike) -> np.uint64:
    """Return a key that belongs to a seed or to one of its streams.

    Parameters
    ----------
    seed : int, Seed, Generator, SeedSequence or None
        Where the numbers come from, ``Seed(7).child("noise")``.
    """
    return np.uint64(as_seed(seed).integer(64))


def numbered(keys: ArrayLike, numbers: ArrayLike) -> Words:
    """Return the words that have certain numbers under certain keys; they serve as keys again.

    Parameters
    ----------
    keys : array_like of uint64
        Keys, broadcast against the numbers. A negative key is the word that holds it (−1 is
        2**64 − 1).
    numbers : array_like of int
        Place of each word in its key's stream. SplitMix64 counts from 1; 0 and negative numbers
        are places of their own, from the end of the stream's 2**64 words on (−1 is the last).

    Returns
    -------
    ndarray of uint64
        One word each, in the shape that keys and numbers have together.

    Raises
    ------
    DataError
        If keys or numbers are not whole numbers of integer type from −2**63 to 2**64 − 1: others
        would fall on words that are taken.
    """
    # As arrays of one dimension or more: numpy warns where a single number wraps around.
    base, place = _whole("keys", keys), _whole("numbers", numbers)
    shape = np.broadcast_shapes(base.shape, place.shape)
    return mix_in_place(np.atleast_1d(base) + GOLDEN * np.atleast_1d(place)).reshape(shape)


def _whole(argument: str, given: ArrayLike) -> Words:
    """Return whole numbers as words; negative ones wrap around."""
    if holds_mask(given):
        raise fail(argument, "whole numbers", "masked ones")
    raw = given if isinstance(given, np.ndarray) else plain(argument, given)
    if raw.dtype.kind in "iu":
        return np.asarray(raw).astype(np.uint64, copy=False)
    # Lists of numbers to both sides of 2**63 are floats to numpy.
    listed = raw if raw.dtype == object else np.asarray(given, dtype=object)
    strange = [x for x in listed.flat if _is_no_integer(x)]
    if strange:
        raise fail(argument, "whole numbers", shown(strange[0]))
    outside = [x for x in listed.flat if not -(2**63) <= int(x) < 2**64]
    if outside:
        raise fail(argument, "whole numbers from -2**63 to 2**64 - 1", shown(outside[0]))
    words = [int(x) % 2**64 for x in listed.flat]
    return np.array(words, dtype=np.uint64).reshape(listed.shape)


def _is_no_integer(value: object) -> bool:
    # np.timedelta64 is an integer to numpy.
    return isinstance(value, (bool, np.timedelta64)) or not isinstance(value, Integral)


def uniform(words: Words) -> NDArray[np.float64]:
    """Return the numbers from 0 up to but not 1 that words mean: their upper 53 bits.

    Parameters
    ----------
    words : ndarray of uint64
        Random words.

    Raises
    ------
    DataError
        If they are no words of 64 bits: numbers from shorter ones would all be next to 0.
    """
    dtype = getattr(words, "dtype", None)
    if dtype != np.uint64 or np.ma.isMaskedArray(words):
        got = f"dtype {dtype}" if type(words) is np.ndarray else type(words).__name__
        raise fail("words", "words of 64 bits (uint64)", got)
    return np.asarray(np.multiply(words >> _S11, 2.0**-53, dtype=np.float64))
