"""What neo objects say of themselves beside their times and samples, and its way back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from neuroloom.shared._convert._skipped import Skipped, free, plain
from neuroloom.shared._convert._units import per_unit
from neuroloom.shared._errors import DataError, require
from neuroloom.shared.checks import fail

EXTRA = "neuroloom-shared[neo]"
UNITS = "property_units"
# Names under which a segment holds what is no epochs and no signal to us.
RECORDED = "recorded"
TRIALS = "trials"
TABLE = "table: "
CHANNELS = "channel_names"
# Annotation of a train whose unit is named by a whole number, which neo's own name cannot be.
NUMBER = "unit_number"
_TEXTS = ("description", "file_origin")
_ATTRIBUTES = ("name", "description", "file_origin", "rec_datetime", "file_datetime", "index")


def about(item: Any, key: str | None = None) -> dict[str, Any]:
    """Return name (where it is not the `key`), description, origin, dates and annotations.

    Where an annotation has the name of an attribute and says something else, the attribute stands
    beside it, ``"neo description"``.
    """
    said: dict[str, Any] = plain(dict(item.annotations or {}))
    for name, value in _attributes(item).items():
        if name == "name" and value == key:
            continue
        if said.setdefault(name, value) != value:
            said[f"neo {name}"] = value
    return said


def _attributes(item: Any, names: Iterable[str] = _ATTRIBUTES) -> dict[str, Any]:
    """Return the attributes that say something, as JSON holds them."""
    found = {name: plain(getattr(item, name, None)) for name in names}
    return {name: value for name, value in found.items() if value is not None and value != ""}


def metadata_of(item: Any, key: str | None, units: Mapping[str, str]) -> dict[str, Any]:
    """Return what stands in the metadata of one object; its name where it is not the `key`."""
    said = about(item, key)
    return {**said, UNITS: dict(units)} if units else said


def annotate(item: Any, metadata: Mapping[str, Any], columns: Mapping[str, Any]) -> Any:
    """Return an object with what is known of it.

    The object is there already, so that no entry can be an argument of its making, whatever its
    name.
    """
    for name, values in columns.items():
        item.array_annotations[name] = values
    for name, value in metadata.items():
        if name in _TEXTS and isinstance(value, str) and value:
            setattr(item, name, value)
        else:
            item.annotations[name] = value
    return item


def columns_of(
    notes: Mapping[str, Any], taken: Iterable[str] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return array annotations as columns of numbers or text, and the units that they have."""
    columns: dict[str, Any] = dict.fromkeys(taken)
    units = {}
    for name, values in notes.items():
        column = free(str(name), columns)
        columns[column] = per_unit(getattr(values, "magnitude", values))
        if unit := unit_of(values):
            units[column] = unit
    for name in taken:
        del columns[name]
    return columns, units


def unit_of(values: Any) -> str:
    """Return the unit of a quantity, empty if there is none."""
    unit = str(getattr(values, "dimensionality", ""))
    return "" if unit == "dimensionless" else unit


def of_trains(trains: list[Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what spike trains say as one column each, None where one says nothing, and units."""
    rows = []
    for train in trains:
        row = {str(k): v for k, v in (train.annotations or {}).items()}
        for name, value in _attributes(train, _TEXTS).items():
            if row.setdefault(name, value) != value:
                row[f"neo {name}"] = value
        rows.append(row)
    columns, units = {}, {}
    for key in dict.fromkeys(key for row in rows for key in row):
        values = [row.get(key) for row in rows]
        told = {unit_of(value) for value in values if value is not None}
        if len(told) == 1 and any(told):
            units[key] = told.pop()
            values = [getattr(value, "magnitude", value) for value in values]
        columns[key] = [_flat(value) for value in values]
    return columns, units


def _flat(value: Any) -> Any:
    """Return a number as it is, NaN too, and anything else as one entry of a column."""
    if isinstance(value, np.ndarray) and value.ndim == 0 and not unit_of(value):
        value = value.item()
    kept = float(value) if isinstance(value, (float, np.floating)) else plain(value)
    return str(kept) if isinstance(kept, dict) else kept


def unit_named(unit: str) -> Any:
    """Return a unit of neo's.

    Raises
    ------
    DataError
        If neo does not know it.
    """
    quantities = require("quantities", extra=EXTRA)
    try:
        # Both signs for micro that there are; quantities knows neither.
        return quantities.Quantity(1, unit.replace("µ", "u").replace("μ", "u")).units
    except Exception as error:  # quantities evaluates the text, and raises whatever that does
        raise fail("unit", "a unit that neo knows, 'mV'", repr(unit)) from error


def with_units(values: Any, name: str, metadata: Mapping[str, Any]) -> Any:
    """Return values of a property in the unit that the metadata say, if neo knows it."""
    units = metadata.get(UNITS)
    unit = units.get(name) if isinstance(units, Mapping) else None
    if unit is None or getattr(values, "dtype", np.dtype(float)).kind not in "iuf":
        return values
    with contextlib.suppress(DataError):
        return values * unit_named(str(unit))
    return values


def note_units(metadata: Mapping[str, Any], kept: Mapping[str, str], lost: Skipped) -> None:
    """Note the units of properties that do not come back as the metadata say them."""
    if UNITS not in metadata:
        return
    units = metadata[UNITS]
    if not units or not isinstance(units, Mapping):
        lost.note(f"metadata {UNITS!r}", f"{units!r}, no unit by property")
        return
    for name, unit in units.items():
        if name not in kept:
            lost.note(f"unit of property {name!r}", f"{unit!r}, of no numbers or none of neo's")
        elif kept[name] != unit:
            lost.note(f"unit of property {name!r}", f"{unit!r} comes back as {kept[name]!r}")
