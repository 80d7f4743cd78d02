"""NWB files, written with pynwb."""

from __future__ import annotations

import datetime
import json
import os
import stat
import uuid
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.shared._convert._nwb._columns import add_columns, free, ids_of
from neuroloom.shared._convert._nwb._notes import NAME, VERSION, entry
from neuroloom.shared._convert._nwb._objects import file_metadata
from neuroloom.shared._convert._nwb._open import EXTRA, opened
from neuroloom.shared._convert._nwb._parts import Parts, read_parts
from neuroloom.shared._convert._nwb._series import digest_of
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._errors import require
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail
from neuroloom.shared.checks import path as as_path
from neuroloom.shared.io._atomic import behind_links

# Names that NWB's own parts have.
_RESERVED = ("epochs", "trials", "units", "invalid_times", "electrodes", NAME)
_TEXTS = (
    "experiment_description", "session_id", "institution", "notes", "pharmacology", "protocol",
    "slices", "data_collection", "surgery", "virus", "stimulus_notes", "lab",
)  # fmt: skip
_SUBJECT = ("age", "description", "genotype", "sex", "species", "subject_id", "strain")
_UNKNOWN_START = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def write_nwb(
    path: str | Path,
    recording: Recording,
    *,
    session_start_time: datetime.datetime | None = None,
    identifier: str | None = None,
    session_description: str | None = None,
) -> Path:
    """Write a recording as an NWB file, and return its path.

    Spikes become the table of units with ``obs_intervals``, signals time series in
    ``acquisition``, trials and epochs NWB's tables of the same names, other tables dynamic
    tables in ``analysis``; a column ``id`` of whole numbers the ids of NWB's rows. What NWB has no
    place for (dtypes of columns, names with ``/`` or with a meaning to NWB such as ``tags``,
    which other readers find as ``tags_2``, empty epochs) stands as a JSON note in
    ``scratch/neuroloom``, by which `read_nwb` gives back a recording that equals the one written;
    other readers need no knowledge of it. Of a part that was changed since only the names of its
    columns are taken from it.

    Parameters
    ----------
    path : str or Path
        File to write, by custom ``.nwb``; an existing one is replaced once all is written, and
        its permissions are kept.
    recording : Recording
        What to write.
    session_start_time : datetime, optional
        When the session began, with a time zone: NWB's time 0. If not given,
        ``metadata["session_start_time"]``; without that 1970-01-01, and the file's ``notes`` say
        that it stands for an unknown date.
    identifier : str, optional
        The file's unique name; ``metadata["identifier"]`` or a random one if not given.
    session_description : str, optional
        What the session was; ``metadata["session_description"]`` if not given.

    Raises
    ------
    DataError
        If `recording` is no `Recording`, or the start has no time zone. Nothing is written then.
    MissingDependencyError
        If pynwb is not installed.
    """
    pynwb = require("pynwb", extra=EXTRA)
    if not isinstance(recording, Recording):
        raise fail("recording", "Recording", type(recording).__name__)
    target = as_path("path", path)
    real = behind_links(target)
    if real.is_dir() or not real.parent.is_dir():
        got = f"{target}{' (a folder)' * real.is_dir()}"
        raise fail("path", "a file in an existing folder", got)
    about = recording.metadata
    start = _start(session_start_time, about.get("session_start_time"))
    said = {name: about[name] for name in _TEXTS if isinstance(about.get(name), str)}
    if start is None:
        note = "The start of the session is not known; 1970-01-01 stands for it."
        said["notes"] = f"{said['notes']}\n{note}" if "notes" in said else note
    file = pynwb.NWBFile(
        session_description or _text(about.get("session_description")) or "no description",
        identifier or _text(about.get("identifier")) or str(uuid.uuid4()),
        start or _UNKNOWN_START,
        **said,
    )
    temporary = real.with_name(f".{real.stem}-{uuid.uuid4().hex}.nwb")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pynwb, about empty tables and their like
            file.subject = _subject(pynwb, about.get("subject"))
            names, columns = _filled(pynwb, file, recording)
            with pynwb.NWBHDF5IO(str(temporary), "w") as io:
                io.write(file)
            _add_notes(pynwb, temporary, recording, names, columns)
        if real.is_file():
            os.chmod(temporary, stat.S_IMODE(real.stat().st_mode))
        os.replace(temporary, real)
    finally:
        temporary.unlink(missing_ok=True)
    return target


Names = dict[str, dict[str, str | None]]
"""For each kind of part, the name in the file of each name in the recording."""
Columns = dict[str, dict[str, str]]
"""For each table, its columns' names by their names in the file, where these are others."""


def _start(given: datetime.datetime | None, known: object) -> datetime.datetime | None:
    if given is None and isinstance(known, str):
        try:
            given = datetime.datetime.fromisoformat(known)
        except ValueError as error:
            got = f"metadata['session_start_time'] {known!r}"
            raise fail("session_start_time", "a date and time in ISO 8601", got) from error
    if given is not None and (not isinstance(given, datetime.datetime) or given.tzinfo is None):
        raise fail("session_start_time", "a datetime with a time zone", repr(given))
    return given


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _subject(pynwb: Any, given: Any) -> Any:
    if not isinstance(given, dict):
        return None
    known = {name: given[name] for name in _SUBJECT if isinstance(given.get(name), str)}
    return pynwb.file.Subject(**known) if known else None


def _filled(pynwb: Any, file: Any, recording: Recording) -> tuple[Names, Columns]:
    """Add the parts of a recording to a file."""
    taken, columns = list(_RESERVED), Columns()
    names: Names = {"sources": {}, "observed": {}, "epochs": {}, "tables": {}, "trials": {}}
    if recording.spikes is not None and recording.spikes.n_units:
        file.units, columns["spikes"] = _units(pynwb, recording.spikes)
    for name in recording.signals:
        signal = recording.signals[name]
        # A series without samples is none to NWB's readers, and stands in the note alone.
        names["sources"][name] = free(name, taken) if len(signal) else None
        counts = isinstance(signal, Signal) and signal.observed is not None and len(signal)
        names["observed"][name] = free(f"{name} observed", taken) if counts else None
        _add_signal(pynwb, file, signal, name, names)
    names["epochs"] = _tags(recording)
    for name, epochs in recording.epochs.items():
        for first, after in zip(epochs.start, epochs.stop, strict=True):
            file.add_epoch(float(first), float(after), [names["epochs"][name]])
    for name, table in recording.tables.items():
        names["tables"][name] = free(name, taken)
        made, columns[f"table {name}"] = _table(names["tables"][name], table, f"table {name}")
        file.add_analysis(made)
    if recording.trials is not None:
        native, columns["trials"] = _add_trials(pynwb, file, recording.trials, taken)
        names["trials"]["trials"] = native
    return names, columns


def _tags(recording: Recording) -> dict[str, str | None]:
    """Return the tag of each named stretch of time, none for one without epochs."""
    tags: dict[str, str | None] = {}
    given = recording.epochs
    taken = {name for name in given if name and name == _clean(name)}
    for name in given:
        plain = _clean(name) or "epochs"
        chosen, number = plain, 2
        while chosen != name and chosen in taken:
            chosen, number = f"{plain}_{number}", number + 1
        taken.add(chosen)
        tags[name] = chosen if len(given[name]) else None
    return tags


def _add_trials(
    pynwb: Any, file: Any, trials: Trials, taken: list[str]
) -> tuple[str | None, dict[str, str]]:
    """Add the trials, and return the name of their table if it is not NWB's own, and columns'."""
    if any({f"start{x}", f"stop{x}"} <= set(trials.columns) for x in ("", "_time")):
        file.trials, columns = _trials(pynwb, trials)
        return None, columns
    native = free("trials table", taken)
    table, columns = _table(native, trials, "trials without times")
    file.add_analysis(table)
    return native, columns


def _add_signal(pynwb: Any, file: Any, signal: Any, name: str, names: Names) -> None:
    native, seen = names["sources"][name], names["observed"][name]
    if native is not None:
        file.add_acquisition(_series(pynwb, native, signal, name))
    if seen is not None:
        about = f"seconds observed in each bin of {native}"
        file.add_acquisition(_regular(pynwb, seen, signal, signal.observed, "s", about))


def _clean(text: str) -> str:
    """Return text that HDF5 can hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _series(pynwb: Any, native: str, signal: Any, name: str) -> Any:
    words = f"; channels: {', '.join(signal.channels)}" if signal.channels else ""
    about = _clean(f"{name}{words}")
    unit = _clean(signal.unit) or "unknown"
    if isinstance(signal, Signal):
        return _regular(pynwb, native, signal, signal.values, unit, about)
    if not signal.n_channels:
        return pynwb.TimeSeries(
            name=native, data=np.ones(len(signal)), unit="n/a", timestamps=signal.times,
            description=f"{about}: events, which have times alone",
        )  # fmt: skip
    return pynwb.TimeSeries(
        name=native, data=signal.values, unit=unit, timestamps=signal.times, description=about
    )


def _regular(pynwb: Any, native: str, signal: Signal, values: Any, unit: str, about: str) -> Any:
    return pynwb.TimeSeries(
        name=native, data=values, unit=unit, rate=signal.rate, starting_time=signal.start,
        description=about,
    )  # fmt: skip


def _units(pynwb: Any, spikes: SpikeTrains) -> tuple[Any, dict[str, str]]:
    observed = spikes.observed or [spikes.epochs] * spikes.n_units
    numbered = all(isinstance(x, int) and -(2**31) <= x < 2**31 for x in spikes.names)
    ids = list(spikes.names) if spikes.names and numbered else list(range(spikes.n_units))
    table = pynwb.misc.Units(name="units", description="units of a neuroloom recording")
    for k, times in enumerate(spikes.to_lists()):
        pairs = np.stack([observed[k].start, observed[k].stop], axis=1)
        table.add_unit(spike_times=times, obs_intervals=pairs, id=ids[k])
    columns = dict(spikes.properties)
    if spikes.names and not numbered:
        columns = {"unit_name": np.array(list(map(str, spikes.names))), **columns}
    return table, add_columns(table, columns)


def _table(native: str | None, trials: Trials, about: str) -> tuple[Any, dict[str, str]]:
    common = require("hdmf.common", extra=EXTRA)
    table = common.DynamicTable(name=native, description=_clean(about) or "table")
    columns, ids = _without_ids(trials.table)
    table.id.extend(ids)
    return table, add_columns(table, columns)


def _without_ids(frame: Any) -> tuple[dict[str, Any], list[int]]:
    """Return a table's columns, and the ids of its rows: its column ``id`` where it can be that."""
    columns = {name: frame[name] for name in frame.columns}
    ids = ids_of(columns)
    if ids is None:
        return columns, list(range(len(frame)))
    del columns["id"]
    return columns, ids


def _trials(pynwb: Any, trials: Trials) -> tuple[Any, dict[str, str]]:
    frame = trials.table
    table = pynwb.epoch.TimeIntervals(name="trials", description="trials")
    ends = ["start", "stop"]
    if {"start_time", "stop_time"} <= set(frame.columns):
        ends = ["start_time", "stop_time"]
    start, stop = (frame[end].to_numpy(np.float64, na_value=np.nan) for end in ends)
    columns, ids = _without_ids(frame.drop(columns=ends))
    for first, after, row in zip(start, stop, ids, strict=True):
        table.add_interval(start_time=float(first), stop_time=float(after), id=row)
    others = {x: y for x, y in zip(("start_time", "stop_time"), ends, strict=True) if x != y}
    return table, {**add_columns(table, columns), **others}


def _add_notes(
    pynwb: Any, path: Path, recording: Recording, names: Names, columns: Columns
) -> None:
    """Add what only we can read, with digests of what the file says without it."""
    skipped = Skipped()
    with opened(path, skipped) as file:
        found = read_parts(file, skipped)
        said = file_metadata(file, skipped)
    entries = _entries(recording, names, found)
    for one in entries:
        name = f"table {one['name']}" if one["kind"] == "tables" else one["kind"]
        one["columns"] = columns.get(name, {})
    notes = {"version": VERSION, "metadata": recording.metadata, "said": said, "entries": entries}
    with pynwb.NWBHDF5IO(str(path), "a") as io:
        file = io.read()
        file.add_scratch(json.dumps(notes), name=NAME, description="see neuroloom's write_nwb")
        io.write(file)


def _entries(recording: Recording, names: Names, found: Parts) -> list[dict[str, Any]]:
    entries = []
    there: Any
    spikes = recording.spikes
    if spikes is not None:
        exact = {name: getattr(spikes, name) for name in _SPIKES}
        exact["observed"] = None if spikes.observed is None else list(spikes.observed)
        exact["properties"] = _listed(spikes.properties)
        entries.append(entry("spikes", None, None, found.spikes, exact))
    if recording.trials is not None:
        native = names["trials"]["trials"]
        there = found.trials if native is None else found.tables.get(native)
        entries.append(entry("trials", None, None, there, recording.trials, table=native or ""))
    for name, native in names["sources"].items():
        exact = _about(recording.signals[name], names["observed"][name])
        there = None if native is None else found.sources.get(native)
        entries.append(entry("sources", native, name, there, exact))
    for kind in ("epochs", "tables"):
        for name, native in names[kind].items():
            there = None if native is None else getattr(found, kind).get(native)
            entries.append(entry(kind, native, name, there, getattr(recording, kind)[name]))
    return entries


_SPIKES = ("n_units", "epochs", "names", "metadata")


def _listed(properties: Any) -> dict[str, Any]:
    """Return properties with arrays of objects as lists."""
    return {k: v.tolist() if v.dtype.hasobject else v for k, v in properties.items()}


def _about(signal: Any, observed: str | None) -> dict[str, Any]:
    """Return what a time series in the file does not say of a signal."""
    exact: dict[str, Any] = {
        name: getattr(signal, name) for name in ("channels", "unit", "metadata")
    }
    exact["properties"] = _listed(signal.properties)
    exact |= {"shape": list(signal.values.shape), "dtype": str(signal.values.dtype)}
    exact["observed"] = observed
    exact["counts"] = isinstance(signal, Signal) and signal.observed is not None
    if isinstance(signal, Signal):
        return {**exact, "rate": signal.rate, "start": signal.start}
    events = not signal.n_channels
    stamps = digest_of(signal.times) if len(signal) else ""
    told = {"irregular": True, "events": events, "epochs": signal.epochs}
    return {**exact, **told, "stamps": stamps}
