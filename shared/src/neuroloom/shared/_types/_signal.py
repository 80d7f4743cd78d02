"""Regularly sampled signals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import check_columns, check_together
from neuroloom.shared._times import check_samples
from neuroloom.shared._types._aligned import AlignedSignal, event_times, rows_around, window_of
from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._channels import channel_names, chosen, sampled, unit_name
from neuroloom.shared._types._clock import Clock, checked_clock
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._grid import on_grid, seconds, steps_nearest, steps_until, vector
from neuroloom.shared._types._labels import Properties, handed_out, properties, taken
from neuroloom.shared._types._resample import filtered, ratio
from neuroloom.shared._types._summary import lines, listed, many, span
from neuroloom.shared.checks import array, choice, fail, real, unknown

METHODS = ("linear", "nearest", "previous")


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Signal(Data):
    """A regularly sampled signal of one or more channels, or spike counts in equal bins.

    Parameters
    ----------
    values : array_like, shape (n_times, n_channels) or (n_times,)
        Samples; NaN marks a missing one. A 1-D array is one channel. They are kept in
        float32 where that holds all numbers of their type (float16, integers of up to 16 bits),
        otherwise in float64. Times in the index of a table must be those that `rate`
        and `start` say; `from_frame` and `from_xarray` take them from there.
    rate : float
        Sampling rate in Hz.
    start : float
        Time of the first sample in seconds. A count or mean over a bin stands at the bin's
        centre.
    channels : iterable of str
        Names of the channels; if none are given those of the columns of a DataFrame or DataArray,
        where they are text.
    unit : str
        Unit of the samples, ``"mV"``; if none is given that of a DataArray, empty if unknown.
    properties : mapping of str to array_like, optional
        What is known of each channel, one value each: ``{"region": ["CA1", "CA3"]}``.
    observed : array_like, shape (n_times, n_channels), optional
        Of counts, the seconds that were seen in each bin: ``values / observed`` are rates.
        None for samples.
    metadata : mapping, optional
        Anything that JSON can hold.

    Raises
    ------
    DataError
        If `values` is ragged, empty of channels, not numeric or infinite, `rate` is not a
        positive number, `channels`, `properties` or `observed` do not fit, or a table says
        other times or another unit than the arguments.

    Examples
    --------
    >>> lfp = Signal([[0.0, 1.0], [0.5, 2.0]], rate=1000.0, channels=["CA1", "CA3"])
    >>> lfp.times
    array([0.   , 0.001])
    >>> lfp.channel("CA3").values[:, 0]
    array([1., 2.])
    """

    values: NDArray[np.floating]
    rate: float
    start: float
    channels: tuple[str, ...]
    unit: str
    _properties: Properties
    observed: NDArray[np.float64] | None
    _metadata: dict[str, Any]

    def __init__(
        self,
        values: ArrayLike,
        rate: float,
        start: float = 0.0,
        channels: Iterable[str] = (),
        unit: str = "",
        properties: Mapping[str, Any] | None = None,
        observed: ArrayLike | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        check_together(values=values, observed=observed)
        samples = sampled(values)
        names = channel_names(channels, samples.shape[1], values)
        rule = "a positive sampling rate in Hz"
        hertz = real("rate", rate, above=0, expected=rule)
        object.__setattr__(self, "values", samples)
        object.__setattr__(self, "rate", hertz)
        object.__setattr__(self, "start", real("start", start))
        for argument, rows in (("values", values), ("observed", observed)):
            check_samples(argument, rows, hertz, self.start)
        object.__setattr__(self, "channels", names)
        object.__setattr__(self, "unit", unit_name(unit, values))
        object.__setattr__(
            self, "_properties", _columns(properties, samples.shape[1], self.channels)
        )
        check_columns("observed", observed, names)
        object.__setattr__(self, "observed", _seen(observed, samples))
        object.__setattr__(self, "_metadata", plain_metadata(metadata))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.values.shape[1])

    @property
    def times(self) -> NDArray[np.float64]:
        """Time of each sample in seconds, shape (n_times,)."""
        return self.start + np.arange(len(self)) / self.rate

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self) / self.rate

    @property
    def properties(self) -> Properties:
        """What is known of each channel: read-only arrays by name."""
        return handed_out(self._properties)

    @property
    def rates_hz(self) -> NDArray[np.float64]:
        """Of counts, the rate in each bin over the time seen in it, in Hz; NaN where unseen.

        Raises
        ------
        DataError
            If these are samples, not counts.
        """
        if self.observed is None:
            raise fail("observed", "spike counts with the time seen in each bin", "samples")
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.observed > 0, self.values / self.observed, np.nan)

    def channel(self, name: str) -> Signal:
        """Return the channel called `name` alone.

        Raises
        ------
        DataError
            If there is no such channel.
        """
        if name not in self.channels:
            raise unknown("name", name, self.channels)
        return self.select([name])

    def select(self, channels: Any = None, **properties: Any) -> Signal:
        """Return some of the channels, in the order asked for.

        Parameters
        ----------
        channels : str, int, or sequence or mask of them, optional
            Names, places from 0, or a mask with one entry per channel; all if not given.
        **properties
            Wanted values of properties: one, several, or a function that accepts them,
            ``region="CA1"``, ``depth=lambda um: um > 500``.

        Raises
        ------
        DataError
            If there is no such channel or property, a property has no such text, or none is
            left.
        """
        names, columns = self.channels, self._properties
        index = chosen(channels, names, columns, self.n_channels, properties)
        if not len(index):
            raise fail("channels", "at least one channel", "none that fits")
        return self.replace(
            values=self.values[:, index],
            channels=[names[i] for i in index] if names else (),
            properties=taken(columns, index),
            observed=None if self.observed is None else self.observed[:, index],
        )

    def restrict(self, epochs: Epochs) -> list[Signal]:
        """Return one signal for each epoch that holds samples, in order.

        A sample within a nanosecond of an epoch's edge is on it: windows whose length is a whole
        number of samples all have that number. For windows that must be of one length at any
        rate, use `align`.

        Parameters
        ----------
        epochs : Epochs
            Which time.
        """
        return [self._piece(i, j) for i, j in self._spans(epochs) if i < j]

    def within(self, epochs: Epochs) -> Signal:
        """Return one signal from the first to the last sample in the epochs, NaN between them.

        Parameters
        ----------
        epochs : Epochs
            Which time.
        """
        inside = np.zeros(len(self), dtype=bool)
        for i, j in self._spans(epochs):
            inside[i:j] = True
        if not inside.any():
            begin = float(epochs.start[0]) if len(epochs) else self.start
            return self._piece(0, 0).replace(start=begin)
        i, j = int(inside.argmax()), len(inside) - int(inside[::-1].argmax())
        piece = self._piece(i, j)
        if inside[i:j].all():
            return piece
        outside = ~inside[i:j, None]
        seen = None if piece.observed is None else np.where(outside, 0.0, piece.observed)
        blank = np.array(np.nan, dtype=piece.values.dtype)
        return piece.replace(values=np.where(outside, blank, piece.values), observed=seen)

    def _near(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return times with those far outside moved next to the signal: their size is no matter."""
        around = 2 / self.rate
        return np.clip(times, self.start - around, self.start + self.duration + around)

    def _spans(self, epochs: Epochs) -> Iterator[tuple[int, int]]:
        """Yield the first sample of each epoch and the first after it."""
        if not isinstance(epochs, Epochs):
            raise fail("epochs", "Epochs", type(epochs).__name__)
        edges = self._near(np.stack([epochs.start, epochs.stop]))
        places = np.clip(steps_until(edges, self.start, self.rate), 0, len(self))
        yield from zip(*places.tolist(), strict=True)

    def _piece(self, first: int, after: int) -> Signal:
        seen = None if self.observed is None else self.observed[first:after]
        start = self.start + first / self.rate
        return self.replace(values=self.values[first:after], start=start, observed=seen)

    def at(
        self, times: ArrayLike, *, method: Literal["linear", "nearest", "previous"] = "linear"
    ) -> NDArray[np.float64]:
        """Return the values at given times, shape (n_times, n_channels).

        Parameters
        ----------
        times : array_like, shape (n_times,)
            Times in seconds, in any order; NaN gives NaN.
        method : {"linear", "nearest", "previous"}
            Between samples: on the line between them, the nearer one (of two as near the later),
            or the last one (a sample holds until the next would come). Before the first sample
            and after the last, and on a line to a missing sample: NaN.

        Raises
        ------
        DataError
            If `times` are no numbers or there is no such method.
        """
        when = seconds("times", vector(times), ndim=1, missing=True)
        choice("method", method, METHODS)
        known = np.isfinite(when)
        near = self._near(np.where(known, when, self.start))
        place = on_grid(near, self.start, self.rate)
        last = len(self) - 1
        holds = place < last + 1 if method == "previous" else place <= last
        inside = known & (place >= 0) & holds
        found = np.full((len(when), self.n_channels), np.nan)
        if method == "nearest":
            found[inside] = self.values[steps_nearest(near[inside], self.start, self.rate)]
            return found
        place = place[inside]
        low = np.floor(place).astype(np.int64)
        found[inside] = self.values[low]
        if method == "linear":
            part = (place - low)[:, None]
            high = self.values[np.minimum(low + 1, last)].astype(np.float64)
            line = found[inside] + part * (high - found[inside])
            found[inside] = np.where(part == 0, found[inside], line)  # 0 times NaN is NaN
        return found

    def resample(self, rate: float) -> Signal:
        """Return the signal at another rate, low-passed below half of the lower rate.

        The filter is a Kaiser-windowed sinc of ten zero crossings on either side, applied in
        polyphase; where samples are missing, and at the ends, its weights are shared among
        those that are there. The first sample keeps its time.

        Parameters
        ----------
        rate : float
            Rate in Hz, in a ratio of whole numbers up to 20,000 to the present one.

        Raises
        ------
        DataError
            If the ratio is not one of such numbers, or the signal holds counts, whose bins are
            to be made by ``SpikeTrains.counts``.
        MissingDependencyError
            If scipy is not installed.
        """
        rule = "a positive rate in Hz"
        wanted = real("rate", rate, above=0, expected=rule)
        if self.observed is not None:
            raise fail("rate", "a signal of samples (count spikes in other bins)", "counts")
        if not len(self):
            return self.replace(rate=wanted)
        found = filtered(self.values, *ratio(self.rate, wanted))
        return self.replace(values=found.astype(self.values.dtype), rate=wanted)

    def align(self, events: ArrayLike | Epochs, window: tuple[float, float]) -> AlignedSignal:
        """Return the signal around events, one row per event, all of one length.

        Each row starts with the sample nearest to ``event + window[0]`` (of two as near the
        later) and has ``(window[1] - window[0]) * rate`` samples, rounded.

        Parameters
        ----------
        events : array_like, shape (n_events,) or Epochs
            Times in seconds, in any order; of epochs, their starts. The row of a NaN is NaN.
        window : tuple of float
            From when to when around the event in seconds, ``(-0.5, 1.0)``.

        Returns
        -------
        AlignedSignal
            Samples, NaN outside the signal.

        Raises
        ------
        DataError
            If the window is shorter than a sample.
        """
        begin, end = window_of(window)
        when = event_times(events)
        n_wide = round((end - begin) * self.rate)
        if n_wide < 1:
            raise fail("window", f"at least one sample, {1 / self.rate:g} s", f"{end - begin:g} s")
        known = np.isfinite(when)
        # Windows that end before the signal or start after it hold nothing, however far they are.
        reach = known & (when + end > self.start) & (when + begin < self.start + self.duration)
        place = steps_nearest(np.where(reach, when + begin, self.start), self.start, self.rate)
        first = np.where(reach, place, np.nan)
        index, inside = rows_around(len(self), first, n_wide)
        source = self.values if len(self) else np.full((1, self.n_channels), np.nan)
        blank = np.array(np.nan, dtype=self.values.dtype)
        values = np.where(inside[:, :, None], source[index], blank)
        seen = None
        if self.observed is not None:
            watched = self.observed if len(self) else np.zeros((1, self.n_channels))
            seen = np.where(inside[:, :, None], watched[index], 0.0)
        notes = (self.channels, self.unit, seen, self._properties, self._metadata)
        return AlignedSignal(values, self.rate, begin, when, *notes)

    def on_clock(self, clock: Clock) -> Signal:
        """Return the signal in times of the other clock.

        Parameters
        ----------
        clock : Clock
            Leads from these times to the others.
        """
        start = float(checked_clock(clock).times(self.start))
        seen = None if self.observed is None else self.observed * (1 + clock.drift)
        return self.replace(start=start, rate=self.rate / (1 + clock.drift), observed=seen)

    def __repr__(self) -> str:
        kind, begin = "sample" if self.observed is None else "bin", self.start
        if self.observed is not None:  # a count stands at its bin's centre
            begin -= 0.5 / self.rate
        dtype = f", {self.values.dtype}" if self.values.dtype != np.float64 else ""
        unit = f" in {self.unit}" if self.unit else ""
        shape = f"{many(len(self), kind)} × {many(self.n_channels, 'channel')}{unit}"
        head = f"{shape} at {self.rate:.9g} Hz{dtype}"
        body = f"{self.duration:.6g} s {span(begin, begin + self.duration)}"
        names = listed("channels", self.channels) if self.channels else ""
        lost = np.isnan(self.values).mean() if self.values.size else 0
        note = f"{lost:.1%} missing (NaN)" if lost else ""
        return lines("Signal", head, body, names, note, properties=self._properties)


def _columns(given: Mapping[str, Any] | None, n: int, names: tuple[str, ...]) -> Properties:
    return properties("properties", given, n, "channel", names)


def _seen(observed: ArrayLike | None, samples: NDArray[Any]) -> NDArray[np.float64] | None:
    if observed is None:
        return None
    seen = array("observed", observed, np.float64, ndim=2)
    if seen.shape != samples.shape:
        raise fail("observed", f"shape {samples.shape}, as values", f"shape {seen.shape}")
    if (seen < 0).any():
        raise fail("observed", "seconds, 0 or more", float(seen.min()))
    return seen
