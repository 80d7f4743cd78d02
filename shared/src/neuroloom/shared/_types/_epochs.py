"""Stretches of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._types._base import Data
from neuroloom.shared._validate import array, fail


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Epochs(Data):
    """Sorted, disjoint, half-open stretches of time ``[start, stop)``.

    Parameters
    ----------
    start, stop : array_like, shape (n_epochs,)
        First moment of each epoch and the first moment after it, in seconds. A scalar is one
        epoch.

    Raises
    ------
    DataError
        If the lengths differ, a time is not finite, an epoch does not last, or epochs are
        unsorted or overlap. Nothing is repaired.

    Examples
    --------
    >>> running = Epochs([0.0, 10.0], [4.0, 12.0])
    >>> running.duration
    6.0
    >>> running.contains([1.0, 4.0, 11.0])
    array([ True, False,  True])
    """

    start: NDArray[np.float64]
    stop: NDArray[np.float64]

    def __init__(self, start: ArrayLike, stop: ArrayLike) -> None:
        first = array("start", _vector(start), np.float64, ndim=1)
        after = array("stop", _vector(stop), np.float64, ndim=1)
        if len(first) != len(after):
            raise fail("stop", f"as many as start ({len(first)})", len(after))
        short = np.flatnonzero(after <= first)
        if short.size:
            i = short[0]
            raise fail("stop", "stop > start", f"[{first[i]}, {after[i]}) in epoch {i}")
        if (np.diff(first) < 0).any():
            i = int(np.flatnonzero(np.diff(first) < 0)[0])
            raise fail("start", "sorted times", f"{first[i + 1]} after {first[i]}")
        bad = np.flatnonzero(first[1:] < after[:-1])
        if bad.size:
            i = bad[0]
            raise fail("start", "disjoint epochs", f"start {first[i + 1]} before stop {after[i]}")
        object.__setattr__(self, "start", first)
        object.__setattr__(self, "stop", after)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def duration(self) -> float:
        """Total time in seconds."""
        return float(np.sum(self.stop - self.start))

    def index(self, times: ArrayLike) -> NDArray[np.int64]:
        """Return for each time the number of its epoch, −1 outside all, shape of `times`."""
        when = np.asarray(times, dtype=np.float64)
        candidate = np.searchsorted(self.start, when, side="right") - 1
        stop = np.append(self.stop, -np.inf)  # the last one stands for "before the first epoch"
        return np.where(when < stop[candidate], candidate, -1).astype(np.int64)

    def contains(self, times: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each time lies in an epoch, shape of `times`."""
        return self.index(times) >= 0

    def intersect(self, other: Epochs) -> Epochs:
        """Return the time that lies in both."""
        if not isinstance(other, Epochs):
            raise fail("other", "Epochs", type(other).__name__)
        # Each common epoch begins where one of the two begins inside the other, so the starts
        # are these, and each ends at the first stop of either.
        own, others = (
            self.start[other.contains(self.start)],
            other.start[self.contains(other.start)],
        )
        starts = np.union1d(own, others)
        stops = np.sort(np.concatenate([self.stop, other.stop]))
        return Epochs(starts, stops[np.searchsorted(stops, starts, side="right")])


def _vector(values: Any) -> Any:
    """Return a scalar as one epoch's list."""
    return [values] if np.isscalar(values) else values
