"""pynapple objects. Its times are multiples of a nanosecond, its intervals closed."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.shared._convert._times import half_open, sampling, unknown
from neuroloom.shared._errors import require
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._validate import fail

_EXTRA = "neuroloom-shared[pynapple]"


def to_pynapple(data: Epochs | Signal | SpikeTrains) -> Any:
    """Return `data` as a pynapple object.

    Epochs become an ``IntervalSet``, spike trains a ``TsGroup`` on their epochs, a signal a
    ``TsdFrame``, or a ``Tsd`` if it has one channel without a name. pynapple rounds times to
    nanoseconds.

    Raises
    ------
    DataError
        If `data` is of another type, or has epochs that pynapple would change: ones that touch
        or are shorter than a nanosecond.
    MissingDependencyError
        If pynapple is not installed.
    """
    nap = require("pynapple", extra=_EXTRA)
    if isinstance(data, Epochs):
        return _intervals(nap, data)
    if isinstance(data, SpikeTrains):
        if not data.n_units:
            raise fail("data", "at least one unit, for pynapple", "none")
        support = _intervals(nap, data.epochs)
        trains = {k: nap.Ts(t, time_support=support) for k, t in enumerate(data.to_lists())}
        return nap.TsGroup(trains, time_support=support)
    if isinstance(data, Signal):
        if not len(data):
            raise fail("data", "at least one sample, for pynapple", "none")
        times = data.times
        support = nap.IntervalSet(times[0], max(times[-1], times[0] + 1e-9))
        if data.n_channels == 1 and not data.channels:
            return nap.Tsd(t=times, d=data.values[:, 0], time_support=support)
        names = list(data.channels) or None
        return nap.TsdFrame(t=times, d=data.values, columns=names, time_support=support)
    raise unknown("data", "Epochs, Signal or SpikeTrains", data)


def from_pynapple(data: Any, *, rate: float | None = None) -> Epochs | Signal | SpikeTrains:
    """Return a pynapple object as the data type it corresponds to.

    Parameters
    ----------
    data : IntervalSet, Ts, TsGroup, Tsd or TsdFrame
        What to convert. Units are numbered from 0 in the order of the group's keys. An end of
        the time support that has a spike on it moves on to the next number, since our epochs
        are half-open.
    rate : float, optional
        Sampling rate of a signal in Hz; if not given, told from its times.

    Raises
    ------
    DataError
        If `data` is of another type, a signal's times are not regular, or column names repeat.
    MissingDependencyError
        If pynapple is not installed.
    """
    nap = require("pynapple", extra=_EXTRA)
    if isinstance(data, nap.IntervalSet):
        return Epochs(data.start, data.end)
    if isinstance(data, nap.Ts):
        return _spikes([data.t], data.time_support)
    if isinstance(data, nap.TsGroup):
        return _spikes([data[key].t for key in data.keys()], data.time_support)
    if isinstance(data, (nap.Tsd, nap.TsdFrame)):
        hertz, start = sampling("data.t", data.t, rate)
        names: tuple[str, ...] = ()
        if isinstance(data, nap.TsdFrame):
            columns = list(data.columns)
            names = () if columns == list(range(len(columns))) else tuple(map(str, columns))
        return Signal(np.asarray(data.values), hertz, start, names)
    raise unknown("data", "a pynapple IntervalSet, Ts, TsGroup, Tsd or TsdFrame", data)


def _spikes(trains: list[Any], support: Any) -> SpikeTrains:
    times = np.concatenate([*trains, np.empty(0)])
    return SpikeTrains.from_lists(trains, half_open(support.start, support.end, times))


def _intervals(nap: Any, epochs: Epochs) -> Any:
    touching = np.flatnonzero(np.round(epochs.start[1:], 9) <= np.round(epochs.stop[:-1], 9))
    if touching.size:
        raise fail("data", "epochs with a gap between them, for pynapple", epochs.stop[touching[0]])
    short = np.flatnonzero(np.round(epochs.stop, 9) <= np.round(epochs.start, 9))
    if short.size:
        raise fail("data", "epochs of a nanosecond or more, for pynapple", epochs.start[short[0]])
    return nap.IntervalSet(epochs.start, epochs.stop)
