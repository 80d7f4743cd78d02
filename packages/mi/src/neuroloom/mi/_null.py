"""Surrogates without dependence, and p-values from them.

Recordings are correlated in time, so single samples must not be shuffled: a null distribution has
to keep each variable as it is and only undo the pairing. Circular shifts do that (as in Chung et
al. 2019 and Harris 2020); blocks and trials are for recordings in pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import InsufficientDataError, OptionError, choice

SURROGATES = ("circular", "permutation", "block", "trial")
Index = NDArray[np.int64]


def surrogate(
    n: int,
    kind: str,
    rng: np.random.Generator,
    *,
    gap: int = 0,
    block: int | None = None,
    trials: Sequence[int] | None = None,
) -> Index:
    """Return which row of y goes with each row of x in one surrogate, shape (n,).

    Parameters
    ----------
    n : int
        Number of samples.
    kind : {"circular", "permutation", "block", "trial"}
        Rotate by a random number of samples; shuffle samples, blocks, or whole trials.
    rng : Generator
    gap : int
        Samples that share data; rotations are larger.
    block : int, optional
        Samples per block, ``n ** (2 / 3)`` if not given.
    trials : sequence of int, optional
        Trial of each sample, for ``"trial"``; trials must have equal length.
    """
    choice("surrogate", kind, SURROGATES)
    index = np.arange(n)
    if kind == "permutation":
        return rng.permutation(n)
    if kind == "circular":
        least = max(gap + 1, n // 20)
        if 2 * least >= n:
            raise InsufficientDataError(
                f"surrogate: expected more than {2 * least} samples to rotate, got {n}"
            )
        return np.roll(index, int(rng.integers(least, n - least + 1)))
    if kind == "block":
        size = block or max(gap + 1, round(n ** (2 / 3)))
        pieces = [index[i : i + size] for i in range(0, n, size)]
        return np.concatenate([pieces[p] for p in rng.permutation(len(pieces))])
    if trials is None:
        raise OptionError("surrogate='trial': expected the trial of each sample, got trials=None")
    labels = np.asarray(trials)
    if len(labels) != n:
        raise OptionError(f"trials: expected one label per sample ({n}), got {len(labels)}")
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    if len({len(g) for g in groups}) != 1:
        raise OptionError(
            f"trials: expected trials of one length, got {sorted({len(g) for g in groups})}"
        )
    out = np.empty(n, dtype=np.int64)
    for target, source in zip(groups, rng.permutation(len(groups)), strict=True):
        out[target] = groups[source]
    return out


def p_value(observed: float, null: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the one-sided p-value ``(1 + #{null ≥ observed}) / (1 + n)`` (Phipson & Smyth 2010).

    Examples
    --------
    >>> p_value(1.0, [0.1, 0.2, 0.3])
    0.25
    """
    values = np.asarray(null, dtype=float)
    return float((1 + np.sum(values >= observed)) / (1 + len(values)))


def max_statistic(observed: NDArray[np.float64], null: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values corrected for the family by the largest surrogate statistic.

    Parameters
    ----------
    observed : ndarray, shape (n_tests,)
    null : ndarray, shape (n_surrogates, n_tests)
        The same surrogates for all tests.
    """
    largest = null.max(axis=1)
    return np.array([p_value(value, largest) for value in observed])


def benjamini_hochberg(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted for the false discovery rate (Benjamini & Hochberg 1995).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.04, 0.04])
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values)[::-1]
    n = len(values)
    scaled = values[order] * n / np.arange(n, 0, -1)
    out = np.empty(n)
    out[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return out
