"""NWB files, read with pynwb."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.shared._convert._times import half_open, sampling
from neuroloom.shared._errors import DataError, require
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._trials import Trials
from neuroloom.shared._validate import fail

_SUBJECT = ("subject_id", "species", "sex", "age", "genotype", "strain")


def read_nwb(path: str | Path, *, signals: Iterable[str] | None = None) -> Recording:
    """Return what an NWB file holds as a recording.

    Units become the spikes (on their observation intervals where all units have the same),
    time series of acquisition and processing the signals (in their unit, conversion applied),
    the trials table the trials, and the epochs table epochs by tag. ``metadata`` has the
    session's and the subject's entries, the units' ids, and under ``"skipped"`` what was left
    out and why.

    Parameters
    ----------
    path : str or Path
        File to read.
    signals : iterable of str, optional
        Names of the time series to read. If not given, all that are regularly sampled numbers
        of one or two dimensions.

    Raises
    ------
    DataError
        If the file is missing or no NWB, a named series is missing or irregular, or epochs
        overlap: nothing is repaired.
    MissingDependencyError
        If pynwb is not installed.
    """
    pynwb = require("pynwb", extra="neuroloom-shared[nwb]")
    source = Path(path)
    if not source.is_file():
        raise fail("path", "an existing file", f"{source}")
    try:
        opened = pynwb.NWBHDF5IO(str(source), "r", load_namespaces=True)
        file = opened.read()
    except Exception as error:  # whatever h5py, hdmf and pynwb raise on foreign files
        raise fail("path", "an NWB file", f"{source.name}: {error}") from error
    with opened:
        skipped: dict[str, str] = {}
        spikes, unit_ids = _spikes(file.units, skipped)
        series = _series(pynwb, file)
        for name in signals or ():
            if name not in series:
                raise fail("signals", f"some of {sorted(series)}", repr(name))
        traces = {}
        for name in series if signals is None else signals:
            try:
                traces[name] = _signal(pynwb, name, series[name])
            except DataError as error:
                if signals is not None:
                    raise
                skipped[name] = str(error)
        trials = None if file.trials is None else Trials(_table(file.trials))
        subject = {k: getattr(file.subject, k, None) for k in _SUBJECT}
        metadata = {
            "identifier": file.identifier,
            "session_description": file.session_description,
            "session_start_time": file.session_start_time.isoformat(),
            "subject": {k: v for k, v in subject.items() if v is not None},
            "unit_ids": unit_ids,
            "skipped": skipped,
        }
        return Recording(spikes, traces, trials, _epochs(file.epochs), metadata)


def _spikes(units: Any, skipped: dict[str, str]) -> tuple[SpikeTrains | None, list[int]]:
    if units is None or "spike_times" not in units.colnames:
        return None, []
    trains = [np.asarray(units["spike_times"][i], np.float64) for i in range(len(units))]
    times = np.concatenate([*trains, np.empty(0)])
    epochs = None
    if "obs_intervals" in units.colnames:
        observed = [np.asarray(units["obs_intervals"][i]) for i in range(len(units))]
        if all(np.array_equal(observed[0], x) for x in observed):
            epochs = half_open(observed[0][:, 0], observed[0][:, 1], times)
        else:
            skipped["obs_intervals"] = "they differ between units"
    if epochs is None and not len(times):
        skipped["units"] = "no spikes and no observation intervals"
        return None, []
    return SpikeTrains.from_lists(trains, epochs), [int(i) for i in units.id[:]]


def _series(pynwb: Any, file: Any) -> dict[str, Any]:
    """Return the time series by name; by ``module/name`` where a name comes twice."""
    found: dict[str, Any] = {}
    for item in file.objects.values():
        place = item.parent
        if isinstance(item, pynwb.TimeSeries) and place is not None:
            found[item.name if item.name not in found else f"{place.name}/{item.name}"] = item
    return found


def _signal(pynwb: Any, name: str, series: Any) -> Signal:
    shape = np.shape(series.data)
    if len(shape) not in (1, 2) or np.asarray(series.data[:0]).dtype.kind not in "iuf":
        raise fail(name, "numbers in one or two dimensions", f"shape {shape}")
    if series.rate is not None:
        rate, start = float(series.rate), float(series.starting_time or 0.0)
    else:
        rate, start = sampling(f"{name}.timestamps", series.timestamps[:])
    values = np.asarray(series.data[:])
    gains = getattr(series, "channel_conversion", None)
    conversion, offset = series.conversion or 1.0, series.offset or 0.0
    if gains is not None or conversion != 1 or offset != 0:
        values = values * (conversion * (1 if gains is None else np.asarray(gains[:]))) + offset
    return Signal(values, rate, start)


def _table(intervals: Any) -> Any:
    """Return a table of intervals without the columns that point to other objects."""
    names = {"timeseries", "tags"} & set(intervals.colnames)
    return intervals.to_dataframe(exclude=names).reset_index(drop=True)


def _epochs(intervals: Any) -> dict[str, Epochs]:
    if intervals is None:
        return {}
    start, stop = intervals["start_time"][:], intervals["stop_time"][:]
    rows: dict[str, list[int]] = {}
    for row in range(len(intervals)):
        tags = intervals["tags"][row] if "tags" in intervals.colnames else ()
        for tag in tags if len(tags) else ("epochs",):
            rows.setdefault(str(tag), []).append(row)
    return {tag: Epochs(start[index], stop[index]) for tag, index in rows.items()}
