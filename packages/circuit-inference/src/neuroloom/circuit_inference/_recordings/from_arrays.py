"""From arrays and mappings of them to a `Signal`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError, unknown
from neuroloom.shared import DataError, Signal, checks


def from_array(
    source: Any,
    rate: float | str | None,
    channels: Iterable[str] | str | None,
    channel_axis: int | None,
) -> Signal:
    """Return an array of one or two dimensions as a signal."""
    values = checks.array(
        "source", source, np.float64, finite=False, booleans=True, copy=False, error=ShapeError
    )
    if values.ndim == 1:
        values = values[:, None]
    elif values.ndim == 2:
        axis = _channel_axis(values.shape, channels, channel_axis)
        values = values if axis in (1, -1) else values.T
    else:
        raise ShapeError(f"source: expected one or two dimensions, got shape {values.shape}")
    names = [channels] if isinstance(channels, str) else list(channels or ())
    if names and len(names) != values.shape[1]:
        raise ShapeError(f"channels: expected {values.shape[1]} names, got {len(names)}")
    return as_signal(values, positive("rate", rate, "of Hz"), names)


def _channel_axis(
    shape: tuple[int, ...], channels: Iterable[str] | str | None, given: int | None
) -> int:
    if given is not None:
        if given not in (0, 1, -1, -2):
            raise ArgumentError(f"channel_axis: expected 0 or 1, got {given!r}")
        return given % 2
    names = [] if channels is None or isinstance(channels, str) else list(channels)
    fits = [axis for axis in (0, 1) if len(names) == shape[axis]]
    if names and len(fits) == 1:
        return fits[0]
    short = int(np.argmin(shape))
    if 4 * shape[short] > shape[1 - short]:
        raise ArgumentError(
            f"channel_axis: expected 0 or 1 for an array of shape {shape}, whose channels cannot "
            "be told from its samples"
        )
    return short


def from_mapping(
    source: Mapping[str, Any],
    rate: float | str | None,
    data: str | None,
    channels: Iterable[str] | str | None,
    channel_axis: int | None,
) -> Signal:
    """Return one array of a mapping as a signal, with rate and channels that it may name."""
    if data is None:
        large = [name for name, value in source.items() if _is_series(value)]
        if len(large) != 1:
            raise ArgumentError(
                f"data: expected the name of the array, one of {large or list(source)}"
            )
        data = large[0]
    values = _at(source, data, "data")
    rate = _rate(source, rate)
    if isinstance(channels, str):
        channels = [str(name) for name in np.ravel(_at(source, channels, "channels"))]
    return from_array(values, rate, channels, channel_axis)


_RATES = ("fs", "rate", "sfreq", "srate")


def _rate(source: Mapping[str, Any], rate: float | str | None) -> float:
    """Return the one sampling rate that is given, named or known."""
    if isinstance(rate, str):
        said = {rate: _numbers(_at(source, rate, "rate"))}
    else:
        said = {name: _numbers(source[name]) for name in _RATES if name in source}
        said = {name: values for name, values in said.items() if values}
        if rate is not None:
            said["the argument"] = [positive("rate", rate, "of Hz")]
    every = sorted({value for values in said.values() for value in values})
    if not every:
        raise ArgumentError(
            f"rate: expected a number in Hz, or its name among {list(source)}, got {rate!r}"
        )
    if every[-1] > every[0] * (1 + 1e-9):
        raise ArgumentError(
            f"rate: expected one sampling rate, got {said}: name the one, rate={next(iter(said))!r}"
        )
    return every[0]


def _numbers(value: Any) -> list[float]:
    """Return the numbers that are said to be a rate, none if it is no number."""
    array = np.ravel(np.asarray(value))
    return [] if array.dtype.kind not in "iuf" else [float(x) for x in np.unique(array)]


def _is_series(value: Any) -> bool:
    try:
        array = np.asarray(value)
    except ValueError:
        return False
    return array.dtype.kind in "fiu" and array.size > 1 and array.ndim in (1, 2)


def _at(source: Any, name: str, argument: str) -> Any:
    """Return what lies at a name, ``"outer.inner"`` for nested mappings."""
    here = source
    for part in [name] if isinstance(source, Mapping) and name in source else name.split("."):
        if not isinstance(here, Mapping) or part not in here:
            known = list(here) if isinstance(here, Mapping) else []
            raise unknown(argument, part, [str(key) for key in known])
        here = here[part]
    return here


def as_signal(
    values: NDArray[np.float64], rate: float, names: list[str], start: float = 0.0
) -> Signal:
    """Return a signal; what is wrong with it is said of the source."""
    try:
        return Signal(values, rate, start, names)
    except DataError as error:
        raise ShapeError(f"source: {error}") from error
