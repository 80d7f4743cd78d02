"""NWB files, read with pynwb."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from neuroloom.shared._convert._nwb._notes import NAME, corrected, read_notes, restored
from neuroloom.shared._convert._nwb._objects import (
    column_descriptions,
    described,
    file_metadata,
    table_descriptions,
)
from neuroloom.shared._convert._nwb._open import opened
from neuroloom.shared._convert._nwb._parts import read_parts
from neuroloom.shared._convert._nwb._series import Source
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._lazy import Lazy
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared.checks import fail, real, unknown


def read_nwb(path: str | Path, *, signals: Iterable[str] | None = None) -> Recording:
    """Return what an NWB file holds as a recording.

    ==================================== ===================================================
    in the file                          in the recording
    ==================================== ===================================================
    ``units``                            ``spikes``: named by id, columns as properties,
                                         ``obs_intervals`` as epochs, and as ``observed`` where
                                         they differ between units
    time series of numbers               ``signals``, in their unit, conversion and offset
                                         applied; *read when used*
    ``trials``                           ``trials``, with ``start`` and ``stop`` added
    ``epochs``                           ``epochs`` by tag
    ``invalid_times``                    ``epochs["invalid_times"]``; they are no part of
                                         ``spikes.epochs``
    other intervals, ``IntervalSeries``  ``epochs`` by name
    tables, intervals with more columns, ``tables``
    annotations
    session, subject, devices, groups,   ``metadata``
    descriptions of columns and tables
    ==================================== ===================================================

    What is left out stands in ``metadata["skipped"]`` with its reason; a part that cannot be
    read does not keep the others from being read. A name that comes twice in the file is given
    with its path, ``"behavior/speed"``.

    Parameters
    ----------
    path : str or Path
        File to read. The samples of a signal are read when ``recording.signals[name]`` is first
        used, so the file must still be there then, and what is wrong with them (an infinite one,
        a damaged chunk) is told then, too, with the signal's name; `read_nwb_signal` reads a part
        of a long one.
    signals : iterable of str, optional
        Names of the time series to keep. If not given, all.

    Raises
    ------
    DataError
        If the file is missing or no NWB, or a series asked for is missing or no signal.
    MissingDependencyError
        If pynwb is not installed.
    """
    skipped = Skipped()
    with opened(path, skipped) as file:
        parts = read_parts(file, skipped)
        metadata = file_metadata(file, skipped)
        metadata["objects"] = described(file, skipped)
        notes = read_notes(file, skipped)
        if notes is None:
            with skipped.guard("descriptions of columns"):
                if columns := column_descriptions(file):
                    metadata["columns"] = columns
            with skipped.guard("descriptions of tables"):
                if tables := table_descriptions(file):
                    metadata["tables"] = tables
    if notes is not None:
        restored(parts, notes, skipped)
        metadata["objects"].pop(NAME, None)
        metadata = corrected(notes, metadata, skipped)
    elif parts.spikes is not None:
        metadata["unit_ids"] = list(parts.spikes.names)
    sources = _asked(parts.sources, signals, skipped)
    if notes is None or skipped:
        metadata["skipped"] = {**metadata.get("skipped", {}), **skipped}
    lazy = Lazy(sources)
    return Recording(parts.spikes, lazy, parts.trials, parts.epochs, metadata, tables=parts.tables)


def _asked(
    sources: dict[str, Source], names: Iterable[str] | None, skipped: Skipped
) -> dict[str, Source]:
    """Return the signals asked for."""
    if names is None:
        return sources
    wanted = [names] if isinstance(names, str) else list(names)
    for name in wanted:
        _known("signals", name, sources, skipped)
    for name in sources:
        if name not in wanted:
            skipped.note(name, "not among the signals asked for")
    return {name: sources[name] for name in wanted}


def _known(argument: str, name: str, sources: dict[str, Source], skipped: Skipped) -> None:
    if name in sources:
        return
    if name in skipped:
        raise fail(argument, "a time series that is a signal", f"{name!r} ({skipped[name]})")
    raise unknown(argument, name, sorted(sources))


def read_nwb_signal(
    path: str | Path,
    name: str,
    *,
    start: float | None = None,
    stop: float | None = None,
    channels: Iterable[str] | None = None,
) -> Signal | TimeSeries:
    """Return a stretch of one time series of an NWB file; the rest stays on the disk.

    Parameters
    ----------
    path : str or Path
        File to read.
    name : str
        Name of the series, as in `read_nwb`.
    start, stop : float, optional
        First time to read and the first one after it, in seconds; the series' own if not given.
    channels : iterable of str, optional
        Names of the channels to read, all if not given.

    Raises
    ------
    DataError
        If the file is missing or no NWB, there is no such series or channel, or `stop` is not
        after `start`.
    MissingDependencyError
        If pynwb is not installed.
    """
    skipped = Skipped()
    with opened(path, skipped) as file:
        parts = read_parts(file, skipped)
        notes = read_notes(file, skipped)
    if notes is not None:
        restored(parts, notes, skipped)
    _known("name", name, parts.sources, skipped)
    source = parts.sources[name]
    first = 0 if start is None else source.place(real("start", start))
    after = source.shape[0] if stop is None else source.place(real("stop", stop))
    if start is not None and stop is not None and stop <= start:
        raise fail("stop", f"a time after start ({start:g} s)", f"{stop:g} s")
    wanted = (channels,) if isinstance(channels, str) else channels
    return source.read(first, after, None if wanted is None else tuple(wanted), (start, stop))
