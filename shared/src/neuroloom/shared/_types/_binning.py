"""Counting spikes in bins and windows, and how long each of them was observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import check_together, not_taken
from neuroloom.shared._types._aligned import event_times
from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._grid import steps_before, steps_until, tolerance
from neuroloom.shared._types._labels import Label, Properties, handed_out, labels, properties
from neuroloom.shared._types._summary import lines, many, span, spread
from neuroloom.shared.checks import array, fail

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_MOST = 2**31  # counts; 16 bytes each with the seconds seen


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Counts(Data):
    """Spike counts in windows of any length, which may overlap.

    Parameters
    ----------
    values : array_like, shape (n_windows, n_units)
        Number of spikes; NaN where nothing was observed.
    start, stop : array_like, shape (n_windows,)
        First moment of each window and the first after it, in seconds; NaN for a trial without
        a window.
    observed : array_like, shape (n_windows, n_units)
        Seconds of the window that were recorded.
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

    values: Floats
    start: Floats
    stop: Floats
    observed: Floats
    names: tuple[Label, ...]
    _properties: Properties
    _metadata: dict[str, Any]

    def __init__(
        self,
        values: ArrayLike,
        start: ArrayLike,
        stop: ArrayLike,
        observed: ArrayLike,
        names: Iterable[Label] = (),
        properties: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        check_together(values=values, start=start, stop=stop, observed=observed)
        found = array("values", values, np.float64, ndim=2, missing=True)
        first = array("start", start, np.float64, ndim=1, missing=True)
        after = array("stop", stop, np.float64, ndim=1, missing=True)
        seen = array("observed", observed, np.float64, ndim=2)
        if not len(found) == len(first) == len(after):
            raise fail("start, stop", f"one per window ({len(found)})", (len(first), len(after)))
        if seen.shape != found.shape:
            raise fail("observed", f"shape {found.shape}", f"shape {seen.shape}")
        object.__setattr__(self, "values", found)
        object.__setattr__(self, "start", first)
        object.__setattr__(self, "stop", after)
        object.__setattr__(self, "observed", seen)
        object.__setattr__(self, "names", labels("names", names, found.shape[1], "unit"))
        object.__setattr__(self, "_properties", _columns(properties, found.shape[1], self.names))
        object.__setattr__(self, "_metadata", plain_metadata(metadata))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def properties(self) -> Properties:
        """What is known of each unit: read-only arrays by name."""
        return handed_out(self._properties)

    @property
    def rates_hz(self) -> Floats:
        """Rate in each window over the time seen in it, in Hz; NaN where unseen."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.observed > 0, self.values / self.observed, np.nan)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per window: ``start``, ``stop``, and the counts of each unit.

        Raises
        ------
        DataError
            If a unit is called ``start`` or ``stop``.
        """
        import pandas as pd

        names = self.names or tuple(range(self.values.shape[1]))
        not_taken("names", ("start", "stop"), names, "; rename them: counts.replace(names=…)")
        counts = pd.DataFrame(self.values, columns=list(names))
        return pd.concat([pd.DataFrame({"start": self.start, "stop": self.stop}), counts], axis=1)

    def __repr__(self) -> str:
        head = f"{many(len(self), 'window')} × {many(self.values.shape[1], 'unit')}"
        known = np.isfinite(self.start)
        where = span(self.start[known].min(), self.stop[known].max()) if known.any() else ""
        rates = f"rates (Hz): {spread(self.rates_hz)}"
        return lines("Counts", head, where, rates, properties=self._properties)


def _columns(given: Mapping[str, Any] | None, n: int, names: tuple[Label, ...]) -> Properties:
    return properties("properties", given, n, "unit", names)


def seconds_seen(epochs: Epochs, start: Floats, stop: Floats) -> Floats:
    """Return how many seconds of each window lie in the epochs, shape of `start`.

    Exactly 0 or the whole window where it is that but for rounding.
    """
    whole = stop - start
    if not len(epochs):
        return np.zeros_like(whole)
    origin = epochs.start[0]  # digits are lost far from 0
    edges = np.stack([epochs.start, epochs.stop], axis=1).ravel() - origin
    before = np.append(0.0, np.cumsum(epochs.stop - epochs.start))
    reached = np.zeros(len(edges))
    reached[0::2], reached[1::2] = before[:-1], before[1:]
    seen = np.interp(stop - origin, edges, reached) - np.interp(start - origin, edges, reached)
    slack = tolerance(np.maximum(np.abs(start), np.abs(stop)), whole)
    seen = np.where(seen <= slack, 0.0, seen)
    return np.where(np.abs(seen - whole) <= slack, whole, seen)


def in_windows(
    times: Floats,
    units: NDArray[np.int32],
    n_units: int,
    observed: Sequence[Epochs],
    start: Floats,
    stop: Floats,
) -> tuple[Floats, Floats]:
    """Return counts and seconds seen, each (n_windows, n_units); NaN counts where unseen.

    `observed` is one for all units, or one each.
    """
    known = np.isfinite(start) & np.isfinite(stop)
    first, after = np.where(known, start, 0.0), np.where(known, stop, 1.0)
    lengths = after - first
    low = first - tolerance(first, lengths)
    high = after - tolerance(after, lengths)
    order = np.argsort(units, kind="stable")
    trains = np.split(times[order], np.searchsorted(units[order], np.arange(1, n_units)))
    found = np.empty((len(first), n_units))
    seen = np.empty((len(first), n_units))
    for unit in range(n_units):
        train = trains[unit]
        found[:, unit] = np.searchsorted(train, high) - np.searchsorted(train, low)
        if unit == 0 or len(observed) > 1:
            seconds = seconds_seen(observed[unit], first, after)
        seen[:, unit] = seconds
    seen[~known] = 0.0
    return np.where((seen > 0) | ((found > 0) & known[:, None]), found, np.nan), seen


@dataclass(frozen=True)
class Grid:
    """Equal bins over a recording: `n_bins` of them from `start`, `width` seconds each."""

    start: float
    width: float
    n_bins: int
    rest: bool  # the last bin is cut short by the recording's end

    @property
    def edges(self) -> Floats:
        """Edges of the bins in seconds, shape (n_bins + 1,)."""
        return np.asarray(self.start + np.arange(self.n_bins + 1) * self.width, dtype=np.float64)


def grid_over(epochs: Epochs, times: Floats, width: float, keep_rest: bool) -> Grid:
    """Return the bins from the first epoch's start on that hold the last one's stop.

    A spike on the recording's very end, as closed intervals of other programs have it, opens
    one bin more. Without `keep_rest` only whole bins are there.
    """
    begin, end, rate = float(epochs.start[0]), float(epochs.stop[-1]), 1 / width
    whole = int(steps_before(end, begin, rate))
    if not keep_rest:
        return Grid(begin, width, whole, False)
    n_bins = int(steps_until(end, begin, rate))
    if len(times):
        n_bins = max(n_bins, int(steps_before(times[-1], begin, rate)) + 1)
    return Grid(begin, width, n_bins, n_bins > whole)


def in_bins(
    times: Floats,
    units: NDArray[np.int32],
    n_units: int,
    observed: Sequence[Epochs],
    grid: Grid,
) -> tuple[Floats, Floats]:
    """Return counts and seconds seen on equal bins, each (n_bins, n_units); NaN where unseen."""
    size = grid.n_bins * n_units
    if size > _MOST:
        got = f"{grid.n_bins} bins × {n_units} units ({size * 16 / 1e9:.0f} GB)"
        hint = "; use wider bins, or restrict to one epoch at a time: gaps are bins, too"
        raise fail("bin_width", "counts that fit into memory", got, hint=hint)
    place = steps_before(times, grid.start, 1 / grid.width)
    inside = (place >= 0) & (place < grid.n_bins)
    flat = place[inside] * n_units + units[inside]
    found = np.bincount(flat, minlength=size).reshape(grid.n_bins, n_units)
    edges = grid.edges
    start, stop = edges[:-1], edges[1:]
    columns = [seconds_seen(each, start, stop) for each in observed]
    # Edges are rounded: a whole bin is as long as it was asked for, to the last digit.
    columns = [np.where(x == stop - start, grid.width, x) for x in columns]
    seen = np.stack(columns, axis=1) if len(columns) > 1 else columns[0][:, None]
    seen = np.broadcast_to(seen, found.shape)
    return np.where((seen > 0) | (found > 0), found, np.nan), seen


def windows(epochs: Any) -> tuple[Floats, Floats]:
    """Return starts and stops of windows: of epochs, or as they are given."""
    if isinstance(epochs, Epochs):
        return epochs.start, epochs.stop
    try:
        start, stop = epochs
    except (TypeError, ValueError) as error:
        raise fail("epochs", "Epochs, or starts and stops", type(epochs).__name__) from error
    check_together(start=start, stop=stop)
    first, after = event_times(start), event_times(stop)
    if len(first) != len(after):
        raise fail("epochs", f"as many stops as starts ({len(first)})", len(after))
    short = np.flatnonzero(after <= first)
    if short.size:
        i = short[0]
        raise fail("epochs", "stop > start", f"[{first[i]}, {after[i]}) in window {i}")
    return first, after
