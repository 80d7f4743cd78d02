"""Rules of who connects to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._errors import NetworkError
from neuroloom.shared import checks


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
        checks.real("Bernoulli.p", self.p, at_least=0, at_most=1, error=NetworkError)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the expected number of synapses."""
        return self.p * n_pre * n_post


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
        checks.whole("FixedIndegree.n", self.n, at_least=0, error=NetworkError)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the number of synapses."""
        return float(self.n * n_post)


@dataclass(frozen=True, slots=True)
class FixedTotal:
    """`n` synapses, source and target of each drawn at random, with repetition.

    Parameters
    ----------
    n : int
        Number of synapses of the projection.
    """

    n: int

    def __post_init__(self) -> None:
        checks.whole("FixedTotal.n", self.n, at_least=0, error=NetworkError)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the number of synapses."""
        return float(self.n)


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
            given = np.asarray(getattr(self, name))
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
            weights = np.array(self.weights, dtype=np.float64)
            if weights.shape != indices.shape or not np.isfinite(weights).all():
                raise NetworkError("Explicit: expected one finite weight per synapse")
            object.__setattr__(self, "weights", weights)

    def expected(self, n_pre: int, n_post: int) -> float:
        """Return the number of synapses."""
        return float(self.indptr[-1])


Rule = Bernoulli | FixedIndegree | FixedTotal | Explicit
