"""Rules of who connects to whom.

A rule is a class with these methods: `check` refuses populations that it cannot connect, `expected`
and `longest_row` say how much memory the synapses need, and `draw` returns the pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network._drawn import CHANCE, COUNTS, ROWS, Drawn, draw_sources, draw_targets
from neuroloom.shared import Seed, checks

_TAIL = 7.0  # standard deviations to which numbers of synapses may reach


def likely_row(mean: float) -> int:
    """Return a number of synapses that a row of so many on average does not exceed."""
    return int(mean + _TAIL * 2 * math.sqrt(mean) + 50)


@dataclass(frozen=True, slots=True)
class Bernoulli:
    """Each pair is connected with probability `p`, independently.

    Parameters
    ----------
    p : float
        Probability, 0 to 1.
    autapses : bool
        Whether a neuron may project to itself.
    """

    p: float
    autapses: bool = True

    def __post_init__(self) -> None:
        p = checks.real("Bernoulli.p", self.p, at_least=0, at_most=1, error=NetworkError)
        object.__setattr__(self, "p", p)
        checks.flag("Bernoulli.autapses", self.autapses, error=NetworkError)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the expected number of synapses of `n_pre` sources and `n_post` targets."""
        return self.p * n_pre * n_post

    def check(self, name: str, n_pre: int, n_post: int, own: bool) -> None:
        """Raise `NetworkError`, which says `name`, if the populations cannot be connected.

        Of `n_pre` and `n_post` neurons; `own` if they are the same.
        """

    def longest_row(self, n_pre: int, n_post: int) -> int:
        """Return the most synapses that one of `n_pre` sources may have with `n_post` targets."""
        return n_post

    def draw(self, n_pre: int, n_post: int, own: bool, seed: Seed) -> Drawn:
        """Return the pairs of `n_pre` sources and `n_post` targets, drawn from `seed`.

        `own` if they are the same neurons.
        """
        return Drawn(CHANCE, p=self.p, autapses=self.autapses)


@dataclass(frozen=True, slots=True)
class FixedIndegree:
    """Each target receives `n` synapses from sources drawn at random.

    Parameters
    ----------
    n : int
        Synapses per target.
    multapses : bool
        Whether a source may be drawn more than once.
    autapses : bool
        Whether a neuron may project to itself.
    """

    n: int
    multapses: bool = False
    autapses: bool = True

    def __post_init__(self) -> None:
        n = checks.whole("FixedIndegree.n", self.n, at_least=0, error=NetworkError)
        object.__setattr__(self, "n", n)
        checks.flag("FixedIndegree.multapses", self.multapses, error=NetworkError)
        checks.flag("FixedIndegree.autapses", self.autapses, error=NetworkError)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the number of synapses of `n_pre` sources and `n_post` targets."""
        return float(self.n * n_post)

    def check(self, name: str, n_pre: int, n_post: int, own: bool) -> None:
        """Raise `NetworkError`, which says `name`, if the populations cannot be connected.

        Of `n_pre` and `n_post` neurons; `own` if they are the same.
        """
        sources = n_pre - (own and not self.autapses)
        # With repetition one source is enough for any number of synapses.
        if self.n > (self.n * sources if self.multapses else sources):
            raise NetworkError(f"{name}: expected at most {sources} sources, got {self.n}")

    def longest_row(self, n_pre: int, n_post: int) -> int:
        """Return the most synapses that one of `n_pre` sources may have with `n_post` targets."""
        return likely_row(self.n * n_post / n_pre) if self.multapses else n_post

    def draw(self, n_pre: int, n_post: int, own: bool, seed: Seed) -> Drawn:
        """Return the pairs of `n_pre` sources and `n_post` targets, drawn from `seed`.

        `own` if they are the same neurons.
        """
        own = own and not self.autapses
        indptr, indices = draw_sources(self.n, n_pre, n_post, self.multapses, own, seed)
        return Drawn(ROWS, indptr=indptr, indices=indices)


@dataclass(frozen=True, slots=True)
class FixedOutdegree:
    """Each source sends `n` synapses to targets drawn at random.

    Parameters
    ----------
    n : int
        Synapses per source.
    multapses : bool
        Whether a target may be drawn more than once.
    autapses : bool
        Whether a neuron may project to itself.
    """

    n: int
    multapses: bool = False
    autapses: bool = True

    def __post_init__(self) -> None:
        n = checks.whole("FixedOutdegree.n", self.n, at_least=0, error=NetworkError)
        object.__setattr__(self, "n", n)
        checks.flag("FixedOutdegree.multapses", self.multapses, error=NetworkError)
        checks.flag("FixedOutdegree.autapses", self.autapses, error=NetworkError)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the number of synapses of `n_pre` sources and `n_post` targets."""
        return float(self.n * n_pre)

    def check(self, name: str, n_pre: int, n_post: int, own: bool) -> None:
        """Raise `NetworkError`, which says `name`, if the populations cannot be connected.

        Of `n_pre` and `n_post` neurons; `own` if they are the same.
        """
        targets = n_post - (own and not self.autapses)
        if self.n > (self.n * targets if self.multapses else targets):
            raise NetworkError(f"{name}: expected at most {targets} targets, got {self.n}")

    def longest_row(self, n_pre: int, n_post: int) -> int:
        """Return the most synapses that one of `n_pre` sources may have with `n_post` targets."""
        return self.n

    def draw(self, n_pre: int, n_post: int, own: bool, seed: Seed) -> Drawn:
        """Return the pairs of `n_pre` sources and `n_post` targets, drawn from `seed`.

        `own` if they are the same neurons.
        """
        counts = np.full(n_pre, self.n)
        own = own and not self.autapses
        indptr, indices = draw_targets(counts, n_post, self.multapses, own, seed)
        return Drawn(ROWS, indptr=indptr, indices=indices)


@dataclass(frozen=True, slots=True)
class FixedTotal:
    """`n` synapses, source and target of each drawn at random.

    Parameters
    ----------
    n : int
        Number of synapses of the projection.
    multapses : bool
        Whether a pair may be drawn more than once.
    autapses : bool
        Whether a neuron may project to itself.
    """

    n: int
    multapses: bool = True
    autapses: bool = True

    def __post_init__(self) -> None:
        n = checks.whole("FixedTotal.n", self.n, at_least=0, error=NetworkError)
        object.__setattr__(self, "n", n)
        checks.flag("FixedTotal.multapses", self.multapses, error=NetworkError)
        checks.flag("FixedTotal.autapses", self.autapses, error=NetworkError)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the number of synapses of `n_pre` sources and `n_post` targets."""
        return float(self.n)

    def check(self, name: str, n_pre: int, n_post: int, own: bool) -> None:
        """Raise `NetworkError`, which says `name`, if the populations cannot be connected.

        Of `n_pre` and `n_post` neurons; `own` if they are the same.
        """
        pairs = n_pre * (n_post - (own and not self.autapses))
        if self.n > (self.n * pairs if self.multapses else pairs):
            raise NetworkError(f"{name}: expected at most {pairs} synapses, got {self.n}")

    def longest_row(self, n_pre: int, n_post: int) -> int:
        """Return the most synapses that one of `n_pre` sources may have with `n_post` targets."""
        return likely_row(self.n / n_pre)

    def draw(self, n_pre: int, n_post: int, own: bool, seed: Seed) -> Drawn:
        """Return the pairs of `n_pre` sources and `n_post` targets, drawn from `seed`.

        `own` if they are the same neurons.
        """
        own = own and not self.autapses
        generator = seed.generator()
        if self.multapses:
            counts = generator.multinomial(self.n, np.full(n_pre, 1 / n_pre))
            if not own:
                return Drawn(COUNTS, counts=counts)
        else:  # the numbers per source of a sample of all pairs without replacement
            each = np.full(n_pre, n_post - own)
            counts = generator.multivariate_hypergeometric(each, self.n, method="marginals")
        indptr, indices = draw_targets(counts, n_post, self.multapses, own, seed.child("targets"))
        return Drawn(ROWS, indptr=indptr, indices=indices)


@dataclass(frozen=True, slots=True)
class OneToOne:
    """Neuron k of one population projects to neuron k of the other."""

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the number of synapses of `n_pre` sources and `n_post` targets."""
        return float(n_pre)

    def check(self, name: str, n_pre: int, n_post: int, own: bool) -> None:
        """Raise `NetworkError`, which says `name`, if the populations cannot be connected.

        Of `n_pre` and `n_post` neurons; `own` if they are the same.
        """
        if n_pre != n_post:
            raise NetworkError(
                f"{name}: expected populations of equal size, got {n_pre} and {n_post} neurons"
            )

    def longest_row(self, n_pre: int, n_post: int) -> int:
        """Return the most synapses that one of `n_pre` sources may have with `n_post` targets."""
        return 1

    def draw(self, n_pre: int, n_post: int, own: bool, seed: Seed) -> Drawn:
        """Return the pairs of `n_pre` sources and `n_post` targets, drawn from `seed`.

        `own` if they are the same neurons.
        """
        order = np.arange(n_pre + 1)
        return Drawn(ROWS, indptr=order, indices=order[:-1].astype(np.int32))


@dataclass(frozen=True, slots=True, eq=False)
class Explicit:
    """Given synapses: row j holds the targets, counted within their population, of source j.

    Parameters
    ----------
    indptr : array_like of int, shape (n_pre + 1,)
        Row ends.
    indices : array_like of int, shape (n_synapses,)
        Targets.
    weights : array_like, shape (n_synapses,), optional
        Weights; the projection's if not given.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name in ("indptr", "indices"):
            given = checks.array(f"Explicit.{name}", getattr(self, name), error=NetworkError)
            if given.size and given.dtype.kind not in "iu":
                raise NetworkError(f"Explicit.{name}: expected whole numbers, got {given.dtype}")
        indptr: NDArray[Any] = np.array(self.indptr, dtype=np.int64)
        indices: NDArray[Any] = np.array(self.indices, dtype=np.int64)
        if indices.size and not 0 <= indices.min() <= indices.max() < 2**31:
            raise NetworkError("Explicit.indices: expected targets from 0 on, counted in 31 bits")
        indices = indices.astype(np.int32)
        if indptr.ndim != 1 or not len(indptr) or indptr[0] or (np.diff(indptr) < 0).any():
            raise NetworkError("Explicit: expected rising row ends that begin with 0")
        if indices.shape != (indptr[-1],):
            raise NetworkError(f"Explicit: expected {indptr[-1]} targets, got {indices.shape}")
        object.__setattr__(self, "indptr", indptr)
        object.__setattr__(self, "indices", indices)
        if self.weights is not None:
            weights = checks.array(
                "Explicit.weights", self.weights, dtype=np.float64, error=NetworkError
            )
            if weights.shape != indices.shape:
                raise NetworkError(
                    f"Explicit.weights: expected {len(indices)}, one per synapse, got shape "
                    f"{weights.shape}"
                )
            object.__setattr__(self, "weights", weights)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the number of synapses of `n_pre` sources and `n_post` targets."""
        return float(self.indptr[-1])

    def check(self, name: str, n_pre: int, n_post: int, own: bool) -> None:
        """Raise `NetworkError`, which says `name`, if the populations cannot be connected.

        Of `n_pre` and `n_post` neurons; `own` if they are the same.
        """
        if len(self.indptr) != n_pre + 1:
            raise NetworkError(f"{name}: expected {n_pre} rows, got {len(self.indptr) - 1}")
        if self.indices.size and self.indices.max() >= n_post:
            raise NetworkError(f"{name}: expected targets from 0 to {n_post - 1}")

    def longest_row(self, n_pre: int, n_post: int) -> int:
        """Return the most synapses that one of `n_pre` sources has with `n_post` targets."""
        return int(np.diff(self.indptr).max(initial=0))

    def draw(self, n_pre: int, n_post: int, own: bool, seed: Seed) -> Drawn:
        """Return the pairs of `n_pre` sources and `n_post` targets, drawn from `seed`.

        `own` if they are the same neurons.
        """
        return Drawn(ROWS, indptr=self.indptr, indices=self.indices, weights=self.weights)


Rule = Bernoulli | FixedIndegree | FixedOutdegree | FixedTotal | OneToOne | Explicit
