"""Spikes around events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import check_together
from neuroloom.shared._types._aligned import AlignedSignal, window_of
from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._binning import in_windows
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._grid import seconds, steps_before, tolerance
from neuroloom.shared._types._labels import (
    Label,
    Properties,
    handed_out,
    labels,
    positions,
    properties,
)
from neuroloom.shared._types._summary import lines, many, span
from neuroloom.shared.checks import array, fail, real, whole

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class AlignedSpikes(Data):
    """Spikes of several units around events; made by ``SpikeTrains.align``.

    Parameters
    ----------
    times : array_like, shape (n_spikes,)
        All spike times of the recording in seconds, sorted.
    units : array_like, shape (n_spikes,)
        Unit of each spike.
    n_units : int
        Number of units.
    observed : sequence of Epochs
        When was recorded: one for all units, or one each.
    events : array_like, shape (n_events,)
        Times of the events in seconds; NaN for a trial without one.
    window : tuple of float
        From when to when around the event, in seconds.
    names : iterable of str or int
        Names of the units; empty for none.
    properties : mapping of str to array_like, optional
        What is known of each unit.
    metadata : mapping, optional
        Anything that JSON can hold.

    Raises
    ------
    DataError
        If shapes do not fit.
    """

    times: Floats
    units: NDArray[np.int32]
    n_units: int
    observed: tuple[Epochs, ...]
    events: Floats
    window: tuple[float, float]
    names: tuple[Label, ...]
    _properties: Properties
    _metadata: dict[str, Any]

    def __init__(
        self,
        times: ArrayLike,
        units: ArrayLike,
        n_units: int,
        observed: Sequence[Epochs],
        events: ArrayLike,
        window: tuple[float, float],
        names: Iterable[Label] = (),
        properties: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        check_together(times=times, units=units)
        n = whole("n_units", n_units, at_least=0)
        if len(observed) not in (1, n):
            raise fail("observed", f"one Epochs, or {n}", len(observed))
        object.__setattr__(self, "times", seconds("times", times, ndim=1))
        object.__setattr__(self, "units", array("units", units, np.int32, ndim=1))
        object.__setattr__(self, "n_units", n)
        object.__setattr__(self, "observed", tuple(observed))
        object.__setattr__(self, "events", seconds("events", events, ndim=1, missing=True))
        object.__setattr__(self, "window", window_of(window))
        object.__setattr__(self, "names", labels("names", names, n, "unit"))
        object.__setattr__(self, "_properties", _columns(properties, n, self.names))
        object.__setattr__(self, "_metadata", plain_metadata(metadata))

    def __len__(self) -> int:
        return len(self.events)

    @property
    def properties(self) -> Properties:
        """What is known of each unit: read-only arrays by name."""
        return handed_out(self._properties)

    def flat(self) -> tuple[NDArray[np.int64], NDArray[np.int32], Floats]:
        """Return event, unit and time from the event (s) of each spike, event by event.

        A spike in two windows comes twice.
        """
        known = np.flatnonzero(np.isfinite(self.events))
        when = self.events[known]
        low, high = when + self.window[0], when + self.window[1]
        first = np.searchsorted(self.times, low - tolerance(low))
        after = np.searchsorted(self.times, high - tolerance(high))
        sizes = after - first
        event = np.repeat(known, sizes)
        offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        place = np.repeat(first, sizes) + offset
        return event, self.units[place], self.times[place] - self.events[event]

    def to_lists(self) -> list[list[Floats]]:
        """Return the times from the event in seconds, by event and unit."""
        event, unit, times = self.flat()
        cells = event * max(self.n_units, 1) + unit
        order = np.argsort(cells, kind="stable")
        n_cells = len(self) * self.n_units
        parts = np.split(times[order], np.searchsorted(cells[order], np.arange(1, n_cells)))
        return [parts[i * self.n_units : (i + 1) * self.n_units] for i in range(len(self))]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per spike: ``event``, ``unit``, and ``time`` from the event in seconds.

        Events count from 0, units by their names if they have such.
        """
        import pandas as pd

        event, unit, times = self.flat()
        who = np.asarray(self.names)[unit] if self.names else unit
        return pd.DataFrame({"event": event, "unit": who, "time": times})

    def select(self, events: ArrayLike) -> AlignedSpikes:
        """Return the spikes around some events: a mask or numbers, shape (n_kept,)."""
        return self.replace(events=self.events[positions("events", events, (), len(self), "event")])

    def counts(self, bin_width: float) -> AlignedSignal:
        """Return counts in bins, shape (n_events, n_bins, n_units).

        Parameters
        ----------
        bin_width : float
            Width of a bin in seconds; the first starts with the window, and what is left at the
            window's end is left out.

        Returns
        -------
        AlignedSignal
            Counts at the centres of the bins and the seconds observed; NaN where nothing was
            recorded.

        Raises
        ------
        DataError
            If no bin fits into the window.
        """
        rule = "a positive width in seconds"
        width = real("bin_width", bin_width, above=0, expected=rule)
        begin, end = self.window
        n_bins = int(steps_before(end, begin, 1 / width))
        if n_bins < 1:
            raise fail("bin_width", f"at most the window's {end - begin:g} s", width)
        edges = begin + np.arange(n_bins + 1) * width
        start = (self.events[:, None] + edges[:-1]).ravel()
        stop = (self.events[:, None] + edges[1:]).ravel()
        shape = (len(self), n_bins, self.n_units)
        found, seen = in_windows(self.times, self.units, self.n_units, self.observed, start, stop)
        names = tuple(map(str, self.names))
        notes = (names, "", seen.reshape(shape), self._properties, self._metadata)
        centre = begin + width / 2
        return AlignedSignal(found.reshape(shape), 1 / width, centre, self.events, *notes)

    def rates_hz(self, bin_width: float) -> Floats:
        """Return rates over events in Hz (the peri-event time histogram), shape (n_bins, n_units).

        Each bin's spikes over the seconds in which it was observed.

        Parameters
        ----------
        bin_width : float
            Width of a bin in seconds.
        """
        return self.counts(bin_width).mean()

    def __repr__(self) -> str:
        event, _, _ = self.flat()
        known = np.isfinite(self.events).sum()
        spikes, units = many(len(event), "spike"), many(self.n_units, "unit")
        head = f"{spikes} of {units} around {many(len(self), 'event')}"
        body = f"window {span(*self.window)}"
        lost = f"{many(len(self) - known, 'trial')} without event" if known < len(self) else ""
        return lines("AlignedSpikes", head, body, lost, properties=self._properties)


def _columns(given: Mapping[str, Any] | None, n: int, names: tuple[Label, ...]) -> Properties:
    return properties("properties", given, n, "unit", names)
