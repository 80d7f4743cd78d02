"""Folds: which samples a critic trains on, which choose its stopping point, which are scored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import InsufficientDataError, OptionError, choice

Index = NDArray[np.int64]
SPLITS = ("blocked", "random")
MIN_TRAIN, MIN_TEST = 32, 8
BLOCKS_PER_FOLD = 4


@dataclass(frozen=True)
class Fold:
    """Indices into the samples: train, validation (stopping) and test (the estimate)."""

    train: Index
    validation: Index
    test: Index


def folds(
    index: Index,
    *,
    n_folds: int,
    mode: str,
    gap: int,
    validation: float,
    rng: np.random.Generator,
) -> list[Fold]:
    """Return cross-fitting folds of `index`: each sample is in one test set.

    Parameters
    ----------
    index : ndarray of int
        Samples to divide, in order of time.
    n_folds : int
    mode : {"blocked", "random"}
        Test sets of contiguous blocks, or of single samples.
    gap : int
        Samples that are left out of training on either side of a test or validation block,
        because they share data with it (``"blocked"`` only).
    validation : float
        Share of the training samples that choose the stopping point.
    rng : Generator
    """
    choice("split_mode", mode, SPLITS)
    if mode == "random":
        place = rng.permutation(len(index)) % n_folds
        blocks = [np.flatnonzero(place == k) for k in range(n_folds)]
        gap = 0
    else:
        per_fold = max(1, min(BLOCKS_PER_FOLD, len(index) // (n_folds * max(8 * gap, 16))))
        pieces = np.array_split(np.arange(len(index)), n_folds * per_fold)
        order = rng.permutation(len(pieces))
        blocks = [
            np.sort(np.concatenate([pieces[p] for p in order[k::n_folds]])) for k in range(n_folds)
        ]
    return [_fold(index, test, mode, gap, validation, rng) for test in blocks]


def _fold(
    index: Index, test: Index, mode: str, gap: int, validation: float, rng: np.random.Generator
) -> Fold:
    rest = np.setdiff1d(np.arange(len(index)), _widen(test, gap))
    n_val = int(np.clip(validation * len(rest), 8, 1000))
    if mode == "random":
        val = rng.choice(rest, n_val, replace=False) if len(rest) > n_val else rest
    else:
        pieces = np.array_split(rest, max(4, len(rest) // n_val))
        n_pieces = max(1, round(n_val / max(len(pieces[0]), 1)))
        chosen = rng.choice(len(pieces), min(n_pieces, len(pieces)), replace=False)
        val = np.concatenate([pieces[p] for p in np.sort(chosen)])
    train = np.setdiff1d(rest, _widen(val, gap))
    if len(train) < MIN_TRAIN or len(test) < MIN_TEST:
        raise InsufficientDataError(
            f"expected at least {MIN_TRAIN} samples to train on and {MIN_TEST} to test on, got "
            f"{len(train)} and {len(test)} from {len(index)} samples (gap {gap}); record more or "
            "use shorter windows"
        )
    return Fold(index[train], index[np.sort(val)], index[test])


def _widen(block: Index, gap: int) -> Index:
    if not gap:
        return block
    near = block[:, None] + np.arange(-gap, gap + 1)
    return np.unique(near)


def given(train: Index, test: Index, n: int, validation: float, rng: np.random.Generator) -> Fold:
    """Return the fold of the user's own indices.

    Raises
    ------
    OptionError
        If they overlap or lie outside ``0 … n − 1``.
    """
    chosen = {}
    for name, values in (("train_indices", train), ("test_indices", test)):
        index = np.asarray(values)
        if index.dtype.kind not in "iu" or index.ndim != 1 or not len(index):
            raise OptionError(f"{name}: expected a 1-D array of integers, got {values!r:.80}")
        if index.min() < 0 or index.max() >= n:
            raise OptionError(
                f"{name}: expected indices from 0 to {n - 1}, got {index.min()} to {index.max()}"
            )
        chosen[name] = np.unique(index)
    both = np.intersect1d(chosen["train_indices"], chosen["test_indices"])
    if both.size:
        raise OptionError(
            f"train_indices and test_indices: expected no common sample, got {both.size} "
            f"(first {both[0]})"
        )
    mixed = rng.permutation(chosen["train_indices"])
    n_val = int(np.clip(validation * len(mixed), 8, 1000))
    if len(mixed) - n_val < MIN_TRAIN or len(chosen["test_indices"]) < MIN_TEST:
        raise InsufficientDataError(
            f"expected at least {MIN_TRAIN + 8} train and {MIN_TEST} test indices, got "
            f"{len(mixed)} and {len(chosen['test_indices'])}"
        )
    return Fold(np.sort(mixed[n_val:]), np.sort(mixed[:n_val]), chosen["test_indices"])
