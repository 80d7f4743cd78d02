"""Named random streams: what a stream yields does not depend on the order of creation."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroloom.shared._errors import DataError
from neuroloom.shared.checks import fail, whole

Name = str | int | tuple[int, ...]
_WORDS_PER_NAME = 4
_POOL = np.random.SeedSequence(0).pool_size


@dataclass(frozen=True, slots=True, init=False)
class Seed:
    """A place in a tree of independent random streams.

    Every name leads to a stream of its own, whatever else was drawn or named before. The root's
    stream is numpy's: ``Seed(7).generator()`` yields what ``numpy.random.default_rng(7)`` does.

    Parameters
    ----------
    entropy : int, sequence of int, SeedSequence, Generator, BitGenerator or None
        What is at the root of the tree: numbers of at least 0, or one of numpy's objects. A
        ``SeedSequence`` gives the stream that numpy makes of it, each time. A ``Generator`` (or
        its ``BitGenerator``) gives 128 bits and goes on, so that it makes another seed each time.
        None takes 128 bits from the operating system.
    path : sequence of (str or int)
        Names from the root to this place. A tuple of integers among them stands for words of a
        spawn key of numpy as they are.

    Attributes
    ----------
    entropy : int or tuple of int
        The numbers at the root.
    path : tuple
        The names.

    Raises
    ------
    DataError
        If `entropy` is none of these, or a name is neither text nor an integer.

    Examples
    --------
    >>> seed = Seed(7)
    >>> int(seed.child("connectivity").generator().integers(100))
    52
    >>> seed.child("noise").child(3) == Seed(7, ("noise", 3))
    True
    >>> import numpy as np
    >>> float(np.random.default_rng(seed.child("noise")).random())  # any library that takes a seed
    0.6138918708539515
    """

    entropy: int | tuple[int, ...]
    path: tuple[Name, ...]

    def __init__(self, entropy: SeedLike = None, path: Sequence[Name] = ()) -> None:
        root, words = _entropy("entropy", entropy)
        if not isinstance(path, (tuple, list)):
            raise fail("path", "a tuple of names", repr(path))
        names = tuple(_name(name) for name in path)
        object.__setattr__(self, "entropy", root)
        object.__setattr__(self, "path", (*words, *names))

    def child(self, name: str | int) -> Seed:
        """Return the stream called `name` below this one.

        Parameters
        ----------
        name : str or int
            Name of the stream; 3 and ``"3"`` are two names.

        Raises
        ------
        DataError
            If `name` is neither text nor an integer.
        """
        if isinstance(name, (tuple, list)):
            raise fail("name", "text or an integer", f"{name!r} ({type(name).__name__})")
        return Seed(self.entropy, (*self.path, name))

    def children(self, n: int) -> list[Seed]:
        """Return the streams called 0, 1, … below this one.

        Parameters
        ----------
        n : int
            How many.

        Raises
        ------
        DataError
            If `n` is not an integer of at least 0.
        """
        return [self.child(index) for index in range(whole("n", n, at_least=0))]

    def sequence(self) -> np.random.SeedSequence:
        """Return numpy's seed sequence of this stream."""
        words = [word for name in self.path for word in _words(name)]
        return np.random.SeedSequence(self.entropy, spawn_key=words)

    def generator(self) -> np.random.Generator:
        """Return a fresh PCG64 generator at the start of this stream."""
        return np.random.Generator(np.random.PCG64(self.sequence()))

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        """Return the first words of the stream's seed sequence.

        numpy asks for them, so that ``numpy.random.default_rng(seed)`` and all that hand their
        ``rng`` to it take a seed as it is.

        Parameters
        ----------
        n_words : int
            How many.
        dtype : {uint32, uint64}
            Their type.
        """
        return self.sequence().generate_state(n_words, dtype)

    def integer(self, bits: int = 63) -> int:
        """Return the stream as one number, to seed torch, jax or a kernel.

        Parameters
        ----------
        bits : int
            Number of bits.

        Raises
        ------
        DataError
            If `bits` is not an integer of at least 1.
        """
        n_words = -(-whole("bits", bits, at_least=1) // 32)
        words = self.sequence().generate_state(n_words, np.uint32)
        number = sum(int(word) << (32 * place) for place, word in enumerate(words))
        return number & ((1 << bits) - 1)


np.random.bit_generator.ISeedSequence.register(Seed)

SeedLike = (
    int
    | Sequence[int]
    | Seed
    | np.random.SeedSequence
    | np.random.Generator
    | np.random.BitGenerator
    | None
)
"""What `as_seed` takes."""


def as_seed(seed: SeedLike = None) -> Seed:
    """Return `seed` as a `Seed`.

    Parameters
    ----------
    seed : int, sequence of int, Seed, SeedSequence, Generator, BitGenerator or None
        A `Seed` comes back as it is; anything else becomes the root of a tree, see `Seed`. None
        takes its numbers from the operating system.

    Raises
    ------
    DataError
        If `seed` is none of these.

    Examples
    --------
    >>> as_seed(7)
    Seed(entropy=7, path=())
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> as_seed(rng) == as_seed(rng)  # the generator went on
    False
    """
    if isinstance(seed, Seed):
        return seed
    root, words = _entropy("seed", seed)
    return Seed(root, words)


def _entropy(argument: str, given: Any) -> tuple[int | tuple[int, ...], tuple[Name, ...]]:
    """Return the numbers at the root, and the names that come with them."""
    if given is None:
        return _drawn(np.random.default_rng()), ()
    if isinstance(given, Seed):
        return given.entropy, given.path
    if isinstance(given, np.random.BitGenerator):
        given = np.random.Generator(given)
    if isinstance(given, np.random.Generator):
        return _drawn(given), ()
    if isinstance(given, np.random.SeedSequence):
        if given.pool_size != _POOL:
            expected = f"a SeedSequence with a pool of {_POOL} words"
            raise fail(argument, expected, f"one of {given.pool_size}")
        key = tuple(int(word) for word in given.spawn_key)
        return _entropy(argument, given.entropy)[0], (key,) if key else ()
    listed = isinstance(given, (list, tuple)) or (isinstance(given, np.ndarray) and given.ndim == 1)
    if listed and len(given):
        return tuple(_number(argument, one) for one in given), ()
    return _number(argument, given), ()


def _number(argument: str, value: object) -> int:
    expected = "an integer of at least 0"
    if argument == "seed" and not isinstance(value, (int, np.integer)):
        expected += ", a Seed, a Generator or SeedSequence of numpy, or None"
    return whole(argument, value, at_least=0, expected=expected)


def _drawn(generator: np.random.Generator) -> int:
    words = generator.integers(0, 2**32, size=4, dtype=np.uint32)
    return sum(int(word) << (32 * place) for place, word in enumerate(words))


def _name(name: Any) -> Name:
    if isinstance(name, (tuple, list)) and name:
        try:
            return tuple(whole("name", word, at_least=0) for word in name)
        except DataError:
            name = tuple(name)
    elif isinstance(name, (str, int, np.integer)) and not isinstance(name, bool):
        return str(name) if isinstance(name, str) else int(name)
    raise fail("name", "text or an integer", f"{name!r} ({type(name).__name__})")


def _words(name: Name) -> Sequence[int]:
    """Return the words that a name adds to the spawn key."""
    if isinstance(name, tuple):
        return name
    text = f"{'i' if isinstance(name, int) else 's'}{name}"
    digest = hashlib.blake2s(text.encode(), digest_size=4 * _WORDS_PER_NAME).digest()
    return [int(word) for word in np.frombuffer(digest, dtype="<u4")]
