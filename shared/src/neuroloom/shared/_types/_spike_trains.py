"""Spike times of several units."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import RENAME, check_together, not_taken
from neuroloom.shared._times import check_times, told_in_seconds
from neuroloom.shared._types._aligned import event_times, window_of
from neuroloom.shared._types._aligned_spikes import AlignedSpikes
from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._binning import Counts, grid_over, in_bins, in_windows, windows
from neuroloom.shared._types._clock import Clock
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._grid import narrow, seconds, tell_narrow
from neuroloom.shared._types._labels import (
    Label,
    Properties,
    handed_out,
    labels,
    named,
    positions,
    properties,
    taken,
    where_property,
)
from neuroloom.shared._types._pools import pools
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._summary import lines, listed, many, span, spread
from neuroloom.shared._types._when import moved, observed_by, recorded, restricted
from neuroloom.shared.checks import array, choice, fail, frozen, real, whole

if TYPE_CHECKING:
    import pandas as pd

RESTS = ("nan", "keep", "drop")


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class SpikeTrains(Data):
    """Spike times of `n_units` units in one flat, sorted array.

    Parameters
    ----------
    times : array_like, shape (n_spikes,)
        Spike times in seconds, sorted. Spikes of one time stand in the order of their units,
        whatever order they are given in.
    units : array_like, shape (n_spikes,)
        Unit of each spike, 0 to ``n_units - 1``.
    n_units : int, optional
        Number of units, silent ones included; the largest unit + 1 if not given.
    epochs : Epochs, optional
        When was recorded. If not given, one epoch from 0 (or the first spike, if earlier) to
        just after the last spike. An epoch that starts within a nanosecond after a spike starts
        with it.
    names : iterable of str or int
        Names of the units: text, or whole numbers such as cluster ids; empty for none.
    properties : mapping of str to array_like, optional
        What is known of each unit, one value each: ``{"region": ["CA1", "CA3"]}``.
    observed : sequence of Epochs, optional
        When each unit was observed, where that differs between units; all of `epochs` if not
        given.
    metadata : mapping, optional
        Anything that JSON can hold.

    Raises
    ------
    DataError
        If times are unsorted, not finite or outside `epochs`, lengths differ, a unit is out of
        range, a spike is outside of its unit's observed time, names or properties are not one
        per unit, there is neither a spike nor `epochs`, or a column of times says by its name or
        index that it holds others (``time_ms``).

    Notes
    -----
    A simulated spike has the time of its step's first moment: step k covers
    ``[start + k * dt, start + (k + 1) * dt)`` and its spikes lie at ``start + k * dt``. The
    epoch of n steps is ``[start, start + n * dt)``, and counts in bins of whole steps are sums
    over those steps.

    Examples
    --------
    >>> spikes = SpikeTrains([0.1, 0.2, 0.25], [0, 1, 0], epochs=Epochs(0.0, 0.3))
    >>> spikes.of(0)
    array([0.1 , 0.25])
    >>> spikes.counts(0.1).values
    array([[0., 0.],
           [1., 0.],
           [1., 1.]])
    """

    times: NDArray[np.float64]
    units: NDArray[np.int32]
    n_units: int
    epochs: Epochs
    names: tuple[Label, ...]
    _properties: Properties
    observed: tuple[Epochs, ...] | None
    _metadata: dict[str, Any]

    def __init__(
        self,
        times: ArrayLike,
        units: ArrayLike,
        n_units: int | None = None,
        epochs: Epochs | None = None,
        names: Iterable[Label] = (),
        properties: Mapping[str, Any] | None = None,
        observed: Sequence[Epochs] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        check_together(times=times, units=units)
        when = seconds("times", times, ndim=1)
        who, n_units = _units(units, n_units, len(when))
        for argument, rows in (("times", times), ("units", units)):
            check_times(argument, rows, when)
        drop = np.flatnonzero(np.diff(when) < 0)
        if drop.size:
            i = drop[0]
            raise fail("times", "sorted times", f"{when[i + 1]} after {when[i]}")
        when, who = _in_order(when, who)
        object.__setattr__(self, "times", when)
        object.__setattr__(self, "units", who)
        object.__setattr__(self, "n_units", n_units)
        object.__setattr__(self, "epochs", recorded(when, epochs, "spikes", from_zero=True))
        object.__setattr__(self, "names", labels("names", names, n_units, "unit"))
        object.__setattr__(self, "_properties", _columns(properties, n_units, self.names))
        seen = None if observed is None else observed_by(observed, n_units, self.epochs, when, who)
        object.__setattr__(self, "observed", seen)
        object.__setattr__(self, "_metadata", plain_metadata(metadata))

    @classmethod
    def from_lists(
        cls,
        trains: Sequence[ArrayLike],
        epochs: Epochs | None = None,
        names: Iterable[Label] = (),
        properties: Mapping[str, Any] | None = None,
        observed: Sequence[Epochs] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> SpikeTrains:
        """Return spike trains from one array of times (seconds, in any order) per unit.

        Parameters
        ----------
        trains : sequence of array_like
            Spike times of each unit.
        epochs, names, properties, observed, metadata
            As in `SpikeTrains`.
        """
        if not isinstance(trains, Iterable) or isinstance(trains, (str, Mapping)):
            raise fail("trains", "times of each unit, in order", type(trains).__name__)
        given = list(trains)
        for i, times in enumerate(given):
            told_in_seconds(f"trains[{i}]", times)
        arrays = [array(f"trains[{i}]", t, np.float64, ndim=1) for i, t in enumerate(given)]
        times = np.concatenate([*arrays, np.empty(0)])
        tell_narrow("trains", next(filter(None, map(narrow, given)), ""), times)
        units = np.repeat(np.arange(len(arrays), dtype=np.int32), [len(a) for a in arrays])
        order = np.lexsort((units, times))
        notes = (names, properties, observed, metadata)
        return cls(times[order], units[order], len(arrays), epochs, *notes)

    def to_lists(self) -> list[NDArray[np.float64]]:
        """Return one sorted array of times per unit."""
        order = np.argsort(self.units, kind="stable")
        edges = np.searchsorted(self.units[order], np.arange(1, self.n_units))
        return np.split(self.times[order], edges) if self.n_units else []

    def __len__(self) -> int:
        return len(self.times)

    @property
    def properties(self) -> Properties:
        """What is known of each unit: read-only arrays by name."""
        return handed_out(self._properties)

    def of(self, unit: int | str) -> NDArray[np.float64]:
        """Return the times of one unit in seconds, shape (n_spikes_of_unit,).

        Parameters
        ----------
        unit : int or str
            Its number from 0, or its name if that is text.

        Raises
        ------
        DataError
            If there is no such unit.
        """
        if isinstance(unit, str):
            unit = int(named("unit", unit, self.names, "unit")[0])
        if not 0 <= whole("unit", unit, at_least=0) < self.n_units:
            raise fail("unit", f"a unit from 0 to {self.n_units - 1}", unit)
        times: NDArray[np.float64] = self.times[self.units == unit]
        return times

    def observed_by_unit(self) -> tuple[Epochs, ...]:
        """Return when each unit was observed, one `Epochs` per unit."""
        return (self.epochs,) * self.n_units if self.observed is None else self.observed

    @property
    def rates_hz(self) -> NDArray[np.float64]:
        """Mean firing rate of each unit over its observed time in Hz, shape (n_units,).

        NaN for a unit that was never observed.
        """
        if not len(self.epochs):
            raise fail("epochs", "some time recorded", "none")
        seconds = np.array([x.duration for x in self._observed_once()])
        spikes = np.bincount(self.units, minlength=self.n_units)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(seconds > 0, spikes / seconds, np.nan)

    def _observed_once(self) -> tuple[Epochs, ...]:
        """Return one `Epochs` for all units where they agree."""
        return (self.epochs,) if self.observed is None else self.observed

    def restrict(self, epochs: Epochs) -> SpikeTrains:
        """Return the spikes inside `epochs`, and the time recorded there.

        A spike within a nanosecond of an edge is on it: it belongs to the epoch that starts
        there, not to the one that stops.
        """
        keep, common = restricted(self.times, self.epochs, epochs)
        seen = None if self.observed is None else [x.intersect(common) for x in self.observed]
        return self.replace(
            times=self.times[keep], units=self.units[keep], epochs=common, observed=seen
        )

    def select(
        self,
        units: Any = None,
        *,
        names: Iterable[Label] | Label | None = None,
        **properties: Any,
    ) -> SpikeTrains:
        """Return some of the units, in the order asked for, numbered from 0 again.

        Parameters
        ----------
        units : int, str, or sequence or mask of them, optional
            Numbers from 0, a mask with one entry per unit, or names that are text; all if not
            given.
        names : str, int, or sequence of them, optional
            Names, also those that are whole numbers (cluster ids, keys).
        **properties
            Wanted values of properties: one, several, or a function that accepts them:
            ``region="CA1"``, ``quality=["good", "mua"]``, ``depth=lambda um: um > 500``. Units
            fit if all of them do.

        Raises
        ------
        DataError
            If there is no such unit or property, or a property has no such text.

        Examples
        --------
        >>> spikes = SpikeTrains([0.1, 0.2, 0.3], [0, 1, 2], names=[12, 7, 31],
        ...                      properties={"region": ["CA1", "CA3", "CA1"]})
        >>> spikes.select(region="CA1").names
        (12, 31)
        >>> spikes.select(names=[7]).times
        array([0.2])
        """
        index = positions("units", units, self.names, self.n_units, "unit")
        if names is not None:
            asked = named("names", names, self.names, "unit")
            index = asked if units is None else index[np.isin(index, asked)]
        keep = np.ones(self.n_units, dtype=bool)
        for name, wanted in properties.items():
            keep &= where_property(name, self._properties, name, wanted)
        index = index[keep[index]]
        place = np.full(self.n_units, -1, dtype=np.int32)
        place[index] = np.arange(len(index), dtype=np.int32)
        who = place[self.units]
        seen = None if self.observed is None else [self.observed[i] for i in index]
        return self.replace(
            times=self.times[who >= 0],
            units=who[who >= 0],
            n_units=len(index),
            names=[self.names[i] for i in index] if self.names else (),
            properties=taken(self._properties, index),
            observed=seen,
        )

    def pool(self, by: str | Mapping[str, Any] | ArrayLike | None = None) -> SpikeTrains:
        """Return the spikes of several units as those of one.

        Parameters
        ----------
        by : str, mapping or array_like, optional
            Name of a property (one pool per value, in order of first appearance; units whose
            value is None are refused), a mapping of pool to units (as `select` takes them), or
            one label per unit. All units are one pool if not given.

        Returns
        -------
        SpikeTrains
            One unit per pool, named after it, with the property ``n_units``; properties that
            are the same throughout each pool stay.

        Raises
        ------
        DataError
            If there is no such property, or units of a pool were observed at different times:
            restrict them to common time first.

        Examples
        --------
        >>> spikes = SpikeTrains([0.1, 0.2, 0.3], [0, 1, 2],
        ...                      properties={"region": ["CA1", "CA3", "CA1"]})
        >>> pooled = spikes.pool("region")
        >>> pooled.names, pooled.of("CA1")
        (('CA1', 'CA3'), array([0.1, 0.3]))
        """
        found = pools(by, self.names, self._properties, self.n_units)
        seen: list[Epochs] | None = None
        if self.observed is not None:
            seen = [_common(name, self.observed, units) for name, units in found.names_units()]
        place = found.place
        parts = place[self.units]
        keep = parts >= 0
        return self.replace(
            times=self.times[keep],
            units=parts[keep],
            n_units=len(found.names),
            names=found.names,
            properties=found.properties(self._properties),
            observed=seen,
        )

    if TYPE_CHECKING:

        @overload
        def counts(
            self, bin_width: float, *, rest: Literal["nan", "keep", "drop"] = "nan"
        ) -> Signal: ...
        @overload
        def counts(self, bin_width: None = None, *, edges: ArrayLike) -> Counts: ...

    def counts(
        self,
        bin_width: float | None = None,
        *,
        edges: ArrayLike | None = None,
        rest: Literal["nan", "keep", "drop"] = "nan",
    ) -> Signal | Counts:
        """Return spike counts in equal bins over the recording, or between edges of one's own.

        Bins are half-open. A spike within a nanosecond of an edge, or nearer than rounding
        tells apart, is on it and counts in the bin that starts there: spikes on a sampling grid
        are counted as whole-number arithmetic counts them.

        Parameters
        ----------
        bin_width : float, optional
            Width of a bin in seconds. The first bin starts with the first epoch.
        edges : array_like, shape (n_bins + 1,), optional
            Edges in seconds, increasing; instead of `bin_width`.
        rest : {"nan", "keep", "drop"}
            What becomes of a last bin that the recording's end cuts short: its counts are NaN,
            are kept, or the bin is left out with the spikes in it. Where the recording ends just
            after a spike (epochs were not given, or are another program's closed interval),
            nobody knows that it stopped there, and "nan" keeps the counts. Not with `edges`.

        Returns
        -------
        Signal or Counts
            With `bin_width` a `Signal`: counts, shape (n_bins, n_units), at
            ``rate = 1 / bin_width``, `start` the centre of the first bin, and `observed`, the
            seconds of each bin that were recorded. With `edges` `Counts`. A bin of which nothing
            was recorded is NaN; one of which a part was recorded holds the count of that part:
            divide by `observed`, or use `rates_hz`.

        Raises
        ------
        DataError
            If `bin_width` is not positive or longer than the recording, edges do not increase,
            or there are no units.
        """
        if not self.n_units or not len(self.epochs):
            raise fail("n_units, epochs", "at least one unit and one epoch", "none")
        if (bin_width is None) == (edges is None):
            raise fail("bin_width, edges", "one of the two", "none" if edges is None else "both")
        choice("rest", rest, RESTS)
        if edges is None:
            return self._regular(bin_width, rest)
        if rest != "nan":
            raise fail("rest", "bin_width with it (of edges the last says where bins end)", rest)
        borders = seconds("edges", edges, ndim=1)
        if len(borders) < 2 or (np.diff(borders) <= 0).any():
            raise fail("edges", "two or more edges that increase", borders)
        return self.counts_in((borders[:-1], borders[1:]))

    def _regular(self, bin_width: Any, rest: str) -> Signal:
        rule = "a positive width in seconds"
        width = real("bin_width", bin_width, above=0, expected=rule)
        begin, end = self.epochs.start[0], self.epochs.stop[-1]
        # An end just after a spike says when the last spike was, not when recording stopped.
        unknown = bool(len(self)) and end == np.nextafter(self.times[-1], np.inf)
        grid = grid_over(self.epochs, self.times, width, rest != "drop")
        whole = grid.n_bins - grid.rest
        if not grid.n_bins or (not whole and rest == "nan" and not unknown):
            raise fail("bin_width", f"at most the {end - begin:g} s recorded", width)
        found, seen = in_bins(self.times, self.units, self.n_units, self._observed_once(), grid)
        if grid.rest and rest == "nan" and not unknown:
            found[-1] = np.nan
        names = tuple(map(str, self.names))
        notes = (self._properties, seen, self._metadata)
        return Signal(found, 1 / width, begin + width / 2, names, "", *notes)

    def counts_in(self, epochs: Epochs | tuple[ArrayLike, ArrayLike]) -> Counts:
        """Return one spike count per epoch and unit.

        Parameters
        ----------
        epochs : Epochs or (start, stop)
            Windows; as two arrays of starts and stops in seconds they may overlap and come in
            any order, and NaN stands for a trial without a window.

        Returns
        -------
        Counts
            Counts, shape (n_epochs, n_units), and the seconds of each window that were recorded;
            NaN where nothing was.

        Raises
        ------
        DataError
            If a window does not last or lengths differ.

        Examples
        --------
        >>> spikes = SpikeTrains([0.1, 0.2, 0.7], [0, 0, 0], epochs=Epochs(0.0, 1.0))
        >>> spikes.counts_in(Epochs([0.0, 0.5], [0.5, 1.0])).values[:, 0]
        array([2., 1.])
        """
        start, stop = windows(epochs)
        found, seen = in_windows(
            self.times, self.units, self.n_units, self._observed_once(), start, stop
        )
        return Counts(found, start, stop, seen, self.names, self._properties, self._metadata)

    def align(self, events: ArrayLike | Epochs, window: tuple[float, float]) -> AlignedSpikes:
        """Return the spikes around events, with times from the event.

        Parameters
        ----------
        events : array_like, shape (n_events,) or Epochs
            Times in seconds, in any order; of epochs, their starts. NaN is a trial without
            the event.
        window : tuple of float
            From when to when around the event in seconds, ``(-0.5, 1.0)``. Windows may overlap.

        Returns
        -------
        AlignedSpikes
            Spikes of each event, their counts in bins, and rates over events.

        Examples
        --------
        >>> spikes = SpikeTrains([0.9, 1.2, 2.1], [0, 0, 0], epochs=Epochs(0.0, 3.0))
        >>> around = spikes.align([1.0, 2.0], (-0.5, 0.5))
        >>> [each[0].round(6).tolist() for each in around.to_lists()]
        [[-0.1, 0.2], [0.1]]
        """
        observed = self._observed_once()
        when = event_times(events)
        notes = (self.names, self._properties, self._metadata)
        return AlignedSpikes(
            self.times, self.units, self.n_units, observed, when, window_of(window), *notes
        )

    def on_clock(self, clock: Clock) -> SpikeTrains:
        """Return the spikes in times of the other clock.

        Parameters
        ----------
        clock : Clock
            Leads from these times to the others.
        """
        epochs, times = moved(self.epochs, clock, self.times)
        seen = None if self.observed is None else [x.on_clock(clock) for x in self.observed]
        return self.replace(times=times, epochs=epochs, observed=seen)

    def unit_table(self) -> pd.DataFrame:
        """Return one row per unit: name, properties, number of spikes, observed s, rate in Hz.

        Raises
        ------
        DataError
            If a property is called ``name`` (of units with names), ``n_spikes``, ``observed_s``
            or ``rate_hz``, as the table's own columns are.
        """
        import pandas as pd

        own = [*(["name"] if self.names else []), "n_spikes", "observed_s", "rate_hz"]
        not_taken("properties", own, self._properties, RENAME)
        table = pd.DataFrame(index=pd.RangeIndex(self.n_units, name="unit"))
        if self.names:
            table["name"] = list(self.names)
        for name, values in self._properties.items():
            table[name] = list(values) if values.ndim > 1 else values
        table["n_spikes"] = np.bincount(self.units, minlength=self.n_units)
        table["observed_s"] = [x.duration for x in self.observed_by_unit()]
        table["rate_hz"] = self.rates_hz
        return table

    def __repr__(self) -> str:
        where = self.epochs
        head = f"{many(len(self), 'spike')} of {many(self.n_units, 'unit')}"
        body = "nothing recorded"
        rates = ""
        if len(where):
            edges = span(where.start[0], where.stop[-1])
            body = f"{where.duration:.6g} s {edges}, {many(len(where), 'epoch')}"
            spikes = np.unique(self.units, return_counts=True)[1]
            silent = self.n_units - len(spikes)
            # Silent units are not written out: there may be more than fit into memory.
            alike = self.observed is None
            shown = spread(spikes / where.duration, silent) if alike else spread(self.rates_hz)
            rates = f"rates (Hz): {shown}; {silent} silent"
        seen = "" if self.observed is None else "units observed at different times"
        names = listed("names", self.names) if self.names else ""
        return lines("SpikeTrains", head, body, rates, seen, names, properties=self._properties)


def _columns(given: Mapping[str, Any] | None, n: int, names: tuple[Label, ...]) -> Properties:
    return properties("properties", given, n, "unit", names)


def _units(units: ArrayLike, n_units: int | None, n_spikes: int) -> tuple[NDArray[np.int32], int]:
    """Return the unit of each spike and the number of units."""
    who = array("units", units, np.int32, ndim=1)
    if n_spikes != len(who):
        raise fail("units", f"one per spike ({n_spikes})", len(who))
    if len(who) and who.min() < 0:
        raise fail("units", "whole numbers from 0", int(who.min()))
    if n_units is None:
        n_units = int(who.max()) + 1 if len(who) else 0
    n_units = whole("n_units", n_units, at_least=0)
    if len(who) and who.max() >= n_units:
        raise fail("units", f"units from 0 to {n_units - 1}", who[who >= n_units][0])
    return who, n_units


def _in_order(
    when: NDArray[np.float64], who: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return sorted spikes with those of one time in the order of their units.

    Which of two simultaneous spikes came first nothing says: files and other libraries keep each
    unit's times apart. So equal spikes have one form.
    """
    if not ((when[1:] == when[:-1]) & (who[1:] < who[:-1])).any():
        return when, who
    order = np.lexsort((who, when))
    return frozen(when[order]), frozen(who[order])


def _common(name: Hashable, observed: tuple[Epochs, ...], units: NDArray[np.int64]) -> Epochs:
    first = observed[units[0]] if len(units) else Epochs([], [])
    if any(observed[i] != first for i in units):
        got = f"units of {name!r} observed at different times; restrict to common time first"
        raise fail("by", "units observed at the same time", got)
    return first
