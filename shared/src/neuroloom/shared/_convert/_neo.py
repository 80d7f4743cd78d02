"""neo objects; a recording is a segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroloom.shared._convert._times import half_open, sampling, unknown
from neuroloom.shared._errors import require
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._validate import fail

_EXTRA = "neuroloom-shared[neo]"
_RECORDED = "recorded"


def to_neo(data: Epochs | Recording | Signal | SpikeTrains, *, unit: str = "dimensionless") -> Any:
    """Return `data` as neo objects.

    Epochs become an ``Epoch``, spike trains a list of ``SpikeTrain``, a signal an
    ``AnalogSignal`` and a recording a ``Segment``, which holds the spikes' epochs as an ``Epoch``
    called ``"recorded"``.

    Parameters
    ----------
    data : Epochs, Recording, Signal or SpikeTrains
        What to convert.
    unit : str
        Unit of the signals' samples, ``"mV"``.

    Raises
    ------
    DataError
        If `data` is of another type, has gaps that a list of spike trains cannot hold, or has
        trials, for which neo has no place.
    MissingDependencyError
        If neo is not installed.
    """
    neo = require("neo", extra=_EXTRA)
    if isinstance(data, Epochs):
        return neo.Epoch(times=data.start, durations=data.stop - data.start, units="s")
    if isinstance(data, SpikeTrains):
        if len(data.epochs) != 1:
            raise fail("data", "one epoch (put the spikes in a Recording)", len(data.epochs))
        return _trains(neo, data)
    if isinstance(data, Signal):
        return _analog(neo, data, unit, None)
    if isinstance(data, Recording):
        return _segment(neo, data, unit)
    raise unknown("data", "Epochs, Recording, Signal or SpikeTrains", data)


def from_neo(data: Any) -> Epochs | Recording | Signal | SpikeTrains:
    """Return neo objects as the data type they correspond to.

    Parameters
    ----------
    data : Epoch, SpikeTrain, sequence of SpikeTrain, AnalogSignal, IrregularlySampledSignal or Segment
        What to convert; times in any unit, samples in the unit they have.

    Raises
    ------
    DataError
        If `data` is of another type, epochs overlap, spike trains were not recorded at the same
        time, or an irregularly sampled signal is not regular after all.
    MissingDependencyError
        If neo is not installed.
    """  # noqa: E501
    neo = require("neo", extra=_EXTRA)
    if isinstance(data, neo.Epoch):
        return _epochs(data)
    if isinstance(data, neo.SpikeTrain):
        return _spikes([data], None)
    if isinstance(data, (neo.AnalogSignal, neo.IrregularlySampledSignal)):
        return _signal(neo, data)
    if isinstance(data, neo.Segment):
        return _recording(neo, data)
    if isinstance(data, Sequence) and data and all(isinstance(x, neo.SpikeTrain) for x in data):
        return _spikes(list(data), None)
    raise unknown("data", "a neo Epoch, SpikeTrain(s), AnalogSignal or Segment", data)


def _trains(neo: Any, spikes: SpikeTrains) -> list[Any]:
    if not len(spikes.epochs):
        raise fail("data", "spike trains with epochs, for neo", "none")
    limits = {"t_start": spikes.epochs.start[0], "t_stop": spikes.epochs.stop[-1]}
    return [neo.SpikeTrain(times, units="s", **limits) for times in spikes.to_lists()]


def _analog(neo: Any, signal: Signal, unit: str, name: str | None) -> Any:
    quantities = require("quantities", extra=_EXTRA)
    notes = {"channel_names": np.array(signal.channels)} if signal.channels else {}
    return neo.AnalogSignal(
        signal.values,
        units=unit,
        sampling_rate=signal.rate * quantities.Hz,
        t_start=signal.start * quantities.s,
        name=name,
        array_annotations=notes,
    )


def _segment(neo: Any, recording: Recording, unit: str) -> Any:
    if recording.trials is not None:
        raise fail("data", "a recording without trials (neo has no tables)", "trials")
    segment = neo.Segment(metadata=recording.metadata)
    epochs = dict(recording.epochs)
    if recording.spikes is not None:
        if _RECORDED in epochs:
            raise fail("data.epochs", f"no epochs called {_RECORDED!r}", list(epochs))
        segment.spiketrains.extend(_trains(neo, recording.spikes))
        epochs[_RECORDED] = recording.spikes.epochs
    for name, signal in recording.signals.items():
        segment.analogsignals.append(_analog(neo, signal, unit, name))
    for name, stretch in epochs.items():
        epoch = to_neo(stretch)
        epoch.name = name
        segment.epochs.append(epoch)
    return segment


def _recording(neo: Any, segment: Any) -> Recording:
    epochs = {x.name or f"epochs {i}": _epochs(x) for i, x in enumerate(segment.epochs)}
    signals = [*segment.analogsignals, *segment.irregularlysampledsignals]
    recorded = epochs.pop(_RECORDED, None)
    trains = list(segment.spiketrains)
    return Recording(
        spikes=_spikes(trains, recorded) if trains else None,
        signals={x.name or f"signal {i}": _signal(neo, x) for i, x in enumerate(signals)},
        epochs=epochs,
        metadata=segment.annotations.get("metadata", {}),
    )


def _epochs(epoch: Any) -> Epochs:
    start = epoch.times.rescale("s").magnitude
    duration = epoch.durations.rescale("s").magnitude
    stop = start + duration
    # start + duration is rounded: where epochs touch it may come out a trace too late.
    follows = np.append(start[1:], np.inf)
    rounding = 4 * np.spacing(np.maximum(np.abs(start), np.abs(duration)))
    trace = (stop > follows) & (stop - follows <= rounding)
    return Epochs(start, np.where(trace, follows, stop))


def _spikes(trains: list[Any], recorded: Epochs | None) -> SpikeTrains:
    times = [train.times.rescale("s").magnitude for train in trains]
    limits = {(float(x.t_start.rescale("s")), float(x.t_stop.rescale("s"))) for x in trains}
    if recorded is None:
        if len(limits) != 1:
            raise fail("data", "spike trains with the same t_start and t_stop", sorted(limits))
        ((begin, end),) = limits
        recorded = half_open([begin], [end], np.concatenate(times))
    return SpikeTrains.from_lists(times, recorded)


def _signal(neo: Any, signal: Any) -> Signal:
    names = [str(name) for name in signal.array_annotations.get("channel_names", ())]
    if isinstance(signal, neo.IrregularlySampledSignal):
        rate, start = sampling("data.times", signal.times.rescale("s").magnitude)
    else:
        rate = float(signal.sampling_rate.rescale("Hz"))
        start = float(signal.t_start.rescale("s"))
    return Signal(signal.magnitude, rate, start, names)
