"""What an NWB file says of itself, its subject, devices and groups."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neuroloom.shared._convert._nwb._open import path_of
from neuroloom.shared._convert._skipped import Skipped, plain

# An array with more values is data rather than a description.
_SMALL = 100
_FIRST = ("identifier", "session_description", "session_start_time")


def file_metadata(file: Any, skipped: Skipped) -> dict[str, Any]:
    """Return the plain entries of the file and its subject."""
    found = {name: plain(getattr(file, name)) for name in _FIRST}
    found["subject"] = {} if file.subject is None else _plain_fields(file.subject, "", skipped)
    more = _plain_fields(file, "", skipped)
    if more.get("timestamps_reference_time") == found["session_start_time"]:
        del more["timestamps_reference_time"]
    return {**found, **{name: more[name] for name in more if name not in found}}


def described(file: Any, skipped: Skipped) -> dict[str, Any]:
    """Return type and plain fields of each object that is neither table nor series, by path."""
    found: dict[str, Any] = {}
    for item in file.objects.values():
        kinds = {kind.__name__ for kind in type(item).__mro__}
        if kinds & {"NWBFile", "Subject", "DynamicTable", "TimeSeries", "VectorData"}:
            continue
        if kinds & {"ElementIdentifiers", "VectorIndex"} or item.parent is None:
            continue
        path = path_of(item, file)
        with skipped.guard(path):
            found[path] = {"type": type(item).__name__, **_plain_fields(item, path, skipped)}
            # Images and scratch data have their array beside the fields that pynwb lists.
            if "data" not in found[path] and getattr(item, "data", None) is not None:
                found[path] |= _field("data", item.data, path, skipped)
    return dict(sorted(found.items()))


def column_descriptions(file: Any) -> dict[str, dict[str, str]]:
    """Return what tables say of the columns that NWB itself does not describe, by path."""
    found = {}
    for item in file.objects.values():
        if not hasattr(item, "colnames") or item.parent is None:
            continue
        known = {str(one["name"]) for one in getattr(type(item), "__columns__", ())}
        columns = [item[name] for name in item.colnames if name not in known]
        said = {str(x.name): str(getattr(x, "target", x).description) for x in columns}
        if said:
            found[path_of(item, file)] = said
    return dict(sorted(found.items()))


def _plain_fields(item: Any, path: str, skipped: Skipped) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in item.fields.items():
        if not _is_parts(value):  # those are objects themselves, and listed on their own
            found |= _field(name, value, path, skipped)
    return found


def _field(name: str, value: Any, path: str, skipped: Skipped) -> dict[str, Any]:
    """Return a field as a plain value, or note it."""
    if hasattr(value, "object_id"):
        return {name: str(value.name)}
    if not hasattr(value, "shape"):
        return {name: plain(value)}
    if math.prod(value.shape) <= _SMALL and value.dtype.kind in "iufbUSO":
        return {name: plain(np.asarray(value[()]))}
    where = f"{path}.{name}" if path else name
    skipped.note(where, f"an array of shape {tuple(value.shape)} beside the time series")
    return {}


def _is_parts(value: Any) -> bool:
    """Return whether a field holds other objects of the file."""
    if isinstance(value, dict):
        return any(hasattr(x, "object_id") for x in value.values()) or not value
    if isinstance(value, (list, tuple)) and value:
        return any(hasattr(x, "object_id") for x in value)
    return type(value).__name__ in ("Units", "TimeIntervals", "DynamicTable", "Subject") or (
        hasattr(value, "colnames")
    )
