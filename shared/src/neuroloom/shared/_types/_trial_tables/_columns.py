"""Which columns of a table hold times, and how they come to another clock."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from neuroloom.shared._types._clock import Clock
from neuroloom.shared._types._grid import seconds

# As ALF, NWB and pandas call times: goCue_times, stop_time, stimOnTime, intervals_0.
_TIMES = re.compile(r"(.*[^A-Za-z])?(times?|timestamps?|onset)|.*[a-z](Times?)|intervals_.*")
_ROLES = ("time_columns", "duration_columns")  # what metadata say of columns


def listed_columns(metadata: Mapping[str, Any], key: str) -> list[str]:
    """Return the names of columns that metadata list under a key; none where it is no list."""
    found = metadata.get(key)
    return [x for x in found if isinstance(x, str)] if isinstance(found, list) else []


def roles_of(
    new: list[str], metadata: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return what metadata say of columns once new ones have come with another table's."""
    roles = {}
    for role in _ROLES:
        added = [name for name in listed_columns(theirs, role) if name in new]
        if added:
            roles[role] = list(dict.fromkeys([*listed_columns(metadata, role), *added]))
    return roles


def without_roles(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata without what they say of columns."""
    return {name: value for name, value in metadata.items() if name not in _ROLES}


def called_as_times(name: str) -> bool:
    """Return whether a column's name says that it holds times."""
    return _TIMES.fullmatch(name) is not None


def tell_staying(columns: Iterable[str], known: Iterable[str]) -> None:
    """Warn of columns that are called as times are and stay on the old clock."""
    moved = set(known)
    staying = [name for name in columns if name not in moved and called_as_times(name)]
    if staying:
        warnings.warn(
            f"on_clock: the columns {staying} stay as they are, on the old clock if they hold "
            'times; name those that do in times=[...], or in metadata["time_columns"]',
            UserWarning,
            stacklevel=_outside(),
        )


def _outside() -> int:
    """Return the level of the line that called into neuroloom.shared, for the caller's warning."""
    level, frame = 2, sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level


_PACKAGE = "neuroloom.shared."


def moved_column(name: str, column: Any, clock: Clock) -> Any:
    """Return a column of times, one or a list per row, in times of the other clock."""
    if any(isinstance(x, (list, tuple, np.ndarray)) for x in column):
        given = column.tolist()
        return [_moved_cell(name, x, clock) for x in given]
    return clock.times(seconds(name, column, ndim=1, missing=True))


def _moved_cell(name: str, cell: Any, clock: Clock) -> Any:
    if not isinstance(cell, (list, tuple, np.ndarray)):
        return cell  # a row without any
    return clock.times(seconds(name, cell, missing=True)).tolist()
