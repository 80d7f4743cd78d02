"""Scoring a critic on samples it has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuroloom.mi._critics.bounds import Bound, dv, infonce

MAX_BLOCK = 2048


@dataclass(frozen=True)
class Score:
    """A critic's value on its test samples, in nats.

    Attributes
    ----------
    bound : float
        The bound it was trained with.
    infonce, dv : float
        Two lower bounds from the same scores.
    pointwise : ndarray, shape (n_test,)
        ``log p(x, y) / p(x) p(y)`` at each test sample as the critic sees it.
    ceiling : float
        Largest value that InfoNCE can take here, log of the number of test samples per block.
    """

    bound: float
    infonce: float
    dv: float
    pointwise: NDArray[np.float64]
    ceiling: float


def blocks(n: int) -> list[NDArray[np.int64]]:
    """Return indices 0 … n − 1 in interleaved blocks of at most `MAX_BLOCK`."""
    n_blocks = -(-n // MAX_BLOCK)
    return [np.arange(start, n, n_blocks) for start in range(n_blocks)]


def score(factors: tuple[Tensor, Tensor], bound: Bound) -> Score:
    """Return the score of test samples whose score matrix is ``left @ right.T``."""
    left, right = factors
    return score_matrices([(b, left[b] @ right[b].T) for b in blocks(len(left))], bound)


def score_matrices(parts: list[tuple[NDArray[np.int64], Tensor]], bound: Bound) -> Score:
    """Return the score of test samples from the score matrices of their blocks."""
    n = sum(len(b) for b, _ in parts)
    pointwise = np.empty(n)
    sums = np.zeros(3)
    for b, scores in parts:
        scores = scores.double()
        m = len(b)
        row, column = scores.logsumexp(1), scores.logsumexp(0)
        local = scores.diagonal() - 0.5 * (row + column) + math.log(m)
        pointwise[b] = local.numpy()
        inner, difference = float(infonce(scores, row, column)), float(dv(scores))
        own = inner if bound.name == "infonce" else float(bound.estimate(scores))
        sums += m * np.array([own, inner, difference])
    own, inner, difference = sums / n
    ceiling = math.log(min(len(b) for b, _ in parts))
    return Score(own, inner, difference, pointwise, ceiling)


_TEMPERATURES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
_CLEARLY = 1e-3  # of a value: far more than rounding


def temperature(scores: Tensor, bound: Bound) -> float:
    """Return the factor on validation scores that serves the bound best, 1 unless it matters.

    Overfitted critics are too sure of themselves; a factor below one takes that back (as in
    Guo et al. 2017 for classifiers).
    """
    plain = _TEMPERATURES.index(1.0)
    values = {plain: float(bound.value(scores * _TEMPERATURES[plain]))}
    for ahead in (range(plain + 1, len(_TEMPERATURES)), range(plain - 1, -1, -1)):
        for place in ahead:
            values[place] = float(bound.value(scores * _TEMPERATURES[place]))
            best = max(values.values())
            # A concave function that has fallen only falls further.
            if bound.concave and best - values[place] > _CLEARLY * (1 + abs(best)):
                break
    best_at = max(sorted(values), key=values.__getitem__)
    gain = values[best_at] - values[plain]
    return _TEMPERATURES[best_at] if gain > 1 / len(scores) else 1.0


def train_value(factors: tuple[Tensor, Tensor], bound: Bound) -> float:
    """Return the bound on (a part of) the training samples."""
    left, right = factors
    return float(bound.estimate((left @ right.T).double()))


def nothing(n: int) -> Score:
    """Return the score of a critic that failed."""
    return Score(math.nan, math.nan, math.nan, np.full(n, math.nan), math.nan)


def is_finite(scores: Tensor) -> bool:
    """Return whether all scores are numbers."""
    return bool(torch.isfinite(scores).all())
