"""What an NWB file holds, part by part; one that cannot be read does not block the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuroloom.shared._convert._nwb._open import names_of, path_of
from neuroloom.shared._convert._nwb._series import Source, source_of
from neuroloom.shared._convert._nwb._tables import column, frame, stretches, tagged
from neuroloom.shared._convert._nwb._units import read_units
from neuroloom.shared._convert._rules import set_column
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._convert._units import union
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail

# Series whose numbers are no samples over time, and why.
_NO_SIGNAL = {
    "ImageSeries": "images",
    "SpikeEventSeries": "cut-outs around events",
}


@dataclass
class Parts:
    """The parts of a recording, its signals as where to read them."""

    spikes: SpikeTrains | None = None
    trials: Trials | None = None
    sources: dict[str, Source] = field(default_factory=dict)
    epochs: dict[str, Epochs] = field(default_factory=dict)
    tables: dict[str, Trials] = field(default_factory=dict)


def read_parts(file: Any, skipped: Skipped) -> Parts:
    """Return what an open file holds."""
    parts = Parts()
    _series(file, parts, skipped)
    invalid = _invalid(file, parts.epochs, skipped)
    with skipped.guard("trials"):
        parts.trials = None if file.trials is None else _trials(file.trials, skipped)
    with skipped.guard("units"):
        parts.spikes = read_units(file.units, invalid, skipped)
    _intervals(file, parts.epochs, parts.tables, skipped)
    _tables(file, parts.tables, skipped)
    return parts


def _of_class(file: Any, *names: str) -> list[Any]:
    """Return the objects of a class of pynwb or hdmf, in the order of their path."""
    found = [
        item
        for item in file.objects.values()
        if item.parent is not None and names_in(item) & set(names)
    ]
    return sorted(found, key=lambda item: path_of(item, file))


def names_in(item: Any) -> set[str]:
    """Return the names of an object's classes."""
    return {kind.__name__ for kind in type(item).__mro__}


def _series(file: Any, parts: Parts, skipped: Skipped) -> None:
    """Add the time series: signals to read, intervals, annotations."""
    for name, item in sorted(names_of(_of_class(file, "TimeSeries"), file).items()):
        with skipped.guard(name):
            if "IntervalSeries" in names_in(item):
                parts.epochs.update(_interval_series(name, item))
            elif "AnnotationSeries" in names_in(item):
                words = [_text(x) for x in item.data[:]]
                parts.tables[name] = Trials(
                    {"time": np.asarray(item.timestamps[:]), "label": words}
                )
            else:
                parts.sources[name] = _source(name, item, file)
        for more in ("control", "control_description", "sync"):
            if (value := getattr(item, more, None)) is not None and len(value):
                skipped.note(f"{name}.{more}", f"{len(value)} values beside the samples")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _source(name: str, item: Any, file: Any) -> Source:
    for kind, what in _NO_SIGNAL.items():
        if kind in names_in(item):
            shape = getattr(item.data, "shape", None)
            files = getattr(item, "external_file", None)
            place = f" in external files {list(map(_text, files[:]))}" if files is not None else ""
            got = f"{type(item).__name__} of shape {shape}, {what}{place}"
            raise fail(name, "samples over time", got)
    return source_of(name, item, path_of(item, file))


def _interval_series(name: str, item: Any) -> dict[str, Epochs]:
    """Return the epochs of each kind of interval: +k opens it, −k closes it."""
    kinds, times = np.asarray(item.data[:]), np.asarray(item.timestamps[:], np.float64)
    found = {}
    for kind in np.unique(np.abs(kinds)):
        key = name if kind == np.abs(kinds).min() else f"{name} {kind}"
        found[key] = Epochs(times[kinds == kind], times[kinds == -kind])
    return found


def _invalid(file: Any, epochs: dict[str, Epochs], skipped: Skipped) -> Epochs | None:
    """Return the times that are invalid for everything, and add them to the epochs."""
    table = file.invalid_times
    if table is None:
        return None
    with skipped.guard("invalid_times"):
        start, stop = (
            np.asarray(column(table, x), np.float64) for x in ("start_time", "stop_time")
        )
        own = np.zeros(len(start), bool)
        if "timeseries" in table.colnames:
            own = np.array([len(x) > 0 for x in table["timeseries"][:]], bool)
        if own.any():
            note = f"{own.sum()} rows are about single time series and change nothing"
            skipped.note("invalid_times.timeseries", note)
        invalid = union(start[~own], stop[~own])
        epochs["invalid_times"] = union(start, stop)
        skipped.note("invalid_times", "left out of spikes.epochs; the samples of signals are kept")
        return invalid
    return None


def _trials(table: Any, skipped: Skipped) -> Trials:
    rows = frame(table, skipped)
    for name, given in {"start": "start_time", "stop": "stop_time"}.items():
        if given in rows and name not in rows:
            set_column(rows, name, rows[given])
    return _timed(rows)


def _timed(rows: Any) -> Trials:
    """Return rows of intervals; NWB's columns of times end with ``_time`` or ``_times``."""
    times = [x for x in rows.columns if x.endswith(("_time", "_times")) and _numbers(rows[x])]
    return Trials(rows, metadata={"time_columns": times} if times else None)


def _numbers(column: Any) -> bool:
    """Return whether a column holds numbers, one or a list per row."""
    items = [y for x in column for y in (x if isinstance(x, list) else [x])]
    return all(isinstance(x, (int, float, np.number)) and not isinstance(x, bool) for x in items)


def _intervals(
    file: Any, epochs: dict[str, Epochs], tables: dict[str, Trials], skipped: Skipped
) -> None:
    """Add the tables of intervals: as epochs where they are, and as tables where they say more."""
    if file.epochs is not None:
        with skipped.guard("epochs"):
            rows_of = tagged(file.epochs, skipped)
            found = {}
            for tag, rows in rows_of.items():
                with skipped.guard(f"epochs {tag!r}"):
                    found[tag] = stretches(file.epochs, rows)
            _keep(file.epochs, tables, skipped, len(found) < len(rows_of))
            for tag, stretch in found.items():
                epochs[_free(tag, epochs)] = stretch
    for name, table in sorted((file.intervals or {}).items()):
        if table in (file.epochs, file.trials, file.invalid_times):
            continue
        with skipped.guard(name):
            try:
                epochs[_free(name, epochs)] = stretches(table)
            except ValueError:
                _keep(table, tables, skipped, True)
                raise
            _keep(table, tables, skipped, False)


_SIMPLE = {"start_time", "stop_time", "tags"}


def _keep(table: Any, tables: dict[str, Trials], skipped: Skipped, needed: bool) -> None:
    """Keep a table of intervals that epochs alone do not hold."""
    rows = frame(table, skipped)
    if len(rows) and (needed or set(rows.columns) - _SIMPLE):
        tables[_free(str(table.name), tables)] = _timed(rows)


def _tables(file: Any, tables: dict[str, Trials], skipped: Skipped) -> None:
    """Add every other table."""
    known = {"Units", "TimeIntervals"}
    items = [x for x in _of_class(file, "DynamicTable") if not names_in(x) & known]
    for name, table in names_of(items, file).items():
        with skipped.guard(name):
            tables[_free(name, tables)] = Trials(frame(table, skipped))


def _free(name: str, taken: Any) -> str:
    """Return a name that is not taken."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free
