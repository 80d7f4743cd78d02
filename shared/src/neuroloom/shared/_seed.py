"""Named random streams: what a stream yields does not depend on the order of creation."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from neuroloom.shared._validate import count, fail

_WORDS_PER_NAME = 4


@dataclass(frozen=True, slots=True)
class Seed:
    """A place in a tree of independent random streams.

    Every name leads to a stream of its own, whatever else was drawn or named before.

    Parameters
    ----------
    entropy : int
        Number at the root of the tree, 0 or larger.
    path : tuple of (str or int)
        Names from the root to this place.

    Raises
    ------
    DataError
        If `entropy` is not an integer of at least 0, or a name is neither text nor an integer.

    Examples
    --------
    >>> seed = Seed(7)
    >>> int(seed.child("connectivity").generator().integers(100))
    52
    >>> seed.child("noise").child(3) == Seed(7, ("noise", 3))
    True
    """

    entropy: int
    path: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "entropy", count("entropy", self.entropy))
        if not isinstance(self.path, (tuple, list)):
            raise fail("path", "a tuple of names", repr(self.path))
        names = tuple(int(name) if isinstance(name, np.integer) else name for name in self.path)
        for name in names:
            if isinstance(name, bool) or not isinstance(name, (str, int)):
                raise fail("name", "text or an integer", f"{name!r} ({type(name).__name__})")
        object.__setattr__(self, "path", names)

    def child(self, name: str | int) -> Seed:
        """Return the stream called `name` below this one."""
        return Seed(self.entropy, (*self.path, name))

    def children(self, n: int) -> list[Seed]:
        """Return the `n` streams called 0, 1, … below this one."""
        return [self.child(index) for index in range(count("n", n))]

    def sequence(self) -> np.random.SeedSequence:
        """Return numpy's seed sequence of this stream."""
        words = [word for name in self.path for word in _digest(name)]
        return np.random.SeedSequence(self.entropy, spawn_key=words)

    def generator(self) -> np.random.Generator:
        """Return a fresh PCG64 generator at the start of this stream."""
        return np.random.Generator(np.random.PCG64(self.sequence()))

    def integer(self, bits: int = 63) -> int:
        """Return the stream as one number of `bits` bits, to seed torch, jax or a kernel."""
        n_words = -(-count("bits", bits, minimum=1) // 32)
        words = self.sequence().generate_state(n_words, np.uint32)
        whole = sum(int(word) << (32 * place) for place, word in enumerate(words))
        return whole & ((1 << bits) - 1)


def as_seed(seed: int | Seed) -> Seed:
    """Return `seed` as a `Seed`; a plain integer becomes the root of a tree.

    Raises
    ------
    DataError
        If `seed` is neither a `Seed` nor an integer of at least 0.
    """
    return seed if isinstance(seed, Seed) else Seed(count("seed", seed))


def _digest(name: str | int) -> list[int]:
    text = f"{'i' if isinstance(name, int) else 's'}{name}"
    digest = hashlib.blake2s(text.encode(), digest_size=4 * _WORDS_PER_NAME).digest()
    return [int(word) for word in np.frombuffer(digest, dtype="<u4")]
