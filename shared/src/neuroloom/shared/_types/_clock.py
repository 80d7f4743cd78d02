"""Clocks of two recordings, and the line that leads from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._types._base import Data
from neuroloom.shared._types._grid import seconds
from neuroloom.shared.checks import fail, real, whole

_TRIED = 30  # pulses of one train from which a common pulse is looked for
_RIVALS = 30  # ways to pair two trains that are tried to their ends
_AROUND = 50  # pulses beside it that must agree
_SURE = 1e-6  # probability of misses that make a wrong pairing look right
_MAX_DRIFT = 1e-3  # quartz is good to 1e-4


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Clock(Data):
    """A line from the times of one recording to those of another: ``offset + (1 + drift) * t``.

    Parameters
    ----------
    offset : float
        What the other clock shows when this one shows 0, in seconds.
    drift : float
        Seconds that the other clock gains per second of this one: 2e-5 is 20 parts per million.
    residual : float
        Largest deviation of a shared pulse from the line in seconds; 0 if not fitted.
    n_pulses : int
        Number of pulses that the line was fitted to; 0 if not fitted.

    Raises
    ------
    DataError
        If a number is not finite, or the other clock would not run forwards.

    Examples
    --------
    >>> clock = Clock.from_pulses([0.0, 1.0, 2.5, 7.0], [10.0, 11.0, 12.5, 17.0])
    >>> round(clock.offset, 6), clock.n_pulses
    (10.0, 4)
    >>> clock.times([3.0]).round(6)
    array([13.])
    """

    offset: float
    drift: float
    residual: float
    n_pulses: int

    def __init__(
        self, offset: float = 0.0, drift: float = 0.0, residual: float = 0.0, n_pulses: int = 0
    ) -> None:
        object.__setattr__(self, "offset", real("offset", offset))
        rule = "a finite number above -1"
        drift = real("drift", drift, above=-1, expected=rule)
        object.__setattr__(self, "drift", drift)
        object.__setattr__(self, "residual", real("residual", residual))
        object.__setattr__(self, "n_pulses", whole("n_pulses", n_pulses, at_least=0))

    @classmethod
    def from_pulses(cls, here: ArrayLike, there: ArrayLike, *, tolerance: float = 0.005) -> Clock:
        """Return the clock that turns times of `here` into times of `there`.

        Pulses that only one side has are found by the intervals between pulses and left out;
        the line is the least-squares fit to the shared ones. Where all intervals agree, the first
        pulse is taken for the first: of regular pulses nothing tells whether one side missed the
        first and the other the last.

        Parameters
        ----------
        here, there : array_like, shape (n_pulses,)
            Times of the same pulses on the two clocks in seconds, sorted.
        tolerance : float
            How far a shared pulse may be off the line, in seconds.

        Raises
        ------
        DataError
            If less than half of the pulses are shared, or if more than one pairing fits: pulses
            at regular intervals of which one side has more, or each side misses others, say.
        """
        ours = _pulses("here", here)
        theirs = _pulses("there", there)
        slack = real("tolerance", tolerance, above=0, unit="s")
        pairs = _paired(ours, theirs, slack)
        shorter = min(len(ours), len(theirs))
        if len(pairs) < max(min(3, shorter), shorter / 2):  # two may agree by chance
            got = f"{len(pairs)} of {len(ours)} and {len(theirs)} pulses that fit one line"
            raise fail("here, there", "mostly the same pulses on both clocks", got)
        x, y = ours[pairs[:, 0]], theirs[pairs[:, 1]]
        offset, drift = _line(x, y)
        off = np.abs(offset + (1 + drift) * x - y)
        return cls(offset, drift, float(off.max()), len(pairs))

    def times(self, times: ArrayLike) -> NDArray[np.float64]:
        """Return times of this clock (s) as times of the other, shape of `times`."""
        when = seconds("times", times, finite=False, missing=True, copy=False)
        # Adding drift * t apart keeps all digits of t where the drift is small.
        moved: NDArray[np.float64] = when + (self.offset + self.drift * when)
        return moved

    def inverse(self) -> Clock:
        """Return the clock that leads back."""
        scale = 1 / (1 + self.drift)
        drift = -self.drift * scale
        return Clock(-self.offset * scale, drift, self.residual * scale, self.n_pulses)

    def __repr__(self) -> str:
        fit = f", {self.n_pulses} pulses within {self.residual:.3g} s" if self.n_pulses else ""
        return f"Clock: offset {self.offset:.9g} s, drift {self.drift * 1e6:.4g} ppm{fit}"


def checked_clock(clock: object) -> Clock:
    """Return a clock, which nothing else is."""
    if not isinstance(clock, Clock):
        raise fail("clock", "a Clock", type(clock).__name__)
    return clock


def _pulses(argument: str, given: ArrayLike) -> NDArray[np.float64]:
    pulses = seconds(argument, given, ndim=1)
    if (np.diff(pulses) <= 0).any():
        raise fail(argument, "times that increase", "repeated or unsorted ones")
    if len(pulses) < 2:
        raise fail(argument, "at least two pulses", len(pulses))
    return pulses


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return offset and drift of the least-squares line, centred so that no digits are lost."""
    middle = x.mean()
    dx, gained = x - middle, (y - x) - (y - x).mean()
    drift = float(dx @ gained / (dx @ dx))
    return float((y - x).mean() - drift * middle), drift


def _paired(ours: Any, theirs: Any, slack: float) -> NDArray[np.int64]:
    """Return index pairs of shared pulses, shape (n_shared, 2)."""
    if len(ours) > len(theirs):  # most pulses of the shorter train are shared, wherever it lies
        return _paired(theirs, ours, slack)[:, ::-1]
    scores = _candidates(ours, theirs, slack)
    ranked = sorted(scores, key=lambda pair: -scores[pair])
    if scores[ranked[0]] < 2:
        raise fail("here, there", "shared pulses", "no two intervals that agree")
    # Pulses in equal bursts agree well around a wrong pair, too: only whole trains tell.
    pairings: list[NDArray[np.int64]] = []
    known: set[tuple[int, int]] = set()
    for pair in ranked:
        if len(pairings) == _RIVALS or scores[pair] < 0.5 * scores[ranked[0]]:
            break
        if pair not in known:
            pairings.append(_extended(ours, theirs, pair, slack))
            known |= _pairs_of(pairings[-1])
    pairings.sort(key=len, reverse=True)
    found, others = pairings[0], pairings[1:]
    rivals = [
        x
        for x in others
        if len(x) > 2 and _apart(x, found) and _as_likely(ours, theirs, x, found, slack)
    ]
    # Where both sides have as many, one to one is what everybody means.
    if rivals and not len(found) == len(ours) == len(theirs):
        raise fail(
            "here, there",
            "pulses whose intervals fit in one way only",
            f"{len(found)} and {len(rivals[0])} shared pulses at two offsets",
            hint="; pass pulses that both sides have, or use intervals that differ",
        )
    return found


def _as_likely(
    ours: Any, theirs: Any, other: NDArray[np.int64], found: NDArray[np.int64], slack: float
) -> bool:
    """Return whether another pairing may be the right one, too.

    It may if it pairs nearly as many pulses, or if it leaves few more alone where both trains run:
    pulses of a metronome agree around any pair, and only those that were missed tell pairs apart.
    """
    if len(other) >= 0.9 * len(found):
        return True
    missed = _alone(ours, theirs, found, slack)
    rate = (missed + 1) / (len(ours) + len(theirs))
    more = _alone(ours, theirs, other, slack) - missed
    return len(other) >= 0.5 * len(found) and rate**more > _SURE


def _alone(ours: Any, theirs: Any, pairs: NDArray[np.int64], slack: float) -> int:
    """Return how many pulses of both sides have no partner in the time that both trains cover."""
    offset, drift = _line(ours[pairs[:, 0]], theirs[pairs[:, 1]])
    moved = offset + (1 + drift) * ours
    first = max(moved[0], theirs[0]) - slack
    last = min(moved[-1], theirs[-1]) + slack
    within = (np.count_nonzero((x >= first) & (x <= last)) for x in (moved, theirs))
    return int(sum(within)) - 2 * len(pairs)


def _apart(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Return whether two pairings pair most of their pulses with different ones."""
    return len(_pairs_of(one) & _pairs_of(other)) < 0.5 * len(one)


def _pairs_of(pairing: NDArray[np.int64]) -> set[tuple[int, int]]:
    return {(i, j) for i, j in pairing.tolist()}


def _candidates(ours: Any, theirs: Any, slack: float) -> dict[tuple[int, int], int]:
    """Return how many of the pulses around agree, for every pair that may be the same pulse."""
    scores: dict[tuple[int, int], int] = {}
    spread = np.linspace(0, len(ours) - 1, min(_TRIED, len(ours)))
    for i in spread.round().astype(int).tolist():
        beside = ours[max(0, i - _AROUND) : i + _AROUND] - ours[i]
        allowed = slack + _MAX_DRIFT * np.abs(beside)
        expected = theirs[:, None] + beside
        near = np.clip(np.searchsorted(theirs, expected), 1, len(theirs) - 1)
        off = np.minimum(np.abs(theirs[near] - expected), np.abs(theirs[near - 1] - expected))
        for j, agree in enumerate((off <= allowed).sum(axis=1).tolist()):
            scores[i, j] = agree
    return scores


def _extended(ours: Any, theirs: Any, pair: tuple[int, int], slack: float) -> NDArray[np.int64]:
    """Return the shared pulses, found from one on outwards as the line becomes known."""
    offset, drift = theirs[pair[1]] - ours[pair[0]], 0.0
    distance = np.abs(ours - ours[pair[0]])
    reach = float(np.sort(distance)[min(5, len(ours) - 1)])
    pairs = np.array([pair], dtype=np.int64)
    while True:
        expected = offset + (1 + drift) * ours
        right = np.clip(np.searchsorted(theirs, expected), 1, len(theirs) - 1)
        left_nearer = np.abs(theirs[right - 1] - expected) < np.abs(theirs[right] - expected)
        near = np.where(left_nearer, right - 1, right)
        unknown = _MAX_DRIFT * distance if len(pairs) < 3 else 0.0
        close = np.abs(theirs[near] - expected) <= slack + unknown
        kept = np.flatnonzero(close & (distance <= reach))
        if len(kept) >= 2:
            pairs = np.stack([kept, near[kept]], axis=1)
            offset, drift = _line(ours[kept], theirs[near[kept]])
        if reach >= distance.max():
            break
        reach *= 2
    once = np.unique(pairs[:, 1], return_index=True)[1]
    return pairs[once]
