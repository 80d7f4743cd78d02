"""Signals cut around events: one row per event, all rows of one length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import not_taken
from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._channels import as_floats, channel_names, unit_name
from neuroloom.shared._types._grid import seconds, vector
from neuroloom.shared._types._labels import Properties, handed_out, positions, properties
from neuroloom.shared._types._summary import lines, listed, many, span
from neuroloom.shared.checks import array, fail, real

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class AlignedSignal(Data):
    """Samples or counts around events, shape (n_events, n_times, n_channels).

    Parameters
    ----------
    values : array_like, shape (n_events, n_times, n_channels)
        Samples, in float32 or float64 as those of a `Signal`; NaN where nothing was recorded.
    rate : float
        Samples per second.
    start : float
        Time of the first sample from the event in seconds, negative before it.
    events : array_like, shape (n_events,)
        Times of the events in seconds; NaN for a trial without one, whose row is NaN.
    channels : iterable of str
        Names of the channels; empty for none.
    unit : str
        Unit of the samples.
    observed : array_like, shape (n_events, n_times, n_channels), optional
        Of counts, the seconds seen in each bin.
    properties : mapping of str to array_like, optional
        What is known of each channel.
    metadata : mapping, optional
        Anything that JSON can hold.

    Raises
    ------
    DataError
        If shapes do not fit.
    """

    values: NDArray[np.floating]
    rate: float
    start: float
    events: NDArray[np.float64]
    channels: tuple[str, ...]
    unit: str
    observed: NDArray[np.float64] | None
    _properties: Properties
    _metadata: dict[str, Any]

    def __init__(
        self,
        values: ArrayLike,
        rate: float,
        start: float,
        events: ArrayLike,
        channels: Iterable[str] = (),
        unit: str = "",
        observed: ArrayLike | None = None,
        properties: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        samples = as_floats("values", values, ndim=3)
        when = seconds("events", events, ndim=1, missing=True)
        if len(when) != len(samples):
            raise fail("events", f"one per row of values ({len(samples)})", len(when))
        seen = None
        if observed is not None:
            seen = array("observed", observed, np.float64, ndim=3)
            if seen.shape != samples.shape:
                raise fail("observed", f"shape {samples.shape}", f"shape {seen.shape}")
        rule = "a positive sampling rate in Hz"
        hertz = real("rate", rate, above=0, expected=rule)
        object.__setattr__(self, "values", samples)
        object.__setattr__(self, "rate", hertz)
        object.__setattr__(self, "start", real("start", start))
        object.__setattr__(self, "events", when)
        object.__setattr__(self, "channels", channel_names(channels, samples.shape[2]))
        object.__setattr__(self, "unit", unit_name(unit))
        object.__setattr__(self, "observed", seen)
        object.__setattr__(
            self, "_properties", _checked(properties, samples.shape[2], self.channels)
        )
        object.__setattr__(self, "_metadata", plain_metadata(metadata))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.values.shape[2])

    @property
    def times(self) -> NDArray[np.float64]:
        """Time of each sample from the event in seconds, shape (n_times,)."""
        return self.start + np.arange(self.values.shape[1]) / self.rate

    @property
    def properties(self) -> Properties:
        """What is known of each channel: read-only arrays by name."""
        return handed_out(self._properties)

    def mean(self) -> NDArray[np.float64]:
        """Return the mean over events, NaN left out, shape (n_times, n_channels).

        Counts become rates in Hz: all spikes of a bin over all seconds seen in it.
        """
        known = np.isfinite(self.values)
        total = np.where(known, self.values, 0).sum(axis=0, dtype=np.float64)
        if self.observed is None:
            amount: Any = known.sum(axis=0)
        else:
            amount = np.where(known, self.observed, 0).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(amount > 0, total / amount, np.nan)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per event and sample, one column per channel.

        The index tells the ``event``, counted from 0, and the ``time`` from it in seconds.

        Raises
        ------
        DataError
            If a channel is called ``event`` or ``time``.
        """
        import pandas as pd

        do = "; rename them: aligned.replace(channels=…)"
        not_taken("channels", ("event", "time"), self.channels, do)
        n_events, n_times, n_channels = self.values.shape
        index = pd.MultiIndex.from_product(
            [np.arange(n_events), self.times], names=["event", "time"]
        )
        columns = list(self.channels or range(n_channels))
        values = self.values.reshape(n_events * n_times, n_channels)
        return pd.DataFrame(values, index=index, columns=columns)

    def select(self, events: ArrayLike) -> AlignedSignal:
        """Return the rows of some events: a mask or numbers, shape (n_kept,)."""
        index = positions("events", events, (), len(self), "event")
        seen = None if self.observed is None else self.observed[index]
        return self.replace(values=self.values[index], events=self.events[index], observed=seen)

    def __repr__(self) -> str:
        times = self.times
        kind = "count" if self.observed is not None else "sample"
        shape = (many(len(self), "event"), many(len(times), kind))
        head = f"{' × '.join(shape)} × {many(self.n_channels, 'channel')}"
        head += f" at {self.rate:.9g} Hz"
        window = span(times[0], times[-1]) if len(times) else ""
        names = listed("channels", self.channels) if self.channels else ""
        lost = int((~np.isfinite(self.values)).all(axis=(1, 2)).sum())
        note = f"{many(lost, 'event')} without data" if lost else ""
        parts = (window and f"around the event {window}", names, note)
        return lines("AlignedSignal", head, *parts, properties=self._properties)


def _checked(given: Mapping[str, Any] | None, n: int, names: tuple[str, ...]) -> Properties:
    return properties("properties", given, n, "channel", names)


def window_of(window: Any) -> tuple[float, float]:
    """Return a window around an event as its two ends in seconds."""
    try:
        first, after = window
    except (TypeError, ValueError) as error:
        raise fail("window", "two times from the event, (-0.5, 1.0)", repr(window)) from error
    begin, end = real("window[0]", first), real("window[1]", after)
    if end <= begin:
        raise fail("window", "an end after its start", (begin, end))
    return begin, end


def event_times(events: Any) -> NDArray[np.float64]:
    """Return times of events; the starts of epochs; NaN for no event."""
    given = events.start if hasattr(events, "start") and hasattr(events, "stop") else events
    return seconds("events", vector(given), ndim=1, missing=True)


def rows_around(
    n_samples: int, first: NDArray[np.float64], n_wide: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return sample numbers of windows, shape (n_windows, n_wide), and which exist."""
    known = np.isfinite(first)
    begin = np.where(known, first, -n_wide - 1).astype(np.int64)
    index = begin[:, None] + np.arange(n_wide)
    inside = (index >= 0) & (index < n_samples) & known[:, None]
    return np.where(inside, index, 0), inside
