"""Columns of tables in the forms that NWB has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroloom.shared._convert._units import per_unit

# Names that the file format itself gives a meaning; those of a table's own parts it has.
_TAKEN = ("id", "data_type", "namespace", "object_id", "modified")


def free(name: str, taken: list[str], *, indexed: bool = False) -> str:
    """Return a name that NWB allows and nobody has yet, and remember it.

    A column of lists is `indexed`: it has a second part, called as it is and ``_index``.
    """
    plain = re.sub(r"[/:\x00.]", "_", _words(name)).strip() or "unnamed"
    chosen, number = plain, 2
    while chosen in taken or (indexed and f"{chosen}_index" in taken):
        chosen, number = f"{plain}_{number}", number + 1
    taken += [chosen, f"{chosen}_index"] if indexed else [chosen]
    return chosen


def ids_of(columns: Mapping[str, Any]) -> list[int] | None:
    """Return the column ``id`` as the ids of NWB's rows, None if it cannot be that."""
    if "id" not in columns:
        return None
    given = np.asarray(columns["id"])  # of objects where some are missing
    plain = given.ndim == 1 and given.dtype == np.int64
    kept = plain and not (np.abs(given) >= 2**31).any()
    # Ids that only number the rows say nothing to a reader, and would not be a column again.
    told = kept and given.tolist() != list(range(len(given)))
    return given.tolist() if told else None


def add_columns(table: Any, columns: Mapping[str, Any]) -> dict[str, str]:
    """Add columns to a table that has its rows; return names in the file that are others."""
    known = [str(one["name"]) for one in getattr(type(table), "__columns__", ())]
    taken, others = [*_TAKEN, *dir(table), *known, *(f"{name}_index" for name in known)], {}
    for name, given in columns.items():
        values, ragged = _form(given)
        native = free(str(name), taken, indexed=ragged)
        if native != name:
            others[native] = str(name)
        about = _words(str(name)) or "no name"
        if ragged:
            ends = np.cumsum([len(row) for row in values])
            flat = [x for row in values for x in row]
            table.add_column(native, about, data=flat, index=[int(x) for x in ends])
        else:
            table.add_column(native, about, data=values)
    return others


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
