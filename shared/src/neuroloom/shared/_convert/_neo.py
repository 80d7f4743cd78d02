"""neo objects; a recording is a segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuroloom.shared._convert._neo_about import (
    EXTRA,
    UNITS,
    about,
    columns_of,
    free,
    metadata_of,
    of_trains,
    unit_named,
    with_units,
)
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._convert._times import half_open, sampled, unknown
from neuroloom.shared._convert._units import per_unit, union
from neuroloom.shared._errors import require
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail

_NO_RATE = 1.0  # Hz, what neo says of trains whose rate nobody said
_RECORDED = "recorded"
_TRIALS = "trials"
_TABLE = "table: "
_CHANNELS = "channel_names"
_KNOWN = (
    "a neo Block, Segment, Epoch, Event, SpikeTrain(s), AnalogSignal or IrregularlySampledSignal"
)


def from_neo(
    data: Any,
) -> Epochs | Recording | Signal | SpikeTrains | TimeSeries | Trials | list[Recording]:
    """Return neo objects as the data type they correspond to.

    ========================================= ==================================================
    ``Segment``                               `Recording`; a ``Block`` a list of them
    ``SpikeTrain``, list of such              `SpikeTrains`, on the union of their ``t_start`` to
                                              ``t_stop``; annotations, descriptions and origins
                                              become properties
    ``AnalogSignal``                          `Signal`; array annotations become properties
    ``IrregularlySampledSignal``              `Signal` if its times are regular, else `TimeSeries`
    ``Epoch``                                 `Epochs` with labels as properties; in a segment
                                              a table where they overlap
    ``Event``                                 `Trials`: a table with ``time`` and ``label``
    ========================================= ==================================================

    Names, descriptions, origins and annotations become metadata, units are kept (those of
    annotations in ``metadata["property_units"]``), and what is left out (waveforms, image
    sequences, groups) stands in ``metadata["skipped"]``. Objects of one name in a segment are
    numbered, ``"lfp"``, ``"lfp (2)"``.

    Parameters
    ----------
    data : Block, Segment, Epoch, Event, SpikeTrain, sequence of SpikeTrain, AnalogSignal or \
IrregularlySampledSignal
        What to convert; times in any unit, samples in the unit they have.

    Raises
    ------
    DataError
        If `data` is of another type, or epochs overlap that are no part of a segment.
    MissingDependencyError
        If neo is not installed.
    """
    neo = require("neo", extra=EXTRA)
    if isinstance(data, neo.Epoch):
        return _epochs(data)
    if isinstance(data, neo.Event):
        return _events(data)
    if isinstance(data, neo.SpikeTrain):
        return _spikes([data], None, Skipped())
    if isinstance(data, (neo.AnalogSignal, neo.IrregularlySampledSignal)):
        return _signal(neo, data)
    if isinstance(data, neo.Segment):
        return _recording(neo, data, {})
    if isinstance(data, neo.Block):
        return _block(neo, data)
    if isinstance(data, (neo.ImageSequence, neo.Group, neo.ChannelView)):
        raise unknown("data", _KNOWN, data)
    if isinstance(data, Sequence) or type(data).__name__ == "SpikeTrainList":
        if len(data) and all(isinstance(x, neo.SpikeTrain) for x in data):
            return _spikes(list(data), None, Skipped())
    raise unknown("data", _KNOWN, data)


def _block(neo: Any, block: Any) -> list[Recording]:
    whole = {"block": about(block)}
    skipped = Skipped()
    for group in block.groups:
        skipped.note(f"group {group.name!r}", f"a group of {len(group.data_children)} objects")
    return [_recording(neo, segment, whole, skipped) for segment in block.segments]


def _recording(
    neo: Any, segment: Any, more: Mapping[str, Any], outer: Mapping[str, str] | None = None
) -> Recording:
    skipped = Skipped(outer or {})
    found = _intervals(segment, skipped)
    for i, item in enumerate(segment.events):
        with skipped.guard(f"events {item.name!r}"):
            key = free(item.name or f"events {i}", found.tables)
            found.tables[key] = _events(item, key)
    signals: dict[str, Any] = {}
    for i, item in enumerate([*segment.analogsignals, *segment.irregularlysampledsignals]):
        name = free(item.name or f"signal {i}", signals)
        with skipped.guard(name):
            signals[name] = _signal(neo, item, name)
    for i, item in enumerate(segment.imagesequences):
        skipped.note(item.name or f"image sequence {i}", f"images of shape {item.shape}")
    spikes = None
    with skipped.guard("spiketrains"):
        trains = list(segment.spiketrains)
        spikes = _spikes(trains, found.recorded, skipped) if trains else None
    metadata = about(segment)
    own = metadata.pop("metadata", {})
    metadata |= own if isinstance(own, dict) else {"metadata": own}
    metadata |= more
    if skipped:
        metadata["skipped"] = {**metadata.get("skipped", {}), **skipped}
    parts = (spikes, signals, found.trials, found.epochs, metadata, found.tables)
    return Recording(*parts)


@dataclass
class _Intervals:
    """What the epochs of a segment are to us."""

    epochs: dict[str, Epochs] = field(default_factory=dict)
    tables: dict[str, Trials] = field(default_factory=dict)
    trials: Trials | None = None
    recorded: Epochs | None = None


def _intervals(segment: Any, skipped: Skipped) -> _Intervals:
    found = _Intervals()
    for i, item in enumerate(segment.epochs):
        name = item.name or f"epochs {i}"
        with skipped.guard(f"epochs {name!r}"):
            if name == _RECORDED and found.recorded is None:
                found.recorded = _epochs(item, name)
            elif name == _TRIALS and found.trials is None:
                found.trials = _table(item, name)
            elif name.startswith(_TABLE):
                own = name.removeprefix(_TABLE)
                found.tables[free(own, found.tables)] = _table(item, name)
            else:
                key = free(name, found.epochs)
                try:
                    found.epochs[key] = _epochs(item, key)
                except ValueError:  # they overlap, are unsorted or last no time
                    key = free(name, found.tables)
                    found.tables[key] = _table(item, key)
                    raise
    return found


def _borders(epoch: Any) -> tuple[Any, Any]:
    start = np.asarray(epoch.times.rescale("s").magnitude, np.float64)
    duration = np.asarray(epoch.durations.rescale("s").magnitude, np.float64)
    stop = start + duration
    # start + duration is rounded: where epochs touch it may come out a trace too late.
    follows = np.append(start[1:], np.inf)
    rounding = 4 * np.spacing(np.maximum(np.abs(start), np.abs(duration)))
    trace = (stop > follows) & (stop - follows <= rounding)
    return start, np.where(trace, follows, stop)


def _columns(item: Any, n: int, *taken: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return labels and array annotations, one entry per row, and the units that they have."""
    labels = list(map(str, item.labels)) if item.labels is not None else []
    labelled = len(labels) == n and any(labels)
    taken = (*taken, "label") if labelled else taken
    columns, units = columns_of(item.array_annotations or {}, taken)
    return {"label": labels, **columns} if labelled else columns, units


def _epochs(epoch: Any, key: str | None = None) -> Epochs:
    start, stop = _borders(epoch)
    columns, units = _columns(epoch, len(start))
    return Epochs(start, stop, properties=columns, metadata=metadata_of(epoch, key, units))


def _table(epoch: Any, key: str) -> Trials:
    start, stop = _borders(epoch)
    columns, units = _columns(epoch, len(start), "start", "stop")
    table = {"start": start, "stop": stop, **columns}
    return Trials(table, metadata=metadata_of(epoch, key, units))


def _events(event: Any, key: str | None = None) -> Trials:
    times = np.asarray(event.times.rescale("s").magnitude, np.float64)
    columns, units = _columns(event, len(times), "time")
    return Trials({"time": times, **columns}, metadata=metadata_of(event, key, units))


def _spikes(trains: list[Any], recorded: Epochs | None, skipped: Skipped) -> SpikeTrains:
    times = [np.asarray(train.times.rescale("s").magnitude, np.float64) for train in trains]
    observed = [_observed(train, when) for train, when in zip(trains, times, strict=True)]
    if recorded is None:
        alike = all(x == observed[0] for x in observed)
        recorded = union(*(np.concatenate([getattr(x, end) for x in observed]) for end in _ENDS))
    else:
        alike = all(_covers(x, recorded) for x in observed)
        observed = [recorded.intersect(x) for x in observed]
    own = _left_out(trains)
    skipped.update(own)
    names = [train.name for train in trains]
    distinct = all(names) and len(set(names)) == len(names)
    properties, units = of_trains(trains)
    if not distinct and any(names):
        if "name" in properties:
            properties["annotation name"] = properties.pop("name")
        properties = {"name": names, **properties}
    metadata: dict[str, Any] = {UNITS: units} if units else {}
    return SpikeTrains.from_lists(
        times,
        recorded,
        list(map(str, names)) if distinct else (),
        properties,
        None if alike else observed,
        {**metadata, "skipped": dict(own)} if own else metadata,
    )


_ENDS = ("start", "stop")


def _observed(train: Any, times: Any) -> Epochs:
    start, stop = (float(x.rescale("s")) for x in (train.t_start, train.t_stop))
    return half_open([start], [stop], times) if stop > start else Epochs([], [])


def _covers(observed: Epochs, recorded: Epochs) -> bool:
    """Return whether a train was observed all the recorded time, to the rounding of its ends."""
    if not len(observed) or not len(recorded):
        return not len(recorded)
    rounding = 8 * np.spacing(np.abs([recorded.start[0], recorded.stop[-1]]).max())
    return bool(
        observed.start[0] <= recorded.start[0] + rounding
        and observed.stop[-1] >= recorded.stop[-1] - rounding
    )


def _left_out(trains: list[Any]) -> Skipped:
    skipped = Skipped()
    for train in trains:
        if train.waveforms is not None:
            skipped.note("waveforms", "snippets of each spike have no place")
        if train.left_sweep is not None:
            skipped.note("left_sweep", f"{train.left_sweep}, of the snippets")
        if train.sampling_rate is not None and float(train.sampling_rate.rescale("Hz")) != _NO_RATE:
            skipped.note("sampling_rate", f"{train.sampling_rate}, of the snippets")
        for name in train.array_annotations or {}:
            skipped.note(f"array annotation {name!r}", "a value per spike has no place")
    return skipped


def _signal(neo: Any, signal: Any, key: str | None = None) -> Signal | TimeSeries:
    notes = dict(signal.array_annotations or {})
    names = [str(name) for name in notes.pop(_CHANNELS, ())]
    properties, units = columns_of(notes)
    known: dict[str, Any] = {
        "unit": "" if str(signal.dimensionality) == "dimensionless" else str(signal.dimensionality),
        "metadata": metadata_of(signal, key, units),
        "properties": properties,
    }
    if len(set(names)) == len(names):
        known["channels"] = names
    else:
        known["properties"][_CHANNELS] = names
    values = np.asarray(signal.magnitude)
    if isinstance(signal, neo.IrregularlySampledSignal):
        times = np.asarray(signal.times.rescale("s").magnitude, np.float64)
        return sampled("data.times", times, values, **known)
    rate = float(signal.sampling_rate.rescale("Hz"))
    return Signal(values, rate, float(signal.t_start.rescale("s")), **known)


def to_neo(
    data: Epochs | Recording | Signal | SpikeTrains | TimeSeries, *, unit: str = "dimensionless"
) -> Any:
    """Return `data` as neo objects.

    Epochs become an ``Epoch``, spike trains a list of ``SpikeTrain``, a signal an
    ``AnalogSignal``, a time series an ``IrregularlySampledSignal`` (without values an ``Event``)
    and a recording a ``Segment``, which holds the spikes' epochs as an ``Epoch`` called
    ``"recorded"`` and the trials as one called ``"trials"``. Names and properties become names
    and annotations; what neo has no place for is named in a `ConversionWarning`.

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
        result = _trains(neo, data, lost)
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
            kept[name] = with_units(values, name, metadata, lost)
        else:
            lost.note(f"property {name!r}", "not one number or text each")
    return kept


def _epoch(neo: Any, data: Epochs, name: str | None, lost: Skipped) -> Any:
    notes = _annotated(data.properties, data.metadata, lost)
    name, metadata = _named(data.metadata, name)
    labels = notes.pop("label", None)
    if labels is not None and labels.dtype.kind != "U":
        notes["label"], labels = labels, None
    return neo.Epoch(
        times=data.start,
        durations=data.stop - data.start,
        units="s",
        name=name,
        labels=labels,
        array_annotations=notes,
        **_notes(metadata, lost),
    )


def _named(metadata: Mapping[str, Any], name: str | None) -> tuple[str | None, dict[str, Any]]:
    """Return the name of an object, of its own where it stands alone, and the other metadata."""
    rest = {key: value for key, value in metadata.items() if key != UNITS}
    if name is None and isinstance(rest.get("name"), str):
        name = rest.pop("name")
    return name, rest


def _notes(metadata: Mapping[str, Any], lost: Skipped) -> dict[str, Any]:
    """Return metadata as annotations."""
    from neo.core.baseneo import _check_annotations

    kept = {}
    for name, value in metadata.items():
        if name in ("description", "file_origin"):
            if isinstance(value, str):
                kept[name] = value
            else:
                lost.note(f"metadata {name!r}", "not text, which neo asks for")
        elif name.isidentifier() and name not in ("name", "index", "times", "labels", "units"):
            try:
                _check_annotations(value)
                kept[name] = value
            except ValueError as error:
                lost.note(f"metadata {name!r}", error)
        else:
            lost.note(f"metadata {name!r}", "no name for an annotation")
    return kept


def _trains(neo: Any, spikes: SpikeTrains, lost: Skipped) -> list[Any]:
    if not len(spikes.epochs):
        raise fail("data", "spike trains with epochs, for neo", "none")
    if rest := sorted(set(spikes.metadata) - {UNITS}):
        lost.note("metadata of the spikes", f"the entries {rest}")
    for column, values in spikes.properties.items():
        if all(_scalar(x) is None for x in values):
            lost.note(f"property {column!r}", "no value for any unit")
    observed = spikes.observed or [spikes.epochs] * spikes.n_units
    trains = []
    for k, times in enumerate(spikes.to_lists()):
        own = observed[k]
        if spikes.observed is not None and len(own) > 1:
            lost.note("observed", "gaps in the observed time of single units")
        start, stop = (own.start[0], own.stop[-1]) if len(own) else (spikes.epochs.start[0],) * 2
        notes = {name: _scalar(values[k]) for name, values in spikes.properties.items()}
        name = str(spikes.names[k]) if spikes.names else None
        train = neo.SpikeTrain(times, units="s", t_start=start, t_stop=stop, name=name)
        known = {n: v for n, v in notes.items() if v is not None}
        train.annotate(**{n: _quantity(v, n, spikes.metadata, lost) for n, v in known.items()})
        trains.append(train)
    return trains


def _quantity(value: Any, name: str, metadata: Mapping[str, Any], lost: Skipped) -> Any:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return with_units(value, name, metadata, lost) if numeric else value


def _scalar(value: Any) -> Any:
    value = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
    return list(value) if isinstance(value, tuple) else value


def _analog(
    neo: Any, signal: Signal | TimeSeries, unit: str, name: str | None, lost: Skipped
) -> Any:
    quantities = require("quantities", extra=EXTRA)
    notes = _annotated(signal.properties, signal.metadata, lost)
    name, metadata = _named(signal.metadata, name)
    own = notes.pop(_CHANNELS, None)
    if own is not None and not signal.channels and len({*map(str, own)}) < len(own):
        notes[_CHANNELS] = own  # names given twice, which `from_neo` leaves a property
    elif own is not None:
        lost.note(f"property {_CHANNELS!r}", "the place of the channels' names")
    if signal.channels:
        notes[_CHANNELS] = np.array(signal.channels)
    if isinstance(signal, TimeSeries) and not signal.n_channels:
        return neo.Event(times=signal.times, units="s", name=name, **_notes(metadata, lost))
    known = {
        "units": unit_named(signal.unit or unit),
        "name": name,
        "array_annotations": notes,
        **_notes(metadata, lost),
    }
    if isinstance(signal, TimeSeries):
        if len(signal.epochs) != 1 or signal.epochs.start[0] != signal.times[:1]:
            lost.note("epochs", "an IrregularlySampledSignal has no time of recording")
        make = neo.IrregularlySampledSignal
        return make(signal.times * quantities.s, signal.values, **known)
    if signal.observed is not None:
        lost.note("observed", "counts have no time of observation")
    rate, start = signal.rate * quantities.Hz, signal.start * quantities.s
    return neo.AnalogSignal(signal.values, sampling_rate=rate, t_start=start, **known)


def _segment(neo: Any, recording: Recording, unit: str, lost: Skipped) -> Any:
    segment = neo.Segment(metadata=recording.metadata)
    epochs = dict(recording.epochs)
    for name in (_RECORDED, _TRIALS):
        if name in epochs:
            raise fail("data.epochs", f"no epochs called {name!r}", list(epochs))
    if recording.spikes is not None:
        segment.spiketrains.extend(_trains(neo, recording.spikes, lost))
        epochs[_RECORDED] = recording.spikes.epochs
    for name in recording.signals:
        signal = recording.signals[name]
        item = _analog(neo, signal, unit, name, lost)
        if isinstance(signal, Signal):
            segment.analogsignals.append(item)
        elif signal.n_channels:
            segment.irregularlysampledsignals.append(item)
        else:
            segment.events.append(item)
    for name, stretch in epochs.items():
        segment.epochs.append(_epoch(neo, stretch, name, lost))
    if recording.trials is not None:
        if not {"start", "stop"} <= set(recording.trials.table.columns):
            got = f"trials with the columns {list(recording.trials.table.columns)}"
            raise fail("data", "trials with start and stop (neo has no tables)", got)
        segment.epochs.append(_rows(neo, _TRIALS, recording.trials, lost))
    for name, table in recording.tables.items():
        columns = set(table.table.columns)
        if {"start", "stop"} <= columns:
            segment.epochs.append(_rows(neo, f"{_TABLE}{name}", table, lost))
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
    labels = notes.pop("label") if notes.get("label", np.empty(0)).dtype.kind == "U" else None
    known = {"units": "s", "name": name, "labels": labels, "array_annotations": notes}
    if {"start", "stop"} <= notes.keys():
        start, stop = notes.pop("start"), notes.pop("stop")
        return neo.Epoch(times=start, durations=stop - start, **known)
    return neo.Event(times=notes.pop("time"), **known)
