"""What neo objects are to us; a segment is a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    about,
    columns_of,
    metadata_of,
    of_trains,
)
from neuroloom.shared._convert._skipped import Skipped, free
from neuroloom.shared._convert._times import half_open, sampled, unknown
from neuroloom.shared._convert._units import union
from neuroloom.shared._errors import require
from neuroloom.shared._types._epochs import Epochs, exact_index
from neuroloom.shared._types._labels import Label
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared._types._trials import Trials

_NO_RATE = 1.0  # Hz, what neo says of trains whose rate nobody said
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
        parts = [f"{type(x).__name__} {x.name!r}" for x in group.data_children]
        skipped.note(f"group {group.name!r}", f"of {', '.join(parts) or 'nothing'}")
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
    if found.recorded is not None and not len(segment.spiketrains):
        found.epochs[free(RECORDED, found.epochs)] = found.recorded
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
            if name == RECORDED and found.recorded is None:
                found.recorded = _epochs(item, name)
            elif name == TRIALS and found.trials is None:
                found.trials = _table(item, name)
            elif name.startswith(TABLE):
                own = name.removeprefix(TABLE)
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
    trace = (stop > follows) & (stop - follows <= _rounding(start, duration))
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
        ends = (np.concatenate([getattr(x, end) for x in observed]) for end in _ENDS)
        recorded = union(*ends).merged()
    else:
        recorded = _holding(recorded, times)
        alike = all(_covers(x, recorded) for x in observed)
        observed = [recorded.intersect(x) for x in observed]
    own = _left_out(trains)
    skipped.update(own)
    names, properties, units = _units_of(trains)
    metadata: dict[str, Any] = {UNITS: units} if units else {}
    if own:
        metadata["skipped"] = dict(own)
    return SpikeTrains.from_lists(
        times, recorded, names, properties, None if alike else observed, metadata
    )


def _units_of(trains: list[Any]) -> tuple[list[Label], dict[str, Any], dict[str, str]]:
    """Return names where they tell the trains apart, properties, and the properties' units."""
    properties, units = of_trains(trains)
    names = [_name(train) for train in trains]
    if any(isinstance(x, int) for x in names):
        properties.pop(NUMBER)
    said = [x != "" for x in names]
    if all(said) and len(set(names)) == len(names):
        return names, properties, units
    if any(said):
        if "name" in properties:
            properties["annotation name"] = properties.pop("name")
        properties = {"name": [x if x != "" else None for x in names], **properties}
    return [], properties, units


def _name(train: Any) -> Label:
    """Return the name of a train: a whole number where `to_neo` was given one."""
    number: Any = (train.annotations or {}).get(NUMBER)
    if isinstance(number, (int, np.integer)) and str(number) == train.name:
        return int(number)
    return str(train.name or "")


def _holding(recorded: Epochs, times: list[Any]) -> Epochs:
    """Return epochs with the spikes that lie on a stop, or past it by its rounding, inside."""
    when = np.concatenate([*times, np.empty(0)])
    outside = np.sort(when[exact_index(recorded, when) < 0])
    if not len(outside) or not len(recorded):
        return recorded
    reach = recorded.stop + _rounding(recorded.start, recorded.stop)
    last = np.append(outside, -np.inf)[np.searchsorted(outside, reach, side="right") - 1]
    on_stop = last >= recorded.stop
    return recorded.replace(stop=np.where(on_stop, np.nextafter(last, np.inf), recorded.stop))


def _rounding(start: Any, length: Any) -> Any:
    """Return how far a stop may be off that is the sum of a start and a length."""
    return 4 * np.spacing(np.maximum(np.abs(start), np.abs(length)))


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
    names = [str(name) for name in notes.pop(CHANNELS, ())]
    properties, units = columns_of(notes)
    known: dict[str, Any] = {
        "unit": "" if str(signal.dimensionality) == "dimensionless" else str(signal.dimensionality),
        "metadata": metadata_of(signal, key, units),
        "properties": properties,
    }
    if len(set(names)) == len(names):
        known["channels"] = names
    else:
        known["properties"][CHANNELS] = names
    values = np.asarray(signal.magnitude)
    if isinstance(signal, neo.IrregularlySampledSignal):
        times = np.asarray(signal.times.rescale("s").magnitude, np.float64)
        return sampled("data.times", times, values, **known)
    rate = float(signal.sampling_rate.rescale("Hz"))
    return Signal(values, rate, float(signal.t_start.rescale("s")), **known)
