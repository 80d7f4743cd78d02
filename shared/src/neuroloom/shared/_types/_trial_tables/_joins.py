"""Columns of another table of the same trials, row by row where they belong."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._types._trial_tables._contract import fit_floats
from neuroloom.shared.checks import fail

if TYPE_CHECKING:
    import pandas as pd


def joined(table: pd.DataFrame, theirs: pd.DataFrame, keys: list[str]) -> list[pd.Series]:
    """Return the other table's columns beside the keys, in the rows of `table`.

    Missing where the other table has no row, and where a key of a trial is missing: two rows of
    which nobody knows where they belong do not belong together.
    """
    where: dict[tuple[Any, ...], int] = {}
    for row, key in enumerate(_rows(theirs, keys)):
        if None in key:
            hint = f"; leave it out: other.dropna(subset={keys})"
            got = f"none in row {row}: {_told(theirs, keys, row)}"
            raise fail("other", f"values of {keys} in every row", got, hint=hint)
        if where.setdefault(key, row) != row:
            raise fail("other", f"one row for each {keys}", f"several for {list(key)}")
    place = np.array([where.get(key, -1) for key in _rows(table, keys)], dtype=np.int64)
    unused = np.setdiff1d(np.arange(len(theirs)), place)
    if len(unused):
        got = f"none with {keys} {_told(theirs, keys, unused[0])}"
        raise fail("other", "rows of these trials", got)
    new = theirs.drop(columns=keys)
    return [_placed(new[name], place) for name in new.columns]


def _told(table: pd.DataFrame, keys: list[str], row: int) -> list[Any]:
    return [table[name].tolist()[row] for name in keys]


def _rows(table: pd.DataFrame, keys: list[str]) -> list[tuple[Any, ...]]:
    """Return what each row holds in some columns, None for what is missing, to be compared.

    As Python's values: a whole number equals the float of the same value, and no other.
    """
    columns = []
    for name in keys:
        column = table[name]
        gone = column.isna()
        columns.append([None if none else x for x, none in zip(column.tolist(), gone, strict=True)])
    if not all(isinstance(x, Hashable) for column in columns for x in column):
        raise fail("on", "columns of labels", f"lists in {keys}")
    return list(zip(*columns, strict=True))


def _placed(column: pd.Series, place: NDArray[np.int64]) -> pd.Series:
    """Return the values at some places, missing at −1; whole numbers keep all digits."""
    import pandas as pd

    lost = (place < 0).any() and pd.api.types.is_integer_dtype(column.dtype)
    if lost and not fit_floats(column.tolist()):
        column = column.astype(f"{'U' * (column.dtype.kind == 'u')}Int64")
    return column.reindex(place).reset_index(drop=True)
