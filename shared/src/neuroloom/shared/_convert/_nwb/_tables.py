"""Tables of NWB files as pandas tables, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared.checks import fail

if TYPE_CHECKING:
    import pandas as pd


def frame(table: Any, skipped: Skipped, *, without: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the columns of a table that hold numbers, text or lists of them.

    Columns that point to rows of another table become these rows' numbers, those that point to
    objects the objects' names; a column that cannot be had is noted. Ids are the column ``id``
    unless they number the rows from 0.
    """
    import pandas as pd

    columns: dict[str, Any] = {}
    ids = np.asarray(table.id[:])
    n_rows = len(ids)
    if not np.array_equal(ids, np.arange(n_rows)):
        columns["id"] = ids
    for name in table.colnames:
        if name in without:
            continue
        with skipped.guard(f"{table.name}.{name}"):
            values = column(table, name)
            if len(values) != n_rows:
                raise fail(name, f"{n_rows} rows, as many as ids", len(values))
            ndim = values.ndim if isinstance(values, np.ndarray) else 1
            if ndim > 2:  # masks of regions, say, which would fill the memory as lists
                raise fail(name, "at most a list per row", f"arrays of shape {values.shape[1:]}")
            columns[name] = values if ndim == 1 else values.tolist()
    return pd.DataFrame(columns, index=pd.RangeIndex(n_rows))


def column(table: Any, name: str) -> Any:
    """Return a column's values: an array, or a list with one entry per row.

    Raises
    ------
    DataError
        If the column is missing, or refers to stretches of time series.
    """
    if name not in table.colnames:
        raise fail(name, f"one of the columns {list(table.colnames)}", "none")
    part = table[name]
    indices: list[Any] = []
    while hasattr(part, "target"):  # an index into another column, perhaps itself an index
        indices.append(np.asarray(part.data[:], np.int64))
        part = part.target
    if type(part).__name__ == "TimeSeriesReferenceVectorData":
        raise fail(name, "numbers or text", "references to stretches of time series")
    values = _values(part)
    for ends in reversed(indices):
        starts = np.concatenate([[0], ends[:-1]])
        if (ends < starts).any() or (len(ends) and ends[-1] > len(values)):
            raise fail(f"{name}_index", f"sorted places up to {len(values)}", "others")
        values = [_listed(values[i:j]) for i, j in zip(starts, ends, strict=True)]
    return values


def _values(part: Any) -> Any:
    """Return what a column without an index holds, one entry per row."""
    raw = part.data[:]
    if isinstance(raw, np.ndarray) and raw.dtype.kind in "iufb" and not hasattr(part, "elements"):
        return raw
    if hasattr(part, "elements"):  # whole numbers that stand for the words of another column
        words = [text(x) for x in part.elements.data[:]]
        return [words[int(i)] for i in raw]
    if isinstance(raw, np.ndarray) and raw.dtype.names:
        raise fail(part.name, "numbers or text", f"compound values of {list(raw.dtype.names)}")
    return [text(x) for x in raw]


def text(value: Any) -> Any:
    """Return text as str, an object by its name, and numbers as they are."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (str, float, int, bool)):
        return value
    if isinstance(value, (np.ndarray, list, tuple)):
        return [text(x) for x in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value.name) if hasattr(value, "name") else str(value)


def _listed(values: Any) -> list[Any]:
    return list(values.tolist() if isinstance(values, np.ndarray) else values)


def stretches(table: Any, rows: Any = slice(None)) -> Epochs:
    """Return rows of a table of intervals as epochs.

    Raises
    ------
    DataError
        If they are unsorted, overlap, or do not last.
    """
    start = np.asarray(column(table, "start_time"), np.float64)[rows]
    stop = np.asarray(column(table, "stop_time"), np.float64)[rows]
    return Epochs(start, stop)


def tagged(table: Any, skipped: Skipped) -> dict[str, Any]:
    """Return the rows of each tag; rows without one are called as the table."""
    rows: dict[str, list[int]] = {}
    tags: Any = [[]] * len(table.id)
    if "tags" in table.colnames:
        with skipped.guard(f"{table.name}.tags"):
            tags = column(table, "tags")
    for row, names in enumerate(tags):
        listed = [names] if isinstance(names, str) else names
        for tag in listed or [str(table.name)]:
            rows.setdefault(str(tag), []).append(row)
    return rows
