"""Time series of NWB files, read from the disk when they are used."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._convert._nwb._open import EXTRA
from neuroloom.shared._convert._times import regular
from neuroloom.shared._errors import DataError, require
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared.checks import fail, indices

# Timestamps are checked in pieces, so that a long series needs little memory.
_PIECE = 1 << 20
# Fields that Signal holds itself, and values that say nothing.
_OWN = {"rate", "starting_time", "unit", "conversion", "offset", "starting_time_unit"}
_DEFAULTS = {"comments": "no comments", "description": "no description", "resolution": -1.0}
_OF_CHANNELS = ("location", "group_name", "label", "filtering", "reference")
_NUMBERS = ("x", "y", "z", "imp", "rel_x", "rel_y", "rel_z")

Place = tuple[str, str]
"""A file and the path of a dataset in it."""


@dataclass(frozen=True)
class Source:
    """Where the samples of a series lie, and what they mean; calling it reads them."""

    name: str
    data: Place | None
    shape: tuple[int, ...]
    timestamps: Place | None = None
    rate: float | None = None
    start: float = 0.0
    gains: NDArray[np.float64] | None = None
    conversion: float = 1.0
    offset: float = 0.0
    channels: tuple[str, ...] = ()
    unit: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    # What only files of our own say.
    dtype: str = "float64"
    irregular: bool = False
    events: bool = False
    epochs: Epochs | None = None
    counts: bool = False
    observed: Place | None = None

    def __call__(self) -> Signal | TimeSeries:
        """Return all of it."""
        return self.read()

    def read(
        self,
        first: int = 0,
        after: int | None = None,
        channels: tuple[str, ...] | None = None,
        window: tuple[float | None, float | None] = (None, None),
    ) -> Signal | TimeSeries:
        """Return the samples from `first` to before `after`, those that lie in `window`."""
        rows = slice(first, after)
        columns = None
        about: dict[str, Any] = {"unit": self.unit, "metadata": self.metadata}
        about |= {"channels": self.channels, "properties": self.properties}
        if channels is not None:
            n = self.shape[1] if len(self.shape) == 2 else 1
            columns = indices("channels", list(channels), n, names=self.channels).tolist()
            about["channels"] = channels
            kept = {k: np.asarray(v, object)[columns] for k, v in self.properties.items()}
            about["properties"] = {k: list(v) for k, v in kept.items()}
        values = self._converted(self._read(self.data, rows, columns), columns)
        if self.rate is not None:
            seen = self._read(self.observed, rows, columns) if self.counts else None
            start = self.start + first / self.rate if first else self.start
            with self._named():
                return Signal(values, self.rate, start, observed=seen, **about)
        # All times, so that a stretch is of the same type as the whole.
        times = self.times()
        grid = None if self.irregular else regular(times)
        with self._named():
            if grid is not None:
                return Signal(values, grid[0], grid[1] + first / grid[0], **about)
            epochs = self.epochs if window == (None, None) else self._recorded(times, window)
            return TimeSeries(None if self.events else values, times[rows], epochs=epochs, **about)

    def _recorded(
        self, times: NDArray[np.float64], window: tuple[float | None, float | None]
    ) -> Epochs | None:
        """Return the recorded time in a window: gaps stay, and time without samples counts."""
        whole = TimeSeries(None, times, epochs=self.epochs).epochs
        if not len(whole):
            return None
        low = whole.start[0] if window[0] is None else window[0]
        high = whole.stop[-1] if window[1] is None else window[1]
        if high <= low:
            return Epochs([], [])
        return whole.intersect(Epochs(low, high))

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Say of which series it is that no signal can be made."""
        try:
            yield
        except DataError as error:
            hint = "; name the others in read_nwb(…, signals=[…]) to go on without it"
            raise fail(f"signals[{self.name!r}]", "a signal", error, hint=hint) from error

    def times(self) -> NDArray[np.float64]:
        """Return the times that the file gives, one per sample."""
        if self.timestamps is None:
            return np.empty(0)
        times: NDArray[Any] = self._read(self.timestamps, slice(None), None)
        return times.astype(np.float64)

    def place(self, time: float) -> int:
        """Return the number of the first sample that is not before `time`."""
        if self.rate is not None:
            # Six digits: a time computed as start + k / rate is a trace off sample k.
            found = int(np.ceil(round((time - self.start) * self.rate, 6)))
        else:
            found = int(np.searchsorted(self.times(), time))
        return min(max(found, 0), self.shape[0])

    def _read(self, where: Place | None, rows: slice, columns: list[int] | None) -> Any:
        if where is None:
            return np.empty(self.shape, self.dtype)[rows]
        h5py = require("h5py", extra=EXTRA)
        path, dataset = where
        if not Path(path).is_file():
            raise fail(self.name, "the file that it was found in", f"{path}, which is gone")
        try:
            with h5py.File(path, "r") as file:
                return _taken(file[dataset], rows, columns)
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            text = f"{Path(path).name}: {' '.join(str(error).split())}"
            raise fail(self.name, "samples that can be read", text) from error

    def _converted(self, raw: Any, columns: list[int] | None) -> Any:
        """Return samples in the unit of the series."""
        if raw.dtype.kind == "b":
            raw = raw.astype(np.float64)
        gains = self.gains if columns is None or self.gains is None else self.gains[columns]
        if gains is None and self.conversion == 1 and self.offset == 0:
            return raw
        return raw * (self.conversion * (1.0 if gains is None else gains)) + self.offset


def _taken(dataset: Any, rows: slice, columns: list[int] | None) -> NDArray[Any]:
    """Return part of a dataset; h5py takes columns only in their order."""
    if columns is None or dataset.ndim == 1:
        return np.asarray(dataset[rows])
    order, back = np.unique(columns, return_inverse=True)
    return np.asarray(dataset[rows, order.tolist()])[:, back]


def digest_of(times: NDArray[np.float64]) -> str:
    """Return a number for times, equal for equal ones."""
    return hashlib.blake2b(np.ascontiguousarray(times, "<f8").tobytes(), digest_size=16).hexdigest()


def source_of(name: str, series: Any, path: str) -> Source:
    """Return where a series' samples lie.

    Raises
    ------
    DataError
        If its samples are not numbers in one or two dimensions, lie outside of the file, or it
        has no usable times.
    """
    kind = type(series).__name__
    data = getattr(series, "data", None)
    if data is None:
        raise fail(name, "samples", f"{kind} without data")
    shape = tuple(np.shape(data))
    # Not as getattr's default, which would read all samples of a dataset first.
    dtype = np.dtype(data.dtype if hasattr(data, "dtype") else np.asarray(data).dtype)
    if len(shape) not in (1, 2) or dtype.kind not in "iufb" or 0 in shape:
        got = f"{kind} of shape {shape}, dtype {dtype}"
        raise fail(name, "numbers in one or two dimensions", got)
    rate, timestamps = series.rate, None
    if rate is None:
        if series.timestamps is None:
            raise fail(name, "a rate or timestamps", "neither")
        timestamps = _location(name, series.timestamps)
        _check_times(name, series.timestamps, shape[0])
    elif not 0 < rate < np.inf:
        raise fail(name, "a positive rate in Hz", rate)
    gains = getattr(series, "channel_conversion", None)
    channels, properties = _channels(series, shape[1] if len(shape) == 2 else 1)
    return Source(
        name=name,
        data=_location(name, data),
        shape=shape,
        timestamps=timestamps,
        rate=None if rate is None else float(rate),
        start=_or(series.starting_time, 0.0),
        gains=None if gains is None else np.asarray(gains[:], np.float64),
        conversion=_or(series.conversion, 1.0),
        offset=_or(series.offset, 0.0),
        channels=channels,
        unit=str(series.unit or ""),
        metadata=_metadata(series, path, dtype),
        properties=properties,
    )


def _metadata(series: Any, path: str, dtype: Any) -> dict[str, Any]:
    """Return what the file says of a series in words and single numbers."""
    said: dict[str, Any] = {"path": path, "type": type(series).__name__, "dtype": str(dtype)}
    for name, value in series.fields.items():
        plain = isinstance(value, (str, int, float)) and value == value
        if name not in _OWN and plain and value != _DEFAULTS.get(name):
            said[name] = value
    return said


def _or(value: Any, default: float) -> float:
    """Return a number that may be missing; 0 is one."""
    return default if value is None else float(value)


def _location(name: str, data: Any) -> Place:
    """Return the file and the dataset of an array that pynwb has opened."""
    inner = getattr(data, "dataset", data)
    if not hasattr(inner, "file"):
        raise fail(name, "samples on the disk", type(data).__name__)
    return str(Path(inner.file.filename).resolve()), str(inner.name)


def _check_times(name: str, stamps: Any, n_times: int) -> None:
    if len(stamps) != n_times:
        raise fail(f"{name}.timestamps", f"one per sample ({n_times})", len(stamps))
    last = -np.inf
    for first in range(0, n_times, _PIECE):
        piece = np.asarray(stamps[first : first + _PIECE], np.float64)
        if not np.isfinite(piece).all():
            where = int(np.flatnonzero(~np.isfinite(piece))[0])
            raise fail(f"{name}.timestamps", "finite times", f"{piece[where]} at [{first + where}]")
        falls = np.flatnonzero(np.diff(piece, prepend=last) < 0)
        if falls.size:
            raise fail(f"{name}.timestamps", "sorted times", f"a fall at [{first + int(falls[0])}]")
        last = piece[-1]


def _channels(series: Any, n_channels: int) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return names and properties of channels: those of electrodes or regions of interest."""
    region = getattr(series, "electrodes", None)
    if region is None:
        region = getattr(series, "rois", None)
    if region is None or len(region.data) != n_channels:
        features = getattr(series, "features", None)
        names = tuple(map(str, features[:])) if features is not None else ()
        return (names if len(set(names)) == n_channels else ()), {}
    rows = [int(i) for i in region.data[:]]
    table = region.table

    def column(name: str, kind: Callable[[Any], Any]) -> dict[str, list[Any]]:
        if name not in table.colnames:
            return {}
        return {name: [kind(table[name].data[row]) for row in rows]}

    properties: dict[str, Any] = {}
    for name in _OF_CHANNELS:
        properties |= column(name, str)
    for name in _NUMBERS:
        properties |= column(name, float)
    ids = [int(table.id[row]) for row in rows]
    for names_of_rows in (*column("channel_name", str).values(), list(map(str, ids))):
        if len(set(names_of_rows)) == n_channels:
            return tuple(names_of_rows), properties
    # One electrode twice: the names cannot say which.
    return (), {"id": ids, **properties}
