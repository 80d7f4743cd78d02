"""What the data types are to neo; a recording is a segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroloom.shared._convert._neo_about import (
    CHANNELS,
    EXTRA,
    NUMBER,
    RECORDED,
    TABLE,
    TRIALS,
    UNITS,
    annotate,
    note_units,
    of_trains,
    unit_named,
    unit_of,
    with_units,
)
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._convert._times import unknown
from neuroloom.shared._convert._units import per_unit, union
from neuroloom.shared._errors import require
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail


def to_neo(
    data: Epochs | Recording | Signal | SpikeTrains | TimeSeries, *, unit: str = "dimensionless"
) -> Any:
    """Return `data` as neo objects.

    Epochs become an ``Epoch``, spike trains a list of ``SpikeTrain``, a signal an
    ``AnalogSignal``, a time series an ``IrregularlySampledSignal`` (without values an ``Event``)
    and a recording a ``Segment``, which holds the spikes' epochs as an ``Epoch`` called
    ``"recorded"`` and the trials as one called ``"trials"``. Names and properties become names
    and annotations, a unit's whole number the annotation ``unit_number``. Of a list of trains the
    epochs are the union of the times of all units, and an ``Event`` comes back as a table; what
    neo has no place for is named in a `ConversionWarning`.

    Parameters
    ----------
    data : Epochs, Recording, Signal, SpikeTrains or TimeSeries
        What to convert.
    unit : str
        Unit of the samples where a signal says none, ``"mV"``.

    Raises
    ------
    DataError
        If `data` is of another type, has gaps that a list of spike trains cannot hold, a unit
        that neo does not know, or trials without ``start`` and ``stop``.
    MissingDependencyError
        If neo is not installed.
    """
    neo = require("neo", extra=EXTRA)
    lost = Skipped()
    if isinstance(data, Recording):
        result = _segment(neo, data, unit, lost)
    elif isinstance(data, Epochs):
        result = _epoch(neo, data, None, lost)
    elif isinstance(data, SpikeTrains):
        if len(data.epochs) != 1 and data.observed is None:
            raise fail("data", "one epoch (put the spikes in a Recording)", len(data.epochs))
        result = _trains(neo, data, None, lost)
    elif isinstance(data, (Signal, TimeSeries)):
        result = _analog(neo, data, unit, None, lost)
    else:
        raise unknown("data", "Epochs, Recording, Signal, SpikeTrains or TimeSeries", data)
    lost.warn("neo has no place for")
    return result


def _annotated(
    properties: Mapping[str, Any], metadata: Mapping[str, Any], lost: Skipped
) -> dict[str, Any]:
    """Return the properties that array annotations can hold."""
    kept = {}
    for name, values in properties.items():
        if values.ndim == 1 and values.dtype.kind in "biufU":
            kept[name] = with_units(values, name, metadata)
        else:
            lost.note(f"property {name!r}", "not one number or text each")
    units = {name: unit_of(values) for name, values in kept.items()}
    note_units(metadata, {name: unit for name, unit in units.items() if unit}, lost)
    return kept


def _epoch(neo: Any, data: Epochs, name: str | None, lost: Skipped) -> Any:
    notes = _annotated(data.properties, data.metadata, lost)
    name, metadata = _named(data.metadata, name)
    known = {"units": "s", "name": name, "labels": _labels(notes)}
    epoch = neo.Epoch(times=data.start, durations=_durations(data.start, data.stop), **known)
    return annotate(epoch, metadata, notes)


def _labels(notes: dict[str, Any]) -> Any:
    """Take the labels out of the annotations: text that says something."""
    labels = notes.get("label", np.empty(0))
    return notes.pop("label") if labels.dtype.kind == "U" and any(labels) else None


def _durations(start: Any, stop: Any) -> Any:
    """Return durations that lead from start to stop again, as far as rounding allows."""
    durations = stop - start
    return durations + (stop - (start + durations))


def _named(metadata: Mapping[str, Any], name: str | None) -> tuple[str | None, dict[str, Any]]:
    """Return the name of an object, of its own where it stands alone, and the other metadata."""
    rest = {key: value for key, value in metadata.items() if key != UNITS}
    if name is None and rest.get("name") and isinstance(rest["name"], str):
        name = rest.pop("name")
    return name, rest


def _trains(neo: Any, spikes: SpikeTrains, recorded: Epochs | None, lost: Skipped) -> list[Any]:
    """Return one train per unit; `recorded` is what stands beside them, None for trains alone."""
    if not spikes.n_units:
        lost.note("spikes", "they are of no unit")
    if not len(spikes.epochs):
        raise fail("data", "spike trains with epochs, for neo", "none")
    spans = _spans(spikes, recorded, lost)
    columns = _of_units(spikes, lost)
    trains = []
    for k, times in enumerate(spikes.to_lists()):
        start, stop = spans[k]
        known = {name: _scalar(values[k]) for name, values in columns.items()}
        notes = {n: _quantity(v, n, spikes.metadata) for n, v in known.items() if v is not None}
        name = str(spikes.names[k]) if spikes.names else None
        if spikes.names and isinstance(spikes.names[k], int):
            notes[NUMBER] = spikes.names[k]
        train = neo.SpikeTrain(times, units="s", t_start=start, t_stop=stop, name=name)
        trains.append(annotate(train, notes, {}))
    note_units(spikes.metadata, of_trains(trains)[1], lost)
    return trains


def _of_units(spikes: SpikeTrains, lost: Skipped) -> dict[str, Any]:
    """Return the properties that annotations of trains can hold, and note the rest."""
    if rest := sorted(set(spikes.metadata) - {UNITS}):
        lost.note("metadata of the spikes", f"the entries {rest}")
    if "" in spikes.names:
        lost.note("names", "a name without text is none to neo")
    kept = {}
    for column, values in spikes.properties.items():
        if values.dtype.kind not in "biufUO":
            lost.note(f"property {column!r}", "not one number or text each")
            continue
        kept[column] = values
        if all(_scalar(x) is None for x in values):
            lost.note(f"property {column!r}", "no value for any unit")
        if values.dtype.kind in "iuf" and values.itemsize < 8:
            wide = "float64" if values.dtype.kind == "f" else "int64"
            lost.note(f"property {column!r}", f"{values.dtype} comes back as {wide}")
        if values.ndim > 1:
            lost.note(f"property {column!r}", "its rows come back as lists")
    if NUMBER in kept and any(isinstance(x, int) for x in spikes.names):
        lost.note(f"property {NUMBER!r}", "the place of the units' numbers")
    return kept


def _spans(
    spikes: SpikeTrains, recorded: Epochs | None, lost: Skipped
) -> list[tuple[float, float]]:
    """Return from when to when each unit was observed, and note what that leaves out."""
    observed, first = spikes.observed_by_unit(), spikes.epochs.start[0]
    spans = [(x.start[0], x.stop[-1]) if len(x) else (first, first) for x in observed]
    if recorded is None:
        lasting = np.array([x for x in spans if x[0] < x[1]]).reshape(-1, 2)
        recorded = union(*lasting.T).merged()
        if spikes.n_units and recorded != spikes.epochs:
            lost.note("epochs", "trains alone have the union of their times, and nothing about it")
    whole = Epochs(recorded.start, recorded.stop)
    for own, (start, stop) in zip(observed, spans, strict=True):
        if spikes.observed and len(own) and whole.intersect(Epochs(start, stop)) != own:
            lost.note("observed", "gaps in the observed time of single units")
    return spans


def _quantity(value: Any, name: str, metadata: Mapping[str, Any]) -> Any:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return with_units(value, name, metadata) if numeric else value


def _scalar(value: Any) -> Any:
    value = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
    return list(value) if isinstance(value, tuple) else value


def _analog(
    neo: Any, signal: Signal | TimeSeries, unit: str, name: str | None, lost: Skipped
) -> Any:
    if isinstance(signal, TimeSeries) and not signal.n_channels:
        return _event(neo, signal, name, lost)
    quantities = require("quantities", extra=EXTRA)
    notes = _annotated(signal.properties, signal.metadata, lost)
    name, metadata = _named(signal.metadata, name)
    own = notes.pop(CHANNELS, None)
    if own is not None and not signal.channels and len({*map(str, own)}) < len(own):
        notes[CHANNELS] = own  # names given twice, which `from_neo` leaves a property
    elif own is not None:
        lost.note(f"property {CHANNELS!r}", "the place of the channels' names")
    if signal.channels:
        notes[CHANNELS] = np.array(signal.channels)
    own_unit = unit_named(signal.unit or unit)
    if signal.unit and unit_of(own_unit) != signal.unit:
        lost.note("unit", f"{signal.unit!r} comes back as {unit_of(own_unit)!r}")
    known = {"units": own_unit, "name": name}
    if isinstance(signal, TimeSeries):
        _note_epochs(signal, lost)
        times = signal.times * quantities.s
        item = neo.IrregularlySampledSignal(times, signal.values, **known)
    else:
        if signal.observed is not None:
            lost.note("observed", "counts have no time of observation")
        rate, start = signal.rate * quantities.Hz, signal.start * quantities.s
        item = neo.AnalogSignal(signal.values, sampling_rate=rate, t_start=start, **known)
    return annotate(item, metadata, notes)


def _event(neo: Any, series: TimeSeries, name: str | None, lost: Skipped) -> Any:
    note_units(series.metadata, {}, lost)
    name, metadata = _named(series.metadata, name)
    for column in series.properties:
        lost.note(f"property {column!r}", "an Event has no channels")
    if series.unit:
        lost.note("unit", repr(series.unit))
    _note_epochs(series, lost)
    return annotate(neo.Event(times=series.times, units="s", name=name), metadata, {})


def _note_epochs(series: TimeSeries, lost: Skipped) -> None:
    if not len(series) or series.epochs != series.replace(epochs=None).epochs:
        lost.note("epochs", "samples at their own times have no time of recording")


def _segment(neo: Any, recording: Recording, unit: str, lost: Skipped) -> Any:
    segment = neo.Segment(metadata=recording.metadata)
    epochs = dict(recording.epochs)
    for name in (RECORDED, TRIALS):
        if name in epochs:
            raise fail("data.epochs", f"no epochs called {name!r}", list(epochs))
    if recording.spikes is not None:
        trains = _trains(neo, recording.spikes, recording.spikes.epochs, lost)
        segment.spiketrains.extend(trains)
        if trains:
            epochs[RECORDED] = recording.spikes.epochs
    for name in recording.signals:
        signal = recording.signals[name]
        with lost.of(repr(name)) as of_signal:
            item = _analog(neo, signal, unit, name, of_signal)
        if isinstance(signal, Signal):
            segment.analogsignals.append(item)
        elif signal.n_channels:
            segment.irregularlysampledsignals.append(item)
        else:
            segment.events.append(item)
    for name, stretch in epochs.items():
        with lost.of(repr(name)) as of_epochs:
            segment.epochs.append(_epoch(neo, stretch, name, of_epochs))
    if recording.trials is not None:
        if not {"start", "stop"} <= set(recording.trials.table.columns):
            got = f"trials with the columns {list(recording.trials.table.columns)}"
            raise fail("data", "trials with start and stop (neo has no tables)", got)
        segment.epochs.append(_rows(neo, TRIALS, recording.trials, lost))
    for name, table in recording.tables.items():
        columns = set(table.table.columns)
        if {"start", "stop"} <= columns:
            segment.epochs.append(_rows(neo, f"{TABLE}{name}", table, lost))
        elif "time" in columns:
            segment.events.append(_rows(neo, name, table, lost))
        else:
            lost.note(f"table {name!r}", "no start and stop, and no time")
    return segment


def _rows(neo: Any, name: str, trials: Trials, lost: Skipped) -> Any:
    """Return a table as an Epoch if it has starts and stops, as an Event if it has times."""
    table = trials.table
    if trials.metadata:
        lost.note(f"metadata of {name}", f"the entries {sorted(trials.metadata)}")
    notes = {}
    for column in table.columns:
        values = per_unit(table[column])
        if isinstance(values, list) and not all(isinstance(x, str) for x in values):
            lost.note(f"column {column!r} of {name}", "not numbers or text alone")
        else:
            notes[column] = np.array(values)
    if trials.session is not None:
        lost.note(f"session of {name}", repr(trials.session))
    labels = _labels(notes)
    known = {"units": "s", "name": name, "labels": labels}
    if {"start", "stop"} <= notes.keys():
        start, stop = notes.pop("start"), notes.pop("stop")
        item = neo.Epoch(times=start, durations=_durations(start, stop), **known)
    else:
        item = neo.Event(times=notes.pop("time"), **known)
    return annotate(item, {}, notes)
