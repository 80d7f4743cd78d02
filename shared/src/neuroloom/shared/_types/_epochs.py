"""Stretches of time."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import check_together
from neuroloom.shared._times import check_samples
from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._clock import Clock, checked_clock
from neuroloom.shared._types._grid import seconds, tolerance, vector
from neuroloom.shared._types._labels import Properties, handed_out, positions, properties, taken
from neuroloom.shared._types._summary import lines, many, span
from neuroloom.shared.checks import fail, frozen, real


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Epochs(Data):
    """Sorted, disjoint, half-open stretches of time ``[start, stop)``.

    Parameters
    ----------
    start, stop : array_like, shape (n_epochs,)
        First moment of each epoch and the first moment after it, in seconds. A scalar is one
        epoch.
    properties : mapping of str to array_like, optional
        What is known of each epoch, one value each: ``{"label": ["rem", "nrem"]}``.
    metadata : mapping, optional
        Anything that JSON can hold.

    Raises
    ------
    DataError
        If the lengths differ, a time is not finite or says by its column's name that it is not
        in seconds (``start_ms``), an epoch does not last, or epochs are unsorted or overlap.
        Nothing is repaired; but times within a nanosecond are one, so that an epoch that stops by
        so little after the next starts stops where that starts.

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
    _properties: Properties
    _metadata: dict[str, Any]

    def __init__(
        self,
        start: ArrayLike,
        stop: ArrayLike,
        properties: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        check_together(start=start, stop=stop)
        first = seconds("start", vector(start), ndim=1)
        after = seconds("stop", vector(stop), ndim=1)
        if len(first) != len(after):
            raise fail("stop", f"as many as start ({len(first)})", len(after))
        after = _touching(first, after)
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
        object.__setattr__(self, "_properties", _columns(properties, len(first), start))
        object.__setattr__(self, "_metadata", plain_metadata(metadata))

    @classmethod
    def from_states(
        cls,
        states: ArrayLike,
        start: ArrayLike = 0.0,
        stop: ArrayLike | None = None,
        *,
        rate: float | None = None,
        max_gap: float = 0.0,
    ) -> dict[Hashable, Epochs]:
        """Return the epochs of each state, states in order of first appearance.

        States of a sampled signal are given with its `rate` (sample k stands for
        ``[start + k / rate, start + (k + 1) / rate)``), states of trials with their starts and
        stops. Stretches of one state that follow one another become one epoch.

        Parameters
        ----------
        states : array_like, shape (n,)
            State of each sample or trial: numbers or text. NaN and None are no state; every
            other value is one, −1 too.
        start : float or array_like, shape (n,)
            Time of the first sample, or start of every stretch, in seconds.
        stop : array_like, shape (n,), optional
            Stop of every stretch in seconds, if `rate` is not given.
        rate : float, optional
            Samples per second.
        max_gap : float
            Stretches of one state that are at most so many seconds apart become one epoch, if no
            other state lies between them: epochs of different states never overlap.

        Raises
        ------
        DataError
            If neither or both of `rate` and `stop` are given, or lengths do not fit.

        Examples
        --------
        >>> found = Epochs.from_states(["run", "run", "rest", "run"], rate=2.0)
        >>> found["run"].start, found["run"].stop
        (array([0. , 1.5]), array([1., 2.]))
        """
        import pandas as pd

        check_together(states=states, start=start, stop=stop)
        try:
            listed = list(states) if isinstance(states, (list, tuple)) else None
            labels = pd.Series(
                states if listed is None else listed, dtype=None if listed is None else object
            )
            codes, known = pd.factorize(labels)  # −1 where missing
        except (TypeError, ValueError) as error:
            one = "one state for each sample or trial, numbers or text"
            raise fail("states", one, error) from error
        whole = _stretches(len(labels), start, stop, rate)
        if rate is not None:
            check_samples("states", states, rate, float(whole.start[0]) if len(whole) else 0.0)
        gap = real("max_gap", max_gap, at_least=0, unit="s")
        whole, codes = whole[np.flatnonzero(codes >= 0)], codes[codes >= 0]
        new = np.diff(codes, prepend=-1) != 0
        new[1:] |= _apart(whole.start, whole.stop, gap)
        first, after = whole.start[new], whole.stop[np.append(new[1:], True)[: len(new)]]
        runs = [codes[new] == code for code in range(len(known))]
        return {
            state: Epochs(first[run], after[run])
            for state, run in zip(known.tolist(), runs, strict=True)
        }

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, index: Any) -> Epochs:
        """Return some of the epochs: a number, a slice, a mask or several numbers in order."""
        if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
            if not -len(self) <= index < len(self):
                raise fail("index", f"below {len(self)} epochs", index)
            index = [int(index) % len(self)]
        elif isinstance(index, slice):
            index = np.arange(len(self))[index]
        place = positions("index", index, (), len(self), "epoch")
        kept = taken(self._properties, place)
        return Epochs(self.start[place], self.stop[place], kept, self._metadata)

    def __iter__(self) -> Iterator[Epochs]:
        return (self[i] for i in range(len(self)))

    @property
    def properties(self) -> Properties:
        """What is known of each epoch: read-only arrays by name."""
        return handed_out(self._properties)

    @property
    def durations(self) -> NDArray[np.float64]:
        """Length of each epoch in seconds, shape (n_epochs,)."""
        return self.stop - self.start

    @property
    def duration(self) -> float:
        """Total time in seconds."""
        return float(np.sum(self.stop - self.start))

    def index(self, times: ArrayLike) -> NDArray[np.int64]:
        """Return for each time the number of its epoch, −1 outside all, shape of `times`.

        A time within a nanosecond of an edge, or nearer than rounding tells apart, is on it: it
        belongs to the epoch that starts there, not to the one that stops. Only the very last
        number before a stop where none starts is still inside: recordings that end with their
        last spike, and closed intervals of other programs, stop so.
        """
        when = seconds("times", times, finite=False, missing=True, copy=False)
        if not len(self):
            return np.full(when.shape, -1, dtype=np.int64)
        with np.errstate(invalid="ignore"):  # no number lies after infinity
            near = exact_index(self, when + tolerance(when, self.durations.min()))
        place = exact_index(self, when)
        last = (near < 0) & (place >= 0) & (np.nextafter(when, np.inf) == self.stop[place])
        return np.where(last, place, near)

    def contains(self, times: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each time lies in an epoch, by the rule of `index`, shape of `times`."""
        return self.index(times) >= 0

    def intersect(self, other: Epochs) -> Epochs:
        """Return the time that lies in both, with the properties of this one's epochs.

        Parameters
        ----------
        other : Epochs
            The other stretches of time.
        """
        if not isinstance(other, Epochs):
            raise fail("other", "Epochs", type(other).__name__)
        # Each common epoch begins where one of the two begins inside the other, so the starts
        # are these, and each ends at the first stop of either.
        own, others = (
            self.start[exact_index(other, self.start) >= 0],
            other.start[exact_index(self, other.start) >= 0],
        )
        starts = np.union1d(own, others)
        stops = np.sort(np.concatenate([self.stop, other.stop]))
        kept = taken(self._properties, exact_index(self, starts))
        after = stops[np.searchsorted(stops, starts, side="right")]
        return Epochs(starts, after, kept, self._metadata)

    def union(self, other: Epochs) -> Epochs:
        """Return the time that lies in either; epochs that overlap or touch become one.

        Properties are left out: one epoch may come from several.

        Parameters
        ----------
        other : Epochs
            The other stretches of time.
        """
        if not isinstance(other, Epochs):
            raise fail("other", "Epochs", type(other).__name__)
        starts = np.concatenate([self.start, other.start])
        order = np.argsort(starts, kind="stable")
        return _joined(starts[order], np.concatenate([self.stop, other.stop])[order], 0.0)

    def merged(self, max_gap: float = 0.0) -> Epochs:
        """Return epochs that touch, or are at most `max_gap` seconds apart, as one; no properties.

        Ends that differ by less than a nanosecond touch.

        Parameters
        ----------
        max_gap : float
            Longest time between epochs that are joined, in seconds.
        """
        gap = real("max_gap", max_gap, at_least=0, unit="s")
        return _joined(self.start, self.stop, gap)

    def gaps(self) -> Epochs:
        """Return the time between the epochs; ends less than a nanosecond apart touch."""
        apart = self.start[1:] - self.stop[:-1] > tolerance(self.start[1:])
        return Epochs(self.stop[:-1][apart], self.start[1:][apart])

    def on_clock(self, clock: Clock) -> Epochs:
        """Return the epochs in times of the other clock.

        Parameters
        ----------
        clock : Clock
            Leads from these times to the others.
        """
        start, stop = checked_clock(clock).times(self.start), clock.times(self.stop)
        # An epoch of a digit's length must not vanish in rounding, nor run into the next.
        if (stop <= start).any():
            for i in range(len(self)):
                start[i] = max(start[i], stop[i - 1]) if i else start[i]
                stop[i] = max(stop[i], np.nextafter(start[i], np.inf))
        return Epochs(start, stop, self._properties, self._metadata)

    def __repr__(self) -> str:
        if not len(self):
            return "Epochs: none"
        lengths = self.durations
        kind = "" if len(self) == 1 else f" of {lengths.min():.6g} to {lengths.max():.6g} s"
        head = f"{many(len(self), 'epoch')}{kind}"
        between = self.stop[-1] - self.start[0] - self.duration
        gaps = f", gaps of {between:.6g} s in sum" if between > 0 else ""
        body = f"{self.duration:.6g} s {span(self.start[0], self.stop[-1])}{gaps}"
        return lines("Epochs", f"{head}, {body}", properties=self._properties)


def exact_index(epochs: Epochs, times: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each time the number of its epoch as the numbers say, without a tolerance."""
    candidate = np.searchsorted(epochs.start, times, side="right") - 1
    stop = np.append(epochs.stop, -np.inf)  # the last one stands for "before the first epoch"
    return np.where(times < stop[candidate], candidate, -1).astype(np.int64)


def _touching(start: NDArray[np.float64], stop: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return stops of which none is a trace behind the start of the next epoch: these touch."""
    if len(start) != len(stop) or len(start) < 2:
        return stop
    behind = stop[:-1] - start[1:]
    trace = (behind > 0) & (behind <= tolerance(start[1:])) & (start[1:] > start[:-1])
    if not trace.any():
        return stop
    ends = np.array(stop)
    ends[:-1][trace] = start[1:][trace]
    return frozen(ends)


def _columns(given: Mapping[str, Any] | None, n: int, start: Any) -> Properties:
    return properties("properties", given, n, "epoch", beside=start)


def _joined(start: NDArray[np.float64], stop: NDArray[np.float64], max_gap: float) -> Epochs:
    """Return sorted stretches with those joined that overlap or are at most `max_gap` apart."""
    if not len(start):
        return Epochs([], [])
    reached = np.maximum.accumulate(stop)
    apart = _apart(start, reached, max_gap)
    first = np.append(True, apart)
    return Epochs(start[first], reached[np.append(apart, True)])


def _apart(
    start: NDArray[np.float64], stop: NDArray[np.float64], max_gap: float
) -> NDArray[np.bool_]:
    """Return which of sorted stretches but the first begin more than `max_gap` after the last."""
    return np.asarray(start[1:] - stop[:-1] > max_gap + tolerance(start[1:]))


def _stretches(n: int, start: ArrayLike, stop: ArrayLike | None, rate: float | None) -> Epochs:
    if (rate is None) == (stop is None):
        raise fail("rate, stop", "one of the two", "both" if rate is not None else "neither")
    if rate is None:
        whole = Epochs(start, stop)  # type: ignore[arg-type]
        if len(whole) != n:
            raise fail("start, stop", f"{n} stretches, one per state", len(whole))
        return whole
    hertz = real("rate", rate, above=0, unit="Hz")
    edges = real("start", start) + np.arange(n + 1) / hertz
    return Epochs(edges[:-1], edges[1:])
