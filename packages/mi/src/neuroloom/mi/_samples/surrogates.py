"""Surrogates without dependence, and p-values from them.

Recordings are correlated in time, so single samples must not be shuffled: a null distribution has
to keep each variable as it is and only undo the pairing. Circular shifts do that (as in Chung et
al. 2019 and Harris 2020); blocks and trials are for recordings in pieces.

Rotations are spread over the recording, and which of the spread places is the data's own is drawn
at random: for series without dependence, however slow, every place is then as likely to hold the
largest value. To draw shifts at random and leave out small ones, which looks as safe, leaves the
data alone in their neighbourhood, and slow independent series are significant too often.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.mi._errors import InsufficientDataError, OptionError, choice, real
from neuroloom.shared import checks

SURROGATES = ("circular", "permutation", "block", "trial")
Index = NDArray[np.int64]


def surrogate(
    n: int,
    kind: str,
    rng: np.random.Generator,
    *,
    gap: int = 0,
    block: int | None = None,
    trials: Sequence[int] | NDArray[Any] | None = None,
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
        Samples that share data; blocks are longer.
    block : int, optional
        Samples per block, ``n ** (2 / 3)`` if not given.
    trials : sequence of int, optional
        Trial of each sample, for ``"trial"``; trials must have equal length.

    Raises
    ------
    OptionError
        For an unknown kind, a block that is no whole number from 1 to half the samples, or trials
        that do not fit.
    """
    return surrogates(n, 1, kind, rng, gap=gap, block=block, trials=trials)[0]


def surrogates(
    n: int,
    n_surrogates: int,
    kind: str,
    rng: np.random.Generator,
    *,
    gap: int = 0,
    block: int | None = None,
    trials: Sequence[int] | NDArray[Any] | None = None,
    least: int = 0,
) -> list[Index]:
    """Return several surrogates; rotations do not repeat while there are others. See `surrogate`.

    Parameters
    ----------
    n, n_surrogates : int
        Numbers of samples and of surrogates.
    kind, rng, gap, block, trials
        As in `surrogate`.
    least : int
        Rotations are so many samples apart, from one another and from the data, where there is
        room: where several lags are looked at, closer ones bring one lag to the place of another.
    """
    choice("surrogate", kind, SURROGATES)
    index = np.arange(n)
    if n < 4:
        raise InsufficientDataError(f"surrogate: expected at least 4 samples, got {n}")
    if kind == "permutation":
        return [rng.permutation(n) for _ in range(n_surrogates)]
    if kind == "circular":
        return [np.roll(index, int(shift)) for shift in _shifts(n, n_surrogates, rng, least)]
    if kind == "block":
        size = _block_size(n, gap, block)
        pieces = [index[i : i + size] for i in range(0, n, size)]
        return [
            np.concatenate([pieces[p] for p in rng.permutation(len(pieces))])
            for _ in range(n_surrogates)
        ]
    groups = _trial_groups(n, trials)
    return [_exchanged(groups, n, rng) for _ in range(n_surrogates)]


def _shifts(n: int, n_surrogates: int, rng: np.random.Generator, least: int) -> Index:
    """Return different shifts other than 0, as long as there are any left."""
    n_different = min(n_surrogates, n - 1)
    edges = np.arange(n_different + 2) * n // (n_different + 1)
    places = edges[:-1] + rng.integers(0, np.maximum(np.diff(edges) - least, 1))
    own = int(rng.integers(len(places)))
    shifts = rng.permutation((np.delete(places, own) - places[own]) % n)
    again = rng.integers(1, n, n_surrogates - n_different)
    return np.concatenate([shifts, again])


def _block_size(n: int, gap: int, block: int | None) -> int:
    if block is None:
        return int(min(max(gap + 1, round(n ** (2 / 3))), n // 2))
    size = int(real("surrogate_block", block, whole=True, low=1))
    if size > n // 2:
        raise OptionError(
            f"surrogate_block: expected at most half of the {n} samples, got {size}: one block "
            "alone cannot change places"
        )
    return size


def _trial_groups(n: int, trials: Any) -> list[Index]:
    if trials is None:
        raise OptionError("surrogate='trial': expected the trial of each sample, got trials=None")
    labels = np.asarray(trials)
    if len(labels) != n:
        raise OptionError(f"trials: expected one label per sample ({n}), got {len(labels)}")
    _, first = np.unique(labels, return_index=True)
    groups = [np.flatnonzero(labels == labels[i]) for i in np.sort(first)]
    if len(groups) < 2:
        raise OptionError("trials: expected at least 2 trials to exchange, got 1")
    lengths = sorted({len(group) for group in groups})
    if len(lengths) > 1:
        raise OptionError(
            f"trials: expected trials of one length to exchange, got lengths {lengths[0]} to "
            f"{lengths[-1]}; cut them to one length, or use surrogate='circular'"
        )
    return groups


def _exchanged(groups: list[Index], n: int, rng: np.random.Generator) -> Index:
    """Return each trial's samples replaced by those of another trial."""
    out = np.empty(n, dtype=np.int64)
    for target, source in zip(groups, rng.permutation(len(groups)), strict=True):
        out[target] = groups[source]
    return out


def p_value(observed: float, null: ArrayLike) -> float:
    """Return the one-sided p-value ``(1 + #{null ≥ observed}) / (1 + n)`` (Phipson & Smyth 2010).

    Parameters
    ----------
    observed : float
        Statistic of the data.
    null : array_like, shape (n_surrogates,)
        Statistic of each surrogate.

    Returns
    -------
    float
        NaN where the statistic of the data or of a surrogate is: it is not known then.

    Examples
    --------
    >>> p_value(1.0, [0.1, 0.2, 0.3])
    0.25
    """
    values = _statistics("null", null, 1)
    if np.isnan(observed) or np.isnan(values).any():
        return float("nan")
    return float((1 + np.sum(values >= observed)) / (1 + len(values)))


def max_statistic(observed: ArrayLike, null: ArrayLike) -> NDArray[np.float64]:
    """Return p-values corrected for the family by the largest surrogate statistic.

    Parameters
    ----------
    observed : array_like, shape (n_tests,)
    null : array_like, shape (n_surrogates, n_tests)
        The same surrogates for all tests.

    Returns
    -------
    ndarray, shape (n_tests,)
        NaN for a test without a statistic, and for all where a surrogate lacks one of any test.
    """
    found, values = _statistics("observed", observed, 1), _statistics("null", null, 2)
    if values.shape[1] != len(found):
        raise OptionError(
            f"null: expected {len(found)} columns, one for each test, got {values.shape[1]}"
        )
    largest = values.max(axis=1)
    return np.array([p_value(value, largest) for value in found])


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted for the false discovery rate (Benjamini & Hochberg 1995).

    Parameters
    ----------
    p : array_like, shape (n_tests,)
        p-values. NaN is no test: it stays NaN and does not count.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    array([0.03, 0.04, 0.04])
    """
    values = _statistics("p", p, 1)
    if (wrong := values[(values < 0) | (values > 1)]).size:
        raise OptionError(f"p: expected values from 0 to 1, got {wrong[0]:g}")
    out = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known])[::-1]]
    scaled = values[order] * len(order) / np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return out


def _statistics(name: str, values: ArrayLike, ndim: int) -> NDArray[np.float64]:
    """Return statistics or p-values as an array of floats; NaN is what is not known."""
    found = checks.array(name, values, np.float64, ndim=ndim, finite=False, error=OptionError)
    return np.asarray(found, dtype=np.float64)
