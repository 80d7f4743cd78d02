"""xarray's DataArray."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neuroloom.shared._convert._skipped import Skipped, plain
from neuroloom.shared._convert._times import sampled, unknown
from neuroloom.shared._convert._units import dtypes, from_listed, listed, recast
from neuroloom.shared._errors import require
from neuroloom.shared._times import in_seconds
from neuroloom.shared._types._labels import Properties
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared.checks import fail, regular_times
from neuroloom.shared.checks._scalars import number

_EXTRA = "neuroloom-shared[xarray]"
_METADATA = "neuroloom_metadata"
_OWN = ("rate", "start", "units", "epochs", "properties", _METADATA)
_EPOCHS = {"start", "stop", "properties", "dtypes", "metadata"}
_OBSERVED = "observed"
_UNITS = "property_units"
_DIMENSION = "dimension"


def to_xarray(signal: Signal | TimeSeries) -> Any:
    """Return a signal or time series as a DataArray, shape (time, channel).

    The attributes are ``units``, ``rate`` and ``start`` (of a signal), and the metadata (entries
    with a name of those stand in the attribute ``neuroloom_metadata``);
    properties of channels are coordinates on ``channel``, and the time that counts were observed
    is a coordinate on both.

    Parameters
    ----------
    signal : Signal or TimeSeries
        What to convert.

    Raises
    ------
    DataError
        If `signal` is of another type.
    MissingDependencyError
        If xarray is not installed.
    """
    xr = require("xarray", extra=_EXTRA)
    if not isinstance(signal, (Signal, TimeSeries)):
        raise unknown("signal", "Signal or TimeSeries", signal)
    coords: dict[str, Any] = {"time": ("time", signal.times, {"units": "s"})}
    if signal.channels:
        coords["channel"] = list(signal.channels)
    attrs: dict[str, Any] = dict(signal.metadata)
    clashing = {name: attrs.pop(name) for name in _OWN if name in attrs}
    if clashing:
        attrs[_METADATA] = clashing
    along, told = _labels(signal.properties)
    coords |= along
    if told:
        attrs["properties"] = told
    if isinstance(signal, Signal):
        attrs |= {"rate": signal.rate, "start": signal.start}
        if signal.observed is not None:
            coords[_OBSERVED] = (("time", "channel"), signal.observed, {"units": "s"})
    else:
        attrs["epochs"] = listed(signal.epochs)
    if signal.unit:
        attrs["units"] = signal.unit
    return xr.DataArray(signal.values, dims=("time", "channel"), coords=coords, attrs=attrs)


def _labels(properties: Properties) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return properties as coordinates of the channels, and what has to be told beside them."""
    along: dict[str, Any] = {}
    beside, nones = {}, []
    for name, values in properties.items():
        none = values.dtype.hasobject and any(x is None for x in values.flat)  # to xarray NaN
        if none:
            nones.append(name)
        alone = not (none and any(x != x for x in values.flat))
        if alone and values.ndim == 1 and name not in ("time", "channel", _OBSERVED):
            along[name] = ("channel", values)
        else:
            beside[name] = values.tolist()
    if not properties:
        return along, {}
    told = {"dtypes": dtypes(properties), "others": beside}
    return along, {**told, "none": nones} if nones else told


def from_xarray(array: Any, *, rate: float | None = None) -> Signal | TimeSeries:
    """Return a DataArray as a signal, or as a time series if its times are not regular.

    Attributes become metadata; units of the channels' coordinates stand in
    ``metadata["property_units"]``, another name than ``channel`` of the second dimension in
    ``metadata["dimension"]``. What has no place stands in ``metadata["skipped"]`` with its reason:
    coordinates over other dimensions, their attributes, and a ``rate`` or ``start`` among the
    attributes that the times do not have (any longer, after slicing say).

    Parameters
    ----------
    array : xarray.DataArray
        Dimension ``time`` with a coordinate in seconds (or in the unit that its attribute
        ``units`` says, or as time differences), and at most one more, the channels.
    rate : float, optional
        Sampling rate in Hz; if not given, the attribute ``rate`` where the times agree with it,
        otherwise told from the times. Times on its grid with gaps give NaN in the gaps.

    Raises
    ------
    DataError
        If there is no ``time`` coordinate, there are too many dimensions, the times are dates or
        in an unknown unit, or `rate` is not theirs.
    MissingDependencyError
        If xarray is not installed.
    """
    xr = require("xarray", extra=_EXTRA)
    if not isinstance(array, xr.DataArray):
        raise unknown("array", "an xarray DataArray", array)
    if "time" not in array.coords or "time" not in array.dims or array.ndim > 2:
        raise fail("array", "dimensions (time, channel) and times", f"dimensions {array.dims}")
    array = array.transpose("time", ...)
    times = in_seconds("array.time", array["time"].to_numpy(), array["time"].attrs.get("units"))
    other = array.dims[-1] if array.ndim == 2 else None
    named = other is not None and other in array.coords
    about: dict[str, Any] = {
        "channels": [str(x) for x in array[other].to_numpy()] if named else (),
        "unit": str(array.attrs.get("units", "")),
    }
    own = _own(array.attrs)
    skipped = Skipped()
    metadata = _metadata(array.attrs, own)
    if array.name is not None:
        if metadata.setdefault("name", str(array.name)) != str(array.name):
            skipped.note("array.name", f"{array.name!r}: the attribute 'name' says another")
    if other not in (None, "channel"):
        metadata[_DIMENSION] = str(other)
    _coordinates(array, other, about, own.get("properties", {}), metadata, skipped)
    signal = _made(array.to_numpy(), times, own, rate, about)
    _compare(signal, own, rate, skipped)
    if skipped:
        before = metadata.get("skipped", {})
        known = before if isinstance(before, dict) else {"skipped": str(before)}
        metadata["skipped"] = {**known, **skipped}
    return signal.replace(metadata=metadata)


def _own(attrs: Any) -> dict[str, Any]:
    """Return the attributes that mean what `to_xarray` means with them."""
    found: dict[str, Any] = {}
    for name in ("rate", "start"):
        value = number(attrs.get(name))
        if value is not None and math.isfinite(value) and (name == "start" or value > 0):
            found[name] = float(value)
    epochs = attrs.get("epochs")
    if isinstance(epochs, dict) and {"start", "stop"} <= epochs.keys() <= _EPOCHS:
        found["epochs"] = epochs
    properties = attrs.get("properties")
    if isinstance(properties, dict) and {"dtypes", "others"} <= properties.keys():
        found["properties"] = properties
    return found


def _metadata(attrs: Any, own: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that say something else than our own ones."""
    taken = (*own, "units", _METADATA)
    found: dict[str, Any] = plain({k: v for k, v in attrs.items() if k not in taken})
    clashing = plain(attrs.get(_METADATA, {}))
    return found | (clashing if isinstance(clashing, dict) else {_METADATA: clashing})


def _compare(
    signal: Signal | TimeSeries, own: dict[str, Any], rate: float | None, skipped: Skipped
) -> None:
    """Note what the attributes say of the times that the times do not."""
    if isinstance(signal, TimeSeries):
        for name in own.keys() & {"rate", "start"}:
            skipped.note(name, f"{own[name]:g}, of times that are not regular")
        return
    known, start = own.get("rate"), own.get("start")
    if known is not None and abs(known / signal.rate - 1) * max(len(signal), 1) >= 1e-3:
        skipped.note("rate", f"{known:g} Hz: the times are at {signal.rate:g} Hz")
    if start is not None and abs(start - signal.start) > 0.01 / signal.rate:
        skipped.note("start", f"{start:g} s: the times begin at {signal.start:g} s")


def _made(
    values: Any, times: Any, own: dict[str, Any], rate: float | None, about: dict[str, Any]
) -> Signal | TimeSeries:
    """Return samples on the rate given, on the one in the attributes, or as the times tell."""
    if rate is not None:
        return sampled("array.time", times, values, rate, **about)
    if "epochs" in own:
        return TimeSeries(values, times, epochs=from_listed(own["epochs"]), **about)
    known, start = own.get("rate"), own.get("start")
    if known is not None and not len(times) and start is not None:
        return Signal(values, known, start, **about)
    if known is not None and len(times) == 1:
        return Signal(values, *regular_times("array.time", times, known), **about)
    signal = sampled("array.time", times, values, **about)
    if known is not None and isinstance(signal, Signal):
        if abs(known / signal.rate - 1) * len(times) < 1e-3:  # not sliced or resampled since
            return signal.replace(rate=float(known))
    return signal


def _coordinates(
    array: Any,
    other: Any,
    about: dict[str, Any],
    kept: dict[str, Any],
    metadata: dict[str, Any],
    skipped: Skipped,
) -> None:
    """Add what the coordinates beside times and channels say; the others are noted."""
    properties: dict[str, Any] = {}
    units: dict[str, str] = {}
    for name, coordinate in array.coords.items():
        attrs = dict(coordinate.attrs)
        if name == _OBSERVED and coordinate.dims == ("time", other):
            attrs.pop("units", None)  # which are read
            about["observed"] = coordinate.to_numpy()
        elif name == "time":
            attrs.pop("units", None)
        elif name != other and coordinate.dims[:1] == (other,):
            with skipped.guard(str(name)):
                properties[str(name)] = coordinate.to_numpy()
                if "units" in attrs:
                    units[str(name)] = str(attrs.pop("units"))
        elif name != other:
            skipped.note(str(name), f"a coordinate over {coordinate.dims}")
            continue
        if attrs:
            skipped.note(f"attributes of {name}", f"{plain(attrs)}")
    if properties := _as_kept(properties, kept):
        about["properties"] = properties
    if units:
        metadata[_UNITS] = {**metadata.get(_UNITS, {}), **units}


def _as_kept(properties: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Return properties with what coordinates have no form for: None, dtypes, lists."""
    for name in kept.get("none", ()):
        if name in properties:
            listed = [None if x != x else x for x in properties[name].tolist()]
            properties[name] = np.array([*listed, None], dtype=object)[:-1]
    properties |= kept.get("others", {})
    return recast(properties, kept.get("dtypes", {}))
