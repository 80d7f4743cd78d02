"""Columns of tables in the forms that NWB has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroloom.shared._convert._units import per_unit

# Names of attributes and of columns with a meaning of their own.
_TAKEN = (
    "id", "colnames", "columns", "description", "name", "parent", "fields", "spike_times",
    "obs_intervals", "electrodes", "electrode_group", "waveforms", "waveform_mean", "waveform_sd",
    "start_time", "stop_time", "tags", "timeseries", "children", "data_type", "namespace",
    "object_id", "modified", "resolution", "waveform_rate", "waveform_unit", "all_objects",
)  # fmt: skip


def free(name: str, taken: list[str]) -> str:
    """Return a name that NWB allows and nobody has yet, and remember it."""
    plain = re.sub(r"[/:\x00.]", "_", _words(name)).strip() or "unnamed"
    chosen, number = plain, 2
    while chosen in taken:
        chosen, number = f"{plain}_{number}", number + 1
    taken.append(chosen)
    return chosen


def add_columns(table: Any, columns: Mapping[str, Any]) -> None:
    """Add columns to a table that has its rows."""
    taken = [*_TAKEN, *dir(table)]
    for name, given in columns.items():
        values, ragged = _form(given)
        native = free(str(name), taken)
        about = _words(str(name)) or "no name"
        if ragged:
            ends = np.cumsum([len(row) for row in values])
            flat = [x for row in values for x in row]
            table.add_column(native, about, data=flat, index=[int(x) for x in ends])
        else:
            table.add_column(native, about, data=values)


def _form(given: Any) -> tuple[Any, bool]:
    """Return a column as numbers, text or lists of one of them, and whether these are lists."""
    plain = isinstance(given, np.ndarray) and given.dtype.kind in "biuf"
    values = given if plain else per_unit(given.tolist() if hasattr(given, "tolist") else given)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values, False
    if not len(values):
        return np.empty(0), False
    listed = [x.tolist() if isinstance(x, np.ndarray) else x for x in values]
    if _alike(listed):
        return [[_plain(x) for x in row] for row in listed], True
    return ["" if x is None else _words(_written(x)) for x in listed], False


def _alike(listed: list[Any]) -> bool:
    """Return whether all are lists, and all in them numbers, or all text."""
    if not all(isinstance(x, (list, tuple)) for x in listed):
        return False
    items = [x for row in listed for x in row]
    kinds = ((int, float), (str,))
    return bool(items) and any(all(isinstance(x, kind) for x in items) for kind in kinds)


def _plain(value: Any) -> Any:
    return _words(value) if isinstance(value, str) else value


def _written(value: Any) -> str:
    """Return a value as text: dates in ISO 8601."""
    moment = getattr(value, "isoformat", None)
    return str(moment() if moment is not None else value)


def _words(text: str) -> str:
    """Return text that HDF5 can hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
