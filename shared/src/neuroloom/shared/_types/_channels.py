"""What regularly and irregularly sampled data have in common: their values and channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import check_columns, check_order, columns_of
from neuroloom.shared._types._labels import Properties, positions, where_property
from neuroloom.shared.checks import array, fail


def sampled(values: ArrayLike, *, columns: bool = True) -> NDArray[np.floating]:
    """Return samples, shape (n_times, n_channels), float32 or float64, finite or NaN."""
    samples = as_floats("values", values, ndim=(1, 2))
    if samples.ndim == 1:
        samples = samples.reshape(-1, 1)
    if columns and samples.shape[1] == 0:
        raise fail("values", "at least one channel", f"shape {samples.shape}")
    return samples


def as_floats(argument: str, values: ArrayLike, ndim: int | Sequence[int]) -> NDArray[np.floating]:
    """Return samples in float32 where that holds all numbers of their type, else in float64.

    Recordings of many channels come in int16: they fit into memory twice where float64 would have
    them four times.
    """
    raw = array(argument, values, ndim=ndim, missing=True, copy=False)
    dtype = np.float32 if np.can_cast(raw.dtype, np.float32) else np.float64
    return array(argument, raw, dtype, finite=False)


def channel_names(given: Iterable[str], n: int, values: Any = None) -> tuple[str, ...]:
    """Return distinct names as text, one per channel or none at all.

    Where none are given and the `values` came as a table they are the names of its columns.
    """
    if not isinstance(given, Iterable):
        raise fail("channels", "names", repr(given))
    check_order("channels", given)
    names = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(name, str) for name in names):
        raise fail("channels", "names as text", names)
    if names and len(names) != n:
        raise fail("channels", f"{n} names, one per channel", len(names))
    if len(set(names)) != len(names):
        raise fail("channels", "distinct names", names)
    check_columns("values", values, names)
    return tuple(map(str, names)) or columns_of(values)


def unit_name(unit: object, values: Any = None) -> str:
    """Return the unit of the samples as text; if none is given that of a DataArray."""
    if not isinstance(unit, str):
        raise fail("unit", "text such as 'mV'", repr(unit))
    attrs = getattr(values, "attrs", {}) if hasattr(values, "dims") else {}
    own = attrs.get("units", "")
    if isinstance(own, str) and own and unit not in ("", own):
        hint = "; scale them, or pass .to_numpy() if their attribute is wrong"
        raise fail("unit", f"{own!r}, as the values say", repr(unit), hint=hint)
    return str(unit) or (own if isinstance(own, str) else "")


def chosen(
    wanted: Any, names: tuple[str, ...], columns: Properties, n: int, by: dict[str, Any]
) -> NDArray[np.int64]:
    """Return the places of channels by place, mask or name, and by properties."""
    index = positions("channels", wanted, names, n, "channel")
    keep = np.ones(n, dtype=bool)
    for name, value in by.items():
        keep &= where_property(name, columns, name, value)
    return index[keep[index]]
