"""pynapple objects. Its times are multiples of a nanosecond, its intervals closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroloom.shared._convert._skipped import Skipped, plain
from neuroloom.shared._convert._times import half_open, regular, sampled, unknown
from neuroloom.shared._convert._units import from_listed, listed, per_unit
from neuroloom.shared._errors import require
from neuroloom.shared._types._epochs import Epochs, exact_index
from neuroloom.shared._types._grid import tolerance
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared.checks import fail

_EXTRA = "neuroloom-shared[pynapple]"
_NAME = "name"
# Columns that pynapple's own tables have: metadata of that name would stand twice or be lost.
_OWN = {"IntervalSet": ("start", "end"), "TsGroup": ("rate",)}
_KNOWN = "a pynapple IntervalSet, Ts, TsGroup, Tsd or TsdFrame"


def to_pynapple(data: Epochs | Signal | SpikeTrains | TimeSeries) -> Any:
    """Return `data` as a pynapple object.

    Epochs become an ``IntervalSet``, spike trains a ``TsGroup`` on their epochs, a signal or
    time series a ``TsdFrame``, or a ``Tsd`` if it has one channel without a name; time series
    without values a ``Ts``, which comes back as the spikes of one unit. Properties become
    metadata, those of the epochs metadata of the time support. Names of units are the keys where
    they are rising whole numbers and not those from 0 on, otherwise metadata called ``name``.
    pynapple rounds times to nanoseconds, a time support lasts at least one, and a time series of
    regular times comes back as a signal; what it has no place for is named in a
    `ConversionWarning`, a rate too where the times alone do not say it (one sample never does):
    pass it to `from_pynapple`.

    Parameters
    ----------
    data : Epochs, Signal, SpikeTrains or TimeSeries
        What to convert.

    Raises
    ------
    DataError
        If `data` is of another type, or has epochs that pynapple would change: ones that touch,
        or epochs alone that are shorter than a nanosecond.
    MissingDependencyError
        If pynapple is not installed.
    """
    nap = require("pynapple", extra=_EXTRA)
    lost = Skipped()
    if isinstance(data, Epochs):
        result = _intervals(nap, data)
        _add_metadata(result, data.properties, lost)
    elif isinstance(data, SpikeTrains):
        result = _group(nap, data, lost)
    elif isinstance(data, (Signal, TimeSeries)):
        result = _series(nap, data, lost)
    else:
        raise unknown("data", "Epochs, Signal, SpikeTrains or TimeSeries", data)
    own = {_SUPPORT} if isinstance(data, Signal) else set()
    left = sorted(set(data.metadata) - own)
    if left:
        lost.note("metadata", f"the entries {left}")
    lost.warn("pynapple has no place for")
    return result


_SUPPORT = "time_support"


def from_pynapple(
    data: Any, *, rate: float | None = None
) -> Epochs | Signal | SpikeTrains | TimeSeries:
    """Return a pynapple object as the data type it corresponds to.

    Parameters
    ----------
    data : IntervalSet, Ts, TsGroup, Tsd or TsdFrame
        What to convert. Units are named by the group's keys, or by its metadata ``name`` where
        these are distinct text or whole numbers; other
        metadata become properties, of the time support those of the epochs. Spikes of one time
        stand in the order of units, and a ``Ts`` is one unit. An end of the time support that
        has a spike on it moves on to the next number, since our epochs are half-open.
    rate : float, optional
        Sampling rate in Hz of a ``Tsd`` or ``TsdFrame``. If given, the result is a signal with
        NaN where the grid has no sample; if not, a signal if the times are regular and their
        time support is one interval, otherwise, and for a sample alone, a time series on that
        support.

    Returns
    -------
    Epochs, SpikeTrains, Signal or TimeSeries
        A signal's time support stands in ``metadata["time_support"]`` where it is more than from
        the first to the last sample.

    Raises
    ------
    DataError
        If `data` is of another type (``TsdTensor`` has no counterpart), column names repeat, or
        a `rate` is given and the times are not on its grid.
    MissingDependencyError
        If pynapple is not installed.
    """
    nap = require("pynapple", extra=_EXTRA)
    if isinstance(data, nap.IntervalSet):
        return Epochs(data.start, data.end, properties=_metadata(data))
    if isinstance(data, nap.Ts):
        return _spikes([data.t], data.time_support, (), {})
    if isinstance(data, nap.TsGroup):
        keys = [int(key) for key in data.keys()]
        properties = _metadata(data, without="rate")
        names: Any = () if keys == list(range(len(keys))) else keys
        if _names(properties.get(_NAME, ())):
            names = properties.pop(_NAME)
        return _spikes([data[key].t for key in keys], data.time_support, names, properties)
    if isinstance(data, (nap.Tsd, nap.TsdFrame)):
        return _sampled(nap, data, rate)
    if isinstance(data, nap.TsdTensor):
        shape = data.shape
        raise fail("data", f"{_KNOWN} (take two dimensions of a tensor)", f"TsdTensor {shape}")
    raise unknown("data", _KNOWN, data)


def _names(values: Any) -> bool:
    """Return whether metadata ``name`` name the units: each text or a whole number of its own."""
    plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
    told = all(isinstance(x, (str, int)) and not isinstance(x, bool) for x in plain)
    return bool(plain) and told and len(set(map(str, plain))) == len(plain)


def _sampled(nap: Any, data: Any, rate: float | None) -> Signal | TimeSeries:
    values = np.asarray(data.values)
    if values.dtype.kind == "b":
        values = values.astype(np.float64)
    about: dict[str, Any] = {}
    if isinstance(data, nap.TsdFrame):
        columns = list(data.columns)
        if columns != list(range(len(columns))):
            about["channels"] = tuple(map(str, columns))
        more = _metadata(data)
        if more:
            about["properties"] = more
    support = data.time_support
    epochs = _support(support, data.t)
    if rate is None and len(support) > 1:
        return TimeSeries(values, data.t, epochs=epochs, **about)
    said = _metadata(support)
    if len(support) and (said or len(support) > 1 or _longer(support, data.t)):
        about["metadata"] = {_SUPPORT: plain(listed(Epochs(support.start, support.end, said)))}
    series = sampled("data.t", data.t, values, rate, **about)
    if isinstance(series, TimeSeries):
        return series.replace(epochs=epochs, metadata={})
    return series


def _longer(support: Any, times: Any) -> bool:
    """Return whether a time support of one interval is more than from first to last sample.

    A sample alone lasts a nanosecond in pynapple, which has no empty intervals.
    """
    if not len(times):
        return True
    off = np.abs([support.start[0] - times[0], support.end[0] - times[-1]])
    return bool((off > 2 * tolerance(times[[0, -1]])).any())


def _support(support: Any, times: Any) -> Epochs | None:
    """Return a time support as epochs; None for one sample alone, whose support is empty."""
    if len(times) and not len(support):
        return None
    return half_open(support.start, support.end, times).replace(properties=_metadata(support))


def _metadata(data: Any, *, without: str | None = None) -> dict[str, Any]:
    table = data.metadata
    return {str(name): per_unit(table[name]) for name in table.columns if name != without}


def _spikes(
    trains: list[Any], support: Any, names: Any, properties: Mapping[str, Any]
) -> SpikeTrains:
    times = np.concatenate([*trains, np.empty(0)])
    epochs = _support(support, times)
    return SpikeTrains.from_lists(trains, epochs, list(names), properties)


def _group(nap: Any, data: SpikeTrains, lost: Skipped) -> Any:
    if not data.n_units:
        raise fail("data", "at least one unit, for pynapple", "none")
    support = _support_of(nap, data.epochs, lost)
    keys, properties = _keys(data, lost)
    trains = {
        key: nap.Ts(times, time_support=support)
        for key, times in zip(keys, data.to_lists(), strict=True)
    }
    group = nap.TsGroup(trains, time_support=support)
    _add_metadata(group, properties, lost)
    if data.observed is not None:
        lost.note("observed", "the group has one time support")
    return group


def _keys(data: SpikeTrains, lost: Skipped) -> tuple[list[Any], dict[str, Any]]:
    """Return the keys of a group, and the units' properties with names that can be no keys."""
    counted = list(range(data.n_units))
    keys: list[Any] = list(data.names) or counted
    properties = dict(data.properties)
    whole = all(isinstance(x, int) for x in keys)
    named = bool(data.names) and (not whole or keys != sorted(keys) or keys == counted)
    if _NAME in properties and (named or _names(properties[_NAME])):
        lost.note(f"property {_NAME!r}", "metadata of that name are the units' names")
        del properties[_NAME]
    if not named:
        return keys, properties
    if not whole and any(isinstance(x, int) for x in keys):
        lost.note("names", "whole numbers among text become text")
    return counted, {**properties, _NAME: np.array(keys)}


def _add_metadata(result: Any, properties: Mapping[str, Any], lost: Skipped) -> None:
    own = _OWN.get(type(result).__name__, ())
    for name, values in properties.items():
        if name in own:
            lost.note(f"property {name!r}", f"its own column {name!r} has that name")
            continue
        if not len(values):
            lost.note(f"property {name!r}", "it has no entries")
            continue
        if values.ndim > 1 or values.dtype.kind not in "biufU":
            lost.note(f"property {name!r}", "not one number or text each")
            continue
        with lost.guard(f"property {name!r}"):
            result.set_info({name: values})


def _series(nap: Any, data: Signal | TimeSeries, lost: Skipped) -> Any:
    if not len(data):
        raise fail("data", "at least one sample, for pynapple", "none")
    times = data.times
    if isinstance(data, TimeSeries):
        support = _support_of(nap, data.epochs, lost)
    else:
        support = _support_of(nap, _known_support(data, lost), lost)
        told = regular(np.round(times, 9))
        if told is None or told[0] != data.rate:
            said = "none" if told is None else f"{told[0]!r} Hz"
            lost.note("rate", f"{data.rate!r} Hz; the times say {said}")
        if data.observed is not None:
            lost.note("observed", "counts have no time of observation")
    if data.unit:
        lost.note("unit", repr(data.unit))
    if not data.n_channels or (data.n_channels == 1 and not data.channels):
        kind = "Tsd" if data.n_channels else "Ts"
        for name in data.properties:
            lost.note(f"property {name!r}", f"a {kind} has no metadata")
        if not data.n_channels:
            return nap.Ts(times, time_support=support)
        return nap.Tsd(t=times, d=data.values[:, 0], time_support=support)
    names = list(data.channels) or None
    frame = nap.TsdFrame(t=times, d=data.values, columns=names, time_support=support)
    _add_metadata(frame, data.properties, lost)
    return frame


def _known_support(signal: Signal, lost: Skipped) -> Epochs:
    """Return the time support that a signal came with, else from its first to its last sample."""
    times = signal.times
    with lost.guard(f"metadata {_SUPPORT!r}"):
        if (given := signal.metadata.get(_SUPPORT)) is not None:
            if not isinstance(given, dict) or not {"start", "stop"} <= given.keys():
                raise fail(_SUPPORT, "a mapping with start and stop", given)
            known = from_listed(given)
            if (exact_index(half_open(known.start, known.stop, times), times) < 0).any():
                raise fail(_SUPPORT, "stretches that hold all samples", f"{known}")
            return known
    first = times[0]
    return Epochs(first, max(times[-1], first + 1e-9, np.nextafter(first, np.inf)))


def _support_of(nap: Any, epochs: Epochs, lost: Skipped) -> Any:
    """Return epochs as a time support with what is known of them.

    One that is shorter, as that of a sample or spike alone, lasts a nanosecond.
    """
    start, stop = epochs.start, epochs.stop
    least = np.maximum(start + 1e-9, np.nextafter(start, np.inf))
    short = np.round(stop, 9) <= np.round(start, 9)
    support = _intervals(nap, epochs.replace(stop=np.where(short, least, stop)))
    of_epochs = Skipped()
    _add_metadata(support, epochs.properties, of_epochs)
    for name, reason in of_epochs.items():
        lost.note(f"{name} of the epochs", reason)
    if epochs.metadata:
        lost.note("metadata of the epochs", f"the entries {sorted(epochs.metadata)}")
    return support


def _intervals(nap: Any, epochs: Epochs) -> Any:
    touching = np.flatnonzero(np.round(epochs.start[1:], 9) <= np.round(epochs.stop[:-1], 9))
    if touching.size:
        raise fail("data", "epochs with a gap between them, for pynapple", epochs.stop[touching[0]])
    short = np.flatnonzero(np.round(epochs.stop, 9) <= np.round(epochs.start, 9))
    if short.size:
        raise fail("data", "epochs of a nanosecond or more, for pynapple", epochs.start[short[0]])
    return nap.IntervalSet(epochs.start, epochs.stop)
