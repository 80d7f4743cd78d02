"""xarray's DataArray."""

from __future__ import annotations

from typing import Any

from neuroloom.shared._convert._times import sampling, unknown
from neuroloom.shared._errors import require
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._validate import fail

_EXTRA = "neuroloom-shared[xarray]"


def to_xarray(signal: Signal) -> Any:
    """Return a signal as a DataArray, shape (time, channel), with its rate as an attribute.

    Raises
    ------
    DataError
        If `signal` is no `Signal`.
    MissingDependencyError
        If xarray is not installed.
    """
    xr = require("xarray", extra=_EXTRA)
    if not isinstance(signal, Signal):
        raise unknown("signal", "Signal", signal)
    coords: dict[str, Any] = {"time": ("time", signal.times, {"units": "s"})}
    if signal.channels:
        coords["channel"] = list(signal.channels)
    attrs = {"rate": signal.rate, "start": signal.start}
    return xr.DataArray(signal.values, dims=("time", "channel"), coords=coords, attrs=attrs)


def from_xarray(array: Any, *, rate: float | None = None) -> Signal:
    """Return a DataArray as a signal.

    Parameters
    ----------
    array : xarray.DataArray
        Dimension ``time`` with a coordinate in seconds, and at most one more, the channels.
    rate : float, optional
        Sampling rate in Hz; if not given, the attribute ``rate`` where the times agree with it,
        otherwise told from the times.

    Raises
    ------
    DataError
        If there is no ``time`` coordinate, there are too many dimensions, or the times are not
        regular.
    MissingDependencyError
        If xarray is not installed.
    """
    xr = require("xarray", extra=_EXTRA)
    if not isinstance(array, xr.DataArray):
        raise unknown("array", "an xarray DataArray", array)
    if "time" not in array.coords or "time" not in array.dims or array.ndim > 2:
        raise fail("array", "dimensions (time, channel) and times", f"dimensions {array.dims}")
    array = array.transpose("time", ...)
    times = array["time"].to_numpy()
    if rate is None and len(times) == 1:
        rate = array.attrs.get("rate")
    hertz, start = sampling("array.time", times, rate)
    known = array.attrs.get("rate", hertz)
    if rate is None and abs(known / hertz - 1) * len(times) < 1e-3:  # not sliced or resampled since
        hertz = known
    other = array.dims[-1]
    named = array.ndim == 2 and other in array.coords
    return Signal(
        array.to_numpy(), hertz, start, map(str, array[other].to_numpy()) if named else ()
    )
