"""Irregularly sampled data: pupil, tracked position, licks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import check_together
from neuroloom.shared._times import check_times
from neuroloom.shared._types._aligned import event_times, window_of
from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._channels import channel_names, chosen, sampled, unit_name
from neuroloom.shared._types._clock import Clock
from neuroloom.shared._types._epochs import Epochs, exact_index
from neuroloom.shared._types._grid import seconds, steps_before, tolerance, vector
from neuroloom.shared._types._labels import Properties, handed_out, properties, taken
from neuroloom.shared._types._signal import METHODS, Signal
from neuroloom.shared._types._summary import lines, listed, many, span
from neuroloom.shared._types._when import moved, recorded, restricted
from neuroloom.shared.checks import choice, fail, real, unknown


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class TimeSeries(Data):
    """Samples at times of their own, or events without values.

    Parameters
    ----------
    values : array_like, shape (n_times, n_channels) or (n_times,), or None
        Samples, in float32 or float64 as those of a `Signal`; NaN marks a lost one. None for
        events, which have a time and no channels.
    times : array_like, shape (n_times,)
        Time of each sample in seconds, sorted; two samples may have one time.
    channels : iterable of str
        Names of the channels, ``["x", "y"]``; if none are given those of the columns of a
        DataFrame or DataArray, where they are text.
    unit : str
        Unit of the samples; empty if unknown.
    epochs : Epochs, optional
        When was recorded. If not given, one epoch from the first to just after the last sample.
        An epoch that starts within a nanosecond after a sample starts with it.
    properties : mapping of str to array_like, optional
        What is known of each channel, one value each.
    metadata : mapping, optional
        Anything that JSON can hold.

    Raises
    ------
    DataError
        If times are unsorted, not finite or outside `epochs`, lengths differ, there is neither
        a sample nor `epochs`, or a table says other times or another unit: by its index, or by
        a name such as ``time_ms``.

    Examples
    --------
    >>> pupil = TimeSeries([3.0, 3.4, 3.2], [0.00, 0.04, 0.10], ["diameter"], unit="mm")
    >>> pupil.at([0.02, 0.07]).round(3).tolist()
    [[3.2], [3.3]]
    >>> licks = TimeSeries(None, [0.3, 0.41, 0.55])
    >>> len(licks.restrict(Epochs(0.4, 1.0)))
    2
    """

    values: NDArray[np.floating]
    times: NDArray[np.float64]
    channels: tuple[str, ...]
    unit: str
    epochs: Epochs
    _properties: Properties
    _metadata: dict[str, Any]

    def __init__(
        self,
        values: ArrayLike | None,
        times: ArrayLike,
        channels: Iterable[str] = (),
        unit: str = "",
        epochs: Epochs | None = None,
        properties: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        check_together(times=times, values=values)
        when = seconds("times", times, ndim=1)
        given = np.empty((len(when), 0)) if values is None else values
        samples = sampled(given, columns=False)
        if len(samples) != len(when):
            raise fail("values", f"one row per time ({len(when)})", len(samples))
        for argument, rows in (("times", times), ("values", values)):
            check_times(argument, rows, when)
        drop = np.flatnonzero(np.diff(when) < 0)
        if drop.size:
            i = drop[0]
            raise fail("times", "sorted times", f"{when[i + 1]} after {when[i]}")
        object.__setattr__(self, "values", samples)
        object.__setattr__(self, "times", when)
        object.__setattr__(self, "channels", channel_names(channels, samples.shape[1], values))
        object.__setattr__(self, "unit", unit_name(unit, values))
        object.__setattr__(self, "epochs", recorded(when, epochs, "samples", from_zero=False))
        object.__setattr__(
            self, "_properties", _columns(properties, samples.shape[1], self.channels)
        )
        object.__setattr__(self, "_metadata", plain_metadata(metadata))

    def __len__(self) -> int:
        return len(self.times)

    @property
    def n_channels(self) -> int:
        """Number of channels; 0 for events."""
        return int(self.values.shape[1])

    @property
    def duration(self) -> float:
        """Recorded time in seconds."""
        return self.epochs.duration

    @property
    def properties(self) -> Properties:
        """What is known of each channel: read-only arrays by name."""
        return handed_out(self._properties)

    def channel(self, name: str) -> TimeSeries:
        """Return the channel called `name` alone.

        Raises
        ------
        DataError
            If there is no such channel.
        """
        if name not in self.channels:
            raise unknown("name", name, self.channels)
        return self.select([name])

    def select(self, channels: Any = None, **properties: Any) -> TimeSeries:
        """Return some of the channels, in the order asked for.

        Parameters
        ----------
        channels : str, int, or sequence or mask of them, optional
            Names, places from 0, or a mask with one entry per channel; all if not given.
        **properties
            Wanted values of properties: one, several, or a function that accepts them.

        Raises
        ------
        DataError
            If there is no such channel or property, or a property has no such text.
        """
        names, columns = self.channels, self._properties
        index = chosen(channels, names, columns, self.n_channels, properties)
        return self.replace(
            values=self.values[:, index],
            channels=[names[i] for i in index] if names else (),
            properties=taken(columns, index),
        )

    def restrict(self, epochs: Epochs) -> TimeSeries:
        """Return the samples inside `epochs`, and the time recorded there."""
        keep, common = restricted(self.times, self.epochs, epochs)
        return self.replace(values=self.values[keep], times=self.times[keep], epochs=common)

    def at(
        self,
        times: ArrayLike,
        *,
        method: Literal["linear", "nearest", "previous"] = "linear",
        max_gap: float = np.inf,
    ) -> NDArray[np.float64]:
        """Return the values at given times, shape (n_times, n_channels).

        Parameters
        ----------
        times : array_like, shape (n_times,)
            Times in seconds, in any order; NaN gives NaN. A time within a nanosecond of a sample
            is on it.
        method : {"linear", "nearest", "previous"}
            Between samples: on the line between them, the nearer one (of two as near the later),
            or the last one.
        max_gap : float
            Between samples that are more than so many seconds apart the value is unknown: NaN.

        Returns
        -------
        ndarray
            NaN before the first and after the last sample, between samples of two epochs, and
            next to a lost sample.

        Raises
        ------
        DataError
            If there are no samples, `times` are no numbers, or there is no such method.
        """
        when = seconds("times", vector(times), ndim=1, missing=True)
        choice("method", method, METHODS)
        rule = "a positive time in seconds"
        widest = real("max_gap", max_gap, above=0, finite=False, expected=rule)
        if not len(self):
            raise fail("times", "at least one sample to read from", "none")
        found = np.full((len(when), self.n_channels), np.nan)
        known = np.isfinite(when)
        low, exact = self._samples_at(np.where(known, when, self.times[0]))
        exact &= known
        between = known & (low >= 0) & (low < len(self) - 1) & ~exact
        found[exact] = self.values[low[exact]]
        low, when = low[between], when[between]
        t0, t1 = self.times[low], self.times[low + 1]
        slack = tolerance(t1, t1 - t0)
        y0, y1 = self.values[low].astype(np.float64), self.values[low + 1].astype(np.float64)
        if method == "previous":
            middle = y0
        elif method == "nearest":
            middle = np.where((t1 - when <= when - t0 + slack)[:, None], y1, y0)
        else:
            middle = y0 + ((when - t0) / (t1 - t0))[:, None] * (y1 - y0)
        same = exact_index(self.epochs, t0) == exact_index(self.epochs, t1)
        near = t1 - t0 <= widest + slack
        found[between] = np.where((same & near)[:, None], middle, np.nan)
        return found

    def _samples_at(self, when: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the last sample at or before each time, and whether the time is on it."""
        low = np.searchsorted(self.times, when, side="right") - 1
        after = self.times[np.minimum(low + 1, len(self) - 1)]
        before = np.where(low >= 0, self.times[np.maximum(low, 0)], -np.inf)
        apart = after - before
        slack = tolerance(when, np.where(apart > 0, apart, np.inf))
        nearly = (after > when) & (after - when <= np.minimum(slack, when - before))
        low = np.where(nearly, np.searchsorted(self.times, after, side="right") - 1, low)
        exact = (low >= 0) & (np.abs(self.times[np.maximum(low, 0)] - when) <= slack)
        return low, exact

    def to_signal(
        self,
        rate: float,
        *,
        method: Literal["linear", "nearest", "previous"] = "linear",
        max_gap: float = np.inf,
    ) -> Signal:
        """Return the samples on a regular grid from the first to the last one.

        Values come from `at`: nothing is low-passed, so a rate below that of the samples folds
        what is faster into what is slower.

        Parameters
        ----------
        rate : float
            Samples per second.
        method : {"linear", "nearest", "previous"}
            As in `at`.
        max_gap : float
            As in `at`, in seconds.

        Raises
        ------
        DataError
            If there are no samples or no channels.
        """
        rule = "a positive rate in Hz"
        hertz = real("rate", rate, above=0, expected=rule)
        if not len(self) or not self.n_channels:
            raise fail("values", "samples with at least one channel", f"shape {self.values.shape}")
        start, last = self.times[0], self.times[-1]
        grid = start + np.arange(int(steps_before(last, start, hertz)) + 1) / hertz
        values = self.at(grid, method=method, max_gap=max_gap)
        notes = (self.channels, self.unit, self._properties, None, self._metadata)
        return Signal(values.astype(self.values.dtype), hertz, start, *notes)

    def align(self, events: ArrayLike | Epochs, window: tuple[float, float]) -> list[TimeSeries]:
        """Return the samples around each event, with times from the event.

        Parameters
        ----------
        events : array_like, shape (n_events,) or Epochs
            Times in seconds, in any order; of epochs, their starts.
        window : tuple of float
            From when to when around the event in seconds, ``(-0.5, 1.0)``.

        Returns
        -------
        list of TimeSeries
            One per event; without samples, and without epochs, where nothing was recorded or the
            event is NaN.
        """
        begin, end = window_of(window)
        pieces = []
        for when in event_times(events):
            if np.isfinite(when):
                piece = self.restrict(Epochs(when + begin, when + end))
                pieces.append(piece.on_clock(Clock(-when)))
            else:
                nothing = {"times": [], "epochs": Epochs([], [])}
                pieces.append(self.replace(values=self.values[:0], **nothing))
        return pieces

    def on_clock(self, clock: Clock) -> TimeSeries:
        """Return the samples in times of the other clock.

        Parameters
        ----------
        clock : Clock
            Leads from these times to the others.
        """
        epochs, times = moved(self.epochs, clock, self.times)
        return self.replace(times=times, epochs=epochs)

    def __repr__(self) -> str:
        unit = f" in {self.unit}" if self.unit else ""
        head = many(len(self), "sample" if self.n_channels else "event")
        if self.n_channels:
            head += f" × {many(self.n_channels, 'channel')}{unit}"
        where = self.epochs
        body = f"{where.duration:.6g} s recorded"
        if len(where):
            body += f" {span(where.start[0], where.stop[-1])}, {many(len(where), 'epoch')}"
        step = np.diff(self.times)
        pace = (
            f"steps of {np.median(step):.4g} s (median), up to {step.max():.4g} s"
            if len(step)
            else ""
        )
        names = listed("channels", self.channels) if self.channels else ""
        lost = np.isnan(self.values).mean() if self.values.size else 0
        note = f"{lost:.1%} lost (NaN)" if lost else ""
        return lines("TimeSeries", head, body, pace, names, note, properties=self._properties)


def _columns(given: Mapping[str, Any] | None, n: int, names: tuple[str, ...]) -> Properties:
    return properties("properties", given, n, "channel", names)
